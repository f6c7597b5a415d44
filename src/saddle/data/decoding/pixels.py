"""From the bytes of a picture to the pixels of a sample: upright, in the right channels, in the right size."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ...errors import Mistake
from ...image_size import ImageSize
from ..prepare import Crop
from .levels import BYTE_LEVELS, Levels, ValueExtent
from .sixteen_bit import read_16bit, sixteen_bit_mode

PixelArray = NDArray[np.uint8]
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N", "F")
ORIENTATION_TAG = 0x0112
TURNED_ORIENTATIONS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
CHANNEL_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
RESAMPLING = Image.Resampling.LANCZOS
DEPTH_OF_MODE = {"I": "32", "F": "float", "L": "8", "LA": "8", "RGB": "8", "RGBA": "8"}  # depths that have a range
MAX_BORDER_SPREAD, MIN_BORDER_SHARE = (
    8,
    0.75,
)  # outermost pixels within so many levels of their middle, and as many of them, are a ground


class BandMeaning:
    """What the numbers in a picture mean: here what their kind says, whatever their values."""

    def levels(self, kind: str) -> Levels:
        """The range of a depth (see `depth`); raises Mistake where it is not known."""
        if kind not in ("8", "16"):
            raise Mistake(f"its pixels ({'floats' if kind == 'float' else '32-bit integers'}) have no known range")
        return BYTE_LEVELS if kind == "8" else Levels(0, 65535)

    def has_alpha(self) -> bool:
        """Is a fourth band transparency?"""
        return True


DEFAULT_BANDS = BandMeaning()


class EightBitBands(BandMeaning):
    """Of a picture whose range has been stretched to 8 bits already."""

    def __init__(self, before: BandMeaning) -> None:
        self.before = before

    def has_alpha(self) -> bool:
        return self.before.has_alpha()


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Inside, a picture that would unpack to a dangerous size is an error, and nothing else about pictures is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def describe_error(error: Exception) -> str:
    """Why a picture cannot be read, in words that follow its name."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no picture that can be read"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"it would unpack to more than the {Image.MAX_IMAGE_PIXELS or 0:,} pixels that are safe to read"
    if "truncated" in str(error).lower():
        return "it is truncated"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error) if isinstance(error, Mistake) else f"it is broken ({error or type(error).__name__})"


def read_outline(image: Image.Image) -> tuple[int, int, bool]:
    """(width, height, grey) of a picture as it stands upright, without reading its pixels where that is possible."""
    width, height = image.size
    if image.format == "TIFF" and image.getexif().get(ORIENTATION_TAG) in TURNED_ORIENTATIONS:
        width, height = ImageOps.exif_transpose(image).size  # some versions of Pillow have turned the size already
    elif not is_upright(image):
        width, height = height, width
    return width, height, image.mode in GREY_MODES and image.palette is None


def is_upright(image: Image.Image) -> bool:
    """Does it stand, or lie, as it is shown? Not for TIFFs, which some versions of Pillow turn themselves."""
    return image.info.get("exif") is None or image.getexif().get(ORIENTATION_TAG) not in TURNED_ORIENTATIONS


def pixel_depth(image: Image.Image) -> str:
    """8, 16, 32 or float for a picture of numbers; nothing for one of a palette, of two values or of print colours."""
    if (
        image.mode.startswith("I;16")
        or (image.mode == "I" and image.format in ("PNG", "PPM"))
        or sixteen_bit_mode(image)
    ):
        return "16"
    return DEPTH_OF_MODE.get(image.mode, "")


def pixel_numbers(image: Image.Image) -> NDArray[np.generic]:
    """A picture's numbers without those of its transparency."""
    numbers = read_16bit(image) if sixteen_bit_mode(image) else np.asarray(image)
    return numbers[..., :-1] if image.mode in ("LA", "RGBA") else numbers


def reduce_to_8bit(image: Image.Image, bands: BandMeaning) -> Image.Image:
    """A picture of 16-bit colours, upright, in 8 bits."""
    numbers, clear = read_16bit(image), image.mode in ("LA", "RGBA")
    colours = bands.levels("16").to_uint8(numbers[..., :-1] if clear else numbers)
    if not clear:
        return Image.fromarray(colours)
    alpha = DEFAULT_BANDS.levels("16").to_uint8(numbers[..., -1:])
    return Image.fromarray(np.ascontiguousarray(np.concatenate([colours, alpha], axis=2)))


