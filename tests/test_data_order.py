"""The order is a pure function of seed and position; so is chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saddle.data.order import random_subset, random_words, sample_order


@given(st.integers(1, 60), st.integers(0, 2**63), st.integers(0, 5))
def test_each_epoch_shows_each_sample_once(n, seed, epoch):
    assert sorted(sample_order(n, seed, epoch * n, n)) == list(range(n))


@given(
    st.integers(1, 40), st.integers(0, 99), st.integers(0, 200), st.lists(st.integers(1, 50), min_size=1, max_size=5)
)
def test_any_cutting_of_the_stream_gives_the_same_stream(n, seed, start, lengths):
    whole = sample_order(n, seed, start, sum(lengths))
    ends = np.cumsum([0, *lengths])
    parts = [sample_order(n, seed, start + int(a), length) for a, length in zip(ends[:-1], lengths, strict=True)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_epochs_and_seeds_shuffle_differently():
    n = 1000
    first, second, other = sample_order(n, 0, 0, n), sample_order(n, 0, n, n), sample_order(n, 1, 0, n)
    for a, b in ((first, second), (first, other), (second, other)):
        assert (a == b).sum() < 12  # one fixed point is expected of two independent permutations


def test_every_permutation_of_three_is_as_frequent():
    rows = sample_order(3, 5, 0, 3 * 6000).reshape(-1, 3)
    _, counts = np.unique(rows, axis=0, return_counts=True)
    assert len(counts) == 6 and (abs(counts - 1000) < 5 * np.sqrt(1000 * 5 / 6)).all()


def test_chance_belongs_to_the_position():
    words = random_words(3, np.arange(100))
    assert np.array_equal(random_words(3, np.array([7, 99, 0])), words[[7, 99, 0]])
    assert len({*words, *random_words(4, np.arange(100)), *random_words(3, np.arange(100), stream=1)}) == 300


@pytest.mark.parametrize("seed", [0, 1, 2**63])
def test_every_bit_of_chance_is_a_fair_coin(seed):
    n = 20_000
    bits = np.unpackbits(random_words(seed, np.arange(n)).view(np.uint8)).reshape(n, 64)
    assert (abs(bits.mean(axis=0) - 0.5) < 5 * 0.5 / np.sqrt(n)).all()
    neighbours = (bits[1:] == bits[:-1]).mean(axis=0)
    assert (abs(neighbours - 0.5) < 5 * 0.5 / np.sqrt(n)).all()


def test_a_limit_takes_the_same_mixture_and_less_is_a_part_of_more():
    labels = np.repeat([0, 1], 500)
    few, more = random_subset(1000, 100), random_subset(1000, 300)
    assert set(few) < set(more) and list(few) == sorted(few)
    assert 30 < labels[few].sum() < 70
    assert np.array_equal(random_subset(5, None), np.arange(5)) and np.array_equal(random_subset(5, 9), np.arange(5))
