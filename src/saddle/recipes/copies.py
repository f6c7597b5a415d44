"""A run's own copy of its recipe's source, and the file that it was copied from, which may have been edited since."""

from __future__ import annotations

import dataclasses
import os
from typing import Literal

from ..errors import Mistake, quote_for_shell
from ..notices import Notify
from ..runs.folder import SOURCE_FOLDER, RunFolder
from ..runs.manifest import Manifest
from . import files
from .revive import check_source_unchanged, trusted_source
from .sources import RecipeSource, collect_source
from .trust import trust_source

CodeVersion = Literal["copy", "file"]


def store_source(source: RecipeSource | None, folder: RunFolder) -> dict[str, str]:
    """Copy a source into a new run; returns what its manifest says of that."""
    if source is None:
        return {}
    source.copy(folder.path / SOURCE_FOLDER)
    return source.hashes


def source_to_resume(
    folder: RunFolder, manifest: Manifest, code: CodeVersion | None, said: Notify
) -> RecipeSource | None:
    """The source that a run goes on with: its copy; if the file has changed since, whichever is asked for.

    None for a run of saddle's own classes. Mistake says how the two differ, and asks.
    """
    copy = trusted_source(folder, manifest)
    if copy is None or not manifest.source:
        return copy
    path = files.split_file_name(manifest.name)[0]
    if not path.is_file():
        said(f"note: {path} is no more there; the run goes on with its own copy, {copy.path}")
        return copy
    now = collect_source(path)
    if now.digest == copy.digest or code == "copy":
        return copy
    if code is None:
        run = quote_for_shell(folder)
        raise Mistake(f"{path} has changed since this run began ({copy.differs(now)}); `saddle resume {run} --code "
                      f"copy` goes on as it was, `saddle resume {run} --code file` with the file as it is")  # fmt: skip
    trust_source(now)
    check_source_unchanged(manifest, now)
    return now


def replace_source(folder: RunFolder, manifest: Manifest, source: RecipeSource | None, images: int) -> Manifest:
    """The manifest of a run that goes on with this source from so many images; the copy of another is kept beside."""
    if not source or not manifest.source or source.hashes == manifest.source:
        return manifest
    old = folder.path / f"{SOURCE_FOLDER}-until-{images:010d}"
    if not old.exists():  # twice at the same images: the first is what it was trained with
        os.rename(folder.path / SOURCE_FOLDER, old)
    changed = dataclasses.replace(manifest, source=source.hashes, source_since=images)
    source.copy(folder.path / SOURCE_FOLDER)
    changed.write(folder)
    return changed
