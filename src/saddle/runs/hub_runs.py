"""Runs of the Hugging Face hub, by `hf://OWNER/NAME`: fetched once, commit by commit, and kept in the cache."""

from __future__ import annotations

import re
import shutil
import sys
import time
from contextlib import suppress
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from ..data.cache.location import cache_home
from ..data.cache.usage import mark_used
from ..errors import Mistake, require
from ..extras import install
from ..notices import Notify, warn_on_stderr
from .folder import BUNDLE_MANIFEST, BUNDLE_WEIGHTS, PLUGIN_FOLDER, SOURCE_FOLDER
from .hub_names import HubName
from .writing import write_text

COMMIT = re.compile(r"[0-9a-f]{40}")
FILES = (BUNDLE_MANIFEST, BUNDLE_WEIGHTS, f"{SOURCE_FOLDER}/**", f"{PLUGIN_FOLDER}/**")  # no more is fetched
KIND = "hub"  # the folder of the cache
FRESH = 60.0  # seconds in which a process does not ask again: a command looks a run up several times


lately: dict[tuple[Path, HubName], tuple[float, Path]] = {}  # when each was found last, and where


def import_hub() -> Any:
    """The package huggingface_hub; Mistake where it is not installed."""
    try:
        package = import_module("huggingface_hub")
    except ImportError as error:
        raise Mistake(f"the hub is reached with huggingface_hub, which is not installed: {install('hub')}") from error
    if not sys.stderr.isatty():  # its bars are for who watches, and no lines of a log
        import_module("huggingface_hub.utils").disable_progress_bars()
    return package


def fetch_run(wanted: HubName, say: Notify = warn_on_stderr) -> Path:
    """The folder of a run of the hub, in the cache; asked for again within a minute, the one that was found.

    A commit that was fetched before is not asked for again. Of a branch the hub is asked which commit it is at; where
    it does not answer, the one that it was at last is taken, and said. Mistake where nothing can be had.
    """
    place = cache_home() / KIND
    when, found = lately.get((place, wanted), (0.0, place))
    if time.monotonic() - when > FRESH or not found.is_dir():
        found = find_or_fetch(place, wanted, say)
        lately[place, wanted] = time.monotonic(), found
    mark_used(found)
    return found


def find_or_fetch(place: Path, wanted: HubName, say: Notify) -> Path:
    commit = wanted.revision if wanted.revision and COMMIT.fullmatch(wanted.revision) else None
    if commit and (there := commit_folder(place, wanted, commit)).is_dir():
        return there
    noted = place / f".{wanted.owner}--{wanted.name}" / (wanted.revision or "main").replace("/", "--")
    hub = import_hub()
    try:
        commit = str(hub.HfApi().model_info(wanted.repository, revision=wanted.revision).sha)
        require(COMMIT.fullmatch(commit) is not None, f"{wanted}: the hub names no commit")
    except Mistake:
        raise
    except Exception as error:  # networks and servers fail in every way
        before = read_noted(noted)
        if before and is_unreached(error) and (there := commit_folder(place, wanted, before)).is_dir():
            when = date.fromtimestamp(noted.stat().st_mtime)
            say(f"the hub cannot be reached; {wanted} is taken as it was on {when}, at commit {before[:12]}")
            return there
        raise Mistake(f"{wanted} could not be had from the hub: {describe_hub_error(error)}") from error
    there = commit_folder(place, wanted, commit)
    if not there.is_dir():
        download(hub, wanted, commit, there)
    with suppress(OSError):
        noted.parent.mkdir(parents=True, exist_ok=True)
        write_text(noted, commit)
    return there


def commit_folder(place: Path, wanted: HubName, commit: str) -> Path:
    """Named by the repository and the commit, in which nothing changes any more."""
    return place / f"{wanted.owner}--{wanted.name}--{commit}"


def read_noted(file: Path) -> str | None:
    """The commit that a branch was at when it was last asked for."""
    with suppress(OSError, UnicodeDecodeError):
        text = file.read_text(encoding="utf-8")
        return text if COMMIT.fullmatch(text) else None
    return None


def download(hub: Any, wanted: HubName, commit: str, there: Path) -> None:
    """A commit's files, all or none: what was begun lies beside under another name."""
    draft = there.with_name(f".{there.name}")
    try:
        draft.mkdir(parents=True, exist_ok=True)
        hub.HfApi().snapshot_download(wanted.repository, revision=commit, local_dir=draft, allow_patterns=list(FILES))
        for name in (BUNDLE_MANIFEST, BUNDLE_WEIGHTS):
            require((draft / name).is_file(), f"{wanted} is no run of saddle's: it has no {name}")
        shutil.rmtree(draft / ".cache", ignore_errors=True)  # where the client notes what it has
        draft.replace(there)
    except Mistake:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    except Exception as error:  # what came stays, and is gone on with the next time
        if there.is_dir():  # another process was faster
            return
        raise Mistake(f"{wanted} could not be fetched: {describe_hub_error(error)}") from error


def is_unreached(error: Exception) -> bool:
    """Did the hub not answer at all, or only that something is wrong with itself?"""
    code = getattr(getattr(error, "response", None), "status_code", None)
    known = import_module("huggingface_hub.errors")
    refused = isinstance(error, known.RepositoryNotFoundError | known.RevisionNotFoundError)
    return not refused and (code is None or code >= 500 or code == 429)


def describe_hub_error(error: Exception) -> str:
    """What went wrong, in a line."""
    known = import_module("huggingface_hub.errors")
    if isinstance(error, known.RevisionNotFoundError):
        return "it has no such revision"
    if isinstance(error, known.RepositoryNotFoundError):
        return "there is no such repository, or it is private; `hf auth login` tells the hub who you are"
    if isinstance(error, known.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, and it was not fetched before"
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__
