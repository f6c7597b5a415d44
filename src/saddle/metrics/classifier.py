"""A small classifier, trained on the data itself, that reads samples: which class, and how surely."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.cache.sealed import DamagedFile, describe_rebuild, read_sealed, remove_stale_drafts, write_sealed
from ..data.progress import progress_bar
from ..errors import Mistake, require
from ..notices import Notify, notify_nobody
from ..runs.tensors import write_tensors
from ..shape import Shape, by_class

CLASSIFIER_VERSION = 2  # of everything here that decides the weights; part of a cached classifier's name
CLASSIFIER_BATCH = 128
TRAINING_IMAGES = 80_000  # shown in all, unless epochs are given: under a minute on two cores at 32 pixels
JUNK_IMAGES = 8  # of each batch, pictures of nothing, so that nothing is not read as something


class ImageRows(Protocol):
    """Images by number, (n, height, width, channels): an array, or what reads them when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: Any, /) -> NDArray[Any]: ...


@runtime_checkable
class LabelledImages(Protocol):
    """What can be learned from: images (n, height, width, channels) uint8 with a label each."""

    @property
    def samples(self) -> ImageRows: ...
    @property
    def labels(self) -> NDArray[np.int64] | None: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def window(self) -> int | None: ...  # of random windows, no two of which are one picture
    def verify(self) -> None: ...  # before `samples` are read as they are


