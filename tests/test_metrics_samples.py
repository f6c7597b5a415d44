"""Neighbours, two-sample tests, memory, slices, similarity, paths, bins, likelihoods: brute force and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from saddle.errors import Mistake
from saddle.metrics import neighbours
from saddle.metrics.bins import different_bins, k_means
from saddle.metrics.birthday import birthday_test, closest_pairs, estimate_support
from saddle.metrics.estimates import bootstrap_interval
from saddle.metrics.inversion import inference_error
from saddle.metrics.latent_path import path_length, slerp, squared_distance_in
from saddle.metrics.manifold import density_coverage, expected_coverage, manifold_metrics, precision_recall
from saddle.metrics.memorisation import measure_memorisation
from saddle.metrics.neighbours import nearest_neighbours, nearest_others, squared_distances
from saddle.metrics.parzen import SIGMAS, choose_sigma, parzen_likelihood
from saddle.metrics.two_sample import classifier_two_sample, one_nearest_neighbour


def normal(n: int, d: int, seed: int = 0, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    draw = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return draw * scale + shift


def apart(x: Tensor, y: Tensor) -> Tensor:
    """All distances, from differences."""
    return (x[:, None].double() - y[None].double()).square().sum(-1).sqrt()


def radii(x: Tensor, k: int) -> Tensor:
    return apart(x, x).sort(1).values[:, k]  # the first is the point itself


def share(mask: Tensor) -> float:
    return float(mask.double().mean())


# Neighbours


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_neighbours_in_blocks_are_those_of_brute_force(kind: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "DISTANCES_AT_ONCE", 900)  # blocks of a few rows
    x, y = normal(130, 9, shift=1000).to(kind), normal(90, 9, 1, shift=1000).to(kind)
    found, expected = nearest_neighbours(x, y, 4), apart(x, y).sort(1)
    torch.testing.assert_close(found.distance, expected.values[:, :4], rtol=1e-12, atol=0)
    assert torch.equal(found.which, expected.indices[:, :4])
    own = nearest_others(x, 3).distance
    torch.testing.assert_close(own, apart(x, x).sort(1).values[:, 1:4], rtol=1e-12, atol=0)
    for rows, squares in squared_distances(x, y):
        torch.testing.assert_close(squares.double(), apart(x, y)[rows].square(), rtol=1e-4, atol=1e-4)


def test_a_copy_is_at_no_distance_at_all() -> None:
    x = normal(50, 300, shift=50).float()
    found = nearest_neighbours(x[[7, 3]], x)
    assert found.distance.tolist() == [[0], [0]] and found.which.tolist() == [[7], [3]]
    with pytest.raises(Mistake, match="3 nearest neighbours were asked for among 2"):
        nearest_others(x[:3], 3)


# Precision, recall, density, coverage


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_four_figures_by_brute_force(kind: torch.dtype, k: int) -> None:
    real, fake = normal(120, 4).to(kind), normal(120, 4, 1, scale=0.8, shift=0.3).to(kind)
    d = apart(real, fake)
    in_real, in_fake = d <= radii(real, k)[:, None], d <= radii(fake, k)[None]
    assert precision_recall(real, fake, k) == pytest.approx((share(in_real.any(0)), share(in_fake.any(1))))
    few = in_real[:, :70]
    found = density_coverage(real, fake[:70], k)
    assert found == pytest.approx((float(few.sum()) / (70 * k), share(few.any(1))))
    at_once = manifold_metrics(real, fake, k, dense=2)
    assert at_once == (precision_recall(real, fake, k), density_coverage(real, fake, 2))


def test_identical_and_far_sets() -> None:
    real = normal(100, 6).float()
    assert precision_recall(real, real) == (1, 1) and density_coverage(real, real).coverage == 1
    assert precision_recall(real, real + 100) == (0, 0) and density_coverage(real, real + 100) == (0, 0)


def test_a_copied_set_does_not_count_the_copies_on_the_spheres() -> None:
    """The k-th neighbour lies on its ball, whose border is not in it: with itself, k copies are inside."""
    real = normal(200, 30).float()
    assert density_coverage(real, real, 5).density == 1


def test_dropped_and_invented_modes_are_told_apart() -> None:
    two = torch.cat((normal(100, 3), normal(100, 3, 1, shift=20)))
    one = normal(200, 3, 2)
    dropped, invented = precision_recall(two, one), precision_recall(one, two)
    assert dropped.precision > 0.8 and dropped.recall < 0.6
    assert invented.precision < 0.6 and invented.recall > 0.8


def test_coverage_of_a_perfect_sampler() -> None:
    found = [density_coverage(normal(100, 3, s), normal(150, 3, 1000 + s), 5) for s in range(40)]
    assert np.mean([f.coverage for f in found]) == pytest.approx(expected_coverage(100, 150, 5), abs=0.01)
    assert np.mean([f.density for f in found]) == pytest.approx(1, abs=0.05)


def test_figures_do_not_turn_with_the_features() -> None:
    real, fake, turn = normal(90, 5), normal(90, 5, 1, shift=0.4), torch.linalg.qr(normal(5, 5, 2)).Q
    for metric in (precision_recall, density_coverage, one_nearest_neighbour):
        assert metric(real @ turn, fake @ turn) == pytest.approx(metric(real, fake))


def test_unequal_numbers_are_refused_where_they_would_mislead() -> None:
    with pytest.raises(Mistake, match="equal numbers, not 9 and 8"):
        precision_recall(normal(9, 2), normal(8, 2))
    with pytest.raises(Mistake, match="not 9 and 8"):
        one_nearest_neighbour(normal(9, 2), normal(8, 2))
    with pytest.raises(Mistake, match="matrices of one width"):
        density_coverage(normal(9, 2), normal(9, 3))


# Two-sample tests


def test_one_nearest_by_brute_force() -> None:
    real, fake = normal(40, 3), normal(40, 3, 1, shift=0.5)
    both = torch.cat((real, fake))
    d = apart(both, both).fill_diagonal_(torch.inf)
    right = (d.argmin(1) < 40) == (torch.arange(80) < 40)
    found = one_nearest_neighbour(real, fake)
    assert found == pytest.approx((share(right), share(right[:40]), share(right[40:])))


def test_one_nearest_of_the_same_of_others_and_of_copies() -> None:
    same = [one_nearest_neighbour(normal(100, 4, s), normal(100, 4, 500 + s)).accuracy for s in range(20)]
    assert np.mean(same) == pytest.approx(0.5, abs=0.03)
    x = normal(60, 4)
    assert one_nearest_neighbour(x, x + 50).accuracy == 1 and one_nearest_neighbour(x, x).accuracy == 0


@pytest.mark.parametrize("kind", ["logistic", "neighbours"])
def test_the_classifier_test_tells_what_differs_and_only_that(kind: str) -> None:
    same = [classifier_two_sample(normal(200, 5, s), normal(200, 5, 500 + s), kind, seed=s) for s in range(8)]
    assert np.mean([f.accuracy for f in same]) == pytest.approx(0.5, abs=0.03)
    assert sum(f.p_value < 0.05 for f in same) <= 3 and same[0].held_out == 200
    other = classifier_two_sample(normal(300, 5), normal(300, 5, 1, shift=2), kind)
    assert other.accuracy > 0.95 and other.p_value < 1e-6


def test_a_straight_classifier_reaches_bayes_accuracy() -> None:
    """Of N(0, I) against a shift of 1: Phi(1/2) = .6915."""
    far = torch.tensor([1.0, 0, 0])
    found = classifier_two_sample(normal(6000, 3), normal(6000, 3, 1) + far)
    assert found.accuracy == pytest.approx(0.6915, abs=0.02)


# Memory


def test_new_data_and_copies_and_near_copies() -> None:
    train, fresh = normal(400, 6), normal(400, 6, 1)
    new, copied = measure_memorisation(train, fresh), measure_memorisation(train, train[:100])
    near = measure_memorisation(train, train[:100] + normal(100, 6, 2, scale=1e-3))
    assert new.median_ratio == pytest.approx(1, abs=0.15) and new.authenticity > 0.4 and new.copies < 0.04
    assert copied.median_ratio == 0 and copied.authenticity == 0 and copied.copies == 1
    assert copied.which.tolist() == list(range(100)) == near.which.tolist()
    assert near.median_ratio < 0.01 and near.authenticity == 0 and near.copies == 1


def test_the_most_copied_come_first() -> None:
    train, samples = normal(300, 4), normal(50, 4, 1)
    samples[[31, 8]] = train[[5, 6]]
    found = measure_memorisation(train, samples)
    assert set(found.most_copied(2).tolist()) == {31, 8} and found.which[31] == 5
    expected = apart(samples, train).min(1)
    own = apart(train, train).fill_diagonal_(torch.inf).amin(1)
    torch.testing.assert_close(found.ratio, expected.values / own[expected.indices])


def test_twins_in_the_training_data_do_not_divide_by_zero() -> None:
    train = normal(20, 3)
    train[1] = train[0]
    found = measure_memorisation(train, torch.stack((train[0], train[0] + 1e-9)))
    assert found.ratio.tolist() == [0, math.inf]
    with pytest.raises(Mistake, match="twin"):
        measure_memorisation(train[:1].repeat(9, 1), train)


# Bins and birthdays


def test_k_means_finds_separate_clusters() -> None:
    centres = torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10]]).double()
    points = centres.repeat(50, 1) + normal(200, 2, scale=0.3)
    found = k_means(points, 4)
    assert apart(centres, found).amin(1).max() < 0.3
    assert torch.equal(k_means(points[:3], 3).sort(0).values, points[:3].sort(0).values)


def test_bins_of_one_source_differ_as_often_as_the_level_says() -> None:
    found = [different_bins(normal(600, 2, s), normal(600, 2, 300 + s), 20) for s in range(8)]
    assert np.mean([f.share for f in found]) < 0.12
    dropped = different_bins(normal(600, 2), normal(600, 2, 1).abs(), 20)
    assert dropped.share > 0.6 and dropped.divergence > 0.2
    far = different_bins(normal(50, 2), normal(50, 2, 1, shift=1000), 2)
    assert far.bins == 2 and far.different == 2


def test_the_birthday_paradox_estimates_the_support() -> None:
    """365 equally likely values: batches of 23 collide with probability .507."""
    days = torch.randint(365, (23 * 1500, 1), generator=torch.Generator().manual_seed(0)).double()
    found = birthday_test(days, 23, threshold=0.5)
    assert found.collided == pytest.approx(0.507, abs=0.04) and found.support == pytest.approx(365, rel=0.15)
    assert estimate_support(0.5, 100) == pytest.approx(100**2 / (2 * math.log(2)))
    assert estimate_support(0, 10) == math.inf and estimate_support(1, 10) == 0


def test_closest_pairs_are_named_once() -> None:
    x = normal(40, 3)
    x[9], x[30] = x[4] + 1e-6, x[2] + 1e-3
    first, second = closest_pairs(x, 2)
    assert (first.first, first.second) == (4, 9) and (second.first, second.second) == (2, 30)


# Paths, likelihoods, inversion


def test_the_path_of_a_linear_generator_is_the_distance_of_its_ends() -> None:
    """Straight: d(t) does not depend on t, so E |A (b - a)|^2 exactly."""
    matrix, ends = normal(5, 8, 3), (normal(40, 5), normal(40, 5, 1))
    expected = ((ends[1] - ends[0]) @ matrix).square().sum(1)
    found = path_length(lambda z: z @ matrix, squared_distance_in(lambda x: x), ends, spherical=False, batch=16)
    assert found.value == pytest.approx(float(expected.mean()), rel=1e-6) and found.n == 40
    assert found.error == pytest.approx(float(expected.std()) / math.sqrt(40), rel=1e-6)


def test_the_path_on_a_sphere_is_the_squared_angle() -> None:
    ends = tuple(torch.nn.functional.normalize(normal(30, 6, s), dim=1) for s in (0, 1))
    angle = (ends[0] * ends[1]).sum(1).acos()
    found = path_length(lambda z: z, squared_distance_in(lambda x: x), ends)
    assert found.value == pytest.approx(float(angle.square().mean()), rel=1e-5)


def test_slerp_meets_its_ends_at_constant_speed_and_keeps_the_norm() -> None:
    a, b = (torch.nn.functional.normalize(normal(9, 7, s), dim=1) * 3 for s in (0, 1))
    torch.testing.assert_close(slerp(a, b, torch.tensor(0.0)), a)
    torch.testing.assert_close(slerp(a, b, torch.tensor(1.0)), b)
    steps = torch.stack([slerp(a, b, torch.tensor(t / 10.0, dtype=torch.float64)) for t in range(11)])
    torch.testing.assert_close(steps.norm(dim=2), torch.full((11, 9), 3.0).double())
    pace = steps.diff(dim=0).norm(dim=2)
    torch.testing.assert_close(pace, pace[:1].expand_as(pace))
    torch.testing.assert_close(slerp(a, a, torch.tensor(0.3)), a)


def test_parzen_by_hand_and_its_width_by_validation() -> None:
    centres, test = normal(6, 3), normal(4, 3, 1)
    squares = apart(test, centres).square().numpy()
    density = np.exp(-squares / (2 * 0.25)).mean(1) / (2 * np.pi * 0.25) ** 1.5
    assert parzen_likelihood(centres, test, 0.5).value == pytest.approx(np.log(density).mean(), rel=1e-9)
    assert pytest.approx((0.1, 1.0)) == (SIGMAS[0], SIGMAS[-1]) and len(SIGMAS) == 10
    tight, wide = normal(400, 1, scale=0.1), normal(400, 1)
    assert choose_sigma(tight, normal(400, 1, 1, scale=0.1)) < choose_sigma(wide, normal(400, 1, 1))
    expected = -0.5 * math.log(2 * math.pi * 1.09) - 0.5 / 1.09  # of N(0, 1 + sigma^2) under N(0, 1)
    assert parzen_likelihood(normal(4000, 1), normal(500, 1, 1), 0.3).value == pytest.approx(expected, abs=0.08)


def test_inversion_finds_what_is_there_and_how_far_the_rest_is() -> None:
    """Of a linear generator: the residual of least squares."""
    basis, seen = torch.linalg.qr(normal(12, 3)).Q.T, normal(5, 12, 1)
    starts = normal(2 * 5, 3, 2).view(2, 5, 3)
    residual = (seen - seen @ basis.T @ basis).square().mean(1)
    torch.testing.assert_close(inference_error(lambda z: z @ basis, seen, starts), residual, rtol=1e-6, atol=1e-9)
    inside = normal(5, 3, 4) @ basis
    assert inference_error(lambda z: z @ basis, inside, starts).max() < 1e-10
    with pytest.raises(Mistake, match="starts"):
        inference_error(lambda z: z, seen, starts[0])


def test_intervals_of_neighbour_figures_need_halves() -> None:
    """A duplicate is its own neighbour: copies drawn by the bootstrap shrink the balls."""
    real, fake = normal(150, 3), normal(150, 3, 1)
    found = bootstrap_interval(lambda x, y: precision_recall(x, y).precision, real, fake, times=40, halves=True)
    assert 0.02 < found.high - found.low < 0.3
