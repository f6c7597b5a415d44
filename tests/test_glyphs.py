"""The embedded characters: whole, centred, all different, and the same ones every time."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest

from saddle.data.glyphs import (
    CHARACTER_FACES,
    CHARACTERS,
    FACES,
    GLYPH_COUNT,
    MAX_ANGLE,
    MAX_SCALE,
    MAX_SHIFT,
    Glyph,
    Jitter,
    draw_glyphs,
)
from saddle.errors import Mistake


def test_there_are_enough_characters_faces_and_samples() -> None:
    assert len(CHARACTERS) >= 36 and len(FACES) >= 12 and GLYPH_COUNT >= 10_000


def test_the_same_seed_draws_the_same_and_another_other_ones() -> None:
    first, again, other = (draw_glyphs(16, seed=seed, count=100)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert (first != other).any((1, 2, 3)).mean() > 0.95


def test_fewer_samples_are_the_first_of_more() -> None:
    assert np.array_equal(draw_glyphs(16, count=50)[0], draw_glyphs(16, count=500)[0][:50])


def test_classes_are_the_characters_in_turn() -> None:
    _, labels, classes = draw_glyphs(8, count=100)
    assert "".join(classes) == "0123456789ABCDEFGHJKLMNPQRSTUVWXYZdh"
    assert labels[:37].tolist() == [*range(36), 0]


def test_the_first_round_shows_every_character_in_every_face_once() -> None:
    upright = {Glyph(*pair).draw(32).tobytes() for pair in CHARACTER_FACES}
    assert (
        len(upright) == len(CHARACTER_FACES) == 36 * len(FACES)
    )  # no two alike: no boxes for missing characters either


@pytest.mark.parametrize("size", [28, 32, 64])
def test_white_ink_on_black_stands_in_the_middle_and_fills_the_frame(size: int) -> None:
    for pair in CHARACTER_FACES[:: len(CHARACTER_FACES) // 40]:
        ink = Glyph(*pair).ink(size)
        left, top, right, bottom = ink.getbbox()
        assert ink.getextrema()[0] == 0 and ink.getextrema()[1] > 200
        assert abs(left + right - size) <= 1 and abs(top + bottom - size) <= 1
        assert 0.6 * size <= max(right - left, bottom - top) <= 0.76 * size + 2


def test_no_jitter_cuts_off_ink() -> None:
    corners = list(itertools.product((-MAX_SHIFT, MAX_SHIFT), (-MAX_SHIFT, MAX_SHIFT), (-MAX_ANGLE, MAX_ANGLE)))
    widest = [pair for pair in CHARACTER_FACES if pair[0] in "HKMQW"]
    for pair, (right, down, angle) in itertools.product(widest, corners):
        border = np.asarray(Glyph(*pair, Jitter(right, down, 1 + MAX_SCALE, angle)).draw(128)).copy()
        border[1:-1, 1:-1] = 0
        assert not border.any(), f"{pair} touches the frame"


def test_jitter_moves_as_its_fields_say() -> None:
    def middle(jitter: Jitter) -> tuple[float, float]:
        left, top, right, bottom = Glyph("H", "sans", jitter).draw(128).getbbox()
        return (left + right) / 2, (top + bottom) / 2

    x, y = middle(Jitter())
    assert middle(Jitter(right=0.125)) == (x + 16, y)
    assert middle(Jitter(down=-0.125)) == (x, y - 16)
    upright, larger = (Glyph("H", "sans", Jitter(scale=s)).draw(128).getbbox() for s in (1.0, 1.25))
    assert larger[3] - larger[1] == pytest.approx(1.25 * (upright[3] - upright[1]), abs=2)
    turned = np.asarray(Glyph("I", "sans", Jitter(angle=20)).draw(64)).astype(float)
    columns = np.arange(64)
    top, bottom = (columns @ rows.sum(0) / rows.sum() for rows in (turned[:32], turned[32:]))
    assert top < bottom  # anticlockwise: the upper half leans to the left


def test_a_small_drawing_is_the_average_of_a_large_one() -> None:
    large = np.asarray(Glyph("R", "serif").ink(64)).astype(float).reshape(32, 2, 32, 2).mean((1, 3))
    assert np.abs(np.asarray(Glyph("R", "serif").ink(32)) - large).max() <= 1


@pytest.mark.parametrize("size", [8, 33, 512])
def test_any_size(size: int) -> None:
    samples, *_ = draw_glyphs(size, count=3)
    assert samples.shape == (3, size, size, 1) and (samples.reshape(3, -1).max(1) > 60).all()


def test_coloured_glyphs_are_the_grey_ones_between_two_colours() -> None:
    grey, coloured = draw_glyphs(32, 1, count=72)[0] / 255.0, draw_glyphs(32, 3, count=72)[0].astype(float)
    ground, ink = coloured[:, 0, 0], coloured.reshape(72, -1, 3).max(1)
    ground, ink = ground[:, None, None], ink[:, None, None]
    assert np.abs(coloured - (ground + grey / grey.max((1, 2, 3), keepdims=True) * (ink - ground))).max() < 1.5
    assert (ink - ground > 40).all()
    assert np.ptp(ink.reshape(72, 3), axis=0).min() > 60  # the colours differ


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [((4,), "8 to 512"), ((513,), "8 to 512"), ((32, 4), "4 channels"), ((32, 2), "2 channels")],
)
def test_what_cannot_be_drawn_is_refused(arguments: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(Mistake, match=sentence):
        draw_glyphs(*arguments)


def test_an_unknown_face_is_refused_with_the_nearest() -> None:
    with pytest.raises(Mistake, match="did you mean serif"):
        Glyph("A", "serf")


def test_drawing_imports_neither_torch_nor_matplotlib() -> None:
    code = "import sys; from saddle.data.glyphs import draw_glyphs; draw_glyphs(8, count=2); print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "PIL" in imported and not {"torch", "matplotlib"} & {*imported}
