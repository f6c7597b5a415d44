"""Runs on pictures whose height and width differ: every recipe, trained, sampled, gone on with, measured, proposed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

import saddle
from narrow import BATCH, CLASSES, shape, small
from saddle.capabilities import make_from
from saddle.cli import main
from saddle.data.dataset_table import TEXT_SETS, TOY_SETS
from saddle.errors import Mistake
from saddle.games import CodedMultiLevel, TwoPlayer
from saddle.recipes import RECIPES
from saddle.shape import Classes, Picture, Shape, Text
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint

LINE = ["--data", "glyphs", "--size", "16x24", "--limit", "64", "--batch", "8", "--quiet", "--device", "cpu"]
TINY = [*LINE, "--networks.width", "4", "--pictures", "1", "--seed", "3"]


@pytest.mark.parametrize("name", [name for name, entry in RECIPES.items() if entry.data not in TOY_SETS | TEXT_SETS])
def test_every_recipe_makes_rectangles_or_says_which_size_it_takes(name: str) -> None:
    recipe, told = small(name), shape(name).condition
    own = told if isinstance(told, Text) else Classes(CLASSES)
    data = Shape(1, 32, 48, Picture(Shape(1, 32, 48)) if isinstance(told, Picture) else own)
    try:
        game = recipe.game(data)
    except Mistake as refusal:
        if places := re.search(r"for 32x48 pixels .*; give --networks.attention (\d+)", str(refusal)):
            recipe = replace(recipe, networks=replace(recipe.networks, attention=int(places[1])))
        else:
            size = re.findall(r"^\w+ takes .*, not 32x48 pixels in 1 channel; give --size (\d+)", str(refusal))[0]
            data = data._replace(height=int(size), width=int(size))
        game = recipe.game(data)
    labels, real = torch.zeros(BATCH, dtype=torch.int64), torch.rand(BATCH, *data[:3])
    labels = torch.zeros(BATCH, told.length, dtype=torch.int64) if isinstance(told, Text) else labels
    image = make_from(game, real, real if isinstance(told, Picture) else labels)
    assert image is not None and image.shape == real.shape
    if isinstance(game, TwoPlayer) and not isinstance(told, Text):
        told = image if game.shows_opponent else labels
        seen = game.codes_of(image) if isinstance(game, CodedMultiLevel) else image
        assert len(game.critic(seen, told).score) in (2, BATCH)


def state(run: Path) -> dict[str, torch.Tensor]:
    where = latest_checkpoint(run / "checkpoints")
    assert where is not None
    return dict(read_checkpoint(where)[0])


def test_a_run_is_trained_sampled_gone_on_with_and_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    views = ["--views", "ADA(), DiffAugment()", "--flip", "--crop", "random"]
    assert main(["train", "dcgan", *TINY, *views, "--images", "32", "--out", str(whole)]) == 0
    assert main(["train", "dcgan", *TINY, *views, "--images", "16", "--out", str(parts)]) == 0
    assert main(["resume", str(parts), "--images", "32"]) == 0
    one, other = state(whole), state(parts)
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    manifest = json.loads((whole / "manifest.json").read_text())
    assert manifest["settings"]["size"] == "16x24" and manifest["data"]["shape"][1:3] == [16, 24]
    assert saddle.load(whole).sample(3).shape == (3, 1, 16, 24)
    assert main(["sample", str(whole), "-n", "2", "--out", str(tmp_path / "files")]) == 0
    for file in (tmp_path / "files").iterdir():
        with Image.open(file) as image:
            assert image.size == (24, 16)
    measured = saddle.measure(whole, metrics="kid,swd,msssim", features="random", n=20)
    assert len(measured) == 3
    against = saddle.measure(whole, "glyphs", metrics="kid", features="random", n=20, references=50)
    assert against[0].value > 0  # brought to the run's own size
    capsys.readouterr()
    assert main(["report", str(whole), "--out", str(tmp_path / "page")]) == 0


def test_python_takes_a_pair_and_other_sizes_are_other_commands(tmp_path: Path) -> None:
    given = {"options": {"networks.width": "4", "batch": "8"}, "limit": 64, "images": 8, "pictures": 0, "quiet": True}
    run = saddle.train("dcgan", "glyphs", size=(24, 16), out=tmp_path / "run", resume="auto", **given)
    assert saddle.train("dcgan", "glyphs", size="24x16", out=tmp_path / "run", resume="auto", **given) == run
    with pytest.raises(Mistake, match=r"size is 24x16 in .*, but 16x24 in this command"):
        saddle.train("dcgan", "glyphs", size="16x24", out=tmp_path / "run", resume="auto", **given)


def test_what_is_refused_proposes_a_rectangle_that_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (99, 66)).save(tmp_path / "0.png")
    Image.new("RGB", (99, 66), "red").save(tmp_path / "1.png")
    line = ["train", "dcgan", "--data", str(tmp_path), "--batch", "2", "--quiet", "--out", str(tmp_path / "run")]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert "not 66x99 pixels in 3 channels; give --size 64x96" in said
    assert main([*line, "--size", "64x96", "--networks.width", "4", "--images", "4", "--pictures", "0"]) == 0
    assert main(["sweep", "dcgan", *LINE[2:], "--vary", "size=16;16x24", "--images", "x"]) == 2
