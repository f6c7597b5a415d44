"""Pairs and unpaired data of real sources: `--source` says what images are made from, `--data` what they become."""

from __future__ import annotations

import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from data_files import noise, pictures, save
from other_batches import TinyCycle, TinyPix
from saddle import load, measure, resume, train
from saddle.batches import Pairs, Unpaired, required_columns
from saddle.cli import main
from saddle.data import Dataset, Feed, Prepare, open_data
from saddle.data.decoding.derive import DERIVATIONS, edges, mask, otsu_threshold, outline
from saddle.data.held_out import held_out_of, hold_out
from saddle.data.order import random_words
from saddle.data.pairing.columns import TRUTH
from saddle.data.sides import Sided
from saddle.errors import Mistake
from saddle.optim import SGD, Linear
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.training.callbacks.base import Callback

KINDS: dict[str, Any] = {"pairs": Pairs, "unpaired": Unpaired}


def opened(kind: str, where: Any, said: list[str] | None = None, **options: Any) -> Dataset:
    heard = [] if said is None else said
    return open_data(str(where), Prepare(**options), heard.append, wants=required_columns(KINDS[kind]))


def taken(data: Dataset, column: str, rows: Any = None) -> np.ndarray:
    """As stored, (n, height, width, channels)."""
    side = data.sides[column] if isinstance(data, Sided) else data
    index = np.arange(len(side)) if rows is None else np.asarray(rows)
    return side.take(index, random_words(0, index), (column,))[column].permute(0, 2, 3, 1).numpy()


def side_by_side(folder: Path, count: int = 6) -> tuple[np.ndarray, np.ndarray]:
    left, right = noise(count, 8, 8, 3, seed=1), noise(count, 8, 8, 3, seed=2)
    for i in range(count):
        save(folder / f"{i}.png", np.concatenate([left[i], right[i]], 1))
    return left, right


def test_halves_of_images_are_pairs_and_which_is_which_is_said(tmp_path):
    left, right = side_by_side(tmp_path / "both")
    said: list[str] = []
    guessed = opened("pairs", tmp_path / "both", said)
    assert any("the left half of each is the source" in s and "--source right" in s for s in said)
    for data, one, two in ((guessed, left, right), (opened("pairs", tmp_path / "both", source="right"), right, left)):
        assert np.array_equal(taken(data, "source"), one) and np.array_equal(taken(data, "target"), two)
    apart = opened("unpaired", tmp_path / "both", source="left")
    assert isinstance(apart, Sided) and len(apart.sides["a"]) == len(apart.sides["b"]) == 3
    a, b, truth = taken(apart, "a"), taken(apart, "b"), taken_truth(apart)
    places = [[int(np.flatnonzero((whole == row).all((1, 2, 3)))[0]) for row in rows]
              for whole, rows in ((left, a), (right, truth), (right, b))]  # fmt: skip
    assert places[0] == places[1] and not set(places[0]) & set(places[2])


def taken_truth(data: Dataset) -> np.ndarray:
    assert isinstance(data, Sided)
    index = np.arange(len(data.sides["a"]))
    return data.sides["a"].take(index, random_words(0, index), (TRUTH,))[TRUTH].permute(0, 2, 3, 1).numpy()


def test_two_folders_are_pairs_by_equal_names_and_others_are_named(tmp_path):
    one, two = tmp_path / "labels", tmp_path / "photos"
    first, second = pictures(one, 5, 8), pictures(two, 5, 8, "tiff")
    (one / "004.png").unlink()
    (two / "003.tiff").unlink()
    said: list[str] = []
    data = opened("pairs", two, said, source=str(one))
    assert said == ["3 pairs of equal names; without a partner, and left out, are 1 of 4 in labels, such as 003; and "
                    "1 of 4 in photos, such as 004"]  # fmt: skip
    assert np.array_equal(taken(data, "source"), first[:3]) and np.array_equal(taken(data, "target"), second[:3])
    for i in range(3):
        (one / f"{i:03}.png").rename(one / f"other-{i}.png")
    with pytest.raises(Mistake, match="only 0 names of labels and photos agree; without a partner are 4 of 4 in"):
        opened("pairs", two, source=str(one))
    assert len(opened("unpaired", two, source=str(one))) == 4


