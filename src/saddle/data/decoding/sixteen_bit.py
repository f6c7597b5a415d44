"""Colours of 16 bits: Pillow keeps the upper byte of each number, so the lower ones are read as well."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SIXTEEN_BIT_MODES = (
    "RGB;16B",
    "RGB;16L",
    "RGBA;16B",
    "RGBA;16L",
    "LA;16B",
)  # how the bytes of such colours lie in a file


def sixteen_bit_mode(image: Image.Image) -> str:
    """How the bytes of 16-bit colours lie in a picture that is not loaded yet; nothing for any other."""
    tile: Any = getattr(image, "tile", None)
    how = tile[0][3] if tile and len(tile[0]) > 3 else ""
    mode = how if isinstance(how, str) else next(iter(how or ()), "")
    return mode if mode in SIXTEEN_BIT_MODES else ""


def read_16bit(image: Image.Image) -> NDArray[np.uint16]:
    """All 16 bits, (height, width, channels), upright: the bytes are read as they lie, and the other way round."""
    how, file = sixteen_bit_mode(image), image.fp  # type: ignore[attr-defined]
    assert file is not None
    file.seek(0)
    content = file.read()
    upper, lower = (
        read_byte_plane(content, image.format, how[:-1] + order) for order in (how[-1], "BL"[how[-1] == "B"])
    )
    return upper.astype(np.uint16) * 256 + lower


def read_byte_plane(content: bytes, format: str | None, mode: str) -> NDArray[np.uint8]:
    """One byte of each number."""
    with Image.open(BytesIO(content), formats=[str(format)]) as image:
        first: Any = image.tile[0]
        how = mode if isinstance(first[3], str) else (mode, *first[3][1:])
        tile: Any = (*first[:3], how)
        image.tile = [tile if type(first) is tuple else type(first)(*tile)]
        return np.asarray(ImageOps.exif_transpose(image))
