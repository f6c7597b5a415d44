"""The latents of given images: by the game's encoder, by gradients, or by gradients from where the encoder says."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ..capabilities import Encodes
from ..errors import require
from ..inference.labels import Label
from ..inference.loaded import LoadedGame
from ..out_of_memory import catch_out_of_memory
from ..recipes.capable import lacking
from .images import check_images
from .search import Loss, Search, Starts, search
from .space import LatentSpace

InvertBy = Literal["auto", "encoder", "search"]


class Inversions(NamedTuple):
    """The latent of each of n images."""

    latents: Tensor  # (n, ...)
    images: Tensor  # (n, channels, height, width): what is made of them
    distances: Tensor  # (n,): mean absolute difference to the images, in [0, 2]
    labels: Tensor | None  # (n,): what they are made for


@catch_out_of_memory()
def invert(loaded: LoadedGame, images: Tensor, how: Search = Search(), by: InvertBy = "auto",
           label: Label | None = None, seed: int = 0) -> Inversions:  # fmt: skip
    """Latents whose images are as these are, (n, channels, height, width) in [-1, 1], each found alone as among others.

    `encoder` asks the game's encoder, `search` minimises the squared difference from many random latents, `auto`
    searches, and begins at the encoder's code too where there is one. Mistake for a game that makes no samples out of
    chance, and for one without an encoder that is to be asked.
    """
    require(by in ("auto", "encoder", "search"), f"by {by!r} is unknown; it is one of auto, encoder, search")
    space = LatentSpace(loaded, label)
    x = check_images(loaded, images)
    encodes = isinstance(loaded.game, Encodes)
    if by == "encoder" and not encodes:
        raise lacking(type(loaded.game), Encodes)
    asked = by != "search" and encodes
    codes = torch.cat([loaded.encode(one[None], label, seed) for one in x]) if asked else None
    if by == "encoder":
        assert codes is not None, "there is an encoder"
        told = space.labels(len(x), seed)
        return inversions(x, codes, space.make_all(codes.to(space.device), told).cpu(), told)
    starts = Starts.draw(space, how.candidates, seed)
    found = []
    for i, one in enumerate(x):
        begin = None if codes is None else codes[i : i + 1].to(space.device)
        found.append(search(space, squared_difference(one[None].to(space.device)), starts, how, begin).first())
    labels = [one.told for one in found if one.told is not None]
    latents, made = (torch.cat([one[i] for one in found]).cpu() for i in range(2))  # type: ignore[misc]
    return inversions(x, latents, made, torch.cat(labels) if labels else None)


def squared_difference(image: Tensor) -> Loss:
    return lambda made, told: (made - image).square().flatten(1).sum(1)


def inversions(images: Tensor, latents: Tensor, made: Tensor, told: Tensor | None) -> Inversions:
    distances = (made.clamp(-1, 1) - images).abs().flatten(1).mean(1)
    return Inversions(latents, made.clamp(-1, 1), distances, None if told is None else told.cpu())
