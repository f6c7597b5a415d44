"""The same command goes on: whoever restarts jobs, torchrun, Slurm or Kubernetes, runs it again as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from saddle import resume, sessions, train
from saddle.cli import main
from saddle.clock import Clock
from saddle.errors import Mistake
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.training import loop
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint_facts
from saddle.training.match import Match
from several import free_port, write_killed_job
from test_continued import photos
from test_resume import StopAt, equal, small
from test_run_folder import Heard

LINE = ["train", "gan", "--networks.width", "16", "--batch", "8", "--size", "16", "--images", "96", "--limit", "64",
        "--pictures", "3", "--quiet", "--seed", "3", "--device", "cpu"]  # fmt: skip


class Killed(BaseException):
    """In the place of kill -9: nothing is saved any more."""


def kill(patch: pytest.MonkeyPatch, round: int) -> None:
    play = Match.play

    def playing(match: Match[Any], *between: Any) -> object:
        if match.clock.round == round:
            raise Killed
        return play(match, *between)

    patch.setattr(Match, "play", playing)


def shown(run: Path) -> int:
    where = latest_checkpoint(run / "checkpoints")
    assert where is not None
    return Clock(**read_checkpoint_facts(where)["clock"]).images


def test_a_command_that_is_run_three_times_gives_the_run_in_peace(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    often = [*LINE, "--checkpoints", "1e-6"]
    again = [*often, "--out", str(tmp_path / "again"), "--resume", "auto"]
    assert main([*often, "--out", str(tmp_path / "peace")]) == 0
    with pytest.MonkeyPatch.context() as patch:
        kill(patch, 7)
        patch.setattr(loop, "READ_EVERY", 3)  # rounds; what is saved before does not hang on the time they take
        with pytest.raises(Killed):
            main(again)
    assert 0 < shown(tmp_path / "again") < 96
    capsys.readouterr()
    assert main(again) == 0 and shown(tmp_path / "again") == 96
    assert "finished" not in capsys.readouterr().err
    before = {path: path.read_bytes() for path in (tmp_path / "again").rglob("*.safetensors")}
    assert main(again) == 0
    assert f"{tmp_path / 'again'} is finished: it has shown all of its 96 images" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (tmp_path / "again").rglob("*.safetensors")} == before
    equal(tmp_path / "peace", tmp_path / "again")


@pytest.mark.parametrize("where", ["saddle.runs.manifest.Manifest.write", "saddle.training.loop.Loop.restore"])
def test_one_that_was_killed_before_its_first_round_begins(where: str, tmp_path: Path):
    same: dict[str, Any] = {**small("gan"), "out": tmp_path / "run", "resume": "auto"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, lambda *given: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            train(**same)
    assert (tmp_path / "run" / "manifest.json").exists() == where.endswith("restore")
    assert train(**same) == tmp_path / "run" and shown(tmp_path / "run") == 96


def test_a_run_that_was_made_longer_keeps_its_command(tmp_path: Path):
    same: dict[str, Any] = {**small("gan"), "out": tmp_path / "run", "resume": "auto"}
    train(**same)
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 15, signal.SIGTERM)
        with pytest.raises(Exception, match="goes on exactly here"):
            resume(tmp_path / "run", images="+96")
    train(**same)
    assert shown(tmp_path / "run") == 192


def test_another_command_is_refused_by_the_field_and_moved_data_are_not(tmp_path: Path):
    data, place = photos(tmp_path / "photos"), tmp_path / "run"
    same: dict[str, Any] = {**small("gan", data=str(data), limit=None), "out": place, "resume": "auto"}
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 3)
        with pytest.raises(Exception, match="goes on exactly here"):
            train(**same)
    manifest = (place / "manifest.json").read_bytes()
    other = photos(tmp_path / "other", 1)
    for change, says in (
        (
            {"options": {"networks.width": "16", "batch": "16"}},
            f"the recipe's batch is 8 in {place}, but 16 in this command",
        ),
        ({"recipe": "dcgan", "options": {"batch": "8"}}, f"the recipe is GAN in {place}, but DCGAN"),
        ({"seed": 4}, f"seed is 3 in {place}, but 4 in this command; a run goes on as it was begun"),
        ({"flip": True}, "flip is False"),
        (
            {"images": 192},
            f"images is 96 in {place}, but 192 .* `saddle resume {place} --images .100k` makes it longer",
        ),
        ({"data": str(other)}, f"the data in {other} is other than what this run was begun with"),
        ({"resume": None}, "already holds a run"),
    ):
        with pytest.raises(Mistake, match=says):
            train(**same | change)
    assert (place / "manifest.json").read_bytes() == manifest
    data.rename(tmp_path / "elsewhere")
    train(**same | {"data": str(tmp_path / "elsewhere"), "watch": (heard := Heard())})
    assert shown(place) == 96 and not [said for said in heard.sentences if "warning" in said]
    assert Manifest.read(RunFolder(place)).settings.data == str(tmp_path / "elsewhere")


def test_how_a_run_calculates_may_be_said_anew_each_time(tmp_path: Path):
    """It changes no recipe, so a restarted job may find another machine, and `resume` takes what `train` takes."""
    place = tmp_path / "run"
    same = [*LINE, "--out", str(place), "--resume", "auto"]
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 3)
        assert main(same) == 143
    assert main([*same, "--fast", "off", "--no-exact"]) == 0 and shown(place) == 96
    assert (now := Manifest.read(RunFolder(place)).settings).fast == "off" and not now.exact
    assert main(["resume", str(place), "--images", "104", "--fast", "auto", "--exact", "--quiet"]) == 0
    assert (now := Manifest.read(RunFolder(place)).settings).fast == "auto" and now.exact
    assert main(["resume", str(place), "--images", "112", "--fast", "of"]) == 2


def test_only_auto_in_a_named_folder_is_a_way_to_resume(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "gan", "--resume", "auto"]) == 2 and "name it with --out" in capsys.readouterr().err
    assert main(["train", "gan", "--resume", "runs/1", "--out", "x"]) == 2
    assert "resume is 'runs/1', but should be auto" in capsys.readouterr().err


def test_all_processes_do_what_the_first_one_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Another one may look when the first has written its manifest already, or see a disk that is behind."""
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.setattr(sessions, "process_rank", lambda: 1)
    for here, first in ((True, ""), (False, "begun")):
        (run / "manifest.json").write_text("{}") if here else (run / "manifest.json").unlink()
        monkeypatch.setattr(sessions, "broadcast_text", lambda own, first=first: first)
        assert sessions.begun(run) == bool(first)


@pytest.mark.slow
def test_torchrun_restarts_a_run_whose_first_process_was_killed(tmp_path: Path):
    """The agent starts both anew, and these go on."""
    line = [*LINE, "--checkpoints", "1e-6", "--threads", "1", "--out", str(tmp_path / "run"), "--resume", "auto"]
    script = tmp_path / "job.py"
    write_killed_job(script, line, tmp_path / "killed", rank=0, round=5)
    run = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--max-restarts", "1",
           "--monitor-interval", "0.1", "--master-port", str(free_port()), str(script)]  # fmt: skip
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(run, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "killed").exists() and shown(tmp_path / "run") == 96
