"""All runs of a folder at a glance, and runs named by less than their path."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from saddle import load, train
from saddle.cli import main
from saddle.errors import Interrupted, Mistake
from saddle.runs.folder import RunFolder
from saddle.runs.naming import resolve_run_name
from saddle.runs.state import summarize_run
from test_resume import StopAt, small


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs/001-gan-measured, finished, and runs/002-gan-stopped."""
    root = tmp_path_factory.mktemp("made")
    train(**small("gan", out=root / "runs" / "001-gan-measured"), measure="swd", samples=16)
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 6)
        with pytest.raises(Interrupted):
            train(**small("gan", out=root / "runs" / "002-gan-stopped"))
    (root / "runs" / "no-run").mkdir()
    return root


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which one stands."""
    place = tmp_path / "here"
    shutil.copytree(made, place)
    monkeypatch.chdir(place)
    return place


@pytest.mark.usefixtures("here")
def test_all_runs_are_told_at_a_glance(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    heads, first, second, *_, last = capsys.readouterr().out.splitlines()
    assert heads.split() == ["run", "recipe", "data", "images", "state", "best", "disk"]
    assert first.split()[0] == "001-gan-measured" and "finished" in first and "SWD" in first
    assert second.split()[0] == "002-gan-stopped" and "stopped" in second
    assert last.startswith("2 runs, ")


@pytest.mark.usefixtures("here")
def test_json_tells_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["state"] == "finished" and first["images"] >= first["length"] and first["best"]["metric"] == "swd"
    assert second["state"] == "stopped" and second["best"] is None and 0 < second["images"] < second["length"]
    own = [file for file in Path(first["path"]).rglob("*") if file.is_file()]
    assert first["bytes"] == sum(file.stat().st_size for file in own)


def test_a_run_that_is_locked_is_being_trained(here: Path) -> None:
    folder = RunFolder.find(here / "runs" / "002-gan-stopped")
    with folder.lock():
        assert summarize_run(folder).state == "training"
    assert summarize_run(folder).state == "stopped"


def test_what_is_no_run_any_more_is_said_and_the_others_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "runs" / "001-gan-measured" / "manifest.json").write_text("{}")
    assert main(["runs"]) == 0
    out, err = capsys.readouterr()
    assert "002-gan-stopped" in out and "001-gan-measured" not in out and "001-gan-measured" in err


@pytest.mark.parametrize("words", [["runs", "nowhere"], ["runs", "--yes"]])
def test_what_cannot_be_meant_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2 and capsys.readouterr().err.count("\n") == 1


def test_prune_tells_first_and_deletes_only_what_no_one_needs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = here / "runs" / "002-gan-stopped"
    last = max((run / "checkpoints").glob("0*.safetensors"))
    old = last.with_name("000000000001.safetensors")
    shutil.copy(last, old)
    draft = run / "sheets" / ".draft-0000000001.png.7"
    draft.write_bytes(b"half")
    before = sorted((here / "runs" / "001-gan-measured").rglob("*"))
    assert main(["runs", "--prune"]) == 0
    told = capsys.readouterr().out
    assert old.name in told and draft.name in told and last.name not in told and old.exists()
    assert "saddle runs --prune --yes" in told
    assert main(["runs", "--prune", "--yes"]) == 0
    assert not old.exists() and not draft.exists() and last.exists()
    assert sorted((here / "runs" / "001-gan-measured").rglob("*")) == before
    assert main(["resume", "2", "--quiet"]) == 0
    assert main(["runs", "--prune", "--yes"]) == 0 and main(["sample", "2"]) == 0
    capsys.readouterr()
    assert main(["runs", "--prune"]) == 0 and "nothing to prune" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("1", "001-gan-measured"),
        ("001", "001-gan-measured"),
        ("002-g", "002-gan-stopped"),
        ("runs/2", "002-gan-stopped"),
    ],
)
def test_a_run_is_named_by_its_number_or_beginning(name: str, run: str) -> None:
    assert resolve_run_name(name) == Path("runs") / run


@pytest.mark.usefixtures("here")
def test_last_is_the_run_that_was_trained_last() -> None:
    for run, time in (("001-gan-measured", 2_000_000_000), ("002-gan-stopped", 1_000_000_000)):
        for file in ("manifest.json", "log.jsonl"):
            os.utime(Path("runs") / run / file, (time, time))
    assert resolve_run_name("last").name == "001-gan-measured"
    assert load("last").sample(1).shape[0] == 1
    assert main(["diff", "last", "2"]) == 0 and main(["sample", "last", "--out", "sheet.png"]) == 0


@pytest.mark.usefixtures("here")
def test_a_beginning_of_several_is_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree("runs/001-gan-measured", "runs/001-gan-again")
    with pytest.raises(Mistake, match=r"001 may be runs/001-gan-again, runs/001-gan-measured; write more of the name"):
        resolve_run_name("001")
    assert main(["report", "001"]) == 2 and "write more" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_a_folder_of_that_name_goes_first_and_nothing_is_guessed_of_other_words() -> None:
    Path("last").mkdir()
    assert resolve_run_name("last") == Path("last")
    assert resolve_run_name("glyphs") == Path("glyphs")
    with pytest.raises(Mistake, match="there is no run 7"):
        RunFolder.find("7")
