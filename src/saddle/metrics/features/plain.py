"""Extractors that need no file: the values themselves, random convolutions, a classifier trained on the data."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import require
from ...shape import Shape
from ..classifier import Classifier
from .extractor import freeze_network, hash_tensors, round_to_bytes, to_rgb

EMPTY_SHA256 = hashlib.sha256().hexdigest()


class Identity:
    """The sample's own values, for points in the plane and small images."""

    name, sha256, resize = "identity", EMPTY_SHA256, "none"

    def __init__(self, shape: Shape) -> None:
        self.dimension = shape.channels * shape.height * shape.width

    def __call__(self, images: Tensor) -> Tensor:
        flat = images.flatten(1).float()
        require(
            flat.shape[1] == self.dimension, f"samples of {self.dimension} values were expected, not {flat.shape[1]}"
        )
        return flat


class RandomFeatures(nn.Module):
    """Convolutions never trained: means and deviations of their maps. They see texture and colour, not meaning.

    The weights follow from the seed alone, on any machine; every size of image from 8 pixels is taken, as it is or
    first made smaller by the mean of `shrink` times as many pixels on each side: the work grows with the pixels.
    """

    def __init__(self, width: int = 64, depth: int = 3, seed: int = 0, shrink: int = 1) -> None:
        super().__init__()
        require(shrink > 0, f"an image is made smaller by a whole number above 0, not {shrink}")
        self.shrink, self.resize = shrink, "none" if shrink == 1 else f"mean of {shrink} x {shrink}"
        require(width > 0 and depth > 0, f"random features need channels and layers, not {width} and {depth}")
        dice = torch.Generator().manual_seed(seed)
        sizes = [3, *(width * 2**i for i in range(depth))]
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            kernel = torch.randn(outputs, inputs, 3, 3, generator=dice) * (2 / (9 * inputs)) ** 0.5
            self.register_buffer(f"kernel{i}", kernel)
        self.depth, self.smallest = depth, 2**depth
        self.name, self.dimension = f"random-{seed}", 2 * sum(sizes[1:])
        self.sha256 = hash_tensors(dict(self.named_buffers()))

    def forward(self, images: Tensor) -> Tensor:
        """(n, dimension): for every layer's maps, their mean and their standard deviation over the image."""
        x, parts = F.avg_pool2d(round_to_bytes(to_rgb(images)), self.shrink), []
        require(
            min(x.shape[2:]) >= self.smallest, f"random features need {self.smallest} pixels or more, not {x.shape[2:]}"
        )
        for i in range(self.depth):
            x = F.relu(F.conv2d(x, self.get_buffer(f"kernel{i}").to(x), padding=1))
            parts += [x.mean((2, 3)), x.var((2, 3), correction=0).sqrt()]
            x = F.avg_pool2d(x, 2)
        return torch.cat(parts, 1)


class ClassifierFeatures(nn.Module):
    """What a classifier trained on the data makes of an image before it names a class: 1536 values."""

    name, resize = "classifier", "none"

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.shape, self.layers = classifier.shape, classifier.layers[:-1]
        self.dimension = int(classifier.layers[-1].in_features)  # type: ignore[arg-type]
        self.sha256 = hash_tensors(classifier.state_dict())
        freeze_network(self)

    def forward(self, images: Tensor) -> Tensor:
        given = " x ".join(map(str, images.shape))
        require(images.shape[1:] == self.shape[:3], f"this classifier reads {self.shape}; the images are {given}")
        features: Tensor = self.layers(round_to_bytes(images).to(next(self.parameters())))
        return features.to(images.device)
