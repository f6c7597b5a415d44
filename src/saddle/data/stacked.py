"""Stacked digits: three in the three colours of one picture, 1000 modes that a classifier can name one by one."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import Mistake, require
from .idx import idx
from .named import STACKED
from .pile import Labels, Pile, Say, Source, of_array, written
from .pixels import Pixels

SIDE = 32  # pixels; MNIST's 28 get a margin
COUNT = 50_000  # stacks in a set, about 50 of each mode; Lin et al. 2018 have 128,000
DIGITS = tuple("0123456789")
NAMES = tuple(f"{number:03}" for number in range(1000))  # what is in red, green and blue
DRAWINGS = 24  # of each digit in each face, where digits are drawn
HERE = Path(__file__)


class Digits(NamedTuple):
    """Single digits with what a classifier is trained by."""

    samples: Pixels  # (n, 32, 32, 1), white on black
    labels: Labels  # (n,)
    fingerprint: str = ""
    name: str = "single digits"
    classes: tuple[str, ...] = DIGITS


def stacked(name: str, part: str | None, mnist: Path | None) -> Source:
    """The source of `stacked-glyphs`, or of `stacked-mnist` from the folder that holds MNIST."""
    require(name in STACKED, f"there are no stacked digits {name}; there are {' and '.join(STACKED)}")
    if name == "stacked-glyphs":
        require(part is None, f"{name} has no parts, so no {part}")
        facts: tuple[object, ...] = (*written(HERE.with_name("glyphs.py")), version("pillow"), version("matplotlib"))
        return Source(name, (name, *written(HERE), *facts), lambda say: pile(drawn()))
    if mnist is None:
        raise Mistake(f"{name} stacks MNIST's digits: let the environment variable SADDLE_DATA name the folder with "
                      "mnist in it, or take stacked-glyphs, which needs nothing")  # fmt: skip
    digits = idx(mnist, part)
    return Source(f"{name}:{part}" if part else name, (name, *written(HERE), *digits.stamp),
                  lambda say: pile(framed(digits, say)))  # fmt: skip


def pile(digits: Digits) -> Pile:
    """Three digits for each of the 1000 numbers in turn, at random among those of their class, always the same.

    Every mode has as many stacks as any other, so that the floor of a perfect sampler is that of an even spread.
    """
    dice = np.random.Generator(np.random.Philox(key=0))
    number = dice.permutation(np.arange(COUNT) % len(NAMES))
    pixels = np.empty((COUNT, SIDE, SIDE, 3), np.uint8)
    for channel, tens in enumerate((100, 10, 1)):
        pixels[..., channel] = digits.samples[pick(dice, digits.labels, number // tens % 10), ..., 0]
    return of_array(pixels, number, NAMES)


def pick(dice: np.random.Generator, labels: Labels, wanted: Labels) -> Labels:
    """For each wanted label the number of a sample that has it."""
    order, chance = np.argsort(labels, kind="stable"), dice.random(len(wanted))
    count = np.bincount(labels, minlength=len(DIGITS))
    picked: Labels = order[np.cumsum(count)[wanted] - 1 - (chance * count[wanted]).astype(np.int64)]
    return picked


def drawn() -> Digits:
    """The digits among the embedded characters, in every face, moved as those are."""
    from .glyphs import ANGLE, FACES, SCALE, SHIFT, Glyph, Jitter

    pairs = [(digit, face) for face in FACES for digit in DIGITS] * DRAWINGS
    chance = 2 * np.random.Generator(np.random.Philox(key=1)).random((len(pairs), 4)) - 1
    jitters = (Jitter(SHIFT * x, SHIFT * y, 1 + SCALE * s, ANGLE * a) for x, y, s, a in chance)
    ink = [np.asarray(Glyph(*pair, jitter).draw(SIDE)) for pair, jitter in zip(pairs, jitters, strict=True)]
    return Digits(np.stack(ink)[..., None], np.arange(len(pairs)) % len(DIGITS))


def framed(written: Source, say: Say) -> Digits:
    """Handwritten ones, 28x28, with a margin of two black pixels."""
    whole = written.open(say)
    rows, labels = whole.pixels, whole.labels
    pixels = None if rows is None else rows[0 : len(rows)]
    if pixels is None or labels is None or whole.classes != DIGITS or pixels.shape[1:] != (28, 28, 1):
        raise Mistake(f"{written.name} is not MNIST: 28x28 grey pixels with labels 0 to 9 were expected")
    return Digits(np.pad(pixels, ((0, 0), (2, 2), (2, 2), (0, 0))), labels)


def unstacked(samples: NDArray[np.generic], labels: Labels | None, fingerprint: str) -> Digits:
    """The single digits of stacks, (n, 32, 32, 3): what the classifier that reads stacks is trained on."""
    if labels is None or samples.shape[3] != 3:
        raise Mistake(f"stacks of three digits with labels 0 to 999 were expected, not samples {samples.shape}")
    single = np.moveaxis(np.asarray(samples), 3, 1).reshape(-1, *samples.shape[1:3], 1)
    each = np.stack([labels // tens % 10 for tens in (100, 10, 1)], 1).ravel()
    return Digits(single, each, fingerprint)
