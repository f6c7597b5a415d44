"""A run's log: one JSON object a line, reproducible values only; times go into a file of their own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import WriteFailure, format_count, require
from ..notices import Notify, warn_on_stderr
from ..regular import open_to_append
from .lines import BLOCK, append_whole, end_of_lines, lines_of
from .writing import write_atomically

LogLine = dict[str, Any]
BUFFER = 8192  # bytes that wait at most
MAX_LOG_NUMBER = 2.0**128  # no number of a log is: they come in single precision


class Log:
    """Lines appended to a file. A resumed run cuts it back to its checkpoint's size; None cuts nothing."""

    def __init__(self, path: Path, size: int | None = 0, say: Notify = warn_on_stderr) -> None:
        require(size is None or is_count(size), f"{path} should be cut to {size!r}, which is no size")
        self.path = path
        self.file, self.pending = open_to_continue(path), b""
        if size is not None:
            if (here := self.file.seek(0, os.SEEK_END)) < size:
                say(f"{path} is shorter than its checkpoint says ({here} of {size} bytes); the rest of it is lost")
                size = end_of_lines(self.file)  # what was cut while it was written goes, too
            self.file.truncate(size)
            self.file.seek(size)  # or it would tell its old end until something is written

    def write(self, **facts: Any) -> None:
        self.pending += json.dumps(facts).encode() + b"\n"
        if len(self.pending) > BUFFER:
            self.flush()

    def flush(self) -> None:
        """Hand over what waits, whole lines or none."""
        if self.pending:
            self.append(self.pending)
            self.pending = b""

    def append(self, content: bytes) -> None:
        try:
            append_whole(self.file, content)
        except OSError as error:
            raise WriteFailure(f"{self.path} could not be written: {error.strerror}") from error

    def sync(self) -> int:
        """Bring every line to the disk; returns the file's size, in bytes."""
        self.flush()
        try:
            os.fsync(self.file.fileno())
        except OSError as error:
            raise WriteFailure(f"{self.path} could not be written: {error.strerror}") from error
        return self.file.seek(0, os.SEEK_END)

    def restore_deleted(self) -> list[str]:
        """Write it again, whole, if it was deleted or another file took its place; a sentence on that."""
        if self.path.exists() and os.path.samestat(os.fstat(self.file.fileno()), self.path.stat()):
            return []
        self.sync()
        with self.file as old:
            old.seek(0)
            self.file = open_to_continue(self.path)
            self.file.truncate(0)
            while block := old.read(BLOCK):
                self.append(block)
        return [f"{self.path} was deleted while the run played, and is written again"]

    def close(self) -> None:
        if not self.file.closed:
            with self.file:
                self.flush()


def open_to_continue(path: Path) -> BinaryIO:
    """A file of a run to go on with; one that has a second name, as in a backup of hard links, is copied first."""
    try:
        file = open_to_append(path, path.parent)
        if os.fstat(file.fileno()).st_nlink < 2:
            return file
        with file:
            file.seek(0)
            write_atomically(path, lambda draft: shutil.copyfileobj(file, draft))
        return open_to_append(path, path.parent)
    except OSError as error:
        raise WriteFailure(f"{path} could not be written: {error.strerror}") from error


def is_log_number(value: object, least: float = -MAX_LOG_NUMBER) -> bool:
    """Is this a number that a log can hold?"""
    fine = isinstance(value, int | float) and not isinstance(value, bool)
    return fine and least <= value <= MAX_LOG_NUMBER  # type: ignore[operator] # which no NaN is


def is_count(value: object) -> bool:
    return isinstance(value, int) and is_log_number(value, 0)


def is_one_line(value: object) -> bool:
    """Is this text of one line?"""
    return isinstance(value, str) and value.isprintable()


def is_round_line(line: Mapping[str, object]) -> bool:
    """Is this a line of log.jsonl: a round, its images, and terms by name, or that the run has gone back?"""
    places = is_count(line.get("round")) and is_count(line.get("images"))
    return places and all(is_one_line(key) and is_log_number(value) for key, value in line.items())


def read_log(
    path: Path, fits: Callable[[LogLine], bool] = is_round_line, say: Notify = warn_on_stderr
) -> list[LogLine]:
    """The whole lines of a log that say what they should; what `say` gets is how many others there are."""
    good: list[LogLine] = []
    bad = first = 0
    for place, text in enumerate(lines_of(path), 1):
        line = parse_line(text)
        if line is not None and fits(line) and text.endswith(b"\n"):
            good.append(line)
        elif text.endswith(b"\n"):
            bad, first = bad + 1, first or place
    if bad:
        say(
            f"{format_count(bad, 'line')} of {path} {'is' if bad == 1 else 'are'} damaged and left out, such as {first}"
        )
    return good


def parse_line(line: bytes) -> LogLine | None:
    """What a line says; None if it is no object of JSON."""
    try:
        facts = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def append_line(path: Path, facts: Any) -> None:
    """One line more, on the disk; what a killed process left of a line goes first. Unwritten if the disk refuses."""
    try:
        with open_to_continue(path) as file:
            file.truncate(end_of_lines(file))
            append_whole(file, json.dumps(facts, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
            os.fsync(file.fileno())
    except OSError as error:
        raise WriteFailure(f"{path} could not be written: {error.strerror}") from error
