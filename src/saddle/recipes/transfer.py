"""A run that begins with another's networks: which layers go over, from where, and the copy that the run keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from torch import Tensor

from ..blame import blame_user_code
from ..errors import Mistake, quote_for_shell, require
from ..image_size import ImageSize
from ..recipe import Recipe
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..shape import Shape
from ..training.checkpoint import (
    Checkpoint,
    check_state_fits,
    checkpoint_crc,
    read_checkpoint,
    read_latest_checkpoint,
    write_checkpoint,
)
from ..training.match import MatchOptions, strip_prefix
from .changes import format_value, quote_argument
from .layer_maps import Layer, frozen_parameters, keys_of, list_layers
from .revive import recipe_from_manifest
from .round_cost import meta_game

StartingWeights = Literal["average", "live"]
SAME_PLACE, SAME_SIZE = 1.001, 1.0005  # how much more a layer counts that goes where it makes a map of the same size,
# of one of the same size too: of equal fits these
START_FILE = "start.safetensors"  # among the checkpoints: what the run began with


class Start(NamedTuple):
    """What a run begins with: tensors by their names in its game, and what its manifest says of them."""

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]


def take_over(recipe: Recipe[Any], data: Shape, path: str | Path, weights: StartingWeights) -> Start:
    """The layers of a run that fit such a game: those of equal shapes, in the same order and by their maps' sizes.

    Mistake for a run of larger pictures, for one without a checkpoint, and where no layer of a player fits.
    """
    folder = RunFolder.find(path)
    manifest = Manifest.read(folder)
    before, old = recipe_from_manifest(folder, manifest), manifest.shape
    require(old.height <= data.height and old.width <= data.width, f"{path} has learned {old}, which are larger than "
            f"{data}; give --size {ImageSize(*old[1:3]).option}")  # fmt: skip
    checkpoint = read_latest_checkpoint(folder.checkpoints)
    if checkpoint is None:
        raise Mistake(f"{path} has no checkpoint yet; `saddle resume {quote_for_shell(path)}` trains it")
    with blame_user_code(Mistake, before):
        check_state_fits(checkpoint.tensors, meta_game(before, old).state_dict(), folder)
    kept = weights_of(checkpoint, weights)
    tensors: dict[str, Tensor] = {}
    taken: dict[str, tuple[int, int]] = {}
    learned = list_layers(before, old)
    for player, new in list_layers(recipe, data).items():
        pairs = align_layers(learned.get(player, []), new)
        taken[player] = len(pairs), len(new) - len(pairs)
        for one, other in pairs:
            tensors |= {key: kept[source] for source, key in zip(keys_of([one]), keys_of([other]), strict=True)}
    theirs_are = f"no layer of {path} ({type(before).__name__} on {old}) has the shape of one here"
    some = any(n for n, _ in taken.values())
    require(some, f"{theirs_are}; {same_networks(before, recipe, manifest.name)}")
    facts = {"run": str(folder.path.resolve()), "recipe": manifest.name, "images": checkpoint.facts["clock"]["images"],
             "shape": list(old[:3]), "weights": weights if has_average(checkpoint) else "live",
             "taken": {player: list(counts) for player, counts in taken.items()},
             "crc": checkpoint_crc(tensors, "")}  # fmt: skip
    return Start(tensors, facts)


def same_networks(before: Recipe[Any], recipe: Recipe[Any], name: str) -> str:
    """What to type to play with the networks of another run."""
    old, own = (getattr(one, "networks", None) for one in (before, recipe))
    if old is None or own is None or old == own:
        return f"its recipe is {name}, which has networks of the same kind"
    return f"give --networks {quote_argument(format_value(old))}, which it has"


def start_options(
    how: MatchOptions, recipe: Recipe[Any], data: Shape, start: Start | None, freeze: int
) -> MatchOptions:
    """How a match is played that begins so, with so many of the critic's largest maps frozen."""
    return how._replace(start=start.tensors if start else {}, frozen=frozen_parameters(recipe, data, freeze))


def has_average(checkpoint: Checkpoint) -> bool:
    return any(key.startswith("average.") for key in checkpoint.tensors)


def weights_of(checkpoint: Checkpoint, weights: StartingWeights) -> dict[str, Tensor]:
    """A game's state, its makers averaged if that is wanted and there are such; other players have no average."""
    averaged = strip_prefix(checkpoint.tensors, "average.") if weights == "average" else {}
    live = strip_prefix(checkpoint.tensors, "game.")
    return live | {key: t for key, t in averaged.items() if key in live}


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