@pytest.mark.parametrize(("typed", "said", "instead"), [
    ("pix2pix --source drawings --size 16", "only 0 names of drawings and photos agree; .* are for cyclegan and cut",
     "cyclegan --source drawings --size 16 --networks.blocks 1"),
    ("pix2pix --source grey --size 17", "not 17x17 pixels .*; give --size 16", "pix2pix --source grey --size 16"),
    ("pix2pix --source grey --size 20 --networks.depth 3", "multiples of 8 pixels .*; give --size 16",
     "pix2pix --source grey --size 16 --networks.depth 3"),
    ("pix2pix --source grey --size 16 --networks.field 70", "give --networks.field 34",
     "pix2pix --source grey --size 16 --networks.field 34"),
    ("cyclegan --source grey --size 16 --networks.blocks 1", "give --identity 0",
     "cyclegan --source grey --size 16 --networks.blocks 1 --identity 0"),
    ("cut --source edges --size 16 --networks.blocks 1", "one has 3 channels and the other 1; give --channels 3",
     "cut --source edges --size 16 --networks.blocks 1 --channels 3"),
])  # fmt: skip
def test_what_is_said_instead_of_what_cannot_be_trained_can_be_typed(
    typed, said, instead, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "photos", 8, 24)
    for i, path in enumerate(sorted((tmp_path / "photos").iterdir())):
        save(tmp_path / "drawings" / f"drawing-{i}.png", np.asarray(Image.open(path)))
    few = "--data photos --networks.width 2 --images 4 --pictures 0 --quiet"

    def train_as(line: str) -> int:
        field = "" if "field" in line else "--networks.field 16"
        return main(["train", *line.split(), *few.split(), *field.split()])

    assert train_as(typed) == 2
    complaint = capsys.readouterr().err
    assert re.search(said, complaint) and complaint.count("\n") == 1, complaint
    assert train_as(instead) == 0


