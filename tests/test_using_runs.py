"""`saddle reconstruct` and `encode`: a user's files in, sheets, files and codes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from saddle import load, train
from saddle.inference.answers import encode_images
from saddle.inference.image_files import open_images
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.runs.pictures import draw_text

RECIPES_FILE = Path(__file__).parent / "capable.py"
SETTINGS = {"images": 64, "quiet": True, "device": "cpu", "pictures": 0}
CLASSES = ("ant", "bee", "cow")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each game, and a folder of pictures of three classes."""
    folder = tmp_path_factory.mktemp("using")
    dice = np.random.default_rng(0)
    for place in range(36):
        path = folder / "photos" / CLASSES[place % 3] / f"{place:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dice.integers(0, 256, (5, 7), np.uint8)).save(path)
    for name in ("AE", "VariationalAE", "GAN", "Normals"):
        train(f"{RECIPES_FILE}:{name}", str(folder / "photos"), out=folder / name, size=4, **SETTINGS)
    train(f"{RECIPES_FILE}:AE", "ring", out=folder / "toy", limit=64, **SETTINGS)
    return folder


def pictures_of(run: Path, files: Path) -> tuple[list[str], torch.Tensor]:
    loaded = load(run)
    chunks = list(open_images(files, Manifest.read(RunFolder.find(run)), loaded.shape).chunks(64))
    return [name for one in chunks for name in one.names], torch.cat([one.images for one in chunks])


def test_reconstruct_writes_a_file_for_each_picture_that_python_makes_too(home: Path, say, tmp_path: Path):
    assert say("reconstruct H/AE H/photos --to again") == (0, "again\n", "")
    names, images = pictures_of(home / "AE", home / "photos")
    made = load(home / "AE").reconstruct(images)
    for name, one in zip(names, made, strict=True):
        with Image.open(tmp_path / "again" / name) as image:
            pixels = np.asarray(image)
        assert np.array_equal(pixels, ((one[0] + 1) * 127.5).round().byte().numpy()), name
    assert len(list((tmp_path / "again").rglob("*.png"))) == 36


def test_codes_and_their_spread_come_of_one_pass_of_the_encoder(home: Path):
    model, passes = load(home / "Normals"), []
    given = open_images(home / "photos", Manifest.read(RunFolder.find(home / "Normals")), model.shape)
    model.game.encoder.register_forward_hook(lambda *told: passes.append(len(told[2])))
    codes = encode_images(model, given)
    assert sum(passes) == len(given) == len(codes.codes) == len(codes.log_variances)


def test_reconstruct_draws_a_sheet_of_before_and_after_into_the_run_unless_told_where(home: Path, say, tmp_path: Path):
    code, out, _ = say("reconstruct H/AE H/photos/ant/00.png H/photos/bee")
    assert code == 0 and out == f"{home / 'AE' / 'reconstructed.png'}\n" and Path(out.strip()).exists()
    assert say("reconstruct H/AE H/photos --to here/sheet.png") == (0, "here/sheet.png\n", "")
    with Image.open(tmp_path / "here/sheet.png") as sheet:
        assert sheet.width > 200
    code, out, said = say("reconstruct H/AE H/photos H/photos --to many.png")
    assert (code, out) == (0, "many.png\n")
    assert said == "the sheet shows the first 64 of 72 pictures; --to FOLDER writes all of them as files\n"


def test_encode_writes_codes_names_and_labels_under_the_keys_that_are_told(home: Path, say, tmp_path: Path):
    assert say("encode H/AE H/photos --to new/codes.npz") == (0, "new/codes.npz\n", "")
    names, images = pictures_of(home / "AE", home / "photos")
    with np.load(tmp_path / "new/codes.npz", allow_pickle=False) as kept:
        assert set(kept) == {"codes", "names", "labels", "classes"} and kept["codes"].dtype == np.float32
        assert kept["names"].tolist() == names and kept["classes"].tolist() == list(CLASSES)
        assert [CLASSES[i] for i in kept["labels"]] == [name.partition("/")[0] for name in names]
        assert np.array_equal(kept["codes"], load(home / "AE").encode(images).numpy())
    assert say("encode H/AE H/photos --labels none --limit 5")[:2] == (0, f"{home / 'AE' / 'codes.npz'}\n")
    with np.load(home / "AE/codes.npz") as kept:
        assert set(kept) == {"codes", "names"} and len(kept["codes"]) == 5


