"""The data that a run was trained on, for whoever uses the run."""

from __future__ import annotations

from contextlib import nullcontext

from ..data.dataset import Dataset
from ..data.held_out import hold_out
from ..data.opening import open_data
from ..data.prepare import Prepare
from ..data.sources import unambiguous_source
from ..data.wording import without_option_hints
from ..notices import Notify
from ..recipes.plugins import run_plugin, use_plugin_source
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest


def open_run_data(folder: RunFolder, manifest: Manifest, say: Notify) -> Dataset:
    """As the run plays with them: what it holds out stands by as `held_out`. Mistake where they are not there."""
    source = unambiguous_source(manifest.settings.data or "glyphs")
    prepare, tell = Prepare.of(manifest.settings), without_option_hints(say)
    with use_plugin_source(run_plugin(folder, manifest)) if manifest.plugin else nullcontext():  # may bring the source
        data = open_data(source, prepare, tell, wants=manifest.columns)
    return hold_out(data, manifest.settings.held_out)
