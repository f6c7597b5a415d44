"""A run's own copy of its recipe's source, and the file that it was copied from, which may have been edited since."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Literal

from ..errors import Mistake, quoted
from ..runs.folder import COPY, Folder
from ..runs.manifest import Manifest
from . import files
from .revive import alike, source_of
from .sources import Source, gathered
from .trust import trust

Code = Literal["copy", "file"]


def keep(source: Source | None, folder: Folder) -> dict[str, str]:
    """Copy a source into a new run; returns what its manifest says of that."""
    if source is None:
        return {}
    source.copy(folder.path / COPY)
    return source.hashes


def resumed(folder: Folder, manifest: Manifest, code: Code | None, said: Callable[[str], None]) -> Source | None:
    """The source that a run goes on with: its copy; if the file has changed since, whichever is asked for.

    None for a run of saddle's own classes. Mistake says how the two differ, and asks.
    """
    copy = source_of(folder, manifest)
    if copy is None or not manifest.source:
        return copy
    path = files.parted(manifest.name)[0]
    if not path.is_file():
        said(f"note: {path} is no more there; the run goes on with its own copy, {copy.path}")
        return copy
    now = gathered(path)
    if now.digest == copy.digest or code == "copy":
        return copy
    if code is None:
        run = quoted(folder)
        raise Mistake(f"{path} has changed since this run began ({copy.differs(now)}); `saddle resume {run} --code "
                      f"copy` goes on as it was, `saddle resume {run} --code file` with the file as it is")  # fmt: skip
    trust(now)
    alike(manifest, now)
    return now


def replaced(folder: Folder, manifest: Manifest, source: Source | None, images: int) -> Manifest:
    """The manifest of a run that goes on with this source from so many images; the copy of another is kept beside."""
    if not source or not manifest.source or source.hashes == manifest.source:
        return manifest
    old = folder.path / f"{COPY}-until-{images:010d}"
    if not old.exists():  # twice at the same images: the first is what it was trained with
        os.rename(folder.path / COPY, old)
    changed = dataclasses.replace(manifest, source=source.hashes, source_since=images)
    source.copy(folder.path / COPY)
    changed.write(folder)
    return changed
