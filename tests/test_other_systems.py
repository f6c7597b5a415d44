"""What of Windows and macOS can be simulated: their paths, names, locks and signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from saddle import load, train
from saddle.cli import main
from saddle.data.cache import sealed, store
from saddle.data.sources import split_suffix
from saddle.errors import Failure, Mistake
from saddle.inference.made_files import png_names
from saddle.measuring.metric_table import check_features
from saddle.preparing import to_folder_name
from saddle.recipes import files
from saddle.runs import locks as run_locks
from saddle.runs import state
from saddle.runs.folder import RunFolder
from saddle.runs.writing import write_text
from test_resume import small


@pytest.mark.parametrize(("text", "name", "part"), [
    (r"C:\photos", r"C:\photos", None),
    (r"C:\photos:train", r"C:\photos", "train"),
    ("C:/photos:train", "C:/photos", "train"),
    (r"\\server\share\photos:test", r"\\server\share\photos", "test"),
    ("mnist:test", "mnist", "test"),
])  # fmt: skip
def test_the_colon_of_a_drive_is_no_part_of_a_source(text: str, name: str, part: str | None) -> None:
    assert split_suffix(text) == (name, part)


def test_the_colon_of_a_drive_begins_no_layer_and_no_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Mistake, match=r"there is no file C:\\weights\.pth"):
        check_features(r"C:\weights.pth")
    assert files.is_file_recipe(r"C:\mine.py:Mine") and files.is_file_recipe(r"C:\mine.py")
    assert main(["train", r"C:\mine.py:Mine"]) == 2
    assert r"C:\mine.py" in capsys.readouterr().err


@pytest.mark.parametrize(("data", "name"), [
    (r"C:\photos\Cats", "cats"), ("C:/photos/Cats", "cats"), (r"D:\mine.py:Mine", "mine"), ("con", "con"),
    ("..", "data"),
])  # fmt: skip
def test_a_run_is_named_by_the_last_part_of_a_path(data: str, name: str) -> None:
    assert to_folder_name(data) == name


def test_pictures_get_names_that_windows_takes() -> None:
    given = [
        "con.png",
        "aux/NUL.jpg",
        "com1.tar.gif",
        "console.png",
        "cats. /a.png",
        "A.png",
        "a.png",
        "lpt9",
        'a"<b>.png',
    ]
    names = png_names(given)
    assert names[:4] == ["con_.png", "aux_/NUL_.png", "com1_.tar.png", "console.png"]
    assert len({name.lower() for name in names}) == len(given)
    assert not any(sign in name for name in names for sign in '<>:"|?*\\')
    assert not any(part.endswith((" ", ".")) for name in names for part in name.split("/"))


def test_a_run_of_another_system_is_listed_and_its_data_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(**small("gan", out=tmp_path / "run"))
    manifest = run / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"data": "glyphs"', r'"data": "C:\\photos:train"'), "utf-8")
    assert r"C:\\photos:train" in manifest.read_text("utf-8")
    assert main(["runs", str(tmp_path)]) == 0 and "finished" in capsys.readouterr().out
    assert load(run).sample(2).shape[0] == 2
    assert main(["resume", str(run), "--images", "+64"]) == 2
    said = capsys.readouterr().err
    assert f"saddle resume {run} --data PLACE" in said and r"no more at C:" in said and said.count("\n") == 1


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (run_locks, store):
        monkeypatch.setattr(module, "fcntl", None)
    monkeypatch.setattr(sealed, "HAS_LOCKS", False)


@pytest.mark.usefixtures("without_locks")
def test_without_file_locks_a_run_is_trained_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))
    run = train(**small("gan", out=tmp_path / "runs" / "one"))
    assert load(run).sample(2).shape[0] == 2 and not state.is_being_trained(RunFolder(run))
    assert main(["runs", str(tmp_path / "runs")]) == 0 and "finished" in capsys.readouterr().out
    assert main(["doctor", "--cache"]) == 0 and "as they were written" in capsys.readouterr().out
    assert main(["cache", "--clear"]) == 0


def test_a_file_that_another_program_holds_open_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows replaces no file that is open elsewhere; what was written before stays whole, and no draft is left."""
    file = tmp_path / "report.html"
    write_text(file, "before")

    def refuse(*given: Any) -> None:
        raise PermissionError(13, "The process cannot access the file because it is being used by another process")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(Failure, match=r"report\.html could not be written: .*used by another process"):
        write_text(file, "after")
    assert file.read_text() == "before" and [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_modules_come_up_without_the_signals_and_locks_of_unix() -> None:
    code = """
import os, signal, sys
sys.modules["fcntl"] = sys.modules["resource"] = None
for name in ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGQUIT"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("getuid", "geteuid", "fork", "setsid", "sched_getaffinity", "sysconf", "O_NOFOLLOW", "O_NONBLOCK"):
    if hasattr(os, name):
        delattr(os, name)
import pkgutil, saddle
from saddle.cli import main
from saddle.cli import COMMANDS
from saddle.training import signals
from saddle import sessions, sweeps
from saddle.data.progress import hide_progress
from saddle.sweeps import sweep
assert signals.HANGUP is None and signals.STOPS == (signal.SIGINT, signal.SIGTERM)
sys.exit(main(["list"]) or main(["cache"]) or main(["doctor", "glyphs", "--limit", "20"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


def test_a_training_of_windows_is_stopped_by_the_break_key_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gradio")
    from saddle.studio import jobs
    from saddle.studio.context import StudioContext

    context, sent = StudioContext(runs=tmp_path), list[tuple[int, int]]()
    place = tmp_path / "001-gan"
    place.mkdir()
    monkeypatch.setattr(jobs, "WINDOWS", True)
    monkeypatch.setattr(signal, "CTRL_BREAK_EVENT", 1, raising=False)
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    context.own.mkdir(parents=True, exist_ok=True)
    jobs.process_file(context, place).write_text("4242", encoding="utf-8")
    assert jobs.read_process(context, place) is None and not sent  # to ask by a signal would end it

    class Job:
        pid = 77

        def poll(self) -> None:
            return None

    monkeypatch.setitem(jobs.STARTED, str(place.resolve()), Job())  # type: ignore[arg-type]
    jobs.stop_training(context, RunFolder(place))
    assert sent == [(77, 1)]
