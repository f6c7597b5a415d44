"""How pictures become samples of one shape, as options: a value that is written into a run's manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import require

Crop = Literal["centre", "pad", "stretch", "random"]
CROPS: tuple[Crop, ...] = ("centre", "pad", "stretch", "random")
SLACK = 9 / 8  # a random window is drawn from a picture this much larger


@dataclass(frozen=True)
class Prepare:
    """What is done to each picture, once, before training; raises Mistake for what no picture could satisfy."""

    size: int | None = None  # side of the square samples in pixels; None: the pictures' own, if they all agree
    crop: Crop = (
        "centre"  # how another shape becomes a square: cut it, pad it with white, stretch it, a new window each time
    )
    channels: Literal[1, 3, 4] | None = None  # grey, colour, colour with transparency; None: grey if all pictures are
    limit: int | None = None  # at most so many samples, drawn at random but always the same
    flip: bool = False  # mirror half of what is shown, left to right
    labels: str | None = None  # a CSV file with a class for each picture: tags.csv or tags.csv:column

    def __post_init__(self) -> None:
        require(self.size is None or self.size >= 2, f"size {self.size} is no picture; the smallest is 2 pixels")
        require(self.crop in CROPS, f"crop {self.crop!r} is unknown; it is one of {', '.join(CROPS)}")
        require(
            self.channels in (None, 1, 3, 4), f"{self.channels} channels: 1 (grey), 3 (colour) or 4 (with transparency)"
        )
        require(self.limit is None or self.limit >= 2, f"limit {self.limit} leaves too few; the smallest is 2")
        require(
            self.crop != "random" or self.size is not None,
            "crop random needs a size: the windows' side, as in --size 64",
        )

    @property
    def stored(self) -> int | None:
        """The side that the cache keeps: larger than `size` where windows are drawn from it."""
        return round(self.size * SLACK) if self.size is not None and self.crop == "random" else self.size
