"""The Python of the pages for beginners runs, but for its length."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import saddle
from documents import ROOT, python_blocks, read
from saddle import sessions
from saddle.cli import main
from saddle.cli.argv import flag_names, split_words
from saddle.cli.training import PlaceOptions, Settings, parse_train_options
from saddle.errors import Mistake

SHORT = {"images": 64, "limit": 64, "pictures": 0, "quiet": True, "threads": 1}
TAKERS = ("dcgan", "wgan-gp", "stylegan2-ada", "pix2pix", "cyclegan", "cut")


def test_the_tutorials_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sessions.train

    def train(recipe: str, *, minutes: float, **settings: Any) -> Path:
        return whole(recipe, options={"networks.width": "4"}, **SHORT, **settings)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sessions, "train", train)
    names: dict[str, Any] = {}
    for block in python_blocks("docs/tutorial.md"):
        exec(block, names)
    assert names["images"].shape == (16, 1, 32, 32)


def test_a_demonstrations_facts_are_had_in_python(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in python_blocks("docs/lecture.md"):
        exec(block, names)
    assert len(capsys.readouterr().out.splitlines()) == len(names["evidence"].facts) > 0


def test_a_method_in_thirty_lines_trains_and_does_as_its_test_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, its_test = python_blocks("docs/thirty-lines.md")
    assert len(source.strip().splitlines()) <= 36  # thirty, and some that are empty
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(source)
    small = {"networks.width": "4", "objective.margin": "2"}
    run = saddle.train("./mine.py:SoftMarginGAN", options=small, **SHORT, out="run")
    assert torch.isfinite(saddle.load(run).sample(2)).all()
    assert main(["show", "./mine.py:SoftMarginGAN", "--no-speed"]) == 0
    assert "how far a score is asked to go" in capsys.readouterr().out
    monkeypatch.syspath_prepend(tmp_path)
    exec(its_test, {})
    monkeypatch.delitem(sys.modules, "mine")


OPTIONS = re.findall(r"^\| [^|]+ \| (`--[^|]+) \|$", read("docs/coming-from.md"), re.MULTILINE)


@pytest.mark.parametrize("cell", OPTIONS)
def test_options_that_stand_for_those_from_elsewhere_fit_some_recipe(cell: str) -> None:
    for written in re.findall(r"`(--[^`]+)`", cell):
        assert any(fits(recipe, written) for recipe in TAKERS), written


def fits(recipe: str, written: str) -> bool:
    try:
        _, given = split_words(shlex.split(written), flag_names(PlaceOptions(), Settings()))
        return bool(parse_train_options(recipe, given))
    except Mistake:
        return False


def test_the_table_of_ten_minutes_is_that_of_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import quality

    lines = quality.lines_in(ROOT / "benchmarks" / "results" / "quality.jsonl")
    told = quality.table([line for line in lines if line["data"] == "mnist-32" and line["minutes"] == 10])
    assert lines and told.partition("\n\n")[0] in read("docs/which-gan.md")
