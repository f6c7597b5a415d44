"""A run in stages: what time it is in each, and a game that grows through all that a run can be asked for."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from growing import FADE, Growing
from saddle import load, measure, resume, train
from saddle.cli import main
from saddle.clock import Clock
from saddle.continued import suggest_longer
from saddle.data.array_dataset import ArrayDataset
from saddle.errors import Interrupted, Mistake
from saddle.optim import SGD, Adam
from saddle.recipe import Stage
from saddle.recipes.rehearsal import rehearse
from saddle.runs.folder import RunFolder
from saddle.runs.measures import read_measurements
from saddle.shape import Shape
from saddle.stages import clock_at, count_rounds, full_size_from, plan_stages, stage_starts
from saddle.training import run_length
from saddle.training.callbacks.base import Callback
from saddle.training.checkpoint import best_checkpoint_path, read_checkpoint, read_latest_checkpoint
from saddle.training.health import monitor
from saddle.training.health.rollback import RollbackStore
from saddle.training.machine import Machine
from saddle.training.match import Match, MatchOptions

CPU = Machine(torch.device("cpu"), torch.float32, "")
SMALL, FULL = Shape(1, 4, 4), Shape(1, 16, 16)
THREE = (Stage(100, SMALL, 10), Stage(300, FULL, 5), Stage(400, FULL, 5))
GROWING = f"{Path(__file__).parent / 'growing.py'}:Growing"
IMAGES = 240  # 80 at each size: 5 rounds of 16, then 10 of 8, and 10 more
RUN: dict[str, Any] = {"data": "glyphs", "size": 16, "limit": 64, "images": IMAGES, "threads": 1, "quiet": True,
                       "labels": "none", "seed": 2, "ema": 100, "pictures": 4}  # fmt: skip


def noise(n: int = 64) -> ArrayDataset:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 16, 16, 1), dtype=np.uint8)
    return ArrayDataset("noise", pixels, fingerprint="0")


class Heard(Callback):
    """Hears what is said; stops the run as a signal does, once so many images were shown."""

    def __init__(self, stop: int = 10**9) -> None:
        self.stop, self.said = stop, [""]

    def on_message(self, sentence: str) -> None:
        self.said.append(sentence)

    def on_progress(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        if clock.images >= self.stop:
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize(("images", "total", "time"), [
    (0, 400, (0.0, 0, 0.0)),
    (50, 400, (0.125, 0, 0.5)),
    (100, 400, (0.25, 1, 0.0)),
    (250, 400, (0.625, 1, 0.75)),
    (400, 400, (1.0, 2, 1.0)),
    (410, 400, (1.0, 2, 1.0)),
    (50, 50, (1.0, 0, 0.5)),  # a run that ends in its first stage
    (500, 700, (5 / 7, 2, 0.5)),  # and one that is longer than its stages
])  # fmt: skip
def test_the_clock_tells_the_stage_and_its_share(images, total, time):
    assert clock_at(THREE, total, 7, images) == Clock(7, images, *time)


def test_what_follows_from_the_stages():
    assert [(c.images, c.stage, c.stage_share) for c in stage_starts(THREE, 400)] == [
        (0, 0, 0.0), (100, 1, 0.0), (300, 2, 0.0)]  # fmt: skip
    assert count_rounds(THREE, 400) == 10 + 40 + 20 and count_rounds(THREE, 50) == 5
    assert full_size_from(THREE, FULL, 400) == 100 and full_size_from(THREE, FULL, 100) is None
    short = Growing(each=500)
    assert [stage.until for stage in plan_stages(short, FULL, 60)] == [500, 1000, 1500]
    assert full_size_from(THREE[1:], FULL, 400) == 0 and full_size_from(THREE[:1], FULL, 400) is None
    assert [FADE(Clock(stage=1, stage_share=share)) for share in (0.0, 0.25, 0.5, 1.0)] == [0.0, 0.5, 1.0, 1.0]


class Backwards(Growing):
    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        return THREE[1], THREE[0]


class Nowhere(Growing):
    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        return ()


class Greedy(Growing):
    """Its last stage cannot be played, which is to be known at the beginning."""

    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        return Stage(images // 2, data, 8), Stage(images, data, 7)


class Late(Growing):
    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        return Stage(images // 2, data, 8), Stage(images, data, 80)


@pytest.mark.parametrize(("kind", "says"), [
    (Backwards, "the stages of Backwards end at 300, 100 images, but each should end after the one before it"),
    (Nowhere, "Nowhere.stages gives no stage, but a run has one or more"),
    (Greedy, "a batch of 7 cannot be cut into 2 equal parts"),
])  # fmt: skip
def test_stages_that_cannot_be_played_are_refused_before_a_run(kind, says):
    with pytest.raises(Mistake, match=says):
        rehearse(kind(), FULL, CPU, MatchOptions(accumulate=2))


def test_a_later_batch_that_is_larger_than_the_data_is_refused_at_once():
    with pytest.raises(Mistake, match="a batch of 80 is larger than noise, which has 64 samples"):
        Match(Late(), noise(), IMAGES, CPU)


def test_a_new_size_begins_as_the_last_one_ended():
    """At a border the game shows the smaller samples, doubled; from half of the stage on they are as large as they are.

    So growth hangs on the clock alone, also where samples are made between rounds.
    """
    match = Match(Growing(), noise(), IMAGES, CPU)
    while match.clock.images < IMAGES // 3:
        match.play()
    assert match.clock[3:] == (1, 0.0) and match.game.clock == match.clock
    z = torch.randn(3, 4)
    large = match.game.make(z)
    match.game.clock = match.clock._replace(stage=0)
    torch.testing.assert_close(large, F.interpolate(match.game.make(z), scale_factor=2))


class Changing(Growing):
    """Another optimizer in each stage."""

    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        kinds = (None, lambda player: SGD(1e-3, 0.9), lambda player: Adam(1e-4 if player == "critic" else 2e-4))
        return tuple(
            replace(stage, steps=kind) for stage, kind in zip(super().stages(data, images), kinds, strict=True)
        )


def test_a_stage_may_say_how_each_player_steps():
    match, found = Match(Changing(), noise(), IMAGES, CPU), {}
    while not match.over:
        match.play()
        optimizers = {match.engine.names[player]: o for player, o in match.engine.optimizers.items()}
        found[match.clock.stage] = [(type(o), o.param_groups[0]["lr"]) for o in optimizers.values()]
    assert found == {0: [(torch.optim.Adam, 2e-4)] * 2, 1: [(torch.optim.SGD, 1e-3)] * 2,
                     2: [(torch.optim.Adam, 2e-4), (torch.optim.Adam, 1e-4)]}  # fmt: skip


def played(match: Match[Any]) -> Match[Any]:
    while not match.over:
        match.play()
    return match


@pytest.fixture(scope="module")
def changed() -> Match[Any]:
    return played(Match(Changing(), noise(), IMAGES, CPU, MatchOptions(ema=30)))


@pytest.mark.parametrize("stop", [64, 80, 200])
def test_optimizers_of_a_stage_are_restored_across_its_border(stop: int, changed: Match[Any]):
    halted, again = (Match(Changing(), noise(), IMAGES, CPU, MatchOptions(ema=30)) for _ in range(2))
    while halted.clock.images < stop:
        halted.play()
    tensors, facts = halted.state()
    again.restore({key: t.clone() for key, t in tensors.items()}, json.loads(json.dumps(facts)))
    assert again.clock == halted.clock == again.game.clock
    end = played(again).state()[0]
    for key, value in changed.state()[0].items():
        assert torch.equal(value, end[key]), key


def states(recipe: Growing, parts: int) -> dict[str, Tensor]:
    return played(Match(recipe, noise(), IMAGES, CPU, MatchOptions(accumulate=parts))).state()[0]


def test_two_parts_of_a_batch_are_one_in_every_stage():
    plain = Growing(optimizer=SGD(0.01))
    one, two = states(plain, 1), states(plain, 2)
    for key in (key for key in one if key.startswith("game.")):
        torch.testing.assert_close(one[key], two[key], rtol=1e-3, atol=1e-4, msg=key)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is measured, all through."""
    folder = tmp_path_factory.mktemp("staged") / "run"
    return train(GROWING, **RUN | {"measure": "swd", "samples": 64, "every": 40}, out=folder)


