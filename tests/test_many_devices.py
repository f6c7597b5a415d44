"""Several runs or processes on one machine have a GPU each; and there are file systems on which nothing is locked."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from saddle.errors import Mistake
from saddle.runs import locks, state
from saddle.runs.folder import LOCK_NAME, RunFolder
from saddle.sweeps.plan import Trial
from saddle.sweeps.workers import TrialListener, WorkerPool, visible_gpus
from saddle.training.machine import find_device


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


class Process:
    """In the place of a run's own."""

    begun: list[tuple[Any, ...]] = []

    def __init__(self, target: object, args: tuple[Any, ...]) -> None:
        self.begun.append(args)

    def start(self) -> None: ...

    def join(self) -> None: ...


def pool(monkeypatch: pytest.MonkeyPatch, jobs: int) -> WorkerPool:
    made = WorkerPool("gan", Path("sweep"), jobs, TrialListener(lambda trial, what: None))
    monkeypatch.setattr(made.context, "Process", Process, raising=False)
    monkeypatch.setattr(Process, "begun", [])
    return made


def given(*device: str) -> Trial:
    return Trial("01", "", {}, dict(zip(["device"], device, strict=False)))


def test_jobs_take_gpus_in_turn_and_the_one_that_is_free(monkeypatch: pytest.MonkeyPatch, two_gpus: None):
    made = pool(monkeypatch, 3)
    for trial in (given(), given("cuda"), given("cpu"), given("cuda:1")):
        made.begin_trial(trial)
    assert [args[-1] for args in Process.begun] == ["0", "1", None, None]
    done = made.running[0]
    done.end = "done", ""
    made.finish_job(done)
    made.begin_trial(given())
    assert Process.begun[-1][-1] == "0"


def test_a_sweep_keeps_to_the_gpus_that_it_was_given(monkeypatch: pytest.MonkeyPatch, two_gpus: None):
    assert visible_gpus() == ["0", "1"] and pool(monkeypatch, 1).gpus == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-3a")
    assert visible_gpus() == ["5", "GPU-3a"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert visible_gpus() == []  # all share it, as ever


def test_one_gpu_for_several_processes_is_refused_with_what_gives_each_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    says = r"cuda:1, but each of 4 processes on this machine needs a GPU of its own; --device cuda gives them one each"
    with pytest.raises(Mistake, match=says):
        find_device("cuda:1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(Mistake, match="sees no CUDA GPU here"):
        find_device("cuda:1")


@pytest.mark.skipif(locks.fcntl is None, reason="this system has no such locks")
@pytest.mark.parametrize(
    ("number", "taken"), [(errno.EWOULDBLOCK, True), (errno.EOPNOTSUPP, False), (errno.ENOLCK, False)]
)
def test_where_nothing_can_be_locked_nobody_has_the_lock(
    number: int, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def flock(file: object, how: int) -> None:
        raise OSError(number, "as the file system says")

    run = RunFolder(tmp_path)
    (tmp_path / LOCK_NAME).touch()
    monkeypatch.setattr(locks.fcntl, "flock", flock)
    assert state.is_being_trained(run) == taken
    if taken:
        with pytest.raises(Mistake, match="is being trained by another process"), run.lock():
            raise AssertionError
        return
    with run.lock():
        assert "cannot be locked (as the file system says)" in capsys.readouterr().err
