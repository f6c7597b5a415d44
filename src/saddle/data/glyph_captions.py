"""What a glyph's picture shows, in words: its weight, its family, and which letter or digit it is."""

from __future__ import annotations

from collections.abc import Sequence

from ..notices import Notify
from .glyphs import CHARACTER_FACES
from .undecoded import Captions

# as they look: what is not a bold face is drawn with a pen (PEN_WIDTH), which makes it the heavier of the two
DRAWN_WITH_PEN, DRAWN_WITHOUT = "bold", "regular"
# and the families that can be told apart at 32 pixels, of the fonts' own: a classifier that has all seven takes sans,
# mono and grotesque for one another in 10 % of their drawings, and what sets roman and modern apart from serif is in
# hairlines of a pixel
FAMILIES = {"sans": "sans", "mono": "sans", "grotesque": "sans", "serif": "serif", "roman": "serif", "modern": "serif",
            "typewriter": "typewriter"}  # fmt: skip


def glyph_attributes(character: str, face: str) -> tuple[str, str, str]:
    """Letter, weight and family as they look: ("A", "bold", "serif") of A in the face "serif", drawn with a pen."""
    bold_face, _, family = face.rpartition(" ")
    return character, DRAWN_WITHOUT if bold_face else DRAWN_WITH_PEN, FAMILIES[family]


def glyph_caption(character: str, face: str) -> str:
    """a bold serif letter A."""
    _, weight, family = glyph_attributes(character, face)
    return f"a {weight} {family} {'digit' if character.isdecimal() else 'letter'} {character}"


GLYPH_TEXTS = tuple(glyph_caption(*place) for place in CHARACTER_FACES)  # of the drawings, again and again


def glyph_captions(spec: str, keys: Sequence[str], say: Notify) -> Captions:
    """Those of the drawings of these names, in which characters and then faces take turns."""
    places = [int(key.removeprefix("picture ")) for key in keys]
    return Captions([(GLYPH_TEXTS[i % len(GLYPH_TEXTS)],) for i in places], "their drawing")
