"""A run in Weights & Biases, for those who have it: online, or offline as the variable WANDB_MODE says."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from ...clock import Clock
from ...errors import Failure, Mistake
from ...extras import install
from ...runs.measures import Measurement
from .base import Callback, RunPlan

OFFLINE = "with WANDB_MODE=offline the run is kept on this disk until `wandb sync` sends it"


class WeightsAndBiases(Callback):
    """Logs terms, speed, figures and contact sheets over the images shown, under a project's name.

    A run that goes on is the same run there: its id follows from its manifest.
    """

    def __init__(self, project: str) -> None:
        try:
            import wandb
        except ImportError:
            raise Mistake(f"--wandb needs Weights & Biases, which is not installed; {install('wandb')}") from None
        self.wandb, self.project, self.images = wandb, project, 0
        self.run: Any = None
        if os.environ.get("WANDB_MODE", "online") == "online":
            try:  # before the run has a folder
                wandb.login()
            except wandb.errors.Error as error:
                raise Mistake(f"Weights & Biases cannot be reached: {error}; {OFFLINE}") from None

    def on_begin(self, plan: RunPlan) -> None:
        self.images = plan.start
        facts = json.loads((plan.folder / "manifest.json").read_text(encoding="utf-8"))
        told = {name: facts[name] for name in ("name", "recipe", "options", "settings", "images", "data", "machine")}
        one = json.dumps([told["recipe"], told["settings"], facts["created"]], sort_keys=True)
        try:
            self.run = self.wandb.init(
                project=self.project, dir=str(plan.folder), name=plan.folder.resolve().name, config=told,
                id=hashlib.blake2b(one.encode(), digest_size=8).hexdigest(), resume="allow",
                settings=self.wandb.Settings(console="off", silent=True, disable_git=True, disable_code=True),
            )  # fmt: skip
        except (self.wandb.errors.Error, OSError) as error:  # no such project, no room on the disk
            raise Failure(f"Weights & Biases does not begin: {error}; {OFFLINE}") from error
        self.run.define_metric("images")
        self.run.define_metric("*", step_metric="images")

    def log(self, facts: Mapping[str, Any]) -> None:
        if self.run is not None:
            self.run.log({"images": self.images, **facts})

    def on_progress(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        self.images = clock.images
        self.log({**terms, "images per second": images_per_second})

    def on_picture(self, path: Path) -> None:
        if path.suffix == ".txt":
            self.log({"samples": self.wandb.Html(f"<pre>{escape(path.read_text(encoding='utf-8'))}</pre>")})
        else:
            self.log({"samples": self.wandb.Image(str(path), caption=f"{self.images:,} images")})

    def on_measurement(self, measurement: Measurement, best: bool) -> None:
        self.log({f"figures/{figure.title}": figure.value for figure in measurement.figures})

    def on_end(self) -> None:
        if self.run is not None:
            self.run.finish()
