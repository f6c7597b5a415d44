"""Answers in the form that is asked for: JSON with PNGs in base64, one PNG, or numbers as NumPy keeps them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import torch
from torch import Tensor

from ..errors import Failure
from ..runs.pictures import to_image
from ..runs.sheets import make_grid

JSON, PNG, NPY = "application/json", "image/png", "application/x-npy"


def choose_form(accept: str, offered: Sequence[str]) -> str | None:
    """What is offered that a header Accept likes best, the first of equals; None where it takes none of them."""
    weights: dict[str, float] = {}
    for part in (accept or "*/*").split(","):
        kind, *more = (word.strip().lower() for word in part.split(";"))
        weight = next((quality(word[2:]) for word in more if word.startswith("q=")), 1.0)
        weights[kind] = max(weight, weights.get(kind, 0.0))

    def liked(form: str) -> float:
        return max(weights.get(kind, 0.0) for kind in (form, f"{form.partition('/')[0]}/*", "*/*"))

    named = [form for form in offered if form in weights and weights[form] > 0]
    best = max(named or offered, key=liked)
    return best if liked(best) > 0 else None


def quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


def check_finite(images: Sequence[Tensor]) -> None:
    """Refuse to pass on what is no picture."""
    if not all(bool(image.isfinite().all()) for image in images):
        raise Failure("what this run made of the request is no finite numbers; ask for another style")


def to_png(image: Tensor) -> bytes:
    """A PNG of (1, 3 or 4 channels, height, width) in [-1, 1]."""
    file = BytesIO()
    to_image(image).save(file, "PNG")
    return file.getvalue()


def to_one_png(images: Sequence[Tensor]) -> bytes:
    """One picture, or a sheet of several of one size."""
    if len(images) == 1:
        return to_png(images[0])
    file = BytesIO()
    make_grid(torch.stack(list(images)), int(np.ceil(len(images) ** 0.5))).save(file, "PNG")
    return file.getvalue()


def to_npy(images: Sequence[Tensor]) -> bytes:
    """(n, channels, height, width) float32 of images of one size: `numpy.load` reads it."""
    file = BytesIO()
    np.save(file, torch.stack(list(images)).numpy(), allow_pickle=False)
    return file.getvalue()


def to_base64(images: Sequence[Tensor]) -> list[str]:
    return [base64.b64encode(to_png(image)).decode("ascii") for image in images]