def test_of_codes_that_are_normal_distributions_the_log_variances_are_written_too(home: Path, say, tmp_path: Path):
    assert say("encode H/Normals H/photos/ant --to c.npz")[0] == 0
    _, images = pictures_of(home / "Normals", home / "photos/ant")
    mean, log_variance = load(home / "Normals").game.posterior(images)
    with np.load(tmp_path / "c.npz") as kept:
        assert np.array_equal(kept["codes"], mean.numpy()) and kept["codes"].shape == (12, 2)
        assert np.array_equal(kept["log_variances"], log_variance.numpy())


def test_a_run_on_points_encodes_points(say, tmp_path: Path):
    np.save(tmp_path / "p.npy", np.arange(8.0).reshape(4, 2))
    assert say("encode H/toy p.npy --to c.npz") == (0, "c.npz\n", "")
    with np.load(tmp_path / "c.npz") as kept:
        assert kept["names"].tolist() == [f"point {i}" for i in range(4)] and kept["codes"].shape == (4, 2)
    code, _, said = say("reconstruct H/toy p.npy")
    assert code == 2 and "was trained on points, of which there are no pictures" in said and said.count("\n") == 1


def test_codes_that_are_drawn_are_drawn_for_each_picture_anew_and_repeat_with_the_seed(home: Path, say, tmp_path: Path):
    """However many at a time: the second picture of a folder does not get what the first got."""
    same = tmp_path / "same"
    same.mkdir()
    for i in range(70):
        Image.fromarray(np.full((4, 4), 9, np.uint8)).save(same / f"{i:02d}.png")
    found = []
    for seed in (0, 0, 1):
        assert say(f"encode H/VariationalAE same --to c.npz --seed {seed}")[0] == 0
        with np.load(tmp_path / "c.npz") as kept:
            found.append(kept["codes"])
    assert np.array_equal(found[0], found[1]) and len(np.unique(found[0], axis=0)) == 70
    assert not np.array_equal(found[0], found[2])


def test_a_bad_picture_is_named_and_the_others_are_served(home: Path, say, tmp_path: Path):
    (tmp_path / "bad.png").write_bytes(b"<html>")
    good = home / "photos/ant/00.png"
    code, _, said = say(f"reconstruct H/AE bad.png {good} --to out")
    assert code == 0 and said == "bad.png is skipped: it is a web page, no picture\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["00.png"]


@pytest.mark.parametrize(("line", "words"), [
    ("reconstruct H/GAN H/photos", "this run cannot reconstruct images; it can generate, judge and score, and "),
    ("encode H/GAN H/photos", "this run cannot encode images; it can generate, judge and score, and "),
    ("reconstruct H/AE", "reconstruct needs RUN and FILES; write saddle reconstruct RUN FILES ..."),
    ("encode H/AE H/photos --to codes.txt", "codes.txt does not end in .npz"),
    ("encode H/AE H/photos --to H/photos", "photos does not end in .npz"),
    ("reconstruct H/AE H/photos --to H/photos", "is one of the files that were given, and would be written over"),
    ("reconstruct H/AE H/photos/ant/00.png --to H/photos/ant/00.png", "is one of the files that were given"),
    ("reconstruct H/AE H/photos --to H/AE/manifest.json", "manifest.json is a file; name a folder"),
    ("reconstruct H/AE H/nowhere", "there is no file or folder"),
    ("reconstruct H/nowhere H/photos", "there is no run"),
    ("reconstruct H/AE H/AE", "was made by saddle and is no data"),
    ("reconstruct H/AE ring", "ring is points of the plane"),
    ("reconstruct H/AE H/photos --best", "has no best checkpoint"),
    ("reconstruct H/AE H/photos --truncation 0.5", "there is no option --truncation"),
    ("encode H/AE H/photos --label dog", "there is no label 'dog'; there are ant, bee, cow"),
    ("encode H/AE H/photos --limit 1", "limit is 1, but should be 2 or more"),
    ("encode H/AE H/photos --seed -1", "seed"),
    ("encode H/AE empty.npy", "there are no pictures in empty.npy"),
    ("encode H/AE -bee.png", "-bee.png reads as an option; write ./-bee.png for the file that is called so"),
    ("reconstruct H/AE H/photos --out made", "there is no option --out; the place for what is made is --to made"),
])  # fmt: skip
def test_what_cannot_be_done_is_refused_in_a_sentence(line: str, words: str, say, tmp_path: Path):
    np.save(tmp_path / "empty.npy", np.zeros((0, 4, 4), np.uint8))
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "-bee.png")
    code, out, said = say(line)
    assert code == 2 and out == "" and words in said and said.count("\n") == 1


