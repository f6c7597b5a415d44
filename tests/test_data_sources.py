"""Folders, archives, tables, arrays, idx files and batches of CIFAR: what is in them comes out."""

import gzip
import lzma
import os
import pickle
import re
import sys
import types
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_files import noise, pictures, save, smooth
from saddle.data import ArrayDataset, Prepare, open_data
from saddle.data.readers import archive as archives
from saddle.errors import Mistake
from saddle.extras import install
from saddle.shape import Classes, Shape


class Reader:
    """Opens a source, keeping what was said; `home` is a folder to write sources into."""

    def __init__(self, folder: Path) -> None:
        self.home, self.cache, self.said = folder / "in", folder / "cache", []
        self.home.mkdir()

    def __call__(self, source: Path | str, **options: object) -> ArrayDataset:
        self.said.clear()
        return open_data(str(source), Prepare(**options), self.said.append, cache=self.cache)


@pytest.fixture
def read(tmp_path):
    return Reader(tmp_path)


def test_a_folder_is_read_whole_in_the_order_of_its_paths(read):
    pixels = noise(4, 8, 8, 3)
    for name, picture in zip(("a/z.png", "b.PNG", "b/ü 猫.bmp", "c/d/e.tiff"), pixels, strict=True):
        save(read.home / name, picture)
    save(read.home / ".hidden/x.png", pixels[0])
    save(read.home / "__MACOSX/y.png", pixels[0])
    (read.home / "notes.txt").write_text("no picture")
    data = read(read.home)
    assert np.array_equal(data.samples, pixels) and data.labels is None
    there = read.home
    assert read.said == [
        f"{there}: the hidden folders .hidden, __MACOSX are passed over",
        f"{there}: 1 file (1 .txt) is left out, being no picture",
        "in: no classes, for many pictures lie beside the folders a, b, c; "
        "--labels folders takes only those in folders, with classes",
    ]


def test_top_folders_are_classes(read):
    for name in ("set/cat/1.png", "set/cat/in/2.png", "set/dog/1.png"):
        save(read.home / name, noise(8, 8))
    data = read(read.home)
    assert (
        data.classes == ("cat", "dog")
        and data.labels.tolist() == [0, 0, 1]
        and data.shape == Shape(1, 8, 8, Classes(2))
    )


def test_numbers_as_folders_are_in_the_order_of_numbers(read):
    for name in ("10", "9", "0"):
        save(read.home / name / "a.png", noise(8, 8))
    assert read(read.home).classes == ("0", "9", "10")


def test_a_link_in_a_circle_is_followed_once(read):
    save(read.home / "a/1.png", noise(8, 8))
    save(read.home / "a/2.png", noise(8, 8))
    (read.home / "a/again").symlink_to(read.home, target_is_directory=True)
    assert len(read(read.home)) == 2


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_the_training_part_is_taken_unless_another_is_asked_for(read, kind, tmp_path):
    home = tmp_path / "set" if kind == "zip" else read.home / "set"
    parts = {part: pictures(home / part, count) for part, count in (("train", 4), ("test", 3))}
    source = zipped(read.home / "set.zip", home) if kind == "zip" else home
    assert np.array_equal(read(source).samples, parts["train"]) and "the folder train is used, not test" in read.said[0]
    assert np.array_equal(read(f"{source}:test").samples, parts["test"]) and not read.said
    both = read(f"{source}:all")
    assert len(both) == 7 and both.labels is None
    with pytest.raises(Mistake, match="no folder tset; did you mean test"):
        read(f"{source}:tset")


