"""Files of numbers from anybody: a value or one sentence, soon, and no memory for what a header only promises."""

import gzip
import io
import lzma
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_files import noise
from saddle.data import Prepare, open_data
from saddle.data.cache.store import open_undecoded
from saddle.data.sources import find_source
from saddle.errors import Mistake
from saddle.measuring.inputs import read_points_file

PIXELS = noise(4, 6, 5)
FEW = settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def npy(array=PIXELS):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npz(save=np.savez, **arrays):
    out = io.BytesIO()
    save(out, **arrays)
    return out.getvalue()


def idx(pixels=PIXELS):
    return bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in pixels.shape) + pixels.tobytes()


def batch(**more):
    rows = noise(3, 3072)
    return pickle.dumps({"data": rows, "labels": [0, 1, 0], "batch_label": "one"} | more, protocol=2)


WHOLE = {
    "a.npy": npy(),
    "b.npz": npz(images=PIXELS, labels=np.arange(4) % 2),
    "c.npz": npz(np.savez_compressed, images=PIXELS.astype(np.float32), labels=np.array(list("abab"))),
    "train-images-idx3-ubyte": idx(),
    "train-images-idx3-ubyte.gz": gzip.compress(idx()),
    "train-images-idx3-ubyte.xz": lzma.compress(idx()),
    "cifar/data_batch_1": batch(),
    "cifar/data_batch_1.bin": bytes(3 * 3073),
}


def read(path):
    """The first pictures, as a training would get them; None for a Mistake."""
    try:
        source = path.parent if path.parent.name == "cifar" else path
        pile = open_undecoded(find_source(str(source), Prepare()), lambda sentence: None)
        assert len(pile) < 2 or np.asarray(pile.pixels[0:2]).dtype == np.uint8
    except Mistake:
        return None
    return pile


def put(folder, name, content):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def one_batch(monkeypatch):
    """CIFAR of one batch, so that a file is a set."""
    monkeypatch.setattr("saddle.data.readers.cifar.PICKLED_BATCHES", {"train": ("data_batch_1",)})
    monkeypatch.setattr("saddle.data.readers.cifar.BINARY_BATCHES", {"train": ("data_batch_1.bin",)})


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_are_read(tmp_path, name, one_batch):
    assert len(read(put(tmp_path, name, WHOLE[name]))) in (3, 4)


@pytest.mark.parametrize("name", WHOLE)
def test_any_bytes_are_a_value_or_a_mistake(tmp_path, name, one_batch):
    start = WHOLE[name][:8]

    @FEW
    @given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda rest: start + rest))
    def try_(content):
        read(put(tmp_path, name, content))

    try_()


@pytest.mark.parametrize("name", WHOLE)
def test_any_change_of_a_whole_file_is_a_value_or_a_mistake(tmp_path, name, one_batch):
    whole = WHOLE[name]
    place = st.integers(0, min(len(whole), 200)) | st.integers(0, len(whole))

    @FEW
    @given(place, st.integers(0, 9), st.binary(max_size=9))
    def try_(start, length, new):
        read(put(tmp_path, name, whole[:start] + new + whole[start + length :]))

    try_()


NUMBERS = st.integers(-3, 9) | st.sampled_from([2**31, 2**40, 2**63, 2**64, 10**30, -(2**62), True, None, 1.5, "3"])
KINDS = ["|u1", "<f4", ">i2", "|O", "|b1", "<c8", "<U3", "|V9", "|S0", "<M8[s]", "zz", "", "<f4096", None, 7, [], "<i3"]
KINDS += [[("a", "<f4")], [("a", "|O")], ("<f4", (2**30,)), "|V2147483647"]
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "descr": st.sampled_from(KINDS),
        "shape": st.lists(NUMBERS, max_size=5).map(tuple) | st.just((1,) * 40) | st.text(max_size=3),
        "fortran_order": st.sampled_from([True, False, 0, "yes", None]),
    },
)


def test_any_header_of_numpys_is_a_value_or_a_mistake(tmp_path):
    @settings(FEW, max_examples=150)
    @given(HEADERS, st.sampled_from([1, 2, 3, 9]), st.booleans())
    def try_(facts, version, packed):
        text = repr(facts).encode() + b"\n"
        length = len(text).to_bytes(2 if version == 1 else 4, "little")
        content = b"\x93NUMPY" + bytes([version, 0]) + length + text + bytes(600)
        if not packed:
            read(put(tmp_path, "a.npy", content))
            read_points_file(tmp_path / "a.npy")
            return
        with zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("images.npy", content)
        read(tmp_path / "b.npz")

    try_()


def header(shape, descr="|u1", length=None):
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\1\0" + (length or len(text)).to_bytes(2, "little") + text


