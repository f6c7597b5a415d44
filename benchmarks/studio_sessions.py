"""Many visitors at once in the studio: is each answer the one that is given alone, and does memory stay flat?

`python benchmarks/studio_sessions.py RUN` starts a studio over RUN in a process of its own. Ten visitors (`--sessions`)
play for a minute (`--seconds`), each its own game again and again: samples by seed, clicks on them, sliders, a walk,
and a picture of the tab Theory. They ask what the page asks, by the same events. Every answer is compared, to the
letter, with the one that the same game was given when nobody else was there. Without RUN dcgan is trained on glyphs at
64 pixels for half a minute first. It ends with an error where an answer was wrong or did not come.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from studio_clicks import Studio, served, train_plain
from visitors import let_visit

STATE = None  # what a page sends in place of what the server keeps for it
SLIDERS, SAMPLES = 6, 9


@dataclass(frozen=True)
class Asked:
    """One event of the page."""

    name: str
    data: tuple[Any, ...]
    place: int | None = None  # of a click


@dataclass
class Tally:
    """What all visitors saw."""

    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # answers that differ from those alone
    faults: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)  # kB of the server, over time


class Visitor:
    """A session: what it picked is kept by the server, under its name."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=120)
        self.name = uuid.uuid4().hex[:10]

    def ask(self, asked: Asked) -> str:
        """What changes on the page, as JSON; OSError for a refusal."""
        click = {} if asked.place is None else {"event_data": {"place": asked.place}}
        body = json.dumps({"data": asked.data, "session_hash": self.name} | click)
        path, kind = f"/gradio_api/run/{asked.name}", {"Content-Type": "application/json"}
        self.connection.request("POST", path, body, kind)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise OSError(f"{asked.name}: {answer.status} {content[:200]!r}")
        return json.dumps(json.loads(content)["data"])


def game(run: str, number: int, long: int = 3) -> list[Asked]:
    """What one visitor does, of whom each has seeds of its own."""
    dice, found = np.random.default_rng(number), []
    for _ in range(long):
        wish = (run, int(dice.integers(1 << 20)), SAMPLES, "", "", 1)
        a, b, c = (int(place) for place in dice.choice(SAMPLES, 3, replace=False))
        strengths = tuple(round(float(x), 2) for x in dice.uniform(-3, 3, SLIDERS))
        share = round(float(dice.uniform()), 2)
        asked = (STATE, 0.5, "sefa", "all", *strengths, *wish)
        found += [Asked("samples", wish), Asked("open_directions", asked), Asked("pick", ("these", STATE, *asked), a),
                  Asked("move", (STATE, *asked)), Asked("open_walk", asked), Asked("pick", ("these", STATE, *asked), b),
                  Asked("pick", ("these", STATE, *asked), c), Asked("move", (STATE, STATE, share, *asked[2:])),
                  Asked("walk_likelihood", (round(float(dice.uniform(-5, 5)), 1), 1.5))]  # fmt: skip
    return [*found, Asked("clear", ())]


def play(address: str, asked: Sequence[Asked]) -> list[str]:
    visitor = Visitor(address)
    with contextlib.closing(visitor.connection):
        return [visitor.ask(one) for one in asked]


def session(address: str, asked: Sequence[Asked], alone: Sequence[str], until: float, tally: Tally) -> None:
    """One visitor, whose answers are compared with those alone."""
    visitor = Visitor(address)
    while time.monotonic() < until:
        for one, expected in zip(asked, alone, strict=True):
            begin = time.perf_counter()
            try:
                answer = visitor.ask(one)
            except (OSError, http.client.HTTPException) as error:
                tally.faults.append(repr(error))
                visitor.connection.close()
                return
            tally.seconds.append(time.perf_counter() - begin)
            if answer != expected:
                tally.wrong.append(f"{one} was answered {answer[:200]}, and alone {expected[:200]}")
    visitor.connection.close()


def load(studio: Studio, run: Path, sessions: int, seconds: float) -> Tally:
    """What visitors at once are answered, each compared with the same game alone."""
    games = [game(str(run), number) for number in range(sessions)]
    alone = [play(studio.address, one) for one in games]
    tally, until = Tally(), time.monotonic() + seconds
    threads = [threading.Thread(target=session, args=(studio.address, asked, expected, until, tally))
               for asked, expected in zip(games, alone, strict=True)]  # fmt: skip
    tally.memory += let_visit(threads, studio.memory, seconds)
    return tally


def describe(tally: Tally, sessions: int) -> str:
    """A line of figures."""
    p50, p95 = (1000 * float(np.quantile(tally.seconds or [0.0], q)) for q in (0.5, 0.95))
    third = max(1, len(tally.memory) // 3)
    early, late = np.median(tally.memory[third : 2 * third] or [0]) / 1024, np.median(tally.memory[-third:]) / 1024
    speed = f"{len(tally.seconds)} answers, {p50:.0f} ms by the median, {p95:.0f} ms for 95 of 100"
    troubles = f"wrong answers {len(tally.wrong)}, faults {len(tally.faults)}"
    return f"{sessions} visitors, {speed}, {troubles}, memory {early:.0f} then {late:.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    run = asked.run or train_plain()
    with served(run) as studio:
        tally = load(studio, run, asked.sessions, asked.seconds)
    print(describe(tally, asked.sessions))
    for trouble in (*tally.wrong[:3], *tally.faults[:3]):
        print("  ", trouble)
    sys.exit(os.EX_DATAERR if tally.wrong or tally.faults or not tally.seconds else os.EX_OK)


if __name__ == "__main__":
    main()