def zipped(path: Path, folder: Path, **extra: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for inner in sorted(folder.rglob("*")):
            file.write(inner, inner.relative_to(folder.parent).as_posix())
        for name, content in extra.items():
            file.writestr(name.replace("__", "."), content)
    return path


def test_a_zip_is_read_where_it_lies(read, tmp_path):
    pixels = np.concatenate([pictures(tmp_path / "set" / name, 3) for name in ("ä", "b")])
    zipped(read.home / "set.zip", tmp_path / "set")
    data = read(read.home / "set.zip")
    assert data.classes == ("b", "ä") and data.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.array_equal(data.samples, pixels)
    assert [path.name for path in read.home.iterdir()] == ["set.zip"]


def test_a_folder_around_a_single_archive_is_that_archive(read, tmp_path):
    pictures(tmp_path / "set", 3)
    zipped(read.home / "set.zip", tmp_path / "set")
    assert len(read(read.home)) == 3


def test_labels_come_from_a_table(read):
    pictures(read.home / "set", 4)
    (read.home / "set/tags.csv").write_text(
        "\ufefffile,hair,eyes\n000.png,red,\nset/001.png,blue,x\n002,red,\n", "utf-8"
    )
    data = read(read.home / "set", labels="tags.csv:hair")
    assert data.classes == ("blue", "red") and data.labels.tolist() == [1, 0, 1]
    assert read.said == ["1 picture without a hair in tags.csv, 003.png, is left out"]
    with pytest.raises(Mistake, match=r"no column hiar; did you mean hair\?"):
        read(read.home / "set", labels="tags.csv:hiar")
    with pytest.raises(Mistake, match=r"tags.csv:COLUMN\? There are hair, eyes"):
        read(read.home / "set", labels="tags.csv")
    with pytest.raises(Mistake, match=r"there is no table none.csv"):
        read(read.home / "set", labels="none.csv")


def test_a_changed_table_is_read_again(read):
    pictures(read.home / "set", 2)
    (read.home / "set/t.csv").write_text("file,label\n000.png,a\n001.png,b\n")
    assert read(read.home / "set", labels="t.csv").labels.tolist() == [0, 1]
    (read.home / "set/t.csv").write_text("file,label\n000.png,bb\n001.png,a\n")
    assert read(read.home / "set", labels="t.csv").labels.tolist() == [1, 0]


def test_a_table_inside_a_zip_is_found(read, tmp_path):
    pictures(tmp_path / "set", 2)
    zipped(read.home / "set.zip", tmp_path / "set", tags__csv=b"file,label\n000.png,a\n001.png,b\n")
    assert read(read.home / "set.zip", labels="tags.csv").classes == ("a", "b")


def test_a_column_of_captions_is_no_column_of_classes(read):
    pictures(read.home / "set", 101, side=4)
    rows = "".join(f"{i:03}.png,picture number {i}\n" for i in range(101))
    (read.home / "set/t.csv").write_text(f"file,caption\n{rows}")
    with pytest.raises(Mistake, match="101 different values"):
        read(read.home / "set", labels="t.csv")


def broken(folder: Path) -> None:
    """Five ways of being no picture."""
    whole = BytesIO()
    Image.fromarray(smooth(64, 64)).save(whole, "JPEG")
    (folder / "cut.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.gif").write_text("not a picture")
    (folder / "nowhere.png").symlink_to(folder / "gone.png")
    save(folder / "float.tiff", np.full((16, 16), np.nan, np.float32))


REASONS = {
    "cut.jpg": "it is truncated",
    "empty.png": "it is empty",
    "text.gif": "it is no picture that can be read",
    "nowhere.png": "no such file or directory",
    "float.tiff": "a pixel is no number: it is NaN or infinite",
}


def test_unreadable_files_are_named_and_skipped_and_named_again_from_the_cache(read):
    pixels = pictures(read.home, 6)
    broken(read.home)
    for _ in range(2):
        data = read(read.home, size=16)
        assert np.array_equal(data.samples, pixels)
        assert sorted(read.said) == sorted(f"{name} is skipped: {why}" for name, why in REASONS.items())


def test_labels_stay_with_their_pictures_when_some_are_skipped(read):
    for name in ("a/1.png", "a/3.png", "b/1.png"):
        save(read.home / name, noise(8, 8))
    (read.home / "a/2.png").write_bytes(b"")
    assert read(read.home).labels.tolist() == [0, 0, 1]


def test_too_few_readable_pictures_stop_the_work(read, tmp_path):
    pictures(read.home, 4)
    broken(read.home)
    with pytest.raises(Mistake, match=r"only 4 of 9 pictures are usable.*cut.jpg is skipped: it is truncated"):
        read(read.home, size=16)
    assert not list((tmp_path / "cache").iterdir())
    with pytest.raises(Mistake, match="4 of 9"):
        read(read.home)


def test_sizes_that_differ_need_a_size(read):
    for i, side in enumerate((70, 90, 200)):
        save(read.home / f"{i}.png", noise(side, 100, 3))
    with pytest.raises(Mistake, match=r"have 3 sizes, from 70x100 to 200x100 \(height x width\); --size 64 brings"):
        read(read.home)
    assert read(read.home, size=64).shape == Shape(3, 64, 64)


def test_one_coloured_picture_makes_all_of_them_coloured(read):
    save(read.home / "1.png", noise(8, 8))
    save(read.home / "2.png", noise(8, 8))
    assert read(read.home).shape.channels == 1
    save(read.home / "3.png", noise(8, 8, 3))
    assert read(read.home).shape.channels == 3 and read(read.home, channels=1).shape.channels == 1


def test_pictures_that_would_fill_the_memory_are_not_unpacked(read, monkeypatch, tmp_path):
    pictures(read.home / "set", 4, side=8)
    save(read.home / "set/large.png", noise(30, 30, 3))
    save(read.home / "set/larger.png", noise(40, 40, 3))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    read(read.home / "set", size=8)
    said = [line.partition(":")[0] for line in read.said]
    assert said == ["large.png is skipped", "larger.png is skipped for the same reason"]
    assert "more than the 500 pixels that are safe" in read.said[0]
    monkeypatch.undo()
    zipped(read.home / "set.zip", read.home / "set")
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 3000)
    read(read.home / "set.zip", size=8)
    assert read.said == ["set/larger.png is skipped: it would unpack to 0.0 GiB"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda p: p.mkdir(), "holds no pictures"),
        (lambda p: p.write_text("hello"), "no data that can be read"),
        (lambda p: save(p.with_suffix(".png"), noise(8, 8)).rename(p), "no data that can be read"),
        (lambda p: None, "there is no file or folder"),
    ],
)
def test_what_is_no_data_is_refused_in_a_sentence(read, make, sentence):
    make(read.home / "thing")
    with pytest.raises(Mistake, match=sentence):
        read(read.home / "thing")


