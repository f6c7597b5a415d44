"""From the bytes of a picture to the pixels of a sample: upright, in the right channels, in the right size."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import Mistake
from .prepare import Crop

Pixels = NDArray[np.uint8]
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")  # no others: some of Pillow's readers start programs
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
ORIENTATION = 0x0112
TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
SMOOTH = Image.Resampling.LANCZOS


def opened(source: Path | BinaryIO) -> Image.Image:
    """The picture, its header read and its pixels not yet; to be used in a `with`."""
    return Image.open(source, formats=FORMATS)


@contextmanager
def strict() -> Iterator[None]:
    """Inside, a picture that would unpack to a dangerous size is an error, and nothing else about pictures is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def reason(error: Exception) -> str:
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


def outline(image: Image.Image) -> tuple[int, int, bool]:
    """(width, height, grey) of a picture as it stands upright, without reading its pixels where that is possible."""
    width, height = image.size
    if image.format == "TIFF" and image.getexif().get(ORIENTATION) in TURNED:
        width, height = ImageOps.exif_transpose(image).size  # some versions of Pillow have turned the size already
    elif image.info.get("exif") is not None and image.getexif().get(ORIENTATION) in TURNED:
        width, height = height, width
    return width, height, image.mode in GREY and image.palette is None


def eight(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits in 8: 65535 becomes 255; raises Mistake for numbers without a known range."""
    known = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
    if not known:
        raise Mistake(f"its pixels ({'floats' if image.mode == 'F' else '32-bit integers'}) have no known range")
    wide = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((wide + 128) // 257).astype(np.uint8))


def coloured(image: Image.Image, channels: int) -> Image.Image:
    """The picture in 1, 3 or 4 channels; where there are to be fewer than 4, what is transparent shows white."""
    if image.mode[0] in "IF":
        image = eight(image)
    if image.has_transparency_data and channels < 4:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == MODES[channels] else image.convert(MODES[channels])


def squared(image: Image.Image, size: int, crop: Crop) -> Image.Image:
    """The picture as a square of this side, antialiased; `random` and `centre` keep the middle."""
    width, height = image.size
    if (width, height) == (size, size):
        return image
    if crop == "stretch":
        return image.resize((size, size), SMOOTH)
    if crop == "pad":
        blank = (255, 255, 255, 0) if image.mode == "RGBA" else "white"
        return ImageOps.pad(image, (size, size), SMOOTH, color=blank)
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return image.resize((size, size), SMOOTH, box=(left, top, left + side, top + side))


def fitted(image: Image.Image, size: int | None, crop: Crop, channels: int) -> Pixels:
    """The pixels of a sample, (height, width, channels) uint8."""
    if size is not None and image.format == "JPEG":
        image.draft(None, (2 * size, 2 * size))  # large photographs are read at a fraction of their size
    ImageOps.exif_transpose(image, in_place=True)
    image = coloured(image, channels)
    if size is not None:
        image = squared(image, size, crop)
    pixels = np.asarray(image)
    return pixels[:, :, None] if channels == 1 else pixels
