"""The Python of the pages for beginners runs, but for its length."""

from __future__ import annotations

import re
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import saddle
from documents import DOCUMENTS, ROOT, SHORT, python_blocks, read, train_briefly
from saddle import latent
from saddle.cli import main
from saddle.cli.argv import flag_names, split_words
from saddle.cli.training import PlaceOptions, Settings, parse_train_options
from saddle.errors import Mistake

WHOLE = latent.Projecting
TAKERS = ("dcgan", "wgan-gp", "stylegan2-ada", "pix2pix", "cyclegan", "cut")


def test_the_tutorials_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_briefly(monkeypatch, tmp_path)
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


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small runs under the names that pages give theirs."""
    place, narrow = tmp_path_factory.mktemp("runs"), {"networks.width": "4"}
    asked: dict[str, tuple[str, int, dict[str, str]]] = {
        "001-dcgan-mnist": ("dcgan", 16, narrow | {"networks.latent": "6"}),
        "001-vae-plane-mnist": ("vae-plane", 28, {"networks.widths": "8"}),
        "001-ae-glyphs": ("ae", 16, narrow),
        "styles": ("stylegan2", 16, {"networks.width": "4", "networks.latent": "8", "batch": "4"}),
    }
    return {
        name: saddle.train(recipe, size=size, options=options, out=place / name, **SHORT)
        for name, (recipe, size, options) in asked.items()
    }


@pytest.fixture
def loads_small(runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of runs that are named in a page, those small ones are loaded."""
    whole = saddle.load
    monkeypatch.setattr(saddle, "load", lambda path: whole(runs[Path(path).name]), raising=False)


@pytest.mark.usefixtures("loads_small")
def test_the_plane_of_codes_is_shown_in_python() -> None:
    names: dict[str, Any] = {}
    exec(python_blocks("docs/autoencoders.md")[0], names)
    assert names["images"].shape == (256, 1, 28, 28)


def test_averages_are_put_together_in_python(capsys: pytest.CaptureFixture[str]) -> None:
    exec(python_blocks("docs/averages.md")[0], {})
    weights, _, error = capsys.readouterr().out.rpartition(" ")
    shares = [float(number) for number in weights.strip("[]").split()]
    assert len(shares) == 6 and abs(sum(shares) - 1) < 0.01 and 0 <= float(error) < 0.1


@pytest.mark.usefixtures("loads_small")
def test_images_are_encoded_in_python() -> None:
    names: dict[str, Any] = {"images": torch.zeros(2, 1, 16, 16)}
    exec(python_blocks("docs/using-runs.md")[0], names)
    assert names["again"].shape == (2, 1, 16, 16) and len(names["codes"]) == 2


@pytest.mark.usefixtures("loads_small")
def test_latents_are_searched_and_moved_in_python(runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent, "Completing", partial(latent.Completing, steps=2))
    monkeypatch.setattr(latent, "invert", partial(latent.invert, how=latent.Search(steps=2, restarts=2)))
    monkeypatch.setattr(latent, "Projecting", lambda steps, **how: WHOLE(steps=3, samples=8, **how))
    dice = torch.Generator().manual_seed(0)
    codes, labels = torch.randn(12, 6, generator=dice), torch.arange(12) % 2
    long = latent.Direction(torch.randn(6, generator=dice), "long")
    names: dict[str, Any] = {"images": torch.zeros(2, 1, 16, 16), "codes": codes, "labels": labels, "long": long}
    found, styles = python_blocks("docs/latent.md")
    exec(found, names)
    assert names["done"].images.shape == (2, 3, 1, 16, 16) and names["edited"].shape == (2, 1, 16, 16)
    names["model"] = saddle.load("runs/styles")
    exec(styles, names)
    assert names["mixed"].shape[1:] == names["moved"].shape[1:] == (1, 16, 16)


def test_images_are_translated_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, small = saddle.train, {"networks.width": "4", "batch": "4"}

    def train(recipe: str, data: Any, *, minutes: float = 1) -> Path:
        return whole(recipe, data, options=small, **SHORT | {"images": 16})

    monkeypatch.chdir(tmp_path)
    outlines, filled = (np.random.default_rng(seed).random((16, 32, 32, 1), np.float32) for seed in range(2))
    cycle_run = train("cyclegan", {"a": outlines, "b": filled})
    monkeypatch.setattr(saddle, "train", train, raising=False)
    seen = torch.from_numpy(filled).movedim(-1, 1) * 2 - 1
    names: dict[str, Any] = {"outlines": outlines, "filled": filled, "images": seen, "cycle_run": cycle_run}
    exec(python_blocks("docs/translation.md")[0], names)
    assert names["made"].shape == names["still"].shape == names["back"].shape == (16, 1, 32, 32)


def test_every_page_with_python_has_a_test_that_names_it() -> None:
    tests = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "tests").glob("test_*.py")))
    pages = [page for page in DOCUMENTS if page.suffix == ".md" and "```py" in page.read_text(encoding="utf-8")]
    assert len(pages) > 10 and [page.name for page in pages if page.name not in tests] == []


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_every_script_that_a_page_runs_is_there(page: Path) -> None:
    for script in re.findall(r"python ((?:benchmarks|docs|examples)/[\w/]+\.py)", page.read_text(encoding="utf-8")):
        assert (ROOT / script).is_file(), script
