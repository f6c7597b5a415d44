"""What data hold: columns, the shape that a game is made for, and both as they are written into a manifest."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from saddle.aliases import make_old_shape
from saddle.batches import Captioned, Images, Pairs, Unpaired, batch_shape
from saddle.data import ArrayDataset, Dataset, Feed, StoredColumn
from saddle.data.held_out import hold_out, label_counts
from saddle.errors import Mistake
from saddle.shape import Classes, Picture, Shape, Text, parse_shape, shape_facts

SMALL, WORDS = Shape(1, 8, 8), Text(4, 11)


def pairs(n=24, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (2, n, 8, 8, 1), dtype=np.uint8)
    tokens = np.arange(n * 4).reshape(n, 4) % 11
    more = {"source": StoredColumn(pixels[1], Picture(SMALL)), "caption": StoredColumn(tokens, WORDS)}
    return ArrayDataset("pairs", pixels[0], np.arange(n) % 3, tuple("xyz"), column="target", more=more, **options)


@pytest.mark.parametrize(
    ("shape", "written"),
    [
        (Shape(1, 28, 28, Classes(10)), [1, 28, 28, 10]),  # as 0.1.0 wrote them
        (Shape(2, 1, 1), [2, 1, 1, 0]),
        (Shape(3, 8, 16, Picture(SMALL)), [3, 8, 16, {"picture": [1, 8, 8]}]),
        (Shape(3, 8, 8, WORDS, (("mask", Picture(SMALL)),)),
         [3, 8, 8, {"text": [4, 11]}, {"mask": {"picture": [1, 8, 8]}}]),
    ],
)  # fmt: skip
def test_a_shape_is_read_back_as_it_was_written(shape, written):
    assert shape_facts(shape) == written and parse_shape(json.loads(json.dumps(written))) == shape


@pytest.mark.parametrize("facts", [None, [1, 2, 3], [0, 8, 8, 0], [1, 8, 8, -1], [1, 8, 8, True], [1, 8, 8, {}],
                                   [1, 8, 1 << 17, 0], [1, 8, 8, 0, 5], [1, 8, 8, {"text": [0, 3]}]])  # fmt: skip
def test_what_describes_no_samples_is_refused(facts):
    with pytest.raises(Mistake):
        parse_shape(facts)


def test_a_number_of_classes_reads_as_in_old_recipes():
    assert make_old_shape(1, 8, 8, 3) == Shape(1, 8, 8, Classes(3)) and make_old_shape(1, 8, 8) == SMALL
    assert Shape(1, 8, 8, Classes(3)).classes == 3 and Shape(1, 8, 8, WORDS).classes == 0


def test_a_batch_type_decides_what_samples_are_made_for():
    columns = pairs().columns | {"image": Picture(SMALL), "a": Picture(SMALL), "b": Picture(Shape(3, 4, 4))}
    expected = {Images: Classes(3), Pairs: Picture(SMALL), Captioned: WORDS, Unpaired: Picture(SMALL)}
    assert {kind: batch_shape(kind, columns).condition for kind in expected} == expected
    assert batch_shape(Unpaired, columns)[:3] == (3, 4, 4)


def test_columns_of_one_sample_stay_together_and_turn_together():
    data = pairs(flip=True)
    assert isinstance(data, Dataset) and data.shape == Shape(1, 8, 8, Classes(3))
    rows = np.concatenate((data.more["source"].rows, data.samples), 3)
    stored = torch.from_numpy(rows).permute(0, 3, 1, 2).float() / 127.5 - 1
    both = torch.cat(next(Feed(data, Pairs, 24, 0, "cpu")), 1)
    plain, turned = ({int((abs(x - one).flatten(1).amax(1) < 1e-6).nonzero()[0]) for one in both
                      if (abs(x - one).flatten(1).amax(1) < 1e-6).any()} for x in (stored, stored.flip(3)))  # fmt: skip
    assert plain and turned and not plain & turned and plain | turned == set(range(24))


def test_held_out_samples_keep_their_columns():
    kept = hold_out(pairs(), 8)
    batch = next(Feed(kept, Pairs, 16, 0, "cpu"))
    assert len(kept) == 16 and batch.source.shape == (16, 1, 8, 8) and label_counts(kept) == [8, 8, 8]


def test_what_the_data_have_not_is_named():
    said = r"of image and caption \(Captioned\), but pairs has no image: its columns are target, label, "
    with pytest.raises(Mistake, match=said):
        Feed(pairs(), Captioned, 4, 0, "cpu")
