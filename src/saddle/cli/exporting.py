"""A run as a file that others open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import escape_unprintable, require
from ..runs.folder import RunFolder
from .argv import parse_known
from .browsing import open_in_browser
from .output import print_message, print_output
from .run_options import WeightOptions, load_run, parse_style

Format = Literal["onnx", "safetensors", "torch-export", "web"]
STYLE_HELP = """The game's own
  --noise off                   without what a generator draws by itself
  --truncation 0.7              fixed, where else it is an input (styles)
  --back                        the other way, of a run of cyclegan"""


@dataclass(frozen=True)
class ExportOptions(WeightOptions):
    """What is written, and where."""

    to: Format = "onnx"  # a file of ONNX or for torch alone, a folder to load, a page that makes pictures
    part: Literal["generator", "translator", "encoder", "decoder", "autoencoder", "reader"] = "generator"  # of the game
    standing: int | None = None  # batch normalisation's averages are taken anew, of so many samples; 16384 is usual
    out: Path | None = None  # the file or folder, in the run's folder if not given; of a page also one file, X.html
    runtime: Path | None = None  # of a page: a folder with onnxruntime-web's files; npm fetches them if not given
    webgpu: bool = False  # of a page: let it use a graphics card that makes the same pictures; 9 MB more
    open: bool = False  # of a page: show it in the browser

    def __post_init__(self) -> None:
        page = [f"--{name}" for name in ("runtime", "webgpu", "open") if getattr(self, name) and self.to != "web"]
        rest = "is for pages; write --to web, or leave it out"
        rest = rest if len(page) < 2 else "are for pages; write --to web, or leave them out"
        require(not page, f"{' and '.join(page)} {rest}")
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
    known = part_style(find_part(loaded.game, wish.part), loaded.game) if others else {}
    style = parse_style("export", known, wish, others)
    if wish.standing is not None:
        take_standing_statistics(loaded, wish.standing)
    own = {"runtime": wish.runtime, "webgpu": wish.webgpu, "say": print_message} if wish.to == "web" else {}
    made = write_export(loaded, folder, wish.to, place, wish.part, style, wish.standing, **own)
    if made.parity:
        print_message(f"{wish.part}: {made.parity}")
    print_output(escape_unprintable(made.path))
    if wish.to == "web":
        finish_page(Path(made.path), wish.open)


def finish_page(page: Path, show: bool) -> None:
    """Tell how large a page is, and show it if that was asked for."""
    from ..data.readers.unpacking import describe_bytes
    from ..exporting.web.folder import page_size

    print_message(f"{describe_bytes(page_size(page))}; a double click opens it")
    if show:
        open_in_browser(page)
