"""What every extractor of features has in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import torch
from torch import Tensor, nn

from ...errors import require


class Extractor(Protocol):
    """Images (n, c, h, w) in [-1, 1], or points (n, 2, 1, 1), become features (n, dimension)."""

    @property
    def name(self) -> str: ...  # which network and which of its layers
    @property
    def dimension(self) -> int: ...
    @property
    def sha256(self) -> str: ...  # of the weights; of nothing, for none
    @property
    def resize(self) -> str: ...  # the filter that brings images to its size; none, if it takes any
    def __call__(self, images: Tensor) -> Tensor: ...


def extractor_facts(extractor: Extractor) -> dict[str, str | int]:
    """What two figures must agree in to be compared, for the record beside every number."""
    return {
        "features": extractor.name,
        "dimension": extractor.dimension,
        "sha256": extractor.sha256,
        "resize": extractor.resize,
    }


def frechet_title(extractor: Extractor) -> str:
    """'FID, 2048-d' for Inception's layers; others say by which features: 'FID, random features, 896-d'."""
    if not extractor.name.startswith("inception"):
        return f"FID, {extractor.name} features, {extractor.dimension}-d"
    return f"{'sFID' if extractor.name.endswith('spatial') else 'FID'}, {extractor.dimension}-d"


def extract_features(extractor: Extractor, images: Tensor | Iterable[Tensor], batch: int = 64,
                     count: int | None = None) -> Tensor:  # fmt: skip
    """The features (n, dimension) of images, or of batches as they come, float32; raises Mistake for NaN.

    With `count`, of that many images, they are put into one piece of the processor's memory as they come.
    """
    batches = torch.split(images, batch) if isinstance(images, Tensor) else images
    with torch.no_grad():
        parts = (_seen(extractor, some) for some in batches if len(some))
        found = torch.cat(list(parts) or [torch.empty(0)]) if count is None else _gathered(parts, count)
    require(len(found) > 0, "there are no images to measure")
    return found


def to_byte_values(images: Tensor) -> Tensor:
    """Images as they would be saved, whole numbers 0 to 255 in float32: the data are so already, samples become so."""
    _finite(images)
    values = ((images.detach().float() + 1) * 127.5).clamp(0, 255)
    return values if UNROUNDED.get() else values.round()


UNROUNDED: ContextVar[bool] = ContextVar("unrounded", default=False)


@contextmanager
def unrounded() -> Iterator[None]:
    """Extractors see images in here as they are, not as they would be saved: for differences finer than a byte."""
    token = UNROUNDED.set(True)
    try:
        yield
    finally:
        UNROUNDED.reset(token)


def round_to_bytes(images: Tensor) -> Tensor:
    """As they would be saved, in [-1, 1]: what is finer than a byte would tell samples from data, and says nothing."""
    return to_byte_values(images) / 127.5 - 1


def to_rgb(images: Tensor) -> Tensor:
    """Three channels: grey is repeated; raises Mistake for anything but one or three."""
    channels = images.shape[1] if images.ndim == 4 else 0
    more = "; --features identity compares all their values as they are" if channels > 3 else ""
    require(channels in (1, 3), f"images (n, 1 or 3, h, w) were expected, not {tuple(images.shape)}{more}")
    return images.expand(-1, 3, -1, -1)


def hash_tensors(state: Mapping[str, Tensor]) -> str:
    """The sha256 of named tensors: their names, shapes, kinds and bytes, in order."""
    total = hashlib.sha256()
    for name, value in state.items():
        flat = value.detach().cpu().contiguous()
        total.update(f"{name} {tuple(flat.shape)} {flat.dtype}".encode())
        total.update(flat.numpy().tobytes())
    return total.hexdigest()


def freeze_network(network: nn.Module) -> None:
    """Neither trained nor changed by what it reads."""
    network.eval().requires_grad_(False)


def _seen(extractor: Extractor, images: Tensor) -> Tensor:
    features = extractor(_finite(images))
    fault = (
        f"{extractor.name} makes values that are no number of sound images: its weights are NaN, infinite or damaged"
    )
    require(bool(features.isfinite().all()), fault)
    return features


def _gathered(parts: Iterable[Tensor], count: int) -> Tensor:
    rows, place = torch.empty(0), 0
    for some in parts:
        rows = rows if len(rows) else torch.empty(count, *some.shape[1:], dtype=some.dtype)
        rows[place : place + len(some)] = some
        place += len(some)
    return rows[:place]


def _finite(values: Tensor) -> Tensor:
    require(bool(values.isfinite().all()), "an image holds a value that is no number: it is NaN or infinite")
    return values
