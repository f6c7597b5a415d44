"""Names of 0.1.0, for recipes of one's own that were written for it, and for the copies of them that runs hold.

The field's words took their places (docs/glossary.md). From 0.1.0 on a name that goes stands here, beside the reader.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..aliases import ALIASES
from ..errors import require

if TYPE_CHECKING:
    from torch import Tensor

    from ..clock import Clock
    from ..core import Judge
    from ..recipe import Networks

OLD_MODULES = {
    "saddle.games.whole": "saddle.games.whole_batch",
    "saddle.layers.ends": "saddle.layers.matmul_convs",
    "saddle.layers.initial": "saddle.layers.init",
    "saddle.layers.pipe": "saddle.layers.ada_pipeline",
    "saddle.layers.warp": "saddle.layers.affine_warp",
    "saddle.networks.attentive": "saddle.networks.resnet",
    "saddle.networks.autoencoding": "saddle.networks.ebgan",
    "saddle.networks.classifying": "saddle.networks.ac_gan",
    "saddle.networks.composed": "saddle.networks.wrappers",
    "saddle.networks.conditional": "saddle.networks.cgan",
    "saddle.networks.conditional_dense": "saddle.networks.cgan_mlp",
    "saddle.networks.convolutional": "saddle.networks.dcgan",
    "saddle.networks.convolutional5": "saddle.networks.wgan_gp",
    "saddle.networks.damped": "saddle.networks.gan_stability",
    "saddle.networks.dense": "saddle.networks.mlp",
    "saddle.networks.ends": "saddle.networks.base",
    "saddle.networks.grouped": "saddle.networks.r3gan",
    "saddle.networks.opposed": "saddle.networks.t_gan",
    "saddle.networks.projection": "saddle.networks.projection_gan",
    "saddle.networks.residual": "saddle.networks.resnet",
    "saddle.networks.spectral": "saddle.networks.sn_gan",
    "saddle.networks.toys": "saddle.networks.mlp_toys",
    "saddle.papers": "saddle.recipe",
    "saddle.parts.part": "saddle.parts.shard",
    "saddle.parts.together": "saddle.parts.collectives",
    "saddle.penalties.slopes": "saddle.penalties.gradients",
}  # where a module lies now
OLD_NAMES: dict[str, dict[str, str]] = {  # by the module as it is called now
    "saddle.batches": {
        "LABELS": "LABEL_ADVICE",
    },
    "saddle.clock": {
        "at": "value_at", "ends": "value_range", "within": "check_range",
    },
    "saddle.core": {
        **{name: f"saddle.clock:{name}" for name in ("Clock", "Number", "Schedule")},
        **{name: f"saddle.errors:{name}" for name in ("Mistake", "require")},
        **{name: f"saddle.recipe:{name}" for name in ("Networks", "Optimizing", "Paper", "Prior", "Recipe", "Stage")},
        "Shape": "saddle.aliases:make_old_shape",
        "Loss": "LossSide", "Slopes": "InputGrad", "Weighted": "WeightedTerm", "at": "saddle.clock:value_at",
        "called": "part_name", "energetic": "is_energy", "exact": "saddle.precision:full_precision",
        "full_precision": "saddle.precision:full_precision", "autocast_type": "saddle.precision:autocast_type",
        "leaf": "as_leaf",
        "needs": "required_conditions", "numbered": "named_parts", "rows": "per_score", "sensible": "check_penalty",
        "wide": "upcast", "within": "saddle.clock:check_range",
    },
    "saddle.recipe": {
        "Shape": "saddle.aliases:make_old_shape",
    },
    "saddle.errors": {
        "LONGEST": "MAX_SENTENCE", "Unwritten": "WriteFailure", "cut": "shorten_text", "nearest": "did_you_mean",
        "plural": "format_count", "quoted": "quote_for_shell", "visible": "escape_unprintable",
    },
    "saddle.games": {
        "SLOTS": "GAME_VALUES",
    },
    "saddle.games.coupled": {
        "square": "mean_square",
    },
    "saddle.games.slots": {
        "MOVES": "MAX_MOVES", "belong": "check_penalty_side", "opposed": "check_opponent", "sights": "check_views",
    },
    "saddle.games.terms": {
        "due": "is_due", "hear": "update_memories", "point": "critic_input", "sloped": "needs_input_grad",
        "weigh": "weighted_terms",
    },
    "saddle.games.unrolled": {
        "Ahead": "LookaheadCritic", "Look": "UnrolledStep", "State": "CriticState", "bent": "state_grad",
        "step": "differentiable_step",
    },
    "saddle.games.whole_batch": {
        "gradient": "flat_grad", "whole": "batch_mean",
    },
    "saddle.layers": {
        "Residual": "ResidualBlock", "Total": "GlobalSumPool", "doubling": "up_block", "gaussian": "normal_init",
        "glorot": "glorot_uniform", "halving": "down_block", "he": "he_uniform", "normalised": "add_spectral_norms",
        "plain": "same_block", "spectral": "add_spectral_norm", "uniform": "uniform_init",
    },
    "saddle.layers.attention": {
        "projection": "projection_conv",
    },
    "saddle.layers.augment": {
        "PIPE": "ADA_PIPE", "POLICY": "DIFF_AUGMENT_POLICY", "Picky": "RestrictedView", "along": "pixel_positions",
        "evenly": "uniform_per_image", "holed": "random_cutout", "piped": "check_pipe", "reach": "round_pixels",
        "recoloured": "random_colour", "shifted": "random_translation", "whole": "random_whole_number",
    },
    "saddle.layers.conditional": {
        "ConditionalDoubling": "ConditionalUpBlock", "known": "check_labels",
    },
    "saddle.layers.matmul_convs": {
        "FromOne": "LatentConv", "ToOne": "GlobalConv",
    },
    "saddle.layers.init": {
        "Linear": "LinearLayer", "Undrawn": "SkipRandomInit", "fans": "fan_in_and_out", "gaussian": "normal_init",
        "glorot": "glorot_uniform", "he": "he_uniform", "unbiased": "zero_bias", "uniform": "uniform_init",
    },
    "saddle.layers.ada_pipeline": {
        "Change": "ImageChange", "Dice": "ImageDraws", "across": "cross_product_matrix", "augment": "ada_augment",
        "blits": "blit_changes", "by": "along_direction", "coloured": "apply_colour", "colours": "colour_matrix",
        "pictures": "check_pictures", "shapes": "geometry_changes", "sources": "source_matrices",
    },
    "saddle.layers.resampling": {
        "Filter": "BinomialFilter", "Total": "GlobalSumPool",
    },
    "saddle.layers.residual": {
        "Residual": "ResidualBlock", "doubling": "up_block", "halving": "down_block", "one": "conv1",
        "plain": "same_block", "three": "conv3",
    },
    "saddle.layers.spectral": {
        "AnyWeighted": "AnyWeightLayer", "WARM": "WARM_UP_STEPS", "Weighted": "WeightLayer",
        "full": "full_precision_unless_meta", "normalised": "add_spectral_norms", "spectral": "add_spectral_norm",
        "turned": "power_iteration",
    },
    "saddle.layers.affine_warp": {
        "Gather": "GridSample", "Scatter": "GridSampleTranspose", "moved": "translation_matrix",
        "stack": "affine_matrix", "stretched": "scale_matrix", "turned": "rotation_matrix", "warp": "warp_images",
    },
    "saddle.networks": {
        "ALONE": "UNCONDITIONAL_NETWORKS", "COMPOSED": "COMPOSED_NETWORKS", "TOLD": "CONDITIONAL_NETWORKS",
    },
    "saddle.networks.ebgan": {
        "chained": "chain_leaky_relu",
    },
    "saddle.networks.cgan": {
        "Told": "ConditionalGenerator", "ToldCritic": "ConditionalCritic", "labelled": "require_labels",
        "share": "require_fraction",
    },
    "saddle.networks.cgan_mlp": {
        "Meeting": "LabelJoin", "MeetingCritic": "LabelJoinCritic", "linear": "uniform_linear",
        "rectified": "uniform_linear_relu",
    },
    "saddle.networks.dcgan": {
        "double": "up_conv", "leaky": "leaky_relu",
        "rectified": "batch_norm_relu",
    },
    "saddle.networks.wgan_gp": {
        "up": "up_conv5",
    },
    "saddle.networks.gan_stability": {
        "DAMPING": "RESIDUAL_SCALE", "Damp": "ScaledResidual", "damped": "scaled_block",
    },
    "saddle.networks.base": {
        "MANY": "PROBE_SAMPLES", "batch_normalised": "has_batch_norm", "counts": "require_counts",
        "longer": "with_latent", "score_inputs": "count_score_inputs",
        "shaped": "to_pixels", "takes": "require_shape", "untold": "unconditional", "verdict": "probe_verdict",
    },
    "saddle.networks.r3gan": {
        "Basis": "LearnedConstant", "GAIN": "LEAKY_RELU_GAIN", "Likeness": "PatternHead",
        "begun": "init_fan_in", "changed": "change_width", "leaky": "leaky_relu",
    },
    "saddle.networks.t_gan": {
        "Comparing": "OpponentCritic", "features": "count_features",
    },
    "saddle.networks.sn_gan": {
        "leaky": "leaky_relu_01", "summing": "saddle.networks.resnet:sum_pooling_critic",
    },
    "saddle.objectives.around": {
        "alone": "is_critic_alone", "comparable": "check_comparable", "innermost": "innermost_objective",
    },
    "saddle.objectives.divergences": {
        "LIMIT": "EXPONENT_LIMIT", "Name": "DivergenceName", "ROWS": "DUAL_FUNCTIONS", "Row": "DualFunction",
        "bent": "soft_limit", "crossing": "solve_log_ratio", "gan": "gan_dual", "hellinger": "hellinger_dual",
        "jeffreys": "jeffreys_dual", "jensen_shannon": "jensen_shannon_dual", "kl": "kl_dual",
        "neyman": "neyman_dual", "pearson": "pearson_dual", "power": "alpha_dual", "reverse_kl": "reverse_kl_dual",
        "total_variation": "total_variation_dual",
    },
    "saddle.optim.optimizers": {
        "START": "START_CLOCK", "draw_apart": "add_orthogonal_grad", "put": "set_group_values",
    },
    "saddle.parts": {
        "PART": "CURRENT_SHARD", "Part": "Shard", "WHOLE": "WHOLE_BATCH", "alone": "is_single_process",
        "averaged": "all_reduce_mean", "by_itself": "without_process_group", "draw": "draw_rows",
        "entire": "global_size", "first": "first_local_row", "gathered": "all_gather_rows", "ours": "local_rows",
        "place": "rank_and_size", "playing": "use_shard",
    },
    "saddle.parts.buffers": {
        "Buffers": "SharedBuffers",
    },
    "saddle.parts.shard": {
        "BLOCK": "DRAW_BLOCK", "BY_ITSELF": "WITHOUT_GROUP", "PART": "CURRENT_SHARD", "Part": "Shard",
        "WHOLE": "WHOLE_BATCH", "blocks": "draw_block_sizes", "by_itself": "without_process_group",
        "draw": "draw_rows", "entire": "global_size", "ours": "local_rows", "place": "rank_and_size",
        "playing": "use_shard",
    },
    "saddle.parts.collectives": {
        "Summed": "AllReduceSum", "alone": "is_single_process", "averaged": "all_reduce_mean",
        "first": "first_local_row", "follow": "update_running_stats", "gathered": "all_gather_rows",
        "normalised": "sync_batch_norm_forward", "share_statistics": "sync_batch_norms",
    },
    "saddle.penalties.augmented": {
        "reflected": "reflected_index", "shaken": "flip_and_shift",
    },
    "saddle.penalties.classes": {
        "named": "class_cross_entropy",
    },
    "saddle.penalties.codes": {
        "codes": "score_features",
    },
    "saddle.penalties.gaps": {
        "gap": "mean_square_gap",
    },
    "saddle.penalties.gradients": {
        "between": "judge_interpolated", "norm": "grad_norm", "slope": "grad_norm_sq", "spread": "batch_std",
    },
}  # fmt: skip
OLD_MEMBERS = {
    "slopes": "input_grad",
    "notice": "observe",
    "learn": "update",
    "shown": "logged",
    "gauges": "logged_scalars",
}


def with_old_names(module: ModuleType) -> ModuleType:
    """The module, as a stand-in that knows its names of 0.1.0 too; itself where none has changed."""
    old = {before: find_current(module, now) for before, now in OLD_NAMES.get(module.__name__, {}).items()}
    if module.__name__.startswith("saddle.networks"):
        old |= {name: partial(make_old_network, name) for name in ALIASES}
    if not old:
        return module
    both = ModuleType(module.__name__, module.__doc__)
    vars(both).update(old | vars(module))
    return both


def find_current(module: ModuleType, now: str) -> object:
    """What is called so in the module, or in another one that the name tells."""
    elsewhere, _, name = now.rpartition(":")
    return getattr(import_module(elsewhere) if elsewhere else module, name)


def make_old_network(old: str, *args: Any, **named: Any) -> Networks:
    """What an old class made of these values; a function, so it can be nobody's base."""
    from ..networks import ResNet

    _, fields, values = ALIASES[old]
    require(len(args) <= len(fields), f"{old} takes {len(fields)} values, not {len(args)}")
    return ResNet(**{**values, **dict(zip(fields, args, strict=False)), **named})


