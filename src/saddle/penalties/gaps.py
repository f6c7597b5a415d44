"""Penalties on gaps between scores, which hold a critic's slope without asking for it; a map's gaps are averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor
from torch.nn.modules.dropout import _DropoutNd

from ..clock import Number
from ..core import InputGrad, Judge, Judged, LossSide, check_penalty, part_name, per_score
from ..errors import require
from ..fitting import FilledGame


@dataclass(frozen=True)
class Consistency:
    """CT-GAN: two looks at one real sample, under different dropout, agree. Wei et al. 2018.

    It goes with WGAN-GP's terms and a critic with dropout; without dropout, or noise in a view, it would be zero, and
    is refused.
    """

    weight: Number = 2.0  # how strong; the paper's lambda_2
    features: float = 0.1  # what the features' mean square counts beside the score's
    slack: float = 0.0  # the paper's M', what the sum may be for free; zero in the authors' code
    every: int = 1
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "nowhere"

    def __post_init__(self) -> None:
        check_penalty(self)
        for name in ("features", "slack"):
            given = getattr(self, name)
            require(given >= 0, f"Consistency's {name} is {given}, but should be 0 or more")

    def fits(self, game: FilledGame) -> None:
        """Refuse to compare two looks at one sample where nothing is left to chance between them."""
        dropped = any(isinstance(layer, _DropoutNd) and layer.p > 0 for layer in game.critic.modules())
        require(bool(game.views) or dropped, f"{part_name(self)} compares two looks at a sample, which are the same "
                'without dropout or noise; give --networks "Dropped(...)", or --views "Noise(0.1)"')  # fmt: skip

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        x = real.sample.detach()
        a, b = judge(x), judge(x)  # looks of its own, as in the authors' code: the loss has a third
        apart = mean_square_gap(a.score, b.score, a.score) + self.features * mean_square_gap(
            a.features, b.features, a.score
        )
        return (apart - self.slack).relu().mean()


def mean_square_gap(a: Tensor, b: Tensor, score: Tensor) -> Tensor:
    """The mean square of the difference for each score, (len(score),), in the score's precision."""
    return per_score(a.to(score.dtype) - b.to(score.dtype), score).square().mean(1)


@dataclass(frozen=True)
class QuadraticPotential:
    """GAN-QP's half of the critic's loss, beside the objective Wasserstein: gap^2 / (2 lambda d). Su 2018.

    Reals and fakes are paired as they come. At best a pair's scores are at most lambda times its distance apart.
    """

    scale: float = 10.0  # the paper's lambda
    distance: Literal["l1", "l2"] = "l1"  # of a pair: mean absolute, or root mean square, difference of its pixels
    weight: Number = 1.0
    every: int = 1
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "nowhere"

    def __post_init__(self) -> None:
        check_penalty(self)
        require(self.scale > 0, f"QuadraticPotential's scale is {self.scale}, but should be above 0")
        require(self.distance in ("l1", "l2"), f"QuadraticPotential's distance is l1 or l2, not {self.distance!r}")

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        samples = per_score(real.sample.detach(), real.score), per_score(fake.sample.detach(), real.score)
        return self.of_gaps(per_score(real.score - fake.score, real.score), self.apart(*samples)).mean()

    def apart(self, a: Tensor, b: Tensor) -> Tensor:
        """The distance of the two of each pair, (n,), of rows (n, ...)."""
        gap = (a - b).flatten(1)
        return gap.abs().mean(1) if self.distance == "l1" else gap.square().mean(1).sqrt()

    def of_gaps(self, delta: Tensor, d: Tensor) -> Tensor:
        """The term of each pair, (n,), whose scores differ by delta, (n, ...), and which are d apart, (n,)."""
        # 1e-8: of a pair that is one sample twice, the gap is zero and so is the term
        return delta.reshape(len(delta), -1).square().mean(1) / (2 * self.scale * (d + 1e-8))


@dataclass(frozen=True)
class Drift:
    """The mean square of the reals' scores, which keeps a Wasserstein critic near zero. Karras et al. 2017."""

    weight: Number = 1e-3  # how strong; the paper's epsilon_drift
    every: int = 1
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "nowhere"

    def __post_init__(self) -> None:
        check_penalty(self)

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        return real.score.square().mean()
