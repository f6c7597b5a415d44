"""Figures from who lies near whom."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..errors import require
from ..metrics.bins import different_bins
from ..metrics.birthday import birthday_test, closest_pairs
from ..metrics.diversity import mean_pair_distance
from ..metrics.two_sample import classifier_two_sample, one_nearest_neighbour
from ..runs.pictures import save_png
from ..runs.sheets import make_contact_sheet
from .metric_input import MetricInput, MetricResult, share_result

TWO_SAMPLE_ROWS = 5_000  # samples on both sides of a two-sample test
NDB_BINS = 100
BIRTHDAY_BATCH, TWIN_RATE = (
    100,
    0.05,
)  # samples in a birthday's batch; the share of the data's batches that may have twins


def precision(case: MetricInput) -> MetricResult:
    four, _, n = case.manifolds
    return share_result(four.precision, n, f"precision ({case.manifold_title})", samples=n, references=n)


def recall(case: MetricInput) -> MetricResult:
    four, _, n = case.manifolds
    return share_result(four.recall, n, f"recall ({case.manifold_title})", samples=n, references=n)


def density(case: MetricInput) -> MetricResult:
    _, dense, n = case.manifolds
    return MetricResult(dense.density, f"density ({case.manifold_title})", samples=n, references=n)


def coverage(case: MetricInput) -> MetricResult:
    _, dense, n = case.manifolds
    return share_result(dense.coverage, n, f"coverage ({case.manifold_title})", samples=n, references=n)


def one_nn(case: MetricInput) -> MetricResult:
    real, made = case.equal_features(TWO_SAMPLE_ROWS)
    return share_result(one_nearest_neighbour(real, made).accuracy, 2 * len(made),
                        f"1-NN accuracy ({case.extractor_title})",
                 samples=len(made), references=len(real))  # fmt: skip


def c2st(case: MetricInput) -> MetricResult:
    real, made = case.equal_features(TWO_SAMPLE_ROWS)
    found = classifier_two_sample(real, made, seed=case.seed)
    return share_result(
        found.accuracy,
        found.held_out,
        f"C2ST accuracy ({case.extractor_title})",
        samples=len(made),
        references=len(real),
    )


def ndb(case: MetricInput) -> MetricResult:
    real, made = case.equal_features(TWO_SAMPLE_ROWS)
    count = min(NDB_BINS, len(real) // 10)
    found = different_bins(real, made, count, seed=case.seed)
    return share_result(
        found.share, count, f"NDB / {count} ({case.extractor_title})", samples=len(made), references=len(real)
    )


def birthday_twins(case: MetricInput) -> MetricResult:
    """What counts as twins is set by the data: a pair so near that one in twenty of their batches has one."""
    real, made = case.equal_features(TWO_SAMPLE_ROWS)
    nearest = [
        closest_pairs(rows, 1)[0].distance for rows in torch.split(real, BIRTHDAY_BATCH) if len(rows) == BIRTHDAY_BATCH
    ]
    threshold = float(torch.tensor(nearest).quantile(TWIN_RATE))
    found = birthday_test(made, BIRTHDAY_BATCH, threshold, case.seed)
    return share_result(found.collided, found.batches, f"birthday twins in {BIRTHDAY_BATCH} ({case.extractor_title})",
                 samples=len(made), references=len(real))  # fmt: skip


def copies(case: MetricInput) -> MetricResult:
    n = len(case.memorisation.ratio)
    return share_result(case.memorisation.copies, n, f"copies ({case.extractor_title})", samples=n)


def authenticity(case: MetricInput) -> MetricResult:
    n = len(case.memorisation.ratio)
    return share_result(case.memorisation.authenticity, n, f"authenticity ({case.extractor_title})", samples=n)


def feature_diversity(case: MetricInput) -> MetricResult:
    ours, theirs = (mean_pair_distance(seen.features, seed=case.seed) for seen in (case.made, case.real))
    require(theirs.value > 0, "the data are all the same, so there is no diversity to compare with")
    error = None if ours.error is None else ours.error / theirs.value
    return MetricResult.of(ours.value / theirs.value, error, f"diversity ({case.extractor_title})")


SHOWN_PAIRS = 32


def plot_copies(case: MetricInput, file: Path) -> None:
    """Pairs (sample, its nearest training sample), the most suspicious first."""
    require(not case.real.sample_set.data.shape.points, "points are not looked at in pairs; leave out --picture")
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = copy_pairs(case)
    save_png(make_contact_sheet(columns), file)


def copy_pairs(case: MetricInput) -> dict[str, Tensor]:
    found = case.memorisation
    first = found.most_copied(SHOWN_PAIRS)
    return {"made": case.made.sample_set.images(case.made.rows[first]),
            "nearest": case.real.sample_set.images(torch.as_tensor(found.which[first]))}  # fmt: skip
