"""Plugins from a file of one's own, `--plugin mine.py`: trusted, copied into the run and read back as its recipe is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import quote_for_shell
from ..plugged import use_plugins
from ..runs.folder import PLUGIN_FOLDER, RunFolder
from ..runs.manifest import Manifest
from .files import load_module
from .sources import RecipeSource, collect_source, read_stored_source
from .trust import check_trusted, trust_source


@contextmanager
def use_plugin_file(path: str | None) -> Iterator[RecipeSource | None]:
    """What this file defines is at hand in here; the user names it, and so trusts it. None leaves all as it is."""
    if path is None:
        yield None
        return
    source = collect_source(Path(path))
    trust_source(source)
    with use_plugin_source(source):
        yield source


@contextmanager
def use_plugin_for(what: object, path: str | None, trust: bool = False) -> Iterator[None]:
    """What this file defines is at hand in here; where none is named, what the run brings that is looked at.

    Raises Untrusted for a run whose plugin nobody has named on this machine, unless it is to be trusted.
    """
    is_run = isinstance(what, str | Path) and RunFolder(what).manifest.is_file()
    if path is not None or not is_run:
        with use_plugin_file(path):
            yield
        return
    folder = RunFolder(str(what))
    manifest = Manifest.read(folder)
    if trust and (source := read_plugin(folder, manifest)):
        trust_source(source)
    with use_plugin_source(run_plugin(folder, manifest)):
        yield


@contextmanager
def use_plugin_source(source: RecipeSource | None) -> Iterator[None]:
    """What this source defines, and nothing of another, is at hand in here."""
    with use_plugins(*([load_module(source)] if source else [])):
        yield


def store_plugin(source: RecipeSource | None, folder: RunFolder) -> dict[str, str]:
    """Copy it into a new run; returns what its manifest says of that."""
    if source is None:
        return {}
    source.copy(folder.path / PLUGIN_FOLDER)
    return source.hashes


def run_plugin(folder: RunFolder, manifest: Manifest) -> RecipeSource | None:
    """The copy that a run goes on with; Untrusted where nobody has named it on this machine."""
    source = read_plugin(folder, manifest)
    return source and check_trusted(source, folder, "brings a plugin of its own")


def read_plugin(folder: RunFolder, manifest: Manifest) -> RecipeSource | None:
    return read_stored_source(folder.path / PLUGIN_FOLDER, manifest.plugin) if manifest.plugin else None


def describe_edited_plugin(folder: RunFolder, manifest: Manifest) -> str:
    """A sentence on a plugin's file that is another than the copy which the run goes on with; nothing of the same."""
    copy, file = read_plugin(folder, manifest), Path(manifest.settings.plugin or "")
    if copy is None or not file.is_file() or (now := collect_source(file)).digest == copy.digest:
        return ""
    return (f"note: {file} has changed since this run began ({copy.differs(now)}); the run goes on with its own copy, "
            f"{quote_for_shell(copy.path)}; a new run takes the file")  # fmt: skip