class Classifier(nn.Module):
    """Five layers that name the class of an image of one shape; trained ones come from `train_classifier`."""

    def __init__(self, shape: Shape, classes: tuple[str, ...]) -> None:
        super().__init__()
        self.shape, self.classes = shape, classes
        self.layers = nn.Sequential(
            *_layer(shape.channels, 32, kernel=5, stride=2),
            *_layer(32, 64),
            nn.MaxPool2d(2),
            *_layer(64, 96),
            *_layer(96, 96),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(96 * 4 * 4, len(classes)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, classes) of images (n, channels, height, width) in [-1, 1]."""
        logits: Tensor = self.layers(images)
        return logits

    @torch.no_grad()
    def class_probabilities(self, images: Tensor) -> Tensor:
        """Probabilities (n, classes) of images (n, channels, height, width) in [-1, 1], on their device."""
        given = " x ".join(map(str, images.shape))
        require(images.shape[1:] == self.shape[:3], f"this classifier reads {self.shape}; the images are {given}")
        like = next(self.parameters())
        parts = [self(images[some].to(like)).softmax(1) for some in _slices(len(images), 512)]
        return torch.cat(parts).to(images.device) if parts else like.new_empty(0, len(self.classes))


def confident_share(classifier: Classifier, images: Tensor, confidence: float = 0.8) -> float:
    """The share of images whose class the classifier names with more than this confidence."""
    require(len(images) > 0, "there are no images to read")
    return float((classifier.class_probabilities(images).amax(1) > confidence).float().mean())


def class_shares(classifier: Classifier, images: Tensor) -> Tensor:
    """How the images spread over the classes by their likeliest one: (classes,), summing to 1."""
    require(len(images) > 0, "there are no images to read")
    return torch.bincount(classifier.class_probabilities(images).argmax(1), minlength=len(classifier.classes)) / len(
        images
    )


def classifier_accuracy(classifier: Classifier, dataset: LabelledImages) -> float:
    """The share of a data set's images that are given their own label."""
    samples, labels = _images_and_labels(dataset)
    right = 0
    for some in _slices(len(samples), 512):
        right += int((classifier.class_probabilities(_signed(samples[some])).argmax(1).numpy() == labels[some]).sum())
    return right / len(samples)


def train_classifier(
    dataset: LabelledImages, *, seed: int = 0, epochs: int | None = None, cache: Path | None = None,
    say: Notify = notify_nobody,
) -> Classifier:  # fmt: skip
    """A classifier of a data set's labels, ready to read; kept in the folder `cache` under the data's fingerprint.

    Without `epochs`, as many as show 80,000 images. Raises Mistake for data without images or labels.
    """
    samples, _ = _images_and_labels(dataset)
    epochs = epochs if epochs is not None else math.ceil(TRAINING_IMAGES / len(samples))
    require(epochs > 0, f"a classifier learns for at least one epoch, not {epochs}")
    shape = Shape(samples.shape[3], samples.shape[1], samples.shape[2], by_class(len(dataset.classes)))
    with torch.random.fork_rng(devices=()):  # the caller's chance stays untouched
        torch.manual_seed(seed)
        classifier = Classifier(shape, dataset.classes)
        key = _key(dataset, seed, epochs)
        file = cache / f"classifier-{key}.safetensors" if cache and dataset.fingerprint else None
        if file is None or not _load(classifier, file, say):
            _fit(classifier, dataset, epochs)
            if file:
                _save(classifier, file)
    return classifier.eval().requires_grad_(False)


def _slices(n: int, step: int) -> Iterator[slice]:
    return (slice(start, start + step) for start in range(0, n, step))


def _layer(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _fit(classifier: Classifier, dataset: LabelledImages, epochs: int) -> None:
    """Adam under one cycle of its learning rate, on slightly moved copies of the images."""
    samples, labels = _images_and_labels(dataset)
    classifier.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(classifier.parameters(), fused=True)
    steps = epochs * -(-len(samples) // CLASSIFIER_BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
    for rows in _shown(_batches(len(samples), epochs), steps):
        images = _blurred(turn_and_shift(_signed(samples[rows])))
        goals = F.one_hot(torch.from_numpy(labels[rows]), len(dataset.classes)).float()
        junk = _junk(images[-JUNK_IMAGES:])
        unsure = torch.full_like(goals[:JUNK_IMAGES], 1 / len(dataset.classes))
        loss = F.cross_entropy(classifier(torch.cat((images, junk))), torch.cat((goals, unsure)))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()


def _shown(batches: Iterator[NDArray[np.int64]], steps: int) -> Iterator[NDArray[np.int64]]:
    """The same, with a bar in a terminal that tells how far it has come."""
    with progress_bar(steps, "Training a classifier") as advance:
        for batch in batches:
            yield batch
            advance(1)


def _batches(n: int, epochs: int) -> Iterator[NDArray[np.int64]]:
    for _ in range(epochs):
        shuffled = torch.randperm(n).numpy()
        yield from (shuffled[some] for some in _slices(n, CLASSIFIER_BATCH))


def turn_and_shift(images: Tensor) -> Tensor:
    """Each image shifted by up to 6 %, scaled by up to 10 %, turned by up to 10 degrees."""
    n, chance = len(images), 2 * torch.rand(4, len(images)) - 1
    angle, scale = chance[0] * torch.pi / 18, 1 + chance[1] / 10
    a, b = scale * angle.cos(), scale * angle.sin()
    shift, form = 0.12 * chance[2:], images.shape[3] / images.shape[2]  # the frame is 2 wide, and 2 high
    placing = torch.stack((a, -b / form, shift[0], b * form, a, shift[1]), 1).view(n, 2, 3)
    grid = F.affine_grid(placing, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _blurred(images: Tensor) -> Tensor:
    """The first quarter of them: a sample need not be sharp to be read."""
    few = len(images) // 4
    return torch.cat((F.avg_pool2d(images[:few], 3, 1, 1, count_include_pad=False), images[few:]))


def _junk(like: Tensor) -> Tensor:
    """Plain grounds, blurs and noise in the shape of these images: outliers to be unsure of (Hendrycks et al. 2019)."""
    n, channels, height, width = like.shape
    coarse = 2 ** int(torch.randint(int(np.log2(min(height, width))) + 1, ()))
    ground, strength = 2 * torch.rand(2, n, 1, 1, 1) - 1
    noise = torch.randn(n, channels, height // coarse, width // coarse)
    cloud: Tensor = ground + strength * F.interpolate(noise, (height, width), mode="bilinear")
    return cloud.clamp(-1, 1)


def _signed(samples: NDArray[np.generic]) -> Tensor:
    """uint8 (n, height, width, channels) as float32 (n, channels, height, width) in [-1, 1]."""
    return torch.from_numpy(np.array(samples)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _images_and_labels(dataset: LabelledImages) -> tuple[ImageRows, NDArray[np.int64]]:
    samples, labels = dataset.samples, dataset.labels
    require(
        samples.dtype == np.uint8 and len(samples) > 0 and min(samples.shape[1:3]) >= 8,
        f"a classifier needs images of at least 8x8 pixels; {dataset.name} has {samples.shape} of {samples.dtype}",
    )
    if labels is None or len(dataset.classes) < 2:
        raise Mistake(f"a classifier needs labels of at least two classes; {dataset.name} has none to tell apart")
    return samples, labels


def _key(dataset: LabelledImages, seed: int, epochs: int) -> str:
    facts = [CLASSIFIER_VERSION, dataset.fingerprint, list(dataset.classes), seed, epochs]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _load(classifier: Classifier, file: Path, say: Notify) -> bool:
    """Take the weights that are kept there, if they are, and are what was written."""
    remove_stale_drafts(file.parent)
    if not file.exists():
        return False
    try:
        classifier.load_state_dict(load(read_sealed(file)))
    except DamagedFile as why:
        say(describe_rebuild(file, why))
        return False
    return True


def _save(classifier: Classifier, file: Path) -> None:
    """Whole or not at all, also when two processes write the same one."""
    write_sealed(file, lambda draft: write_tensors(draft, classifier.state_dict()))
