"""Runs that are gone on with: longer than they were meant to be, or with data that lie elsewhere now."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saddle import load, resume, train
from saddle.cli import main
from saddle.errors import Interrupted, Mistake
from saddle.reports.reading import open_runs
from saddle.reproduction import reproduce
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.runs.measures import read_measurements
from test_resume import StopAt, equal, small
from test_run_folder import Heard


def photos(folder: Path, seed: int = 0) -> Path:
    folder.mkdir()
    dice = np.random.default_rng(seed)
    for i in range(24):
        Image.fromarray(dice.integers(0, 256, (16, 16), np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on photos."""
    place = tmp_path_factory.mktemp("done")
    return train(**small("gan", out=place / "run", data=str(photos(place / "photos")), measure=None))


@pytest.fixture
def run(done: Path, tmp_path: Path) -> Path:
    """The same, taken elsewhere with its data."""
    shutil.copytree(done.parent, tmp_path / "here")
    manifest = tmp_path / "here" / "run" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(str(done.parent), str(tmp_path / "here")))
    (tmp_path / "here" / "photos").rename(tmp_path / "here" / "pictures")
    return tmp_path / "here" / "run"


def data_of(run: Path) -> str | None:
    return Manifest.read(RunFolder(run)).settings.data


def test_data_that_were_moved_are_named_once_and_known_by_their_content(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pictures = run.parent / "pictures"
    other = photos(tmp_path / "other", 1)
    for command in ("resume", "measure", "reproduce"):
        assert main([command, str(run)]) == 2
        assert f"`saddle {command} {run} --data PLACE` says where" in capsys.readouterr().err
    for command in ("resume", "measure", "report", "reproduce"):
        before = data_of(run)
        assert main([command, str(run), "--data", str(other)]) == 2 and data_of(run) == before
        assert "is other than what this run was begun with" in capsys.readouterr().err
    assert main(["report", str(run), "--data", str(pictures)]) == 0 and data_of(run) == str(pictures)
    assert str(pictures) in (run / "report.html").read_text()
    pictures.rename(run.parent / "again")
    assert main(["measure", str(run), "--data", str(run.parent / "again"), "--n", "20", "--metrics", "swd"]) == 0
    assert data_of(run) == str(run.parent / "again") and read_measurements(RunFolder(run))
    (run.parent / "again").rename(pictures)
    capsys.readouterr()
    assert main(["resume", str(run), "--data", str(pictures), "--images", "+16", "--quiet"]) == 0
    assert data_of(run) == str(pictures) and capsys.readouterr().out == ""
    assert not (run.parent / "run-again").exists()


def test_a_run_that_may_not_be_written_to_is_measured_and_reported(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, how: run not in (Path(path), *Path(path).parents) and may(path, how))
    monkeypatch.setattr(RunFolder, "lock", lambda folder: (_ for _ in ()).throw(Mistake("read only")))
    words = ["--data", str(run.parent / "pictures")]
    figures = ["--n", "20", "--metrics", "swd", "--json", str(tmp_path / "f.json")]
    assert main(["measure", str(run), *words, *figures]) == 0 and (tmp_path / "f.json").exists()
    assert f"{run} may not be written to, so its figures are not kept there" in capsys.readouterr().err
    assert main(["report", str(run), *words]) == 2 and "--out report.html" in capsys.readouterr().err
    assert main(["report", str(run), *words, "--out", str(tmp_path / "r.html")]) == 0 and (tmp_path / "r.html").exists()
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_finished_run_says_so_and_goes_on_exactly(tmp_path: Path):
    whole = train(**small("gan"), out=tmp_path / "whole")
    shutil.copytree(whole, tmp_path / "killed")
    resume(whole, watch=(heard := Heard()))
    (said,) = heard.sentences
    assert said.startswith(
        f"{whole} is finished: it has shown all of its 96 images; `saddle resume {whole} --images +96`"
    )
    resume(whole, images="+96", watch=(heard := Heard()))
    assert heard.sentences == [
        f"{whole} goes on to 192 images instead of 96; schedules are shares of that, and 50% is behind it"
    ]
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 15)
        with pytest.raises(Interrupted):
            resume(tmp_path / "killed", images=192)
    load(tmp_path / "killed")
    resume(tmp_path / "killed")
    equal(whole, tmp_path / "killed")
    (run,) = open_runs([whole])
    assert run.is_over and run.images == 192 and run.manifest.extended == [(96, 96)]
    assert main(["report", str(whole)]) == 0
    page = (whole / "report.html").read_text()
    assert "--images 96" in page and "saddle resume RUN --images 192" in page
    for images, says in (("96", "has shown 192 images already"), ("many", "many"), ("-5", "-5")):
        with pytest.raises(Mistake, match=says):
            resume(whole, images=images)
    assert reproduce(whole, tmp_path / "twice").lines == len(run.log)


def test_a_run_whose_longer_life_was_killed_at_once_is_still_itself(tmp_path: Path):
    run = train(**small("gan"), out=tmp_path / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("saddle.training.loop.Loop.go", lambda loop: loop.close())  # killed before its first round
        resume(run, images="+96")
    assert Manifest.read(RunFolder(run)).images == 192 and load(run).sample(1).shape[0] == 1
    with pytest.raises(Mistake, match="stopped at 96 of 192"):
        reproduce(run)


def test_a_reproduction_that_was_stopped_goes_on_and_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    train(**small("gan"), out="run")
    resume("run", images="+32", quiet=True)
    for stop in (3, 13):  # in the first length, and in the second one
        with pytest.MonkeyPatch.context() as patch:
            StopAt(patch, stop)
            assert main(["reproduce", "run", "--out", "two"]) == 143
        assert "; `saddle reproduce run --out two` goes on exactly here" in capsys.readouterr().err
    assert main(["resume", "two"]) == 0 and main(["reproduce", "run", "--out", "two"]) == 0
    assert "two is run again, bit for bit" in capsys.readouterr().out
    heard = Heard()
    reproduce("run", "two", heard)
    assert heard.sentences == ["two was trained before, and is compared as it is; another --out trains anew"]
    equal(Path("run"), Path("two"))


def test_only_what_trains_the_same_is_gone_on_with_as_a_reproduction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    train(**small("gan"), out="run")
    shutil.copytree("run", "copy")
    train(**small("gan", seed=4), out="other")
    for out in ("run", "./run", "copy", "other"):
        assert main(["reproduce", "run", "--out", out]) == 2
        assert "already holds a run" in capsys.readouterr().err


def test_a_reproduction_killed_before_its_manifest_does_not_lie_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    mine = "from dataclasses import dataclass\nfrom saddle.recipes.gan import GAN as Base\n"
    Path("mine.py").write_text(f"{mine}@dataclass(frozen=True)\nclass GAN(Base):\n    'Its own.'\n")
    Path("plugin.py").write_text("")
    train(**small("gan") | {"recipe": "mine.py:GAN", "plugin": "plugin.py"}, out="run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Manifest, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            reproduce("run")
    assert Path("run-again/plugin").is_dir() and Path("run-again/recipe").is_dir()
    assert reproduce("run").lines
