"""A run that begins with another's networks: which layers go over, from where, and the copy that the run keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from ..errors import Mistake, quote_argument, require
from ..image_size import ImageSize
from ..options import override_fields
from ..recipe import OnCodes, Recipe
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..shape import Shape
from ..training.checkpoint import checkpoint_crc, read_checkpoint, write_checkpoint
from ..training.match import MatchOptions
from .changes import format_value
from .layer_maps import Layer, frozen_parameters, keys_of, list_layers
from .on_codes import take_autoencoder
from .origins import StartingWeights, read_origin
from .revive import iter_values
from .round_cost import count_round

SAME_PLACE, SAME_SIZE = 1.001, 1.0005  # how much more a layer counts that goes where it makes a map of the same size,
# of one of the same size too: of equal fits these
START_FILE = "start.safetensors"  # among the checkpoints: what the run began with


class Start(NamedTuple):
    """What a run begins with: tensors by their names in its game, and what its manifest says of them."""

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]
    layers: Mapping[str, list[Layer]] | None = None  # of its own game, where they were listed


def take_over(recipe: Recipe[Any], data: Shape, path: str | Path, weights: StartingWeights) -> Start:
    """The layers of a run that fit such a game: those of equal shapes, in the same order and by their maps' sizes.

    Of a recipe on codes it is the autoencoder. Mistake for a run of larger pictures, for one without a checkpoint, and
    where no layer of a player fits.
    """
    origin = read_origin(path)
    before, old, kept = origin.recipe, origin.shape, origin.weights(weights)
    if isinstance(recipe, OnCodes):
        tensors, taken = take_autoencoder(data, origin, kept)
        return Start(tensors, origin.facts(weights, taken, tensors))
    require(old.points == data.points and bool(old.text) == bool(data.text), f"{path} has learned {old}, and this is "
            f"to learn {data}, so that no layer of one means anything to the other; leave --from out")  # fmt: skip
    require(old.height <= data.height and old.width <= data.width, f"{path} has learned {old}, which are larger than "
            f"{data}; give --size {ImageSize(*old[1:3]).option}")  # fmt: skip
    tensors, taken = {}, {}
    learned, own = list_layers(before, old), list_layers(recipe, data)
    for player, new in own.items():
        pairs = align_layers(learned.get(player, []), new)
        taken[player] = len(pairs), len(new) - len(pairs)
        for one, other in pairs:
            tensors |= {key: kept[source] for source, key in zip(keys_of([one]), keys_of([other]), strict=True)}
    theirs_are = f"no layer of {path} ({type(before).__name__} on {old}) has the shape of one here"
    some = any(n for n, _ in taken.values())
    require(some, f"{theirs_are}; {same_networks(before, recipe, data, origin.name)}")
    return Start(tensors, origin.facts(weights, taken, tensors), own)


def same_networks(before: Recipe[Any], recipe: Recipe[Any], data: Shape, name: str) -> str:
    """What to type to play with the networks of another run, where this recipe can."""
    old, own = (getattr(one, "networks", None) for one in (before, recipe))
    alike = f"its recipe is {name}, which has networks of the same kind"
    if old is None or own is None or old == own:
        return alike
    try:
        kinds = {type(part) for part in iter_values(old)}
        count_round(override_fields(recipe, {"networks": format_value(old)}, kinds), data)
    except Mistake:
        return alike
    return f"give --networks {quote_argument(format_value(old))}, which it has"


def start_options(
    how: MatchOptions, recipe: Recipe[Any], data: Shape, start: Start | None, freeze: int
) -> MatchOptions:
    """How a match is played that begins so, with so many of the critic's largest maps frozen."""
    frozen = frozen_parameters(recipe, data, freeze, start.layers if start else None)
    return how._replace(start=start.tensors if start else {}, frozen=frozen)


def align_layers(old: Sequence[Layer], new: Sequence[Layer]) -> list[tuple[Layer, Layer]]:
    """Layers of equal shapes, in the order of both, so that the most numbers go over; of equal ways the one by maps.

    Networks whose widths are counted from the smallest map keep their small maps so, and those whose widths are counted
    from the image keep what stands next to it.
    """
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]  # of what follows from here on
    for i, j in ((i, j) for i in reversed(range(len(old))) for j in reversed(range(len(new)))):
        best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + fit(old[i], new[j]))
    pairs, i, j = [], 0, 0
    while i < len(old) and j < len(new):
        if best[i][j] == best[i + 1][j + 1] + (worth := fit(old[i], new[j])) and worth:
            pairs.append((old[i], new[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def fit(old: Layer, new: Layer) -> float:
    """What it is worth that one becomes the other: the numbers that it has learned; 0 where they differ in shape."""
    if old.tensors != new.tensors:
        return 0.0
    both = old.place and new.place
    same = old.place == new.place if both else old.name == new.name
    return (old.learned + 1) * (SAME_PLACE if same else SAME_SIZE if both and old.size == new.size else 1.0)


def describe_start(facts: Mapping[str, Any]) -> str:
    """One sentence: what was taken, of which weights, and how much of each player begins fresh."""
    counts = (f"{player} {taken} of {taken + fresh} layers" for player, (taken, fresh) in facts["taken"].items())
    what = "averaged weights" if facts["weights"] == "average" else "live weights"
    return (f"begins with the {what} of {facts['run']} at {facts['images']:,} images: {', '.join(counts)}; the rest "
            "and the optimizers are fresh")  # fmt: skip


def write_start(folder: RunFolder, start: Start) -> None:
    """Keep what a run began with, so that it can be begun again without the run that it came of."""
    clock = {"round": 0, "images": 0, "share": 0.0}
    write_checkpoint(folder.checkpoints / START_FILE, start.tensors, {"clock": clock})


def read_start(folder: RunFolder, manifest: Manifest, recipe: Recipe[Any]) -> Start | None:
    """What a run began with; taken over once more if it was killed before it kept that. Mistake for something else."""
    facts = manifest.origin
    if not facts:
        return None
    place = folder.checkpoints / START_FILE
    if place.exists():
        start = Start(read_checkpoint(place).tensors, facts)
    else:
        start = take_over(recipe, manifest.shape, facts["run"], facts["weights"])
    require(checkpoint_crc(start.tensors, "") == facts["crc"], f"{place} is not what {folder} began with, so that it "
            "cannot begin again")  # fmt: skip
    return start
