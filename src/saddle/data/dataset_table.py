"""The data sets that have a name: a table that is read without importing anything."""

from __future__ import annotations

TOY_SETS = {
    "ring": "8 Gaussians on a circle, points of the plane",
    "grid": "25 Gaussians on a square grid, points of the plane",
    "swiss-roll": "a noisy spiral, points of the plane",
}
GLYPH_SETS = {"glyphs": "digits and letters in many faces, drawn at any size from 8 pixels up (the default)"}
STACKED_SETS = {
    "stacked-glyphs": "three drawn digits in the colours of one picture: 1000 modes, 32x32",
    "stacked-mnist": "the same of MNIST's digits, where SADDLE_DATA has them; also stacked-mnist:test",
}
TEXT_SETS = {"oracle": "lines that a random LSTM says, which knows how likely any is; oracle:5000 of so many tokens"}
HUB_REPOSITORIES = {
    "mnist": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
    "cifar10": "uoft-cs/cifar10",
    "cifar100": "uoft-cs/cifar100",
}
HUB_SETS = {
    "mnist": "handwritten digits, 28x28 grey; also mnist:test",
    "fashion-mnist": "pieces of clothing, 28x28 grey; also fashion-mnist:test",
    "cifar10": "animals and vehicles, 32x32 in colour; also cifar10:test",
    "cifar100": "100 kinds of things, 32x32 in colour; also cifar100:test",
}
DATASETS = {**GLYPH_SETS, **TOY_SETS, **STACKED_SETS, **TEXT_SETS, **HUB_SETS}

WEIGHTS_FOLDER = "inception"  # below SADDLE_DATA, beside data: of weights, which are none
