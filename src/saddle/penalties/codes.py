"""Penalties for the generator, on what the critic read its scores from: the codes of real and made samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import normalize

from ..clock import Number
from ..core import InputGrad, Judge, Judged, LossSide, check_penalty, per_score, upcast
from ..errors import require
from ..parts import all_gather_rows, all_reduce_mean, first_local_row
from ..precision import full_precision


def score_features(at: Judged) -> Tensor:
    """What each score was read from, (len(score), size), in full precision."""
    return upcast(per_score(at.features, at.score))


@dataclass(frozen=True)
class PullingAway:
    """For the generator: the mean squared cosine between the codes of any two fakes. Zhao et al. 2016.

    Its pairs are those of all processes, but of one of several accumulated parts, which see fewer than the whole does.
    """

    weight: Number = 0.1  # how strong; the paper's
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "generator"
    input_grad: ClassVar[InputGrad] = "nowhere"
    mixes: ClassVar[bool] = True  # it is taken of a batch, not of each sample

    def __post_init__(self) -> None:
        check_penalty(self)

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        with full_precision(fake.features):
            s = normalize(score_features(fake))
            everyone = all_gather_rows(s)
        n, others = len(s), len(everyone) - 1
        require(others > 0, "PullingAway compares samples with each other, but there is one score only; raise "
                "the batch")  # fmt: skip
        with full_precision(fake.features):
            cosines = (s @ everyone.T).square()
        # a dead code has no cosine with itself either: what is on the diagonal is taken off, not n
        return (cosines.sum() - cosines.diagonal(first_local_row(s)).sum()) / (n * others)


@dataclass(frozen=True)
class FeatureMatching:
    """For the generator: the squared distance between the mean codes of reals and fakes. Salimans et al. 2016.

    The means are those of all processes, but of one of several accumulated parts, which add up to no less than the
    whole.
    """

    weight: Number = 1.0  # how strong; a choice of ours; in the paper it is the generator's whole loss
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "generator"
    input_grad: ClassVar[InputGrad] = "nowhere"
    mixes: ClassVar[bool] = True  # it is taken of a batch, not of each sample

    def __post_init__(self) -> None:
        check_penalty(self)

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        apart = score_features(real).detach().mean(0) - score_features(fake).mean(0)
        return all_reduce_mean(apart).square().sum()
