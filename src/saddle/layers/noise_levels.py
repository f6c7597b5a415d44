"""A critic's view of pictures at several levels, more noise on the rougher ones; and changes that all levels share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..clock import Clock
from ..core import upcast
from ..errors import require
from ..parts import draw_rows
from ..shape import Shape
from .augment import random_colour, random_cutout, random_translation


@dataclass(frozen=True)
class NestedNoise:
    """Each level x becomes (1 - t) x and noise of deviation t, which holds the noise of the next finer level.

    t falls from the first, roughest level to the last: 1 - spread^(1 - i / (levels - 1)) + least. Hyun et al. 2025.
    """

    spread: float = 0.125  # what the first level keeps of the picture
    least: float = 0.01  # of the last level; it is added to all

    def __post_init__(self) -> None:
        require(0 < self.spread < 1, f"NestedNoise's spread is {self.spread}, but should be between 0 and 1")
        require(0 <= self.least < self.spread, f"NestedNoise's least is {self.least}, but should be from 0 to "
                f"below its spread, {self.spread}, since no level is all noise")  # fmt: skip

    def deviations(self, levels: int) -> tuple[float, ...]:
        """t of each level, shallow to deep: .885, .76, .51 and .01 of four."""
        shares = [i / (levels - 1) for i in range(levels - 1)]
        return (*(1 - self.spread ** (1 - share) + self.least for share in shares), self.least)

    def draw(self, like: Tensor, levels: int) -> Tensor:
        """The noise of each level of pictures (n, channels, height, width), (n, levels, channels, height, width).

        n_i = c n_(i+1) + sqrt(t_i^2 - (c t_(i+1))^2) e_i, where c = (1 - t_i) / (1 - t_(i+1)).
        """
        fresh = draw_rows(torch.randn, like, levels, *like.shape[1:])
        made: list[Tensor] = []
        finer, noise = 0.0, torch.zeros_like(like)
        for i, t in reversed(list(enumerate(self.deviations(levels)))):
            kept = (1 - t) / (1 - finer)
            noise = kept * noise + (t**2 - (kept * finer) ** 2) ** 0.5 * fresh[:, i]
            made, finer = [noise, *made], t
        return torch.stack(made, 1)


@dataclass(frozen=True)
class LevelAugment:
    """DiffAugment's changes as GAT has them: one draw for all levels, colours of some pictures only, and flips.

    Shifts of up to an eighth of each side, and a hole of half of each. Zhao et al. 2020; Hyun et al. 2025.
    """

    colour: float = 0.5  # how many pictures have their brightness, saturation and contrast changed
    place: bool = True  # are pictures moved, and is a hole made in each?
    flip: float = 0.4  # how many are turned left to right; 0 for digits and letters

    def __post_init__(self) -> None:
        for name in ("colour", "flip"):
            share = getattr(self, name)
            require(0 <= share <= 1, f"LevelAugment's {name} is {share}, but should be a share, from 0 to 1")

    def suits(self, data: Shape) -> None:
        known = data.channels in (1, 3, 4) or self.colour == 0
        require(known, f"the colours of 1, 3 or 4 channels can be changed, not of {data.channels}; give "
                "--augment.colour 0")  # fmt: skip

    def change(self, x: Tensor) -> Tensor:
        """Pictures at their levels, (n, levels, channels, height, width), changed alike at all of them."""
        one = x[:, 0]
        some = draw_rows(torch.rand, one, 1, 1, 1, 1) < self.colour
        x = torch.where(some, random_colour(x), x)
        if self.place:
            x = random_cutout(random_translation(x.flatten(1, 2))).view_as(x)
        turned = draw_rows(torch.rand, one, 1, 1, 1, 1) < self.flip
        return torch.where(turned, x.flip(4), x)


@dataclass(frozen=True)
class LevelView:
    """What a critic of levels is shown: pictures of every level as channels, shallow to deep, with noise, changed.

    A picture alone, of as many channels as the data, stands for all levels.
    """

    channels: int  # of the picture of one level
    levels: int
    noise: NestedNoise = NestedNoise()
    augment: LevelAugment | None = None

    def __call__(self, sample: Tensor, clock: Clock) -> Tensor:
        x = upcast(self.repeat(sample))
        x = x.view(len(x), self.levels, -1, *x.shape[2:])
        kept = x.new_empty(self.levels)
        for i, t in enumerate(self.noise.deviations(self.levels)):
            kept[i] = 1 - t  # on the device: a list of numbers would be brought over
        x = x * kept[:, None, None, None] + self.noise.draw(x[:, 0], self.levels)
        return (self.augment.change(x) if self.augment else x).flatten(1, 2)

    def repeat(self, sample: Tensor) -> Tensor:
        """Pictures as those of all levels, (n, levels * channels, height, width); such as are already stay."""
        return sample.repeat(1, self.levels, 1, 1) if sample.shape[1] == self.channels else sample
