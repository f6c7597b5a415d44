"""Latents whose images are as little wrong as can be, found by gradients from many beginnings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import require
from ..training.signals import check_abandoned
from .space import LatentSpace


@dataclass(frozen=True)
class Search:
    """How latents are searched for: by Adam, from the best of many random ones."""

    steps: int = 200  # of Adam
    restarts: int = 4  # latents that move, each by itself; more find more, and take as much longer
    candidates: int = 256  # random latents, of which those nearest to the image begin to move
    lr: float = 0.1  # of Adam, in standard deviations of the latents; it falls to 0 as half a cosine
    typical: float = 0.01  # weight of how untypical the norm of a latent is

    def __post_init__(self) -> None:
        for name in ("steps", "restarts", "candidates"):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}, but should be 1 or more")
        few = f"restarts is {self.restarts}, but there are {self.candidates} candidates; raise --candidates"
        require(self.restarts <= self.candidates, few)
        require(0 < self.lr < math.inf, f"lr is {self.lr}, but should be above 0")
        require(0 <= self.typical < math.inf, f"typical is {self.typical}, but should be 0 or more")

    def rate(self, step: int) -> float:
        return self.lr * (1 + math.cos(math.pi * step / self.steps)) / 2


class Found(NamedTuple):
    """Latents with what was made of them, the best first."""

    latents: Tensor  # (n, ...)
    images: Tensor  # (n, channels, height, width)
    loss: Tensor  # (n,)
    told: Tensor | None  # the labels that they were made for, (n,)

    def first(self) -> Found:
        """The best alone."""
        return Found(*(None if t is None else t[:1] for t in self))  # type: ignore[arg-type]


Loss = Callable[[Tensor, Tensor | None], Tensor]  # of images and their labels, (n,): each of its own image alone


class Starts(NamedTuple):
    """Random latents that every search of a seed may begin at, with what is made of them: the same for all images."""

    latents: Tensor
    images: Tensor
    told: Tensor | None

    @classmethod
    @torch.no_grad()
    def draw(cls, space: LatentSpace, n: int, seed: int) -> Starts:
        latents, told = space.draw(n, seed), space.labels(n, seed)
        return cls(latents, space.make_all(latents, told), told)

    def best(self, loss: Loss, n: int) -> tuple[Tensor, Tensor | None]:
        """Those n that are least wrong, the best first."""
        with torch.no_grad():
            order = loss(self.images, self.told).argsort(stable=True)[:n]
        return self.latents[order], None if self.told is None else self.told[order]


def search(space: LatentSpace, loss: Loss, starts: Starts, how: Search, begin: Tensor | None = None) -> Found:
    """The latents that Adam finds for one image's loss, from `how.restarts` beginnings: those of `begin` first.

    Each row moves by itself, and each image is searched for by itself, so that it is found alone as among others.
    """
    latents, told = starts.best(loss, how.restarts)
    if begin is not None:
        latents = torch.cat((begin, latents))[: how.restarts]
    return in_order(descend(space, loss, latents, told, how))


@torch.enable_grad()
def descend(space: LatentSpace, loss: Loss, latents: Tensor, told: Tensor | None, how: Search) -> Found:
    """Where each of these latents comes, at its best, in their order."""
    z = latents.detach().clone().requires_grad_()
    adam = torch.optim.Adam([z])
    found = Found(z.detach().clone(), torch.empty(0), torch.full((len(z),), math.inf, device=z.device), told)
    for step in range(how.steps + 1):
        check_abandoned()
        images = space.make(z, told)
        wrong = loss(images, told) + how.typical * space.surprise(z)
        found = keep_better(found, z, images, wrong)
        if step < how.steps:
            (z.grad,) = torch.autograd.grad(wrong.sum(), z)
            adam.param_groups[0]["lr"] = how.rate(step) * space.typical.deviation
            adam.step()
            with torch.no_grad():
                z.copy_(space.confine(z))
    return found


@torch.no_grad()
def keep_better(found: Found, z: Tensor, images: Tensor, wrong: Tensor) -> Found:
    """The better of what was found and what is there now, row by row."""
    better = wrong < found.loss

    def chosen(new: Tensor, old: Tensor) -> Tensor:
        return torch.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    before = found.images if len(found.images) else images
    return Found(chosen(z, found.latents), chosen(images, before), chosen(wrong, found.loss), found.told)


def in_order(found: Found) -> Found:
    order = found.loss.argsort(stable=True)
    return Found(*(None if t is None else t[order] for t in found))  # type: ignore[arg-type]
