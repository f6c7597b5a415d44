"""Characters drawn from the fonts that matplotlib ships: real training data that needs no download, at any size."""

from __future__ import annotations

import math
import os
import string
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ..errors import Mistake, did_you_mean, require
from ..image_size import SizeText, read_size

# without I and O, which in some faces are 1 and 0: nobody, and no classifier, could tell what was meant
CHARACTERS = tuple(string.digits + string.ascii_uppercase.replace("I", "").replace("O", "") + "dh")
FACES = {
    "sans": "DejaVuSans",
    "bold sans": "DejaVuSans-Bold",
    "mono": "DejaVuSansMono",
    "bold mono": "DejaVuSansMono-Bold",
    "serif": "DejaVuSerif",
    "bold serif": "DejaVuSerif-Bold",
    "roman": "STIXGeneral",
    "bold roman": "STIXGeneralBol",
    "modern": "cmr10",
    "bold modern": "cmb10",
    "grotesque": "cmss10",
    "typewriter": "cmtt10",
}
CHARACTER_FACES = tuple((character, face) for face in FACES for character in CHARACTERS)
GLYPH_COUNT = 24 * len(CHARACTER_FACES)  # every character in every face 24 times
MAX_GLYPHS = 100 * GLYPH_COUNT

CAPITAL_HEIGHT, LONGEST_SIDE = 0.66, 0.76  # of the frame: how tall a capital stands, and how long no side may become
MAX_SHIFT, MAX_SCALE = 0.04, 0.06  # of the frame, of the size: the most that chance moves and scales a glyph,
MAX_ANGLE = 5.0  # and turns it, in degrees; at the most of all three nothing is cut off
PEN_WIDTH = 0.06  # of a font's size: what is not bold is drawn so much wider on each side: hairlines vanish at 32
EDGE_BLUR = 0.8  # pixels that edges are softened by: what is learned first is a shape, not the crispness of its outline
DRAWN_PIXELS = 128  # pixels that a glyph is drawn at before it is averaged down: smooth edges at any size


@dataclass(frozen=True)
class Jitter:
    """How one drawing of a character differs from the upright one in the middle."""

    right: float = 0.0  # of the frame's width
    down: float = 0.0
    scale: float = 1.0
    angle: float = 0.0  # degrees, anticlockwise


@dataclass(frozen=True)
class Glyph:
    """A character in a face, one of `FACES`, with its jitter: everything that its drawing depends on."""

    character: str
    face: str
    jitter: Jitter = Jitter()

    def __post_init__(self) -> None:
        if self.face not in FACES:
            raise Mistake(f"there is no face '{self.face}'{did_you_mean(self.face, FACES)}")

    def draw(self, size: int) -> Image.Image:
        """Its ink, size x size, mode L: 255 where the character is, soft at its edges."""
        return self.ink(size).filter(ImageFilter.GaussianBlur(EDGE_BLUR))

    def ink(self, size: int) -> Image.Image:
        """The same with crisp edges, each pixel the share of it that is covered."""
        fine = max(2, math.ceil(DRAWN_PIXELS / size))
        return _moved(_upright(self.character, self.face, size * fine), self.jitter).reduce(fine)


