"""What makes a run take less memory, as options that can be typed."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

from ..hints import field_types
from ..image_size import ImageSize
from ..recipe import Recipe
from ..shape import Shape
from .machine import world_size

DOUBLED_OFTEN = 256  # pixels of a side, from which on channels that double with each halving are very many
CAP = 512  # channels, which networks for pictures of 1024 pixels have at their smallest maps


def suggest_cap(value: object, option: str = "--networks") -> str | None:
    """The option that keeps channels from doubling without end, where such networks are at play and do so."""
    own = field_types(type(value)) if is_dataclass(value) else {}
    if getattr(value, "widest", None) == 0 and getattr(value, "width", CAP) < CAP and "widest" in own:
        return f"{option}.widest {CAP}"
    inside = (suggest_cap(getattr(value, name), f"{option}.{name.replace('_', '-')}") for name in own)
    return next(filter(None, inside), None)


def suggest_smaller_networks(recipe: Recipe[Any], shape: Shape) -> str:
    """Where the networks alone are too large."""
    width = getattr(getattr(recipe, "networks", None), "width", None)
    now = f" (--networks.width, now {width:,})" if isinstance(width, int) else ""
    cap = suggest_cap(getattr(recipe, "networks", None)) if min(shape[1:3]) >= DOUBLED_OFTEN else None
    now += f", with {cap} at most" if cap else ""
    side = "" if shape.points else f", or a smaller --size than {ImageSize(*shape[1:3]).option}"
    return f"smaller networks{now} need less{side}"


def suggest_smaller_batches(recipe: Recipe[Any], shape: Shape, accumulate: int, blocks: bool = False) -> str:
    """Where they fit, but not what they make of a batch: a new run in more parts, or of smaller batches.

    `blocks`: have they such as could be worked out again?
    """
    more, ways = 2 * accumulate, []
    if recipe.batch % (more * world_size()) == 0:
        ways.append(f"--accumulate {more}, which plays each batch in so many parts (--fit finds how many)")
    if blocks:
        ways.append("--recompute, which keeps fewer activations and works them out again")
    if recipe.batch > 1:
        ways.append(f"--batch {recipe.batch // 2}")
    rest = suggest_smaller_networks(recipe, shape)
    return f"a new run needs less with {', or '.join(ways)}; {rest}" if ways else rest
