"""Distances of two distributions."""

from __future__ import annotations

from ..metrics.features import frechet_title
from ..metrics.frechet_error import frechet_estimate
from ..metrics.frechet_limit import frechet_limit, part_sizes
from ..metrics.kernel import kid as kernel_distance
from ..metrics.mind import DIRECTIONS, mind, mind_floor
from ..metrics.parzen import choose_sigma, parzen_likelihood
from ..metrics.sliced import patch_distances, sliced_wasserstein
from .metric_input import MetricInput, MetricResult

PATCHED_IMAGES, PATCHES_PER_IMAGE, SLICE_DIRECTIONS = (
    2_000,
    32,
    128,
)  # images on both sides, patches of each, directions
PARZEN_TESTED = 1_000  # data whose likelihood is taken, and as many that choose the width
PARZEN_SAMPLES = 10_000  # samples with a Gaussian around each
SLICED_POINTS = 10_000


def fid(case: MetricInput) -> MetricResult:
    estimate = frechet_estimate(case.real.moments, case.made.moments, case.made.features)
    note = rank_warning(len(case.made), len(case.real), case.made.extractor.network.dimension)
    return MetricResult.of(
        estimate.value, estimate.error, frechet_title(case.made.extractor.network), estimate.n, note=note
    )


def rank_warning(samples: int, references: int, dimension: int) -> str:
    """What there is to know of a Fréchet distance of fewer samples than dimensions; nothing of others."""
    few = min(samples, references)
    if few > dimension:
        return ""
    return (f"the covariance of {few:,} samples has a rank of {few - 1:,} at most in {dimension:,} dimensions: the "
            "distance is biased upward, and its interval holds no bias; take more samples, or kid")  # fmt: skip


def kid(case: MetricInput) -> MetricResult:
    estimate = kernel_distance(case.real.features, case.made.features, seed=case.seed)
    error = None if estimate.error is None else 1000 * estimate.error
    return MetricResult.of(1000 * estimate.value, error, f"KID x 1000 ({case.extractor_title})", estimate.n,
                     samples=estimate.fake, references=estimate.real)  # fmt: skip


def fd_inf(case: MetricInput) -> MetricResult:
    """The reference is not extrapolated: how many it is of stands in the protocol."""
    estimate = frechet_limit(case.real.moments, case.made.features, seed=case.seed)
    title = f"{frechet_title(case.made.extractor.network)} at infinity"
    dimension, first = case.made.extractor.network.dimension, part_sizes(len(case.made))[0]
    note = "" if first > dimension else (
        f"its smallest part has {first:,} samples for {dimension:,} dimensions, where the distance is no line in 1/n: "
        "take more samples (-n), or mind or kid")  # fmt: skip
    return MetricResult.of(estimate.value, estimate.error, title, note=note)


def mind_result(case: MetricInput) -> MetricResult:
    """Equally many on both sides, along the same directions whatever the seed; what is near its floor is said."""
    n = min(len(case.made), len(case.real))
    value, floor = mind(case.real.features, case.made.features), mind_floor(case.real.moments.covariance, n)
    note = "" if value > 3 * floor else (
        f"two sets of {n:,} of the data would be about {floor:.3g} apart, so that much of it is chance")  # fmt: skip
    title = f"MIND ({case.extractor_title}, {DIRECTIONS:,} directions)"
    return MetricResult(value, title, samples=n, references=n, note=note)


def swd(case: MetricInput) -> MetricResult:
    if case.real.sample_set.data.shape.points:
        real, made = case.real.features[:SLICED_POINTS], case.made.features[:SLICED_POINTS]
        value = sliced_wasserstein(real, made, SLICE_DIRECTIONS, case.seed)
        return MetricResult(value, "sliced Wasserstein (points)", samples=len(made), references=len(real))
    ours, theirs = case.made.lazy_images(PATCHED_IMAGES), case.real.lazy_images(PATCHED_IMAGES)
    scales = patch_distances(theirs, ours, patches=PATCHES_PER_IMAGE, directions=SLICE_DIRECTIONS, seed=case.seed)
    value = sum(scales.values()) / len(scales)
    return MetricResult(value, "SWD x 1000 (patches)", samples=ours.shape[0], references=theirs.shape[0])


def parzen_result(case: MetricInput) -> MetricResult:
    """Pixels lie in 0 to 1 here, as in the papers; half of the data that are read choose the width."""
    points = case.real.sample_set.data.shape.points
    real, made = (
        rows if points else (rows + 1) / 2 for rows in (case.real.features, case.made.features[:PARZEN_SAMPLES])
    )
    count = min(PARZEN_TESTED, len(real) // 2)
    sigma = choose_sigma(made, real[count : 2 * count])
    value, error, n = parzen_likelihood(made, real[:count], sigma)
    return MetricResult.of(value, error, "Parzen likelihood, nats", n, samples=len(made), references=count)
