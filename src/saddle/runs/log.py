"""A run's log: one JSON object a line, reproducible values only; times go into a file of their own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..errors import Mistake, Unwritten


class Log:
    """Lines appended to a file. A resumed run cuts it back to its checkpoint's size; None cuts nothing."""

    def __init__(self, path: Path, size: int | None = 0) -> None:
        self.path = path
        self.file = path.open("ab")
        if size is not None:
            if self.file.tell() < size:
                raise Mistake(f"{path} is shorter than its checkpoint says ({self.file.tell()} of {size} bytes)")
            self.file.truncate(size)
            self.file.seek(size)  # or it would tell its old end until something is written

    def write(self, **facts: Any) -> None:
        try:
            self.file.write(json.dumps(facts).encode() + b"\n")
        except OSError as error:
            raise Unwritten(f"{self.path} could not be written: {error.strerror}") from error

    def settle(self) -> int:
        """Bring every line to the disk; returns the file's size, in bytes."""
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
        except OSError as error:
            raise Unwritten(f"{self.path} could not be written: {error.strerror}") from error
        return self.file.tell()

    def close(self) -> None:
        try:
            self.file.close()
        except OSError as error:
            raise Unwritten(f"{self.path} could not be written: {error.strerror}") from error


def read(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a log."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def append(path: Path, facts: Any) -> None:
    """One line more, on the disk; what a killed process left of a line goes first. Unwritten if the disk refuses."""
    try:
        with path.open("ab+") as file:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
            file.write(json.dumps(facts, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unwritten(f"{path} could not be written: {error.strerror}") from error
