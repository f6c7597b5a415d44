"""What `saddle train --data` chooses, and that it is said, recorded and can be changed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saddle.choices import Budget, DataSummary, Hardware, choose
from saddle.choosing import format_choices, look_at, summarize
from saddle.data import examine
from saddle.recipes import find_recipe
from saddle.recipes.changes import format_option_value
from saddle.recipes.r3gan import plan_r3gan
from saddle.recipes.revive import configure_recipe
from saddle.reproduction import reproduce
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.runs.settings import Settings
from saddle.shape import Classes, Shape
from typed import Say

CPU, GPU = Hardware("processor", True), Hardware("gpu", True)
MINUTES, HOUR = Budget(minutes=10), Budget(minutes=60)
SMALL_GREY = DataSummary(60_000, 28, grey=True, classes=10)
FACES = DataSummary(14_000, 64)
TABLE: list[tuple[DataSummary, Hardware, Budget, dict[str, str]]] = [
    (SMALL_GREY, CPU, MINUTES, {"recipe": "dcgan", "size": "32", "channels": "1", "batch": "32", "optimizer.lr": "4e-4",
                                "precision": "auto", "length": "10 minutes", "classes": "10"}),
    (FACES, CPU, MINUTES, {"recipe": "stylegan2-ada-small", "size": "32", "channels": "3", "crop": "centre",
                           "flip": "no", "batch": "16", "views": "ADA(images=15000)"}),
    (SMALL_GREY._replace(side=64), CPU, HOUR, {"recipe": "dcgan", "size": "64", "batch": "64", "length": "60 minutes"}),
    (FACES, CPU, Budget(), {"recipe": "dcgan", "length": "2 minutes", "classes": "none", "batch": "32"}),
    (FACES, CPU, HOUR, {"recipe": "stylegan2-ada-small", "size": "64", "length": "60 minutes"}),
    (FACES, CPU, Budget(images=10**7), {"size": "64", "length": "10,000,000 images"}),
    (FACES, CPU, Budget(epochs=2), {"size": "32", "length": "2 epochs"}),
    (SMALL_GREY._replace(samples=300), CPU, MINUTES, {"views": "DiffAugment()"}),
    (SMALL_GREY._replace(samples=20), CPU, MINUTES, {"batch": "8"}),
    (FACES._replace(samples=20), CPU, MINUTES, {"batch": "8", "views": "ADA(images=15000)"}),
    (FACES._replace(samples=2), CPU, MINUTES, {"batch": "1"}),
    (FACES._replace(side=17), CPU, MINUTES, {"size": "32"}),
    (FACES._replace(side=12), CPU, MINUTES, {"size": "16"}),
    (FACES._replace(side=4_000), GPU, HOUR, {"size": "256"}),
    (FACES._replace(aspect=2.0), CPU, MINUTES, {"crop": "pad"}),
    (FACES._replace(clear=0.9), CPU, MINUTES, {"channels": "4"}),
    (FACES._replace(clear=0.1), CPU, MINUTES, {"channels": "3"}),
    (FACES._replace(clear=0.9, grey=True), CPU, MINUTES, {"channels": "4"}),
    (FACES, Hardware("processor", False), MINUTES, {"precision": "auto"}),
    (FACES._replace(samples=10**6), GPU, HOUR, {"recipe": "r3gan", "size": "64"}),
    (FACES, GPU, HOUR, {"recipe": "stylegan2-ada", "batch": "32", "gamma": "0.0256", "views": "ADA()"}),
    (FACES, GPU, MINUTES, {"views": "ADA(images=300000)"}),
    (FACES._replace(samples=40, classes=3), GPU, MINUTES, {"batch": "16", "gamma": "0.0512",
                                                           "networks.conditional": "True"}),
    (DataSummary(1000, kind="points"), CPU, MINUTES, {"recipe": "wgan-gp-toy"}),
    (DataSummary(1000, kind="lines"), CPU, MINUTES, {"recipe": "seqgan"}),
]  # fmt: skip


@pytest.mark.parametrize(("data", "machine", "budget", "expected"), TABLE)
def test_choices_follow_from_data_machine_and_budget(data, machine, budget, expected):
    choices = choose(data, machine, budget)
    assert {c.what: c.value for c in choices if c.what in expected} == expected
    assert all(c.reason for c in choices)
    options = {c.option: c.value for c in choices if c.option and c.option not in ("size", "channels", "crop")}
    configure_recipe(choices[0].value, options)  # the recipe has them all


@pytest.mark.parametrize(("data", "images", "classes"), [(FACES, 10**5, 0), (SMALL_GREY, 10**8, 10)])
@pytest.mark.parametrize("machine", [CPU, GPU])
def test_r3gan_is_set_by_its_own_rule(data, images, classes, machine):
    data = data._replace(classes=classes)
    choices = choose(data, machine, Budget(images=images), "r3gan")
    side = int(next(c.value for c in choices if c.what == "size"))
    shape = Shape(1 if data.grey else 3, side, side, *([Classes(classes)] if classes else []))
    options = {c.option: c.value for c in choices if c.option and c.option not in ("size", "channels", "crop")}
    assert configure_recipe("r3gan", options) == plan_r3gan(shape, data.samples, images, machine.device)


@pytest.mark.parametrize("machine", [CPU, GPU])
@pytest.mark.parametrize(("recipe", "fields"), [
    ("dcgan", {"batch", "average"}),
    ("r3gan", {"batch", "networks", "penalties", "views", "optimizer", "average"}),
    ("stylegan2-ada", {"batch", "gamma", "views", "average"}),
])  # fmt: skip
def test_all_that_is_decided_is_told_also_where_it_is_as_the_recipe_stands(recipe, fields, machine):
    choices = choose(FACES, machine, HOUR, recipe)
    assert fields | {"recipe", "size", "channels", "precision", "length"} <= {c.what for c in choices}
    given = configure_recipe(recipe, {c.option: c.value for c in choices if c.option in fields})
    for choice in choices:
        if choice.what in fields and not choice.option:  # needs no option
            assert choice.what == "gamma" or format_option_value(getattr(given, choice.what)) == choice.value
    average = {c.what: c.value for c in choose(FACES, machine, HOUR, recipe, said={"ema": "500"})}["average"]
    assert average == "500"


def test_a_table_of_choices_fits_beside_a_long_value():
    choices = choose(FACES, CPU, MINUTES, "r3gan")
    rows = dict(zip(choices, format_choices(choices).splitlines()[1:], strict=True))
    assert {rows[c].index(f"  {c.reason}") for c in choices if len(c.value) < 20} == {len("  penalties  10 minutes")}
    assert any(len(c.value) > 60 and f"{c.value}  {c.reason}" in rows[c] for c in choices)


def test_a_batch_says_that_it_is_small_for_the_data():
    (batch,) = (c for c in choose(FACES._replace(samples=2), CPU, MINUTES) if c.what == "batch")
    assert batch == ("batch", "1", "no more than half of 2 pictures", "batch")


@pytest.mark.parametrize("classes", [0, 3])
def test_a_gan_of_styles_is_small_where_there_is_no_gpu(classes):
    choices = choose(FACES._replace(classes=classes), CPU, MINUTES, "stylegan2-ada")
    options = {c.option: c.value for c in choices if c.option and c.option not in ("size", "channels", "crop")}
    mine, small = configure_recipe("stylegan2-ada", options), find_recipe("stylegan2-ada-small")[0]
    assert mine.networks == replace(small.networks, conditional=classes > 0)
    assert (mine.gamma, mine.batch, mine.mixing, mine.path_length) == (5.0, 16, 0.0, None)
    assert "a machine without a GPU" in next(c.reason for c in choices if c.what == "networks")


def test_what_was_said_stays():
    said = {"size": "48", "batch": "7", "optimizer": "Adam(1e-3)", "precision": "float32", "flip": "True"}
    choices = choose(SMALL_GREY._replace(side=64), CPU, MINUTES, said=said)
    by_name = {c.what: c for c in choices}
    assert {name: by_name[name].value for name in ("size", "batch", "flip", "precision")} == {
        "size": "48", "batch": "7", "flip": "True", "precision": "float32"}  # fmt: skip
    assert all(by_name[name].reason == "as you said" for name in ("size", "batch", "optimizer.lr", "precision"))
    assert not {"size", "batch", "optimizer.lr"} & {c.option for c in choices}
    assert choose(FACES, GPU, MINUTES, "dcgan")[0] == ("recipe", "dcgan", "as you said", "")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as people have them: of several sizes and kinds, in folders of their own, with what is no picture."""
    folder = tmp_path_factory.mktemp("messy")
    dice = np.random.default_rng(0)
    modes: list[tuple[str, tuple[int, ...]]] = [("RGB", (40, 40, 3)), ("L", (36, 44)), ("RGBA", (50, 40, 4))]
    for place in range(30):
        mode, shape = modes[place % 3] if place < 12 else modes[0]
        file = folder / "photos" / ("cats", "dogs")[place % 2] / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = dice.integers(0, 256, shape, np.uint8)
        if mode == "RGBA":
            pixels[..., 3] = 255 * (np.arange(40) > 9)  # a clear edge
        Image.fromarray(pixels).save(file)
    (folder / "photos" / "cats" / "broken.png").write_bytes(b"no picture")
    (folder / "photos" / "notes.txt").write_text("mine")
    return folder