def draw_glyphs(
    size: SizeText = 32, channels: int = 1, seed: int = 0, *, count: int = GLYPH_COUNT
) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
    """Drawings (count, height, width, channels), labels (count,), class names: white on black as MNIST, or coloured.

    Of a rectangle they fill the square in its middle, and the ground the rest.
    Sample i depends on the seed and on i alone, so fewer samples are the first of more; characters, then faces,
    take turns. The same seed gives the same bytes wherever Pillow is the same.
    """
    sides = read_size(size)
    require(min(sides) >= 8 and max(sides) <= 512, f"glyphs can be drawn from 8 to 512 pixels, not {sides.option}")
    require(channels in (1, 3), f"glyphs are grey (1 channel) or coloured (3), not of {channels} channels")
    require(count > 0, f"there must be at least one glyph, not {count}")
    chance = np.random.Generator(np.random.Philox(key=seed)).random((count, 10))
    ink = np.zeros((count, *sides), np.uint8)
    top, left = ((side - min(sides)) // 2 for side in sides)
    middle = ink[:, top : top + min(sides), left : left + min(sides)]
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        list(pool.map(lambda first: _fill(middle, chance, first), range(min(count, len(CHARACTER_FACES)))))
    samples = ink[..., None] if channels == 1 else _coloured(ink, chance[:, 4:])
    return samples, np.arange(count, dtype=np.int64) % len(CHARACTERS), CHARACTERS


def _fill(ink: NDArray[np.uint8], chance: NDArray[np.float64], first: int) -> None:
    """Draw every sample of one character in one face: they share the upright drawing."""
    for i in range(first, len(ink), len(CHARACTER_FACES)):
        glyph = Glyph(*CHARACTER_FACES[first], _jitter(*(2 * chance[i, :4] - 1)))
        ink[i] = np.asarray(glyph.draw(ink.shape[1]))


def _jitter(right: float, down: float, scale: float, angle: float) -> Jitter:
    return Jitter(MAX_SHIFT * right, MAX_SHIFT * down, 1 + MAX_SCALE * scale, MAX_ANGLE * angle)


@lru_cache(maxsize=32)  # one for each thread that draws
def _upright(character: str, face: str, size: int) -> Image.Image:
    """The ink in the middle of the frame, a capital CAPITAL high, no side longer than LONGEST."""
    points = CAPITAL_HEIGHT * size * size / _ink("H", face, size).height
    ink = _ink(character, face, points)
    if (longest := max(ink.size)) > LONGEST_SIDE * size:
        ink = _ink(character, face, points * LONGEST_SIDE * size / longest)
    image = Image.new("L", (size, size))
    image.paste(ink, ((size - ink.width) // 2, (size - ink.height) // 2))
    return image


def _ink(character: str, face: str, points: float) -> Image.Image:
    """One character cut out where its ink ends; a font's own box has the space to its neighbours as well."""
    font, pen = _font(face, points), 0 if "bold" in face else round(PEN_WIDTH * points)
    left, top, right, bottom = font.getbbox(character, stroke_width=pen)
    image = Image.new("L", (math.ceil(right - left), math.ceil(bottom - top)))
    ImageDraw.Draw(image).text((-left, -top), character, fill=255, font=font, stroke_width=pen)
    return image.crop(image.getbbox())


def _moved(image: Image.Image, jitter: Jitter) -> Image.Image:
    """Turned and scaled around the middle, then shifted; Pillow asks where each pixel of the result comes from."""
    size, middle, turn = image.width, image.width / 2, math.radians(jitter.angle)
    cos, sin = math.cos(turn) / jitter.scale, math.sin(turn) / jitter.scale
    x, y = middle + jitter.right * size, middle + jitter.down * size
    source = cos, -sin, middle - cos * x + sin * y, sin, cos, middle - sin * x - cos * y
    return image.transform(image.size, Image.Transform.AFFINE, source, Image.Resampling.BILINEAR)


def _coloured(ink: NDArray[np.uint8], chance: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Light ink on a dark ground, each of a colour of its own, in whole numbers: (n, size, size, 3)."""
    light = (160 + 96 * chance[:, None, None, :3]).astype(np.uint16)
    dark = (96 * chance[:, None, None, 3:]).astype(np.uint16)
    samples = np.empty((*ink.shape, 3), np.uint8)
    for start in range(0, len(ink), 256):  # wide numbers for a few at a time
        part = slice(start, start + 256)
        share = ink[part, ..., None].astype(np.uint16)
        samples[part] = (share * light[part] + (255 - share) * dark[part] + 127) // 255
    return samples


def _font(face: str, points: float) -> ImageFont.FreeTypeFont:
    file = _fonts() / f"{FACES[face]}.ttf"
    require(file.is_file(), f"the font {file.name} is missing from matplotlib's own; install matplotlib again")
    return ImageFont.truetype(file, points, layout_engine=ImageFont.Layout.BASIC)


@cache
def _fonts() -> Path:
    """The folder of the fonts; matplotlib itself takes half a second to import and is not."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise Mistake("glyphs are drawn with the fonts of matplotlib, which is not installed: pip install matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
