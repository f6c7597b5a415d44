"""New samples from a run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import escape_unprintable, require
from ..out_of_memory import check_capacity
from .argv import parse_known
from .output import print_output
from .run_options import RunOptions, load_run, parse_style

if TYPE_CHECKING:
    from torch import Tensor

MIN_FILE_BYTES = 4096  # bytes that a small file takes on a disk
SHEET, CLOUD = 64, 2048  # images on a sheet, points in a picture


@dataclass(frozen=True)
class SampleOptions(RunOptions):
    """How to sample."""

    n: int | None = None  # make so many single files in a folder, not one sheet
    label: str | None = None  # a class by name, or by place from 0 if names are no numbers; without it all, in order
    out: Path | None = None  # the sheet's file or the files' folder; samples-SEED in the run's folder if not given

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.n is None or self.n > 0, f"-n is {self.n}, but should be above 0")
        png = self.n is not None or self.out is None or self.out.suffix == ".png"
        require(png, f"a sheet is a PNG, but {self.out} does not end in .png")

    @property
    def stem(self) -> str:
        """What tells these samples from others of the run."""
        label = "" if self.label is None else "-" + re.sub(r"[^\w.+-]+", "-", self.label)
        return f"samples{label}-{self.seed}{self.weights}"


def sample(words: list[str]) -> None:
    """saddle sample RUN: an option that is none of the command's is one of the game's style, if that has it."""
    (run,), wish, others = parse_known("sample", words, SampleOptions())
    loaded = load_run(run, wish)
    style = parse_style("sample", loaded.style if others else {}, wish, others)
    points = loaded.shape.points
    require(not (points and wish.n), f"{run} makes points, which are drawn as one picture; leave out -n")
    if wish.label is None and not wish.n and not points and loaded.is_conditional:
        labels = loaded.labels_in_order()
        samples = loaded.sample_chunks(len(labels), wish.seed, labels, **style)
    else:
        samples = loaded.sample_chunks(wish.n or (CLOUD if points else SHEET), wish.seed, wish.label, **style)
    if wish.n:
        shape = loaded.shape
        free = shutil.disk_usage(existing_parent(wish.out or Path(run))).free
        check_capacity(wish.n, MIN_FILE_BYTES + shape.channels * shape.height * shape.width // 8, "files", "-n", free)
    stem = "-".join([wish.stem, *(f"{name}-{value}" for name, value in style.items())])
    where = wish.out or Path(run) / (stem if wish.n else f"{stem}.png")
    linked = wish.n is not None and wish.out is None and where.is_symlink()
    require(not linked, f"{where} is a link, which is not followed; name a folder with --out")
    (save_as_files if wish.n else save_as_sheet)(samples, where)
    print_output(escape_unprintable(where))


def existing_parent(place: Path) -> Path:
    """The folder that is there already, of all that a place lies in."""
    place = place.absolute()
    return next(one for one in (place, *place.parents) if one.exists())


def save_as_sheet(samples: Iterable[Tensor], file: Path) -> None:
    import torch

    from ..runs.pictures import save_png
    from ..runs.sheets import make_contact_sheet, to_sheet_bytes

    file.parent.mkdir(parents=True, exist_ok=True)
    save_png(make_contact_sheet({"made": torch.cat([to_sheet_bytes(some) for some in samples])}), file)


def save_as_files(samples: Iterable[Tensor], folder: Path) -> None:
    """One PNG of its own size for each sample, which come some at a time: (n, 1, 3 or 4, height, width) in [-1, 1]."""
    from ..runs.pictures import save_png, to_image

    folder.mkdir(parents=True, exist_ok=True)
    for i, sample in enumerate(sample for some in samples for sample in some):
        save_png(to_image(sample), folder / f"{i:05d}.png")
