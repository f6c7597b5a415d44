"""A run as a file that others open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import escape_unprintable, require
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from .argv import parse_known
from .output import print_message, print_output
from .run_options import RunOptions, load_run, parse_style

STYLE_HELP = """The game's own
  --noise off                   without what a generator draws by itself
  --truncation 0.7              fixed, where else it is an input (styles)
  --back                        the other way, of a run of cyclegan"""


@dataclass(frozen=True)
class ExportOptions(RunOptions):
    """What is written, and where."""

    to: Literal["onnx", "torch-export"] = "onnx"  # one ONNX file, or a program that torch alone opens
    part: Literal["generator", "translator", "encoder", "decoder", "autoencoder"] = "generator"  # of the game
    standing: int | None = None  # batch normalisation's averages are taken anew, of so many samples; 16384 is usual
    out: Path | None = None  # the file; in the run's folder if not given

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.standing is None or self.standing > 1, f"standing is {self.standing}, but should be 2 or more")

    @property
    def suffix(self) -> str:
        return super().suffix + (f"-standing-{self.standing}" if self.standing else "")


def export(words: list[str]) -> None:
    """saddle export RUN: an option that is none of the command's is one of the game's style, if that has it."""
    (run,), wish, others = parse_known("export", words, ExportOptions(), STYLE_HELP)
    folder = RunFolder.find(run)
    from ..exporting.export import FORMATS, default_name, find
    from ..exporting.facts import run_facts
    from ..inference.networks import find_part, part_style
    from ..inference.standing import take_standing_statistics

    place = wish.out or folder.path / default_name(wish.to, wish.part, wish.suffix)
    find(wish.to, FORMATS[wish.to].check)(place)
    loaded = load_run(run, wish)
    known = part_style(find_part(loaded.game, wish.part), loaded.game)
    style = parse_style("export", known, wish, others)
    if wish.standing is not None:
        take_standing_statistics(loaded, wish.standing)
    about = run_facts(Manifest.read(folder), wish.standing)
    made = find(wish.to, FORMATS[wish.to].write)(loaded, place, part=wish.part, style=style, about=about)
    print_message(f"{wish.part}: {made.parity}")
    print_output(escape_unprintable(made.path))
