"""What was read last, by number, for several threads: each thing is read once, and the oldest goes for the next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class RecentlyRead(Generic[V]):
    """Things of so many bytes together, at most, but for those that are just being read."""

    def __init__(self, read: Callable[[int], V], sizes: Callable[[int], int], most: int) -> None:
        self.read, self.sizes, self.most = read, sizes, most
        self.there: OrderedDict[int, Future[V]] = OrderedDict()
        self.held, self.lock = 0, Lock()

    def __getitem__(self, number: int) -> V:
        """The thing of this number; raises what reading it raised, and reads it again the next time."""
        with self.lock:
            mine = number not in self.there
            if mine:
                self.there[number] = Future()
                self.held += self.sizes(number)
                self.forget()
            self.there.move_to_end(number)
            future = self.there[number]
        if mine:
            try:
                future.set_result(self.read(number))
            except BaseException as error:
                future.set_exception(error)
                with self.lock:
                    if self.there.get(number) is future:
                        del self.there[number]
                        self.held -= self.sizes(number)
        return future.result()

    def forget(self) -> None:
        """Let go of what was asked for longest ago, until the rest fits; never of the last."""
        while self.held > self.most and len(self.there) > 1:
            number, _ = self.there.popitem(last=False)
            self.held -= self.sizes(number)
