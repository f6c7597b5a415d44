"""A user's pictures as a run keeps them: each again beside itself, or their codes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import Mistake, escape_unprintable, format_count, quote_for_shell, require
from ..runs.folder import RunFolder
from ..runs.naming import outputs_folder
from .argv import GivenOptions, parse_known
from .output import print_message, print_output
from .run_options import PictureOptions, load_run, open_files, parse_style

if TYPE_CHECKING:
    from ..inference.image_files import GivenImages
    from ..inference.loaded import LoadedGame

SHEET_ROWS = 64  # pictures that a sheet shows


@dataclass(frozen=True)
class FileOptions(PictureOptions):
    """How files are read."""

    label: str | None = None  # the class of all pictures, for networks that are told of one; else each has its own
    labels: Literal["folders", "none"] | str | None = None  # classes: folders, none, FILE.csv or FILE.csv:COLUMN

    @property
    def changes(self) -> dict[str, Any]:
        return super().changes | {"labels": self.labels}


@dataclass(frozen=True)
class ReconstructOptions(FileOptions):
    """How to reconstruct."""

    to: Path | None = None  # a folder for a PNG of each, or a .png: a sheet, as RUN/reconstructed.png if not given


@dataclass(frozen=True)
class EncodeOptions(FileOptions):
    """How to encode."""

    to: Path | None = None  # the .npz with codes, names and labels; codes.npz in the run's folder if not given


def reconstruct(words: list[str]) -> None:
    """saddle reconstruct RUN FILES ..."""
    (run, *files), wish, others = parse_known("reconstruct", words, ReconstructOptions())
    loaded, given, style = open_for("reconstruct", run, files, wish, others)
    require(not loaded.shape.points, f"{run} was trained on points, of which there are no pictures; saddle.load in "
                                     "Python reconstructs them")  # fmt: skip
    from ..inference.answers import reconstructions
    from ..inference.made_files import MadeFiles, check_target

    pairs = reconstructions(loaded, given, wish.label, wish.seed, style)
    where = wish.to or outputs_folder(run) / f"reconstructed{wish.suffix}.png"
    if where.suffix.lower() == ".png":
        check_target(where, given, ".png")
        save_before_and_after(pairs, given, where)
    else:
        out = MadeFiles(where, given)
        for chunk, again in pairs:
            out.save(chunk.places, again)
    print_output(escape_unprintable(where))


def check_reconstructs(run: str, loaded: LoadedGame) -> None:
    """Mistake for a game that cannot; one that generates can be searched for what is nearest."""
    from ..capabilities import Reconstructs
    from ..recipes.capable import lacking

    if not isinstance(loaded.game, Reconstructs) and loaded.makes_by_chance:
        raise Mistake(f"{lacking(type(loaded.game), Reconstructs)}; saddle project {quote_for_shell(run)} FILES shows "
                      "the nearest that this run can make")  # fmt: skip


def save_before_and_after(pairs: Any, given: GivenImages, file: Path) -> None:
    """A sheet with a row for each picture, as many as it shows."""
    from ..inference.made_files import write_picture
    from ..runs.labelled_sheets import make_labelled_sheet

    names: list[str] = []
    columns: dict[str, list[Any]] = {"before": [], "after": []}
    for chunk, again in pairs:
        names += chunk.names
        columns["before"] += chunk.images
        columns["after"] += again
        if len(names) >= SHEET_ROWS:
            break
    tell_of_rest(given, "writes")
    shown = {name: column[:SHEET_ROWS] for name, column in columns.items()}
    write_picture(make_labelled_sheet(shown, names[:SHEET_ROWS]), file)


def tell_of_rest(given: GivenImages, verb: str) -> None:
    """Say how all pictures are had, where a sheet does not show them all."""
    if len(given) > SHEET_ROWS:
        print_message(f"the sheet shows the first {SHEET_ROWS} of {format_count(len(given), 'picture')}; --to FOLDER "
                      f"{verb} all of them as files")  # fmt: skip


def encode(words: list[str]) -> None:
    """saddle encode RUN DATA ..."""
    (run, *files), wish, others = parse_known("encode", words, EncodeOptions())
    loaded, given, style = open_for("encode", run, files, wish, others)
    from ..inference.answers import encode_images
    from ..inference.made_files import check_target

    where = wish.to or outputs_folder(run) / f"codes{wish.suffix}.npz"
    check_target(where, given, ".npz")
    encode_images(loaded, given, wish.label, wish.seed, style).write(where)
    print_output(escape_unprintable(where))


def open_for(command: str, run: str, files: list[str], wish: FileOptions,
             others: GivenOptions) -> tuple[LoadedGame, GivenImages, dict[str, Any]]:  # fmt: skip
    """The run's game, if it can do it, the pictures, and the style that is asked for."""
    RunFolder.find(run)
    from ..capabilities import CAPABILITIES, style_options
    from ..recipes.capable import ask

    loaded = load_run(run, wish)
    protocol = next(one.protocol for one in CAPABILITIES if one.verb == command)
    if command == "reconstruct":
        check_reconstructs(run, loaded)
    ask(loaded.game, protocol, {})
    style = parse_style(command, style_options(type(loaded.game), protocol), wish, others)
    return loaded, open_files(run, files, loaded.shape, **wish.changes), style
