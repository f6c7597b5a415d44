"""Translations are measured against what they should be, where that is known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_files import noise, save
from other_batches import TinyCycle, TinyPix
from saddle import load, measure, train
from saddle.errors import Mistake
from saddle.metrics.paired import BEST_PSNR, l1, psnr, ssim
from saddle.runs.folder import RunFolder
from saddle.runs.measures import read_measurements


def independent_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Window by window, in loops: of one channel in [0, 1]."""
    place = np.arange(11) - 5
    bell = np.exp(-(place**2) / (2 * 1.5**2))
    weight = np.outer(bell, bell) / bell.sum() ** 2
    found = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = (t[top : top + 11, left : left + 11] for t in (x, y))
            ma, mb = (weight * a).sum(), (weight * b).sum()
            va, vb = (weight * (a - ma) ** 2).sum(), (weight * (b - mb) ** 2).sum()
            both = (weight * (a - ma) * (b - mb)).sum()
            found.append((2 * ma * mb + 1e-4) * (2 * both + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)))
    return float(np.mean(found))


def test_ssim_is_that_of_an_independent_implementation_and_of_constant_images():
    x, y = torch.rand(2, 3, 14, 17, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).unbind(0)
    y = 0.7 * x + 0.3 * y
    want = np.mean([independent_ssim(*(t[i].numpy() for t in (x, y))) for i in range(3)])
    assert float(ssim(2 * x[None] - 1, 2 * y[None] - 1)) == pytest.approx(want, abs=1e-6)
    a, b = torch.full((1, 1, 12, 12), -0.2), torch.full((1, 1, 12, 12), 0.6)  # 0.4 and 0.8 of light
    assert float(ssim(a, b)) == pytest.approx((2 * 0.32 + 1e-4) / (0.16 + 0.64 + 1e-4), abs=1e-6)
    assert float(ssim(a, a)) == pytest.approx(1)
    with pytest.raises(Mistake, match="at least 11 pixels of a side, not 8x20"):
        ssim(torch.zeros(1, 1, 8, 20), torch.zeros(1, 1, 8, 20))


def test_l1_and_psnr_in_closed_form():
    x = torch.zeros(2, 3, 4, 4)
    y = x.clone()
    y[0], y[1, 0] = 0.5, 1.0
    assert l1(x, y).tolist() == pytest.approx([0.5, 1 / 3])
    assert psnr(x, y).tolist() == pytest.approx([10 * math.log10(4 / 0.25), 10 * math.log10(4 * 3)])
    assert psnr(x, x).tolist() == [BEST_PSNR, BEST_PSNR]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "both"
    for i in range(32):
        save(folder / f"{i}.png", np.concatenate([noise(12, 12, seed=i), noise(12, 12, seed=99 + i)], 1))
    return folder


@pytest.mark.parametrize("recipe", [TinyPix(), TinyCycle()])
def test_held_out_translations_are_compared_with_their_own_targets(recipe, both, tmp_path):
    how: dict[str, Any] = {"source": "left", "images": 32, "held_out": 6, "quiet": True, "seed": 1, "pictures": 0}
    run = train(recipe, both, out=tmp_path / "run", measure="l1,ssim", samples=6, every=16, **how)
    found = {figure.metric: figure for figure in measure(run, metrics="l1,psnr,ssim", quiet=True)}
    model = load(run)
    from saddle.data import Prepare, open_data
    from saddle.data.held_out import held_out_of, hold_out
    from saddle.data.order import random_words
    from saddle.data.sides import Sided

    names = ("source", "target") if isinstance(recipe, TinyPix) else ("a", "truth")
    wants = ("source", "target") if isinstance(recipe, TinyPix) else ("a", "b")
    held = held_out_of(hold_out(open_data(str(both), Prepare(source="left"), print, wants=wants), 6))
    assert held is not None
    side = held.sides["a"] if isinstance(held, Sided) else held
    index = np.arange(6)
    source, target = (side.take(index, random_words(0, index), names)[name] / 127.5 - 1 for name in names)
    made = ((model.translate(source) + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1
    for name, distance in (("l1", l1), ("psnr", psnr), ("ssim", ssim)):
        assert found[name].value == pytest.approx(float(distance(made, target).mean()), abs=1e-5)
        assert found[name].protocol.samples == found[name].protocol.references == 6
        assert found[name].protocol.made == "translations of held-out data"
    lines = read_measurements(RunFolder(run))
    assert [line.figures[0].metric for line in lines][:3] == ["l1"] * 3
    best = min((line for line in lines if len(line.figures) == 2), key=lambda line: line.figures[0].value)
    again = measure(run, metrics="l1", best=True, quiet=True)
    assert again[0].value == pytest.approx(best.figures[0].value, abs=1e-5)


def test_what_has_no_targets_is_refused(both, tmp_path):
    how: dict[str, Any] = {"images": 16, "quiet": True, "pictures": 0}
    data = {"a": noise(20, 12, 12, 1), "b": noise(20, 12, 12, 1, seed=2)}
    with pytest.raises(Mistake, match="l1 cannot be measured: it compares each translation of a run with what"):
        train(TinyCycle(), data, out=tmp_path / "run", measure="l1", samples=6, **how)
    assert not (tmp_path / "run").exists()
    run = train(TinyCycle(), both, source="left", held_out=4, out=tmp_path / "two", **how)
    kid = measure(run, metrics="kid", features="identity", quiet=True)[0]
    assert (kid.protocol.samples, kid.protocol.references) == (4, 4)  # held-out ones on both sides
