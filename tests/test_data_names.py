"""What names of folders and files mean: parts, classes, portions, strays, saddle's own sets; guesses are said."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_files import noise, pictures, save
from saddle.data import ArrayDataset, Prepare, examine, open_data
from saddle.data.readers.folder_labels import has_portions
from saddle.data.readers.split_names import parse_split
from saddle.data.sources import describe_not_found
from saddle.data.wording import without_option_hints
from saddle.errors import Mistake
from saddle.runs.pictures import save_png as save_by_saddle


class Reader:
    """Opens a folder, keeping what was said; `home` is a folder to write into."""

    def __init__(self, folder: Path) -> None:
        self.home, self.cache, self.said = folder / "in", folder / "cache", []
        self.home.mkdir()

    def __call__(self, source: Path | str = "", **options: object) -> ArrayDataset:
        self.said.clear()
        return open_data(str(source or self.home), Prepare(**options), self.said.append, cache=self.cache)

    def fill(self, *names: str) -> None:
        for i, name in enumerate(names):
            save(self.home / name, noise(8, 8, 3, seed=i))

    def heard(self, text: str) -> bool:
        return any(text in sentence for sentence in self.said)


@pytest.fixture
def read(tmp_path):
    return Reader(tmp_path)


def packed(folder: Path, file: Path, spell=lambda name: name, mode: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(file, "w", mode) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo()  # its own constructor would mend what the name has of backslashes
                entry.filename = spell(path.relative_to(folder).as_posix())
                archive.writestr(entry, path.read_bytes())
    return file


@pytest.mark.parametrize(
    ("folders", "taken", "classes"),
    [
        (("training/cat", "training/dog", "testing/cat", "testing/dog"), 4, ("cat", "dog")),
        (("Train/cat", "Train/dog", "Test/cat", "Test/dog"), 4, ("cat", "dog")),
        (("train/cat", "train/dog", "valid/cat", "dev/dog", "validation/cat"), 4, ("cat", "dog")),
        (("trainA", "trainB", "testA", "testB"), 4, ("A", "B")),
        (("train2017", "val2017"), 2, ()),
        (("train_images/cat", "train_images/dog", "test_images/cat"), 4, ("cat", "dog")),
        (("images/train", "images/val"), 2, ()),
        (("cat/train", "cat/test", "dog/train", "dog/test"), 4, ("cat", "dog")),
        (("train/cat", "train/dog", "test/cat", "extra/cat"), 4, ("cat", "dog")),
        (("test", "val"), 4, ()),
        (("cats_train", "cats_test"), 2, ()),
        (("train-cat", "train-dog", "test-cat", "val-dog"), 4, ("cat", "dog")),
        (("steam_train", "crash_test"), 4, ("crash_test", "steam_train")),
        (("seg_train/a/cat", "seg_train/a/dog", "seg_test/a/cat", "seg_pred"), 4, ("cat", "dog")),
        (("DIV2K_train_HR", "DIV2K_valid_HR"), 2, ()),
        (("fold1/cat", "fold1/dog", "fold2/cat", "fold2/dog"), 8, ("cat", "dog")),
        (("00000-00999", "01000-01999"), 4, ()),
        (("training_day/cat", "contest/dog"), 4, ("contest", "training_day")),
    ],
)
def test_parts_are_no_classes(read, folders, taken, classes):
    read.fill(*(f"set/{folder}/{i}.png" for folder in folders for i in range(2)))
    data = read(read.home / "set")
    assert (len(data), data.classes) == (taken, classes)
    assert read.heard(":") and (classes[:1] != ("cat",) or read.heard("set the folder") or taken == 8)


def test_of_names_with_a_thing_and_a_part_any_part_is_taken(read):
    read.fill(*(f"{folder}/{i}.png" for folder in ("cat-train", "cat-val", "dog-train", "dog-val") for i in range(2)))
    assert read(f"{read.home}:val").classes == ("cat", "dog") and len(read(f"{read.home}:all")) == 8
    assert len(read(f"{read.home}:dog-val")) == 2


def test_a_name_of_a_part_without_its_others_is_a_class_and_said(read):
    read.fill(*(f"{folder}/{i}.png" for folder in ("bus", "train", "plane") for i in range(2)))
    assert read().classes == ("bus", "plane", "train") and read.heard(":train behind its name takes it alone")
    assert len(read(f"{read.home}:train")) == 2


def test_a_part_is_named_in_any_case_and_by_its_kind(read):
    read.fill(*(f"{part}/{kind}/{i}.png" for part in ("Training", "Valid") for kind in ("a", "b") for i in range(2)))
    assert [len(read(f"{read.home}:{part}")) for part in ("Valid", "valid", "val", "train", "all")] == [4, 4, 4, 4, 8]
    assert read(f"{read.home}:all").classes == ("a", "b")
    with pytest.raises(Mistake, match="did you mean Valid"):
        read(f"{read.home}:vaild")


def test_words_that_only_look_like_parts():
    assert [parse_split(name) for name in ("trainer", "latest", "devil", "value", "attest")] == [None] * 5
    assert (
        parse_split("Test_Set").kind == "test"
        and parse_split("trainB").domain == "B"
        and parse_split("val-2").kind == "val"
    )


def test_the_words_for_labels_can_be_typed(read, capsys):
    from saddle.cli import main

    read.fill("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")
    for words, said in ((["--labels", "none"], "no labels"), (["--labels", "folders"], "cat (2), dog (2)")):
        assert main(["doctor", str(read.home), *words]) == 0 and said in capsys.readouterr().out


@pytest.mark.parametrize("text", ["hf:", "saddle:", "mnist:", "./x:"])
def test_half_a_name_is_refused(text):
    with pytest.raises(Mistake):
        open_data(text, Prepare(), print)


def test_portions_are_no_classes_but_numbers_are(read):
    read.fill("00000/img00000000.png", "00000/img00000001.png", "00001/img00001000.png")
    assert read().classes == () and len(read()) == 3 and read.heard("portions of one set, not for classes")
    assert read(labels="folders").classes == ("00000", "00001") and not read.heard("portions")
    assert has_portions(["part1/a.png", "part2/a.png"]) and has_portions(["images_001/x.png", "images_002/y.png"])
    assert not has_portions(["0/a.png", "1/b.png"])
    assert not has_portions(["00000/00000.png", "00001/00000.png"])  # counted anew: German traffic signs, say


@pytest.mark.parametrize("labels", [None, "folders"])
def test_a_stray_picture_does_not_drop_the_classes(read, labels):
    read.fill("in/cat/1.png", "in/cat/2.png", "in/dog/1.png", "in/dog/2.png", "in/cover.png", "top.png")
    data = read(labels=labels)
    assert data.classes == ("cat", "dog") and len(data) == 4
    assert read.heard("in/cover.png, top.png" if labels else "2 pictures beside") or read.heard("cover.png")
    assert len(read(labels="none")) == 6 and read(labels="none").labels is None


def test_many_pictures_beside_folders_are_not_dropped(read):
    read.fill("a/1.png", "b/1.png", *(f"{i}.png" for i in range(6)))
    assert read().labels is None and len(read()) == 8 and read.heard("--labels folders")
    assert read(labels="folders").classes == ("a", "b")
    shutil.rmtree(read.home / "b")
    with pytest.raises(Mistake, match="no two folders"):
        read(labels="folders")


def test_folders_without_pictures_are_no_classes(read):
    read.fill("cat/1.png", "dog/1.png")
    (read.home / "empty").mkdir()
    (read.home / "notes").mkdir()
    (read.home / "notes/a.txt").write_text("x")
    assert read().classes == ("cat", "dog") and read.heard("its folders are classes: cat, dog; --labels none")


def test_classes_whose_pictures_cannot_be_read_are_no_classes(read):
    read.fill("a/1.png", "c/1.png", "c/2.png", "d/1.png")
    (read.home / "b").mkdir()
    (read.home / "b/1.png").write_bytes(b"")
    data = read()
    assert data.classes == ("a", "c", "d") and data.labels.tolist() == [0, 1, 1, 2] and read.heard("no classes: b")
    assert len(set(read(limit=2).labels.tolist())) == len(read(limit=2).classes)


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("named", ["00000/img{:08}.png", "img{:08}.png", "./00000/img{:08}.png"])
def test_the_labels_of_styleganss_dataset_json_are_used(read, kind, named, tmp_path):
    read.fill(*(f"{i // 2:05}/img{i:08}.png" for i in range(4)))
    labels = [[named.format(i).replace("00000/", f"{i // 2:05}/"), i % 2 * 7] for i in range(4)]
    (read.home / "dataset.json").write_text(json.dumps({"labels": labels}))
    source = packed(read.home, tmp_path / "set.zip") if kind == "zip" else read.home
    data = read(source)
    assert data.classes == ("0", "7") and data.labels.tolist() == [0, 1, 0, 1] and read.heard("dataset.json; --labels")
    assert read(source, labels="none").labels is None
    assert read(source, labels="folders").classes == ("00000", "00001")
    assert len(examine(str(source)).classes) == 2


@pytest.mark.parametrize(
    ("text", "classes", "said"),
    [
        ('{"labels": null}', (), "are null"),
        ('{"labels": [["00000/img0.png", 1], ["00000/img1.png", 2]]}', ("1", "2"), "left out"),
        ('{"labels": [["cat/img0.png", [0, 1.0]], ["img1.png", [1, 0]]]}', ("0", "1"), "left out"),
        ('{"labels": [["img0.png", [0.5, 1.0]]]}', ("cat", "dog"), "vectors of 2 numbers"),
        ('{"labels": 5}', ("cat", "dog"), "do not read like"),
        ('{"images": []}', ("cat", "dog"), 'has no "labels"'),
        ("[" * 100_000, ("cat", "dog"), "no JSON that can be read"),
        ("\x00\xff", ("cat", "dog"), "no JSON that can be read"),
    ],
)
def test_any_dataset_json_is_used_or_said_not_to_be(read, text, classes, said):
    read.fill("cat/img0.png", "dog/img1.png", "dog/img2.png", "cat/img3.png")
    (read.home / "dataset.json").write_text(text)
    if classes == ("1", "2"):
        (read.home / "cat").rename(read.home / "00000")
        save(read.home / "00000/img1.png", noise(8, 8, 3))
    assert read().classes == classes and read.heard(said)


def test_backslashes_dots_and_roots_in_a_zip_are_folders(read, tmp_path):
    read.fill("cat/1.png", "cat/2.png", "dog/1.png")
    for name, spell in {"windows": lambda n: n.replace("/", "\\"), "dot": "./{}".format, "root": "/{}".format}.items():
        data = read(packed(read.home, tmp_path / f"{name}.zip", spell))
        assert data.classes == ("cat", "dog") and data.labels.tolist() == [0, 0, 1]


def test_what_saddle_made_is_no_data(read):
    pictures(read.home, 4)
    before = read()
    for name in (
        "runs/001-gan/sheets",
        "runs/001-gan/checkpoints",
        "sweep/a",
        "cache/x",
        "half/sheets",
        "half/checkpoints",
    ):
        pictures(read.home / name, 1)
    (read.home / "runs/001-gan/manifest.json").write_text('{\n  "format": "saddle run 1"}')
    (read.home / "sweep/sweep.json").write_text('{\n  "format": "saddle sweep 1"}')
    for name in ("pixels.npy", "facts.json"):
        (read.home / "cache/x" / name).write_bytes(b"")
    for name in ("sheet.png", "made/00000.png", "made/00001.png"):
        (read.home / name).parent.mkdir(exist_ok=True)
        save_by_saddle(Image.fromarray(noise(8, 8, 3)), read.home / name)
    assert (after := read()).fingerprint == before.fingerprint and len(after) == 4
    assert read.said[0] == f"{read.home}: cache/x, half, runs/001-gan and 1 more are passed over, for saddle made them"
    assert read.heard("3 pictures that saddle made") and len(read(limit=3)) == 3
    assert len(read(read.home / "made")) == 2 and read.heard("all its pictures were made by saddle")
    with pytest.raises(Mistake, match="was made by saddle and is no data"):
        read(read.home / "runs/001-gan")
    with pytest.raises(Mistake, match="holds no pictures, only 1 folders that saddle made"):
        read(read.home / "runs")


def test_a_folder_with_a_sets_name_asks_which_is_meant(read, monkeypatch):
    monkeypatch.chdir(read.home)
    for name in ("glyphs", "ring", "mnist"):
        pictures(read.home / name, 2)
        with pytest.raises(Mistake, match=rf"write \./{name} for the first, saddle:{name} for the second"):
            examine(name)
        with pytest.raises(Mistake, match=rf"\./{name}:test .* saddle:{name}:test"):
            read(f"{name}:test")
    assert len(read("./glyphs")) == 2 and len(read("saddle:glyphs", size=8, limit=9)) == 9
    assert read("saddle:ring", limit=9).shape.points
    with pytest.raises(Mistake, match="no data set rign; did you mean ring"):
        read("saddle:rign")


@pytest.mark.parametrize("text", ["", "  "])
def test_no_data_are_not_glyphs(text):
    with pytest.raises(Mistake, match="data is empty"):
        open_data(text, Prepare(), print)
    with pytest.raises(Mistake, match="data is empty"):
        examine(text)


def test_home_and_patterns(read, monkeypatch):
    monkeypatch.setenv("HOME", str(read.home))
    pictures(read.home / "x", 2)
    assert len(read("~/x")) == 2
    with pytest.raises(Mistake, match=r"stands for 2 files; name the folder, --data .*/x,"):
        read(f"{read.home}/x/*.png")
    with pytest.raises(Mistake, match=r"no file or folder .*/y; did you mean x\?|there is no file or folder"):
        read(f"{read.home}/y")


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape) + array.tobytes()


def test_torchvisions_layouts_are_found_from_above_and_below(read, monkeypatch):
    raw = read.home / "root/FashionMNIST/raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(idx_bytes(noise(10, 28, 28)))
    (raw / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(10, dtype=np.uint8)))
    for path in (read.home / "root", raw.parent, raw):
        assert read(path).classes[:2] == ("T-shirt", "trouser") and read.heard("the set in") == (path != raw)
    with pytest.raises(Mistake, match="holds labels; name the file of pictures"):
        read(raw / "train-labels-idx1-ubyte")
    monkeypatch.setenv("SADDLE_DATA", str(read.home / "root"))
    assert len(read("fashion-mnist")) == 10
    batch = read.home / "root/cifar-10-batches-py"
    batch.mkdir()
    (batch / "data_batch_1").write_bytes(b"")
    with pytest.raises(Mistake, match=r"holds several sets; name one: .*raw, .*cifar-10-batches-py"):
        read(read.home / "root")
    with pytest.raises(Mistake, match="is one file of a set; name its folder"):
        read(batch / "data_batch_1")


def test_archives_that_are_not_read_say_what_to_do(read, tmp_path):
    pictures(read.home / "x", 2)
    inner = packed(read.home / "x", read.home / "a.zip")
    outer = packed(read.home, tmp_path / "outer.zip")
    assert len(read(outer)) == 2 and read.heard("1 file (1 .zip) is not looked into; unpack it")
    shutil.rmtree(read.home / "x")
    outer = packed(read.home, tmp_path / "only.zip")
    with pytest.raises(Mistake, match=r"holds no pictures but 1 archive, such as a\.zip: unpack it"):
        read(outer)
    assert len(read()) == 2
    shutil.copy(inner, read.home / "b.zip")
    with pytest.raises(Mistake, match=r"holds no pictures, but a\.zip, b\.zip; name the one that is meant"):
        read()
    deep = tmp_path / "nested" / "inside" / "deep"
    deep.mkdir(parents=True)
    shutil.copy(inner, deep / "a.zip")
    with pytest.raises(Mistake, match=r"holds no pictures, but inside/deep/a\.zip; .*: .*inside/deep/a\.zip$"):
        read(tmp_path / "nested")
    (tmp_path / "x.tar.gz").write_bytes(b"x")
    with pytest.raises(Mistake, match="is an archive that is not read; unpack it"):
        read(tmp_path / "x.tar.gz")
    shutil.copy(inner, tmp_path / "download")
    assert len(read(tmp_path / "download")) == 2  # a zip without an ending is known by its content


def test_locked_damaged_and_repeated_entries(read, tmp_path):
    pixels = pictures(read.home, 6)
    file = packed(read.home, tmp_path / "set.zip")
    raw = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        places = [entry.header_offset for entry in archive.infolist()]
    raw[places[2] + 60] ^= 255  # in the middle of the third
    (tmp_path / "bad.zip").write_bytes(raw)
    assert np.array_equal(read(tmp_path / "bad.zip").samples, np.delete(pixels, 2, axis=0))
    assert read.heard("002.png is skipped: it is broken")
    start = raw.rindex(b"PK\x05\x06")
    locked = bytearray(file.read_bytes())
    at = 0
    while (at := locked.find(b"PK\x01\x02", at, start)) >= 0:
        locked[at + 8] |= 1
        at += 4
    (tmp_path / "locked.zip").write_bytes(locked)
    with pytest.raises(Mistake, match="is locked by a password; unpack it"):
        read(tmp_path / "locked.zip")
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("000.png", (read.home / "001.png").read_bytes())
    assert np.array_equal(read(file).samples[0], pixels[1]) and read.heard("1 name twice in it")


def test_links_out_of_the_folder_are_followed_only_when_asked_to(read, tmp_path):
    pixels = pictures(tmp_path / "elsewhere", 3)
    save(read.home / "own.png", noise(16, 16, 3, seed=7))
    save(read.home / "in/own.png", noise(16, 16, 3, seed=8))
    (read.home / "a.png").symlink_to(tmp_path / "elsewhere/000.png")
    (read.home / "far").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (read.home / "near.png").symlink_to(read.home / "own.png")
    (read.home / "notes.txt").symlink_to(tmp_path / "elsewhere")
    (read.home / "loop").symlink_to(read.home, target_is_directory=True)
    (read.home / "self").symlink_to(read.home / "self")
    assert len(read()) == 3
    assert read.heard("3 links out of the folder, a.png, far, notes.txt, are not followed; --follow-links follows them")
    followed = read(follow_links=True)
    assert len(followed) == 7 and any(np.array_equal(sample, pixels[2]) for sample in followed.samples)
    farm = tmp_path / "farm"
    farm.mkdir()
    (farm / "a.png").symlink_to(tmp_path / "elsewhere/000.png")
    with pytest.raises(Mistake, match=r"holds no pictures, only 1 links out of it \(--follow-links follows them\)"):
        read(farm)
    (tmp_path / "door").symlink_to(read.home, target_is_directory=True)
    assert read(tmp_path / "door").fingerprint == read().fingerprint


def test_what_is_no_file_is_named_and_never_opened(read):
    pictures(read.home, 2)
    os.mkfifo(read.home / "pipe.png")
    os.mkfifo(read.home / "dataset.json")
    assert len(read()) == 2 and read.heard("pipe.png is skipped: it is a fifo, no file")
    with pytest.raises(Mistake, match="is a fifo, no file and no folder"):
        read(read.home / "pipe.png")
    assert examine(str(read.home)).count == 2


def test_one_folder_that_cannot_be_read_does_not_refuse_the_others(read, monkeypatch):
    pictures(read.home, 2)
    pictures(read.home / "lost+found", 2)
    scandir = os.scandir

    def forbidding(path):
        if str(path).endswith(("lost+found", "closed")):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidding)
    assert len(read()) == 2 and read.said == [f"{read.home / 'lost+found'} is skipped: permission denied"]
    (read.home / "closed").mkdir()
    with pytest.raises(Mistake, match="closed cannot be read: Permission denied"):
        read(read.home / "closed")


def test_a_run_inside_its_own_data_trains_on_the_same_pictures_again(tmp_path, monkeypatch):
    from saddle import resume, train

    pictures(tmp_path, 6, side=8)
    monkeypatch.chdir(tmp_path)
    options = {"networks": "Dense(latent=4, width=8)"}
    first, second = (
        train("gan", data=".", images=16, threads=1, quiet=True, pictures=1, options={"batch": "4", **options})
        for _ in range(2)
    )
    last = [sorted((run / "checkpoints").glob("*.safetensors"))[-1].read_bytes() for run in (first, second)]
    assert last[0] == last[1]
    resume(first)
    described = [json.loads((run / "manifest.json").read_text())["data"] for run in (first, second)]
    assert described[0] == described[1] and described[0]["samples"] == 6


def test_a_run_keeps_its_word_for_a_set_where_a_folder_has_the_same_name(tmp_path, monkeypatch):
    from saddle import resolved
    from saddle.runs.settings import Settings

    monkeypatch.chdir(tmp_path)
    (tmp_path / "glyphs").mkdir()
    assert resolved.resolve_recipe("gan", {}, Settings())[3].data == "glyphs"
    assert resolved.resolve_recipe("gan", {}, Settings(data="saddle:glyphs"))[3].data == "glyphs"
    assert resolved.resolve_recipe("gan", {}, Settings(data="./glyphs"))[3].data == str(tmp_path / "glyphs")
    for data in ("glyphs", "", " "):
        with pytest.raises(Mistake):
            resolved.resolve_recipe("gan", {}, Settings(data=data))


def test_what_a_run_has_settled_is_not_offered_again(read):
    read.fill("train/cat/1.png", "train/dog/2.png", "train/dog/3.png", "train/dog/4.jpg", "test/cat/5.png")
    (read.home / "a.txt").touch()
    (read.home / "train/dog/4.jpg").write_bytes(b"GIF8")
    assert read() and len(read.said) == 4
    said: list[str] = []
    open_data(str(read.home), Prepare(), without_option_hints(said.append), cache=read.cache)
    assert said == [sentence for sentence in read.said if "4.jpg" in sentence or ".txt" in sentence] and len(said) == 2


def test_what_there_is_names_each_set_once_and_no_file(tmp_path, monkeypatch):
    for name in ("mnist", "holiday"):
        (tmp_path / name).mkdir()
    (tmp_path / "README.md").write_text("not data")
    monkeypatch.setenv("SADDLE_DATA", str(tmp_path))
    (tmp_path / "inception").mkdir()  # of weights, which are no data
    said = describe_not_found("qqqqqqqq")
    known = said.partition("there are ")[2].split(", ")
    assert len(known) == len(set(known)) and {"mnist", "holiday"} <= set(known)
    assert not {"README.md", "inception"} & {*known}
