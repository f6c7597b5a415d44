"""Directions among latents that need no labels, each shown on a sample and kept for edits: `saddle directions`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..errors import escape_unprintable, require
from ..runs.naming import outputs_folder
from .argv import parse_command
from .latent_starts import MAX_SAMPLES, DrawOptions, parse_strengths, sheet_path, write_sheet
from .output import print_output
from .run_options import load_run

if TYPE_CHECKING:
    from torch import Tensor

    from ..latent.directions import Direction
    from ..latent.space import LatentSpace


@dataclass(frozen=True)
class DirectionsOptions(DrawOptions):
    """Which directions are found, and how they are shown."""

    by: Literal["sefa", "pca"] = "sefa"  # in which most changes by the weights; or, of styles, in which they vary most
    count: int = 8  # of directions, the strongest first
    layers: str = "all"  # of a run with styles; coarse, middle, fine, all, or by number from 0, as 0-3
    sample: int = 0  # which one is moved, by its place on the sheet of saddle sample with this --seed, from 0
    strength: str = "-3,-1.5,0,1.5,3"  # how far to go, each a column; 1 is a standard deviation of latents

    def __post_init__(self) -> None:
        super().__post_init__()
        require(1 <= self.count <= MAX_SAMPLES, f"count is {self.count}, but should be 1 to {MAX_SAMPLES}")
        require(0 <= self.sample < 1 << 20, f"sample is {self.sample}, but should be a place from 0, below {1 << 20:,}")


def directions(words: list[str]) -> None:
    """saddle directions RUN ..."""
    (run,), wish = parse_command("directions", words, DirectionsOptions())
    where, strengths = sheet_path(run, wish, "directions"), parse_strengths(wish.strength)
    loaded = load_run(run, wish)
    from ..latent.styles import open_space

    space = open_space(loaded, wish.label, "auto", wish.truncation, wish.cutoff)
    found = find_directions(space, wish)
    z, told = space.draw(wish.sample + 1, wish.seed)[-1:], space.labels(wish.sample + 1, wish.seed)
    columns: dict[str, list[Tensor | None]] = {}
    for strength in strengths:
        moved = [space.confine(one.add(z, strength)) for one in found]
        columns[f"{strength:+g}"] = [space.make_all(one, None if told is None else told[-1:])[0].cpu() for one in moved]
    for one in found:
        path = outputs_folder(run) / "directions" / f"{one.name}{wish.suffix}.safetensors"
        one.write(path)
        print_output(escape_unprintable(path))
    write_sheet(columns, [one.name for one in found], where)
    print_output(escape_unprintable(where))


def find_directions(space: LatentSpace, wish: DirectionsOptions) -> list[Direction]:
    """As many as are asked for, each named by how it was found and for which layers."""
    from dataclasses import replace

    from ..latent.factors import closed_form_directions, principal_directions
    from ..latent.styles import StyleSpace, parse_layers, styled_game

    if wish.layers != "all":
        styled_game(space.loaded)
    layers = parse_layers(wish.layers, space.layers) if isinstance(space, StyleSpace) and wish.layers != "all" else None
    found = (closed_form_directions if wish.by == "sefa" else principal_directions)(space, wish.count, layers)
    more = "" if layers is None else "-" + re.sub(r"[^\w-]+", "+", wish.layers)
    return [replace(one, name=f"{one.name}{more}") for one in found]
