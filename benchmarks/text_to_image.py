"""Do pictures obey their captions? GAN-CLS on glyphs, told by separate classifiers of letter, weight and family.

    python benchmarks/text_to_image.py runs/obey --images 200000

A tenth of the 180 combinations is left out of training and reported apart. The same command goes on with a run that was
stopped, and only measures one that is finished.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from saddle import load, train
from saddle.data import ArrayDataset
from saddle.data.cache.location import cache_home
from saddle.data.glyph_captions import glyph_attributes, glyph_caption
from saddle.data.glyphs import CHARACTER_FACES, draw_glyphs
from saddle.metrics.classifier import Classifier, train_classifier
from saddle.recipes.quick import QUICK

ATTRIBUTES = ("letter", "weight", "family")
SHARE, SEED = 0.1, 7  # of the combinations that are left out, and by which seed they are chosen
EACH = 4  # samples of each combination
SHOWN = {glyph_caption(*place): glyph_attributes(*place) for place in CHARACTER_FACES}  # combinations: what each shows
TEXTS = tuple(SHOWN)
PLACES = np.array([TEXTS.index(glyph_caption(*place)) for place in CHARACTER_FACES])  # of each drawing's text


def left_out() -> NDArray[np.int64]:
    """The combinations that training never sees; every letter, weight and family is in others."""
    return np.sort(np.random.default_rng(SEED).choice(len(TEXTS), round(SHARE * len(TEXTS)), replace=False))


def attribute_labels(attribute: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Of each combination its letter, weight or family, as a number; and their names."""
    names = [shown[attribute] for shown in SHOWN.values()]
    known = tuple(sorted(set(names)))
    return np.array([known.index(name) for name in names]), known


def combinations_of(count: int) -> NDArray[np.int64]:
    """The combination that each of so many drawings shows."""
    return np.resize(PLACES, count)


def classifier_of(attribute: int) -> Classifier:
    """What tells a letter, a weight or a family, and has learned it from all drawings."""
    drawn, _, _ = draw_glyphs(32)
    labels, names = attribute_labels(attribute)
    taught = ArrayDataset(ATTRIBUTES[attribute], drawn, labels[combinations_of(len(drawn))], names)
    return train_classifier(taught.with_fingerprint(), cache=cache_home() / "classifiers")


def accuracy(images: torch.Tensor, combinations: NDArray[np.int64], attribute: int) -> float:
    """The share of images, (n, 1, 32, 32) in [-1, 1], in which a classifier finds what their captions say."""
    said = classifier_of(attribute).class_probabilities(images).argmax(1).numpy()
    return float((said == attribute_labels(attribute)[0][combinations]).mean())


def chance(combinations: NDArray[np.int64], attribute: int) -> float:
    """The share that obeys any other caption."""
    counts = np.bincount(attribute_labels(attribute)[0][combinations])
    return float(((counts / len(combinations)) ** 2).sum())


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("run", type=Path)
    words.add_argument("--images", type=int, default=200_000, help="of the training")
    words.add_argument("--recipe", default="gan-cls")
    asked = words.parse_args()
    drawn, _, _ = draw_glyphs(32)
    place = combinations_of(len(drawn))
    seen = ~np.isin(place, left_out())
    data = {"image": drawn[seen], "caption": np.array([TEXTS[i] for i in place[seen]])}
    train(
        asked.recipe,
        data,
        out=asked.run,
        resume="auto",
        options=dict(QUICK[asked.recipe]),
        images=asked.images,
        threads=1,
    )
    model = load(asked.run)
    fresh, _, _ = draw_glyphs(32, seed=1, count=4 * len(CHARACTER_FACES))
    real = torch.from_numpy(fresh).permute(0, 3, 1, 2).float() / 127.5 - 1
    asked_for = np.repeat(np.arange(len(TEXTS)), EACH)
    made = model.sample(len(asked_for), text=[TEXTS[i] for i in asked_for])
    apart = np.isin(asked_for, left_out())
    other = np.random.default_rng(0).permutation(asked_for)
    print("| | real | seen in training | never seen | captions shuffled | chance |\n|---|---|---|---|---|---|")
    for attribute, name in enumerate(ATTRIBUTES):
        figures = (accuracy(real, combinations_of(len(real)), attribute),
                   accuracy(made[~apart], asked_for[~apart], attribute),
                   accuracy(made[apart], asked_for[apart], attribute),
                   accuracy(made, other, attribute), chance(asked_for, attribute))  # fmt: skip
        print(f"| {name} | {' | '.join(f'{100 * figure:.1f} %' for figure in figures)} |")


if __name__ == "__main__":
    main()
