"""How pictures become samples of one shape, as options: a value that is written into a run's manifest."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Literal

from ..errors import require
from ..image_size import ImageSize, SizeText, read_size, written_size
from ..options import split_names

Crop = Literal["centre", "pad", "stretch", "random"]
CROPS: tuple[Crop, ...] = ("centre", "pad", "stretch", "random")
Decode = Literal["auto", "once", "on-the-fly"]
DECODES: tuple[Decode, ...] = ("auto", "once", "on-the-fly")
HALVES = ("left", "right")  # of side-by-side images, which half is the source
DERIVED = ("edges", "grey", "outline", "mask")  # sources that are made from each image
SOURCE_WAYS = (
    "--source left or right names the half that it is in images side by side, --source edges, grey, outline or mask "
    "makes it from each image, and --source FOLDER has images of equal names"
)  # what pairs can be made of
WINDOW_MARGIN = 9 / 8  # a random window is drawn from a picture this much larger


@dataclass(frozen=True)
class Prepare:
    """What is done to each picture, once, before training; raises Mistake for what no picture could satisfy."""

    size: SizeText | None = None  # pixels of a side, or HEIGHTxWIDTH; None: the pictures' own, if they all agree
    crop: Crop = "centre"  # how another shape becomes this one: cut it, frame it, stretch it, a new window each time
    channels: Literal[1, 3, 4] | None = None  # grey, colour, colour with transparency; None: grey if all pictures are
    limit: int | None = None  # at most so many samples, drawn at random but always the same
    flip: bool = False  # mirror half of what is shown, left to right
    labels: Literal["folders", "none"] | str | None = None  # classes: FILE.csv or FILE.csv:COLUMN
    range: str | None = None  # the numbers of black and white, as in 0..255 or -1..1; None: decided from the values
    alpha: Literal["auto", "yes", "no"] = "auto"  # is a fourth band transparency; auto: decided from its values
    frames: Literal["first", "all"] = "first"  # which frames of a GIF or TIFF are pictures
    follow_links: bool = False  # follow symbolic links that lead out of the data's folder
    leave_out: str | None = field(default=None, repr=False)  # classes of which no samples are used, with commas between
    source: str | None = field(default=None, repr=False)  # translation: left, edges ..., other data, or a class
    target: str | None = field(default=None, repr=False)  # the class that images should become
    captions: str | None = field(default=None, repr=False)  # texts: FILE.csv:COLUMN, txt, auto (what is found) or none
    uncaptioned: Literal["refuse", "drop"] = field(default="refuse", repr=False)  # pictures that have no caption
    tokens: Literal["characters", "words"] = field(default="characters", repr=False)  # that lines of text are made of
    decode: Decode = field(default="auto", repr=False)  # once, into a cache, or each time; auto: by the size

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", None if self.size is None else written_size(self.size))
        require(self.crop in CROPS, f"crop {self.crop!r} is unknown; it is one of {', '.join(CROPS)}")
        require(
            self.channels in (None, 1, 3, 4), f"{self.channels} channels: 1 (grey), 3 (colour) or 4 (with transparency)"
        )
        require(self.limit is None or self.limit >= 2, f"limit {self.limit} leaves too few; the smallest is 2")
        require(
            self.crop != "random" or self.size is not None,
            "crop random needs a size: that of the windows, as in --size 64",
        )
        require(self.labels != "", "labels is empty; name a table, or say folders or none")
        require(self.leave_out is None or bool(self.left_out), "leave-out names no class; name one, as in leave_out 3")
        require(self.source != "", f"source is empty; {SOURCE_WAYS}")
        require(self.target != "", "target is empty; name the class that pictures should become one of")
        require(self.alpha in ("auto", "yes", "no"), f"alpha {self.alpha!r} is unknown; it is one of auto, yes, no")
        require(self.frames in ("first", "all"), f"frames {self.frames!r} is unknown; it is one of first, all")
        require(self.captions != "", "captions is empty; name a table, or say txt, auto or none")
        known = ("refuse", "drop")
        require(self.uncaptioned in known, f"uncaptioned {self.uncaptioned!r} is unknown; it is one of refuse, drop")
        known = ("characters", "words")
        require(self.tokens in known, f"tokens {self.tokens!r} is unknown; it is one of {', '.join(known)}")
        require(self.decode in DECODES, f"decode {self.decode!r} is unknown; it is one of {', '.join(DECODES)}")
        if self.range is not None:
            parse_range(self.range)

    @classmethod
    def of(cls, options: object) -> Prepare:
        """As options say that have all of its fields among theirs."""
        return cls(**{one.name: getattr(options, one.name) for one in fields(cls)})

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of the classes that are left out."""
        return tuple(split_names(self.leave_out))

    @property
    def sample_size(self) -> ImageSize | None:
        """That of what is shown."""
        return None if self.size is None else read_size(self.size)

    @property
    def window(self) -> ImageSize | None:
        """That of the windows that are drawn from what is stored, if any are."""
        return self.sample_size if self.crop == "random" else None

    @property
    def stored_size(self) -> ImageSize | None:
        """What the cache keeps: larger than `size` where windows are drawn from it."""
        if self.window is None:
            return self.sample_size
        return ImageSize(*(round(side * WINDOW_MARGIN) for side in self.window))


def parse_range(text: str) -> tuple[float, float]:
    """The numbers of black and white in `0..255`; raises Mistake for anything else."""
    low, dots, high = str(text).partition("..")
    try:
        black, white = float(low), float(high)
    except ValueError:
        black = white = math.nan
    fine = bool(dots) and math.isfinite(white - black) and black < white
    require(fine, f"range {text!r} is none; the numbers of black and white were expected, as in 0..255 or -1..1")
    return black, white
