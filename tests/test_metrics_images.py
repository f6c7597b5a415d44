"""Figures and features of images: structural similarity, patches, random features, what a classifier sees."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from saddle.errors import Mistake
from saddle.metrics.classifier import Classifier
from saddle.metrics.diversity import count_scales, mean_pair_distance, ms_ssim, pairwise_ms_ssim
from saddle.metrics.features import (
    ClassifierFeatures,
    Identity,
    RandomFeatures,
    extract_features,
    extractor_facts,
    frechet_title,
)
from saddle.metrics.frechet import frechet_distance
from saddle.metrics.moments import Moments
from saddle.metrics.sliced import laplacian_pyramid, patch_distances, sliced_wasserstein, wasserstein_1d
from saddle.shape import Classes, Shape


def noise(n: int, size: int = 32, channels: int = 3, seed: int = 0) -> Tensor:
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


# Structural similarity


def test_an_image_is_like_itself_and_less_like_its_shadow() -> None:
    x = noise(3)
    torch.testing.assert_close(ms_ssim(x, x), torch.ones(3))
    assert ms_ssim(x, -x).max() < 0.2 and ms_ssim((x + 1) / 2, (x * 0.9 + 1) / 2, 0, 1).min() > 0.9
    torch.testing.assert_close(ms_ssim(x, y := noise(3, seed=2)), ms_ssim(127.5 * (x + 1), 127.5 * (y + 1), 0, 255))
    assert ms_ssim(x, 0.9 * x).min() > 0.9
    torch.testing.assert_close(ms_ssim(x, noise(3, seed=1)), ms_ssim(noise(3, seed=1), x))


def test_constant_images_differ_by_their_brightness_alone() -> None:
    """Contrast and structure are 1; the light counts at the coarsest scale, with its weight; black is none."""
    a, b = torch.full((1, 1, 32, 32), 0.5), torch.full((1, 1, 32, 32), 0.25)
    c1, last = 0.01**2, 0.2856 / (0.0448 + 0.2856)
    expected = ((2 * 0.75 * 0.625 + c1) / (0.75**2 + 0.625**2 + c1)) ** last
    assert float(ms_ssim(a, b)) == pytest.approx(expected, rel=1e-3)


def test_near_copies_of_one_grey_picture_are_alike() -> None:
    """Of signed pixels they were 0.64, since grey had no light to be alike in."""
    grey = noise(300, 32, 1) * 0.01
    assert pairwise_ms_ssim(grey, 200).value > 0.99


def test_a_window_of_one_place_by_hand() -> None:
    x, y = noise(1, 11, 1).double(), noise(1, 11, 1, seed=1).double()
    row = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    w = np.outer(row, row) / row.sum() ** 2
    a, b = x[0, 0].numpy() / 2 + 0.5, y[0, 0].numpy() / 2 + 0.5
    ma, mb = (w * a).sum(), (w * b).sum()
    va, vb, vab = (w * a * a).sum() - ma**2, (w * b * b).sum() - mb**2, (w * a * b).sum() - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * ma * mb + c1) * (2 * vab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    assert float(ms_ssim(x, y)) == pytest.approx(max(expected, 0), abs=1e-5)


def test_scales_that_fit_are_named() -> None:
    found = {size: count_scales((1, 1, size, size)) for size in (11, 22, 28, 32, 64, 128, 176, 256)}
    assert found == {11: 1, 22: 2, 28: 2, 32: 2, 64: 3, 128: 4, 176: 5, 256: 5}
    with pytest.raises(Mistake, match="at least 11 pixels, not 8"):
        ms_ssim(noise(1, 8), noise(1, 8))


class Pile:
    """Images that are read as they are asked for, and how many at once."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images, self.shape, self.most = images, images.shape, 0

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        self.most = max(self.most, len(rows))
        return self.images[rows]