def to_upright(image: Image.Image, bands: BandMeaning) -> tuple[Image.Image, BandMeaning]:
    """The picture as it stands, in 8 bits, and what is left to know of its bands."""
    if sixteen_bit_mode(image):
        return reduce_to_8bit(image, bands), EightBitBands(bands)
    ImageOps.exif_transpose(image, in_place=True)
    return to_8bit(image, bands), EightBitBands(bands)


def to_8bit(image: Image.Image, bands: BandMeaning) -> Image.Image:
    """A picture in 8 bits, its range stretched to all of them; raises Mistake for numbers without a known range."""
    kind = pixel_depth(image)
    levels = bands.levels(kind) if kind else BYTE_LEVELS
    if kind == "8":
        return image if levels == BYTE_LEVELS else stretch_levels(image, levels)
    if not kind:
        return image
    wide = np.asarray(image)
    ValueExtent.of(wide)
    return Image.fromarray(levels.to_uint8(wide))


def stretch_levels(image: Image.Image, levels: Levels) -> Image.Image:
    """A picture of 8 bits with another range; its transparency stays."""
    names = image.getbands()
    table, same = levels.to_uint8(np.arange(256)).tolist(), list(range(256))
    return image.point([n for name in names for n in (same if name == "A" else table)])


def to_channels(image: Image.Image, channels: int, bands: BandMeaning = DEFAULT_BANDS) -> Image.Image:
    """The picture in 1, 3 or 4 channels; where there are to be fewer than 4, what is transparent shows white."""
    image = to_8bit(image, bands)
    if image.mode == "RGBA" and not bands.has_alpha():
        if channels == 4:
            return Image.merge("CMYK", image.split())  # any four bands: of RGBA Pillow mixes three with the fourth
        image = image.convert("RGB")
    if image.has_transparency_data and channels < 4:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == CHANNEL_MODES[channels] else image.convert(CHANNEL_MODES[channels])


def to_size(image: Image.Image, size: ImageSize, crop: Crop) -> Image.Image:
    """The picture in this size, antialiased; `random` and `centre` keep its middle, as much as has this form."""
    width, height = image.size
    if (height, width) == size:
        return image
    if crop == "stretch":
        return image.resize((size.width, size.height), RESAMPLING)
    if crop == "pad":
        return pad_to_size(image, size)
    part = min(width, height * size.width / size.height), min(height, width * size.height / size.width)
    left, top = (width - part[0]) / 2, (height - part[1]) / 2
    return image.resize((size.width, size.height), RESAMPLING, box=(left, top, left + part[0], top + part[1]))


def pad_to_size(image: Image.Image, size: ImageSize) -> Image.Image:
    """The whole picture in the middle of this size, made smaller where it must be and never larger.

    The frame goes on with the picture's ground, where most of its outermost pixels are alike, and else is white.
    """
    frame = Image.new(image.mode, (size.width, size.height), border_colour(image))
    width, height = image.size
    if width > size.width or height > size.height:
        tall = height * size.width > width * size.height  # for this frame: the height decides
        whole, room = (height, size.height) if tall else (width, size.width)
        image = image.resize((max(1, round(width / whole * room)), max(1, round(height / whole * room))), RESAMPLING)
    frame.paste(image, (round((size.width - image.width) / 2), round((size.height - image.height) / 2)))
    return frame


def border_colour(image: Image.Image) -> tuple[int, ...]:
    """The colour that most outermost pixels of the picture have; else white, transparent if there is transparency."""
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    middle = np.median(rim, axis=0).astype(int)
    if (abs(rim - middle).max(axis=1) <= MAX_BORDER_SPREAD).mean() >= MIN_BORDER_SHARE:
        return tuple(middle.tolist())
    return (255, 255, 255, 0) if image.mode == "RGBA" else (255,) * pixels.shape[2]


def to_sample_pixels(
    image: Image.Image, size: ImageSize | None, crop: Crop, channels: int, bands: BandMeaning = DEFAULT_BANDS
) -> PixelArray:
    """The pixels of a sample, (height, width, channels) uint8."""
    if size is not None and image.format == "JPEG":
        height, width = size if is_upright(image) else size[::-1]
        image.draft(None, (2 * width, 2 * height))  # large photographs are read at a fraction of their size
    image, bands = to_upright(image, bands)
    image = to_channels(image, channels, bands)
    if size is not None:
        image = to_size(image, size, crop)
    pixels = np.asarray(image)
    return pixels[:, :, None] if channels == 1 else pixels