def test_a_picture_that_cannot_be_read_takes_its_partner_with_it(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = pictures(one, 5, 8), pictures(two, 5, 8)
    (one / "001.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (two / "003.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    said: list[str] = []
    data = opened("pairs", two, said, source=str(one))
    kept = [0, 2, 4]
    assert np.array_equal(taken(data, "source"), first[kept]) and np.array_equal(taken(data, "target"), second[kept])
    assert any("of 2 pairs one picture could not be read" in s for s in said)


def test_each_side_has_its_own_channels_and_depth(tmp_path):
    grey = np.linspace(0, 4095, 64).reshape(8, 8).astype(np.uint16)
    for i in range(4):
        save(tmp_path / "depth" / f"{i}.png", np.roll(grey, i))
        save(tmp_path / "clear" / f"{i}.png", np.dstack([noise(8, 8, 3, seed=i), (noise(8, 8, seed=i) > 99) * 255])
             .astype(np.uint8))  # fmt: skip
    data = opened("pairs", tmp_path / "clear", source=str(tmp_path / "depth"), channels=None)
    shapes = {name: taken(data, name).shape[1:] for name in ("source", "target")}
    assert shapes == {"source": (8, 8, 1), "target": (8, 8, 3)}
    assert taken(data, "source").max() == 255 and taken(data, "source").min() == 0  # 12 bits in 16, stretched
    wide = opened("pairs", tmp_path / "clear", source="mask", channels=4)
    assert taken(wide, "target").shape[3] == 4
    assert np.array_equal(taken(wide, "source")[..., 0], taken(wide, "target")[..., 3])  # what is transparent is ground


@pytest.mark.parametrize("kind", ["pairs", "unpaired"])
@pytest.mark.parametrize("decode", ["once", "on-the-fly"])
def test_windows_and_mirrors_are_the_same_on_both_sides_of_a_pair(kind, decode, tmp_path):
    both = noise(40, 16, 16, 3, seed=3)
    for i, row in enumerate(both):
        save(tmp_path / "both" / f"{i:02}.png", np.concatenate([row, row], 1))
    data = opened(kind, tmp_path / "both", source="left", size=14, crop="random", flip=True, decode=decode)
    first, second = next(Feed(data, KINDS[kind], 16, 0, "cpu"))
    assert first.shape[2:] == (14, 14)
    assert torch.equal(first, second) == (kind == "pairs")
    assert (
        len({picture.numpy().tobytes() for picture in next(Feed(data, KINDS[kind], 16, 0, "cpu", position=400))[0]}) > 9
    )


def test_on_the_fly_shows_what_the_cache_shows(tmp_path):
    side_by_side(tmp_path / "both")
    for options in ({"source": "left"}, {"source": "outline"}, {"source": "edges", "size": 6}):
        cached, live = (opened("pairs", tmp_path / "both", decode=how, **options) for how in ("once", "on-the-fly"))
        assert cached.fingerprint == live.fingerprint and cached.columns == live.columns
        for column in ("source", "target"):
            assert np.array_equal(taken(cached, column), taken(live, column))


def test_classes_of_one_set_are_unpaired(tmp_path):
    one, two = pictures(tmp_path / "set" / "A", 4, 8), pictures(tmp_path / "set" / "B", 6, 8)
    said: list[str] = []
    data = opened("unpaired", tmp_path / "set", said)
    assert any(s == "set: images of A are translated into such of B; --source B goes the other way" for s in said)
    assert np.array_equal(taken(data, "a"), one) and np.array_equal(taken(data, "b"), two) and len(data) == 6
    for options in ({"source": "B"}, {"source": "B", "target": "A"}, {"target": "A"}):
        other = opened("unpaired", tmp_path / "set", **options)
        assert np.array_equal(taken(other, "a"), two) and np.array_equal(taken(other, "b"), one)
    shutil.copytree(tmp_path / "set" / "A", tmp_path / "horses" / "trainA")
    shutil.copytree(tmp_path / "set" / "B", tmp_path / "horses" / "trainB")
    pictures(tmp_path / "horses" / "testA", 2, 8)
    pictures(tmp_path / "horses" / "testB", 2, 8)
    data = opened("unpaired", tmp_path / "horses")
    assert np.array_equal(taken(data, "a"), one) and np.array_equal(taken(data, "b"), two)
    assert len(opened("unpaired", f"{tmp_path / 'horses'}:test")) == 2


def test_what_is_held_out_of_pairs_and_of_two_kinds():
    for kind in KINDS:
        data = hold_out(opened(kind, "glyphs", limit=60, size=16), 10)
        held = held_out_of(data)
        assert held is not None and (len(data), len(held)) == ((50, 10) if kind == "pairs" else (20, 10))
    assert taken_truth(held).shape == (10, 16, 16, 1)
    assert np.array_equal(taken(held, "a"), np.stack([np.asarray(outline(Image.fromarray(row[..., 0])))[..., None]
                                                      for row in taken_truth(held)]))  # fmt: skip


def test_masks_outlines_and_edges_are_where_they_should_be():
    square = np.full((12, 12, 3), 40, np.uint8)
    square[3:9, 2:8] = (200, 90, 40)
    figure = np.zeros((12, 12), np.uint8)
    figure[3:9, 2:8] = 255
    rim = figure.copy()
    rim[4:8, 3:7] = 0
    image = Image.fromarray(square)
    assert np.array_equal(np.asarray(mask(image)), figure) and np.array_equal(np.asarray(outline(image)), rim)
    drawn = np.asarray(edges(image)) == 0
    assert not drawn[5:7, 4:6].any() and not drawn[0].any() and drawn[5, 1:3].sum() == 1 and drawn[5].sum() == 2
    blank = Image.new("RGB", (9, 9), "teal")
    assert [DERIVATIONS[name](blank).getextrema() for name in ("mask", "outline", "edges")] == [
        (0, 0),
        (0, 0),
        (255, 255),
    ]
    assert 20 < otsu_threshold(np.array([10, 12, 20, 90, 91, 95], np.int16)) < 90


def test_a_plain_folder_is_refused_with_the_ways_that_there_are_and_they_work(tmp_path, capsys, monkeypatch):
    pictures(tmp_path / "photos", 10, 8)
    pictures(tmp_path / "drawings", 10, 8)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        Mistake, match=r"photos has single images, and it is not said what they .* --source FOLDER"
    ) as no:
        train(TinyPix(), "photos", images=16, quiet=True)
    for way in re.findall(r"--source ([\w, ]+?) (?:names|makes|has)", str(no.value)):
        for name in re.split(", | or ", way):
            given = "drawings" if name == "FOLDER" else name
            train(TinyPix(), "photos", source=given, size=8, images=16, out=tmp_path / f"run-{name}", quiet=True,
                  pictures=0)  # fmt: skip
    assert len(list(tmp_path.glob("run-*"))) == 7
    with pytest.raises(Mistake, match=r"photos has no classes, and it is not said .* --source CLASS --target CLASS"):
        train(TinyCycle(), "photos", images=16, quiet=True)
    with pytest.raises(Mistake, match=r"there is no source lefft; did you mean left\?$"):
        train(TinyPix(), "photos", source="lefft", images=16, quiet=True)
    with pytest.raises(Mistake, match=r"zebra is no file, folder or data set, and no class of photos"):
        train(TinyCycle(), "photos", source="zebra", images=16, quiet=True)
    with pytest.raises(Mistake, match="images of two classes are no pairs"):
        train(TinyPix(), "photos", source="grey", target="zebra", images=16, quiet=True)
    assert main(["train", "dcgan", "--data", "photos", "--source", "grey"]) == 2
    assert "this recipe translates none" in capsys.readouterr().err


@pytest.mark.parametrize(("recipe", "kind"), [(TinyPix(), "pairs"), (TinyCycle(), "unpaired")])
def test_a_run_on_a_source_is_resumed_and_measured_by_its_manifest(recipe, kind, tmp_path):
    side_by_side(tmp_path / "both", 24)
    run = train(recipe, tmp_path / "both", source="left", images=16, out=tmp_path / "run", held_out=4, quiet=True)
    manifest = Manifest.read(RunFolder(run))
    assert manifest.columns == list(opened(kind, tmp_path / "both", source="left").columns)
    resume(run, images="+16", quiet=True)
    (tmp_path / "both").rename(tmp_path / "moved")
    with pytest.raises(Mistake, match=r"the data of .* are no more at"):
        resume(run, images="+16", quiet=True)
    resume(run, images="+16", data=tmp_path / "moved", quiet=True)
    assert measure(run, metrics="kid", features="identity", quiet=True)


def test_a_source_in_a_folder_moves_with_the_data(tmp_path):
    for name in ("a", "b"):
        pictures(tmp_path / "set" / name, 12, 8)
    run = train(TinyPix(), tmp_path / "set" / "b", source=str(tmp_path / "set" / "a"), images=16, out=tmp_path / "run",
                quiet=True)  # fmt: skip
    (tmp_path / "set").rename(tmp_path / "other")
    resume(run, images="+16", data=tmp_path / "other" / "b", quiet=True)
    assert Manifest.read(RunFolder(run)).settings.source == str(tmp_path / "other" / "a")


def test_nothing_said_of_glyphs_is_outlines_to_filled_ones(tmp_path):
    data = opened("pairs", "glyphs", limit=20)
    assert np.array_equal(taken(data, "target"), taken(open_data("glyphs", Prepare(limit=20), print), "image"))
    assert 0 < taken(data, "source").mean() < 0.7 * taken(data, "target").mean()


def test_a_zip_of_two_folders_is_taken_by_its_parts(tmp_path):
    pixels = {name: pictures(tmp_path / name, 4, 8) for name in ("noto", "blob")}
    with zipfile.ZipFile(tmp_path / "emoji.zip", "w") as file:
        for path in sorted(tmp_path.glob("*/*.png")):
            file.write(path, path.relative_to(tmp_path))
    home = tmp_path / "emoji.zip"
    data = opened("pairs", f"{home}:blob", source=f"{home}:noto")
    assert np.array_equal(taken(data, "source"), pixels["noto"])
    data = opened("unpaired", home, source="noto", target="blob")
    assert np.array_equal(taken(data, "a"), pixels["noto"]) and np.array_equal(taken(data, "b"), pixels["blob"])


@pytest.mark.slow
def test_real_facades_are_cut_into_photos_and_labels(real_data):
    data = opened("pairs", real_data / "facades" / "facades.zip", size=64)
    photos, labels = taken(data, "source", range(40)), taken(data, "target", range(40))
    assert len(data) == 400 and labels[..., 2].mean() > labels[..., 0].mean() + 60  # the ground of labels is blue
    assert abs(float(photos[..., 2].mean()) - float(photos[..., 0].mean())) < 40


@dataclass(frozen=True)
class Fading(TinyPix):
    rate: Linear = Linear(0.05, 0.0, after=0.5)

    def steps(self, player: str) -> Any:
        return SGD(self.rate)


class Heard(Callback):
    def __init__(self) -> None:
        self.said: list[str] = []

    def on_message(self, sentence: str) -> None:
        self.said.append(sentence)


def test_a_finished_run_whose_rate_has_fallen_to_nothing_is_prolonged_and_says_so(tmp_path):
    watch = Heard()
    run = train(Fading(), "glyphs", limit=60, size=16, images=32, out=tmp_path / "run", pictures=0)
    before = weights_of(run)
    resume(run, images="+32", watch=watch)
    said = "and 50% is behind it: rate is 0.05 again, after 0, and comes to its end anew"
    assert any(sentence.endswith(said) for sentence in watch.said)
    assert Manifest.read(RunFolder(run)).images == 64
    assert any(not torch.equal(one, two) for one, two in zip(before, weights_of(run), strict=True))


def weights_of(run: Path) -> list[torch.Tensor]:
    return [value.clone() for value in load(run, average=False).game.state_dict().values()]
