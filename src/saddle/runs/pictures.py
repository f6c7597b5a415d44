"""Writing on pictures, and writing pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from .folder import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

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


def to_image(sample: Tensor) -> Image.Image:
    """A sample (1, 3 or 4 channels, height, width) in [-1, 1] as a picture of its own size."""
    pixels = ((sample.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def draw_text(canvas: Image.Image, text: str, place: tuple[int, int], shade: str = "black", anchor: str = "la") -> None:
    ImageDraw.Draw(canvas).text(place, text, shade, text_font(text), anchor)


def text_font(text: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own, or for more than plain letters matplotlib's, which has those of most of Europe and signs."""
    if text.isascii():
        return ImageFont.load_default(14)
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", 13)
