"""Holes in MNIST's test digits, completed by a run: does a classifier read the right digit, beside a mean fill?

`python benchmarks/completion.py RUN` prints a line for each mask: the accuracy of saddle's own classifier on whole
digits, on those with the hole filled by the training set's mean, and on completed ones; and the distances of what was
made to the known pixels and to the hidden ones. Without RUN it trains dcgan for so many minutes first.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from saddle import load, train
from saddle.data import Prepare, open_data
from saddle.data.cache.location import cache_home
from saddle.data.dataset import Dataset, read_labels
from saddle.data.order import random_subset, random_words
from saddle.latent import Completing, complete, parse_mask
from saddle.metrics.classifier import Classifier, train_classifier
from saddle.notices import notify_nobody

MASKS = ("centre", "left", "right", "top", "bottom", "random:0.8")
MEAN_IMAGES = 10_000  # of the training set, whose mean fills the hole


def take(data: Dataset, rows: np.ndarray) -> Tensor:
    pixels = data.take(rows, random_words(0, rows), ("image",))["image"]
    return pixels.float() / 127.5 - 1 if pixels.dtype == torch.uint8 else pixels


def accuracy(classifier: Classifier, images: Tensor, labels: Tensor) -> float:
    return float((classifier.class_probabilities(images).argmax(1) == labels).float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("-n", type=int, default=64, help="digits of the test set")
    parser.add_argument("--masks", nargs="+", default=MASKS)
    parser.add_argument("--steps", type=int, default=Completing.steps)
    parser.add_argument("--restarts", type=int, default=Completing.restarts)
    parser.add_argument("--far", type=float, default=Completing.far)
    parser.add_argument("--realness", type=float, default=Completing.realness)
    parser.add_argument("--json", type=Path, help="a file that takes a line for each mask")
    asked = parser.parse_args()
    run = asked.run or train("dcgan", "mnist", size=asked.size, minutes=asked.minutes, quiet=True)
    loaded = load(run)
    prepare = Prepare(size=str(loaded.shape.height))
    known, unseen = (open_data(name, prepare, notify_nobody) for name in ("mnist", "mnist:test"))
    classifier = train_classifier(known, cache=cache_home() / "classifiers")  # type: ignore[arg-type]
    rows = np.asarray(random_subset(len(unseen), asked.n))
    images, labels = take(unseen, rows), torch.from_numpy(read_labels(unseen, rows))
    mean = take(known, np.asarray(random_subset(len(known), MEAN_IMAGES))).mean(0, keepdim=True)
    how = Completing(asked.steps, asked.restarts, far=asked.far, realness=asked.realness)
    print(f"{run}: {len(images)} digits, {how}")
    heads = ("whole", "mean fill", "completed", "to known", "to hidden", "mean to hidden")
    print(f"{'mask':12}" + "".join(f"{head:>16}" for head in heads))
    for mask in asked.masks:
        hidden = parse_mask(mask, *loaded.shape[1:3])
        done = complete(loaded, images, hidden, how)
        filled = torch.where(hidden, mean, images)
        hole = hidden.expand_as(images)
        line = {"mask": mask, "whole": accuracy(classifier, images, labels),
                "mean fill": accuracy(classifier, filled, labels),
                "completed": accuracy(classifier, done.images[:, 0], labels),
                "to known": float(done.distances[:, 0].mean()),
                "to hidden": float((done.images[:, 0] - images).abs()[hole].mean()),
                "mean to hidden": float((filled - images).abs()[hole].mean())}  # fmt: skip
        print(f"{mask:12}" + "".join(f"{line[head]:16.3f}" for head in heads), flush=True)
        if asked.json:
            with asked.json.open("a") as file:
                file.write(json.dumps({"run": str(run), "digits": len(images), "how": str(how)} | line) + "\n")


if __name__ == "__main__":
    main()
