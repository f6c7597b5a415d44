"""Do pictures obey their captions? GAN-CLS on glyphs, told by separate classifiers of letter, weight and family.

    python benchmarks/text_to_image.py runs/obey --images 200000

Some of the 432 combinations are left out of training and reported apart. The same command goes on with a run that was
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
from saddle.metrics.classifier import train_classifier
from saddle.recipes import QUICK_TEXT

ATTRIBUTES = ("letter", "weight", "family")
LEFT_OUT, SEED = 43, 7  # combinations of 432, a tenth, and by which seed they are chosen
EACH = 4  # samples of each combination
TEXTS = [glyph_caption(*place) for place in CHARACTER_FACES]


def left_out() -> NDArray[np.int64]:
    """The combinations that training never sees; every letter, weight and family is in others."""
    return np.sort(np.random.default_rng(SEED).choice(len(TEXTS), LEFT_OUT, replace=False))


def attribute_labels(attribute: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Of each combination its letter, weight or family, as a number; and their names."""
    names = [glyph_attributes(*place)[attribute] for place in CHARACTER_FACES]
    known = tuple(sorted(set(names)))
    return np.array([known.index(name) for name in names]), known


def accuracy(images: torch.Tensor, combinations: NDArray[np.int64], attribute: int) -> float:
    """The share of images, (n, 1, 32, 32) in [-1, 1], in which a classifier finds what their captions say."""
    drawn, _, _ = draw_glyphs(32)
    labels, names = attribute_labels(attribute)
    known = labels[np.arange(len(drawn)) % len(TEXTS)]
    taught = ArrayDataset(ATTRIBUTES[attribute], drawn, known, names).with_fingerprint()
    classifier = train_classifier(taught, cache=cache_home() / "classifiers").eval()
    with torch.no_grad():
        said = torch.cat([classifier(some).argmax(1) for some in images.split(256)])
    return float((said.numpy() == labels[combinations]).mean())


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("run", type=Path)
    words.add_argument("--images", type=int, default=200_000, help="of the training")
    words.add_argument("--recipe", default="gan-cls")
    asked = words.parse_args()
    drawn, _, _ = draw_glyphs(32)
    place = np.arange(len(drawn)) % len(TEXTS)
    seen = ~np.isin(place, left_out())
    data = {"image": drawn[seen], "caption": np.array([TEXTS[i] for i in place[seen]])}
    train(asked.recipe, data, out=asked.run, resume="auto", options=dict(QUICK_TEXT), images=asked.images, threads=1)
    model = load(asked.run)
    fresh, _, _ = draw_glyphs(32, seed=1, count=4 * len(TEXTS))
    real = torch.from_numpy(fresh).permute(0, 3, 1, 2).float() / 127.5 - 1
    all_combinations = np.repeat(np.arange(len(TEXTS)), EACH)
    made = model.sample(len(all_combinations), text=[TEXTS[i] for i in all_combinations])
    apart = np.isin(all_combinations, left_out())
    other = np.random.default_rng(0).permutation(all_combinations)
    print("| attribute | real | seen in training | never seen | captions shuffled |\n|---|---|---|---|---|")
    for attribute, name in enumerate(ATTRIBUTES):
        figures = (accuracy(real, np.arange(len(real)) % len(TEXTS), attribute),
                   accuracy(made[~apart], all_combinations[~apart], attribute),
                   accuracy(made[apart], all_combinations[apart], attribute),
                   accuracy(made, other, attribute))  # fmt: skip
        print(f"| {name} | {' | '.join(f'{100 * figure:.1f} %' for figure in figures)} |")


if __name__ == "__main__":
    main()
