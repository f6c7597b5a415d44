"""Translations of pairs that no run was shown as such, beside what comes of no network at all.

`python benchmarks/translation.py RUN --data facades.zip:test` prints the mean absolute error, in [-1, 1], of what a run
makes of each source against its own target: beside the source itself, the target of the training pair whose source is
nearest, and the mean of all training targets, which is a blur. `--labels` reads what is made as a map of the facades'
twelve labels, each pixel as the nearest of their colours, and prints which share of the pixels has the right one; the
last row is then the label that is most frequent at each place. Of a run without pairs name both kinds whose files have
equal names: `--data emoji.zip:blob --source emoji.zip:noto`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from saddle import load
from saddle.columns import to_float_images
from saddle.data import Prepare, open_data
from saddle.data.dataset import Dataset
from saddle.data.order import random_subset, random_words
from saddle.runs.folder import RunFolder
from saddle.runs.labelled_sheets import make_labelled_sheet
from saddle.runs.manifest import Manifest
from saddle.runs.pictures import save_png

PAIR = ("source", "target")
MOST = 2_000  # pairs of a set, training or test
SHOWN = 10  # of them on the sheet
LABELS = torch.tensor([
    (0, 0, 170), (0, 0, 255), (0, 85, 255), (0, 170, 255), (0, 255, 255), (85, 255, 170), (170, 255, 85), (255, 255, 0),
    (255, 170, 0), (255, 85, 0), (255, 0, 0), (170, 0, 0),
])  # fmt: skip  # of CMP Facades, whose maps are drawn in twelve of MATLAB's jet

Measure = Callable[[Tensor, Tensor], Tensor]  # of what was made and what is right: a number for each image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", help="pairs to translate; the run's own if not given")
    parser.add_argument("--source", help="what they are translated from; as in training if not given")
    parser.add_argument("--back", action="store_true", help="the other way, of a run that has learned it")
    parser.add_argument("--labels", action="store_true", help="read targets as maps of labels")
    parser.add_argument("--best", action="store_true", help="the checkpoint that was measured best")
    asked = parser.parse_args()
    settings = Manifest.read(RunFolder.find(asked.run)).settings
    own = replace(Prepare.of(settings), crop="centre", flip=False)
    pairs = replace(own, source=asked.source or own.source)
    sources, targets = pictures(open_data(asked.data or settings.data or "glyphs", pairs, print, wants=PAIR))
    if asked.back:
        sources, targets = targets, sources
    model, measure = load(asked.run, best=asked.best), (agreement if asked.labels else distance)
    way = {"back": True} if asked.back else {}
    made = {"made": model.translate(sources, **way), "made, no noise": model.translate(sources, noise=False, **way)}
    if sources.shape == targets.shape:
        made["source itself"] = sources
    if settings.data is not None and asked.data not in (None, settings.data):
        known = pictures(open_data(settings.data, own, print, wants=PAIR))
        near = torch.cdist(sources.flatten(1), known[0].flatten(1)).argmin(1)
        made["nearest pair's"] = known[1][near]
        made["commonest" if asked.labels else "mean"] = common(known[1], asked.labels).expand_as(targets)
    print(f"{asked.run}: {len(sources)} pairs, " + ("pixels with the right label" if asked.labels else "L1"))
    for name, images in made.items():
        each = measure(images, targets)
        print(f"{name:16}{float(each.mean()):8.4f} +- {float(each.std() / len(each) ** 0.5):.4f}")
    columns = {"source": sources, "made": made["made"], "target": targets}
    sheet = make_labelled_sheet({name: list(some[:SHOWN]) for name, some in columns.items()}, [""] * SHOWN)
    save_png(sheet, asked.run / "translation.png")
    print(asked.run / "translation.png")


def pictures(data: Dataset) -> tuple[Tensor, Tensor]:
    """Sources and targets, (n, channels, height, width) each."""
    rows = np.asarray(random_subset(len(data), min(MOST, len(data))))
    found = data.take(rows, random_words(0, rows), PAIR)
    return to_float_images(found["source"]), to_float_images(found["target"])


def distance(made: Tensor, right: Tensor) -> Tensor:
    return (made - right).abs().flatten(1).mean(1)


def agreement(made: Tensor, right: Tensor) -> Tensor:
    return (labels_of(made) == labels_of(right)).float().flatten(1).mean(1)


def labels_of(images: Tensor) -> Tensor:
    """The place of the nearest colour at each pixel, (n, height, width)."""
    pixels = images.permute(0, 2, 3, 1).reshape(-1, 3)
    return torch.cdist(pixels, LABELS / 127.5 - 1).argmin(1).reshape(len(images), *images.shape[2:])


def common(images: Tensor, labels: bool) -> Tensor:
    """The mean of all, or a map of the most frequent label at each place: (channels, height, width)."""
    if not labels:
        return images.mean(0)
    return (LABELS[labels_of(images).mode(0).values] / 127.5 - 1).permute(2, 0, 1)


if __name__ == "__main__":
    main()
