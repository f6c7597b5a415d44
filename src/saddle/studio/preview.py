"""Data before anything is trained on them: the doctor's report, and some pictures as a training would see them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from PIL.Image import Image

from ..columns import to_float_images
from ..data.dataset import main_column
from ..data.opening import open_data
from ..data.order import random_words
from ..data.prepare import Prepare
from ..errors import Mistake
from ..notices import notify_nobody
from ..runs.sheets import make_contact_sheet
from .context import StudioContext

SHOWN = 24


def examine_apart(context: StudioContext, source: str) -> str:
    """The doctor's report, by a process of its own, which hostile files cannot take the page down with."""
    try:
        asked = subprocess.run([sys.executable, "-m", "saddle", "doctor", source], capture_output=True, text=True,
                               timeout=context.seconds, stdin=subprocess.DEVNULL, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"The doctor was not done after {context.seconds:.0f} s; `saddle doctor` in a terminal takes its time."
    if asked.returncode:
        raise Mistake(asked.stderr.strip().rpartition("saddle: ")[2] or "the doctor could not read these data")
    return asked.stdout.strip()


def preview(source: str, size: str | None) -> Image:
    """A sheet of a few samples, made ready as they would be for training."""
    data = open_data(source, Prepare(size=size or None, limit=None), notify_nobody)
    column = main_column(data.columns)
    places = np.linspace(0, len(data) - 1, min(SHOWN, len(data))).astype(np.int64)
    rows = data.take(places, random_words(0, places), [column])[column]
    return make_contact_sheet({"data": to_float_images(rows)})
