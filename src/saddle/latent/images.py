"""Images that latents are searched for."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import Mistake, require
from ..inference.loaded import LoadedGame


def check_images(loaded: LoadedGame, images: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Images, 0 where they are hidden, on the processor; Mistake for others than the game was trained on."""
    need = tuple(loaded.shape[:3])
    sized = isinstance(images, Tensor) and images.ndim == 4 and len(images) > 0 and images.shape[1:] == need
    if not sized or not images.is_floating_point():
        raise Mistake(f"images are (n, {', '.join(map(str, need))}) floats in [-1, 1], as this game was trained on, "
                      f"not {tuple(images.shape)} of {str(images.dtype).removeprefix('torch.')}")  # fmt: skip
    x = images.detach().cpu().float()
    known = x if hidden is None else torch.where(hidden, 0, x)
    within = bool(known.abs().amax() <= 1.001)
    require(within, "known pixels are floats in [-1, 1]; of bytes, images / 127.5 - 1 makes such")
    return known
