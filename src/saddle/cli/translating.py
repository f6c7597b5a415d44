"""A user's pictures as a run translates them: a PNG of each, a sheet, a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import escape_unprintable, require
from ..runs.folder import RunFolder
from ..runs.naming import outputs_folder
from .argv import parse_known
from .output import print_message, print_output
from .run_options import PictureOptions, load_run, open_files, parse_style

STYLE_HELP = """The game's own
  --noise off                   nothing drawn by chance: frames of a film do not
                                flicker
  --back                        the other way, where a run has learned it, as
                                cyclegan does"""


@dataclass(frozen=True)
class TranslateOptions(PictureOptions):
    """How to translate."""

    to: Path | None = None  # a folder for a PNG of each, with a sheet and a page of them; RUN/translated if not given
    size: Literal["own", "run"] = "own"  # each picture as large as it is, or brought to the size that was trained on
    tile: int | None = None  # pixels of squares that large pictures are translated by, where memory is short
    overlap: int = 32  # pixels that these share, over which one fades into the next


def translate(words: list[str]) -> None:
    """saddle translate RUN FILES ..."""
    (run, *files), wish, others = parse_known("translate", words, TranslateOptions(), STYLE_HELP)
    RunFolder.find(run)
    from ..capabilities import Translates, style_options
    from ..inference.made_files import MadeFiles
    from ..inference.translating import Tiling, source_shape, translations
    from ..recipes.capable import ask
    from ..reports.before_after import BeforeAndAfter

    tiling = Tiling(wish.tile, wish.overlap)
    loaded = load_run(run, wish)
    ask(loaded.game, Translates, {})
    known = style_options(type(loaded.game), Translates)
    one_way = f"{run} has learned no way back; saddle train cyclegan learns one"
    require("back" in known or "back" not in others, one_way)
    style = parse_style("translate", known, wish, others)
    given = open_files(run, files, source_shape(loaded, bool(style.get("back"))), own_size=wish.size == "own",
                       **wish.changes)  # fmt: skip
    where = wish.to or outputs_folder(run) / f"translated{wish.suffix}"
    require(where.suffix.lower() != ".png", f"{where} is a picture; name a folder, which takes one for each")
    out, shown = MadeFiles(where, given), BeforeAndAfter(where)
    shown.check_replaceable(out.paths)
    for chunk, made in translations(loaded, given, wish.seed, style, tiling):
        out.save(chunk.places, made)
        shown.add(chunk.names, chunk.images, made)
    shown.write(run, print_message)
    print_output(escape_unprintable(where))
