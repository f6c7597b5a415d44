"""A run in TensorBoard, for those who have it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from ...clock import Clock
from ...errors import Mistake
from ...extras import install
from ...runs.measures import Measurement
from .base import Callback, RunPlan


class TensorBoard(Callback):
    """Writes terms, speed and contact sheets, over the images shown, into the run's folder `board`."""

    def __init__(self) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise Mistake(f"--board needs TensorBoard, which is not installed; {install('board')}") from None
        self.open = SummaryWriter
        self.images = 0

    def on_begin(self, plan: RunPlan) -> None:
        self.images = plan.start
        # what a run drew after the checkpoint that it goes on from is drawn again
        self.writer = self.open(str(plan.folder / "board"), purge_step=plan.start + 1 if plan.start else None)

    def on_progress(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        self.images = clock.images
        for key, value in {**terms, "images per second": images_per_second}.items():
            self.writer.add_scalar(key, value, clock.images)

    def on_picture(self, path: Path) -> None:
        if path.suffix == ".txt":  # lines, which markdown would join without the two spaces
            self.writer.add_text("samples", path.read_text(encoding="utf-8").replace("\n", "  \n"), self.images)
            return
        with Image.open(path) as image:
            self.writer.add_image("samples", np.asarray(image.convert("RGB")), self.images, dataformats="HWC")

    def on_measurement(self, measurement: Measurement, best: bool) -> None:
        for figure in measurement.figures:
            self.writer.add_scalar(f"figures/{figure.title}", figure.value, measurement.images)

    def on_end(self) -> None:
        self.writer.close()
