"""Penalties on the slope of the critic's score with respect to the sample; a patch map's score is its mean here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ..clock import Number
from ..core import InputGrad, Judge, Judged, LossSide, as_leaf, check_penalty, per_score
from ..errors import require
from ..parts import all_reduce_mean, draw_rows, is_single_process
from ..precision import slope_precision
from .nearby import LEAST_DISTANCE, mean_nearby_sq


def grad_norm_sq(at: Judged) -> Tensor:
    """The squared norm of the score's gradient for each score, (len(score),); of a pack, over all its samples."""
    require(at.sample.requires_grad, "slopes are asked for at samples that nothing can be derived by; judge them as "
            "leaves, judge(as_leaf(images)), with saddle.core.as_leaf")  # fmt: skip
    with slope_precision(at.sample):
        (g,) = torch.autograd.grad(per_score(at.score, at.score).mean(1).sum(), at.sample, create_graph=True)
    return per_score(g, at.score).to(at.score.dtype).square().sum(1)


def grad_norm(at: Judged) -> Tensor:
    """The norm itself, (len(score),)."""
    return (grad_norm_sq(at) + 1e-12).sqrt()  # the root's own slope at zero is infinite


def judge_interpolated(judge: Judge, real: Judged, fake: Judged) -> Judged:
    """The verdict on one random point of each line from a real sample, or pack of them, to a fake one."""
    x = per_score(real.sample, real.score)
    x_fake = per_score(fake.sample, fake.score).to(x.dtype)  # a generator's output may be bfloat16
    return judge(as_leaf(torch.lerp(x_fake, x, draw_rows(torch.rand, x, 1)).reshape_as(real.sample)))


@dataclass(frozen=True)
class GradientPenalty:
    """A given slope between real and fake. Gulrajani et al. 2017, equation 3, where it is one.

    With target=0 it is the zero-centred penalty between reals and fakes.
    """

    weight: Number = 10.0  # how strong; the paper's lambda
    target: float = 1.0  # the slope that costs nothing
    one_sided: bool = False  # slopes below the target cost nothing either
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "elsewhere"

    def __post_init__(self) -> None:
        check_penalty(self)
        require(self.target >= 0, f"GradientPenalty's target is {self.target}, but a slope's norm is 0 or more")

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        excess = grad_norm(judge_interpolated(judge, real, fake)) - self.target
        return (excess.relu() if self.one_sided else excess).square().mean()


def batch_std(x: Tensor) -> Tensor:
    """The standard deviation of all numbers, over all processes."""
    if is_single_process():
        return x.std(correction=0)
    mean = x.mean()
    return all_reduce_mean(x.var(correction=0) + (mean - all_reduce_mean(mean)).square()).sqrt()


@dataclass(frozen=True)
class Dragan:
    """Slope one around the reals: at x + alpha spread std U, with alpha from U(0, 1) for each. Kodali et al. 2017.

    Noise U is uniform from zero up, as in the authors' code. It is as wide as the batch varies in all processes; parts
    that are accumulated differ slightly from the whole.
    """

    weight: Number = 10.0  # how strong
    spread: float = 0.5  # the noise's range, in standard deviations of the batch over all its pixels
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "elsewhere"
    mixes: ClassVar[bool] = True  # its noise is as wide as a batch

    def __post_init__(self) -> None:
        check_penalty(self)
        require(self.spread > 0, f"Dragan's spread is {self.spread}, but should be above 0")

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        x = per_score(real.sample.detach(), real.score)
        noise = self.spread * batch_std(x) * draw_rows(torch.rand, x, x.shape[1])
        alpha = draw_rows(torch.rand, x, 1)
        return (grad_norm(judge(as_leaf((x + alpha * noise).reshape_as(real.sample)))) - 1).square().mean()


