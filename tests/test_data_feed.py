"""Batches: the same whatever shares them, fair coins, windows inside, numbers in [-1, 1]."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from data_files import noise, pictures
from saddle.batches import Images
from saddle.data import ArrayDataset, Feed, Prepare, open_data
from saddle.data.order import random_words, sample_order
from saddle.errors import Mistake
from saddle.image_size import ImageSize
from saddle.shape import Classes, Shape


def numbered(n=50, side=8, channels=3, **options):
    return ArrayDataset("set", noise(n, side, side, channels), np.arange(n), tuple(map(str, range(n))), **options)


def taken(feed, count):
    return [next(feed) for _ in range(count)]


def test_bytes_become_numbers_in_minus_one_to_one(device):
    data = ArrayDataset("set", np.arange(256, dtype=np.uint8).reshape(16, 4, 4, 1))
    image = torch.cat([batch.image.cpu() for batch in taken(Feed(data, Images, 4, 0, device), 4)])
    assert image.dtype == torch.float32
    assert torch.equal(image.flatten().sort().values, torch.arange(256).float() / 127.5 - 1)


def test_images_are_those_of_their_labels_with_channels_last_in_memory(device):
    data = numbered()
    batch = next(Feed(data, Images, 16, 0, device))
    expected = torch.from_numpy(data.samples[batch.condition.cpu()]).permute(0, 3, 1, 2)
    assert torch.equal(batch.image.cpu(), expected.float().div(127.5).sub(1))
    assert batch.image.is_contiguous(memory_format=torch.channels_last) and batch.condition.dtype == torch.int64


@pytest.mark.parametrize("options", [{}, {"flip": True, "window": ImageSize(6, 6)}])
def test_parts_laid_together_are_the_whole(options):
    data = numbered(**options)
    whole = taken(Feed(data, Images, 12, 5, "cpu"), 9)  # more than two epochs
    parts = [taken(Feed(data, Images, 12, 5, "cpu", part, 3), 9) for part in range(3)]
    for i, batch in enumerate(whole):
        assert torch.equal(torch.cat([part[i].image for part in parts]), batch.image)
        assert torch.equal(torch.cat([part[i].condition for part in parts]), batch.condition)


def test_a_feed_goes_on_at_any_position():
    data = numbered(flip=True, window=ImageSize(6, 6))
    feed = Feed(data, Images, 8, 1, "cpu")
    batches = taken(feed, 12)
    assert feed.position == 96
    again = taken(Feed(data, Images, 8, 1, "cpu", position=40), 7)
    feed.position = 40
    for a, b, c in zip(batches[5:], again, taken(feed, 7), strict=True):
        assert torch.equal(a.image, b.image) and torch.equal(a.image, c.image)


def test_other_batches_see_the_same_stream():
    data = numbered(flip=True, window=ImageSize(6, 6))
    small, large = (torch.cat([b.image for b in taken(Feed(data, Images, n, 1, "cpu"), 60 // n)]) for n in (6, 20))
    assert torch.equal(small, large)


def test_an_epoch_shows_every_sample_once_across_batches():
    seen = torch.cat([batch.condition for batch in taken(Feed(numbered(48), Images, 16, 0, "cpu"), 6)])
    assert sorted(seen[:48].tolist()) == sorted(seen[48:].tolist()) == list(range(48))
    assert not torch.equal(seen[:48], seen[48:])


def test_mirroring_is_a_fair_coin_for_each_showing():
    data = numbered(20, flip=True)
    n = 4000
    index = sample_order(20, 0, 0, n)
    image = data.take(index, random_words(0, np.arange(n)), ("image",))["image"].numpy().transpose(0, 2, 3, 1)
    plain, mirrored = data.samples[index], data.samples[index][:, :, ::-1]
    is_plain, is_mirrored = (image == plain).all(axis=(1, 2, 3)), (image == mirrored).all(axis=(1, 2, 3))
    assert (is_plain ^ is_mirrored).all()
    assert abs(is_mirrored.mean() - 0.5) < 5 * 0.5 / np.sqrt(n)
    per_sample = [is_mirrored[index == i].mean() for i in range(20)]
    assert max(abs(np.array(per_sample) - 0.5)) < 5 * 0.5 / np.sqrt(n / 20)


def test_windows_are_inside_everywhere_and_as_often_at_every_place():
    grid = np.stack(np.meshgrid(np.arange(9), np.arange(9), indexing="ij"), axis=-1).astype(np.uint8)
    data = ArrayDataset("set", np.tile(np.dstack([grid, grid[..., :1]]), (4, 1, 1, 1)), window=ImageSize(7, 7))
    n = 9000
    image = data.take(np.zeros(n, dtype=np.int64), random_words(0, np.arange(n)), ("image",))["image"].numpy()
    top, left = image[:, 0, 0, 0], image[:, 1, 0, 0]
    assert (image[:, 0, -1, -1] == top + 6).all() and (image[:, 1, -1, -1] == left + 6).all()
    counts = np.bincount(3 * top + left, minlength=9)
    assert len(counts) == 9 and (abs(counts - n / 9) < 5 * np.sqrt(n / 9)).all()


def test_random_crops_are_windows_of_larger_pictures(tmp_path):
    pictures(tmp_path / "in", 4, side=18)
    data = open_data(str(tmp_path / "in"), Prepare(size=16, crop="random"), print, cache=tmp_path / "cache")
    assert data.samples.shape == (4, 18, 18, 3) and data.shape == Shape(3, 16, 16)
    image = next(Feed(data, Images, 4, 0, "cpu")).image
    assert image.shape == (4, 3, 16, 16)
    raw = torch.from_numpy(np.array(data.samples)).permute(0, 3, 1, 2).unfold(2, 16, 1).unfold(3, 16, 1)
    windows = raw.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, 16, 16).float().div(127.5).sub(1)
    assert all((windows == one).flatten(1).all(dim=1).any() for one in image)


def test_a_smaller_shape_is_the_mean_of_its_squares(device):
    data = numbered()
    shapes = None, Shape(3, 4, 4, Classes(50))
    large, small = (next(Feed(data, Images, 8, 0, device, shape=shape)).image for shape in shapes)
    assert small.shape == (8, 3, 4, 4) and torch.allclose(small, F.avg_pool2d(large, 2), atol=1e-6)


def test_points_pass_unscaled(tmp_path):
    data = open_data("grid", Prepare(limit=1000), print)
    batch = next(Feed(data, Images, 100, 0, "cpu"))
    assert batch.image.shape == (100, 2, 1, 1) and batch.condition is None
    assert np.array_equal(batch.image[..., 0, 0].numpy(), data.samples[sample_order(1000, 0, 0, 100)][:, 0, 0])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda d: Feed(d, Images, 51, 0, "cpu"), "a batch of 51 is larger than set, which has 50 samples"),
        (lambda d: Feed(d, Images, 10, 0, "cpu", 0, 4), "cannot be cut into 4 equal parts"),
        (lambda d: Feed(d, Images, 0, 0, "cpu"), "batch of 0"),
        (
            lambda d: Feed(d, Images, 10, 0, "cpu", shape=Shape(3, 16, 16)),
            "8x8 pixels in 3 channels cannot be averaged down to 16x16",
        ),
        (lambda d: Feed(d, Images, 10, 0, "cpu", shape=Shape(1, 8, 8)), "cannot be averaged down"),
    ],
)
def test_impossible_feeds_are_refused(make, sentence):
    with pytest.raises(Mistake, match=sentence):
        make(numbered())
