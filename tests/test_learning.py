"""That a GAN learns: what a separate classifier reads in its samples, and the modes that it finds. Minutes each."""

from __future__ import annotations

from pathlib import Path

import pytest

from saddle import load, train
from saddle.data import Prepare, open_data
from saddle.data.toys import modes
from saddle.metrics.classifier import accuracy, class_shares, readable, train_classifier
from saddle.metrics.modes import caught

pytestmark = pytest.mark.slow
GRID = 5 * 256 * 3000  # three thousand rounds of five batches


def test_two_minutes_on_two_cores_make_readable_characters(tmp_path: Path):
    """`saddle train dcgan`, nothing else said: at least 70 % of samples are read with confidence above 0.8."""
    samples = load(train("dcgan", out=tmp_path / "run")).sample(2000, seed=1)
    classifier = train_classifier(open_data("glyphs", Prepare(), print))
    assert readable(classifier, samples) >= 0.70


def test_nine_thousand_rounds_make_readable_digits_of_every_kind(tmp_path: Path, real_data: Path):
    run = train("dcgan", "mnist", size=32, images=9000 * 64, options={"batch": "64"}, out=tmp_path / "run")
    samples = load(run).sample(2000, seed=1)
    train_set, test_set = (open_data(name, Prepare(size=32), print) for name in ("mnist", "mnist:test"))
    classifier = train_classifier(train_set)
    assert accuracy(classifier, test_set) >= 0.99
    assert readable(classifier, samples) >= 0.83
    assert class_shares(classifier, samples).min() >= 0.04


def test_wgan_gp_finds_all_25_modes_of_the_grid(tmp_path: Path):
    run = train("wgan-gp-toy", images=GRID, out=tmp_path / "run")
    found = caught(load(run).sample(2500, seed=1), *modes("grid"))
    assert found.modes == 25

