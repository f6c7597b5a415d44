"""A run's `measures.jsonl`: what was measured of it, when, with every number's protocol."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Mistake, format_count, require
from ..metrics.figures import Figure
from ..notices import Notify, warn_on_stderr
from ..regular import open_to_read
from .folder import RunFolder
from .lines import end_of_lines, lines_of
from .log import append_line, is_count, is_log_number
from .writing import write_text


class EarlyStop(NamedTuple):
    """Why a run ended before its length: nothing got better any more."""

    times: int  # measurements in a row without progress
    best: int | None  # images at the best one; None where no figure was a finite number

    def __str__(self) -> str:
        at = "" if self.best is None else f"; the best was at {self.best:,} images"
        return f"nothing clearly better for {format_count(self.times, 'measurement')}{at}"


@dataclass(frozen=True)
class Measurement:
    """What was measured at one moment of a run."""

    images: int  # real images shown so far
    round: int
    seconds: float  # of training so far
    figures: tuple[Figure, ...]
    stop: EarlyStop | None = None  # the run ended with it
    key: str = ""  # of all that the figures hang on, hex; none where nobody asks for it again


def measures_path(folder: RunFolder) -> Path:
    return folder.path / "measures.jsonl"


def read_measurements(folder: RunFolder, say: Notify = warn_on_stderr) -> list[Measurement]:
    """All of a run's measurements as they were written; none if there is no file.

    A last line that was cut is left out, with a warning. Mistake for any other line that is no measurement.
    """
    path = measures_path(folder)
    lines, torn = read_whole_lines(path)
    if torn:
        say(f"line {len(lines) + 1} of {path}, the last one, was cut while it was written, and is left out")
    return [parse_measurement(line, f"line {i} of {path}") for i, line in enumerate(lines, 1)]


def parse_measurement(text: str, where: str) -> Measurement:
    """What a line says."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        raise Mistake(f"{where} is damaged: it is no whole line of JSON; delete that line, or put it right") from None
    try:
        require(is_count(facts["images"]) and is_count(facts["round"]) and is_log_number(facts["seconds"], 0), "")
        figures = tuple(Figure.read(figure) for figure in facts["figures"])
        stop = EarlyStop(**facts["stop"]) if "stop" in facts else None
        require(
            bool(figures) and (stop is None or (is_count(stop.times) and (stop.best is None or is_count(stop.best)))),
            "",
        )
        key = facts.get("key", "")
        require(isinstance(key, str), "")
        return Measurement(facts["images"], facts["round"], facts["seconds"], figures, stop, key)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise Mistake(
            f"{where} is no measurement of saddle's, which tells images, round, seconds and figures"
        ) from None


def read_whole_lines(path: Path) -> tuple[list[str], bool]:
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


def write_lines(path: Path, lines: list[str]) -> None:
    """A file of these lines, whole or not at all."""
    write_text(path, "".join(f"{line}\n" for line in lines))


def append_measurement(folder: RunFolder, measurement: Measurement) -> None:
    """Write one measurement more, in place of a line that was cut; Unwritten where the disk is full."""
    path = measures_path(folder)
    lines, torn = read_whole_lines(path)
    if torn or (lines and not ended(path)):
        write_lines(path, lines)
    facts: dict[str, Any] = {"images": measurement.images, "round": measurement.round, "seconds": measurement.seconds,
                             "figures": [figure.facts() for figure in measurement.figures]}  # fmt: skip
    more: dict[str, Any] = {"stop": measurement.stop._asdict()} if measurement.stop else {}
    append_line(path, facts | more | ({"key": measurement.key} if measurement.key else {}))