def test_images_are_compared_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their pixels, and the figures are those of all at once."""
    x, y = noise(30, 32), noise(24, 32, seed=1)
    whole = patch_distances(x, y, patches=4, directions=8), pairwise_ms_ssim(x, 20)
    monkeypatch.setattr("saddle.metrics.lazy_images.MAX_PIXELS_AT_ONCE", 4 * 32 * 32)
    a, b = Pile(x), Pile(y)
    distances, alike = patch_distances(a, b, patches=4, directions=8), pairwise_ms_ssim(a, 20)
    assert (a.most, b.most) == (4, 4)
    assert distances == pytest.approx(whole[0]) and list(distances) == [32, 16]
    assert alike == pytest.approx(whole[1])


def test_collapse_is_similar() -> None:
    varied, collapsed = noise(30), noise(1).repeat(30, 1, 1, 1)
    assert pairwise_ms_ssim(collapsed, 50).value == pytest.approx(1) and pairwise_ms_ssim(varied, 50).value < 0.3
    assert pairwise_ms_ssim(varied, 50).scales == 2 and pairwise_ms_ssim(varied, 300).pairs == 300
    assert mean_pair_distance(collapsed.flatten(1)).value == 0


def test_random_pairs_have_the_mean_distance() -> None:
    """Of N(0, 1) on a line: 2 / sqrt(pi)."""
    draw = torch.randn(4000, 1, generator=torch.Generator().manual_seed(0))
    found = mean_pair_distance(draw, 20_000)
    assert found.value == pytest.approx(2 / math.sqrt(math.pi), abs=5 * (found.error or 0))


# Slices


def test_on_a_line_it_is_exact_for_any_numbers() -> None:
    x, y = torch.tensor([[0.0], [1], [3]]), torch.tensor([[5.0], [6], [8]])
    assert float(wasserstein_1d(x, y)) == pytest.approx(5)
    repeated = wasserstein_1d(x.repeat(4, 1), y.repeat(5, 1))  # 12 against 15: the same distributions
    assert float(repeated) == pytest.approx(5)
    one = wasserstein_1d(torch.tensor([[0.0]]), torch.tensor([[-1.0], [1.0], [4.0]]))
    assert float(one) == pytest.approx(2)


def test_the_reference_pair_on_a_line() -> None:
    """W1 of N(0, 1) and N(0.5, 1.3^2) is .511896."""
    levels = ((torch.arange(20_000) + 0.5) / 20_000).double()
    normal = torch.special.ndtri(levels)[:, None]
    assert float(wasserstein_1d(normal, 0.5 + 1.3 * normal)) == pytest.approx(0.511896, abs=1e-4)


def test_a_shift_is_seen_through_the_mean_projection() -> None:
    """Along a direction u a shift s is |u . s|; its mean in the plane is 2/pi of the length."""
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)).double()
    found = sliced_wasserstein(x, x + torch.tensor([3.0, 4.0]), directions=4000)
    assert found == pytest.approx(5 * 2 / math.pi, rel=0.03)
    assert sliced_wasserstein(x, x) == 0


def test_a_pyramid_adds_up_to_the_image() -> None:
    from saddle.metrics.sliced import _enlarged

    image = noise(2, 64)
    levels = laplacian_pyramid(image)
    assert [level.shape[2] for level in levels] == [64, 32, 16]
    rebuilt = levels[-1]
    for level in reversed(levels[:-1]):
        rebuilt = _enlarged(rebuilt) + level
    torch.testing.assert_close(rebuilt, image, rtol=0, atol=1e-5)


def test_patches_see_what_is_missing_at_the_fine_scale() -> None:
    real, other = noise(30), noise(30, seed=1)
    smooth = torch.nn.functional.interpolate(noise(30, 4, seed=1), 32, mode="bilinear")
    same, coarse = (patch_distances(real, fake, patches=32, directions=64) for fake in (other, smooth))
    assert list(same) == [32, 16] and coarse[32] > 2 * same[32] > 0
    assert patch_distances(real, real, patches=4, directions=8)[16] >= 0
    with pytest.raises(Mistake, match="images of 16 pixels"):
        patch_distances(noise(2, 8), noise(2, 8))


# Features without a file


def test_identity_is_the_points_themselves() -> None:
    points, extractor = torch.randn(7, 2, 1, 1), Identity(Shape(2, 1, 1))
    assert torch.equal(extract_features(extractor, points), points.flatten(1))
    assert extractor_facts(extractor)["dimension"] == 2 and frechet_title(extractor) == "FID, identity features, 2-d"
    with pytest.raises(Mistake, match="2 values"):
        extractor(torch.zeros(1, 3, 1, 1))


def test_random_features_follow_from_the_seed() -> None:
    images = noise(5)
    first, again, other = RandomFeatures(8), RandomFeatures(8), RandomFeatures(8, seed=1)
    assert first.sha256 == again.sha256 != other.sha256 and first.dimension == 2 * (8 + 16 + 32)
    features = extract_features(first, images)
    assert features.shape == (5, first.dimension) and torch.equal(features, extract_features(again, images))
    assert not list(first.parameters()) and frechet_title(first) == "FID, random-0 features, 112-d"
    grey = noise(2, 28, 1)
    torch.testing.assert_close(extract_features(first, grey), extract_features(first, grey.expand(-1, 3, -1, -1)))


def test_random_features_tell_noise_from_smooth_images() -> None:
    extractor = RandomFeatures(8)
    smooth = torch.nn.functional.interpolate(noise(80, 4), 16, mode="bilinear")
    rough, other = (extract_features(extractor, noise(80, 16, seed=s)) for s in (1, 2))
    assert frechet_distance(rough, extract_features(extractor, smooth)) > 10 * frechet_distance(rough, other)


def test_random_features_of_large_images_are_those_of_their_means() -> None:
    small, images = RandomFeatures(4, shrink=4), noise(2, size=8)
    large = torch.nn.functional.interpolate(images, scale_factor=4)
    torch.testing.assert_close(small(large), RandomFeatures(4)(images))
    assert (small.resize, RandomFeatures(4).resize, small.sha256) == ("mean of 4 x 4", "none", RandomFeatures(4).sha256)


def test_batches_and_the_whole_give_the_same_features_and_moments() -> None:
    extractor, images = RandomFeatures(4), noise(23)
    whole, moments = extract_features(extractor, images), Moments(extractor.dimension)
    torch.testing.assert_close(extract_features(extractor, iter(images.split(5))), whole)
    for part in images.split(5):
        moments.add(extract_features(extractor, part))
    torch.testing.assert_close(moments.covariance, whole.double().T.cov(), rtol=1e-6, atol=1e-9)


def test_a_reader_gives_what_the_last_layer_reads() -> None:
    torch.manual_seed(0)
    classifier = Classifier(Shape(1, 16, 16, Classes(4)), ("a", "b", "c", "d")).eval()
    reader, images = ClassifierFeatures(classifier), noise(3, 16, 1)
    features = extract_features(reader, images)
    assert features.shape == (3, 1536) and reader.dimension == 1536 and len(reader.sha256) == 64
    saved = ((images + 1) * 127.5).round() / 127.5 - 1
    torch.testing.assert_close(classifier.layers[-1](features), classifier(saved))
    with pytest.raises(Mistake, match="this classifier reads"):
        reader(noise(3, 32, 1))


def test_an_image_that_is_no_number_and_no_image_at_all() -> None:
    broken = noise(2)
    broken[1, 0, 3, 3] = torch.nan
    with pytest.raises(Mistake, match="no number"):
        extract_features(RandomFeatures(4), broken)
    with pytest.raises(Mistake, match="there are no images"):
        extract_features(RandomFeatures(4), iter(()))
    with pytest.raises(Mistake, match="there are no images"):
        extract_features(RandomFeatures(4), noise(0))
