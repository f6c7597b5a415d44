"""How the averaged generator follows: said by the recipe, overridden by --ema, as it was in old runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from saddle import train
from saddle.averaging import Decay, HalfLife
from saddle.cli import main
from saddle.clock import Clock
from saddle.data.array_dataset import ArrayDataset
from saddle.errors import Mistake
from saddle.networks import Perceptron
from saddle.optim import Cosine, Linear, Over
from saddle.recipe import Recipe
from saddle.recipes import find_recipe
from saddle.recipes.kinds import VALUE_TYPES
from saddle.recipes.revive import configure_recipe, parse_recipe
from saddle.recipes.versus import Versus
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.training.game_notes import describe_slow_average
from saddle.training.machine import Machine
from saddle.training.match import Match, MatchOptions

CPU = Machine(torch.device("cpu"), torch.float32, "")
POINTS = ArrayDataset("points", np.random.default_rng(0).normal(size=(40, 1, 1, 2)).astype(np.float32))
SMALL = Versus(networks=Perceptron(2, width=8), batch=8)
RING: dict[str, Any] = {"data": "ring", "images": 64, "threads": 1, "quiet": True, "pictures": 0}


def test_a_half_life_is_one_and_ramps_up():
    steady, ramped = HalfLife(1000, ramp=None), HalfLife(1000)
    assert steady.decay(1000, Clock(images=10)) == 0.5 and steady.decay(500, Clock()) ** 2 == pytest.approx(0.5)
    assert ramped.decay(100, Clock(images=2000)) == 0.5  # a twentieth of 2,000
    assert ramped.decay(1000, Clock(images=20_000)) == ramped.decay(1000, Clock(images=10**6)) == 0.5
    assert ramped.decay(8, Clock(images=8)) == 0.5**8  # of one image, at the very first


def test_a_half_life_may_be_a_schedule_and_a_factor_is_one_of_rounds():
    rising = HalfLife(Over(Linear(0.0, 400.0), 1000), ramp=None)
    assert [rising.decay(100, Clock(images=images)) for images in (0, 250, 500)] == [0.5**100, 0.5, 0.5**0.5]
    late = Decay(0.9, after=2)
    assert [late.decay(64, Clock(round=r)) for r in (1, 2, 3, 9)] == [0.0, 0.0, 0.9, 0.9]


def test_r3gan_has_its_authors_half_life():
    own = find_recipe("r3gan-cifar")[0].average
    assert own == HalfLife(Over(Cosine(0.0, 5e6), 20_000_000), ramp=None)
    assert own.decay(512, Clock(images=10_000_000)) == pytest.approx(0.5 ** (512 / 2.5e6))
    assert find_recipe("r3gan")[0].average == HalfLife()


def averaged(recipe: Recipe[Any], **how: Any) -> dict[str, torch.Tensor] | None:
    match = Match(recipe, POINTS, 64, CPU, MatchOptions(**how))
    while not match.over:
        match.play()
    return match.ema and match.ema.mean


def equal(a: dict[str, torch.Tensor] | None, b: dict[str, torch.Tensor] | None) -> bool:
    assert a is not None and b is not None
    return all(torch.equal(t, b[key]) for key, t in a.items())


def test_the_recipe_says_and_the_setting_overrides():
    own = replace(SMALL, average=HalfLife(30, ramp=None))
    assert not equal(averaged(own), averaged(SMALL))
    assert equal(averaged(own, ema=10_000), averaged(SMALL)) and equal(averaged(own, ema=50), averaged(SMALL, ema=50))
    assert averaged(replace(SMALL, average=None)) is None and averaged(own, ema=0) is None


@pytest.mark.parametrize(("text", "value"), [
    ({"average": "HalfLife(500_000, none)"}, HalfLife(500_000, None)),
    ({"average.images": "500k"}, HalfLife(500_000)),
    ({"average.images": "Over(Cosine(0, 5e6), 20000000)", "average.ramp": "none"},
     HalfLife(Over(Cosine(0, 5e6), 20_000_000), None)),
    ({"average": "Decay(0.999, 100)"}, Decay(0.999, 100)),
    ({"average": "none"}, None),
])  # fmt: skip
def test_it_is_an_option_and_is_read_back(text, value):
    recipe = configure_recipe("gan", text)
    assert recipe.average == value and parse_recipe(repr(recipe), VALUE_TYPES) == recipe


@pytest.mark.parametrize(("make", "says"), [
    (lambda: HalfLife(0), "HalfLife's images is 0, but should be 1 or more"),
    (lambda: HalfLife(ramp=0.0), "HalfLife's ramp is 0.0, but should be above 0"),
    (lambda: Decay(1.0), "Decay's factor is 1.0, but should be in"),
    (lambda: Decay(after=-1), "Decay begins after -1 rounds"),
    (lambda: Match(Odd(), POINTS, 64, CPU), "Odd.average is True, but should be how an average follows"),
])  # fmt: skip
def test_mistakes(make, says):
    with pytest.raises(Mistake, match=says):
        make()


@dataclass(frozen=True)
class Odd(Versus):
    networks: Perceptron = Perceptron(2, width=8)
    average: bool = True  # type: ignore[assignment]


def test_a_recipe_shows_it(capsys: pytest.CaptureFixture[str]):
    assert main(["show", "r3gan-cifar"]) == 0
    said = capsys.readouterr().out
    assert "--average HalfLife" in said and "--average.images.schedule.stop 5000000.0" in said


def test_a_manifest_says_what_was_asked_for_and_old_ones_go_on(tmp_path: Path):
    """Runs of 0.1.0 wrote the usual half-life down, which nobody had asked for: the same command goes on with them."""
    run = train("r3gan-toy", **RING, out=tmp_path / "run")
    manifest = Manifest.read(folder := RunFolder.find(run))
    assert manifest.settings.ema is None and "average=HalfLife(images=10000, ramp=0.05)" in manifest.recipe
    replace(manifest, settings=replace(manifest.settings, ema=10_000)).write(folder)
    for old in (10_000, 500):
        replace(manifest, settings=replace(manifest.settings, ema=old)).write(folder)
        for checkpoint in folder.checkpoints.glob("*"):
            checkpoint.unlink()
        if old == 10_000:
            train("r3gan-toy", **RING, out=run, resume="auto")
        else:
            with pytest.raises(Mistake, match=r"ema is 500 in .*, but not given in this command"):
                train("r3gan-toy", **RING, out=run, resume="auto")


def test_a_run_too_short_for_its_average_is_warned_and_the_advice_helps(capsys: pytest.CaptureFixture[str]):
    line = ["train", "r1", "--data", "glyphs", "--size", "16", "--networks.width", "4", "--batch", "8", "--limit", "32",
            "--pictures", "0", "--average"]  # fmt: skip
    for average, length, warned in (
        ("Decay(0.999)", ["--images", "80"], "99% would still be those that the run began with; --ema 4 follows"),
        ("Decay(0.999)", ["--images", "80", "--ema", "4"], ""),
        ("Decay(0.9)", ["--images", "40"], "--images 227 is long enough"),
        ("Decay(0.9)", ["--images", "227"], ""),
    ):
        assert main([*line, average, *length]) == 0
        said = " ".join("".join(capsys.readouterr()).split())
        assert warned in said and ("the run began with" in said) == bool(warned), said


@pytest.mark.parametrize(("average", "rounds", "warned"), [
    (Decay(0.999), 600, True), (Decay(0.999), 700, False), (Decay(0.9999, after=1000), 900, False),
    (HalfLife(10**9), 5, False), (None, 5, False),
])  # fmt: skip
def test_an_average_is_slow_where_half_of_it_is_older_than_the_run(average, rounds: int, warned: bool):
    said = [*describe_slow_average(average, rounds, 32 * rounds)]
    assert bool(said) == warned
    if average == Decay(0.999) and warned:
        (images,) = re.findall(r"--images (\d+) is long enough", said[0])
        assert 0.999 ** (int(images) / 32) == pytest.approx(0.05, abs=1e-3)
