"""What a game does otherwise than its name says, on these data or in a run of this length: said before it begins."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch import nn

from ..averaging import Averaging, Decay
from ..core import required_conditions
from ..image_size import ImageSize
from ..parts.recompute import count_parameters
from ..recipe import Recipe
from ..shape import Shape
from .memory_advice import suggest_cap

MOSTLY, ALMOST_NONE = 0.5, 0.05  # shares of an average that are still of the first weights
LARGE_PLAYER = 150_000_000  # numbers that a player learns: the largest here of a paper's, at its size, has 108 million


def describe_single_class(game: nn.Module, data: Shape) -> Iterator[str]:
    """Sentences: on labels that are all the same, and what networks say themselves, as `note`, of data without."""
    if data.classes == 1 and "label" in required_conditions(game):
        yield ("note: all pictures are of one class, so labels tell neither player anything, and samples of another "
               "class cannot be asked for")  # fmt: skip
    yield from dict.fromkeys(note for layer in game.modules() if (note := getattr(layer, "note", "")))


def describe_large_networks(game: nn.Module, recipe: Recipe[Any], data: Shape) -> Iterator[str]:
    """A warning of players whose channels double until they are larger than any paper's."""
    counts = {name: count_parameters(player) for name, player in game.named_children()}
    large = {name: count for name, count in counts.items() if count > LARGE_PLAYER}
    cap = suggest_cap(getattr(recipe, "networks", None))
    if large and cap:
        told = " and ".join(f"the {name} learns {count / 1e6:,.0f} million numbers" for name, count in large.items())
        yield (f"warning: at {ImageSize(*data[1:3]).option} pixels {told}, since channels double wherever a map "
               f"is halved; {cap} stops that, as networks for large pictures do")  # fmt: skip


@runtime_checkable
class WarmsUp(Protocol):
    """A game that is played otherwise while its first images are shown."""

    warm_up: int  # images
    warms_up_as: str  # what it is meanwhile


def describe_warm_up(game: nn.Module, images: int) -> Iterator[str]:
    """A warning of a run that ends before its game has begun."""
    if isinstance(game, WarmsUp) and images <= game.warm_up:
        yield (f"warning: the first {game.warm_up:,} images are shown to {game.warms_up_as}, and this run shows "
               f"{images:,}, so it trains nothing else; --images {3 * game.warm_up} is longer, --warm-up "
               f"{images // 4} shorter")  # fmt: skip


def describe_slow_average(average: Averaging | None, rounds: int, images: int) -> Iterator[str]:
    """A warning of a run whose averaged weights would at its end still be mostly those that it began with."""
    if not isinstance(average, Decay) or rounds <= average.after:
        return
    left = average.factor ** (rounds - average.after)
    if left > MOSTLY:
        enough = round(images / rounds * (average.after + math.log(ALMOST_NONE) / math.log(average.factor)))
        yield (f"warning: samples are of averaged weights, and of {average} {left:.0%} would still be those that the "
               f"run began with; --ema {max(1, images // 20)} follows within this run, --images {enough} is long "
               "enough")  # fmt: skip
