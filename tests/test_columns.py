"""What data hold: columns, the shape that a game is made for, and both as they are written into a manifest."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from saddle.aliases import make_old_shape
from saddle.batches import Captioned, Images, Pairs, Unpaired, batch_pictures, batch_shape
from saddle.data import ArrayDataset, Dataset, Feed, StoredColumn
from saddle.data.held_out import held_out_of, hold_out, label_counts
from saddle.data.sides import make_sides
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


def test_a_sheet_of_real_samples_has_all_pictures_of_a_batch():
    pair, only = (next(Feed(data, kind, 4, 0, "cpu")) for data, kind in ((pairs(), Pairs), (side(12), Images)))
    assert list(batch_pictures(pair)) == ["source", "target"] and list(batch_pictures(only)) == ["real"]


def test_held_out_samples_keep_their_columns():
    kept = hold_out(pairs(), 8)
    batch = next(Feed(kept, Pairs, 16, 0, "cpu"))
    assert len(kept) == 16 and batch.source.shape == (16, 1, 8, 8) and label_counts(kept) == [8, 8, 8]


def test_what_the_data_have_not_is_named():
    said = r"of image and caption \(Captioned\), but pairs has no image: its columns are target, label, "
    with pytest.raises(Mistake, match=said):
        Feed(pairs(), Captioned, 4, 0, "cpu")


def side(n, start=0, **options):
    pixels = np.arange(start, start + n, dtype=np.uint8)[:, None, None, None] * np.ones((8, 8, 1), np.uint8)
    return ArrayDataset(f"{n}", pixels, fingerprint=str(n), **options)


def shown(images):
    return ((images[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def test_each_side_has_an_order_of_its_own_that_hangs_on_seed_stream_and_place():
    data = make_sides("two", a=side(12), b=side(20, 100))
    feed = Feed(data, Unpaired, 4, 3, "cpu")
    batches = [next(feed) for _ in range(15)]  # 5 epochs of the one, 3 of the other
    a, b = ([n for batch in batches for n in shown(batch[i])] for i in (0, 1))
    assert len(data) == 20 and all(sorted(a[i:][:12]) == list(range(12)) for i in range(0, 60, 12))
    assert all(sorted(b[i:][:20]) == list(range(100, 120)) for i in range(0, 60, 20))
    alone = Feed(side(12), Images, 4, 3, "cpu")
    assert [n for _ in batches for n in shown(next(alone).image)] == a  # the first stream is the order that there was
    later = next(Feed(data, Unpaired, 4, 3, "cpu", position=40))
    parts = [next(Feed(data, Unpaired, 4, 3, "cpu", i, 2, position=40)) for i in (0, 1)]
    for some, *halves in zip(later, *parts, strict=True):
        assert torch.equal(some, torch.cat(halves))
    assert (shown(later.a), shown(later.b)) == (a[40:44], b[40:44])


def test_one_set_can_be_played_unpaired_with_itself():
    more = {"b": StoredColumn(side(12).samples, Picture(SMALL))}
    both = ArrayDataset("both", side(12).samples, column="a", more=more)
    batch = next(Feed(both, Unpaired, 12, 0, "cpu"))
    assert shown(batch.a) != shown(batch.b) and sorted(shown(batch.a)) == sorted(shown(batch.b))


def test_sides_are_no_pairs_and_a_batch_is_no_larger_than_the_smaller():
    data = make_sides("two", source=side(12), target=side(20))
    with pytest.raises(Mistake, match=r"source and target of two are of different samples, .* Pairs are of the same"):
        Feed(data, Pairs, 4, 0, "cpu")
    with pytest.raises(Mistake, match="a batch of 13 is larger than two, which has 12 samples"):
        Feed(make_sides("two", a=side(12), b=side(20)), Unpaired, 13, 0, "cpu")


def test_a_side_has_no_sides():
    with pytest.raises(Mistake, match="a of more have sides themselves; give one of these"):
        make_sides("more", a=make_sides("two", a=side(12), b=side(20)), b=side(12))


def test_samples_are_held_out_of_each_side():
    kept = hold_out(make_sides("two", a=side(12), b=side(20)), 4)
    held = held_out_of(kept)
    seen = [next(Feed(data, Unpaired, n, 0, "cpu")) for data, n in ((kept, 8), (held, 4))]
    assert sorted(shown(torch.cat([batch.a for batch in seen]))) == list(range(12))
    assert held.fingerprint != kept.fingerprint != make_sides("two", a=side(12), b=side(20)).fingerprint
