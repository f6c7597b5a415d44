"""Small files for the tests of saddle.data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def smooth(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture that survives JPEG: two waves in each channel."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    a = np.random.default_rng(seed).uniform(2, 5, (3, 2))
    return np.stack([128 + 60 * np.sin(p * x * 2) + 60 * np.cos(q * y * 2) for p, q in a], axis=-1).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def pictures(folder: Path, count: int = 4, side: int = 16, ending: str = "png") -> np.ndarray:
    """A folder with pictures 0, 1, ... of noise; their pixels."""
    pixels = noise(count, side, side, 3)
    for i, picture in enumerate(pixels):
        save(folder / f"{i:03}.{ending}", picture)
    return pixels
