"""A way out of a refusal, tried before it is proposed: which other options make a recipe that can be played?"""

from __future__ import annotations

import heapq
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count, pairwise
from traceback import walk_tb
from typing import NamedTuple

from .. import games
from ..errors import Mistake
from ..training.engine import Engine
from .changes import PlannedRun, RunRequest, changed_requests, describe_change

LAST_LINE = 10_000  # a line behind all others: what a game of its own asks for beside Adversarial
TRIES = 300  # combinations of changes, at most
TWINS = 2  # requests refused by the same sentence that are gone on with
ANOTHER, FURTHER = 2.5, -2.0  # what a change costs beside its own price, behind one that helped little, or much

PlanRun = Callable[[RunRequest], PlannedRun]  # Mistake for what is no recipe
TryRun = Callable[[PlannedRun, bool], None]  # Mistake for what cannot be played; fully, or as quickly as can be
Refuse = Callable[[RunRequest], Mistake | None]
Path = tuple[RunRequest, ...]


def add_advice(refusal: Mistake, wish: RunRequest, understand: PlanRun, attempt: TryRun) -> Mistake:
    """The same refusal with advice that was tried; with its own where nothing that was tried can be played."""
    why, _, advice = str(refusal).rpartition("; ")
    found = find_remedy(wish, refusal, understand, attempt)
    if found is None:
        return refusal
    told = describe_change(wish, found)
    if not wish.options and advice.startswith(told):
        return refusal  # which says more
    others, either, _ = advice.rpartition(", or take --")
    return Mistake(f"{why or advice}; {others}, or {told}" if either else f"{why or advice}; {told}")


def find_remedy(wish: RunRequest, refusal: Mistake, understand: PlanRun, attempt: TryRun) -> RunRequest | None:
    """The cheapest change, or changes, that lead to what can be played; if need be, of the recipe without options."""

    def refuse(other: RunRequest) -> Mistake | None:
        try:
            with warnings.catch_warnings(action="ignore"):  # of what was only tried
                attempt(understand(other), False)
        except Mistake as refusal:
            return refusal
        return None

    path, bare = search_remedy(wish, refusal, understand, refuse), wish._replace(options={})
    if not path and wish.options:
        again = refuse(bare)
        path = search_remedy(bare, again, understand, refuse) if again else (bare,)
    return undo_needless(path, refuse) if path else None


def search_remedy(wish: RunRequest, refusal: Mistake, understand: PlanRun, refuse: Refuse) -> Path:
    """The cheapest way from here, to its end; nothing if none is found.

    What comes further is gone on with soon; what comes up against something else at the same place, later; what does
    not come as far, never.
    """
    ways = Ways(wish, understand)
    ways.add(0.0, (wish,), refusal)
    for _ in range(TRIES):
        if (way := ways.next()) is None:
            return ()
        if (now := refuse(way.path[-1])) is None:
            return way.path
        further = refusal_stage(now) > refusal_stage(way.refusal)
        if str(now) == str(way.refusal) and not further:
            ways.useless.add((str(now), way.change))
        elif further or refusal_stage(now) == refusal_stage(way.refusal):
            ways.add(way.cost + (FURTHER if further else ANOTHER), way.path, now)
    return ()


def undo_needless(path: Path, refuse: Refuse) -> RunRequest:
    """The end of a path, without the steps that it can be played without: a later one may have made up for them."""
    steps = list(pairwise(path))
    for step in steps[:-1]:
        fewer = [other for other in steps if other is not step]
        if (end := take_steps(path[0], fewer)) not in path and refuse(end) is None:
            steps = fewer
    return take_steps(path[0], steps)


def take_steps(wish: RunRequest, steps: Iterable[tuple[RunRequest, RunRequest]]) -> RunRequest:
    """A request with the changes that were made from one of each two to the other."""
    for before, after in steps:
        kept = {o: text for o, text in wish.options.items() if o in after.options or o not in before.options}
        new = {o: text for o, text in after.options.items() if before.options.get(o) != text}
        settings = {name: value for name, value in after.settings.items() if before.settings.get(name) != value}
        wish = RunRequest(kept | new, {**wish.settings, **settings})
    return wish


class Way(NamedTuple):
    """From what was asked for, change by change, to what is to be tried next."""

    cost: float
    order: int
    path: Path
    change: str  # the last one
    refusal: Mistake  # that it may help out of


class Ways:
    """What is to be tried, the cheapest next.

    What left a refusal as it was is not tried again where the same sentence is met; nor are many ways to one sentence
    gone on with, for the cheapest stands for them all.
    """

    def __init__(self, start: RunRequest, understand: PlanRun) -> None:
        self.start, self.understand = start, understand
        self.heap: list[Way] = []
        self.order = count()
        self.seen = {request_key(start)}
        self.useless: set[tuple[str, str]] = set()  # sentences, and changes that left them
        self.met: Counter[str] = Counter()

    def add(self, cost: float, path: Path, refusal: Mistake) -> None:
        """What may be changed about a request that was refused, at the end of a path that cost so much."""
        self.met[str(refusal)] += 1
        if self.met[str(refusal)] > TWINS:
            return
        try:
            at = self.understand(path[-1])
        except Mistake:
            return
        for change in changed_requests(path[-1], at, self.start.options, refusal_stage(refusal)[0],
                                       str(refusal)):  # fmt: skip
            way = Way(cost + change.cost, next(self.order), (*path, change.request), change.name, refusal)
            heapq.heappush(self.heap, way)

    def next(self) -> Way | None:
        while self.heap:
            way = heapq.heappop(self.heap)
            key = request_key(way.path[-1])
            if key not in self.seen and (str(way.refusal), way.change) not in self.useless:
                self.seen.add(key)
                return way
        return None


def refusal_stage(refusal: Mistake) -> tuple[int, int]:
    """How far it came: to the networks; to the game, and to which line of its constructor; to the round."""
    frames = {frame.f_globals["__name__"]: line for frame, line in walk_tb(refusal.__traceback__)}
    game = [line for room, line in frames.items() if room.startswith(games.__name__) and not room.endswith("slots")]
    if Engine.__module__ in frames or not game:
        return 2 * (Engine.__module__ in frames), 0
    return 1, frames.get(games.adversarial.__name__, LAST_LINE)


def request_key(wish: RunRequest) -> tuple[object, ...]:
    return tuple(sorted(wish.options.items())), tuple(sorted(wish.settings.items()))
