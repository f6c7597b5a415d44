"""A run that goes back to when it was healthy does so by its images alone, and repeats itself to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from saddle.clock import Clock
from saddle.errors import Failure
from saddle.parts import pieces
from saddle.reports.findings import describe_when
from saddle.runs.curves import read_panels
from saddle.runs.findings import Rollback, read_findings
from saddle.runs.folder import RunFolder
from saddle.runs.log import read_log
from saddle.training.callbacks.base import Callback
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint
from saddle.training.health import monitor
from saddle.training.health.collapse import Collapsed
from saddle.training.health.rollback import MAX_ROLLBACKS, RollbackStore
from saddle.training.loop import Loop
from saddle.training.match import Match
from test_health import constant, last, loop, match

ILL, FOUND, SURE = 896, 1088, 512  # a look is every 64 images, and from 512 on every fourth look keeps a healthy state


@pytest.fixture(autouse=True)
def many_looks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(monitor, "PROBE_INTERVAL", 1)


def planted(m: Match[Any], value: float = 0.0, start: int = ILL, stop: int = FOUND) -> Match[Any]:
    """Between these images the generator's first weights have this value: it hears nothing of its latents."""
    play = m.play

    def playing(*between: Any) -> tuple[Clock, dict[str, Tensor]]:
        played = play(*between)
        if start <= m.clock.images <= stop:
            next(m.game.get_submodule("generator").parameters()).data.fill_(value)
        return played

    m.play = playing  # type: ignore[method-assign]
    return m


def ready(folder: Path, m: Match[Any], watch: Callback | None = None, **more: Any) -> Loop:
    return loop(folder, m, watch, on_collapse="rollback", **more)


class Heard(Callback):
    def __init__(self) -> None:
        self.backs: list[Rollback] = []

    def on_rollback(self, back: Rollback) -> None:
        self.backs.append(back)


