"""Styles whose images are as given ones are: Karras et al. 2019 (StyleGAN 2), appendix D, and Abdal et al. 2019."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ..errors import require
from ..inference.labels import Label
from ..inference.loaded import LoadedGame
from ..out_of_memory import catch_out_of_memory
from ..training.engine import derive_seed
from ..training.signals import check_abandoned
from .images import check_images
from .inversion import Inversions, inversions
from .styles import StyleSpace

SATURATED = 1 - 1 / 255  # from here on a pixel is saved as white
SMALLEST = 4  # pixels of the shorter side at which images are compared last


@dataclass(frozen=True)
class Projecting:
    """How images are projected into the styles of a generator; the shares are of the steps."""

    steps: int = 1000  # of Adam
    lr: float = 0.1  # of Adam, at its highest
    ramp_up: float = 0.05  # first share, in which the rate grows from 0
    ramp_down: float = 0.25  # last share, in which it falls to 0 as half a cosine
    noise: float = 0.05  # how far styles are shaken at first, over how far they lie from their mean
    noisy: float = 0.75  # first share, in which they are shaken less and less
    samples: int = 10_000  # random styles, whose mean is begun from
    each_layer: bool = False  # a style for each layer, W+: nearer to the image, and farther from what was learned

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("samples", 2)):
            require(getattr(self, name) >= least, f"{name} is {getattr(self, name)}, but should be {least} or more")
        for name in ("ramp_up", "ramp_down", "noisy"):
            share = getattr(self, name)
            require(0 <= share <= 1, f"{name} is {share}, but should be a share of the steps, from 0 to 1")
        for name in ("lr", "noise"):
            given = getattr(self, name)
            require(0 <= given < math.inf, f"{name} is {given}, but should be 0 or more")

    def rate(self, step: int) -> float:
        t = step / self.steps
        down = (1 - math.cos(math.pi * min(1.0, (1 - t) / self.ramp_down))) / 2 if self.ramp_down else 1.0
        return self.lr * down * (min(1.0, t / self.ramp_up) if self.ramp_up else 1.0)

    def shake(self, step: int) -> float:
        return self.noise * max(0.0, 1 - step / self.steps / self.noisy) ** 2 if self.noisy else 0.0


@catch_out_of_memory()
def project(loaded: LoadedGame, images: Tensor, how: Projecting = Projecting(), label: Label | None = None,
            seed: int = 0) -> Inversions:  # fmt: skip
    """Styles (n, layers, w_dim) whose images are as these, (n, channels, height, width) in [-1, 1].

    Each image is projected alone as among others, by the seed alone. It is compared by its pixels, at its own size and
    at each half of it, not by the features of a network that was trained on other images (LPIPS), as in the paper; and
    the noise of the layers stays what the seed says, where the paper searches for noise as well. Mistake for a game
    that makes no styles.
    """
    space = StyleSpace(loaded, label)
    x = check_images(loaded, images)
    w = space.draw_w(how.samples, seed)
    mean = w.mean(0)
    spread = float((w - mean).square().sum(1).mean().sqrt())
    found = [project_one(space, one[None].to(space.device), mean, spread, how, seed) for one in x]
    return inversions(x, torch.cat(found).cpu(), torch.cat([space.make_all(ws) for ws in found]).cpu(), None)


@torch.enable_grad()
def project_one(space: StyleSpace, image: Tensor, mean: Tensor, spread: float, how: Projecting, seed: int) -> Tensor:
    """The styles of one image, (1, layers, w_dim): where Adam ends that begins at the mean style."""
    layers = space.layers
    w = mean.expand(1, layers if how.each_layer else 1, -1).clone().requires_grad_()
    dice = torch.Generator(w.device).manual_seed(derive_seed(seed, how.steps))
    adam, targets = torch.optim.Adam([w], betas=(0.9, 0.999)), pyramid(image)
    for step in range(how.steps):
        check_abandoned()
        shaken = w + spread * how.shake(step) * torch.randn(w.shape, generator=dice, device=w.device)
        made = clip_saturated(space.make(shaken.expand(1, layers, -1)), image)
        apart = pyramid_distance(made, targets)
        (w.grad,) = torch.autograd.grad(apart, w)
        adam.param_groups[0]["lr"] = how.rate(step)
        adam.step()
    return w.detach().expand(1, layers, -1)


def clip_saturated(made: Tensor, images: Tensor) -> Tensor:
    """What is made, but no whiter where an image is white, and no blacker where it is black: no file shows more."""
    below = torch.where(images >= SATURATED, torch.minimum(made, images), made)
    return torch.where(images <= -SATURATED, torch.maximum(below, images), below)


def pyramid(images: Tensor) -> list[Tensor]:
    """Images, and their means over 2 x 2 pixels again and again, as long as the shorter side has 4 pixels."""
    levels = [images]
    while min(levels[-1].shape[2:]) >= 2 * SMALLEST:
        levels.append(avg_pool2d(levels[-1], 2))
    return levels


def pyramid_distance(made: Tensor, targets: list[Tensor]) -> Tensor:
    """The mean squared differences at all sizes, added up."""
    levels = zip(pyramid(made), targets, strict=True)
    return torch.stack([(a - b).square().mean() for a, b in levels]).sum()
