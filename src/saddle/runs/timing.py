"""A run's timing.jsonl: how many seconds of training had gone by at how many images, over all its resumptions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..notices import Notify, warn_on_stderr
from .folder import write_text
from .log import Log, is_count, is_log_number, read_log

FloatArray = npt.NDArray[np.float64]


class Pace(NamedTuple):
    """Images shown and seconds of training, both rising from nought; of some images no time may be known."""

    images: FloatArray
    seconds: FloatArray
    untimed: float = 0.0  # images

    @property
    def speed(self) -> float:
        """Images a second; 0 where that is not known."""
        return float((self.images[-1] - self.untimed) / self.seconds[-1]) if self.seconds[-1] else 0.0

    def at(self, images: float) -> float:
        """Seconds of training when so many images had been shown."""
        return float(self.seconds[np.searchsorted(self.images, images, "right") - 1])

    def until(self, images: float) -> Pace:
        """What came later was lost when the run was killed, and is played again."""
        last = np.searchsorted(self.images, images, "right")
        return Pace(self.images[:last], self.seconds[:last], self.untimed)


def read_pace(path: Path, say: Notify = warn_on_stderr) -> Pace:
    return parse_pace(read_log(path, is_timing_line, say))


def is_timing_line(line: Mapping[str, object]) -> bool:
    """Is this a line of timing.jsonl?"""
    return (
        is_count(line.get("images"))
        and is_log_number(line.get("seconds"), 0)
        and is_log_number(line.get("untimed", 0), 0)
    )


def parse_pace(lines: Sequence[Mapping[str, Any]]) -> Pace:
    """What the lines of a timing.jsonl say; in old ones every resumption counts its seconds anew.

    A killed run of those repeats the rounds since its checkpoint: what was lost is left out, so that time is what led
    to the weights.
    """
    images, seconds = [0.0], [0.0]
    offset = before = untimed = 0.0
    for line in lines:
        if line["seconds"] < before:
            while images[-1] >= line["images"] and len(images) > 1:
                images.pop()
                seconds.pop()
            offset = seconds[-1]
        before = line["seconds"]
        untimed += line.get("untimed", 0)
        if line["images"] > images[-1]:
            images.append(line["images"])
            seconds.append(offset + before)
    return Pace(np.array(images), np.array(seconds), untimed)


def continue_timing(path: Path, images: int, say: Notify = warn_on_stderr) -> tuple[Log, float]:
    """The file, to go on with at so many images, and the seconds of training until then; what came later goes."""
    past = read_pace(path, say).until(images)
    before = round(float(past.seconds[-1]), 3)
    facts = [{"images": int(shown), "seconds": round(float(s), 3)} for shown, s in zip(*past[:2], strict=True)][1:]
    missing = past.untimed + images - past.images[-1]
    if missing:
        facts.append({"images": images, "seconds": before, "untimed": int(missing)})
    write_text(path, "".join(f"{json.dumps(line)}\n" for line in facts))
    return Log(path, None), before
