"""Fréchet and kernel distances, scores, moments, intervals: closed forms, and equality with independent ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from saddle.errors import Mistake
from saddle.metrics.estimates import bootstrap_interval, mean_estimate, metric_by_class, student_t_quantile
from saddle.metrics.frechet import frechet_distance, gaussian_frechet_distance
from saddle.metrics.kernel import kid, mmd
from saddle.metrics.manifold import precision_recall
from saddle.metrics.modes import count_class_modes, count_mixture_modes, expected_reverse_kl, perfect_quality
from saddle.metrics.moments import Moments
from saddle.metrics.scores import class_chi_square, inception_score


def normal(n: int, d: int, seed: int = 0, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    draw = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return draw * scale + shift


def rotation(d: int, seed: int = 0) -> Tensor:
    return torch.linalg.qr(normal(d, d, seed)).Q


# Moments


def test_moments_are_numpys_also_far_from_zero_and_in_parts() -> None:
    features = normal(500, 7, scale=3, shift=1e6)
    whole, first, second = Moments.of(features), Moments(7), Moments(7)
    for part in features[:180].split(13):
        first.add(part)
    second.add(features[180:])
    first.merge(second)
    first.merge(Moments(7))
    for moments in (whole, first):
        np.testing.assert_allclose(moments.mean, features.numpy().mean(0), rtol=1e-14)
        np.testing.assert_allclose(moments.covariance, np.cov(features.numpy().T), rtol=1e-9, atol=1e-9)
    assert first.n == whole.n == 500


def test_moments_refuse_what_is_no_feature() -> None:
    with pytest.raises(Mistake, match="no number"):
        Moments.of(torch.tensor([[1.0, math.nan]]))
    with pytest.raises(Mistake, match=r"features \(n, 3\) were expected"):
        Moments(3).add(torch.ones(2, 4))
    with pytest.raises(Mistake, match="at least 2 samples, not 1"):
        frechet_distance(torch.ones(1, 2), torch.ones(5, 2))


# Fréchet distance


def test_two_gaussians_on_a_line() -> None:
    """W2 of N(0, 1) and N(0.5, 1.3^2) is .583095."""
    one = torch.ones(1, 1)
    distance = gaussian_frechet_distance(torch.zeros(1), one, torch.full((1,), 0.5), one * 1.3**2)
    assert distance == pytest.approx(0.5**2 + 0.3**2, rel=1e-6) and distance**0.5 == pytest.approx(0.583095, abs=1e-6)


def test_gaussians_that_share_axes_or_are_rotated_together() -> None:
    a, b, turn = torch.rand(9).double() + 0.1, torch.rand(9).double() + 0.1, rotation(9)
    shift, none = torch.arange(9.0).double(), torch.zeros(9).double()
    expected = float(shift.square().sum() + (a.sqrt() - b.sqrt()).square().sum())
    assert gaussian_frechet_distance(none, a.diag(), shift, b.diag()) == pytest.approx(expected, rel=1e-10)
    turned = gaussian_frechet_distance(none, turn @ a.diag() @ turn.T, turn @ shift, turn @ b.diag() @ turn.T)
    assert turned == pytest.approx(expected, rel=1e-10)


def test_it_is_the_eigenvalue_form_of_the_product() -> None:
    x, y = normal(300, 24) @ normal(24, 24, 1), normal(200, 24, 2, shift=0.1) @ normal(24, 24, 3)
    s, t = np.cov(x.numpy().T), np.cov(y.numpy().T)
    root = np.sqrt(np.linalg.eigvals(s @ t).astype(complex)).real.sum()
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * root
    assert frechet_distance(x, y) == pytest.approx(float(expected), rel=1e-9)
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-9)


def test_fewer_samples_than_dimensions() -> None:
    """The trace of the root is the sum of singular values of one centred set times the other."""
    x, y = normal(12, 60), normal(9, 60, 1, scale=2)
    a, b = (rows - rows.mean(0) for rows in (x, y))
    cross = torch.linalg.svdvals(a @ b.T).sum() / math.sqrt(11 * 8)
    spread = a.square().sum() / 11 + b.square().sum() / 8
    expected = (x.mean(0) - y.mean(0)).square().sum() + spread - 2 * cross
    assert frechet_distance(x, y) == pytest.approx(float(expected), rel=1e-7)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-6)


def test_identical_sets_shifts_and_constant_features() -> None:
    x = normal(100, 8)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-10)
    assert frechet_distance(x, x + 2) == pytest.approx(4 * 8, rel=1e-9)
    assert frechet_distance(torch.ones(5, 3), torch.zeros(5, 3)) == pytest.approx(3)


def test_it_is_biased_upward_at_small_numbers() -> None:
    few, many = (
        np.mean([frechet_distance(normal(n, 8, s), normal(n, 8, 99 - s)) for s in range(5)]) for n in (50, 500)
    )
    assert few > 5 * many > 0


def test_different_features_are_not_compared() -> None:
    with pytest.raises(Mistake, match="64 and 32 dimensions"):
        frechet_distance(normal(9, 64), normal(9, 32))


# Kernel distance


def test_kid_of_one_subset_of_all_samples_by_the_definition() -> None:
    x, y = normal(9, 4), normal(9, 4, 1, shift=0.3)

    def mean(a: Tensor, b: Tensor, same: bool) -> float:
        values = [float((p @ q / 4 + 1) ** 3) for i, p in enumerate(a) for j, q in enumerate(b) if i != j or not same]
        return sum(values) / len(values)

    expected = mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)
    whole = kid(x, y, size=9, subsets=1)
    assert whole.value == pytest.approx(expected, rel=1e-9) and whole.error is None
    assert mmd(x, y) == pytest.approx(expected, rel=1e-9)


def test_kid_is_unbiased_and_its_error_is_honest() -> None:
    """Over many draws from one source its mean is zero, and as far from it as the errors say."""
    found = [kid(normal(200, 6, 2 * s), normal(200, 6, 2 * s + 1), size=20) for s in range(60)]
    values, errors = np.array([f.value for f in found]), np.array([f.error for f in found])
    assert abs(values.mean()) < 3 * values.std() / math.sqrt(60)
    assert values.std() == pytest.approx(float(np.sqrt((errors**2).mean())), rel=0.35)
    assert (values < 0).any()


@pytest.mark.parametrize("real", [100, 600])
def test_the_interval_of_kid_covers_its_truth(real: int) -> None:
    """Of 300 pairs of sets from one Gaussian, 95 % have zero in it; five subsets with 1.96 errors: 86 %."""
    found = [kid(normal(real, 4, 2 * s), normal(100, 4, 2 * s + 1)) for s in range(300)]
    held = [abs(f.value) <= student_t_quantile(f.n - 1) * (f.error or 0) for f in found]
    assert np.mean(held) == pytest.approx(0.94, abs=0.03)
    assert {(f.n, f.real, f.fake) for f in found} == {(5, real, 100)}


def test_kid_uses_more_of_the_larger_side_and_is_the_surer_for_it() -> None:
    same, more = ([kid(normal(n, 4, 2 * s), normal(50, 4, 2 * s + 1)).value for s in range(100)] for n in (50, 1000))
    assert np.std(more) < 0.75 * np.std(same) and abs(np.mean(more)) < 3 * np.std(more) / 10
    whole = kid(normal(5400, 3), normal(700, 3, 1))
    assert (whole.n, whole.real, whole.fake) == (5, 5000, 700)
    assert kid(normal(90, 3), normal(70, 3, 1), size=20)[2:] == (3, 60, 60)
    assert kid(normal(90, 3), normal(70, 3, 1), size=20, subsets=8)[2:] == (8, 90, 70)


def test_kid_does_not_move_with_the_size_of_subsets_nor_with_rotation() -> None:
    x, y, turn = normal(600, 5), normal(600, 5, 1, shift=0.4), rotation(5)
    small, large = kid(x, y, size=30), kid(x, y, size=600)
    assert small.value == pytest.approx(large.value, abs=3 * (small.error or 0))
    assert kid(x @ turn, y @ turn).value == pytest.approx(kid(x, y).value, rel=1e-9)
    assert kid(x, y, subsets=7, size=100).n == 7
    with pytest.raises(Mistake, match="there are 600"):
        kid(x, y, size=601)


# An oracle that is not ours


class Given(nn.Module):
    """Lets torchmetrics take features for images."""

    num_features = 16

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


@pytest.mark.filterwarnings("ignore")
def test_torchmetrics_finds_the_same() -> None:
    oracle = "torchmetrics, the oracle, is not installed"
    fids = pytest.importorskip("torchmetrics.image.fid", reason=oracle)
    kids = pytest.importorskip("torchmetrics.image.kid", reason=oracle)
    scores = pytest.importorskip("torchmetrics.image.inception", reason=oracle)
    real, fake = normal(80, 16).float(), normal(80, 16, 1, shift=0.2).float()
    fid = fids.FrechetInceptionDistance(feature=Given(), normalize=True).set_dtype(torch.float64)
    kernel = kids.KernelInceptionDistance(feature=Given(), subsets=1, subset_size=80, normalize=True)
    for metric in (fid, kernel):
        metric.update(real[:, :, None, None], real=True)
        metric.update(fake[:, :, None, None], real=False)
    assert frechet_distance(real, fake) == pytest.approx(float(fid.compute()), rel=1e-5)
    assert kid(real, fake, size=80, subsets=1).value == pytest.approx(float(kernel.compute()[0]), rel=1e-5)
    score = scores.InceptionScore(feature=Given(), splits=4)
    score.update(fake[:, :, None, None])
    torch.manual_seed(5)
    order = torch.randperm(80)
    torch.manual_seed(5)
    value, deviation = score.compute()
    ours = inception_score(fake[order].double().softmax(1), splits=4)
    assert ours.value == pytest.approx(float(value), rel=1e-5)
    assert ours.deviation == pytest.approx(float(deviation) * math.sqrt(3 / 4), rel=1e-4)  # numpy's, of 4 splits


# Scores of probabilities


def test_inception_score_of_sure_even_and_unsure_classes() -> None:
    sure = torch.eye(10).repeat(30, 1)
    assert inception_score(sure, splits=3) == pytest.approx((10, 0, 3))
    assert inception_score(torch.full((50, 10), 0.1), splits=1).value == pytest.approx(1)
    assert inception_score(sure[:1].repeat(40, 1)).value == pytest.approx(1)
    p = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    by_hand = (p * (p / p.mean(0)).log()).sum(1).mean().exp()
    assert inception_score(p, splits=1).value == pytest.approx(float(by_hand), rel=1e-6)
    with pytest.raises(Mistake, match="softmax"):
        inception_score(torch.randn(10, 3))


def test_chi_square_of_known_tables() -> None:
    even = class_chi_square(torch.tensor([25, 25, 25, 25]))
    assert even == pytest.approx((0, 3, 1))
    two = class_chi_square(torch.tensor([60.0, 40.0]))  # z = 2, so p = .0455
    assert two.statistic == pytest.approx(4) and two.p_value == pytest.approx(0.0455003, abs=1e-6)
    shares = torch.tensor([0.6, 0.4])
    assert class_chi_square(torch.tensor([60, 40]), shares).statistic == pytest.approx(0, abs=1e-12)
    with pytest.raises(Mistake, match="share above zero"):
        class_chi_square(torch.tensor([1, 1]), torch.tensor([1, 0]))


# Modes


def test_floors_of_a_perfect_sampler() -> None:
    assert perfect_quality() == pytest.approx(1 - math.exp(-4.5)) == pytest.approx(0.98889, abs=1e-5)
    assert perfect_quality(2, 2) == pytest.approx(0.8647, abs=1e-4) and perfect_quality(1, 1) == pytest.approx(
        0.6827, abs=1e-4
    )
    assert expected_reverse_kl(1000, 26_000) == pytest.approx(0.0192, abs=5e-5)
    assert expected_reverse_kl(25, 2500) == pytest.approx(0.0048) and expected_reverse_kl(8, 2500) == pytest.approx(
        0.0014
    )


def test_a_perfect_sampler_meets_its_floors() -> None:
    dice = torch.Generator().manual_seed(0)
    kl = [count_class_modes(torch.randint(1000, (26_000,), generator=dice), 1000) for _ in range(4)]
    assert np.mean([k.reverse_kl for k in kl]) == pytest.approx(expected_reverse_kl(1000, 26_000), rel=0.1)
    assert all(k.modes == 1000 for k in kl)
    ring = count_mixture_modes(normal(20_000, 2, scale=0.02), np.zeros((1, 2)), 0.02)
    assert ring.high_quality == pytest.approx(perfect_quality(), abs=0.003)


def test_modes_that_are_named() -> None:
    assert count_class_modes(torch.arange(8), 8) == pytest.approx((8, 0), abs=1e-12)
    assert count_class_modes(torch.zeros(50), 1000) == pytest.approx((1, math.log(1000)))
    with pytest.raises(Mistake, match="0 to 9"):
        count_class_modes(torch.tensor([10]), 10)


# Intervals and classes


def test_students_t_is_that_of_the_tables() -> None:
    table = {1: 12.7062, 2: 4.30265, 3: 3.18245, 4: 2.77645, 5: 2.57058, 9: 2.26216, 30: 2.04227, 100: 1.98397}
    assert {n: student_t_quantile(n) for n in table} == pytest.approx(table, rel=2e-6)
    assert student_t_quantile(10**6) == pytest.approx(1.96, rel=2e-3) and student_t_quantile(4, 0.99) == pytest.approx(
        4.60409, rel=2e-6
    )
    with pytest.raises(Mistake, match="at least 1 degree of freedom"):
        student_t_quantile(0)


def test_a_mean_and_its_standard_error() -> None:
    assert mean_estimate(torch.tensor([1.0, 3.0])) == pytest.approx((2, 1, 2))
    assert mean_estimate(torch.tensor([4.0])).error is None


@pytest.mark.parametrize("halves", [False, True])
def test_intervals_are_as_wide_as_theory_says(halves: bool) -> None:
    x = normal(400, 1)
    found = bootstrap_interval(lambda rows: float(rows.mean()), x, times=1500, halves=halves)
    width = 2 * 1.96 * float(x.std()) / 20
    assert found.high - found.low == pytest.approx(width, rel=0.1)
    assert found.low < found.value < found.high and found.value == pytest.approx(float(x.mean()))


def test_intervals_of_two_samples_resample_both() -> None:
    x, y = normal(200, 3), normal(300, 3, 1, shift=1)
    found = bootstrap_interval(frechet_distance, x, y, times=100)
    assert found.low < 3 < found.high and found == bootstrap_interval(frechet_distance, x, y, times=100)


def test_figures_for_each_class() -> None:
    real, fake = normal(60, 2), normal(60, 2, 1)
    labels = torch.arange(60) % 3
    fake[labels == 2] += 100
    found = metric_by_class(precision_recall, (real, labels), (fake, labels))
    assert list(found) == [0, 1, 2] and found[0].precision > 0.5 and found[2] == (0, 0)
    assert metric_by_class(frechet_distance, (real, labels), (real, labels))[1] == pytest.approx(0, abs=1e-9)
    with pytest.raises(Mistake, match=r"class \[2\]"):
        metric_by_class(frechet_distance, (real, labels), (fake, labels.clamp(max=1)))
