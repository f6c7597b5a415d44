"""Distances of two distributions."""

from __future__ import annotations

from ..metrics.features import frechet_name
from ..metrics.kernel import kid as kernel_distance
from ..metrics.parzen import choose_sigma, parzen
from ..metrics.sliced import patch_distances, sliced_wasserstein
from ..metrics.spread import frechet_estimate
from .case import Case, Number

PATCHED, PATCHES, DIRECTIONS = 2_000, 32, 128  # images on both sides, patches of each, directions
TESTED = 1_000  # data whose likelihood is taken, and as many that choose the width
WIDE = 10_000  # samples with a Gaussian around each
POINTS = 10_000


def fid(case: Case) -> Number:
    estimate = frechet_estimate(case.real.moments, case.made.moments, case.made.features)
    note = lack_of_rank(len(case.made), len(case.real), case.made.eye.extractor.dimension)
    return Number.of(estimate.value, estimate.error, frechet_name(case.made.eye.extractor), estimate.n, note=note)


def lack_of_rank(samples: int, references: int, dimension: int) -> str:
    """What there is to know of a Fréchet distance of fewer samples than dimensions; nothing of others."""
    few = min(samples, references)
    if few > dimension:
        return ""
    return (f"the covariance of {few:,} samples has a rank of {few - 1:,} at most in {dimension:,} dimensions: the "
            "distance is biased upward, and its interval holds no bias; take more samples, or kid")  # fmt: skip


def kid(case: Case) -> Number:
    estimate = kernel_distance(case.real.features, case.made.features, seed=case.seed)
    error = None if estimate.error is None else 1000 * estimate.error
    return Number.of(1000 * estimate.value, error, f"KID x 1000 ({case.eye})", estimate.n,
                     samples=estimate.fake, references=estimate.real)  # fmt: skip


def swd(case: Case) -> Number:
    if case.real.side.data.shape.points:
        real, made = case.real.features[:POINTS], case.made.features[:POINTS]
        value = sliced_wasserstein(real, made, DIRECTIONS, case.seed)
        return Number(value, "sliced Wasserstein (points)", samples=len(made), references=len(real))
    ours, theirs = case.made.pictures(PATCHED), case.real.pictures(PATCHED)
    scales = patch_distances(theirs, ours, patches=PATCHES, directions=DIRECTIONS, seed=case.seed)
    value = sum(scales.values()) / len(scales)
    return Number(value, "SWD x 1000 (patches)", samples=ours.shape[0], references=theirs.shape[0])


def likelihood(case: Case) -> Number:
    """Pixels lie in 0 to 1 here, as in the papers; half of the data that are read choose the width."""
    points = case.real.side.data.shape.points
    real, made = (rows if points else (rows + 1) / 2 for rows in (case.real.features, case.made.features[:WIDE]))
    count = min(TESTED, len(real) // 2)
    sigma = choose_sigma(made, real[count : 2 * count])
    value, error, n = parzen(made, real[:count], sigma)
    return Number.of(value, error, "Parzen likelihood, nats", n, samples=len(made), references=count)
