"""Figures of classes and modes: which come, how often, and how alike samples of one are."""

from __future__ import annotations

import math

from ..data.toys import toy_modes as mixture
from ..errors import Mistake, require
from ..metrics.diversity import pairwise_ms_ssim
from ..metrics.modes import MixtureCoverage, count_class_modes, count_mixture_modes
from ..metrics.scores import class_chi_square, inception_score
from .metric_input import MetricInput, MetricResult, count_labels, predicted_classes, share_result

SCORE_SPLITS = 10
MIN_CONFIDENCE = 0.8  # the probability from which a class is named surely
MSSIM_PAIRS = 1_000


def inception_result(case: MetricInput) -> MetricResult:
    splits = min(SCORE_SPLITS, len(case.made))
    found = inception_score(case.made.probabilities, splits)
    own = case.extractor_title.startswith("inception")
    title = (
        "Inception score"
        if own
        else f"Inception score of the {case.extractor_title}'s {len(case.made.extractor.classes)} classes"
    )
    return MetricResult.of(found.value, found.deviation / math.sqrt(splits - 1) if splits > 1 else None, title, splits)


def class_chi2(case: MetricInput) -> MetricResult:
    """Against how the same classifier reads the data, so that its own mistakes cancel."""
    classes = len(case.made.extractor.classes)
    ours, theirs = (count_labels(predicted_classes(seen.probabilities), classes) for seen in (case.made, case.real))
    there = theirs > 0
    found = class_chi_square(ours[there], theirs[there])
    return MetricResult(found.statistic / found.freedom, f"class chi-square / {found.freedom}")


def readable_share(case: MetricInput) -> MetricResult:
    sure = float((case.made.probabilities.amax(1) > MIN_CONFIDENCE).double().mean())
    return share_result(sure, len(case.made), f"readable ({case.extractor_title})")


def msssim(case: MetricInput) -> MetricResult:
    found = pairwise_ms_ssim(case.made.lazy_images(len(case.made)), MSSIM_PAIRS, case.seed)
    return MetricResult.of(found.value, found.error, f"MS-SSIM of pairs ({found.scales} scales)")


def modes_caught(case: MetricInput) -> MetricResult:
    if case.real.sample_set.data.shape.points:
        return MetricResult(
            mixture_coverage(case).modes, f"modes of {len(mixture(case.real.sample_set.data.name).centres)}"
        )
    classes = len(case.made.extractor.classes)
    return MetricResult(
        count_class_modes(predicted_classes(case.made.probabilities), classes).modes, f"classes of {classes}"
    )


def mode_quality(case: MetricInput) -> MetricResult:
    return share_result(mixture_coverage(case).high_quality, len(case.made), "points near a mode")


def mode_reverse_kl(case: MetricInput) -> MetricResult:
    if case.real.sample_set.data.shape.points:
        return MetricResult(mixture_coverage(case).reverse_kl, "reverse KL of the modes, nats")
    found = count_class_modes(predicted_classes(case.made.probabilities), len(case.made.extractor.classes))
    return MetricResult(found.reverse_kl, "reverse KL of the classes, nats")


def mixture_coverage(case: MetricInput) -> MixtureCoverage:
    data = case.real.sample_set.data
    if not data.shape.points:
        raise Mistake(f"this metric counts points near modes, and {data.name} has images; metric readable is for those")
    known = mixture(data.name)
    require(len(case.made) > 0, "there are no points to count")
    return count_mixture_modes(case.made.features, known.centres, known.std)
