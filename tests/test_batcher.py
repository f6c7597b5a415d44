"""Rows of many requests in shared passes: who waits, who takes turns, what is refused, dropped and finished."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Iterator, Sequence

import pytest

from saddle.errors import Mistake
from saddle.serve.batcher import Batcher, Closing, QueueFull

Doubling = Batcher[Hashable, int, int]


class Work:
    """Doubles numbers, pass by pass, each of which waits for leave; remembers what stood in each."""

    def __init__(self) -> None:
        self.passes: list[tuple[Hashable, list[int]]] = []
        self.leave, self.begun = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, kind: Hashable, items: Sequence[int]) -> list[int]:
        self.passes.append((kind, list(items)))
        self.begun.release()
        assert self.leave.acquire(timeout=10)
        if 13 in items:
            raise Mistake("13 is refused")
        return [2 * item for item in items]

    def go(self, passes: int = 100) -> None:
        self.leave.release(passes)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def batcher(work: Work) -> Iterator[Doubling]:
    made: Doubling = Batcher(work, lambda kind: 4, limit=8)
    yield made
    made.close()
    work.go()
    assert made.join(10)


def first_is_on(work: Work, batcher: Doubling) -> None:
    """A pass is on, so that what comes now waits."""
    batcher.submit("a", [0])
    assert work.begun.acquire(timeout=10)


def test_a_lone_request_never_waits_for_company(work: Work, batcher: Doubling):
    work.go()
    assert batcher.submit("a", [1]).future.result(10) == [2]
    assert work.passes == [("a", [1])]


def test_what_came_during_a_pass_is_one_pass_of_its_kind(work: Work, batcher: Doubling):
    first_is_on(work, batcher)
    tickets = [batcher.submit(kind, [i]) for i, kind in enumerate("abab", 1)]
    work.go()
    assert [ticket.future.result(10) for ticket in tickets] == [[2], [4], [6], [8]]
    assert work.passes[1:] == [("a", [1, 3]), ("b", [2, 4])]


def test_requests_of_several_passes_take_turns_with_others(work: Work, batcher: Doubling):
    first_is_on(work, batcher)
    large, small = batcher.submit("a", [1, 2, 3, 4, 5, 6]), batcher.submit("a", [7, 8])
    work.go()
    assert large.future.result(10) == [2, 4, 6, 8, 10, 12] and small.future.result(10) == [14, 16]
    assert [items for _, items in work.passes[1:]] == [[1, 2, 3, 4], [7, 8, 5, 6]]


def test_a_full_queue_says_when_to_come_again_and_an_empty_one_takes_anything(work: Work, batcher: Doubling):
    first_is_on(work, batcher)
    batcher.submit("a", [1], weight=100)  # nothing waits
    with pytest.raises(QueueFull) as full:
        batcher.submit("a", [2])
    assert full.value.seconds >= 1


def test_none_is_taken_that_would_wait_longer_than_is_allowed(work: Work):
    made: Doubling = Batcher(work, lambda kind: 1, limit=100, longest=0.5)
    first_is_on(work, made)
    made.submit("a", [1])
    made.pace = 0.4  # seconds a row
    made.submit("a", [2])
    with pytest.raises(QueueFull, match="ask again in 1 s"):
        made.submit("a", [3])
    work.go()
    made.close()
    assert made.join(10)


def test_what_is_dropped_is_never_begun(work: Work, batcher: Doubling):
    first_is_on(work, batcher)
    gone, kept = batcher.submit("a", [1, 2]), batcher.submit("a", [3])
    batcher.drop(gone)
    work.go()
    assert kept.future.result(10) == [6] and not gone.future.done()
    assert work.passes[1:] == [("a", [3])]


def test_a_pass_that_nobody_waits_for_any_more_can_be_left():
    from saddle.training.signals import check_abandoned

    begun = threading.Event()

    def long(kind: Hashable, items: Sequence[int]) -> list[int]:
        begun.set()
        while items == [0]:
            time.sleep(0.001)
            check_abandoned()
        return list(items)

    made: Doubling = Batcher(long, lambda kind: 1, limit=8)
    ticket = made.submit("a", [0])
    assert begun.wait(10)
    made.drop(ticket)
    assert made.submit("a", [1]).future.result(10) == [1]
    made.close()
    assert made.join(10)


def test_a_request_that_fails_fails_alone(work: Work, batcher: Doubling):
    first_is_on(work, batcher)
    good, bad, last = (batcher.submit("a", [i]) for i in (1, 13, 2))
    work.go()
    assert good.future.result(10) == [2] and last.future.result(10) == [4]
    with pytest.raises(Mistake, match="13 is refused"):
        bad.future.result(10)


def test_closing_takes_nothing_more_and_finishes_what_is_queued(work: Work, batcher: Doubling):
    first_is_on(work, batcher)
    queued = batcher.submit("a", [1])
    batcher.close()
    with pytest.raises(Closing, match="shutting down"):
        batcher.submit("a", [2])
    assert not batcher.join(0.01)
    work.go()
    assert batcher.join(10) and queued.future.result(0) == [2]


def test_a_hundred_threads_get_each_its_own():
    made: Doubling = Batcher(lambda kind, items: [2 * item for item in items], lambda kind: 7, limit=10**6)
    found: dict[int, list[int]] = {}

    def ask(number: int) -> None:
        wanted = [number * 1000 + i for i in range(number % 17 + 1)]
        found[number] = made.submit(number % 2, wanted).future.result(30)

    threads = [threading.Thread(target=ask, args=[number]) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.close()
    assert made.join(10)
    assert found == {n: [2 * (n * 1000 + i) for i in range(n % 17 + 1)] for n in range(100)}
