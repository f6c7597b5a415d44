"""What the health checks found: one JSON object a line in a run's health.jsonl."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ..notices import Notify, warn_on_stderr
from .log import LogLine, is_count, is_one_line, read_log


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


class Rollback(NamedTuple):
    """A run's return to a healthy state, because of a grave finding."""

    check: str
    round: int  # which is played next
    images: int  # shown until then: they go on being counted
    to: int  # images at which the players stood as they do now
    times: int  # that the run has gone back, this one included

    def __str__(self) -> str:
        return f"{self.check}: the players go back to what they were at {self.to:,} images (rollback {self.times})"


def health_path(folder: Path) -> Path:
    return folder / "health.jsonl"


def is_health_line(line: LogLine) -> bool:
    """Is this a line of health.jsonl: a finding, that one has cleared, or that the run has gone back?"""
    if not (is_count(line.get("round")) and is_count(line.get("images"))):
        return False
    if "rolled_back" in line:
        return is_one_line(line["rolled_back"]) and is_count(line.get("to")) and is_count(line.get("times"))
    if "cleared" in line:
        return is_one_line(line["cleared"])
    return isinstance(line.get("grave"), bool) and all(
        is_one_line(line.get(key)) for key in ("check", "evidence", "advice")
    )


def read_findings(folder: Path, say: Notify = warn_on_stderr) -> list[dict[str, Any]]:
    """A run's findings as they came, each with `until`: the images at which it had cleared, or None.

    Where the run went back because of it, or while it spoke, `back` has the images of the state it went back to.
    Damaged lines are left out, and said.
    """
    findings: list[dict[str, Any]] = []
    for line in read_log(health_path(folder), is_health_line, say):
        if "rolled_back" in line:
            for finding in findings:
                if finding["until"] is None:
                    finding |= {"until": line["images"], "back": line["to"]}
        elif "cleared" in line:
            for finding in [f for f in reversed(findings) if f["check"] == line["cleared"]][:1]:
                finding["until"] = line["images"]
        else:
            findings.append(line | {"until": None, "back": None})
    return findings
