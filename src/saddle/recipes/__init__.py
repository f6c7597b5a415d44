"""The table of recipes; one is found by its name here, or in a file of one's own. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Mistake

if TYPE_CHECKING:
    from ..recipe import Recipe


class RecipeEntry(NamedTuple):
    module: str
    value: str  # its name in the module: a recipe, or a recipe's class
    summary: str
    data: str = "glyphs"  # what it trains on unless told otherwise
    size: int | None = None
    quick: Mapping[str, str] = MappingProxyType({})  # fields that differ on that data, where two minutes have to do
    group: str = ""  # under which it is listed


QUICK_FIELDS = MappingProxyType({"batch": "32", "turns.generator": "2", "optimizer.lr": "4e-4"})
QUICK_R3GAN = MappingProxyType({"networks.width": "64", "networks.full": "1", "networks.narrowest": "16"})
QUICK_EBGAN = MappingProxyType({"networks.width": "32", "batch": "32", "optimizer.lr": "4e-4"})
QUICK_BEGAN = MappingProxyType({
    "networks.width": "16", "gamma": "1", "rate": "1", "optimizer": "Adam(2e-3, (0.5, 0.999))",
    "critic_optimizer": "Adam(3e-4, (0.5, 0.999))",
})  # fmt: skip
QUICK_VGAN = MappingProxyType({
    "networks": "Bottlenecked(Convolutional(normal=False))", "optimizer": "Adam(4e-4, (0.5, 0.999))", "batch": "32",
    "average": "HalfLife()",
})  # fmt: skip
QUICK_VGAN_R1 = MappingProxyType({**QUICK_VGAN, "penalties": "Bottleneck(), R1(1)"})
QUICK_ALI = MappingProxyType({
    "networks.latent": "16", "critic_optimizer": "Adam(1e-3, (0.5, 0.999))", "optimizer.lr": "3e-4", "batch": "32",
})  # fmt: skip
QUICK_BIGAN = MappingProxyType({**QUICK_ALI, "prior": "Normal()"})
QUICK_INFOGAN = MappingProxyType({"networks.base.width": "32", "batch": "32"})
QUICK_QP = MappingProxyType({
    "networks.latent": "32", "optimizer.lr": "4e-4", "batch": "32", "code_error": "20", "image_error": "30",
})  # fmt: skip
QUICK_PAIRED = MappingProxyType({"networks.width": "16", "networks.field": "34", "batch": "8"})
QUICK_CYCLE = MappingProxyType({**QUICK_PAIRED, "networks.blocks": "3"})
QUICK_CUT = MappingProxyType(
    {"networks": "ResidualTranslator(width=16, field=34, blocks=3, xavier=True)", "batch": "8"}
)
QUICK_TEXT = MappingProxyType(
    {"networks.width": "48", "networks.width_critic": "32", "batch": "32", "optimizer.lr": "4e-4"}
)
TEXT = "glyphs", 32, QUICK_TEXT
QUICK_PGGAN = MappingProxyType({
    "networks.width": "32", "networks.latent": "32", "batch": "16", "whole_batch": "32", "last": "900",
    "optimizer.lr": "2e-3", "average": "HalfLife()",
})  # fmt: skip
QUICK_STYLEGAN = MappingProxyType({
    "networks": "Styled(latent=32, style=32, depth=4, width=32)", "batch": "16", "whole_batch": "32", "last": "900",
    "penalties": "R1(1)", "optimizer.lr": "2e-3", "average": "HalfLife()",
})  # fmt: skip
STYLEGAN = "glyphs", 32, QUICK_STYLEGAN
QUICK_VAE_GAN = MappingProxyType({
    "networks": "ConvolutionalVAEGAN(latent=32, width=8, hidden=128)", "std": "0.3", "gamma": "1e-2", "batch": "32",
    "objective": "NonSaturating()",
})  # fmt: skip
VAE_GAN = "glyphs", 32, QUICK_VAE_GAN
QUICK_SEQ = MappingProxyType(
    {
        "networks.width_critic": "32",
        "rollouts": "4",
        "turns.critic": "2",
        "baseline": "True",
        "policy_optimizer": "Clipped(Adam(1e-3, (0.9, 0.999)))",
        "critic_optimizer.lr": "1e-3",
    }
)
LINES = "oracle", None, MappingProxyType({"networks.width_critic": "32"})
QUICK_FASTCUT = MappingProxyType({**QUICK_CUT, "contrast": "1"})  # ten outweigh the critic, and it copies its input
QUICK_INTRO = MappingProxyType({
    "networks": "ConvolutionalAutoencoder(latent=32, width=16)", "reconstruction": "0.5", "margin": "50",
    "warm_up": "5000", "optimizer.lr": "1e-3",
})  # fmt: skip
QUICK_SOFT = MappingProxyType({
    "networks": "ConvolutionalAutoencoder(latent=32, width=16)", "reconstruction": "0.5", "negative": "96",
    "warm_up": "5000", "optimizer.lr": "1e-3", "batch": "16",
})  # fmt: skip
QUICK_SOFT_TOY = MappingProxyType(
    {"networks.widths": "128, 128, 128", "warm_up": "25_000", "optimizer.lr": "1e-3", "batch": "128"}
)
QUICK_BIG = MappingProxyType({
    "networks": "BigResNet(latent=16, width=8, shared=32, attention=0)", "batch": "16", "average": "HalfLife()",
    "optimizer.lr": "4e-4", "critic_optimizer.lr": "8e-4",
})  # fmt: skip
QUICK_MODULATED = {
    "networks": "Modulated(latent=64, style=64, mapping=2, width=32, full=16)", "batch": "16", "mixing": "0",
    "path_length": "none",
}  # fmt: skip
QUICK_STYLE = MappingProxyType({**QUICK_MODULATED, "penalties": "R1(5, every=16)"})
QUICK_STYLE_ADA = MappingProxyType({**QUICK_MODULATED, "gamma": "5"})
QUICK_GAT = MappingProxyType({
    "networks": "PatchTransformer(width=128, depth=4, patch=8)", "penalties": "R1(10, 4), R2(10, 4)",
    "augment": "none", "average": "HalfLife()", "batch": "16",
})  # fmt: skip
QUICK_CODES = MappingProxyType({
    "networks": "PatchTransformer(width=128, depth=4, patch=2)", "penalties": "R1(1, 4), R2(1, 4)",
    "augment": "none", "average": "HalfLife()", "batch": "16",
})  # fmt: skip
QUICK_FLOW = MappingProxyType({
    "networks": "FlowTransformer(width=128, depth=4, patch=8)", "optimizer.lr": "1e-3", "average": "HalfLife()",
    "penalties": "R1(5, 4), R2(5, 4), Centring(0.01)", "batch": "16",
})  # fmt: skip
FLOW = "glyphs", 32, QUICK_FLOW
RECIPE_TABLE: dict[str, tuple[tuple[Any, ...], ...]] = {  # in groups: name, module, and an entry from its value on
    "The first": (
        ("gan", "gan", "GAN", "dense networks that move at once: the first paper"),
        ("gan-minimax", "gan", "minimax", "the same with the saturating loss of its equation 1"),
        (
            "dcgan",
            "dcgan",
            "DCGAN",
            "strided convolutions and batch normalisation; start here",
            "glyphs",
            None,
            QUICK_FIELDS,
        ),
        ("dcgan-28", "dcgan_28", "DCGAN28", "the same for 28x28 pixels, all-convolutional", "glyphs", 28),
    ),
    "Without an adversary": (
        ("ae", "ae", "AE", "a plain autoencoder: few numbers, from which an image is made again"),
        ("ae-dense", "ae", "dense", "the same on the paper's dense layers", "glyphs", 28),
        ("vae", "vae", "VAE", "a variational autoencoder, each pixel black or white"),
        ("vae-dense", "vae", "dense", "the same on the paper's dense layers", "glyphs", 28),
        ("vae-plane", "vae", "plane", "the same with codes of two numbers, for a picture of all", "glyphs", 28),
        ("vae-gaussian", "vae", "gaussian", "the same with normal pixels of a fixed deviation"),
        ("vae-sigma", "vae", "sigma", "the same with a deviation that is learned"),
        ("vae-toy", "vae", "toy", "the same on points in the plane", "ring"),
        ("gaussian-mixture", "gaussian_mixture", "GaussianMixture", "normal distributions, by gradients", "ring"),
        ("gaussian-mixture-em", "gaussian_mixture", "GaussianMixtureEM", "the same by EM", "ring"),
    ),
    "Other losses": (
        ("lsgan", "lsgan", "LSGAN", "least squares in place of cross-entropy"),
        ("lsgan-pearson", "lsgan", "pearson", "least squares with the coding of Pearson's divergence"),
        ("fgan", "fgan", "FGAN", "any f-divergence; here Jensen and Shannon's"),
        ("fgan-kl", "fgan", "kl", "the same for the Kullback-Leibler divergence"),
        ("fgan-reverse-kl", "fgan", "reverse_kl", "the same for its reverse"),
        ("fgan-pearson", "fgan", "pearson", "the same for Pearson's chi-squared"),
        ("fgan-hellinger", "fgan", "hellinger", "the same for the squared Hellinger distance"),
        ("t-gan", "t_gan", "TGAN", "the Turing test: which of two pictures is real?"),
        ("rsgan", "relativistic", "RSGAN", "real and fake are scored against each other"),
        ("ragan", "relativistic", "average", "each against the mean of the other side"),
        ("ralsgan", "relativistic", "average_squares", "the same with least squares"),
    ),
    "Wasserstein critics and their kin": (
        ("wgan", "wgan", "WGAN", "the earth mover's distance by a critic with clipped weights"),
        ("wgan-gp", "wgan_gp", "WGANGP", "a Wasserstein critic with a penalty on its slope"),
        ("wgan-gp-toy", "wgan_gp", "toy", "WGAN-GP on points in the plane", "grid"),
        ("wgan-gp-mnist", "wgan_gp", "mnist", "WGAN-GP's networks for 28x28 pixels", "glyphs", 28),
        ("wgan-gp-cifar", "wgan_gp", "cifar", "WGAN-GP's residual networks for 32x32 pixels", "glyphs", 32),
        ("wgan-div", "wgan_div", "WGANDiv", "a Wasserstein divergence, without a Lipschitz constraint"),
        ("wgan-div-cifar", "wgan_div", "cifar", "the same on residual networks for 32x32 pixels", "glyphs", 32),
        ("ct-gan", "ct_gan", "CTGAN", "WGAN-GP whose critic agrees with itself under dropout"),
        ("ct-gan-mnist", "ct_gan", "mnist", "the same on networks for 28x28 pixels", "glyphs", 28),
        ("ct-gan-cifar", "ct_gan", "cifar", "the same on residual networks for 32x32 pixels", "glyphs", 32),
        ("dragan", "dragan", "DRAGAN", "slope one around the data"),
        ("gan-qp", "gan_qp", "GANQP", "a quadratic potential in place of a Lipschitz constraint"),
    ),
    "For convergence": (
        ("r1", "r1", "R1GAN", "a penalty on the critic's slope at real samples"),
        ("r1-imagenet", "r1", "imagenet", "the same on the authors' networks for ImageNet, told the class"),
        ("r1-toy", "r1", "toy", "R1 on points in the plane", "grid"),
        ("r3gan", "r3gan", "R3GAN", "a relativistic loss with R1 and R2, by size", "glyphs", 32, QUICK_R3GAN),
        ("r3gan-laptop", "r3gan", "laptop", "the same on half the width: small pictures without a GPU", "glyphs", 32),
        ("r3gan-stacked", "r3gan", "stacked", "the same on 1000 modes", "stacked-glyphs"),
        ("r3gan-toy", "r3gan", "toy", "R3GAN on points in the plane", "grid"),
        ("r3gan-cifar", "r3gan", "cifar", "the authors' for CIFAR-10; theirs shows 250M images", "glyphs", 32),
        ("r3gan-cifar-labelled", "r3gan", "cifar_labelled", "the same, told the class; 250M images", "glyphs", 32),
        ("r3gan-ffhq-64", "r3gan", "ffhq_64", "the authors' for faces of 64x64 pixels", "glyphs", 64),
        ("r3gan-ffhq-256", "r3gan", "ffhq_256", "the authors' for faces of 256x256 pixels", "glyphs", 256),
        ("r3gan-imagenet-32", "r3gan", "imagenet_32", "the authors' for ImageNet; 1,000M images", "glyphs", 32),
        ("r3gan-imagenet-64", "r3gan", "imagenet_64", "the same for 64x64 pixels; 1,000M images", "glyphs", 64),
        ("roth", "roth", "RothGAN", "noise on the critic's input, to second order"),
        ("roth-annealed", "roth", "annealed", "the same, from strong to weak"),
        ("consensus", "consensus", "ConsensusGAN", "both players shrink the game's gradient field"),
        ("nagarajan-kolter", "nagarajan_kolter", "NagarajanKolterGAN", "the generator calms the critic's gradient"),
        ("nagarajan-kolter-toy", "nagarajan_kolter", "toy", "the same on points in the plane", "ring"),
        ("ttur", "ttur", "TTUR", "a rate for each player"),
        ("ttur-wgan-gp", "ttur", "wgan_gp", "WGAN-GP with one move each and a faster critic", "glyphs", 32),
    ),
    "Energies and bottlenecks": (
        ("ebgan", "ebgan", "EBGAN", "the critic is an autoencoder, its error an energy"),
        ("ebgan-conv", "ebgan", "convolutional", "the same with convolutions", "glyphs", 32, QUICK_EBGAN),
        ("began", "began", "BEGAN", "two autoencoding errors, held in proportion", "glyphs", 32, QUICK_BEGAN),
        ("vgan", "vgan", "VGAN", "the critic may know only so much of a sample", "glyphs", 32, QUICK_VGAN),
        ("vgan-r1", "vgan", "r1", "the same with R1", "glyphs", 32, QUICK_VGAN_R1),
    ),
    "Spectral normalisation and attention": (
        ("sn-gan", "sn_gan", "SNGAN", "spectral normalisation in the critic, plain networks", "glyphs", 32),
        ("sn-gan-residual", "sn_gan", "residual", "the same on residual networks for 32x32 pixels", "glyphs", 32),
        ("sagan", "sagan", "SAGAN", "attention between distant places, two rates", "glyphs", 32),
        ("sagan-imagenet", "sagan", "imagenet", "the same told the class, the authors' size", "glyphs", 128),
    ),
    "High resolution": (
        ("pggan", "pggan", "PGGAN", "both players grow, from 4 pixels a side to the data's", "glyphs", 32, QUICK_PGGAN),
        ("stylegan", "stylegan", "StyleGAN", "styles enter at every layer of a generator that grows", *STYLEGAN),
        ("stylegan2", "stylegan2", "StyleGAN2", "styles scale weights, R1 and path lengths", "glyphs", 32, QUICK_STYLE),
        ("stylegan2-ada", "stylegan2_ada", "StyleGAN2ADA", "the same for few pictures", "glyphs", 32, QUICK_STYLE_ADA),
        ("stylegan2-ada-small", "stylegan2_ada", "small", "the same, for small pictures and no GPU", "glyphs", 32),
        ("stylegan2-ada-cifar", "stylegan2_ada", "cifar", "the authors' size, for 32x32 pixels", "glyphs", 32),
        ("gat", "gat", "GAT", "transformers on patches, a picture at several depths", "glyphs", 32, QUICK_GAT),
        ("gat-latent", "gat_latent", "GATLatent", "the same on an autoencoder's codes", "glyphs", 32, QUICK_CODES),
        ("adversarial-flow", "adversarial_flow", "AdversarialFlow", "noise becomes a picture of its shape", *FLOW),
        ("adversarial-flow-toy", "adversarial_flow", "toy", "the same on points in the plane", "ring"),
    ),
    "Encoders": (
        ("bigan", "bigan", "BiGAN", "an encoder too; the critic sees images and codes", "glyphs", 32, QUICK_BIGAN),
        ("bigan-dense", "bigan", "dense", "the same on the paper's dense networks"),
        ("bigan-qp", "bigan_qp", "BiGANQP", "by a quadratic potential, and both errors", "glyphs", 32, QUICK_QP),
        ("ali", "ali", "ALI", "BiGAN with codes that are drawn", "glyphs", 32, QUICK_ALI),
        ("ali-cifar", "ali", "cifar", "the same on the paper's networks for 32x32 pixels", "glyphs", 32),
        ("introvae", "introvae", "IntroVAE", "the encoder is the critic, up to a margin", "glyphs", 32, QUICK_INTRO),
        ("introvae-1024", "introvae", "large", "the same at the authors' 1024 pixels", "glyphs", 32, QUICK_INTRO),
        ("soft-introvae", "soft_introvae", "SoftIntroVAE", "the same, softly", "glyphs", 32, QUICK_SOFT),
        ("soft-introvae-toy", "soft_introvae", "toy", "the same on points in the plane", "ring", None, QUICK_SOFT_TOY),
        ("aae", "aae", "AAE", "an autoencoder whose codes a critic makes those of a prior", "glyphs", 32),
        ("vae-gan", "vae_gan", "VAEGAN", "a VAE that errs where a critic looks, and plays against it", *VAE_GAN),
        ("infogan", "infogan", "InfoGAN", "samples tell the codes that they were made of", "glyphs", 32, QUICK_INFOGAN),
    ),
    "Told the class": (
        ("cgan", "cgan", "CGAN", "both players are told the class"),
        ("cgan-dense", "cgan", "dense", "the same on the paper's dense networks"),
        ("cgan-blind-critic", "cgan", "blind", "the ablation: a critic that is not told"),
        ("label-regression", "cgan", "LabelRegression", "the baseline: squared error from a label, no critic"),
        ("ac-gan", "ac_gan", "ACGAN", "the critic also names the class"),
        ("ac-gan-cifar", "ac_gan", "cifar", "the same on the paper's networks for 32x32 pixels", "glyphs", 32),
        ("projection-gan", "projection_gan", "ProjectionGAN", "a class's vector against the features", "glyphs", 32),
        ("biggan", "biggan", "BigGAN", "classes told to every layer, latents to every block", "glyphs", 32, QUICK_BIG),
        ("biggan-cifar", "biggan", "cifar", "the authors' port's form for 32x32 pixels", "glyphs", 32),
    ),
    "Translation": (
        ("pix2pix", "pix2pix", "Pix2Pix", "a picture of a picture, learned of pairs", "glyphs", 32, QUICK_PAIRED),
        ("cyclegan", "cyclegan", "CycleGAN", "one kind into another and back, unpaired", "glyphs", 32, QUICK_CYCLE),
        ("cut", "cut", "CUT", "unpaired and one way: patches stay like their own", "glyphs", 32, QUICK_CUT),
        ("fastcut", "cut", "FastCUT", "the same for half the time, with its traps", "glyphs", 32, QUICK_FASTCUT),
    ),
    "Text to image": (
        ("gan-cls", "gan_cls", "GANCLS", "a picture of a text; the critic sees wrong texts too", *TEXT),
        ("gan-int", "gan_cls", "interpolating", "texts between two as well, and no wrong ones", *TEXT),
        ("gan-int-cls", "gan_cls", "both", "wrong texts, and texts between two", *TEXT),
    ),
    "Text": (
        ("seqgan", "seqgan", "SeqGAN", "lines of text, each token rewarded by the critic", "oracle", None, QUICK_SEQ),
        ("gumbel-gan", "gumbel_gan", "GumbelGAN", "lines of text, tokens drawn by a cooling softmax", *LINES),
    ),
    "Against missing modes": (
        ("pacgan", "pacgan", "PacGAN", "the critic sees packs of two samples"),
        ("pacgan-toy", "pacgan", "toy", "PacGAN on points in the plane", "grid"),
        ("minibatch-gan", "minibatch_gan", "MinibatchGAN", "the critic is told how alike a batch's samples are"),
        ("feature-matching", "feature_matching", "FeatureMatchingGAN", "fakes match the critic's mean features"),
        ("unrolled-gan", "unrolled_gan", "UnrolledGAN", "the generator answers the critic of five steps ahead"),
        ("unrolled-gan-toy", "unrolled_gan", "toy", "unrolled on points in the plane", "ring"),
    ),
    "Noise, and balance by hand": (
        ("instance-noise", "noise", "InstanceNoise", "noise on what the critic sees, fading"),
        ("noise-on-reals", "noise", "NoiseOnReals", "the ablation: noise on reals alone"),
        ("label-noise", "noise", "LabelNoise", "some of the critic's labels told wrong, fading"),
        ("weak-critic", "balance", "WeakCritic", "a narrow critic with dropout: the naive remedy"),
        ("accuracy-gate", "balance", "AccuracyGated", "the critic waits once it is right often enough"),
        ("equilibrium-gate", "balance", "equilibrium", "each player waits while it is far ahead"),
    ),
}
RECIPES: dict[str, RecipeEntry] = {
    name: RecipeEntry(f"saddle.recipes.{module}", *rest)._replace(group=group)
    for group, rows in RECIPE_TABLE.items()
    for name, module, *rest in rows
}


def canonical(name: str) -> str:
    """A recipe's name as it is listed: DCGAN is dcgan, and WGAN-GP, wgan_gp and wgangp are wgan-gp."""
    return name if name in RECIPES else SPELLED.get(bare(name), name)


def bare(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


SPELLED = {bare(name): name for name in RECIPES}


def find_recipe(name: str) -> tuple[Recipe[Any], RecipeEntry]:
    """A recipe with its entry, by a listed name or as `file.py:Name`; raises Mistake for anything else."""
    from . import files

    if files.is_file_recipe(name):
        return files.find_file_recipe(name)
    name = canonical(name)
    if name not in RECIPES:
        near = get_close_matches(name.lower(), RECIPES, 1)
        hint = f"did you mean {near[0]}?" if near else "saddle list shows what there is"
        raise Mistake(f"there is no recipe {name}; {hint} (one of your own is given as file.py:Name)")
    entry = RECIPES[name]
    return files.to_recipe(getattr(import_module(entry.module), entry.value), name), entry
