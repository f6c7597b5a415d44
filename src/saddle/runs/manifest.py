"""The manifest: all that defines a run, readable, in its folder from the beginning."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from ..errors import Mistake, require
from ..options import parse_expression
from ..schema import conform, read_json
from ..shape import Shape, Text, parse_shape
from .folder import RunFolder
from .settings import Settings
from .writing import write_json

MANIFEST_FORMAT = "saddle run 1"
BUNDLE_FORMAT = "saddle bundle 1"  # of a file that holds the manifest of an exported run as `run`


class BandFacts(TypedDict):
    """What was decided of the numbers in pictures."""

    levels: NotRequired[dict[str, tuple[float, float]]]  # black and white by depth: 8, 16, 32, float
    alpha: NotRequired[bool]  # is the fourth band transparency?


class DataFacts(TypedDict):
    """What a manifest says of the data, at least."""

    name: str
    fingerprint: str
    samples: int
    shape: list[Any]  # channels, height, width, classes or what else samples are made for, further columns
    classes: list[str]
    counts: NotRequired[list[int]]  # how many samples each class has
    words: NotRequired[list[str]]  # what each token of its texts stands for
    captions: NotRequired[dict[str, int]]  # these texts, with how often each is among them
    bands: NotRequired[BandFacts]  # what was decided of the numbers in its pictures, where that is unusual
    columns: NotRequired[list[str]]  # of other data than images with labels


class MachineFacts(TypedDict):
    """What a manifest says of the machine, at least."""

    device: str
    precision: str
    why: NotRequired[str]  # this precision
    channels_last: NotRequired[bool]  # in memory, as all runs were of which this is not said
    threads: int
    processes: int
    saddle: str
    torch: str
    python: str
    platform: str


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says; `recipe` is the value as it reads in Python."""

    name: str  # the recipe as it was asked for: dcgan, or the path of mine.py:MyGAN
    recipe: str  # DCGAN(networks=Convolutional(...), ...), every field
    options: dict[str, str]  # what was changed on the command line
    settings: Settings
    images: int  # the run's length
    data: dict[str, Any]  # name, fingerprint, samples, shape, classes, counts: how many samples each class has
    machine: dict[str, Any]  # device, precision, threads, processes, versions
    created: str  # when, ISO 8601
    source: dict[str, str] | None = None  # sha256 of each file in recipe/; none needed: {}; None: an old run's
    plugin: dict[str, str] = dataclasses.field(default_factory=dict)  # sha256 of each file in plugin/
    source_since: int = 0  # images at which the run went on with another source
    extended: list[tuple[int, int]] = dataclasses.field(default_factory=list)  # images shown, and the length
    # that it had until then
    origin: dict[str, Any] = dataclasses.field(default_factory=dict)  # the run whose networks it began with, at which
    # images, which weights, a checksum of them, layers taken and fresh of each player; {}: all were fresh

    def __post_init__(self) -> None:
        require(self.images >= 1, f"images is {self.images}, but should be 1 or more")
        parse_expression(self.recipe, "recipe", lambda: "a recipe as it reads in Python")
        conform(self.machine, MachineFacts, "machine")
        data = conform(self.data, DataFacts, "data")
        counts, names = data.get("counts", []), data["classes"]
        fits = self.shape.classes in (0, len(names)) and len(counts) in (0, len(names)) and min(counts, default=0) >= 0
        require(
            fits and (not counts or sum(counts) > 0), "data.shape, data.classes and data.counts contradict each other"
        )

    @property
    def shape(self) -> Shape:
        """What the data's samples look like, as they are played with; Mistake for a shape that no pictures have."""
        shape = parse_shape(self.data["shape"])
        words, captions = tuple(self.data.get("words", ())), self.data.get("captions", {})
        if shape.text is not None:
            require(len(words) in (0, shape.text.vocabulary), "data.words and data.shape contradict each other")
            return shape._replace(text=dataclasses.replace(shape.text, words=words))
        if not isinstance(shape.condition, Text):
            return shape
        require(len(words) in (0, shape.condition.vocabulary), "data.words and data.shape contradict each other")
        return shape._replace(condition=dataclasses.replace(shape.condition, words=words, captions=captions))

    @property
    def columns(self) -> list[str]:
        """The columns that its data have; none are named of images with labels."""
        return list(self.data.get("columns", []))

    def write(self, folder: RunFolder) -> None:
        write_json(folder.manifest, {"format": MANIFEST_FORMAT} | dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: RunFolder) -> Manifest:
        """Mistake for a file that is no manifest of saddle's, or of another format."""
        fault = f"{folder.manifest} is no manifest of a run"
        facts = read_json(folder.manifest, fault)
        require(isinstance(facts, dict), f"{fault}: it holds no object")
        known, found = BUNDLE_FORMAT if folder.is_bundle else MANIFEST_FORMAT, facts.pop("format", None)
        if found != known:
            raise Mistake(f"{folder.manifest} was written in another format than {known!r}, the one known here")
        facts = facts.get("run") if folder.is_bundle else facts
        try:
            return conform(facts, cls, fault)
        except Mistake as mistake:
            said = str(mistake)
            raise Mistake(said if said.startswith(fault) else f"{fault}: {said}") from None

    @property
    def identity(self) -> dict[str, Any]:
        """What may not change between a checkpoint and its resumption, name by name."""
        same = {name: getattr(self.settings, name) for name in ("seed", "accumulate", "ema")}
        device = str(self.machine["device"]).partition(":")[0]
        return same | {"recipe": self.recipe, "images": self.images, "data": self.data["fingerprint"],
                       "origin": self.origin.get("crc"),
                       "device": device, "precision": self.machine["precision"]}  # fmt: skip

    def find_difference(self, identity: Mapping[str, Any]) -> str:
        """The first name in which that is another run's; one of its own, with a length that it had before, has none."""
        own = self.identity
        had = {length for _, length in self.extended}
        names = (name for name, value in own.items() if identity.get(name) != value)
        return next((name for name in names if name != "images" or identity.get(name) not in had), "")
