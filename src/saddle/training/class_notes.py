"""What a game that could be told classes does where there is only one, said before a run begins."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from ..core import required_conditions
from ..shape import Shape


def describe_single_class(game: nn.Module, data: Shape) -> Iterator[str]:
    """Sentences: on labels that are all the same, and what networks say themselves, as `note`, of data without."""
    if data.classes == 1 and "label" in required_conditions(game):
        yield ("note: all pictures are of one class, so labels tell neither player anything, and samples of another "
               "class cannot be asked for")  # fmt: skip
    yield from dict.fromkeys(note for layer in game.modules() if (note := getattr(layer, "note", "")))
