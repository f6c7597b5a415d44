"""Augmentation as views: what a critic is shown, real or fake, is changed at random, so that it cannot learn by heart.

Generators hear through the same changes, and make samples without them as long as the changes can be told back from
many pictures; on real samples alone they would be learned. Nothing is seen in reduced precision, which only fakes come
in: rounding would give them away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from ..clock import Clock, Number, check_range, factor_at
from ..core import Judged, Memory, upcast
from ..errors import require
from ..fitting import FilledGame, is_decision_boundary
from ..parts import draw_rows, global_size
from ..shape import Shape
from .ada_pipeline import ada_augment, check_pictures

ADA_PIPE = "bgc"
DIFF_AUGMENT_POLICY = ("color", "translation", "cutout")


@runtime_checkable
class RestrictedView(Protocol):
    """A view that cannot be had of everything: `suits` raises Mistake for samples of another kind."""

    def suits(self, data: Shape) -> None: ...


def check_pipe(pipe: str, name: str) -> None:
    """Refuse letters that name no group of changes."""
    right = pipe != "" and set(pipe) <= set(ADA_PIPE) and len(set(pipe)) == len(pipe)
    require(right, f"{name}'s pipe is {pipe!r}, but should be of the letters b (blitting), g (geometry), c (colour)")


@dataclass(frozen=True)
class Augment:
    """ADA's changes at a probability that is given. Karras et al. 2020; by a schedule, Huang et al. 2024.

    Above 0.8 or so the generator begins to make samples that look changed.
    """

    p: Number = 0.3  # how likely each change is
    pipe: str = ADA_PIPE  # b: flips, quarter turns, shifts by pixels; g: sizes, turns, shifts between; c: colours

    def __post_init__(self) -> None:
        check_range(self.p, "Augment's p", 0, 1, "where all pictures are changed, none tells how they were")
        check_pipe(self.pipe, "Augment")

    def suits(self, data: Shape) -> None:
        check_pictures(data[:3], "c" in self.pipe)

    def __call__(self, sample: Tensor, clock: Clock) -> Tensor:
        return ada_augment(upcast(sample), factor_at(self.p, clock), self.pipe)


@dataclass(frozen=True)
class ADA:
    """Augmentation as likely as it takes to keep the critic from learning the data by heart. Karras et al. 2020.

    Half of the reals are scored above the boundary by a critic that knows nothing; one that overfits comes to all.
    """

    target: float = 0.6  # of the mean sign of the reals' scores; p rises while it is above
    images: int = 500_000  # in which p can go from 0 to 1
    every: int = 4  # batches between two changes of p
    pipe: str = ADA_PIPE  # b: flips, quarter turns, shifts by pixels; g: sizes, turns, shifts between; c: colours
    boundary: float = 0.0  # the score above which a sample is taken for real: 0.5 for LeastSquares with targets 0 and 1
    signal: Literal["sign", "held-out"] = "sign"  # r_t of the paper; or r_v, by samples kept out of training

    def __post_init__(self) -> None:
        signals = ("sign", "held-out")
        require(self.signal in signals, f"ADA's signal is sign or held-out, not {self.signal!r}")
        require(-1 < self.target < 1, f"ADA's target is {self.target}, but a mean sign lies between -1 and 1")
        require(self.images >= 1, f"ADA's p goes from 0 to 1 in {self.images} images, but it takes 1 or more")
        require(self.every >= 1, f"ADA changes p every {self.every} batches, but it should be every 1 or more")
        check_pipe(self.pipe, "ADA")

    def suits(self, data: Shape) -> None:
        check_pictures(data[:3], "c" in self.pipe)

    def fits(self, game: FilledGame) -> None:
        """Refuse to count the reals above a score that tells nothing, and games that judge no held-out samples."""
        if self.signal == "held-out":
            require(getattr(game, "judges_held_out", False), "ADA(signal='held-out') hears of samples kept out of "
                    "training, which only style-based generators' game judges; leave signal out")  # fmt: skip
            return
        require(is_decision_boundary(game.objective, game.critic, self.boundary),
                f"ADA counts the reals that are scored above {self.boundary}, a score that does not tell reals from "
                f"fakes under {type(game.objective).__name__} here; give Augment(0.3), whose strength is fixed, or "
                "ADA(boundary=...) where there is such a score (0.5 for LeastSquares())")  # fmt: skip

    def memory(self) -> ADAMemory:
        return ADAMemory(self)


class ADAMemory(Memory):
    """The probability in force, and what was heard since it was last changed."""

    p: Tensor  # ()
    sign: Tensor  # (), the signal that p was last changed by: a mean sign, or a share of the way to the fakes
    heard: Tensor  # sums over batches: of their means, images, batches
    held: Tensor  # (), the mean score of held-out samples when it was last heard

    def __init__(self, value: ADA) -> None:
        super().__init__()
        self.value, self.asks_held_out = value, value.signal == "held-out"
        self.register_buffer("p", torch.zeros(()))
        self.register_buffer("sign", torch.zeros(()))
        self.register_buffer("heard", torch.zeros(4 if self.asks_held_out else 3))
        if self.asks_held_out:
            self.register_buffer("held", torch.zeros(()))

    def forward(self, sample: Tensor, clock: Clock) -> Tensor:
        return ada_augment(upcast(sample), self.p, self.value.pipe)

    def observe(self, real: Judged, fake: Judged) -> Tensor:
        signs = [(real.score - self.value.boundary).sign().mean()]
        means = [real.score.mean(), fake.score.mean()] if self.asks_held_out else signs
        size = means[0].new_full((), global_size(real.sample))
        return torch.stack([*means, size, torch.ones_like(size)])

    def held_out_due(self, clock: Clock) -> bool:
        """In time for the next change of p."""
        every = self.value.every
        return self.asks_held_out and clock.read(lambda now: now.round % every == every - 1)

    def update_held_out(self, mean: Tensor) -> None:
        self.held.copy_(mean)

    def update(self, mean: Tensor) -> None:
        self.heard += mean.to(self.heard)
        *sums, images, batches = self.heard.unbind()
        due = batches >= self.value.every
        now = overfitting(sums[0], sums[1], self.held * batches) if self.asks_held_out else sums[0] / batches
        self.sign.copy_(torch.where(due, now, self.sign))
        step = (self.sign - self.value.target).sign() * images / self.value.images
        self.p.copy_(torch.where(due, (self.p + step).clamp(0, 1), self.p))
        self.heard *= ~due

    def logged(self) -> Mapping[str, Tensor]:
        return {"p": self.p, "sign": self.sign}


def overfitting(real: Tensor, fake: Tensor, held: Tensor) -> Tensor:
    """How far held-out samples are scored from the reals, as a share of the way to the fakes: equation 1, r_v.

    A critic that does not score reals above fakes has learned nothing by heart: 0.
    """
    return torch.where(real > fake, (real - held) / (real - fake), 0)


@dataclass(frozen=True)
class DiffAugment:
    """Colours, place and a hole, new in every picture at every look. Zhao et al. 2020, arXiv:2006.10738.

    Their choice: translation and cutout for BigGAN, color and cutout for StyleGAN 2, all three for few pictures.
    """

    policy: str = ",".join(DIFF_AUGMENT_POLICY)  # which of color, translation, cutout, with commas between

    def __post_init__(self) -> None:
        given = self.policy.split(",")
        right = set(given) <= set(DIFF_AUGMENT_POLICY) and len(set(given)) == len(given)
        require(right,
                f"DiffAugment's policy is {self.policy!r}, but should name some of {', '.join(DIFF_AUGMENT_POLICY)}, "
                "with commas and no spaces between")  # fmt: skip

    def suits(self, data: Shape) -> None:
        check_pictures(data[:3], "color" in self.policy)

    def __call__(self, sample: Tensor, clock: Clock) -> Tensor:
        x = upcast(sample)
        check_pictures(x.shape[1:], "color" in self.policy)
        for name, change in (("color", random_colour), ("translation", random_translation), ("cutout", random_cutout)):
            x = change(x) if name in self.policy.split(",") else x
        return x


def uniform_per_image(x: Tensor, low: float, high: float) -> Tensor:
    """One number for each row of x, (n, 1, 1, 1) where these are pictures."""
    return low + (high - low) * draw_rows(torch.rand, x, *[1] * (x.ndim - 1))


def random_colour(x: Tensor) -> Tensor:
    """Brightness by up to half, saturation from none to twice, contrast from half to one and a half.

    Of pictures (n, channels, height, width), or of several to a row, (n, levels, ...), which are changed alike.
    """
    x, clear = x[..., :3, :, :], x[..., 3:, :, :]  # transparency is no colour
    x = x + uniform_per_image(x, -0.5, 0.5)
    grey = x.mean(-3, keepdim=True)
    x = grey + (x - grey) * uniform_per_image(x, 0, 2)
    middle = x.mean((-3, -2, -1), keepdim=True)
    return torch.cat([middle + (x - middle) * uniform_per_image(x, 0.5, 1.5), clear], -3)


def random_whole_number(x: Tensor, most: int) -> Tensor:
    """A whole number from 0 to `most` for each picture, all as likely, (n, 1, 1, 1)."""
    return uniform_per_image(x, 0, most + 1).floor().clamp(max=most)  # a draw next to 1 may be rounded up


def round_pixels(side: int, share: float) -> int:
    """So much of a side in whole pixels, halves up."""
    return int(side * share + 0.5)


def random_translation(x: Tensor) -> Tensor:
    """By whole pixels, up to an eighth of each side; zeros come in."""
    for axis in (2, 3):
        side, most = x.shape[axis], round_pixels(x.shape[axis], 1 / 8)
        source = pixel_positions(x, axis) + random_whole_number(x, 2 * most) - most
        inside = (source >= 0) & (source < side)
        x = x.gather(axis, source.long().clamp(0, side - 1).expand(x.shape)) * inside
    return x


def random_cutout(x: Tensor) -> Tensor:
    """Zeros in a box of half of each side, with its middle anywhere."""
    inside = torch.ones(1, dtype=torch.bool, device=x.device)
    for axis in (2, 3):
        box = round_pixels(x.shape[axis], 0.5)
        first = random_whole_number(x, x.shape[axis] - box % 2) - box // 2
        place = pixel_positions(x, axis)
        inside = inside & (place >= first) & (place < first + box)
    return x * ~inside


def pixel_positions(x: Tensor, axis: int) -> Tensor:
    """The numbers of the pixels along a side, in four dimensions."""
    return torch.arange(x.shape[axis], device=x.device, dtype=x.dtype).view([-1 if i == axis else 1 for i in range(4)])
