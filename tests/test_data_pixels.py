"""Every kind of picture becomes the right pixels."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from data_files import noise, save, smooth
from saddle.data import Prepare, open_data
from saddle.data.decoding.decode import decode_images
from saddle.data.decoding.pixels import to_channels, to_sample_pixels, to_size
from saddle.data.decoding.ranges import InferredBands
from saddle.data.readers.image_formats import open_image
from saddle.data.sources import find_source
from saddle.errors import Mistake
from saddle.image_size import ImageSize


def read(path, channels, size=None, crop="centre"):
    with open_image(path) as image:
        return to_sample_pixels(image, size and ImageSize(size, size), crop, channels)


RGB, GREY, RGBA = noise(8, 12, 3), noise(8, 12), noise(8, 12, 4)


def white(rgba):
    alpha = rgba[..., 3:].astype(float) / 255
    return rgba[..., :3] * alpha + 255 * (1 - alpha)


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp"])
def test_lossless_colour_is_exact(tmp_path, ending):
    options = {"lossless": True} if ending == "webp" else {}
    assert np.array_equal(read(save(tmp_path / f"a.{ending}", RGB, **options), 3), RGB)


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "gif"])
def test_lossless_grey_is_exact_in_one_channel_and_in_three(tmp_path, ending):
    path = save(tmp_path / f"a.{ending}", GREY)
    assert np.array_equal(read(path, 1), GREY[..., None])
    assert np.array_equal(read(path, 3), np.repeat(GREY[..., None], 3, axis=2))


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_transparency_is_kept_in_four_channels_and_shown_on_white_in_three(tmp_path, ending):
    path = save(tmp_path / f"a.{ending}", RGBA)
    assert np.array_equal(read(path, 4), RGBA)
    assert np.abs(read(path, 3) - white(RGBA)).max() <= 1
    assert np.array_equal(read(save(tmp_path / "b.png", RGB), 4)[..., 3], np.full((8, 12), 255))


def test_grey_with_transparency_is_shown_on_white(tmp_path):
    path = save(tmp_path / "a.png", np.stack([GREY, RGBA[..., 3]], axis=-1))
    expected = white(np.dstack([GREY, GREY, GREY, RGBA[..., 3]]))
    assert np.abs(read(path, 1) - expected[..., :1]).max() <= 1


@pytest.mark.parametrize("ending", ["png", "gif", "bmp", "tiff"])
def test_palettes_become_their_colours(tmp_path, ending):
    few = RGB // 128 * 255
    Image.fromarray(few).quantize(8).save(tmp_path / f"a.{ending}")
    assert np.array_equal(read(tmp_path / f"a.{ending}", 3), few)


def test_a_transparent_colour_of_a_palette_is_white(tmp_path):
    image = Image.fromarray(GREY % 4).convert("P")
    image.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200, 9, 9, 9])
    image.save(tmp_path / "a.png", transparency=3)
    table = np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200], [255, 255, 255]])
    assert np.array_equal(read(tmp_path / "a.png", 3), table[GREY % 4])


def test_sixteen_bits_become_eight_by_proportion(tmp_path):
    deep = np.linspace(0, 65535, 96).round().astype(np.uint16).reshape(8, 12)
    expected = np.rint(deep / 257.0)
    for ending in ("png", "tiff"):
        assert np.array_equal(read(save(tmp_path / f"a.{ending}", deep), 1)[..., 0], expected)
    (tmp_path / "rgb.png").write_bytes(png16(RGB * np.uint16(257)))
    assert np.array_equal(read(tmp_path / "rgb.png", 3), RGB)


def png16(pixels):
    """A PNG of 16 bits and three colours, which Pillow reads but does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def test_black_and_white_and_print_colours(tmp_path):
    Image.fromarray(GREY > 128).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png", 1)[..., 0], np.where(GREY > 128, 255, 0))
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # no cyan: red
    cmyk.save(tmp_path / "a.tiff")
    cmyk.save(tmp_path / "a.jpg", quality=100)
    for name in ("a.tiff", "a.jpg"):
        assert np.abs(read(tmp_path / name, 3).astype(int) - (255, 0, 0)).max() <= 2


def test_numbers_without_a_range_are_refused(tmp_path):
    save(tmp_path / "a.tiff", noise(8, 8).astype(np.float32))
    with pytest.raises(Mistake, match="no known range"):
        read(tmp_path / "a.tiff", 1)


TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("ending", ["png", "webp", "tiff"])
def test_pictures_stand_upright(tmp_path, orientation, ending):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if ending == "webp" else {}
    for i in range(2):
        save(tmp_path / f"{i}.{ending}", RGB, exif=exif, **options)
    data = open_data(str(tmp_path), Prepare(), print, cache=tmp_path / "cache")
    assert np.array_equal(data.samples[0], TURNS[orientation](RGB))


