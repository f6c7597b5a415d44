"""Images that latents are searched for."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import require
from ..inference.image_checks import check_image_batch
from ..inference.loaded import LoadedGame


def check_images(loaded: LoadedGame, images: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Images, 0 where they are hidden, on the processor; Mistake for others than the game was trained on."""
    check_image_batch(images, loaded.shape[:3])
    x = images.detach().cpu().float()
    known = x if hidden is None else torch.where(hidden, 0, x)
    within = bool(known.abs().amax() <= 1.001)
    require(within, "known pixels are floats in [-1, 1]; of bytes, images / 127.5 - 1 makes such")
    return known
