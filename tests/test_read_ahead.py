"""Rows read ahead in threads: in order, once, no more than are wanted, and no thread is left."""

from __future__ import annotations

import gc
import threading
import time

import numpy as np
import pytest

from saddle.data.decoding.read_ahead import ReadAhead


def decoders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("saddle-decode")]


def rest(seconds: float = 5.0) -> None:
    """Until no thread decodes any more."""
    until = time.monotonic() + seconds
    while decoders() and time.monotonic() < until:
        time.sleep(0.01)


def test_rows_come_in_the_order_in_which_they_were_asked_for() -> None:
    ahead = ReadAhead(lambda index: np.stack([index, index**2], 1))
    index = np.random.default_rng(0).integers(0, 1000, 100)
    assert np.array_equal(ahead.begin(index).result(), np.stack([index, index**2], 1))
    assert ahead.begin(index[:1]).result().shape == (1, 2)


def test_they_are_read_before_they_are_asked_for_and_only_once() -> None:
    read, done = [], threading.Event()

    def note(index: np.ndarray) -> np.ndarray:
        read.extend(index.tolist())
        if len(read) == 4:
            done.set()
        return index

    pending = ReadAhead(note).begin(np.arange(4))
    assert done.wait(5) and np.array_equal(pending.result(), np.arange(4)) and sorted(read) == [0, 1, 2, 3]


def test_what_nobody_waits_for_any_more_is_not_read_and_no_thread_is_left() -> None:
    read, go = [], threading.Event()

    def slow(index: np.ndarray) -> np.ndarray:
        go.wait(5)
        read.extend(index.tolist())
        return index

    ahead = ReadAhead(slow)
    pending = [ahead.begin(np.arange(i, i + 1000)) for i in range(0, 4000, 1000)]
    del pending, ahead
    go.set()
    gc.collect()
    rest()
    assert not decoders() and len(read) <= 1000  # what had been begun, and nothing else


def test_what_reading_raises_is_raised_where_the_rows_are_asked_for() -> None:
    def bad(index: np.ndarray) -> np.ndarray:
        raise ValueError(f"no row {index[0]}")

    pending = ReadAhead(bad).begin(np.arange(7, 9))
    with pytest.raises(ValueError, match="no row 7"):
        pending.result()
