"""Figures that rank well with few samples: MIND, and the Fréchet distance of infinitely many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from saddle import measure
from saddle.errors import Mistake
from saddle.metrics.frechet import frechet_distance
from saddle.metrics.frechet_limit import course, frechet_limit, half_of, part_sizes
from saddle.metrics.manifold import density_coverage, expected_coverage, precision_recall
from saddle.metrics.mind import mind, mind_floor
from saddle.metrics.moments import Moments
from test_metrics_numbers import normal, rotation

D = 64
MC = (2 / 1000) ** 0.5  # the relative standard deviation of a mean over 1,000 directions, at most


def test_of_isotropic_gaussians_it_is_three_times_the_frechet_distance():
    shift = torch.zeros(D, dtype=torch.float64)
    shift[0] = 3.0
    true = 3 * (9 + D * 0.1**2)
    seen = mind(normal(5000, D), normal(5000, D, seed=1, scale=1.1) + shift)
    assert abs(seen - true - mind_floor(torch.eye(D), 5000)) < 3 * MC * true


def test_of_unequal_axes_it_is_less_than_three_squared_distances():
    axes = torch.linspace(0.5, 2, D, dtype=torch.float64)
    seen = mind(normal(5000, D), normal(5000, D, seed=1) * axes)
    assert seen == pytest.approx(21.08 + 3 * 6.5 / 5000 * D, rel=MC)
    assert seen < 3 * float((axes - 1).square().sum()) + 0.3


def test_of_a_shift_it_is_known_exactly():
    x, shift = normal(500, 8), torch.arange(8.0, dtype=torch.float64)
    ways = torch.randn(1000, 8, generator=torch.Generator().manual_seed(2020))
    ways = (ways / ways.norm(dim=1, keepdim=True)).double()
    assert mind(x, x + shift) == pytest.approx(3 * 8 * float((ways @ shift).square().mean()), rel=1e-9)
    assert mind(x, x) == 0.0 and mind(x, x[torch.randperm(500)]) < 1e-28


@pytest.mark.parametrize(("n", "seen"), [(1000, 1.25), (5000, 0.249)])
def test_its_floor_falls_with_the_samples_and_not_with_the_square_of_the_dimension(n: int, seen: float):
    found = mind(normal(n, D, seed=4), normal(n, D, seed=5))
    assert found == pytest.approx(mind_floor(torch.eye(D), n), rel=0.1) and found == pytest.approx(seen, rel=0.1)


def test_turning_both_sides_changes_it_by_the_choice_of_directions_alone():
    x, y, turn = normal(500, D), normal(500, D, seed=1, scale=1.5), rotation(D)
    assert mind(x @ turn, y @ turn) == pytest.approx(mind(x, y), rel=3 * MC)
    many = [mind(a, b, directions=8000) for a, b in ((x[:99], y[:99]), (x[:99] @ turn, y[:99] @ turn))]
    assert many[0] == pytest.approx(many[1], rel=MC)


def test_of_unequal_numbers_as_many_are_taken_and_strange_features_are_refused():
    x, y = normal(300, 4), normal(900, 4, seed=1, shift=1.0)
    assert mind(x, y) == mind(x, y) == pytest.approx(mind(x, y[:300]), rel=0.2)
    with pytest.raises(Mistake, match="must be matrices of one width"):
        mind(x, y[:, :3])


def identity(d: int) -> Moments:
    """Of infinitely many samples of N(0, 1)."""
    known = Moments(d)
    known.n = 10**9
    known.scatter = torch.eye(d, dtype=torch.float64) * (known.n - 1)
    return known


def test_the_distance_of_few_samples_is_a_line_in_one_over_their_number():
    """Its slope is s^2 d + s (d^2 + d) / 4 for N(0, s^2), its intercept d (s - 1)^2."""
    real, sizes = identity(32), part_sizes(10_000)
    assert (sizes[0], sizes[1], sizes[-1], len(sizes)) == (1000, 1642, 10_000, 15)
    many = [course(real, half_of(real), normal(10_000, 32, seed=i, scale=1.1), sizes) for i in range(4)]
    slope, start = np.polyfit(1 / np.array(sizes), np.mean(many, 0), 1)
    assert slope == pytest.approx(329.1, rel=0.1) and start == pytest.approx(0.32, abs=0.02)


def test_the_intercept_is_the_distance_without_the_bias_of_its_samples():
    real, samples = identity(32), normal(10_000, 32, scale=1.1)
    found = frechet_limit(real, samples, seed=1)
    assert found == frechet_limit(real, samples, seed=1) and found.error is not None
    assert abs(found.value - 0.32) < 2.5 * found.error and 0.005 < found.error < 0.02
    assert frechet_distance(real, samples) > 0.34


def test_of_equal_distributions_it_is_nought_within_its_error_and_may_be_negative():
    real, inside, below = identity(16), 0, 0
    for i in range(20):
        found = frechet_limit(real, normal(1000, 16, seed=i), orders=3)
        inside += abs(found.value) < 2 * (found.error or 0.0)
        below += found.value < 0
    assert inside >= 15 and below >= 3
    with pytest.raises(Mistake, match="takes 30 samples, not 20"):
        frechet_limit(real, normal(20, 16))


def boards(n: int, seed: int, shade: float = 1.0) -> Any:
    return (np.random.default_rng(seed).integers(0, 256, (n, 16, 16)) * shade).astype(np.uint8)


def test_they_are_figures_with_their_protocol_and_say_what_is_near_the_floor():
    heard: list[str] = []
    ask: dict[str, Any] = {"metrics": "mind,fd-inf", "features": "identity", "say": heard.append, "quiet": True}
    near, limit = measure(boards(60, 1), boards(90, 2), **ask)
    assert near.title == "MIND (identity-256, 1,000 directions)" and near.better == "lower"
    assert (near.protocol.samples, near.protocol.references) == (60, 60) and near.low is None
    assert (
        limit.title == "FID, identity features, 256-d at infinity" and limit.low is not None and limit.low < limit.value
    )
    assert any("two sets of 60 of the data would be about" in sentence for sentence in heard)
    assert any("has 6 samples for 256 dimensions" in sentence for sentence in heard)
    far, _ = measure(boards(60, 1, 0.3), boards(90, 2), **ask)
    assert far.value > 10 * near.value and not far.note


def test_mind_is_measured_while_a_run_trains(tmp_path: Path):
    from saddle import train
    from saddle.runs.folder import RunFolder
    from saddle.runs.measures import read_measurements

    run = train("gan", data="ring", images=64, measure="mind", features="identity", samples=50, threads=1, quiet=True,
                pictures=0, every=32, options={"networks.width": "8", "batch": "8"}, out=tmp_path / "run")  # fmt: skip
    assert [m.figures[0].metric for m in read_measurements(RunFolder.find(run))] == ["mind"] * 3


def test_neighbourhoods_reach_as_far_as_is_said():
    x, y = normal(400, 2).float(), normal(400, 2, seed=1).float()
    points = {"metrics": "precision,coverage", "quiet": True}
    names = [(figure.title, figure.value) for figure in measure(x.numpy(), y.numpy(), k=5, **points)]
    assert [title for title, _ in names] == ["precision (identity-2, k = 5)", "coverage (identity-2, k = 5)"]
    assert names[0][1] == pytest.approx(precision_recall(y, x, 5).precision, abs=0.01)
    assert names[1][1] == pytest.approx(density_coverage(y, x, 5).coverage, abs=0.01)
    plain = measure(x.numpy(), y.numpy(), **points)
    assert plain[0].title == "precision (identity-2)" and plain[0].value < names[0][1]
    assert names[1][1] == pytest.approx(expected_coverage(400, 400, 5), abs=0.03)
    with pytest.raises(Mistake, match="k is 0, but should be above 0"):
        measure(x.numpy(), y.numpy(), k=0, **points)


@pytest.mark.parametrize(("fake", "precision", "recall"), [
    (lambda x: x + 100.0, 0.0, 0.0), (lambda x: x.clone(), 1.0, 1.0),
    (lambda x: x[:1].expand(len(x), -1) + 0.0, 1.0, 1 / 200),  # copies of one
])  # fmt: skip
def test_neighbourhoods_of_what_is_apart_the_same_or_one_point(fake: Any, precision: float, recall: float):
    x: Tensor = normal(200, 8)
    assert precision_recall(x, fake(x), 5) == (precision, pytest.approx(recall, abs=1e-9))
