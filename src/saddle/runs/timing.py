"""A run's timing.jsonl: seconds of training, and of waiting for data, at how many images, over all resumptions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..notices import Notify, warn_on_stderr
from .log import Log, is_count, is_log_number, read_log
from .writing import write_text

NOTED_IDLE = 0.02  # a share of the training's time: to have waited less for data is not worth a word
FloatArray = npt.NDArray[np.float64]


class Pace(NamedTuple):
    """Images shown and seconds of training, both rising from nought; of some images no time may be known."""

    images: FloatArray
    seconds: FloatArray
    untimed: float = 0.0  # images
    waited: FloatArray | None = None  # seconds of these in which training waited for its data

    @property
    def speed(self) -> float:
        """Images a second; 0 where that is not known."""
        return float((self.images[-1] - self.untimed) / self.seconds[-1]) if self.seconds[-1] else 0.0

    @property
    def idle(self) -> float:
        """The share of the time that training waited for its data."""
        return float(self.waited[-1] / self.seconds[-1]) if self.waited is not None and self.seconds[-1] else 0.0

    def at(self, images: float) -> float:
        """Seconds of training when so many images had been shown."""
        return float(self.seconds[np.searchsorted(self.images, images, "right") - 1])

    def until(self, images: float) -> Pace:
        """What came later was lost when the run was killed, and is played again."""
        last = np.searchsorted(self.images, images, "right")
        waited = None if self.waited is None else self.waited[:last]
        return Pace(self.images[:last], self.seconds[:last], self.untimed, waited)


def read_pace(path: Path, say: Notify = warn_on_stderr) -> Pace:
    return parse_pace(read_log(path, is_timing_line, say))


def is_timing_line(line: Mapping[str, object]) -> bool:
    """Is this a line of timing.jsonl?"""
    return (
        is_count(line.get("images"))
        and is_log_number(line.get("seconds"), 0)
        and is_log_number(line.get("untimed", 0), 0)
        and is_log_number(line.get("waited", 0), 0)
    )


def parse_pace(lines: Sequence[Mapping[str, Any]]) -> Pace:
    """What the lines of a timing.jsonl say; in old ones every resumption counts its seconds anew.

    A killed run of those repeats the rounds since its checkpoint: what was lost is left out, so that time is what led
    to the weights.
    """
    images, seconds, waited = [0.0], [0.0], [0.0]
    offset = before = untimed = 0.0
    for line in lines:
        if line["seconds"] < before:
            while images[-1] >= line["images"] and len(images) > 1:
                images.pop()
                seconds.pop()
                waited.pop()
            offset = seconds[-1]
        before = line["seconds"]
        untimed += line.get("untimed", 0)
        if line["images"] > images[-1]:
            images.append(line["images"])
            seconds.append(offset + before)
            waited.append(line.get("waited", waited[-1]))
    return Pace(np.array(images), np.array(seconds), untimed, np.array(waited))


class TimeSpent(NamedTuple):
    """Seconds of training, and those of them in which it waited for its data."""

    seconds: float
    waited: float = 0.0


def continue_timing(path: Path, images: int, say: Notify = warn_on_stderr) -> tuple[Log, TimeSpent]:
    """The file, to go on with at so many images, and the time spent until then; what came later goes."""
    past = read_pace(path, say).until(images)
    columns = [past.seconds, np.zeros_like(past.seconds) if past.waited is None else past.waited]
    spent = [TimeSpent(*(round(float(x), 3) for x in row)) for row in zip(*columns, strict=True)]
    facts = [{"images": int(n), "seconds": at.seconds} | ({"waited": at.waited} if at.waited else {})
             for n, at in zip(past.images, spent, strict=True)][1:]  # fmt: skip
    missing = past.untimed + images - past.images[-1]
    if missing:
        facts.append({"images": images, "seconds": spent[-1].seconds, "untimed": int(missing)})
    write_text(path, "".join(f"{json.dumps(line)}\n" for line in facts))
    return Log(path, None), spent[-1]
