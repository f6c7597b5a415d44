"""Rounds that are too long or too large here are not played to learn a run's speed."""

from __future__ import annotations

import pytest

from saddle.cli import main
from saddle.preparing import fit_into_memory
from saddle.recipes import round_cost, slow_rounds
from saddle.recipes.gan import GAN
from saddle.recipes.round_cost import RoundCost, count_round
from saddle.recipes.slow_rounds import slow_round_speed
from saddle.runs.settings import Settings
from saddle.shape import Shape
from saddle.training import machine, run_length
from saddle.training.callbacks.base import Callback
from saddle.training.machine import find_machine
from saddle.training.match import MatchOptions
from saddle.training.run_length import Speed

RECIPE, DATA = GAN(batch=16), Shape(1, 8, 8)
DRY_RUN = "train gan --data glyphs --size 8 --batch 16 --minutes 0.1 --device cpu --dry-run"


def test_a_quick_round_is_left_to_be_played() -> None:
    assert slow_round_speed(RECIPE, DATA, find_machine("cpu", "float32"), MatchOptions()) is None


def test_a_round_larger_than_the_free_memory_is_told_by_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = count_round(RECIPE, DATA, MatchOptions())
    assert cost is not None
    for free, slow in ((cost.bytes, False), (cost.bytes - 1, True)):
        monkeypatch.setattr(slow_rounds, "available_memory", lambda free=free: free)
        found = slow_round_speed(RECIPE, DATA, find_machine("cpu", "float32"), MatchOptions())
        assert (found is not None) == slow
    assert found is not None and found.images_per_second > 0


def test_a_round_is_counted_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[object] = []

    def count(*asked: object) -> RoundCost:
        counted.append(asked)
        return RoundCost(16, 10**6, 10**6)

    monkeypatch.setattr(round_cost, "count_round", count)
    monkeypatch.setattr(slow_rounds, "measure_round_speed", lambda *_: Speed(0.01, 16, measured=False))
    for asker in (slow_rounds, machine):
        monkeypatch.setattr(asker, "available_memory", lambda: 10**5)
    told = Told()
    where = find_machine("cpu", "float32")
    _, counter = fit_into_memory(Settings(), RECIPE, DATA, where, told)
    assert slow_round_speed(RECIPE, DATA, where, MatchOptions(), counter) == Speed(0.01, 16, measured=False)
    assert len(counted) == 1 and "a round takes about 977 KB" in told.said[0]


class Told(Callback):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def on_message(self, sentence: str) -> None:
        self.said.append(sentence)


def test_a_dry_run_answers_without_playing_a_round_that_is_too_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(_: object) -> None:
        raise AssertionError("a whole round was played")

    monkeypatch.setattr(run_length, "measure_speeds", never)
    monkeypatch.setattr(slow_rounds, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(slow_rounds, "measure_round_speed", lambda *_: Speed(0.01, 16, measured=False))
    assert main(DRY_RUN.split()) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "16 images in batches of 16, one batch, which is the least" in told
    assert "about 0.01 images a second on cpu" in told
