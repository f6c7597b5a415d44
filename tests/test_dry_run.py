"""`saddle train --dry-run`: everything is checked and told, and nothing of a run is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from saddle.cli import costs, main
from saddle.training import run_length

SMALL = "train gan --size 16 --networks.width 16 --batch 8 --limit 64"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(place: Path) -> list[str]:
    return sorted(str(file.relative_to(place)) for file in place.rglob("*"))


def test_what_would_be_trained_is_told_and_nothing_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "runs" / "006-other").mkdir(parents=True)
    before = written(here)
    assert main([*SMALL.split(), "--images", "128", "--dry-run"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for fact in ("gan: ", "glyphs, 64 samples, 16x16", "128 images in batches of 8", "runs/007-gan-glyphs",
                 "A batch of 8 takes about", "images a second", "Nothing was trained"):  # fmt: skip
        assert fact in told
    assert "--recompute" not in told  # whose networks have no blocks
    assert written(here) == before
    assert main([*SMALL.split(), "--images", "128", "--quiet"]) == 0  # and there it comes to lie
    assert (here / "runs" / "007-gan-glyphs" / "manifest.json").is_file()


def test_the_speed_that_minutes_are_reckoned_by_is_the_speed_that_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_length, "measure_speed", lambda *_: 12.0)
    monkeypatch.setattr(costs, "measure_round_speed", lambda *_: pytest.fail("the speed was measured twice"))
    assert main([*SMALL.split(), "--minutes", "2", "--device", "cpu", "--dry-run"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "1,440 images in batches of 8, as many as take 2 minutes at the speed below" in told
    assert "Measured here on cpu: 12 images a second, on rounds of these data" in told


@pytest.mark.parametrize(("line", "says"), [
    ("--data nowhere", "nowhere"),
    ("--batch 4096 --images 64", "4,096"),
    ("--networks Convolutional() --size 15 --images 64", "15"),
    ("--measure fidd --images 64", "did you mean fid?"),
    ("--device cuda:99 --images 64", "cuda"),
    ("--out taken --images 64", "taken already exists"),
    ("--nonsense 3", "no option --nonsense"),
])  # fmt: skip
def test_what_a_training_refuses_it_refuses_alike(line: str, says: str, here: Path,
                                                  capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    (here / "taken").mkdir()
    (here / "taken" / "letter.txt").write_text("mine")
    before = written(here)
    words = ["train", "gan", "--limit", "64", *(["--size", "16"] if "--size" not in line else [])]
    assert main([*words, *line.split(), "--dry-run"]) == 2
    dry = capsys.readouterr().err
    assert says in dry and written(here) == before
    assert main([*words, *line.split()]) == 2 and capsys.readouterr().err == dry


def test_json_and_resume_are_refused_where_they_tell_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "gan", "--json", "--images", "64"]) == 2
    assert "--dry-run asks for" in capsys.readouterr().err
    (here / "run").mkdir()
    (here / "run" / "manifest.json").write_text("{}")
    assert main(["train", "gan", "--out", "run", "--resume", "auto", "--dry-run"]) == 2
    assert "run holds a run" in capsys.readouterr().err