def rename_members(module: ModuleType) -> None:
    """Give the classes that a file defines the members that are asked for now, where they have those of 0.1.0."""
    own = [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]
    for kind in own:
        for before, now in OLD_MEMBERS.items():
            if before in vars(kind) and now not in vars(kind):
                setattr(kind, now, vars(kind)[before])
        give_old_methods(kind)


def give_old_methods(kind: type) -> None:
    """Games of 0.1.0 were sampled by `sample(like, condition)`, and their critics asked by `judge(batch, clock)`."""
    from ..core import Game
    from ..games import Adversarial

    if not issubclass(kind, Game):
        return
    if (old := vars(kind).get("sample")) and not hasattr(kind, "make"):
        methods = {"latents": lambda self, like: like, "make": old}  # what was asked for stands in for latents
    else:
        methods = {} if hasattr(kind, "sample") else {"sample": sample_like}
    if issubclass(kind, Adversarial) and "judge" not in vars(kind):
        methods["judge"] = judge_batch
    for name, method in methods.items():
        setattr(kind, name, method)


def sample_like(game: Any, like: Tensor, condition: Tensor | None = None) -> Tensor:
    from ..capabilities import generate

    return generate(game, like, condition)


def judge_batch(game: Any, told: Any, clock: Clock) -> Judge:
    """Of a batch, or of its condition."""
    from ..batches import Images

    judge: Judge = game.open_judge(told.condition if isinstance(told, Images) else told, clock)
    return judge
