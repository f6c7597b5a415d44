"""Which numbers are black and white, and what a fourth band is: decided from the values, said, or asked for."""

import struct

import numpy as np
import pytest
from PIL import Image

from data_files import noise, save
from saddle.data import Prepare, examine, open_data
from saddle.errors import Mistake
from test_data_pixels import png16

PIXELS = noise(6, 8, 8)
PIXELS[0, 0, :2] = (0, 255)
STEPS = PIXELS % 5
STEPS[0, 0, :2] = (0, 4)
TRUE = (PIXELS > 127).astype(np.uint8)


@pytest.fixture
def read(tmp_path):
    def open_(source, **options):
        said = []
        data = open_data(str(source), Prepare(**options), said.append, cache=tmp_path / "cache")
        return data.samples[..., 0] if data.shape.channels == 1 else data.samples, said

    return open_


def deep(bits):
    """The pixels in so many bits; scaled back to 8 they are the same."""
    return np.rint(PIXELS.astype(np.float64) * ((1 << bits) - 1) / 255).astype(np.uint16)


ARRAYS = {
    "8 bits": (PIXELS, PIXELS, ""),
    "16 bits": (PIXELS * np.uint16(257), PIXELS, ""),
    "8 bits in 16": (PIXELS.astype(np.uint16), PIXELS, "[0, 255]"),
    "8 bits in 32": (PIXELS.astype(np.uint32), PIXELS, "[0, 255]"),
    "10 bits in 16": (deep(10), PIXELS, "[0, 1023]"),
    "12 bits in 16": (deep(12), PIXELS, "[0, 4095]"),
    "12 bits in signed 16": (deep(12).astype(np.int16), PIXELS, "[0, 4095]"),
    "12 bits, big-endian": (deep(12).astype(">u2"), PIXELS, "[0, 4095]"),
    "12 bits as floats": (deep(12).astype(np.float32), PIXELS, "[0, 4095]"),
    "14 bits in 64": (deep(14).astype(np.int64), PIXELS, "[0, 16383]"),
    "16 bits in 32": (PIXELS * np.uint32(257), PIXELS, "[0, 65535]"),
    "bytes less 128": ((PIXELS.astype(np.int16) - 128).astype(np.int8), PIXELS, "[-128, 127]"),
    "7 bits": ((PIXELS >> 1).astype(np.int8), np.rint((PIXELS >> 1) * (255 / 127)).astype(np.uint8), "[0, 127]"),
    "0 and 1": (TRUE, TRUE * 255, "[0, 1]"),
    "0 and 1 in 64 bits": (TRUE.astype(np.int64), TRUE * 255, "[0, 1]"),
    "0 and 1 as floats": (TRUE.astype(np.float64), TRUE * 255, "[0, 1]"),
    "yes and no": (TRUE.astype(bool), TRUE * 255, ""),
    "-1 and 1": (TRUE.astype(np.int8) * 2 - 1, TRUE * 255, "[-1, 1]"),
    "masks of five": (STEPS, np.rint(STEPS * 63.75).astype(np.uint8), "[0, 4]"),
    "masks as floats": (STEPS.astype(np.float32), np.rint(STEPS * 63.75).astype(np.uint8), "[0, 4]"),
    "floats to 1": (PIXELS / 255, PIXELS, "[0, 1]"),
    "floats from -1": (PIXELS / 127.5 - 1, PIXELS, "[-1, 1]"),
    "floats to 255": (PIXELS * 0.999, np.rint(PIXELS * 0.999).astype(np.uint8), "[0, 255]"),
    "all zero": (PIXELS * 0, PIXELS * 0, ""),
    "in columns": (np.asfortranarray(deep(12)), PIXELS, "[0, 4095]"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_every_range_come_out_as_what_they_show(read, tmp_path, name):
    array, expected, range_ = ARRAYS[name]
    np.save(tmp_path / "a.npy", array)
    samples, said = read(tmp_path / "a.npy")
    assert np.array_equal(samples, expected)
    assert len(said) == bool(range_) and all(range_ in sentence and "--range" in sentence for sentence in said)


def test_numbers_that_fill_little_of_their_range_are_said(read, tmp_path):
    for name, array, words in (
        ("maps", PIXELS // 3, "0..85"),
        ("deep", deep(15), "0..32767"),
        ("half", PIXELS // 2 + 5, ""),
    ):
        np.save(tmp_path / f"{name}.npy", array)
        samples, said = read(tmp_path / f"{name}.npy")
        assert len(said) == bool(words) and (not words or (f"--range {words}" in said[0] and samples.max() < 128))
        if words:
            assert read(tmp_path / f"{name}.npy", range=words)[0].max() == 255


REFUSED = {
    "complex": (PIXELS * (1 + 1j), "complex128 numbers, of which a part would be lost"),
    "nan": (np.where(PIXELS > 250, np.nan, PIXELS), "NaN or infinite"),
    "infinite": (np.where(PIXELS > 250, np.inf, PIXELS).astype(np.float16), "NaN or infinite"),
    "scan": (PIXELS.astype(np.int16) * 16 - 1024, r"from -1024 to 3056.*--range=-1024..3056 takes its ends"),
    "normed": (PIXELS / 50.0 - 2.5, "from -2.5 to 2.6.*cannot be told; --range=-2.5..2.6"),
    "dark": (PIXELS / 25.5, "from 0 to 10.*cannot be told"),
    "large": (PIXELS.astype(np.uint64) * 10**12, "cannot be told"),
    "words": (PIXELS.astype("S3"), "holds .S3, which are no pixels"),
    "times": (PIXELS.astype("M8[s]"), "no numbers of one kind"),
    "fields": (np.zeros((3, 8, 8), [("r", "u1"), ("g", "u1")]), "no numbers of one kind"),
    "one number": (np.full((3, 8, 8), 10**6), r"told; --range=LOW..HIGH says it"),
    "no height": (np.zeros((4, 0, 8), np.uint8), "its pictures have no pixels"),
    "objects": (np.full((3, 8, 8), None), "Python objects"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_numbers_that_cannot_be_pixels_are_refused_in_a_sentence(read, tmp_path, name):
    array, sentence = REFUSED[name]
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(Mistake, match=sentence):
        read(tmp_path / "a.npy")


def test_an_option_decides_otherwise_and_has_an_entry_and_a_fingerprint_of_its_own(tmp_path, read):
    np.save(tmp_path / "a.npy", STEPS)
    assert np.array_equal(read(tmp_path / "a.npy", range="0..255")[0], STEPS)
    samples, said = read(tmp_path / "a.npy", range="-2..2")
    assert np.array_equal(samples, np.rint((STEPS.clip(0, 2) + 2) * 63.75).astype(np.uint8))
    assert len(said) == 1 and "from 0 to 4: what lies outside [-2, 2] is cut off" in said[0]
    prints = {
        open_data(str(tmp_path / "a.npy"), Prepare(range=r), print, cache=tmp_path / "cache").fingerprint
        for r in (None, "0..255", "0..4", "-2..2")
    }
    assert len(prints) == 3
    scan = PIXELS.astype(np.int16) * 16 - 1024
    np.save(tmp_path / "scan.npy", scan)
    assert np.array_equal(read(tmp_path / "scan.npy", range="-1024..3056")[0], PIXELS)


@pytest.mark.parametrize("text", ["", "0", "0-255", "255..0", "1..1", "a..b", "nan..1", "0..inf", "..", "0..1..2"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(Mistake, match=r"as in 0..255 or -1..1"):
        Prepare(range=text)


def files(folder, pixels, ending):
    for i, one in enumerate(pixels):
        save(folder / f"{i}.{ending}", one)
    return folder


PICTURES = {
    "8 bits": (PIXELS, "png", PIXELS, ""),
    "16 bits": (PIXELS * np.uint16(257), "png", PIXELS, ""),
    "8 bits in 16": (PIXELS.astype(np.uint16), "png", PIXELS, "[0, 255]"),
    "12 bits in 16": (deep(12), "png", PIXELS, "[0, 4095]"),
    "12 bits in 16, tiff": (deep(12), "tiff", PIXELS, "[0, 4095]"),
    "0 and 1": (TRUE, "png", TRUE * 255, "[0, 1]"),
    "0 and 1 in colour": (np.stack([TRUE] * 3, 3), "png", np.stack([TRUE] * 3, 3) * 255, "[0, 1]"),
    "masks of five": (STEPS, "bmp", np.rint(STEPS * 63.75).astype(np.uint8), "[0, 4]"),
    "masks of five in 16": (STEPS.astype(np.uint16), "tiff", np.rint(STEPS * 63.75).astype(np.uint8), "[0, 4]"),
    "32 bits": (PIXELS.astype(np.int32), "tiff", PIXELS, "[0, 255]"),
    "floats to 1": ((PIXELS / 255).astype(np.float32), "tiff", PIXELS, "[0, 1]"),
    "floats from -1": ((PIXELS / 127.5 - 1).astype(np.float32), "tiff", PIXELS, "[-1, 1]"),
    "two values": (TRUE.astype(bool), "png", TRUE * 255, ""),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_every_range_come_out_as_what_they_show(read, tmp_path, name):
    pixels, ending, expected, range_ = PICTURES[name]
    samples, said = read(files(tmp_path / "in", pixels, ending))
    assert np.array_equal(samples, expected)
    assert len(said) == bool(range_) and all(range_ in sentence and "--range" in sentence for sentence in said)


def test_one_bright_picture_among_dark_ones_makes_none_of_them_a_mask(read, tmp_path):
    pixels = np.concatenate([TRUE[:5], PIXELS[:1]])
    samples, said = read(files(tmp_path / "in", pixels, "png"))
    assert np.array_equal(samples, pixels) and said == []


@pytest.mark.parametrize("ending", ["png", "npy"])
def test_maps_of_many_classes_are_remarked_on_and_photographs_are_not(read, tmp_path, ending):
    classes = np.kron(np.linspace(0, 150, 6 * 9).astype(np.uint8).reshape(6, 3, 3), np.ones((8, 8), np.uint8))
    photographs = noise(6, 24, 24) // 2 + 100  # which reach 227
    flat = np.kron(PIXELS[:, :3, :3], np.ones((8, 8), np.uint8))  # as drawings are
    flat[:, 0, 0] = 255
    for name, pixels, most in (("maps", classes, 150), ("photos", photographs, 0), ("drawings", flat, 0)):
        place = files(tmp_path / name, pixels, ending) if ending == "png" else tmp_path / f"{name}.npy"
        if ending == "npy":
            np.save(place, pixels)
        samples, said = read(place)
        assert np.array_equal(samples[..., 0] if samples.ndim == 4 else samples, pixels)
        assert [s for s in said if "like numbers of classes" in s and f"--range 0..{most}" in s] == said
        assert len(said) == bool(most)
    samples, said = read(tmp_path / ("maps" if ending == "png" else "maps.npy"), range="0..150")
    assert samples.max() == 255 and said == []


def test_masks_are_stretched_before_they_are_made_smaller(read, tmp_path):
    files(tmp_path / "in", np.kron(TRUE, np.ones((4, 4), np.uint8)), "png")
    assert len(np.unique(read(tmp_path / "in", size=12)[0])) > 50
    assert read(tmp_path / "in", size=12, range="0..255")[0].max() <= 1


def test_one_depth_beside_another_has_its_own_range(read, tmp_path):
    files(tmp_path / "in", PIXELS, "png")
    files(tmp_path / "in", deep(12), "tiff")
    samples, said = read(tmp_path / "in")
    assert np.array_equal(samples, np.repeat(PIXELS, 2, axis=0)) and len(said) == 1 and "16 bits" in said[0]


CLEAR = np.where(noise(6, 8, 8, seed=3) > 99, 255, 0).astype(np.uint8)
COLOURS = noise(6, 8, 8, 3, seed=4)


def on_white(colours, alpha):
    rgba = [Image.fromarray(np.dstack([c, a])) for c, a in zip(colours, alpha, strict=True)]
    return np.stack(
        [np.asarray(Image.alpha_composite(Image.new("RGBA", i.size, "white"), i).convert("RGB")) for i in rgba]
    )


@pytest.mark.parametrize("kind", ["npy", "png", "tiff"])
def test_a_fourth_band_is_transparency_where_it_looks_so_and_else_is_left_out(read, tmp_path, kind):
    for name, band, expected, words in (
        ("clear", CLEAR, on_white(COLOURS, CLEAR), 0),
        ("unfilled", CLEAR * 0, COLOURS, 1),
        ("half", CLEAR * 0 + 128, on_white(COLOURS, CLEAR * 0 + 128), 0),
        ("near infrared", PIXELS, COLOURS, 1),
    ):
        pixels = np.concatenate([COLOURS, band[..., None]], 3)
        if kind == "npy":
            np.save(place := tmp_path / f"{name}.npy", pixels)
        else:
            place = files(tmp_path / name, pixels, kind)
        samples, said = read(place)
        assert np.array_equal(samples, expected) and len(said) == words
        assert all("--alpha yes" in sentence and "--channels 4" in sentence for sentence in said)
        assert np.array_equal(read(place, alpha="yes")[0], on_white(COLOURS, band))
        assert np.array_equal(read(place, alpha="no")[0], COLOURS)
        assert np.array_equal(read(place, channels=4)[0], pixels)


def test_a_fourth_band_of_its_own_leaves_the_others_as_they_are_when_they_are_made_smaller(read, tmp_path):
    band = PIXELS.copy()
    band[:, :4] = 0  # as transparency it would blot out the upper half
    np.save(tmp_path / "a.npy", np.concatenate([COLOURS, band[..., None]], 3))
    np.save(tmp_path / "rgb.npy", COLOURS)
    four, _ = read(tmp_path / "a.npy", size=4, channels=4, alpha="no")
    assert np.array_equal(four[..., :3], read(tmp_path / "rgb.npy", size=4)[0]) and four[..., 3].max() > 0


def tiff16(pixels, order):
    """A TIFF of 16 bits and three colours, which Pillow reads but does not write."""
    height, width, _ = pixels.shape
    tags = [(256, width), (257, height), (258, 122), (259, 1), (262, 2), (273, 128), (277, 3), (278, height)]
    entries = [struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags if tag != 258]
    entries.append(struct.pack(order + "HHII", 258, 3, 3, 122))
    entries.append(struct.pack(order + "HHII", 279, 4, 1, pixels.size * 2))
    mark = {"<": b"II", ">": b"MM"}[order]
    head = mark + struct.pack(order + "HIH", 42, 8, len(entries)) + b"".join(sorted(entries)) + bytes(4)
    bits = struct.pack(order + "HHH", 16, 16, 16)
    return head.ljust(122, b"\0") + bits + pixels.astype(order + "u2").tobytes()


@pytest.mark.parametrize("kind", ["png", "little tiff", "big tiff"])
@pytest.mark.parametrize(("bits", "range_"), [(8, "[0, 255]"), (12, "[0, 4095]"), (16, "")])
def test_colours_of_16_bits_are_read_whole(read, tmp_path, kind, bits, range_):
    deep = np.rint(COLOURS.astype(np.float64) * ((1 << bits) - 1) / 255).astype(np.uint16)
    deep[0, 0, 0] = (1 << bits) - 1
    (tmp_path / "in").mkdir()
    for i, one in enumerate(deep):
        file = tmp_path / f"in/{i}.{kind[-4:].strip()}"
        file.write_bytes(png16(one) if kind == "png" else tiff16(one, "<" if kind == "little tiff" else ">"))
    samples, said = read(tmp_path / "in")
    assert np.array_equal(samples, np.rint(deep * (255 / ((1 << bits) - 1))).astype(np.uint8))
    assert len(said) == bool(range_) and all(range_ in sentence for sentence in said)


def test_the_doctor_sees_what_a_training_would(tmp_path):
    said = []
    report = examine(str(files(tmp_path / "in", deep(12), "png")), Prepare(), said.append)
    assert not report.blank and not report.unreadable and len(said) == 1 and "[0, 4095]" in said[0]
    said.clear()
    four = np.concatenate([COLOURS, PIXELS[..., None]], 3)
    assert examine(str(files(tmp_path / "four", four, "png")), Prepare(), said.append).clear == 0 and len(said) == 1