def test_a_turned_photograph_is_turned_after_its_fast_reading(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = smooth(512, 512)
    small = read(save(tmp_path / "a.jpg", photo, exif=exif, quality=95), 3, size=32)
    expected = np.asarray(Image.fromarray(TURNS[6](photo)).resize((32, 32), Image.Resampling.LANCZOS))
    assert np.abs(small.astype(int) - expected).mean() < 2


def test_downsizing_is_antialiased():
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    small = np.asarray(to_size(Image.fromarray(stripes), ImageSize(16, 16), "centre"))
    assert np.abs(small.astype(int) - 128).max() < 12  # without it, stripes or plain black and white


def test_crops():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = (255, 0, 0)
    wide[:, 20:] = (0, 0, 255)
    image = Image.fromarray(wide)
    assert np.array_equal(np.asarray(to_size(image, ImageSize(10, 10), "centre")), wide[:, 10:20])
    padded = np.asarray(to_size(image, ImageSize(30, 30), "pad"))
    assert np.array_equal(padded[10:20], wide) and (padded[:10] == 255).all() and (padded[20:] == 255).all()
    stretched = np.asarray(to_size(image, ImageSize(30, 30), "stretch"))
    assert (stretched[:, 12:18] == (255, 0, 0)).all() and (stretched[:, 2:8] == 0).all()
    see_through = np.asarray(to_size(image.convert("RGBA"), ImageSize(30, 30), "pad"))
    assert (see_through[:10, :, 3] == 0).all() and (see_through[10:20, :, 3] == 255).all()


def test_a_pad_is_a_frame_and_enlarges_nothing():
    """Digits of 28 pixels keep every pixel at 32, and what is around them is their own black."""
    digits = np.pad(noise(5, 20, 20), ((0, 0), (4, 4), (4, 4)))
    digits[4, 0, :9] = 255  # one touches its edge, as some do
    for digit in digits:
        framed = np.asarray(to_size(Image.fromarray(digit), ImageSize(32, 32), "pad"))
        assert np.array_equal(framed, np.pad(digit, 2))
    photo = noise(6, 10, 3)
    assert np.array_equal(np.asarray(to_size(Image.fromarray(photo), ImageSize(12, 12), "pad"))[3:9, 1:11], photo)
    assert (np.asarray(to_size(Image.fromarray(photo), ImageSize(12, 12), "pad"))[:3] == 255).all()


@pytest.mark.parametrize("size", [(3000, 1), (1, 3000), (3000, 7), (2, 65), (65, 2), (5000, 10)])
def test_a_very_long_picture_is_a_line_in_its_frame_and_not_nothing(size):
    framed = np.asarray(to_size(Image.fromarray(noise(size[1], size[0], 3) // 2), ImageSize(32, 32), "pad"))
    assert framed.shape == (32, 32, 3) and (framed != 255).any()
    assert (framed == 255).all(axis=2).mean() > 0.9


def test_other_crops_have_other_fingerprints_where_their_pixels_differ(tmp_path):
    np.save(tmp_path / "a.npy", np.pad(noise(5, 20, 20), ((0, 0), (4, 4), (4, 4))))
    prints = {
        crop: open_data(str(tmp_path / "a.npy"), Prepare(size=32, crop=crop), print, cache=tmp_path / "c").fingerprint
        for crop in ("centre", "pad", "stretch")
    }
    assert prints["centre"] == prints["stretch"] != prints["pad"]


def test_blocks_of_large_pictures_are_small(tmp_path):
    """However many cores read ahead, what waits is counted in bytes."""
    for i in range(9):
        save(tmp_path / f"{i}.png", smooth(1100, 1000, seed=i))
    pile = find_source(str(tmp_path), Prepare()).open(print)
    _, blocks = decode_images(pile, Prepare(), InferredBands(pile, Prepare(), print))
    assert [len(block.places) for block in blocks] == [1] * 9
    _, blocks = decode_images(pile, Prepare(size=32), InferredBands(pile, Prepare(size=32), print))
    assert [len(block.places) for block in blocks] == [9]


def test_a_picture_of_the_right_size_is_left_alone():
    for crop in ("centre", "pad", "stretch", "random"):
        assert np.array_equal(np.asarray(to_size(Image.fromarray(RGB[:8, :8]), ImageSize(8, 8), crop)), RGB[:8, :8])


def test_grey_is_the_light_of_the_colours():
    assert np.array_equal(
        np.asarray(to_channels(Image.fromarray(RGB), 1)), np.asarray(Image.fromarray(RGB).convert("L"))
    )


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"size": 1}, "size"),
        ({"crop": "center"}, "centre"),
        ({"channels": 2}, "channels"),
        ({"limit": 1}, "limit"),
        ({"crop": "random"}, "size"),
    ],
)
def test_impossible_options_are_refused(options, word):
    with pytest.raises(Mistake, match=word):
        Prepare(**options)
