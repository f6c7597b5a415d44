"""A run as a file that others open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import escape_unprintable, require
from ..runs.folder import RunFolder
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

    to: Literal["onnx", "safetensors", "torch-export"] = "onnx"  # a file of ONNX or for torch alone, a folder to load
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
    RunFolder.find(run)
    from ..exporting.export import check_export, write_export
    from ..inference.networks import find_part, part_style
    from ..inference.standing import take_standing_statistics

    folder, place = check_export(run, wish.to, wish.out, wish.part, others, wish.suffix)
    loaded = load_run(run, wish)
    style = (
        parse_style("export", part_style(find_part(loaded.game, wish.part), loaded.game), wish, others)
        if others
        else {}
    )
    if wish.standing is not None:
        take_standing_statistics(loaded, wish.standing)
    made = write_export(loaded, folder, wish.to, place, wish.part, style, wish.standing)
    if made.parity:
        print_message(f"{wish.part}: {made.parity}")
    print_output(escape_unprintable(made.path))