def test_the_doctor_looks_first(home, say: Say):
    line = "train --data H/photos --images 16 --networks.width 8 --device cpu --threads 1"
    code, out, error = say(f"{line} --out run --resume auto")
    assert code == 0, error
    assert out.index("unreadable") < out.index("Chosen") < out.index("recipe ")
    assert re.search(r"unreadable +1: cats/broken.png", out)
    for row in ("recipe +dcgan", "size +32 ", "channels +3 ", "batch +8 ", "views +DiffAugment", "classes +2 "):
        assert re.search(row, out), row
    manifest = Manifest.read(RunFolder("run"))
    assert (manifest.settings.size, manifest.settings.channels, manifest.settings.crop) == (32, 3, "centre")
    assert manifest.options == {"batch": "8", "turns.generator": "2", "optimizer.lr": "4e-4", "views": "DiffAugment()",
                                "networks.width": "8"}  # fmt: skip
    assert say(f"{line} --out run --resume auto")[0] == 0  # the same command: it is finished
    assert "Chosen" not in say(f"{line} --out run --resume auto")[1]
    code, _, error = say(f"{line} --out run --resume auto --batch 4")
    assert code == 2
    assert "batch is 8 in run, but 4 in this command" in error
    assert reproduce("run", "again").tensors > 0


