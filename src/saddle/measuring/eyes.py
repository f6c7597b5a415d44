"""Which extractor a measurement looks through: asked for by name or path, or what suits the data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path

import torch
from torch import Tensor

from ..core import Shape, require
from ..data.dataset import Dataset
from ..data.place import home
from ..data.progress import tell_wait
from ..data.sources import split
from ..metrics.classifier import Classifier, train_classifier
from ..metrics.features import Identity, Inception, RandomFeatures, Reader, vision
from ..metrics.features.inception import SPATIAL
from ..metrics.features.vision import model_named
from ..metrics.features.weights import Weights, load
from . import weights
from .named import FEATURES, FOR_CLASSES, FOR_IMAGES, FOR_MODES, FOR_POINTS, Reads, looked_through
from .seen import Eye

Say = Callable[[str], None]
CPU = torch.device("cpu")
COMMON = 768  # of a file without the last blocks: the largest of the dimensions that others measure, too
READ = 128  # pixels of the shorter side: larger images are made smaller for random features, by whole factors
SMALL = 64  # pixels of a side up to which a classifier learns in a minute


def silent(sentence: str) -> None:
    """Nobody listens."""


class Eyes:
    """Every extractor that a measurement needs, made when it is needed; `teacher` is what a classifier learns from."""

    def __init__(self, teacher: Dataset, asked: str = "auto", *, resize: str = "bilinear",
                 device: torch.device = CPU, download: bool = False, say: Say = silent) -> None:  # fmt: skip
        self.teacher, self.resize, self.device, self.download, self.say = teacher, resize, device, download, say
        looked_through(asked)
        self.model = None if asked in FEATURES else model_named(asked)
        self.asked, layer = split(asked) if self.model is None else (asked, None)
        self.layer = None if layer is None else int(layer)

    def of(self, reads: Reads) -> Eye:
        """What a metric that reads this looks through."""
        if reads in ("pixels", "images") or (reads == "classes" and self.teacher.shape.points):
            return self.identity
        if reads == "spatial":
            return self.inception(SPATIAL)
        return self.namer if reads == "classes" else self.default

    @cached_property
    def default(self) -> Eye:
        if self.model is not None:
            return self.vision(self.model)
        match self.suitable if self.asked == "auto" else self.asked:
            case "identity":
                return self.identity
            case "classifier":
                return self.classifier
            case "random":
                side = min(self.teacher.shape[1:3])
                return Eye(RandomFeatures(shrink=max(1, side // READ)).to(self.device), self.device)
            case _:
                return self.inception(self.layer or (2048 if self.weights.classes is not None else COMMON))

    @property
    def suitable(self) -> str:
        """What `auto` means: by the data, and whether there are weights and a GPU, without which Inception is slow."""
        if self.teacher.shape.points:
            return "identity"
        if self.labelled and self.teacher.shape.channels == 1:
            return "classifier"
        return "inception" if self.device.type == "cuda" and weights.found() else "random"

    @property
    def labelled(self) -> bool:
        return self.teacher.window is None and learnable(self.teacher.shape)

    @cached_property
    def namer(self) -> Eye:
        """What names classes: the extractor that was asked for, if it can, else a classifier of the data's labels."""
        if self.asked == "auto":
            require(self.labelled, unnamed(self.teacher.name))
            return self.classifier
        require(self.default.naming is not None, f"this metric needs class names, and {self.default.title} gives "
                                                 "none; --features classifier does, or whole Inception")  # fmt: skip
        return self.default

    @cached_property
    def identity(self) -> Eye:
        return Eye(Identity(self.teacher.shape), CPU)

    @cached_property
    def classifier(self) -> Eye:
        require(self.teacher.window is None, "a classifier cannot read random windows; --crop centre is fixed")
        about = f"a classifier of {self.teacher.name} is read from the cache, or trained in about a minute"
        tell_wait(self.say, about)
        self.teacher.verify()
        taught = train_classifier(self.teacher, cache=home() / "classifiers", say=self.say)
        return Eye(Reader(taught).to(self.device), self.device, last_layer(taught), taught.classes)

    @cached_property
    def weights(self) -> Weights:
        if self.device.type != "cuda":
            tell_wait(self.say, "Inception on a processor takes about a minute for 1,000 images; "
                                "--features random is faster")  # fmt: skip
        named = None if self.asked in FEATURES or self.model is not None else Path(self.asked)
        return load(named or weights.needed(self.download, self.say))

    @cache  # noqa: B019 - as long as the measurement
    def inception(self, dimension: int) -> Eye:
        network = Inception(self.weights, dimension, self.resize)
        last = self.weights.classes if dimension == 2048 else None
        naming = None if last is None else lambda features: (features @ last.T.to(features)).softmax(1)
        names = tuple(map(str, range(0 if last is None else len(last))))
        return Eye(network.to(self.device), self.device, naming, names)

    def vision(self, model: str) -> Eye:
        if self.device.type != "cuda":
            tell_wait(self.say, "a vision model on a processor takes minutes for 1,000 images; "
                                "--features random is faster")  # fmt: skip
        return Eye(vision(model).to(self.device), self.device)

    def fitting(self) -> tuple[str, ...]:
        """The metrics that say most of such data."""
        if self.teacher.shape.points:
            return FOR_MODES if self.mixture else FOR_POINTS
        return FOR_CLASSES if self.default.naming is not None else FOR_IMAGES

    @property
    def mixture(self) -> bool:
        """Are the data points around known modes?"""
        return self.teacher.name in ("ring", "grid")


def learnable(shape: Shape) -> bool:
    """Does a classifier of such images learn in a minute what class each is of?"""
    return shape.classes > 1 and min(shape[1:3]) >= 8 and max(shape[1:3]) <= SMALL


def unnamed(name: str) -> str:
    return (f"this metric needs class names, and {name} has no labels, or is over {SMALL} pixels; whole Inception "
            "(--features) names classes")  # fmt: skip


def last_layer(classifier: Classifier) -> Callable[[Tensor], Tensor]:
    """From what the classifier makes of images, (n, 1536), to probabilities of the classes."""
    layer = classifier.layers[-1]

    def probabilities(features: Tensor) -> Tensor:
        logits: Tensor = layer(features.to(next(layer.parameters())))
        return logits.softmax(1).cpu()

    return probabilities
