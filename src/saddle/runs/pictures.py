"""Writing on pictures, and writing pictures."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from .writing import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

PLAIN_FACE = re.compile(r"(?i)sans.*regular|wqy|hei")  # fonts that are tried first
LINE_HEIGHT = 20  # pixels for a line of text
SHEET_NOTES = ("row", "scale")  # what a contact sheet tells of itself, see sheets.py


def save_png(image: Image.Image, path: Path) -> None:
    """Write a PNG whole or not at all; Unwritten where the disk is full."""
    notes = PngInfo()
    notes.add_text("Software", "saddle")  # the first of all: by it the picture is known not to be data
    for key in SHEET_NOTES:
        if key in image.info:
            notes.add_text(key, image.info[key])
    write_atomically(path, lambda draft: image.save(draft, "PNG", pnginfo=notes))


def png_address(png: bytes) -> str:
    """A PNG as an address that holds it whole, for pages that ask nobody."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def to_image(sample: Tensor) -> Image.Image:
    """A sample (1, 3 or 4 channels, height, width) in [-1, 1] as a picture of its own size."""
    pixels = ((sample.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def draw_text(canvas: Image.Image, text: str, place: tuple[int, int], shade: str = "black", anchor: str = "la") -> None:
    shown, font = drawable(text)
    ImageDraw.Draw(canvas).text(place, shown, shade, font, anchor)


def text_width(text: str) -> int:
    """Pixels that a text takes where it is drawn."""
    ruler = ImageDraw.Draw(Image.new("L", (1, 1)))
    shown, font = drawable(text)
    return round(ruler.textlength(shown, font))


def drawable(text: str) -> tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    """A text as it can be drawn, and a font that has its signs: Pillow's own for plain letters, else an installed one.

    What no font here has, as Chinese where there is none for it, is written as in Python: \\u732b.
    """
    if not text.isascii():
        if (file := find_font(frozenset(text))) is not None:
            return text, ImageFont.truetype(file, 13)
        text = text.encode("ascii", "backslashreplace").decode()
    return text, ImageFont.load_default(14)


@cache
def find_font(signs: frozenset[str]) -> str | None:
    """The file of a font that has these signs: matplotlib's, which has those of most of Europe, or one installed."""
    from matplotlib import font_manager, get_data_path

    own = str(Path(get_data_path()) / "fonts/ttf/DejaVuSans.ttf")
    if signs <= font_signs(own):
        return own
    others = sorted(font_manager.findSystemFonts(), key=lambda file: (not PLAIN_FACE.search(Path(file).name), file))
    return next((file for file in others if signs <= font_signs(file)), None)


@cache
def font_signs(file: str) -> frozenset[str]:
    """What a font has shapes for; nothing of a file that cannot be read as one, or has a bitmap at fixed sizes."""
    from matplotlib.ft2font import FT2Font

    try:
        ImageFont.truetype(file, 13)
        return frozenset(map(chr, FT2Font(file).get_charmap()))
    except (OSError, RuntimeError, UnicodeError):
        return frozenset()
