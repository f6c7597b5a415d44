"""Sets that everybody knows, against what everybody knows of them."""

import hashlib

import numpy as np
import pytest

from saddle.data import Prepare, examine, open_data
from saddle.shape import Classes, Shape

DIGITS = {
    "mnist": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "mnist:test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}
BATCHES = [  # MD5 of the official data_batch_1.bin to data_batch_5.bin
    "5dd7e06a14cb22eb9f671a540d1b7c25",
    "5ea93a67294ea407fff1d09f752e9692",
    "942cd6a4bcdd0dd3c604fbe906cb4421",
    "ae636b3ba5c66a11e91e8cb52e771fcb",
    "53f37980c15c3d472c316c40844f3f0d",
]


def said(sentence):
    pass


@pytest.mark.parametrize("name", DIGITS)
def test_mnist(real_data, tmp_path, name):
    data = open_data(name, Prepare(), said, cache=tmp_path)
    assert np.bincount(data.labels).tolist() == DIGITS[name] and data.shape == Shape(1, 28, 28, Classes(10))
    if name == "mnist":
        assert abs(data.samples.mean() / 255 - 0.1307) < 1e-4 and abs(data.samples.std() / 255 - 0.3081) < 1e-4


def test_cifar_is_byte_for_byte_the_official_one(real_data, tmp_path):
    data = open_data("cifar10", Prepare(), said, cache=tmp_path)
    assert data.classes[0] == "airplane" and np.bincount(data.labels).tolist() == [5000] * 10
    planes = data.samples.transpose(0, 3, 1, 2).reshape(50_000, -1)
    rows = np.concatenate([data.labels.astype(np.uint8)[:, None], planes], axis=1)
    digests = [
        hashlib.md5(rows[i : i + 10_000].tobytes(), usedforsecurity=False).hexdigest() for i in range(0, 50_000, 10_000)
    ]
    assert digests == BATCHES
    mean = planes.reshape(50_000, 3, -1).mean(axis=(0, 2)) / 255
    assert np.allclose(mean, (0.49139968, 0.48215841, 0.44653091), atol=1e-8)


def test_the_test_part_of_cifar(real_data, tmp_path):
    data = open_data("cifar10:test", Prepare(), said, cache=tmp_path)
    assert np.bincount(data.labels).tolist() == [103, 89, 100, 103, 90, 86, 112, 102, 106, 109]


def test_anime_faces_with_their_tags(real_data, tmp_path):
    data = open_data("anime-faces:test", Prepare(labels="tags.csv:hair"), said, cache=tmp_path)
    assert len(data) == 700 and data.shape == Shape(3, 64, 64, Classes(12))


def test_emoji_by_style_and_by_group(real_data, tmp_path):
    styles = open_data("emoji", Prepare(channels=4, limit=300), said, cache=tmp_path)
    assert styles.classes == ("blob", "noto") and styles.shape == Shape(4, 64, 64, Classes(2))
    assert len(open_data("emoji", Prepare(labels="captions.csv:group", limit=300), said, cache=tmp_path).classes) == 9


def test_facades_with_random_windows(real_data, tmp_path):
    data = open_data("facades:val", Prepare(size=32, crop="random", limit=10), said, cache=tmp_path)
    assert data.samples.shape == (10, 36, 36, 3) and data.shape == Shape(3, 32, 32)


def test_the_doctor_finds_nothing_wrong_with_mnist(real_data):
    assert examine("mnist:test", Prepare(limit=2000)).sound
