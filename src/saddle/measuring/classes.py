"""Figures of classes and modes: which come, how often, and how alike samples of one are."""

from __future__ import annotations

import math

from ..core import Mistake, require
from ..data.toys import modes as mixture
from ..metrics.diversity import similarity
from ..metrics.modes import Caught, caught, named
from ..metrics.scores import class_chi_square, inception_score
from .case import Case, Number, counted, names, share

SPLITS = 10
SURELY = 0.8  # the probability from which a class is named surely
PAIRS = 1_000


def score(case: Case) -> Number:
    splits = min(SPLITS, len(case.made))
    found = inception_score(case.made.probabilities, splits)
    own = case.eye.startswith("inception")
    title = "Inception score" if own else f"Inception score of the {case.eye}'s {len(case.made.eye.classes)} classes"
    return Number.of(found.value, found.deviation / math.sqrt(splits - 1) if splits > 1 else None, title, splits)


def uneven(case: Case) -> Number:
    """Against how the same classifier reads the data, so that its own mistakes cancel."""
    classes = len(case.made.eye.classes)
    ours, theirs = (counted(names(seen.probabilities), classes) for seen in (case.made, case.real))
    there = theirs > 0
    found = class_chi_square(ours[there], theirs[there])
    return Number(found.statistic / found.freedom, f"class chi-square / {found.freedom}")


def readable(case: Case) -> Number:
    sure = float((case.made.probabilities.amax(1) > SURELY).double().mean())
    return share(sure, len(case.made), f"readable ({case.eye})")


def likeness(case: Case) -> Number:
    found = similarity(case.made.pictures(len(case.made)), PAIRS, case.seed)
    return Number.of(found.value, found.error, f"MS-SSIM of pairs ({found.scales} scales)")


def modes(case: Case) -> Number:
    if case.real.side.data.shape.points:
        return Number(mixed(case).modes, f"modes of {len(mixture(case.real.side.data.name).centres)}")
    classes = len(case.made.eye.classes)
    return Number(named(names(case.made.probabilities), classes).modes, f"classes of {classes}")


def quality(case: Case) -> Number:
    return share(mixed(case).high_quality, len(case.made), "points near a mode")


def reverse_kl(case: Case) -> Number:
    if case.real.side.data.shape.points:
        return Number(mixed(case).reverse_kl, "reverse KL of the modes, nats")
    found = named(names(case.made.probabilities), len(case.made.eye.classes))
    return Number(found.reverse_kl, "reverse KL of the classes, nats")


def mixed(case: Case) -> Caught:
    data = case.real.side.data
    if not data.shape.points:
        raise Mistake(f"this metric counts points near modes, and {data.name} has images; metric readable is for those")
    known = mixture(data.name)
    require(len(case.made) > 0, "there are no points to count")
    return caught(case.made.features, known.centres, known.std)
