"""What one sample of the data looks like."""

from __future__ import annotations

from typing import NamedTuple


class Shape(NamedTuple):
    """What one sample looks like. A point of a 2-D toy is an image of one pixel with two channels."""

    channels: int
    height: int
    width: int
    classes: int = 0

    @property
    def points(self) -> bool:
        """Are samples points in space, unbounded, rather than pixels in [-1, 1]?"""
        return self.height == self.width == 1

    def __str__(self) -> str:
        channels = f"{self.channels} channel{'s' if self.channels > 1 else ''}"
        return "2-D points" if self.points else f"{self.height}x{self.width} pixels in {channels}"