@pytest.mark.parametrize("stop", [1, 100])
def test_a_run_stopped_in_a_small_stage_is_of_its_size_and_goes_on_to_the_same_bits(
    stop: int, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("saddle.training.loop.READ_EVERY", 3)
    folder = tmp_path / "run"
    with pytest.raises(Interrupted):
        train(GROWING, **RUN | {"measure": "swd", "samples": 64, "every": 40}, out=folder, watch=Heard(stop))
    side, loaded = (4, load(folder)) if stop == 1 else (8, load(folder))
    assert loaded.sample(3).shape == (3, 1, side, side) and loaded.shape[:3] == (1, side, side)
    assert loaded.clock.stage == (stop > 1) and read_measurements(RunFolder(folder)) == []
    with pytest.raises(Mistake, match=f"samples of {side} x {side} x 1 and .*16 x 16"):
        measure(folder, metrics="swd", n=16, quiet=True)
    assert main(["sample", str(folder)]) == 0 and main(["report", str(folder)]) == 0
    resume(folder)
    one, two = (read_latest_checkpoint(run / "checkpoints") for run in (whole, folder))
    assert one is not None and two is not None and one.tensors.keys() == two.tensors.keys()
    assert [key for key, t in one.tensors.items() if not torch.equal(t, two.tensors[key])] == []
    assert (whole / "log.jsonl").read_bytes() == (folder / "log.jsonl").read_bytes()


def test_figures_are_taken_at_the_datas_own_size_alone(whole: Path, tmp_path: Path):
    taken = [measurement.images for measurement in read_measurements(RunFolder(whole))]
    assert taken == [160, 200, 240]
    best = read_checkpoint(best_checkpoint_path(whole / "checkpoints")).facts["clock"]
    assert best["images"] in taken and best.keys() == {"round", "images", "share"}
    with pytest.raises(Mistake, match="a run of 240 images does not come to them: it ends at 4x4 pixels"):
        train(GROWING, **RUN | {"measure": "swd"}, options={"each": "500"}, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()
    with pytest.raises(Interrupted):
        train(GROWING, **RUN | {"measure": "swd"}, out=tmp_path / "r", watch=(heard := Heard(1)))
    assert any(said.startswith("figures are taken from 160 images on, at 16x16 pixels") for said in heard.said)


def test_the_data_are_shown_at_their_own_size_from_the_first_stage_on(whole: Path):
    """A pixel is as large there as on the last sheet, and smaller than on the first."""
    scales = []
    for path in sorted((whole / "sheets").glob("*.png"), reverse=True):
        with Image.open(path) as sheet:
            scales.append(int(sheet.info["scale"]))
    real, last, *_, first = scales
    assert real == last < first


def test_a_page_tells_of_a_staged_run(whole: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["report", str(whole)]) == 0 and main(["measure", str(whole), "--metrics", "swd", "-n", "64"]) == 0
    assert (whole / "progress.png").exists() and len(list((whole / "sheets").glob("0*.png"))) == 5
    assert load(whole).shape[:3] == (1, 16, 16) and load(whole, best=True).clock.stage == 2


def test_advice_to_go_on_names_a_length_that_works(whole: Path, capsys: pytest.CaptureFixture[str]):
    """With stages that are shares of the length, a run of three equal ones can grow by half, and by no more."""
    assert suggest_longer(whole) == "+120"
    with pytest.raises(Mistake, match=r"another run from the beginning; --images \+120 goes on in the stage that it"):
        resume(whole, images="+100k")
    resume(whole, watch=(heard := Heard()))
    assert "is finished" in heard.said[-1] and heard.said[-1].endswith("--images +120` goes on")
    stages = plan_stages(Growing(), FULL, IMAGES + 120)
    assert stages[1].until == IMAGES


def test_minutes_are_those_of_all_stages(monkeypatch: pytest.MonkeyPatch):
    """Stages of a third each, at 300, 100 and 50 images a second: n images take n / 90 seconds."""
    seen = []

    def speed(match: Match[Any], seconds: float) -> float:
        seen.append((match.clock.stage, match.clock.stage_share, seconds))
        return (300.0, 100.0, 50.0)[match.clock.stage]

    monkeypatch.setattr(run_length, "measure_speed", speed)
    speeds = run_length.measure_speeds(Match(Growing(), noise(), run_length.ASSUMED_IMAGES, CPU))
    assert seen == [(0, 0.0, 2.0), (1, 0.0, 2.0), (2, 0.0, 2.0)]
    assert run_length.images_within(120, Growing(), FULL, speeds) == pytest.approx(120 * 90, abs=3)
    assert run_length.images_within(60, Growing(), FULL, {(FULL, 8): 40.0}) == 2400
    assert run_length.playing_time(THREE, 50, {(SMALL, 10): 5.0, (FULL, 5): 1.0}) == 10


def test_a_run_goes_back_within_its_stage_and_not_beyond(tmp_path: Path):
    match = Match(Growing(), noise(), IMAGES, CPU, MatchOptions(ema=30))
    store, kept = RollbackStore(match, tmp_path), {}
    for images in (96, 128):
        while match.clock.images < images:
            match.play()
        kept[images] = {key: t.clone() for key, t in match.state()[0].items()}
        store.save()
    match.play()
    assert store.roll_back() == 96 and match.clock.images == 136
    assert all(torch.equal(t, kept[96][key]) for key, t in match.state()[0].items())
    store.restore({"sure": 128, "fresh": None, "times": 0})
    while match.clock.stage == 1:
        match.play()
    assert store.roll_back() is None and store.why_not == "no healthy state of this stage was kept to go back to"


def test_health_is_judged_by_looks_at_one_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(monitor, "PROBE_INTERVAL", 0.25)
    monkeypatch.setattr(monitor, "LOOK_GRACE", float("inf"))  # on a machine of many the first look may take seconds
    run = train(GROWING, **RUN | {"pictures": 0}, out=tmp_path / "run")
    end = read_latest_checkpoint(run / "checkpoints")
    assert end is not None and [look[1] for look in end.facts["health"]["past"]] == [160, 176, 192, 208, 224, 240]


def worker(process: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=process, world_size=2)
    torch.save(states(Growing(optimizer=SGD(0.01)), 1), f"{folder}/{process}")
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_grow_together(tmp_path: Path):
    mp.spawn(worker, (str(tmp_path),), nprocs=2)
    one, two = (torch.load(tmp_path / str(process)) for process in range(2))
    alone = states(Growing(optimizer=SGD(0.01)), 2)
    for key in (key for key in one if key.startswith("game.")):
        assert torch.equal(one[key], two[key]), key
        torch.testing.assert_close(one[key], alone[key], rtol=1e-3, atol=1e-4, msg=key)
