"""Penalties for the generator, on what the critic read its scores from: the codes of real and made samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import normalize

from ..core import Judge, Judged, Loss, Number, Slopes, exact, require, rows, sensible, wide
from ..parts import averaged, first, gathered


def codes(at: Judged) -> Tensor:
    """What each score was read from, (len(score), size), in full precision."""
    return wide(rows(at.features, at.score))


@dataclass(frozen=True)
class PullingAway:
    """For the generator: the mean squared cosine between the codes of any two fakes. Zhao et al. 2016.

    Its pairs are those of all processes, but of one of several accumulated parts, which see fewer than the whole does.
    """

    weight: Number = 0.1  # how strong; the paper's
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[Loss] = "generator"
    slopes: ClassVar[Slopes] = "nowhere"
    mixes: ClassVar[bool] = True  # it is taken of a batch, not of each sample

    def __post_init__(self) -> None:
        sensible(self)

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        with exact(fake.features):
            s = normalize(codes(fake))
            everyone = gathered(s)
        n, others = len(s), len(everyone) - 1
        require(others > 0, "PullingAway compares samples with each other, but there is one score only; raise "
                "the batch")  # fmt: skip
        with exact(fake.features):
            cosines = (s @ everyone.T).square()
        # a dead code has no cosine with itself either: what is on the diagonal is taken off, not n
        return (cosines.sum() - cosines.diagonal(first(s)).sum()) / (n * others)


@dataclass(frozen=True)
class FeatureMatching:
    """For the generator: the squared distance between the mean codes of reals and fakes. Salimans et al. 2016.

    The means are those of all processes, but of one of several accumulated parts, which add up to no less than the
    whole.
    """

    weight: Number = 1.0  # how strong; a choice of ours; in the paper it is the generator's whole loss
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[Loss] = "generator"
    slopes: ClassVar[Slopes] = "nowhere"
    mixes: ClassVar[bool] = True  # it is taken of a batch, not of each sample

    def __post_init__(self) -> None:
        sensible(self)

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        apart = codes(real).detach().mean(0) - codes(fake).mean(0)
        return averaged(apart).square().sum()