def test_broken_files_are_refused_in_a_sentence(read):
    zipfile.ZipFile(read.home / "empty.zip", "w").close()
    (read.home / "text.zip").write_text("hello")
    (read.home / "text.npy").write_text("hello")
    np.save(read.home / "object.npy", np.array([{}]), allow_pickle=True)
    packed = gzip.compress(idx_bytes(noise(4, 8, 8)))
    (read.home / "cut-images-idx3-ubyte.gz").write_bytes(packed[:-20])
    (read.home / "short-images-idx3-ubyte").write_bytes(idx_bytes(noise(4, 8, 8))[:-1])
    (read.home / "text-images-idx3-ubyte").write_text("hello")
    save(read.home / "one.png", noise(8, 8))
    sentences = {
        "empty.zip": "holds no pictures",
        "text.zip": "no zip that can be read",
        "text.npy": "no array of numbers",
        "object.npy": "no array of numbers",
        "cut-images-idx3-ubyte.gz": "broken and cannot be unpacked",
        "short-images-idx3-ubyte": "should hold 256 bytes of numbers but has 255",
        "text-images-idx3-ubyte": "is no idx file",
        "one.png": "is a single picture",
    }
    for name, sentence in sentences.items():
        with pytest.raises(Mistake, match=sentence):
            read(read.home / name)


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.mark.parametrize("ending", ["", ".gz", ".xz"])
def test_idx_files(read, ending):
    pack = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[ending]
    for split, n in (("train", 6), ("t10k", 4)):
        (read.home / f"{split}-images-idx3-ubyte{ending}").write_bytes(pack(idx_bytes(noise(n, 5, 7))))
        (read.home / f"{split}-labels-idx1-ubyte{ending}").write_bytes(
            pack(idx_bytes(np.arange(n, dtype=np.uint8) % 3))
        )
    data = read(read.home)
    assert np.array_equal(data.samples[..., 0], noise(6, 5, 7)) and data.labels.tolist() == [0, 1, 2, 0, 1, 2]
    test = read(f"{read.home}:test")
    assert np.array_equal(test.samples[..., 0], noise(4, 5, 7)) and test.classes == ("0", "1", "2")
    assert len(read(read.home / f"t10k-images-idx3-ubyte{ending}")) == 4
    with pytest.raises(Mistake, match="no part tset; did you mean test"):
        read(f"{read.home}:tset")


