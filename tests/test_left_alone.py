"""What a command does when what it stands on goes: the folder it was typed in, the process that began it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from saddle.cli import COMMANDS, main
from saddle.sweeps import work
from saddle.sweeps.plan import Trial

PARENT = """
import multiprocessing as mp, os, signal, sys, time
from saddle.training.signals import end_with_parent

def child(ready):
    end_with_parent()
    print(os.getpid(), flush=True)
    ready.set()
    time.sleep(60)

if __name__ == "__main__":
    context = mp.get_context(sys.argv[1])
    ready = context.Event()
    context.Process(target=child, args=(ready,)).start()
    ready.wait()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is deleted."""
    (folder := tmp_path / "gone").mkdir()
    monkeypatch.chdir(folder)
    try:
        folder.rmdir()
    except OSError:
        pytest.skip("here a folder in which a process stands cannot be deleted")


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("command", [*COMMANDS, "--help", "--version"])
def test_a_command_in_a_deleted_folder_says_so(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "x"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("saddle: the folder that you are in was deleted") and said.count("\n") == 1


def test_a_folder_deleted_while_a_command_works_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder := tmp_path / "gone").mkdir()
    monkeypatch.chdir(folder)

    def work(words: list[str]) -> None:
        folder.rmdir()
        Path("file").touch()

    monkeypatch.setattr("saddle.cli.dispatch", work)
    assert main(["list"]) == 2 and "was deleted or moved away" in capsys.readouterr().err


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_a_process_ends_when_the_one_that_began_it_is_killed(start: str, tmp_path: Path) -> None:
    (script := tmp_path / "parent.py").write_text(PARENT)
    done = subprocess.run([sys.executable, script, start], stdout=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    child, until = int(done.stdout), time.monotonic() + 20
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.kill(child, 0)
            time.sleep(0.01)
        raise AssertionError(f"process {child} is alive")


def test_each_run_of_a_sweep_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked(Exception):
        pass

    def asked() -> None:
        raise Asked

    monkeypatch.setattr(os, "setsid", lambda: None)
    monkeypatch.setattr(work, "end_with_parent", asked)
    with pytest.raises(Asked):
        work.run_trial("dcgan", Trial("a", "a", {}, {}), "a", True, False, None)  # type: ignore[arg-type]
