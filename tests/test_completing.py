"""`saddle complete`: holes in a user's files, filled; what cannot be done is refused in a sentence, with a way out."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saddle import load, train
from saddle.latent import Completing, complete
from test_using_runs import RECIPES_FILE, SETTINGS, pictures_of
from typed import Say

FEW = "--steps 3 --restarts 2 --candidates 4"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that generates, one that does not, one of points, and pictures."""
    folder = tmp_path_factory.mktemp("completing")
    dice = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for place in range(12):
        Image.fromarray(dice.integers(0, 256, (8, 8), np.uint8)).save(folder / "photos" / f"{place:02d}.png")
    Image.new("L", (8, 8), 255).save(folder / "white.png")
    Image.new("L", (9, 8), 255).save(folder / "wide.png")
    for name in ("AE", "GAN"):
        train(f"{RECIPES_FILE}:{name}", str(folder / "photos"), out=folder / name, size=8, **SETTINGS)
    train(f"{RECIPES_FILE}:GAN", "ring", out=folder / "toy", limit=64, **SETTINGS)
    return folder


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_files_are_completed_as_python_completes_them(home: Path, say: Say, tmp_path: Path):
    code, out, _ = say(f"complete H/GAN H/photos --mask left --seed 3 {FEW} --to done")
    assert code == 0 and out.endswith("done\n") and out.count("from the known pixels") == 12
    names, images = pictures_of(home / "GAN", home / "photos")
    done = complete(load(home / "GAN"), images, "left", Completing(3, 2, 4), seed=3)
    for name, one, distance in zip(names, done.images[:, 0], done.distances[:, 0].tolist(), strict=True):
        assert np.array_equal(pixels(tmp_path / "done" / name), ((one[0] + 1) * 127.5).round().byte().numpy())
        assert np.array_equal(pixels(tmp_path / "done" / name)[:, 4:], pixels(home / "photos" / name)[:, 4:])
        assert f"{name}: {distance:.3f} from the known pixels" in out


def test_one_file_is_completed_as_among_others(home: Path, say: Say, tmp_path: Path):
    assert say(f"complete H/GAN H/photos --mask random:0.6 {FEW} --to all")[0] == 0
    assert say(f"complete H/GAN H/photos/05.png --mask random:0.6 {FEW} --to one")[0] == 0
    assert np.array_equal(pixels(tmp_path / "one" / "05.png"), pixels(tmp_path / "all" / "05.png"))


def test_several_answers_and_a_sheet(home: Path, say: Say, tmp_path: Path):
    assert say(f"complete H/GAN H/photos/01.png --answers 2 {FEW} --to two")[0] == 0
    assert (tmp_path / "two/answer-1/01.png").exists() and (tmp_path / "two/answer-2/01.png").exists()
    code, out, _ = say(f"complete H/GAN H/photos --mask box:1,1,5,5+line:0,7,7,7:1 --answers 2 {FEW}")
    assert code == 0 and out.endswith(f"{home}/GAN/completed.png\n")
    assert pixels(home / "GAN" / "completed.png").ndim == 3


@pytest.mark.parametrize(("typed", "said"), [
    ("H/GAN H/photos --mask H/white.png", "hides every pixel, .*--mask centre leaves some"),
    ("H/GAN H/photos --mask H/wide.png", "has 8x9 pixels, but this run's images have 8x8; .*--mask centre"),
    ("H/GAN H/photos --mask lft", "there is no mask and no file 'lft'; did you mean left\\?$"),
    ("H/GAN H/photos --mask face", "there is no mask and no file 'face'; a mask is centre, left, .*a picture's file"),
    ("H/GAN H/photos --out made", "the place for what is made is --to made"),
    ("H/GAN H/photos --answers 9", "answers is 9, but there are 4 restarts, .*--restarts 9 has as many"),
    ("H/GAN H/photos --restarts 900", "raise --candidates"),
    ("H/GAN H/photos --label 3", "this generator was not trained on labels"),
    ("H/GAN nowhere/a.png", "there is no file or folder nowhere/a.png"),
    ("H/GAN", "complete needs RUN and FILES; write saddle complete RUN FILES"),
    ("H/AE H/photos", "this run cannot generate samples; it can .* can generate"),
    ("H/toy H/photos", "makes points, but latents are looked at and searched by images; give a run"),
    ("H/none H/photos", "there is no run"),
    ("H/GAN H/photos --blend soft", "poisson or overlay"),
])  # fmt: skip
def test_what_cannot_be_completed_is_refused_in_one_sentence(say: Say, typed: str, said: str):
    code, out, err = say(f"complete {typed}")
    assert (code, out) == (2, "") and re.search(said, err) and err.count("\n") == 1, err


def test_the_ways_out_that_are_named_work(say: Say):
    assert say(f"complete H/GAN H/photos/01.png --mask centre {FEW}")[0] == 0
    assert say("complete H/GAN H/photos/01.png --answers 9 --restarts 9 --steps 1")[0] == 0
    assert say("complete H/GAN H/photos/01.png --restarts 300 --candidates 300 --steps 1")[0] == 0
    assert say("sample H/GAN")[0] == 0
    assert say("inpaint H/GAN H/photos/01.png --steps 1")[0] == 0


def test_samples_and_demonstrations_are_written_over_no_file_of_a_users(say: Say, tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for mine in (tmp_path / "mine.png", folder / "00001.png"):
        Image.new("L", (8, 8), 255).save(mine)
    for words in ("sample H/GAN --out mine.png", "sample H/GAN -n 2 --out folder", "theory kl --out mine.png"):
        code, _, said = say(words)
        assert code == 2 and "is there already, and was not made by saddle; name another place" in said
    assert not (folder / "00000.png").exists()
    for words in ("sample H/GAN --out made.png", "sample H/GAN -n 2 --out made", "sample H/GAN -n 1 --out folder"):
        assert [say(words)[0] for _ in range(2)] == [0, 0]  # saddle's own are