def lying(content, **facts):
    """An .npz with one array whose entry says other things than are true."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("images.npy", content)
        for fact, value in facts.items():
            setattr(file.infolist()[0], fact, value)
    return out.getvalue()


def remembering(place):
    return b"\x80\x02}r" + place.to_bytes(4, "little") + b"."


HUGE = header((10**6, 1000, 1000))
BIG = b"\0\x50\0\0" + b"\0\0\0\x20" * 2
BOMBS = {
    "huge.npy": (
        header((10**6, 1000, 1000)) + bytes(100),
        "should hold 1,000,000,000,000 bytes of numbers but has",
    ),
    "long.npy": (header((2, 2), length=60000), "header of 60,000 bytes; 10,000 at most"),
    "wide.npy": (b"\x93NUMPY\2\0\xff\xff\xff\xff", "header of 4,294,967,295 bytes"),
    "deep.npy": (b"\x93NUMPY\1\0\x0f\x27" + b"(" * 9999, "header that cannot be read"),
    "less.npy": (header((-1, 8, 8)) + bytes(64), r"has the shape \(-1, 8, 8\)"),
    "huge.npz": (lying(HUGE + bytes(1000), file_size=len(HUGE) + 10**12), "unpack from .* bytes to 1 TB"),
    "lies.npz": (lying(header((30, 1000, 1000)), file_size=30_000_000), "should hold 30,000,000 bytes|no array of num"),
    "x-images-idx3-ubyte": (bytes([0, 0, 8, 3]) + b"\xff" * 12, "should hold 79,228,162,458,924,105,385,300,197,375 b"),
    "y-images-idx3-ubyte": (bytes([0, 0, 8, 255]) + b"\xff" * 12, "has 255 dimensions"),
    "z-images-idx3-ubyte": (bytes([0, 0, 14, 3, 0]), "it ends before its 3 dimensions do"),
    "x-images-idx3-ubyte.gz": (gzip.compress(idx()[:4] + BIG), "to 5.37 GB, over 100 times"),
    "y-images-idx3-ubyte.gz": (gzip.compress(idx() + bytes(10**7)), "should hold 120 bytes of numbers but has more"),
    "y-images-idx3-ubyte.xz": (lzma.compress(idx() + bytes(10**7)), "should hold 120 bytes of numbers but has more"),
    "z-images-idx3-ubyte.gz": (gzip.compress(idx())[:-9], "broken and cannot be unpacked"),
    "cifar/data_batch_1": (remembering(2**31 - 1), "would remember 2,147,483,647 things"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_by_their_number_before_there_is_memory_for_them(tmp_path, name, one_batch):
    content, sentence = BOMBS[name]
    path = put(tmp_path, name, content)
    source = path.parent if path.parent.name == "cifar" else path
    tracemalloc.start()
    try:
        with pytest.raises(Mistake, match=sentence):
            open_data(str(source), Prepare(), print, cache=tmp_path / "cache")
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
    finally:
        tracemalloc.stop()


class Call:
    """Pickles as the call of a function."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


CALLS = {
    "memory": Call(np.ndarray, ((1 << 40,),)),
    "objects": np.array([{}, None], dtype=object),
    "code": Call(eval, ("1 + 1",)),
    "fields": np.zeros(3, [("a", "u1")]),
    "text": "rows",
    "floats": np.zeros((3, 3072)),
    "short": noise(2, 3072),
}


@pytest.mark.parametrize("name", CALLS)
def test_pickles_make_nothing_but_arrays_of_the_bytes_that_they_hold(tmp_path, name, one_batch):
    path = put(tmp_path, "cifar/data_batch_1", batch(data=CALLS[name]))
    with pytest.raises(Mistake, match=r"no batch of CIFAR|cannot be read as a batch"):
        open_data(str(path.parent), Prepare(), print, cache=tmp_path / "cache")


def test_arrays_beyond_a_limit_are_unpacked_onto_the_disk_and_leave_nothing_there(tmp_path, monkeypatch):
    monkeypatch.setattr("saddle.data.readers.unpacking.BYTES_IN_MEMORY", 1000)
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))
    pixels = noise(40, 16, 16)
    packed = {"a.npz": npz(images=np.asfortranarray(pixels)), "x-images-idx3-ubyte.gz": gzip.compress(idx(pixels))}
    for name, content in packed.items():
        data = open_data(str(put(tmp_path, name, content)), Prepare(), print)
        assert np.array_equal(data.samples[..., 0], pixels)
    assert {path.suffix for path in (tmp_path / "cache").rglob("*.*")} == {".npy", ".json"}


def test_a_flipped_bit_in_a_packed_array_is_a_sentence(tmp_path):
    whole = bytearray(npz(images=noise(40, 16, 16)))
    whole[5000] ^= 1
    with pytest.raises(Mistake, match="no array of numbers that can be read"):
        open_data(str(put(tmp_path, "a.npz", whole)), Prepare(), print, cache=tmp_path / "cache")


def test_foreign_names_are_told_and_can_be_named(tmp_path):
    faces, said = noise(6, 8, 8, 3), []
    several = put(tmp_path, "a.npz", npz(faces=faces, masks=noise(6, 8, 8), who=np.arange(6)))
    with pytest.raises(Mistake, match=r"are faces \(\(6, 8, 8, 3\) uint8\), masks .*, who .*, as in .*a.npz:faces"):
        open_data(str(several), Prepare(), print, cache=tmp_path / "cache")
    data = open_data(f"{several}:faces", Prepare(), said.append, cache=tmp_path / "cache")
    assert np.array_equal(data.samples, faces) and data.labels is None
    assert said == [f"{several}: who, with a row for each picture, is not taken for classes; an array called labels is"]
    said.clear()
    single = put(tmp_path, "b.npz", npz(faces=faces, labels=np.array(["cat", "dog"] * 3)))
    data = open_data(str(single), Prepare(), said.append, cache=tmp_path / "cache")
    assert np.array_equal(data.samples, faces) and len(said) == 1 and "faces" in said[0]
    assert data.classes == ("cat", "dog") and data.labels.tolist() == [0, 1] * 3


def test_the_memory_of_reading_an_array_does_not_grow_with_it(tmp_path):
    """Floats, mapped: 16 times as many cost no more."""
    peaks = []
    for count in (400, 6400):
        np.save(tmp_path / f"{count}.npy", np.random.default_rng(0).random((count, 32, 32), np.float32))
        tracemalloc.start()
        open_data(str(tmp_path / f"{count}.npy"), Prepare(), lambda sentence: None, cache=tmp_path / "cache")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 20_000_000, peaks
