"""A run as its folder tells it; nothing here needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import require
from ..metrics.figures import Figure
from ..notices import warn_on_stderr
from ..runs.findings import read_findings
from ..runs.folder import RunFolder
from ..runs.log import read_log
from ..runs.manifest import Manifest
from ..runs.measures import EarlyStop, Measurement, read_measurements
from ..runs.timing import FloatArray, Pace, read_pace
from ..runs.writing import list_numbered_files


@dataclass(frozen=True, eq=False)
class Run:
    """A run under the title that a table or a chart gives it; runs of one group share a shade and a row."""

    title: str
    group: str
    folder: RunFolder
    manifest: Manifest

    @cached_property
    def log(self) -> list[dict[str, Any]]:
        return read_log(self.folder.log)

    @cached_property
    def findings(self) -> list[dict[str, Any]]:
        return read_findings(self.folder.path)

    @cached_property
    def measures(self) -> list[Measurement]:
        """In the order of training; of two at the same images the later written one is the later."""
        return sorted(read_measurements(self.folder), key=lambda measurement: measurement.images)

    @property
    def stop(self) -> EarlyStop | None:
        """Why it ended before its length, if it did."""
        return next((measurement.stop for measurement in self.measures if measurement.stop), None)

    @cached_property
    def pace(self) -> Pace:
        """Images and seconds of training, both rising from nought."""
        return read_pace(self.folder.timing)

    @property
    def images(self) -> int:
        """Real images shown so far, as far as is written down."""
        return int(self.pace.images[-1])

    @property
    def seconds(self) -> float:
        return float(self.pace.seconds[-1])

    @property
    def is_over(self) -> bool:
        return checkpointed_images(self.folder) >= self.manifest.images

    def seconds_at(self, images: FloatArray) -> FloatArray:
        """The seconds of training at which so many images had been shown."""
        return np.asarray(np.interp(images, self.pace.images, self.pace.seconds), dtype=np.float64)

    @property
    def figures(self) -> list[Figure]:
        """The latest of every number under every protocol, the latest last."""
        last: dict[object, Figure] = {}
        for measurement in self.measures:
            for figure in measurement.figures:
                key = figure.metric, figure.title, figure.protocol
                last.pop(key, None)
                last[key] = figure
        return list(last.values())


def open_runs(paths: Sequence[str | Path]) -> list[Run]:
    """Runs titled by their folders' names, by whole paths where two share a name."""
    folders = [RunFolder.find(path) for path in paths]
    for folder in folders:
        folder.check_no_bundle()
    names = [folder.path.resolve().name for folder in folders]
    whole = [str(folder.path.resolve()) for folder in folders]
    again = next((str(path) for path, place in zip(paths, whole, strict=True) if whole.count(place) > 1), None)
    require(again is None, f"{again} was given twice; a run cannot be compared with itself")
    titles = [name if names.count(name) == 1 else str(f) for name, f in zip(names, folders, strict=True)]
    return [Run(t, t, folder, Manifest.read(folder)) for t, folder in zip(titles, folders, strict=True)]


def checkpointed_images(folder: RunFolder) -> int:
    """The images of the last checkpoint, by its name; 0 where there is none."""
    return max(
        (int(path.stem) for path in list_numbered_files(folder.checkpoints, ".safetensors", folder.path)), default=0
    )


def relocate_run(run: Run, data: str) -> Run:
    """The same run with the place where its data lie now, which it remembers; Mistake for other data."""
    from ..continued import check_same_data, record_data_place, relocate_data
    from ..resolved import open_training_data
    from ..training.callbacks.base import Callback

    manifest = relocate_data(run.folder, run.manifest, data, "report")
    check_same_data(open_training_data(manifest.settings, manifest.columns, Callback()), manifest, data)
    if manifest != run.manifest:
        record_data_place(run.folder, manifest, warn_on_stderr)
    return replace(run, manifest=manifest)
