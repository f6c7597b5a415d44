"""Pictures of one's own are translated at any size, whole or by tiles, into files, a sheet and a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from data_files import noise, save
from narrow import small
from saddle import load, train
from saddle.batches import Pairs
from saddle.capabilities import Translates, style_options
from saddle.cli import main
from saddle.cli.training import using_steps
from saddle.clock import Clock
from saddle.core import Game, Turn
from saddle.inference.loaded import LoadedGame
from saddle.inference.translating import Tiling, mirrored, ramp, tile_starts, translate_any_size
from saddle.recipes import find_recipe
from saddle.recipes.capable import game_class, recipes_that
from saddle.shape import Picture, Shape


class Eight(nn.Module):
    """Takes multiples of 8 alone, and changes nothing."""

    multiple = 8

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[2] % 8 == x.shape[3] % 8 == 0
        return x


class Same(Game[Pairs]):
    def __init__(self) -> None:
        super().__init__()
        self.generator = Eight()

    def round(self, batches: Iterator[Pairs], clock: Clock) -> Iterator[Turn]:
        raise NotImplementedError

    def translate(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        made: Tensor = self.generator(images)
        return made


def same_game() -> LoadedGame:
    shape = Shape(3, 16, 16, Picture(Shape(3, 16, 16)))
    return LoadedGame(Same(), shape, (), torch.device("cpu"), batch_type=Pairs)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (13, 40), (3, 50)])
@pytest.mark.parametrize("tiling", [Tiling(), Tiling(8, 0), Tiling(16, 5), Tiling(11, 3)])
def test_what_a_game_leaves_as_it_is_comes_back_at_any_size(size, tiling):
    images = torch.rand(2, 3, *size) * 2 - 1
    made = translate_any_size(same_game(), images, tiling=tiling)
    torch.testing.assert_close(made, images, rtol=0, atol=1e-6)


def test_sides_go_on_as_in_a_mirror_and_tiles_fade_into_one_another():
    for side, longer in ((5, 8), (3, 8), (2, 7), (1, 4), (4, 4)):
        assert np.array_equal(mirrored(side, longer), np.pad(np.arange(side), (0, longer - side), mode="reflect"))
    assert tile_starts(50, 16, 4) == [0, 12, 24, 34] and tile_starts(10, 16, 4) == [0]
    weight = torch.zeros(28)
    for start in tile_starts(28, 16, 4):
        weight[start : start + 16] += ramp(start, start + 16, 28, 4)
    torch.testing.assert_close(weight, torch.ones(28))
    assert (ramp(0, 16, 28, 4).diff() <= 0).all()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(small("pix2pix"), "glyphs", out=tmp_path_factory.mktemp("runs") / "pix", limit=40, size=32, images=8,
                 pictures=0, quiet=True, seed=1)  # fmt: skip


def test_a_picture_is_translated_alone_as_in_a_batch(run):
    model, images = load(run), torch.rand(5, 1, 32, 32) * 2 - 1
    whole = translate_any_size(model, images)
    assert torch.equal(whole, model.translate(images))
    alone = translate_any_size(model, images[2:3], place=2)
    torch.testing.assert_close(alone, whole[2:3], rtol=0, atol=1e-5)
    still = translate_any_size(model, images[2:3], style={"noise": False})
    torch.testing.assert_close(still, translate_any_size(model, images, style={"noise": False})[2:3], rtol=0, atol=1e-5)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_folder_of_all_sizes_becomes_files_a_sheet_and_a_page(run, tmp_path, capsys):
    folder, out = tmp_path / "mine", tmp_path / "made"
    save(folder / "small.png", noise(9, 5))
    save(folder / "deep" / "wide.jpg", noise(40, 70, 3))
    command = ["translate", str(run), str(folder), "--to", str(out)]
    assert main([*command, "--noise", "off"]) == 0
    assert pixels(out / "small.png").shape == (9, 5) and pixels(out / "deep" / "wide.png").shape == (40, 70)
    page = (out / "index.html").read_text()
    assert (
        page.count("data:image/png;base64,") == 4
        and "http://" not in page.replace("http://www.w3.org/", "")
        and 'src="/' not in page
    )
    assert pixels(out / "before-after.png").ndim == 3
    first = pixels(out / "small.png")
    assert main([*command, "--noise", "off", "--seed", "5"]) == 0
    assert np.array_equal(pixels(out / "small.png"), first)  # nothing is drawn: frames of a film do not flicker
    assert main([*command, "--seed", "5"]) == 0
    noisy = pixels(out / "small.png")
    assert main([*command, "--seed", "5"]) == 0 and np.array_equal(pixels(out / "small.png"), noisy)
    assert main([*command, "--seed", "6"]) == 0 and not np.array_equal(pixels(out / "small.png"), noisy)
    alone = tmp_path / "alone"
    assert main(["translate", str(run), str(folder / "small.png"), "--seed", "5", "--to", str(alone)]) == 0
    assert np.array_equal(pixels(alone / "small.png"), noisy)  # the second of a folder is as by itself
    assert main([*command, "--tile", "32", "--overlap", "8"]) == 0
    assert pixels(out / "deep" / "wide.png").shape == (40, 70)
    assert main(["translate", str(run), str(folder / "small.png"), "--to", str(tmp_path / "one"), "--size", "run"]) == 0
    assert pixels(tmp_path / "one" / "small.png").shape == (32, 32)
    capsys.readouterr()


@pytest.mark.parametrize(("words", "said"), [
    (["--tile", "32", "--overlap", "16"], "the most is --overlap 15"),
    (["--tile", "0"], "tile is 0, but should be above 0"),
    (["--back"], "pix has learned no way back; saddle train cyclegan learns one"),
    (["--backk"], "there is no option --backk"),
    (["--out", "made"], "the place for what is made is --to made"),
    (["--to", "made.png"], "made.png is a picture; name a folder"),
])  # fmt: skip
def test_what_cannot_be_translated_is_refused_in_a_sentence(run, words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "a.png", noise(9, 9))
    assert main(["translate", str(run), "a.png", *words]) == 2
    assert said in capsys.readouterr().err
    assert main(["translate", str(run), "a.png", "--tile", "32", "--overlap", "15", "--to", "made"]) == 0


def test_what_cannot_be_read_is_skipped_and_not_counted_among_what_is_shown(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "mine" / "a.png", noise(9, 9))
    (tmp_path / "mine" / "b.png").write_text("no picture")
    assert main(["translate", str(run), "mine", "--to", "made"]) == 0
    said = capsys.readouterr().err
    assert "b.png is skipped" in said and "the first" not in said
    assert "1 picture, each before and after" in (tmp_path / "made" / "index.html").read_text()


def test_the_help_tells_every_style_of_a_listed_recipe_and_a_run_how_to_use_it(run, capsys):
    styles = {name for recipe in recipes_that(Translates)
              for name in style_options(game_class(find_recipe(recipe)[0]), Translates)}  # fmt: skip
    assert main(["translate", "--help"]) == 0
    assert styles == set(re.findall(r"^  --(\w+)", capsys.readouterr().out.split("The game's own")[1], re.MULTILINE))
    assert "translate RUN FILES" in [command for command, _ in using_steps(run, "RUN")]


@pytest.mark.parametrize(("recipe", "options"), [
    ("pix2pix", {"--source", "--held-out"}), ("cut", {"--source", "--target", "--held-out"}),
    ("gan-cls", {"--captions"}), ("dcgan", set()),
])  # fmt: skip
def test_the_everyday_help_of_a_recipe_says_where_its_own_kind_of_data_are_found(recipe, options, capsys):
    assert main(["train", recipe, "--help"]) == 0
    shown = set(re.findall(r"^  (--[\w-]+)", capsys.readouterr().out, re.MULTILINE))
    assert shown & {"--source", "--target", "--held-out", "--captions"} == options


def test_a_page_of_somebody_else_is_not_written_over(run, tmp_path, capsys):
    save(tmp_path / "a.png", noise(9, 9))
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "index.html").write_text("mine")
    command: list[Any] = ["translate", str(run), str(tmp_path / "a.png"), "--to", str(tmp_path / "made")]
    assert main(command) == 2 and "was not made by saddle" in capsys.readouterr().err
    assert (tmp_path / "made" / "index.html").read_text() == "mine" and len(list((tmp_path / "made").iterdir())) == 1
