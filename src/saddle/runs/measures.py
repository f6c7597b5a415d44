"""A run's `measures.jsonl`: what was measured of it, when, with every number's protocol."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Mistake, plural, require
from ..metrics.figures import Figure
from ..regular import open_to_read
from .folder import Folder, write_text
from .lines import end_of_lines, lines_of
from .log import Say, append, count, number, warned


class Stop(NamedTuple):
    """Why a run ended before its length: nothing got better any more."""

    times: int  # measurements in a row without progress
    best: int | None  # images at the best one; None where no figure was a finite number

    def __str__(self) -> str:
        at = "" if self.best is None else f"; the best was at {self.best:,} images"
        return f"nothing clearly better for {plural(self.times, 'measurement')}{at}"


@dataclass(frozen=True)
class Measurement:
    """What was measured at one moment of a run."""

    images: int  # real images shown so far
    round: int
    seconds: float  # of training so far
    figures: tuple[Figure, ...]
    stop: Stop | None = None  # the run ended with it


def measures(folder: Folder) -> Path:
    return folder.path / "measures.jsonl"


def read_measures(folder: Folder, say: Say = warned) -> list[Measurement]:
    """All of a run's measurements as they were written; none if there is no file.

    A last line that was cut is left out, with a warning. Mistake for any other line that is no measurement.
    """
    path = measures(folder)
    lines, torn = whole_lines(path)
    if torn:
        say(f"line {len(lines) + 1} of {path}, the last one, was cut while it was written, and is left out")
    return [parsed(line, f"line {i} of {path}") for i, line in enumerate(lines, 1)]


def parsed(text: str, where: str) -> Measurement:
    """What a line says."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        raise Mistake(f"{where} is damaged: it is no whole line of JSON; delete that line, or put it right") from None
    try:
        require(count(facts["images"]) and count(facts["round"]) and number(facts["seconds"], 0), "")
        figures = tuple(Figure.read(figure) for figure in facts["figures"])
        stop = Stop(**facts["stop"]) if "stop" in facts else None
        require(bool(figures) and (stop is None or (count(stop.times) and (stop.best is None or count(stop.best)))), "")
        return Measurement(facts["images"], facts["round"], facts["seconds"], figures, stop)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise Mistake(
            f"{where} is no measurement of saddle's, which tells images, round, seconds and figures"
        ) from None


def whole_lines(path: Path) -> tuple[list[str], bool]:
    """The lines of a file, and whether one more, the last, is cut."""
    lines = [line.decode(errors="replace").removesuffix("\n") for line in lines_of(path)]
    cut = bool(lines) and not is_json(lines[-1])
    return (lines[:-1] if cut else lines), cut


def ended(path: Path) -> bool:
    """Has the last line its end?"""
    with open_to_read(path, path.parent) as file:
        return end_of_lines(file) == file.seek(0, os.SEEK_END)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def keep_lines(path: Path, lines: list[str]) -> None:
    """A file of these lines, whole or not at all."""
    write_text(path, "".join(f"{line}\n" for line in lines))


def add_measure(folder: Folder, measurement: Measurement) -> None:
    """Write one measurement more, in place of a line that was cut; Unwritten where the disk is full."""
    path = measures(folder)
    lines, torn = whole_lines(path)
    if torn or (lines and not ended(path)):
        keep_lines(path, lines)
    facts: dict[str, Any] = {"images": measurement.images, "round": measurement.round, "seconds": measurement.seconds,
                             "figures": [figure.facts() for figure in measurement.figures]}  # fmt: skip
    append(path, facts | ({"stop": measurement.stop._asdict()} if measurement.stop else {}))
