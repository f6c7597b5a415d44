"""Stacked digits: three in the three colours of one picture, 1000 modes that a classifier can name one by one."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import Mistake, require
from ..notices import Notify
from .dataset_table import STACKED_SETS
from .decoding.pixels import PixelArray
from .readers.idx import idx_source
from .undecoded import DataSource, Labels, UndecodedImages, content_cache_key, undecoded_from_array

STACK_SIDE = 32  # pixels; MNIST's 28 get a margin
STACK_COUNT = 50_000  # stacks in a set, about 50 of each mode; Lin et al. 2018 have 128,000
DIGIT_CLASSES = tuple("0123456789")
STACK_CLASSES = tuple(f"{number:03}" for number in range(1000))  # what is in red, green and blue
DRAWINGS_PER_FACE = 24  # of each digit in each face, where digits are drawn
THIS_FILE = Path(__file__)


class SingleDigits(NamedTuple):
    """Single digits with what a classifier is trained by."""

    samples: PixelArray  # (n, 32, 32, 1), white on black
    labels: Labels  # (n,)
    fingerprint: str = ""
    name: str = "single digits"
    classes: tuple[str, ...] = DIGIT_CLASSES


def stacked_source(name: str, part: str | None, mnist: Path | None) -> DataSource:
    """The source of `stacked-glyphs`, or of `stacked-mnist` from the folder that holds MNIST."""
    require(name in STACKED_SETS, f"there are no stacked digits {name}; there are {' and '.join(STACKED_SETS)}")
    if name == "stacked-glyphs":
        require(part is None, f"{name} has no parts, so no {part}")
        facts: tuple[object, ...] = (
            *content_cache_key(THIS_FILE.with_name("glyphs.py")),
            version("pillow"),
            version("matplotlib"),
        )
        return DataSource(name, (name, *content_cache_key(THIS_FILE), *facts), lambda say: stack_digits(draw_digits()))
    if mnist is None:
        raise Mistake(f"{name} stacks MNIST's digits: let the environment variable SADDLE_DATA name the folder with "
                      "mnist in it, or take stacked-glyphs, which needs nothing")  # fmt: skip
    digits = idx_source(mnist, part)
    return DataSource(f"{name}:{part}" if part else name, (name, *content_cache_key(THIS_FILE), *digits.cache_key),
                  lambda say: stack_digits(pad_mnist(digits, say)))  # fmt: skip


def stack_digits(digits: SingleDigits) -> UndecodedImages:
    """Three digits for each of the 1000 numbers in turn, at random among those of their class, always the same.

    Every mode has as many stacks as any other, so that the floor of a perfect sampler is that of an even spread.
    """
    dice = np.random.Generator(np.random.Philox(key=0))
    number = dice.permutation(np.arange(STACK_COUNT) % len(STACK_CLASSES))
    pixels = np.empty((STACK_COUNT, STACK_SIDE, STACK_SIDE, 3), np.uint8)
    for channel, tens in enumerate((100, 10, 1)):
        pixels[..., channel] = digits.samples[pick_by_label(dice, digits.labels, number // tens % 10), ..., 0]
    return undecoded_from_array(pixels, number, STACK_CLASSES)


def pick_by_label(dice: np.random.Generator, labels: Labels, wanted: Labels) -> Labels:
    """For each wanted label the number of a sample that has it."""
    order, chance = np.argsort(labels, kind="stable"), dice.random(len(wanted))
    count = np.bincount(labels, minlength=len(DIGIT_CLASSES))
    picked: Labels = order[np.cumsum(count)[wanted] - 1 - (chance * count[wanted]).astype(np.int64)]
    return picked


def draw_digits() -> SingleDigits:
    """The digits among the embedded characters, in every face, moved as those are."""
    from .glyphs import FACES, MAX_ANGLE, MAX_SCALE, MAX_SHIFT, Glyph, Jitter

    pairs = [(digit, face) for face in FACES for digit in DIGIT_CLASSES] * DRAWINGS_PER_FACE
    chance = 2 * np.random.Generator(np.random.Philox(key=1)).random((len(pairs), 4)) - 1
    jitters = (Jitter(MAX_SHIFT * x, MAX_SHIFT * y, 1 + MAX_SCALE * s, MAX_ANGLE * a) for x, y, s, a in chance)
    ink = [np.asarray(Glyph(*pair, jitter).draw(STACK_SIDE)) for pair, jitter in zip(pairs, jitters, strict=True)]
    return SingleDigits(np.stack(ink)[..., None], np.arange(len(pairs)) % len(DIGIT_CLASSES))


def pad_mnist(written: DataSource, say: Notify) -> SingleDigits:
    """Handwritten ones, 28x28, with a margin of two black pixels."""
    whole = written.open(say)
    rows, labels = whole.pixels, whole.labels
    pixels = None if rows is None else rows[0 : len(rows)]
    if pixels is None or labels is None or whole.classes != DIGIT_CLASSES or pixels.shape[1:] != (28, 28, 1):
        raise Mistake(f"{written.name} is not MNIST: 28x28 grey pixels with labels 0 to 9 were expected")
    return SingleDigits(np.pad(pixels, ((0, 0), (2, 2), (2, 2), (0, 0))), labels)


def unstack_digits(samples: NDArray[np.generic], labels: Labels | None, fingerprint: str) -> SingleDigits:
    """The single digits of stacks, (n, 32, 32, 3): what the classifier that reads stacks is trained on."""
    if labels is None or samples.shape[3] != 3:
        raise Mistake(f"stacks of three digits with labels 0 to 999 were expected, not samples {samples.shape}")
    single = np.moveaxis(np.asarray(samples), 3, 1).reshape(-1, *samples.shape[1:3], 1)
    each = np.stack([labels // tens % 10 for tens in (100, 10, 1)], 1).ravel()
    return SingleDigits(single, each, fingerprint)
