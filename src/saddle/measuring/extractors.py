"""Which extractor a measurement looks through: asked for by name or path, or what suits the data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path

import torch
from torch import Tensor

from ..data.cache.location import cache_home
from ..data.dataset import Dataset
from ..data.held_out import whole_of
from ..data.oracle import is_oracle
from ..data.progress import tell_wait
from ..data.sources import split_suffix
from ..devices import is_gpu
from ..errors import Mistake, require
from ..metrics.classifier import Classifier, LabelledImages, train_classifier
from ..metrics.features import (
    ClassifierFeatures,
    Identity,
    Inception,
    RandomFeatures,
    VisionFeatures,
    inception_download,
    load_vision_model,
)
from ..metrics.features.inception import SPATIAL_DIMENSION
from ..metrics.features.inception_weights import InceptionWeights, read_inception_weights
from ..metrics.features.vision import parse_model_name
from ..notices import Notify, notify_nobody
from ..shape import Shape
from .features import DeviceExtractor
from .metric_table import (
    DINOV2,
    FEATURE_NAMES,
    IMAGE_METRICS,
    LABELLED_METRICS,
    LINE_METRICS,
    MODE_METRICS,
    POINT_METRICS,
    MetricReads,
    check_features,
)

CPU = torch.device("cpu")
COMMON_DIMENSION = 768  # of a file without the last blocks: the largest of the dimensions that others measure, too
READ = 128  # pixels of the shorter side: larger images are made smaller for random features, by whole factors
MAX_CLASSIFIER_SIDE = 64  # pixels of a side up to which a classifier learns in a minute


class Extractors:
    """Every extractor that a measurement needs, made when it is needed; `teacher` is what a classifier learns from."""

    def __init__(self, teacher: Dataset, asked: str = "auto", *, resize: str = "bilinear",
                 device: torch.device = CPU, download: bool = False, say: Notify = notify_nobody) -> None:  # fmt: skip
        self.teacher, self.resize, self.device, self.download, self.say = teacher, resize, device, download, say
        check_features(asked)
        self.model = None if asked in FEATURE_NAMES else parse_model_name(asked)
        self.asked, layer = split_suffix(asked) if self.model is None else (asked, None)
        self.layer = None if layer is None else int(layer)

    def for_reads(self, reads: MetricReads) -> DeviceExtractor:
        """What a metric that reads this looks through."""
        if reads in ("pixels", "images", "lines") or (reads == "classes" and self.teacher.shape.points):
            return self.identity
        if reads == "spatial":
            return self.inception(SPATIAL_DIMENSION)
        if reads == "dinov2":
            return self.dinov2
        return self.class_extractor if reads == "classes" else self.default

    @cached_property
    def default(self) -> DeviceExtractor:
        if self.model is not None:
            return self.vision(self.model)
        match self.automatic if self.asked == "auto" else self.asked:
            case "identity":
                return self.identity
            case "classifier":
                return self.classifier
            case "random":
                side = min(self.teacher.shape[1:3])
                return DeviceExtractor(RandomFeatures(shrink=max(1, side // READ)).to(self.device), self.device)
            case _:
                return self.inception(self.layer or (2048 if self.weights.classes is not None else COMMON_DIMENSION))

    @property
    def automatic(self) -> str:
        """What `auto` means: by the data, and whether there are weights and a GPU, without which Inception is slow."""
        if self.teacher.shape.points or self.teacher.shape.text:
            return "identity"
        if self.can_train_classifier and self.teacher.shape.channels == 1:
            return "classifier"
        return "inception" if is_gpu(self.device) and inception_download.find_inception_weights() else "random"

    @property
    def can_train_classifier(self) -> bool:
        whole = whole_of(self.teacher)
        return isinstance(whole, LabelledImages) and whole.window is None and learnable(self.teacher.shape)

    @cached_property
    def class_extractor(self) -> DeviceExtractor:
        """What names classes: the extractor that was asked for, if it can, else a classifier of the data's labels."""
        if self.asked == "auto":
            require(self.can_train_classifier, unnamed(self.teacher.name))
            return self.classifier
        require(self.default.classify is not None, f"this metric needs class names, and {self.default.title} gives "
                                                 "none; --features classifier does, or whole Inception")  # fmt: skip
        return self.default

    @cached_property
    def identity(self) -> DeviceExtractor:
        return DeviceExtractor(Identity(self.teacher.shape), CPU)

    @cached_property
    def classifier(self) -> DeviceExtractor:
        whole = whole_of(self.teacher)
        if not isinstance(whole, LabelledImages):
            raise Mistake(f"a classifier reads images that lie in memory, and those of {self.teacher.name} do not")
        require(whole.window is None, "a classifier cannot read random windows; --crop centre is fixed")
        about = f"a classifier of {self.teacher.name} is read from the cache, or trained in about a minute"
        tell_wait(self.say, about)
        whole.verify()
        taught = train_classifier(whole, cache=cache_home() / "classifiers", say=self.say)
        return DeviceExtractor(
            ClassifierFeatures(taught).to(self.device), self.device, class_layer(taught), taught.classes
        )

    @cached_property
    def weights(self) -> InceptionWeights:
        if not is_gpu(self.device):
            tell_wait(self.say, "Inception on a processor takes about a minute for 1,000 images; "
                                "--features random is faster")  # fmt: skip
        named = None if self.asked in FEATURE_NAMES or self.model is not None else Path(self.asked)
        return read_inception_weights(named or inception_download.ensure_inception_weights(self.download, self.say))

    @cache  # noqa: B019 - as long as the measurement
    def inception(self, dimension: int) -> DeviceExtractor:
        network = Inception(self.weights, dimension, self.resize)
        last = self.weights.classes if dimension == 2048 else None
        naming = None if last is None else lambda features: (features @ last.T.to(features)).softmax(1)
        names = tuple(map(str, range(0 if last is None else len(last))))
        return DeviceExtractor(network.to(self.device), self.device, naming, names)

    @cached_property
    def dinov2(self) -> DeviceExtractor:
        """The DINOv2 that was asked for, or the one that figures are published of."""
        asked = self.default if self.model is not None else None
        if asked is not None and isinstance(asked.network, VisionFeatures) and asked.network.is_dinov2:
            return asked
        return self.vision(DINOV2)

    def vision(self, model: str) -> DeviceExtractor:
        if not is_gpu(self.device):
            tell_wait(self.say, "a vision model on a processor takes minutes for 1,000 images; "
                                "--features random is faster")  # fmt: skip
        return DeviceExtractor(load_vision_model(model).to(self.device), self.device)

    def default_metrics(self) -> tuple[str, ...]:
        """The metrics that say most of such data."""
        if self.teacher.shape.points:
            return MODE_METRICS if self.is_mixture else POINT_METRICS
        if self.teacher.shape.text:
            return (*(["nll-oracle"] if is_oracle(self.teacher.name) else []), *LINE_METRICS)
        return LABELLED_METRICS if self.default.classify is not None else IMAGE_METRICS

    @property
    def is_mixture(self) -> bool:
        """Are the data points around known modes?"""
        return self.teacher.name in ("ring", "grid")


def learnable(shape: Shape) -> bool:
    """Does a classifier of such images learn in a minute what class each is of?"""
    return shape.classes > 1 and min(shape[1:3]) >= 8 and max(shape[1:3]) <= MAX_CLASSIFIER_SIDE


def unnamed(name: str) -> str:
    return (f"this metric needs class names, and {name} has no labels, or is over {MAX_CLASSIFIER_SIDE} pixels; whole "
            "Inception (--features) names classes")  # fmt: skip


def class_layer(classifier: Classifier) -> Callable[[Tensor], Tensor]:
    """From what the classifier makes of images, (n, 1536), to probabilities of the classes."""
    layer = classifier.layers[-1]

    def probabilities(features: Tensor) -> Tensor:
        logits: Tensor = layer(features.to(next(layer.parameters())))
        return logits.softmax(1).cpu()

    return probabilities
