"""Stacked digits: a thousand modes, each as often as any other, and each named by what stands in its colours."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from saddle.data import ArrayDataset, Prepare, open_data
from saddle.data import stacked as stacks_of
from saddle.data.stacked import DIGIT_CLASSES, SingleDigits, pick_by_label, stack_digits, stacked_source, unstack_digits
from saddle.errors import Mistake
from saddle.metrics.classifier import Classifier
from saddle.metrics.stacked import count_stack_modes, read_stack_numbers
from saddle.shape import Classes, Shape


@pytest.fixture(scope="module")
def plain() -> SingleDigits:
    """Digits that are flat grounds: of the digit d all pixels are 20 d or 20 d + 1."""
    shade = np.repeat(20 * np.arange(10), 2) + np.tile([0, 1], 10)
    flat = np.broadcast_to(shade[:, None, None, None], (20, 32, 32, 1))
    return SingleDigits(flat.astype(np.uint8), np.repeat(np.arange(10), 2))


@pytest.fixture(scope="module")
def thousand(plain: SingleDigits) -> ArrayDataset:
    """Two stacks of each number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacks_of, "STACK_COUNT", 2000)
        whole = stack_digits(plain)
    assert whole.pixels is not None
    return ArrayDataset("stacks", whole.pixels, whole.labels, whole.classes, "flat")


def test_every_mode_comes_as_often_and_says_what_is_in_red_green_and_blue(thousand: ArrayDataset) -> None:
    assert np.bincount(thousand.labels).tolist() == [2] * 1000 and thousand.classes[42] == "042"
    tints = np.array(thousand.samples)[:, 0, 0] // 20
    assert np.array_equal(tints @ [100, 10, 1], thousand.labels)
    assert len(np.unique(np.array(thousand.samples)[:, 0, 0] % 20)) == 2  # both drawings of a digit come


def test_a_label_is_picked_among_all_that_have_it_and_no_others() -> None:
    labels = np.array([1, 0, 1, 2, 1])
    picked = pick_by_label(np.random.default_rng(0), labels, np.array([1] * 3000 + [0, 2]))
    assert picked[-2:].tolist() == [1, 3]
    assert set(picked[:3000]) == {0, 2, 4} and np.bincount(picked[:3000])[[0, 2, 4]].min() > 900


def test_stacks_come_apart_into_their_digits(thousand: ArrayDataset) -> None:
    single = unstack_digits(thousand.samples, thousand.labels, "f")
    assert single.samples.shape == (6000, 32, 32, 1) and single.classes == DIGIT_CLASSES and single.fingerprint == "f"
    assert np.array_equal(single.samples[:, 0, 0, 0] // 20, single.labels)
    with pytest.raises(Mistake, match="stacks of three"):
        unstack_digits(thousand.samples[..., :1], thousand.labels, "f")


class Shade(Classifier):
    """Reads the digit off a flat ground; a real one is tried in the benchmark."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.classes = DIGIT_CLASSES

    def class_probabilities(self, images: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(((images[:, 0, 0, 0] + 1) * 127.5).round().long() // 20, 10).float()


def test_a_sampler_of_the_data_catches_all_and_a_collapsed_one_a_single_mode(thousand: ArrayDataset) -> None:
    images = torch.from_numpy(np.array(thousand.samples)).permute(0, 3, 1, 2) / 127.5 - 1
    assert read_stack_numbers(Shade(), images).tolist() == thousand.labels.tolist()
    assert count_stack_modes(Shade(), images) == (1000, pytest.approx(0, abs=1e-9))
    assert count_stack_modes(Shade(), images[:1].expand(50, -1, -1, -1)) == (1, pytest.approx(np.log(1000)))


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(Mistake, match="three colours"):
        read_stack_numbers(Shade(), torch.zeros(2, 1, 32, 32))
    with pytest.raises(Mistake, match="of 36 classes"):
        read_stack_numbers(SimpleNamespace(classes=range(36)), torch.zeros(2, 3, 32, 32))  # type: ignore[arg-type]


def test_drawn_digits_are_stacked_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stacks_of, "STACK_COUNT", 1000)
    monkeypatch.setattr(stacks_of, "DRAWINGS_PER_FACE", 1)
    data = open_data("stacked-glyphs", Prepare(), print, cache=tmp_path)
    assert data.shape == Shape(3, 32, 32, Classes(1000)) and len(data) == 1000
    ink = np.array(data.samples).reshape(1000, -1, 3)
    assert ink.max(1).min() > 200 and ink.min() == 0  # white on black in every colour
    again = stacks_of.stack_digits(stacks_of.draw_digits())
    assert again.pixels is not None and np.array_equal(again.pixels, data.samples)


def test_handwritten_ones_want_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SADDLE_DATA", raising=False)
    with pytest.raises(Mistake, match="SADDLE_DATA"):
        open_data("stacked-mnist", Prepare(), print)
    with pytest.raises(Mistake, match="no parts"):
        open_data("stacked-glyphs:test", Prepare(), print)
    with pytest.raises(Mistake, match="there are stacked-glyphs and stacked-mnist"):
        stacked_source("stacked", None, None)


def test_handwritten_digits_get_a_margin(real_data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stacks_of, "STACK_COUNT", 1000)
    data = open_data("stacked-mnist:test", Prepare(), print, cache=tmp_path)
    frame = np.array(data.samples)
    assert frame[:, 2:-2, 2:-2].max() == 255
    frame[:, 2:-2, 2:-2] = 0
    assert not frame.any() and data.shape == Shape(3, 32, 32, Classes(1000))


@pytest.mark.slow
def test_packing_catches_modes_that_plain_dcgan_drops() -> None:
    """The benchmark as it stands: most modes against a few, from as many images."""
    file = Path(__file__).parents[1] / "benchmarks" / "stacked.py"
    spec = spec_from_file_location("stacked_benchmark", file)
    assert spec is not None and spec.loader is not None
    benchmark = module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    data = open_data("stacked-glyphs", Prepare(), print)
    classifier, right = benchmark.reader(data)
    methods = benchmark.methods(16, 8, 4)
    plain, packed = (benchmark.play(methods[name], data, 64_000, 0, classifier) for name in ("DCGAN", "PacGAN4"))
    assert right > 0.99
    assert packed.modes > 4 * plain.modes and packed.reverse_kl < plain.reverse_kl / 2
