"""What the health checks found: one JSON object a line in a run's health.jsonl."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from .log import read


class Finding(NamedTuple):
    """Something that goes wrong in a run: what was seen, and one thing to try."""

    check: str
    round: int  # when it was found
    images: int
    evidence: str
    advice: str
    grave: bool  # the run is worth nothing unless it clears

    def __str__(self) -> str:
        return f"{self.check}: {self.evidence}; {self.advice}"


def file(folder: Path) -> Path:
    return folder / "health.jsonl"


def read_findings(folder: Path) -> list[dict[str, Any]]:
    """A run's findings as they came, each with `until`: the images at which it had cleared, or None."""
    findings: list[dict[str, Any]] = []
    for line in read(file(folder)):
        if "cleared" not in line:
            findings.append(line | {"until": None})
            continue
        last = next(f for f in reversed(findings) if f["check"] == line["cleared"])
        last["until"] = line["images"]
    return findings
