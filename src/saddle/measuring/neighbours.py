"""Figures from who lies near whom."""

from __future__ import annotations

import torch

from ..core import require
from ..metrics.bins import different_bins
from ..metrics.birthday import birthday, closest_pairs
from ..metrics.diversity import pair_distance
from ..metrics.two_sample import classifier_test, one_nearest
from .case import Case, Number, share

TESTED = 5_000  # samples on both sides of a two-sample test
CELLS = 100
BATCH, RARE = 100, 0.05  # samples in a birthday's batch; the share of the data's batches that may have twins


def precision(case: Case) -> Number:
    four, _, n = case.manifolds
    return share(four.precision, n, f"precision ({case.eye})", samples=n, references=n)


def recall(case: Case) -> Number:
    four, _, n = case.manifolds
    return share(four.recall, n, f"recall ({case.eye})", samples=n, references=n)


def density(case: Case) -> Number:
    _, dense, n = case.manifolds
    return Number(dense.density, f"density ({case.eye})", samples=n, references=n)


def coverage(case: Case) -> Number:
    _, dense, n = case.manifolds
    return share(dense.coverage, n, f"coverage ({case.eye})", samples=n, references=n)


def one(case: Case) -> Number:
    real, made = case.equal(TESTED)
    return share(one_nearest(real, made).accuracy, 2 * len(made), f"1-NN accuracy ({case.eye})",
                 samples=len(made), references=len(real))  # fmt: skip


def told(case: Case) -> Number:
    real, made = case.equal(TESTED)
    found = classifier_test(real, made, seed=case.seed)
    return share(found.accuracy, found.held_out, f"C2ST accuracy ({case.eye})", samples=len(made), references=len(real))


def bins(case: Case) -> Number:
    real, made = case.equal(TESTED)
    count = min(CELLS, len(real) // 10)
    found = different_bins(real, made, count, seed=case.seed)
    return share(found.share, count, f"NDB / {count} ({case.eye})", samples=len(made), references=len(real))


def twins(case: Case) -> Number:
    """What counts as twins is set by the data: a pair so near that one in twenty of their batches has one."""
    real, made = case.equal(TESTED)
    nearest = [closest_pairs(rows, 1)[0].distance for rows in torch.split(real, BATCH) if len(rows) == BATCH]
    threshold = float(torch.tensor(nearest).quantile(RARE))
    found = birthday(made, BATCH, threshold, case.seed)
    return share(found.collided, found.batches, f"birthday twins in {BATCH} ({case.eye})",
                 samples=len(made), references=len(real))  # fmt: skip


def copies(case: Case) -> Number:
    n = len(case.memory.ratio)
    return share(case.memory.copies, n, f"copies ({case.eye})", samples=n)


def authenticity(case: Case) -> Number:
    n = len(case.memory.ratio)
    return share(case.memory.authenticity, n, f"authenticity ({case.eye})", samples=n)


def spread(case: Case) -> Number:
    ours, theirs = (pair_distance(seen.features, seed=case.seed) for seen in (case.made, case.real))
    require(theirs.value > 0, "the data are all the same, so there is no diversity to compare with")
    error = None if ours.error is None else ours.error / theirs.value
    return Number.of(ours.value / theirs.value, error, f"diversity ({case.eye})")
