"""Rows of many requests worked out together as soon as a worker is free; none ever waits for company."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from ..errors import Failure
from ..training.signals import Signals

Kind = TypeVar("Kind", bound=Hashable)
Item = TypeVar("Item")
Answer = TypeVar("Answer")
OLD, NEW = 0.8, 0.2  # shares of what was known and of the last pass, in the seconds that a row takes


class QueueFull(Failure):
    """There is no room for more; in so many seconds there may be."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, math.ceil(seconds))
        super().__init__(f"too much is asked of this server at once; ask again in {self.seconds} s")


class Closing(Failure):
    """The server takes nothing more."""

    def __init__(self) -> None:
        super().__init__("this server is shutting down; ask another one")


class Ticket(Generic[Kind, Item, Answer]):
    """A request's rows, of one kind, and its future: the answers in the order of the rows."""

    def __init__(self, kind: Kind, items: Sequence[Item], weight: float) -> None:
        self.kind, self.items, self.weight = kind, items, weight  # of a row, in the queue's unit
        self.future: Future[list[Answer]] = Future()
        self.future.set_running_or_notify_cancel()  # whoever gives up drops the ticket: no answer meets a cancelled one
        self.begun, self.dropped = 0, False
        self.answers: list[Answer] = []

    @property
    def waiting(self) -> int:
        """Rows that are not begun."""
        return 0 if self.dropped else len(self.items) - self.begun


class Batcher(Generic[Kind, Item, Answer]):
    """One worker thread that takes as many waiting rows of one kind as fit into a pass, whenever it is free.

    `work(kind, items)` gives an answer for each; `most(kind)` is how many fit. Requests take turns: of one that needs
    several passes the rest comes after whoever came meanwhile. `limit` is the weight of all rows that may wait; an
    empty queue takes any request, and one that would be waited for longer than `longest` seconds takes none.
    `passed(rows, seconds)` is told of each pass.
    """

    def __init__(self, work: Callable[[Kind, Sequence[Item]], Iterable[Answer]], most: Callable[[Kind], int],
                 limit: float, longest: float = math.inf,
                 passed: Callable[[int, float], object] = lambda *of: None) -> None:  # fmt: skip
        self.work, self.most, self.limit, self.longest, self.passed = work, most, limit, longest, passed
        self.tickets: deque[Ticket[Kind, Item, Answer]] = deque()
        self.current: list[Ticket[Kind, Item, Answer]] = []  # of the pass that is on
        self.changed = threading.Condition()
        self.closing, self.pace = False, 0.0  # seconds that a unit of weight takes
        self.leave = Signals()  # by which a long pass that nobody waits for any more is left
        self.worker = threading.Thread(target=self.serve, name="saddle passes", daemon=True)
        self.worker.start()

    @property
    def waiting(self) -> int:
        """Rows in the queue."""
        with self.changed:
            return sum(ticket.waiting for ticket in self.tickets)

    def load(self) -> float:
        return sum(ticket.waiting * ticket.weight for ticket in self.tickets)

    def check_room(self, weight: float = 0.0) -> None:
        """Raise QueueFull where so much more would be too much, Closing where nothing more is taken."""
        with self.changed:
            if self.closing:
                raise Closing
            load = self.load()
            if load and (load + weight > self.limit or self.pace * load > self.longest):
                raise QueueFull(self.pace * load)

    def submit(self, kind: Kind, items: Sequence[Item], weight: float = 1.0) -> Ticket[Kind, Item, Answer]:
        """Let rows wait for their passes; raises as `check_room` does."""
        with self.changed:
            self.check_room(weight * len(items))
            ticket: Ticket[Kind, Item, Answer] = Ticket(kind, items, weight)
            self.tickets.append(ticket)
            self.changed.notify()
        return ticket

    def drop(self, ticket: Ticket[Kind, Item, Answer]) -> None:
        """Nobody waits for it any more: what is not begun never will be, and a pass for it alone may be left."""
        with self.changed:
            ticket.dropped = True
            self.tickets = deque(one for one in self.tickets if one is not ticket)
            if self.current and all(one.dropped for one in self.current):
                self.leave.number = 1

    def close(self) -> None:
        """Take nothing more; what is queued is still worked out, and then the worker ends."""
        with self.changed:
            self.closing = True
            self.changed.notify_all()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for the worker's end; has it come?"""
        self.worker.join(seconds)
        return not self.worker.is_alive()

    def serve(self) -> None:
        while True:
            with self.changed:
                while not self.tickets and not self.closing:
                    self.changed.wait()
                if not self.tickets:
                    return
                chosen = self.take()
                self.current, self.leave.number = [ticket for ticket, _ in chosen], 0
            self.run(chosen)
            with self.changed:
                self.current = []

    def take(self) -> list[tuple[Ticket[Kind, Item, Answer], Sequence[Item]]]:
        """The rows of the next pass, of the kind that has waited longest."""
        kind = self.tickets[0].kind
        room = self.most(kind)
        chosen, rest, unfinished = [], deque[Ticket[Kind, Item, Answer]](), []
        for ticket in self.tickets:
            if ticket.kind != kind or not room:
                rest.append(ticket)
                continue
            some = ticket.items[ticket.begun : ticket.begun + room]
            ticket.begun += len(some)
            room -= len(some)
            chosen.append((ticket, some))
            if ticket.waiting:
                unfinished.append(ticket)
        rest.extend(unfinished)
        self.tickets = rest
        return chosen

    def run(self, chosen: Sequence[tuple[Ticket[Kind, Item, Answer], Sequence[Item]]]) -> None:
        """One pass; where it fails, each request's rows by themselves, so that none fails for another."""
        begin, rows = time.perf_counter(), [item for _, some in chosen for item in some]
        try:
            with self.leave.abandonable():
                answers = list(self.work(chosen[0][0].kind, rows))
            assert len(answers) == len(rows), "there is an answer for each row"
        except Exception as error:
            if len(chosen) > 1:
                for one in chosen:
                    self.run([one])
            else:
                self.fail(chosen[0][0], error)
            return
        seconds = time.perf_counter() - begin
        weight = sum(len(some) * ticket.weight for ticket, some in chosen)
        self.pace = OLD * self.pace + NEW * seconds / weight if self.pace else seconds / weight
        self.passed(len(rows), seconds)
        for ticket, some in chosen:
            ticket.answers += answers[: len(some)]
            answers = answers[len(some) :]
            if len(ticket.answers) == len(ticket.items) and not ticket.dropped:
                ticket.future.set_result(ticket.answers)

    def fail(self, ticket: Ticket[Kind, Item, Answer], error: Exception) -> None:
        wanted = not ticket.dropped
        self.drop(ticket)
        if wanted:
            ticket.future.set_exception(error)