def test_advice_on_writing_over_works_when_it_is_typed(say, tmp_path: Path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "00.png")
    code, _, said = say("reconstruct H/AE H/photos/ant --to .")
    assert code == 2 and "00.png is there already, and was not made by saddle; name another place" in said
    assert say("reconstruct H/AE H/photos/ant --to another")[0] == 0


def test_codes_replace_codes_and_nothing_else(say, tmp_path: Path):
    np.savez(tmp_path / "mine.npz", latents=np.zeros(3))
    code, _, said = say("encode H/AE H/photos/ant --to mine.npz")
    assert code == 2 and "mine.npz is there already, and was not made by saddle; name another place" in said
    for _ in range(2):
        assert say("encode H/AE H/photos/ant --to codes.npz")[0] == 0


def test_a_file_whose_name_begins_like_an_option_is_named_as_elsewhere(say, tmp_path: Path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "-bee.png")
    for line in ("reconstruct H/AE ./-bee.png --to out", "reconstruct H/AE --to out -- -bee.png"):
        assert say(line) == (0, "out\n", "") and (tmp_path / "out/-bee.png").exists()


def test_frames_and_ranges_are_taken_as_they_are_told(say, tmp_path: Path):
    """As what is said of the files proposes, of a folder and of a file alone."""
    first, *rest = (Image.fromarray(np.full((4, 4), shade, np.uint8)) for shade in (0, 90, 180))
    (tmp_path / "film").mkdir()
    first.save(tmp_path / "film/moving.gif", save_all=True, append_images=rest)
    assert "the first is used; --frames all takes all" in say("encode H/AE film --to c.npz")[2]
    for files in ("film", "film/moving.gif"):
        assert say(f"encode H/AE {files} --frames all --to c.npz") == (0, "c.npz\n", "")
        with np.load(tmp_path / "c.npz") as kept:
            assert kept["names"].tolist() == ["moving.gif", "moving.gif (frame 2)", "moving.gif (frame 3)"]
            assert len(np.unique(kept["codes"], axis=0)) == 3
    np.save(tmp_path / "x.npy", np.full((2, 4, 4), 0.5, np.float32))
    assert "; --range LOW..HIGH takes others" in say("encode H/AE x.npy --to c.npz")[2]
    assert say("encode H/AE x.npy --range=-1..2 --to d.npz") == (0, "d.npz\n", "")  # where a half is grey too
    with np.load(tmp_path / "c.npz") as kept, np.load(tmp_path / "d.npz") as other:
        assert np.array_equal(kept["codes"], other["codes"])
    assert say("encode H/AE x.npy --range 0..1000 --to d.npz")[0] == 0
    with np.load(tmp_path / "c.npz") as kept, np.load(tmp_path / "d.npz") as other:
        assert not np.array_equal(kept["codes"], other["codes"])


def test_what_a_run_is_for_is_told_as_commands_that_work(home: Path, say):
    out = say(f"train {RECIPES_FILE}:AE --data H/photos --size 4 --images 8 --pictures 0 --out H/told")[1]
    steps = [line.split("  ")[1] for line in out.splitlines() if line.startswith("  saddle ")]
    assert [step.split()[1] for step in steps] == ["reconstruct", "encode", "measure", "report", "resume"]
    for step in steps[:2]:
        assert say(step.removeprefix("saddle ").replace("FILES", "H/photos"))[0] == 0


def test_strange_names_are_rows_of_a_sheet_and_names_of_files(say, tmp_path: Path):
    """Of one line each, in letters that are drawn, not in boxes."""
    names = ["plain.png", "n\u00e4m\u00e9 \u0416.png", "two\nlines \x1b[31m.png", "bad\udcff.png"]
    (tmp_path / "some").mkdir()
    for name in names:
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "next.png")
        (tmp_path / "next.png").rename(tmp_path / "some" / name)
    assert say("reconstruct H/AE some --to sheet.png") == (0, "sheet.png\n", "")
    assert say("reconstruct H/AE some --to made") == (0, "made\n", "")
    assert len(list((tmp_path / "made").iterdir())) == 4
    rare, box = (np.asarray(label_of(sign)) for sign in ("\u00e4\u0416", "\ufdd0\ufdd0"))
    assert not np.array_equal(rare, box)


def label_of(text: str) -> Image.Image:
    canvas = Image.new("L", (60, 20))
    draw_text(canvas, text, (0, 0), "white")
    return canvas
