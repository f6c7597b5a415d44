"""Styles of some samples with those of others in some layers: `saddle mix`."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import escape_unprintable
from .argv import parse_command
from .latent_starts import DrawOptions, parse_places, sheet_path, write_sheet
from .output import print_output
from .run_options import load_run


@dataclass(frozen=True)
class MixOptions(DrawOptions):
    """What is mixed."""

    rows: str = "0-3"  # samples that all is taken of, by their places on the sheet of saddle sample with this --seed
    columns: str = "4-8"  # samples whose styles take the place of the rows' in some layers
    layers: str = "coarse"  # these layers; coarse, middle, fine, all, or by number from 0, as 0-3 or 0,2,5


def mix(words: list[str]) -> None:
    """saddle mix RUN ..."""
    (run,), wish = parse_command("mix", words, MixOptions())
    rows, columns = (list(dict.fromkeys(parse_places(getattr(wish, name), name))) for name in ("rows", "columns"))
    where = sheet_path(run, wish, "mixed")
    loaded = load_run(run, wish)
    from ..latent.styles import StyleSpace, mixing_sheet, parse_layers

    space = StyleSpace(loaded, wish.label, wish.truncation, wish.cutoff)
    layers, drawn = parse_layers(wish.layers, space.layers), space.draw(max(*rows, *columns) + 1, wish.seed)
    mixed = mixing_sheet(space, drawn[rows], drawn[columns], layers).cpu()
    own, others = (space.make_all(drawn[places]).cpu() for places in (rows, columns))
    sheet = {f"layers {wish.layers} of": [None, *own]} | {
        f"sample {i}": [others[k], *mixed[:, k]] for k, i in enumerate(columns)
    }
    write_sheet(sheet, ["", *(f"sample {i}" for i in rows)], where)
    print_output(escape_unprintable(where))
