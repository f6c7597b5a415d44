"""`--fit`: the fewest parts of a batch that memory is large enough for, found before a run begins."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from narrow import shape, small
from saddle.cli import main
from saddle.errors import Mistake
from saddle.networks import Convolutional
from saddle.out_of_memory import give_back_memory, peak_resident, reset_peak_resident
from saddle.recipes import batch_fit
from saddle.recipes.batch_fit import describe_too_large, fit_batch
from saddle.recipes.dcgan import DCGAN
from saddle.recipes.round_cost import RoundCost, count_parts, count_round
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.runs.settings import Settings
from saddle.shape import Shape
from saddle.training import machine
from saddle.training.machine import find_machine
from saddle.training.match import MatchOptions

RECIPE, DATA = DCGAN(Convolutional(latent=4, width=2), batch=32), Shape(3, 32, 32)
CPU = find_machine("cpu", "float32")
Free = Callable[[float], None]
FIXED, ACTIVATIONS = 1000, 32_000


def taken(parts: int, recompute: bool = False) -> int:
    """Bytes of a round that takes so much for its networks, and so much for all that it keeps of a batch."""
    return FIXED + ACTIVATIONS // parts // (2 if recompute else 1)


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Free:
    """Says how much memory is free. Rounds take what `taken` says, and nothing is played to see whether it is more."""

    def count(recipe: object, data: object, how: MatchOptions, batch: int | None = None) -> RoundCost:
        return RoundCost(batch or 0, taken(how.accumulate, how.recompute), 1)

    def say(count: float) -> None:
        monkeypatch.setattr(machine, "available_memory", lambda: round(count / batch_fit.USABLE) + 1)

    monkeypatch.setattr(batch_fit, "count_round", count)
    monkeypatch.setattr(batch_fit, "measure_excess", lambda *_: (1.0, ""))
    return say


@pytest.mark.parametrize("parts", [1, 2, 4, 16])
def test_the_fewest_parts_that_fit_are_found(free: Free, parts: int):
    free(taken(parts))
    assert fit_batch(RECIPE, DATA, CPU).accumulate == parts
    free(taken(parts) - 100)
    assert fit_batch(RECIPE, DATA, CPU).accumulate == 2 * parts


def test_what_was_found_is_said_with_the_options_that_say_the_same(free: Free):
    free(taken(4))
    told = "in 4 parts of 8, as by --accumulate 4: they take about 8.8 KB of memory, and 9.8 KB are free"
    assert fit_batch(RECIPE, DATA, CPU).why == f"--fit: a batch of 32 is played {told}"
    free(taken(1))
    assert fit_batch(RECIPE, DATA, CPU).why.startswith("--fit: a batch of 32 is played as a whole: it takes about")


def test_parts_that_fit_and_cannot_be_played_are_refused(free: Free):
    """A part of one sample has no variance, which batch normalisation takes of the map of one pixel."""
    recipe, data = small("gan-cls"), shape("gan-cls")
    free(taken(4) - 100)
    with pytest.raises(Mistake, match=r"parts that are small enough to fit cannot be played: .* one sample alone"):
        fit_batch(recipe, data, CPU)


def test_blocks_are_worked_out_again_only_where_no_parts_suffice(free: Free):
    recipe, data = small("r3gan"), shape("r3gan")
    free(taken(4))
    assert not fit_batch(recipe, data, CPU).recompute
    free(taken(4, True))
    found = fit_batch(recipe, data, CPU)
    assert found.recompute and found.accumulate == 4 and "--accumulate 4 and --recompute" in found.why
    assert fit_batch(recipe, data, CPU, MatchOptions(recompute=True)).accumulate == 4
    free(FIXED)
    with pytest.raises(Mistake, match=r"4\.9 KB of memory even in its smallest parts, and .* free; smaller networks"):
        fit_batch(recipe, data, CPU)


def test_a_round_that_takes_more_than_is_counted_is_played_in_more_parts(free: Free, monkeypatch: pytest.MonkeyPatch):
    free(taken(2))
    monkeypatch.setattr(batch_fit, "measure_excess", lambda *_: (1.5, "; a round of 16 was tried"))
    found = fit_batch(RECIPE, DATA, CPU)
    assert found.accumulate == 4 and found.why.endswith("a round of 16 was tried")


def test_a_part_is_played_to_see_what_it_takes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("saddle.recipes.round_cost.PROBE_SECONDS", 0.0)
    recipe = DCGAN(Convolutional(latent=4, width=16), batch=32)
    times, told = batch_fit.measure_excess(recipe, Shape(3, 64, 64), CPU, MatchOptions(), 32)
    assert 1 <= times < 10
    if reset_peak_resident():
        assert re.match(r"; a round of \d+ was tried, and took [\d.]+ times what is counted", told)


def test_the_peak_of_memory_is_counted_anew():
    if not reset_peak_resident():
        pytest.skip("this system does not tell")
    before = peak_resident() or 0
    block = torch.ones(2**24)  # 64 MB
    assert (peak_resident() or 0) >= before + 2**26 - 2**20
    del block
    reset_peak_resident()
    assert (peak_resident() or 0) < before + 2**25


def test_what_was_tried_is_given_back():
    """A game and its engine know one another, so that they stay until somebody looks for such circles."""
    game = RECIPE.game(DATA)
    game.engine = [game]  # type: ignore[assignment]
    there = weakref.ref(game)
    del game
    give_back_memory()
    assert there() is None


def test_on_a_gpu_rounds_are_tried_until_one_fits(monkeypatch: pytest.MonkeyPatch):
    tried = []

    def play(*asked: object) -> int | None:
        tried.append(asked[4])
        return None if len(tried) < 3 else 5

    monkeypatch.setattr(batch_fit, "tried_bytes", play)
    monkeypatch.setattr(machine, "free_memory", lambda device: 10)
    found = batch_fit.try_ways(RECIPE, DATA, CPU, MatchOptions())
    assert tried == [32, 16, 8] and found.accumulate == 4 and found.why.endswith("tried on cpu")


def test_many_parts_are_counted_from_few():
    whole = count_parts(RECIPE, DATA, MatchOptions(), 4, 8)
    some = count_round(RECIPE, DATA, MatchOptions(accumulate=8))
    assert whole and some and some.batch == whole.batch == 32
    assert some.bytes == pytest.approx(whole.bytes, rel=0.02) and some.flops == pytest.approx(whole.flops, rel=0.01)


@pytest.mark.parametrize("name", ["dcgan", "r1"])
def test_parts_take_little_more_than_their_share(name: str):
    """A part that waits keeps its samples, and those made, but no graph."""
    recipe, data = replace(small(name), batch=64), shape(name)._replace(height=64, width=64)
    one, two = (count_round(recipe, data, batch=n) for n in (32, 64))
    parts = count_round(recipe, data, MatchOptions(accumulate=8))
    assert one and two and parts
    each = (two.bytes - one.bytes) / 32
    fixed = two.bytes - 64 * each
    assert parts.bytes - fixed < 64 * each / 4  # an eighth, the samples that wait, and gradients to which more is added


def test_a_run_keeps_what_was_found(free: Free, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    small_run = "train gan --size 16 --networks.width 8 --batch 8 --limit 32 --images 32 --pictures 0 --seed 3 --out"
    line = small_run.split()
    free(1e12)
    assert main([*line, str(tmp_path / "whole"), "--fit"]) == 0
    assert "--fit: a batch of 8 is played as a whole" in capsys.readouterr().out
    settings = Manifest.read(RunFolder(tmp_path / "whole")).settings
    assert settings.accumulate == 1 and not settings.fit
    free(1)
    assert main([*line, str(tmp_path / "none"), "--fit"]) == 2
    assert "even in its smallest parts" in capsys.readouterr().err and not (tmp_path / "none").exists()
    free(30_000)  # in which --fit would find more parts
    assert main([*line, str(tmp_path / "whole"), "--fit", "--resume", "auto"]) == 0  # what was found stays


def test_how_many_parts_is_found_or_said():
    with pytest.raises(Mistake, match="give one of them"):
        Settings(fit=True, accumulate=2)


def test_a_round_that_memory_is_too_small_for_is_warned_of(free: Free, monkeypatch: pytest.MonkeyPatch):
    """A system ends a process that takes too much of a processor's memory without a word."""
    free(taken(1) / 1.5)
    told = describe_too_large(RECIPE, DATA, CPU, MatchOptions())
    assert told and told.startswith("warning: a round takes about 32.2 KB of memory, and") and "--fit plays" in told
    parts = fit_batch(RECIPE, DATA, CPU).accumulate
    assert parts == 2 and describe_too_large(RECIPE, DATA, CPU, MatchOptions(accumulate=parts)) is None
    monkeypatch.setattr(batch_fit, "count_round", lambda *_: pytest.fail("it was counted"))
    free(1e9)  # where there is no doubt
    assert describe_too_large(RECIPE, DATA, CPU, MatchOptions()) is None