PIXELS = noise(6, 5, 7, 3)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (PIXELS, None),
        (PIXELS.transpose(0, 3, 1, 2), None),
        (PIXELS.astype(np.int64), r"\[0, 255\]"),
        ((PIXELS / 255).astype(np.float32), r"\[0, 1\]"),
        (PIXELS / 127.5 - 1, r"\[-1, 1\]"),
        (PIXELS.astype(np.float16), r"\[0, 255\]"),
        (PIXELS.transpose(0, 3, 1, 2) / 255, r"\[0, 1\]"),
        (PIXELS * np.uint16(257), None),
    ],
)
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_arrays_in_many_layouts_and_ranges_are_the_same_pictures(read, array, said, ending):
    if ending == "npy":
        np.save(read.home / "a.npy", array)
    else:
        np.savez(read.home / "a.npz", images=array, labels=np.arange(6)[:, None] // 2)
    data = read(read.home / f"a.{ending}")
    assert np.array_equal(data.samples, PIXELS)
    assert (
        read.said == []
        if said is None
        else len(read.said) == 1 and said.strip("\\[]").replace("\\", "") in read.said[0]
    )
    assert data.labels is None if ending == "npy" else data.labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_grey_arrays_and_yes_or_no_arrays(read):
    np.save(read.home / "grey.npy", PIXELS[..., 0])
    np.save(read.home / "bool.npy", PIXELS[..., 0] > 128)
    assert np.array_equal(read(read.home / "grey.npy").samples[..., 0], PIXELS[..., 0])
    assert np.array_equal(read(read.home / "bool.npy").samples[..., 0], np.where(PIXELS[..., 0] > 128, 255, 0))


def test_the_parts_of_an_npz(read):
    hot = np.eye(3, dtype=np.float32)[[2, 0, 1, 1, 2, 0]]
    np.savez(read.home / "a.npz", x_train=PIXELS, y_train=hot, x_test=PIXELS[:2], y_test=[1, 1])
    assert read(read.home / "a.npz").labels.tolist() == [2, 0, 1, 1, 2, 0]
    test = read(f"{read.home / 'a.npz'}:test")
    assert len(test) == 2 and test.classes == ("1",)
    with pytest.raises(
        Mistake,
        match=r"no array called val, val_images or x_val; there are x_train \(\(6, 5, 7, 3\) uint8\), .*:x_train",
    ):
        read(f"{read.home / 'a.npz'}:val")


def test_rows_of_an_npz_that_are_not_taken_for_labels_are_said(read):
    np.savez(read.home / "a.npz", pics=PIXELS, kind=np.arange(len(PIXELS)), scale=np.zeros(2))
    assert read(read.home / "a.npz").labels is None
    assert any("a.npz: kind, with a row for each picture, is not taken for classes" in one for one in read.said)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((4, 5, 5, 2), np.uint8), r"shape \(4, 5, 5, 2\)"),
        (np.zeros((4, 784), np.uint8), r"shape \(4, 784\)"),
        (np.full((4, 8, 8), np.nan), "NaN or infinite"),
        (np.linspace(-3, 3, 256).reshape(4, 8, 8), "from -3 to 3"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(read, array, sentence):
    np.save(read.home / "a.npy", array)
    with pytest.raises(Mistake, match=sentence):
        read(read.home / "a.npy")


def old_pickle(rows: np.ndarray, labels: list[int]) -> bytes:
    """A batch as Python 2 wrote it, opcode by opcode: texts are bytes, and numpy has its old name."""
    n, width = rows.shape
    head = b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    kind = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    size = b"K" + bytes([n]) + b"M" + width.to_bytes(2, "little") + b"\x86"
    raw = b"T" + rows.nbytes.to_bytes(4, "little") + rows.tobytes()
    return (
        head
        + b"(K\x01"
        + size
        + kind
        + b"\x89"
        + raw
        + b"tbU\x06labels]("
        + b"".join(b"K" + bytes([i]) for i in labels)
        + b"eu."
    )


ROWS = noise(4, 3072)


def write_cifar(folder: Path, form: str) -> None:
    for i, name in enumerate((*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")):
        rows, labels = ROWS + np.uint8(i), [0, 1, 2, i]
        if form == "bytes":
            (folder / f"{name}.bin").write_bytes(
                b"".join(bytes([c]) + r.tobytes() for c, r in zip(labels, rows, strict=True))
            )
            continue
        new = {b"data": rows, b"labels": labels}
        content = old_pickle(rows, labels) if form == "old" else pickle.dumps(new, protocol=int(form))
        (folder / name).write_bytes(content)
    names = [f"class {c}" for c in range(6)]
    if form == "bytes":
        (folder / "batches.meta.txt").write_text("\n".join(names))
    else:
        (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}, protocol=2))


@pytest.mark.parametrize("form", ["old", "2", "5", "bytes"])
def test_batches_of_cifar(read, form):
    write_cifar(read.home, form)
    data = read(read.home)
    expected = np.concatenate([ROWS + np.uint8(i) for i in range(5)]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    assert np.array_equal(data.samples, expected)
    assert data.classes[5] == "class 5" and data.labels.tolist() == [c for i in range(5) for c in (0, 1, 2, i)]
    assert read(f"{read.home}:test").labels.tolist() == [0, 1, 2, 5]


class Evil:
    def __reduce__(self):
        return os.mkdir, (str(EVIL[0]),)


EVIL = [Path("never")]


def test_a_pickle_that_would_run_code_is_refused_before_it_does(read, tmp_path):
    write_cifar(read.home, "2")
    EVIL[0] = tmp_path / "harm"
    (read.home / "data_batch_3").write_bytes(pickle.dumps({b"data": Evil(), b"labels": []}))
    with pytest.raises(Mistake, match=r"data_batch_3 cannot be read as a batch: it asks for .*mkdir"):
        read(read.home)
    assert not EVIL[0].exists()


def test_a_missing_batch_is_named(read):
    write_cifar(read.home, "2")
    (read.home / "data_batch_4").unlink()
    with pytest.raises(Mistake, match="lacks the batch data_batch_4"):
        read(read.home)


def test_mosaics(read):
    tiles = noise(24, 8, 8, 3)
    for name, part in (("train_00", tiles[:8]), ("train_01", tiles[8:16]), ("test_00", tiles[16:])):
        mosaic = part.reshape(2, 4, 8, 8, 3).swapaxes(1, 2).reshape(16, 32, 3)
        save(read.home / f"{name}.webp", mosaic, lossless=True)
    np.arange(24, dtype=np.uint8).tofile(read.home / "labels.u8")
    data = read(read.home)
    assert np.array_equal(data.samples, tiles[:16]) and data.labels.tolist() == list(range(16))
    assert np.array_equal(read(f"{read.home}:test").samples, tiles[16:])
    np.arange(23, dtype=np.uint8).tofile(read.home / "labels.u8")
    with pytest.raises(Mistake, match="23 labels cannot be shared by 3 mosaics"):
        read(read.home)


def test_a_set_by_name_is_found_where_the_variable_says(read, monkeypatch):
    monkeypatch.setenv("SADDLE_DATA", str(read.home))
    pictures(read.home / "my-set", 3)
    assert len(read("my-set")) == 3
    with pytest.raises(Mistake, match=r"no file, folder or data set my-sets; did you mean my-set\?"):
        read("my-sets")


def test_a_set_that_is_not_here_says_what_to_do(read, monkeypatch):
    monkeypatch.delenv("SADDLE_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(Mistake, match=f"SADDLE_DATA.*{re.escape(install('data'))}"):
        read("mnist")


class Column(list):
    """As much of a downloaded set as is needed: rows, features, the casting of a column."""

    def __init__(self, rows, features):
        super().__init__(rows)
        self.features = features

    def cast_column(self, name, kind):
        return self

    def __getitem__(self, key):
        return [row[key] for row in self] if isinstance(key, str) else super().__getitem__(key)


def test_a_set_is_downloaded_once(read, monkeypatch):
    monkeypatch.delenv("SADDLE_DATA", raising=False)
    fake = types.ModuleType("datasets")
    fake.Image = type("Image", (), {"__init__": lambda self, decode=True: None})
    fake.ClassLabel = type("ClassLabel", (), {"names": ["no", "yes"]})
    asked, pixels = [], noise(3, 8, 8)

    def load(repository, split):
        asked.append((repository, split))
        rows = []
        for i, picture in enumerate(pixels):
            Image.fromarray(picture).save(file := BytesIO(), "PNG")
            rows.append({"image": {"bytes": file.getvalue(), "path": None}, "label": i % 2})
        return Column(rows, {"image": fake.Image(), "label": fake.ClassLabel()})

    fake.load_dataset = load
    monkeypatch.setitem(sys.modules, "datasets", fake)
    for _ in range(2):
        data = read("mnist:test")
        assert (
            np.array_equal(data.samples[..., 0], pixels)
            and data.labels.tolist() == [0, 1, 0]
            and data.classes == ("no", "yes")
        )
    assert asked == [("ylecun/mnist", "test")]


def test_points_take_no_options_of_pictures(read):
    data = read("ring", limit=500)
    assert data.samples.shape == (500, 1, 1, 2) and data.shape.points
    with pytest.raises(Mistake, match="ring has points, not pictures"):
        read("ring", size=32)


def test_glyphs_are_drawn_at_the_size_asked_for(read):
    data = read("glyphs", size=16, channels=3, limit=400)
    assert data.samples.shape == (400, 16, 16, 3) and len(data.classes) >= 36
