"""A user's own pictures, read as a run's data were, and what is made of them, written where nothing is lost."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import font_manager
from PIL import Image
from torch import Tensor

from saddle.columns import to_float_images
from saddle.data import Prepare, open_data
from saddle.errors import Mistake
from saddle.inference.image_files import GivenImages, open_images
from saddle.inference.made_files import MadeFiles, png_names
from saddle.notices import notify_nobody
from saddle.runs.labelled_sheets import MAX_LABEL, label_lines, make_labelled_sheet
from saddle.runs.manifest import Manifest
from saddle.runs.pictures import LINE_HEIGHT, drawable, find_font, text_width
from saddle.runs.settings import Settings
from saddle.shape import Shape
from saddle.training.manifest_facts import make_data_facts

MACHINE = {"device": "cpu", "precision": "float32", "threads": 1, "processes": 1, "saddle": "", "torch": "",
           "python": "", "platform": ""}  # fmt: skip


def manifest(shape: Shape = Shape(1, 8, 8), **settings: object) -> Manifest:
    data = {"name": "x", "fingerprint": "f", "samples": 9, "shape": [*shape[:3], 0], "classes": []}
    return Manifest("ae", "AE()", {}, Settings(**settings), 100, data, MACHINE, "")  # type: ignore[arg-type]


def draw(path: Path, size: tuple[int, int] = (8, 8), mode: str = "L", seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], bands), np.uint8)
    Image.fromarray(pixels[..., 0] if bands == 1 else pixels, mode).save(path)
    return path


def read_all(given: GivenImages, rows: int = 4) -> tuple[list[str], Tensor]:
    chunks = list(given.chunks(rows))
    return [name for chunk in chunks for name in chunk.names], torch.cat([chunk.images for chunk in chunks])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i, name in enumerate(("b.jpg", "a.png", "sub/a.png")):
        draw(tmp_path / "photos" / name, (20 + i, 12), "RGB", i)
    return tmp_path / "photos"


@pytest.mark.parametrize("settings", [{}, {"crop": "pad"}, {"crop": "stretch"}, {"range": "0..128"}])
def test_files_become_what_training_would_make_of_them(photos: Path, settings: dict[str, str]):
    """Crop, channels, range and size of the run, whatever the pictures are; to the bit what `--data` gives."""
    shape = Shape(1, 8, 10)
    names, images = read_all(open_images(photos, manifest(shape, **settings), shape))
    data = open_data(str(photos), Prepare(size=(8, 10), channels=1, **settings), notify_nobody)  # type: ignore[arg-type]
    rows = np.arange(3)
    wanted = to_float_images(data.take(rows, rows.astype(np.uint64), ("image",))["image"])
    assert names == ["a.png", "b.jpg", "sub/a.png"] and torch.equal(images, wanted)


def test_pictures_folders_zips_arrays_and_names_may_stand_together(photos: Path, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as pack:
        pack.write(photos / "b.jpg", "inner/b.jpg")
        pack.write(photos / "a.png", "a.png")
    np.save(tmp_path / "x.npy", np.zeros((2, 8, 8), np.uint8))
    run, single = manifest(Shape(3, 8, 8)), photos / "b.jpg"
    given = open_images([single, photos, tmp_path / "z.zip", tmp_path / "x.npy"], run, Shape(3, 8, 8))
    names, images = read_all(given)
    assert names == [str(single), *(f"photos/{name}" for name in ("a.png", "b.jpg", "sub/a.png")),
                     "z/a.png", "z/inner/b.jpg", "x/picture 0", "x/picture 1"]  # fmt: skip
    assert torch.equal(images[0], images[2]) and torch.equal(images[0], images[5]) and (images[6:] == -1).all()
    assert list(given.files) == ["b.jpg", *names[1:6], "x/00000", "x/00001"]
    for place in range(len(given)):
        assert torch.equal(torch.tensor(given.read(place)).permute(2, 0, 1) / 127.5 - 1, images[place])


def test_they_come_a_few_at_a_time_and_a_bad_one_is_named_and_skipped(photos: Path):
    (photos / "broken.png").write_bytes((photos / "a.png").read_bytes()[:60])
    said: list[str] = []
    given = open_images(photos, manifest(), Shape(1, 8, 8), said.append)
    chunks = list(given.chunks(2))
    assert [chunk.places for chunk in chunks] == [[0, 1], [3]] and len(given) == 4
    assert [chunk.names for chunk in chunks] == [["a.png", "b.jpg"], ["sub/a.png"]]
    assert len(said) == 1 and said[0].startswith("broken.png is skipped: it is ")


@pytest.mark.parametrize(("content", "why"), [(b"", "it is empty"), (b"<html>", "it is a web page, no picture")])
def test_where_none_can_be_read_that_is_refused(tmp_path: Path, content: bytes, why: str):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(Mistake, match=f"no picture can be read; .*a.png: {why}"):
        list(open_images(tmp_path / "a.png", manifest(), Shape(1, 8, 8)).chunks())


def test_a_dark_picture_stays_dark_and_sixteen_bits_keep_their_range(tmp_path: Path):
    """Of a set, shades up to 60 would be stretched to white; one picture says nothing of all."""
    Image.fromarray(np.full((8, 8), 60, np.uint8)).save(tmp_path / "dark.png")
    Image.fromarray(np.full((8, 8), 6000, np.uint16)).save(tmp_path / "deep.png")
    _, images = read_all(open_images([tmp_path / "dark.png", tmp_path / "deep.png"], manifest(), Shape(1, 8, 8)))
    assert torch.allclose(images[0], torch.tensor(60 / 127.5 - 1))
    assert torch.allclose(images[1], torch.tensor(round(6000 / 257) / 127.5 - 1))


@pytest.mark.parametrize("decode", ["once", "on-the-fly"])
def test_what_was_decided_of_the_runs_data_holds_for_files_too(tmp_path: Path, decode: str):
    """Masks of 0 and 1, and 12 bits in 16, mean the same in one file as in all that the run was trained on."""
    dice = np.random.default_rng(0)
    for i in range(6):
        for kind, most, dtype in (("masks", 2, np.uint8), ("deep", 4096, np.uint16)):
            (tmp_path / kind).mkdir(exist_ok=True)
            Image.fromarray(dice.integers(0, most, (8, 8)).astype(dtype)).save(tmp_path / kind / f"{i}.png")
    for kind in ("masks", "deep"):
        data = open_data(str(tmp_path / kind), Prepare(decode=decode), notify_nobody)  # type: ignore[arg-type]
        facts = make_data_facts(data, data.shape)
        assert facts["bands"]["levels"] == {"masks": {"8": [0, 1]}, "deep": {"16": [0, 4095]}}[kind]
        run = replace(manifest(), data=json.loads(json.dumps(facts)))
        _, images = read_all(open_images(tmp_path / kind / "0.png", run, Shape(1, 8, 8)))
        taken = data.take(np.arange(1), np.zeros(1, np.uint64), ("image",))["image"]
        assert torch.equal(images, to_float_images(taken)) and images.max() > 0.9
    plain = open_data("glyphs", Prepare(limit=50), notify_nobody)
    assert "bands" not in make_data_facts(plain, plain.shape)


@pytest.mark.parametrize(("mode", "channels"), [("RGBA", 3), ("L", 3), ("RGB", 1), ("LA", 4)])
def test_at_their_own_size_only_channels_change(tmp_path: Path, mode: str, channels: int):
    sizes = [(20, 12), (9, 31), (9, 31)]
    files = [draw(tmp_path / f"{i}.png", size, mode, i) for i, size in enumerate(sizes)]
    run = manifest(Shape(channels, 8, 8), crop="random", size=8)
    chunks = list(open_images(files, run, Shape(channels, 8, 8), own_size=True).chunks(8))
    assert [tuple(chunk.images.shape) for chunk in chunks] == [(1, channels, 12, 20), (2, channels, 31, 9)]


def test_a_run_that_has_grown_halfway_sees_them_averaged_down_as_it_sees_its_data(photos: Path):
    _, whole = read_all(open_images(photos, manifest(Shape(3, 8, 8)), Shape(3, 8, 8)))
    _, half = read_all(open_images(photos, manifest(Shape(3, 8, 8)), Shape(3, 4, 4)))
    torch.testing.assert_close(half, torch.nn.functional.avg_pool2d(whole, 2))


def test_labels_come_along_and_those_of_several_sources_by_name(tmp_path: Path):
    for folder, classes in (("one", "ab"), ("two", "bc")):
        for name in classes:
            for i in range(2):
                draw(tmp_path / folder / name / f"{i}.png", seed=i)
    one, two = (tmp_path / name for name in ("one", "two"))
    given = open_images([one, two], manifest(), Shape(1, 8, 8))
    assert given.classes == ("a", "b", "c") and given.labels is not None
    assert given.labels.tolist() == [0, 0, 1, 1, 1, 1, 2, 2]
    assert open_images([one, one / "a/0.png"], manifest(), Shape(1, 8, 8)).labels is None
    assert open_images(one, manifest(), Shape(1, 8, 8), labels="none").labels is None
    assert len(open_images(one, manifest(), Shape(1, 8, 8), limit=3)) == 3


def test_what_is_not_there_and_what_is_no_picture_is_refused_in_a_sentence(photos: Path):
    for files, words in (("nowhere", "there is no file, folder or data set nowhere"), ([], "no files were named"),
                         (str(photos / "c.png"), "did you mean a.png"), ("ring", "ring is points of the plane"),
                         ("", "data is empty")):  # fmt: skip
        with pytest.raises(Mistake, match=words):
            open_images(files, manifest(), Shape(1, 8, 8))
    for files, words in (([photos], "name one of ring, grid"), (["ring", "grid"], "name one toy or one .npy")):
        with pytest.raises(Mistake, match=words):
            open_images(files, manifest(Shape(2, 1, 1)), Shape(2, 1, 1))


def test_points_are_given_by_a_toys_name_or_as_an_array(tmp_path: Path):
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    np.save(tmp_path / "p.npy", points)
    shape = Shape(2, 1, 1)
    names, read = read_all(open_images(tmp_path / "p.npy", manifest(shape), shape))
    assert names[4] == "point 4" and torch.equal(read, torch.from_numpy(points).view(5, 2, 1, 1))
    assert len(open_images("ring", manifest(shape), shape, limit=7)) == 7


def test_names_of_what_is_made_are_those_of_the_files_and_all_different():
    assert png_names(["a.jpg", "b/a.jpg", "c.tar.png", "noending", "../x/d.gif"]) == [
        "a.png", "b/a.png", "c.tar.png", "noending.png", "x/d.png"]  # fmt: skip
    assert png_names(["a.jpg", "A.png", "a.jpg"]) == ["a.jpg.png", "A.png.png", "a.jpg-2.png"]
    assert png_names(["f.gif", "f.gif (frame 2)"]) == ["f.png", "f-2.png"]
    assert png_names(['w"h|y?.png', "w-h-y-.bmp"]) == ["w-h-y-.png.png", "w-h-y-.bmp.png"]


def test_what_is_made_is_written_beside_the_names_and_never_over_a_picture(photos: Path, tmp_path: Path):
    given = open_images(photos, manifest(Shape(3, 8, 8)), Shape(3, 8, 8))
    out = MadeFiles(tmp_path / "new" / "out", given)
    for chunk in given.chunks(2):
        out.save(chunk.places, chunk.images)
    written = sorted(str(path.relative_to(tmp_path / "new/out")) for path in tmp_path.glob("new/out/**/*.png"))
    assert written == ["a.png", "b.png", "sub/a.png"]
    again, images = read_all(open_images(tmp_path / "new/out", manifest(Shape(3, 8, 8)), Shape(3, 8, 8)))
    assert again == written and torch.equal(images, read_all(given)[1])  # and a round trip loses nothing
    MadeFiles(tmp_path / "new/out", given)  # may be made again
    with pytest.raises(Mistake, match=r"a.png is one of the files that were given, and would be written over"):
        MadeFiles(photos, given)
    own = open_images(tmp_path / "new/out", manifest(Shape(3, 8, 8)), Shape(3, 8, 8))
    with pytest.raises(Mistake, match="one of the files that were given"):
        MadeFiles(tmp_path / "new/out", own)  # though saddle made them
    draw(tmp_path / "theirs/b.png")
    with pytest.raises(Mistake, match=r"b.png is there already, and was not made by saddle"):
        MadeFiles(tmp_path / "theirs", given)
    with pytest.raises(Mistake, match="is a file; name a folder"):
        MadeFiles(photos / "b.jpg", given)


def test_a_sheet_has_a_row_for_each_label_with_its_pictures_beside_each_other():
    black, white = torch.full((1, 8, 8), -1.0), torch.full((3, 8, 8), 1.0)
    sheet = make_labelled_sheet({"before": [black] * 3, "after": [white, None, white]}, ["one", "two", "three"])
    pixels = np.asarray(sheet.convert("L"))
    assert (pixels == 0).sum() > 3 * 40 * 40 * 0.9 and (pixels == 255).sum() > 2 * 40 * 40 * 0.9
    plain = make_labelled_sheet({"before": [black] * 3, "after": [white, None, white]}, ["", "", ""])
    assert plain.width < sheet.width  # where the words are


@pytest.mark.parametrize(("n", "columns"), [(1, 2), (64, 2), (7, 5), (300, 1)])
def test_many_rows_stand_in_banks_so_that_a_sheet_is_no_tower(n: int, columns: int):
    pictures = [torch.zeros(1, 28, 28)] * n
    sheet = make_labelled_sheet({f"column {i}": pictures for i in range(columns)}, [f"file-{i}.png" for i in range(n)])
    assert max(sheet.size) < 6000 and (n < 7 or 0.3 < sheet.width / sheet.height < 3)


def test_a_label_of_words_is_broken_between_them_and_loses_none_but_of_very_many():
    said = "anime girl, purple hair and red eyes, who stands in the rain under a green umbrella"
    assert " ".join(label_lines(said)) == said and len(label_lines(said)) == 3
    assert max(map(text_width, label_lines(said))) <= MAX_LABEL
    many = label_lines(" ".join(map(str, range(10_000))))
    assert len(many) == 5 and many[0].startswith("0 1 2 ") and many[2].endswith(" ..") and many[4].endswith(" 9999")
    assert label_lines("") == [""] and len(label_lines("x" * 300)) == 1
    sheet = make_labelled_sheet({"1": [torch.zeros(1, 8, 8)] * 2}, [said, "a cat"])
    assert sheet.height >= 2 * 3 * LINE_HEIGHT


def test_pictures_of_any_size_stand_on_one_sheet_and_long_names_lose_their_middle():
    sizes = [(1, 600, 400), (4, 10, 900), (3, 5, 5)]
    sheet = make_labelled_sheet({"before": [torch.zeros(size) for size in sizes]}, ["x" * 300, "y", "z" * 90])
    assert sheet.width < 600 and sheet.height < 900
    for columns, labels, words in (({}, [], "a row and a column"), ({"a": []}, ["b"], "as many pictures in each"),
                                   ({"a": [None]}, ["b"], "a picture at least")):  # fmt: skip
        with pytest.raises(Mistake, match=words):
            make_labelled_sheet(columns, labels)


def test_labels_of_any_script_are_drawn_or_written_so_that_they_can_be_read(monkeypatch: pytest.MonkeyPatch):
    """No sign becomes the box that a font draws for what it has not."""
    assert drawable("dog")[0] == "dog" and drawable("Käse, кошка")[0] == "Käse, кошка"  # matplotlib's has these
    shown, font = drawable("猫 1")
    installed = find_font(frozenset("猫 1"))
    assert shown == ("猫 1" if installed else "\\u732b 1")
    box = font.getmask("\uf8ff" if installed else "x")
    assert bytes(font.getmask(shown[0])) != bytes(box)
    find_font.cache_clear()
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    assert drawable("猫 1")[0] == "\\u732b 1"
    assert text_width("猫") == text_width("\\u732b") > 0
    assert make_labelled_sheet({"made": [torch.zeros(1, 8, 8)]}, ["猫"]).size[0] > 8
    find_font.cache_clear()