def test_a_collapsed_run_goes_back_to_the_state_that_had_proven_healthy(tmp_path: Path):
    m, folder, heard = planted(match(images=1344)), tmp_path / "run", Heard()
    revert, reverted = m.revert, []

    def reverting(*kept: Any) -> None:
        revert(*kept)
        reverted.append((kept[1]["clock"]["images"], m.clock.images))

    m.revert = reverting  # type: ignore[method-assign]
    ready(folder, m, heard).go()
    assert reverted == [(SURE, FOUND)] and m.clock.images == 1344  # what was shown goes on being counted
    (back,) = heard.backs
    assert (back.check, back.round, back.images, back.to, back.times) == (
        "the generator has collapsed", FOUND // 16, FOUND, SURE, 1)  # fmt: skip
    assert "collapsed: the players go back to what they were at 512 images (rollback 1)" in str(back)
    (finding,) = read_findings(folder)
    assert finding["until"] == FOUND and finding["back"] == SURE
    assert describe_when(1, finding) == "at 1,088 images, when the run went back to 512"
    assert {"round": FOUND // 16, "images": FOUND, "rolled back": SURE} in read_log(folder / "log.jsonl")
    assert set(read_panels(folder / "log.jsonl")) == {"critic", "generator", "gradient norm"}


def halted(folder: Path, m: Match[Any], saves: int, dies: int) -> None:
    """A run that saves before one round and is killed before another."""
    run = ready(folder, m)
    play = m.play

    def playing(*between: Any) -> tuple[Clock, dict[str, Tensor]]:
        if m.clock.round == saves:
            run.checkpoint()
        if m.clock.round == dies:
            raise KeyboardInterrupt
        return play(*between)

    m.play = playing  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run.go()


def content(folder: Path) -> dict[str, Any]:
    tensors, facts = last(folder)
    files = {name: (folder / name).read_bytes() for name in ("log.jsonl", "health.jsonl")}
    kept = {path.name: read_checkpoint(path) for path in folder.glob("checkpoints/healthy-*")}
    return {"tensors": tensors, "facts": facts, "files": files, "kept": kept}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monitor, "PROBE_INTERVAL", 1)
        folder = tmp_path_factory.mktemp("whole") / "run"
        ready(folder, planted(match(images=2304))).go()
    return content(folder)


@pytest.mark.parametrize(("saves", "dies"), [(60, 140), (76, 120)])
def test_a_run_killed_about_its_rollback_resumes_to_the_same_bits(
    saves: int, dies: int, tmp_path: Path, whole: dict[str, Any]
):
    """Saved before it or after it, and killed when a later state had taken the place of the one it went back to."""
    folder = tmp_path / "run"
    halted(folder, planted(match(images=2304)), saves, dies)
    ready(folder, planted(match(images=2304))).go()
    again = content(folder)
    assert again["facts"] == whole["facts"] and again["files"] == whole["files"]
    assert [key for key, t in whole["tensors"].items() if not torch.equal(t, again["tensors"][key])] == []
    assert whole["kept"].keys() <= again["kept"].keys()
    for name, (tensors, _) in whole["kept"].items():
        assert [key for key, t in tensors.items() if not torch.equal(t, again["kept"][name].tensors[key])] == []


def test_states_that_no_checkpoint_names_are_thrown_away(tmp_path: Path):
    folder = tmp_path / "run"
    ready(folder, match(images=1536), checkpoints=1e-9).go()  # which saves every 16 rounds
    assert sorted(path.name for path in folder.glob("checkpoints/healthy-*")) == [
        f"healthy-{images:012d}.safetensors" for images in (1024, 1280, 1536)
    ]
    assert last(folder)[1]["healthy"] == {"sure": 1280, "fresh": 1536, "times": 0}


def test_a_run_that_goes_back_too_often_stops(tmp_path: Path):
    folder, heard = tmp_path / "run", Heard()
    with pytest.raises(Collapsed, match=r"have a twin; .*half the .*; it went back 3 times before; stopped at \d+ of"):
        ready(folder, constant(match(images=4096), ILL), heard).go()
    assert [back.to for back in heard.backs] == [SURE] * MAX_ROLLBACKS and [back.times for back in heard.backs] == [
        1,
        2,
        3,
    ]
    assert len(read_findings(folder)) == MAX_ROLLBACKS + 1
    images = last(folder)[1]["clock"]["images"]
    assert images < 4096 and not (folder / "checkpoints" / "healthy-000000000768.safetensors").exists()
    ready(folder, match(images=images + 64)).go()  # and goes on all the same


def test_without_a_healthy_state_a_run_stops(tmp_path: Path):
    with pytest.raises(Collapsed, match=r"collapsed.*no healthy state was kept to go back to; stopped at 704 of 4096"):
        ready(tmp_path / "run", constant(match(images=4096), 0)).go()


def test_what_is_no_number_leads_back_too(tmp_path: Path):
    folder, heard = tmp_path / "run", Heard()
    m = planted(match(images=1200), float("nan"), 960, 976)
    ready(folder, m, heard).go()
    (back,) = heard.backs
    assert back.check == "NaN or infinite" and back.to == SURE and 976 < back.images <= 976 + 16 * 16
    assert all(t.isfinite().all() for t in last(folder)[0].values() if t.is_floating_point())
    (finding,) = read_findings(folder)
    assert finding["check"] == "NaN or infinite" and finding["back"] == SURE
    with pytest.raises(Failure, match=r"became nan in round 3 .*; no healthy state was kept to go back to; it had not"):
        ready(tmp_path / "early", planted(match(), float("nan"), 48, 64)).go()


def test_a_state_of_another_stage_is_none_to_go_back_to(tmp_path: Path):
    m = match(images=1024)
    kept = RollbackStore(m, tmp_path)
    kept.restore({"sure": 16, "fresh": 32, "times": 0})
    m.stages = (replace(m.stages[0], until=24), m.stages[0])
    m.clock = Clock(2, 32, 0.0)
    m.begin_stage()
    assert kept.roll_back() is None and "no healthy state" in kept.why_not


def worker(process: int, folder: str, shard: bool) -> None:
    torch.set_num_threads(1)
    monitor.PROBE_INTERVAL, pieces.LEAST = 1, 64
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=process, world_size=2)
    m = planted(match(images=1344, shard=shard))
    run = Loop(m, RunFolder(f"{folder}/run"), {}, pictures=0, checkpoints=1e9, on_collapse="rollback")
    run.restore(None)
    run.go()
    torch.save((run.rollback.state() if run.rollback else None, m.state()[0]), f"{folder}/{process}")
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("shard", [False, True])
def test_two_processes_go_back_together(shard: bool, tmp_path: Path):
    """Also where weights are divided among them, of which the first one gathers and keeps whole states."""
    RunFolder.create(tmp_path / "run", "run")
    mp.spawn(worker, (str(tmp_path), shard), nprocs=2)
    (one, weights), (two, same) = (torch.load(tmp_path / str(process)) for process in range(2))
    assert one == two and one["times"] == 1
    assert [key for key, t in same.items() if not torch.equal(t, weights[key])] == [] and (
        len(same) < len(weights)
    ) == shard
    (finding,) = read_findings(tmp_path / "run")
    assert finding["back"] == SURE and latest_checkpoint(tmp_path / "run" / "checkpoints")
