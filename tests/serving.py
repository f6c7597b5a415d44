"""Small runs to be served, and pictures to be sent, shared by the tests of `saddle serve`."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from saddle import load, train
from saddle.serve import create_app
from saddle.serve.app import ServedApp

SHORT: dict[str, Any] = {"images": 32, "quiet": True, "device": "cpu", "pictures": 0}
TRAINED: list[Path] = []
TOKEN = "a-token-of-some-length"


def train_cgan(folder: Path) -> Path:
    """Samples of three classes, 16 pixels a side."""
    dice = np.random.default_rng(0)
    for place in range(18):
        path = folder / "photos" / ("ant", "bee", "cow")[place % 3] / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dice.integers(0, 256, (8, 8), np.uint8)).save(path)
    small = {"networks.base.width": "4", "batch": "8"}
    return train("cgan", str(folder / "photos"), size=16, out=folder / "cgan", options=small, **SHORT)


def train_plain(folder: Path) -> Path:
    """Samples of 16 pixels a side, without labels: one run for all tests of a process."""
    if not TRAINED:
        small = {"networks.width": "4", "batch": "8"}
        TRAINED.append(train("dcgan", "glyphs", size=16, limit=64, out=folder / "plain", options=small, **SHORT))
    return TRAINED[0]


def serving(run: Path, **how: Any) -> ServedApp:
    return create_app(load(run, device="cpu"), run, **how)


def noise(side: int = 16, seed: int = 0) -> bytes:
    """A PNG of grey noise."""
    file = BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side), np.uint8)).save(file, "PNG")
    return file.getvalue()


def in_base64(blob: bytes) -> str:
    return base64.b64encode(blob).decode("ascii")