def test_options_change_what_is_chosen(say: Say, tmp_path):
    code, out, error = say("train --data H/photos --images 16 --size 16 --batch 4 --networks.width 8 --views none "
                           "--channels 1 --device cpu --threads 1 --quiet --out run")  # fmt: skip
    assert code == 0, error
    assert "Chosen" not in out
    manifest = Manifest.read(RunFolder(tmp_path / "run"))
    assert manifest.shape[:3] == (1, 16, 16)
    assert (manifest.options["batch"], manifest.options["views"]) == ("4", "none")


@pytest.mark.parametrize(("line", "says"), [
    ("train --data H/photos --bacth 3", "did you mean --batch?"),
    ("train --data H/nowhere", "there is no file or folder"),
    ("train --data H/photos/cats/broken.png", "broken.png"),
    ("train --data H/photos --crop center", "crop is 'center'"),
])  # fmt: skip
def test_what_cannot_be_chosen_for_says_why(say: Say, line, says):
    code, _, error = say(line)
    assert code == 2
    assert says in error, error


def test_one_picture_is_too_few_and_broken_ones_lead_to_the_doctor(say: Say, tmp_path):
    for folder, broken in (("one", 0), ("broken", 3)):
        place = tmp_path / folder
        place.mkdir()
        Image.fromarray(np.zeros((16, 16), np.uint8)).save(place / "a.png")
        for i in range(broken):
            (place / f"{i}.png").write_bytes(b"no picture")
    code, _, error = say(f"train --data {tmp_path}/one")
    assert code == 2 and "has 1 picture, and a critic needs two or more" in error
    code, _, error = say(f"train --data {tmp_path}/broken")
    advice = f"saddle doctor {tmp_path}/broken tells what is wrong with the others"
    assert code == 2 and f"has 1 picture that can be read, and a critic needs two or more; {advice}" in error
    assert "3 of 4 cannot be read" in say(f"doctor {tmp_path}/broken")[1]


def test_pictures_that_cannot_be_read_are_not_counted(home):
    report, data = look_at(Settings(data=str(home / "photos")), lambda sentence: None)
    assert (report.count, data.samples, data.classes) == (31, 30, 2)
    assert data.side == 40
    assert data.clear == pytest.approx(4 / 30)
    assert summarize(examine(str(home / "photos")), 310).samples == 300


def test_drawn_letters_and_points_are_not_looked_at(say: Say, monkeypatch):
    asked: list[Any] = []
    monkeypatch.setattr("saddle.choosing.choose_run", lambda *a: asked.append(a))
    say("train --data glyphs --images 8 --batch 4 --networks.width 8 --out a --quiet")
    say("train dcgan --data H/photos --size 16 --images 8 --batch 4 --networks.width 8 --out b --quiet")
    assert not asked
