"""What a batch in parts learns otherwise than in one, said before a run begins."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from ..core import part_name
from ..errors import format_count
from ..parts.recompute import count_parameters, find_blocks


def describe_part_effects(game: nn.Module, batch: int, accumulate: int, processes: int) -> Iterator[str]:
    """Sentences: on what mixes the samples of a batch, where it sees a part of them; on what networks draw."""
    mixers = dict.fromkeys(name for name, mixes in layers_and_terms(game) if mixes)
    if accumulate > 1 and mixers:
        yield (f"note: with --accumulate {accumulate}, statistics of a batch ({', '.join(mixers)}) are those of "
               f"{batch // accumulate} samples of its {batch}, so this run learns otherwise than without; several "
               "processes (torchrun) share theirs")  # fmt: skip
    parts = accumulate * processes
    if parts > 1 and any(isinstance(layer, _DropoutNd) and layer.p > 0 for layer in game.modules()):
        yield (f"note: each of {parts} parts of a batch draws a dropout of its own, so this run's numbers are others "
               "than in one part, as with another seed")  # fmt: skip


def describe_other_processes(game: nn.Module, then: int, now: int) -> Iterator[str]:
    """What becomes of a run that other processes go on with than those that began it; nothing of as many."""
    if then == now:
        return
    mixers = dict.fromkeys(name for name, mixes in layers_and_terms(game) if mixes)
    drawn = dict.fromkeys(type(x).__name__ for x in game.modules() if isinstance(x, _DropoutNd) and x.p > 0)
    shared = f"; statistics of a batch ({', '.join(mixers)}) are those of all processes' samples, as before"
    others = f"; {', '.join(drawn)} draws by process, so from here on the numbers are others, as with another seed"
    yield (f"warning: this run was played by {format_count(then, 'process', 'processes')}, now by {now}: it goes on as "
           f"it would have, but for rounding{shared if mixers else ''}{others if drawn else ''}")  # fmt: skip


def describe_kept_activations(game: nn.Module) -> Iterator[str]:
    """Which networks keep all of their activations under --recompute."""
    for name, network in game.named_children():
        if count_parameters(network) and not find_blocks(network):
            yield f"note: --recompute changes nothing of the {name}, which has no blocks of several layers"


def layers_and_terms(game: nn.Module) -> Iterator[tuple[str, bool]]:
    """The layers, losses and penalties of a game by name, and whether what one sample gets hangs on others there."""
    for layer in (layer for child in game.children() for layer in child.modules()):
        yield type(layer).__name__, isinstance(layer, _BatchNorm) or mixes_samples(layer)
    for value in vars(game).values():
        for part in value if isinstance(value, tuple) else (value,):
            yield part_name(part), mixes_samples(part)


def mixes_samples(part: object) -> bool:
    """Does it say so, or what it is made of?"""
    inside = [getattr(part, name, None) for name in ("base", "objective")]
    return getattr(part, "mixes", False) is True or any(mixes_samples(value) for value in inside if value is not None)
