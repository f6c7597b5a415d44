"""Images that a loaded game is asked about: refused, where it was trained on others."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..errors import require


def check_image_batch(images: object, shape: Sequence[int] | None) -> None:
    """Refuse what is no batch (n, channels, height, width) of floats, of this shape if one is known."""
    require(isinstance(images, Tensor), f"images are a tensor, not this {type(images).__name__}; torch.as_tensor "
            "makes one of an array")  # fmt: skip
    assert isinstance(images, Tensor)
    need = ", ".join(map(str, shape)) if shape else "channels, height, width"
    sized = images.ndim == 4 and len(images) > 0 and images.shape[1:] == tuple(shape or images.shape[1:])
    require(sized and images.is_floating_point(), f"images are (n, {need}) floats in [-1, 1], as this game was "
            f"trained on, not {tuple(images.shape)} of {str(images.dtype).removeprefix('torch.')}")  # fmt: skip
