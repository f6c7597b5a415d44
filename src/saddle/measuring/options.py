"""What is to be measured, and how: the options of `saddle measure`, read without importing torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from ..errors import require
from ..image_size import SizeText, written_size


@dataclass(frozen=True)
class MeasureOptions:
    """How to measure."""

    against: str | None = None  # what to compare with: a source, or a run's samples; a run's own data if not given
    data: str | None = None  # where a run's own data lie now, if they were moved; they are known by their content
    metrics: str | None = None  # names with commas between them; those that suit the data if not given
    features: str = "auto"  # inception, random, classifier, identity, a weights file, hf:OWNER/NAME; or inception:768
    n: int | None = None  # samples that are measured: 10k of a run, up to 50k of a source if not given
    references: int = 100_000  # at most so many of the data compared with; copies of others are not found
    seed: int = 0  # of a run's samples and of every random choice; another one makes another protocol
    k: int | None = None  # neighbours that precision, recall, density and coverage reach to; 3, 3, 5, 5 if not given
    per_class: bool = False  # each figure for every class by itself, too
    best: bool = False  # of a run the best checkpoint, not the last
    average: bool = True  # of a run the averaged weights; --no-average takes those of the last round
    weights: str | None = None  # of a run a set that saddle average made, by its name, such as std-0.1
    standing: int | None = None  # of a run: batch normalisation's averages are taken anew, of so many samples
    size: SizeText | None = None  # HEIGHTxWIDTH, or a square's side, of sources; a run's own size for its data
    crop: Literal["centre", "pad", "stretch"] = "centre"  # how a source's image becomes this size
    channels: Literal[1, 3, 4] | None = None  # of a source's images
    labels: Literal["folders", "none"] | str | None = None  # classes: folders, none, FILE.csv or FILE.csv:COLUMN
    leave_out: str | None = None  # measure no images of these classes of a source, by name, with commas between
    range: str | None = None  # the numbers of black and white in a source; decided from its values if not given
    alpha: Literal["auto", "yes", "no"] = "auto"  # is a source's fourth band transparency
    frames: Literal["first", "all"] = "first"  # which frames of a source's GIFs and TIFFs are pictures
    follow_links: bool = False  # follow symbolic links that lead out of a source's folder
    decode: Literal["auto", "once", "on-the-fly"] = "auto"  # a source's images: once, into a cache, or when looked at
    resize: Literal["bilinear", "clean", "tensorflow"] = "bilinear"  # how images come to Inception's size
    download: bool = False  # fetch Inception's weights into the cache if they are nowhere here
    plugin: str | None = None  # a file of yours with metrics, or data; a run's own plugin if not given
    picture: Path | None = None  # draw the samples nearest to the training data beside what they are near to, a PNG
    json: Path | None = None  # print the figures with their protocols as JSON, or write them into FILE.json
    device: str = "auto"  # cpu, cuda, cuda:1 or mps; auto takes a GPU if there is one
    quiet: bool = False  # say only what needs attention, and the figures
    trust: bool = False  # run the recipe that a run brings, though it was never named on this machine

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", None if self.size is None else written_size(self.size))
        for name in ("n", "references", "k"):
            value = getattr(self, name)
            require(value is None or value > 0, f"{name} is {value}, but should be above 0")
        require(self.seed >= 0, f"seed is {self.seed}, but should be 0 or more")
        require(self.standing is None or self.standing > 1, f"standing is {self.standing}, but should be 2 or more")
        png = self.picture is None or self.picture.suffix == ".png"
        require(png, f"the picture is a PNG, but {self.picture} does not end in .png")


class MeasureKeywords(TypedDict, total=False):
    """The fields of Wish as keywords of `measure`, for type checkers: paths may be text, metrics several names."""

    metrics: str | Sequence[str] | None
    features: str
    n: int | None
    references: int
    seed: int
    k: int | None
    per_class: bool
    best: bool
    average: bool
    weights: str | None
    standing: int | None
    size: SizeText | None
    crop: Literal["centre", "pad", "stretch"]
    channels: Literal[1, 3, 4] | None
    labels: Literal["folders", "none"] | str | None
    leave_out: str | None
    range: str | None
    alpha: Literal["auto", "yes", "no"]
    frames: Literal["first", "all"]
    follow_links: bool
    decode: Literal["auto", "once", "on-the-fly"]
    resize: Literal["bilinear", "clean", "tensorflow"]
    download: bool
    plugin: str | None
    picture: Path | str | None
    json: Path | str | None
    device: str
    trust: bool
    quiet: bool