@dataclass(frozen=True)
class Divergence:
    """A power of the slope; with the objective Wasserstein it makes WGAN-div, where k = 2, p = 6. Wu et al. 2018.

    The theory holds wherever slopes are taken. The authors' code takes them between reals and fakes, with weight 10;
    others take them at the reals and at the fakes and halve the sum.
    """

    weight: Number = 2.0  # how strong; the paper's k
    power: float = 6.0  # of the slope's norm; the paper's p
    where: Literal["between", "samples"] = "between"  # reals and fakes, or at both
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "critic"

    def __post_init__(self) -> None:
        check_penalty(self)
        require(self.power > 1, f"Divergence's power is {self.power}, but should be above 1")
        require(self.where in ("between", "samples"), f"Divergence is taken between or samples, not {self.where!r}")

    @property
    def input_grad(self) -> InputGrad:
        return "elsewhere" if self.where == "between" else "samples"

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        points = [judge_interpolated(judge, real, fake)] if self.where == "between" else [real, fake]
        return torch.stack([grad_norm(at).pow(self.power).mean() for at in points]).mean()


@dataclass(frozen=True)
class R1:
    """Half the mean squared slope at the reals. Mescheder et al. 2018.

    The half is in here, so the weight is the gamma of gamma/2, as in StyleGAN. The authors' own code has no half: its
    10 is 20 here. With nearby=0.01 there is no second derivative: the squared change of the score to a point so near is
    taken in its place, which is as large in the mean but varies more.
    """

    weight: Number = 10.0  # how strong; the paper's gamma; of pixels in [-1, 1]
    every: int = 1  # due once in so many rounds, and then as many times as strong; 16 in StyleGAN2
    nearby: float = 0.0  # how far the point is that scores are compared with; 0 takes slopes
    share: float = 1.0  # of the batch that is compared so, evenly spread
    by_size: bool = False  # the weight is for 64x64 pixels, ten times as much at each doubling of both sides
    loss: ClassVar[LossSide] = "critic"

    def __post_init__(self) -> None:
        check_penalty(self)
        name, fits = type(self).__name__, self.nearby == 0 or LEAST_DISTANCE <= self.nearby < math.inf
        require(fits, f"{name}'s nearby is {self.nearby}, but should be 0 or {LEAST_DISTANCE:g} or more: "
                "nearer, single precision tells no two scores apart; give nearby=0.01")  # fmt: skip
        require(0 < self.share <= 1, f"{name}'s share is {self.share}, but should be above 0, and 1 at most")
        require(self.nearby > 0 or self.share == 1, f"{name} takes slopes of a whole batch, not of a share of it; give "
                "nearby=0.01 too, or leave share out")  # fmt: skip

    @property
    def input_grad(self) -> InputGrad:
        return "elsewhere" if self.nearby else "samples"

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        slope = mean_nearby_sq(judge, real, self.nearby, self.share) if self.nearby else grad_norm_sq(real).mean()
        return (weight_by_size(real.sample) if self.by_size else 1) * slope / 2


@dataclass(frozen=True)
class R2(R1):
    """R1 at the fakes. Mescheder et al. 2018."""

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        return super().__call__(judge, fake, real)


def weight_by_size(sample: Tensor) -> float:
    """How many times as strong a slope's weight is than at 64x64 pixels: our fit to R3GAN's five presets.

    Theirs are 0.05 and 0.5 at 32x32, 2 and 1 at 64x64, 150 at 256x256. Ten times as much at each doubling of both
    sides, and 1.5 at 64x64, meets the last exactly and the others within a factor of 3.4.
    """
    height, width = sample.shape[2:]
    require(height * width > 1, "the weight of points does not follow their size; give R1 and R2 by_size=False")
    return float(10 ** (math.log2(height * width / 64**2) / 2))


@dataclass(frozen=True)
class Roth:
    """What instance noise of variance gamma adds to logistic losses, to first order in gamma. Roth et al. 2017.

    True of the best critic; its trace of second derivatives then cancels. Half the sum is in here, as in R1, and the
    factors in front of the slopes are differentiated too.
    """

    weight: Number = 0.1  # how strong; the paper's gamma; theirs is also annealed from 2
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "samples"

    def __post_init__(self) -> None:
        check_penalty(self)

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        r, f = (per_score(at.score, at.score).mean(1) for at in (real, fake))
        doubt = (-r).sigmoid().square() * grad_norm_sq(real), f.sigmoid().square() * grad_norm_sq(fake)
        return (doubt[0].mean() + doubt[1].mean()) / 2
