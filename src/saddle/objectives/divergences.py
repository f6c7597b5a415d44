"""The f-divergences, E_q f(p/q) for data p and made q, by their variational bound. Nowozin et al. 2016.

Each row is written as one function of the score v that gives T = g(v) and f*(T) together, in a form that neither
overflows nor cancels. g rises with v, and T at v = 0 is f'(1), so that a score's sign tells real from made in every
row; the paper's g of two rows, kl and alpha below 1, is moved by a constant for that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from ..errors import did_you_mean, require

LOG2 = math.log(2)
EXPONENT_LIMIT = 20.0  # exponentials grow up to here, about 5e8, and in a straight line from there on


class Dual(NamedTuple):
    """The bound's two integrands, elementwise: E_p t - E_q conjugate is at most the divergence, at any score."""

    t: Tensor
    conjugate: Tensor


DualFunction = Callable[[Tensor], Dual]
DivergenceName = Literal["total-variation", "kl", "reverse-kl", "pearson", "neyman", "hellinger", "jensen-shannon",
                         "gan",
               "jeffreys", "alpha"]  # fmt: skip


@dataclass(frozen=True)
class FDivergence:
    """The critic raises a bound to the divergence of the data from what is made, the generator lowers it. One of
    total-variation, kl, reverse-kl, pearson, neyman, hellinger, jensen-shannon, gan, jeffreys, and alpha with a number.
    Nowozin et al. 2016.

    The bound is E_p T - E_q f*(T). jensen-shannon is twice the usual divergence, gan that less log 4. Of the alphas,
    1/2 is twice hellinger, 2 half of pearson and -1 half of neyman.
    """

    name: DivergenceName = "jensen-shannon"  # which divergence
    alpha: float | None = None  # of the row alpha: any number but 0 and 1, where reverse-kl and kl stand
    alternative: bool = False  # the generator raises T of fakes, the paper's heuristic, which does not saturate
    paired: ClassVar[bool] = False

    def __post_init__(self) -> None:
        known = (*DUAL_FUNCTIONS, "alpha")
        require(self.name in known, f"there is no f-divergence {self.name}{did_you_mean(self.name, known)}")
        if self.name != "alpha":
            require(self.alpha is None, f"{self.name} has no alpha; leave it out, or take the row named alpha")
        else:
            ok = self.alpha is not None and math.isfinite(self.alpha) and self.alpha not in (0, 1)
            require(ok, f"alpha is {self.alpha}; give the row alpha a number that is neither 0 (reverse-kl) nor 1 (kl)")

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.dual(fake).conjugate.mean() - self.dual(real).t.mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        t, conjugate = self.dual(fake)
        return -t.mean() if self.alternative else -conjugate.mean()

    def dual(self, score: Tensor) -> Dual:
        """T = g(score) and f*(T), of the score's shape."""
        return DUAL_FUNCTIONS[self.name](score) if self.alpha is None else alpha_dual(score, self.alpha)


def soft_limit(v: Tensor, limit: float = EXPONENT_LIMIT) -> Tensor:
    """v up to the limit and a logarithm's rise beyond, so that exp(v) goes on as its tangent.

    It is part of g, so T and f*(T) stay an exact pair, and the bound a bound.
    """
    return v.clamp(max=limit) + relu(v - limit).log1p()


def total_variation_dual(v: Tensor) -> Dual:
    t = v.tanh() / 2
    return Dual(t, t)


def kl_dual(v: Tensor) -> Dual:
    v = soft_limit(v)
    return Dual(1 + v, v.exp())


def reverse_kl_dual(v: Tensor) -> Dual:
    v = -soft_limit(-v)
    return Dual(-(-v).exp(), v - 1)


def pearson_dual(v: Tensor) -> Dual:
    # below t = -2 the supremum of ut - f(u) is at u = 0: there t^2/4 + t would rise again
    return Dual(v, relu(v + 2).square() / 4 - 1)


def neyman_dual(v: Tensor) -> Dual:
    v = -soft_limit(-v)
    return Dual(-(-v).expm1(), -2 * (-v / 2).expm1())


def hellinger_dual(v: Tensor) -> Dual:
    v = soft_limit(-soft_limit(-v))
    return Dual(-(-v).expm1(), v.expm1())


def jensen_shannon_dual(v: Tensor) -> Dual:
    return Dual(LOG2 - softplus(-v), softplus(v) - LOG2)


def gan_dual(v: Tensor) -> Dual:
    return Dual(-softplus(-v), softplus(v))


def jeffreys_dual(v: Tensor) -> Dual:
    v = soft_limit(v)
    log_u = solve_log_ratio(v)
    return Dual(v, log_u.expm1() + log_u)


def solve_log_ratio(t: Tensor) -> Tensor:
    """log u where f'(u) = 1 + log u - 1/u is t, by Newton's method; that is -log W(e^(1 - t)), W Lambert's."""

    def newton(x: Tensor) -> Tensor:
        slope = 1 + (-x).exp()
        return x - (x + 2 - slope - t) / slope

    with torch.no_grad():
        above = (1 - t).clamp(min=1)
        x = torch.where(t > 0, t - 1, -(above - above.log()).log())
        for _ in range(4):
            x = newton(x)
    # each of these also doubles the number of derivatives that are right: three, of which games may need two
    return newton(newton(x))


def alpha_dual(v: Tensor, alpha: float) -> Dual:
    """f(u) = (u^alpha - 1 - alpha(u - 1)) / (alpha(alpha - 1)); with y = 1 + (alpha - 1) T, f* is (y^p - 1) / alpha."""
    p = alpha / (alpha - 1)
    if alpha > 1:
        v = soft_limit(v, math.expm1(EXPONENT_LIMIT / p) / (alpha - 1))
        y = (1 + (alpha - 1) * v).clamp(min=1e-12)  # f* is flat below; not 0, where y^p lacks a second derivative
        return Dual(v, (y**p - 1) / alpha)
    end = 1 / (1 - alpha)  # of T; softplus keeps below it
    start = end + math.log(-math.expm1(-end))  # softplus(start) = end: a score of 0 is y = 1
    exponent = soft_limit(p * (log_softplus(start - v) - math.log(end)))
    return Dual(-(exponent / p).expm1() * end, exponent.expm1() / alpha)


def log_softplus(x: Tensor) -> Tensor:
    """log softplus(x), which is x far below zero, where softplus is too small to be told from 0."""
    return softplus(x.clamp(min=-30)).log() - relu(-30 - x)


DUAL_FUNCTIONS: dict[str, DualFunction] = {
    "total-variation": total_variation_dual, "kl": kl_dual, "reverse-kl": reverse_kl_dual, "pearson": pearson_dual,
    "neyman": neyman_dual,
    "hellinger": hellinger_dual, "jensen-shannon": jensen_shannon_dual, "gan": gan_dual, "jeffreys": jeffreys_dual,
}  # fmt: skip
