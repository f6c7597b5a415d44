"""What visitors upload to train on: kept under plain names in the studio's own folder, within limits."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ..errors import require
from ..out_of_memory import format_bytes
from ..runs.folder import make_numbered_folder
from .context import StudioContext

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jfif")
WHOLE = (".zip", ".npy", ".npz", ".txt")  # a data set in one file
MOST_FILES = 20_000


def keep_uploads(context: StudioContext, files: Sequence[str]) -> Path:
    """The data set that uploaded files are: one archive, array or text, or a folder of pictures. They are copied; no
    name of theirs becomes a path here. Mistake for kinds that are no data, and for too many or too large ones."""
    require(0 < len(files) <= MOST_FILES, f"{len(files):,} files; up to {MOST_FILES:,} can be uploaded, or one zip")
    paths = [Path(file) for file in files]
    whole = sum(path.stat().st_size for path in paths)
    most = format_bytes(context.most_bytes)
    require(whole <= context.most_bytes, f"these are {format_bytes(whole)}, and this studio takes {most} at a time")
    kinds = {path.suffix.lower() for path in paths}
    single = len(paths) == 1 and paths[0].suffix.lower() in WHOLE
    wrong = sorted(kinds - set(PICTURES))
    require(
        single or not wrong, f"{wrong[0] if wrong else ''} files are no pictures; upload pictures, or one zip of them"
    )
    context.own.mkdir(parents=True, exist_ok=True)
    folder = make_numbered_folder(context.own / "uploads", "data")
    for number, path in enumerate(paths):
        shutil.copyfile(path, folder / f"{number:05d}{path.suffix.lower()}")
    return next(folder.iterdir()) if single else folder
