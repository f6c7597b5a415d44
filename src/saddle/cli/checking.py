"""Data before it is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..data.prepare import Prepare
from ..errors import require
from .argv import parse_command
from .facts import check_place, tell, to_json
from .output import print_message


@dataclass(frozen=True)
class Examination(Prepare):
    """How data would be made ready, or what else there is to look at."""

    cache: bool = False  # look at all that the cache holds, not at data, and remove what is damaged
    json: Path | None = None  # print it as JSON, for programs, or write it into FILE.json


def doctor(words: list[str]) -> None:
    """saddle doctor DATA: reads everything once; the options are those that a training would have."""
    data, asked = parse_command("doctor", words, Examination())
    require(
        bool(data) != asked.cache,
        "doctor looks at data or at the cache: write saddle doctor DATA, or saddle doctor --cache",
    )
    check_place(asked.json)
    if asked.cache:
        from ..data.doctor.cache_check import verify_cache

        found = verify_cache(print_message)
        tell(lambda: found, lambda: found, asked.json)
        return
    from ..data import examine

    report = examine(data[0], Prepare.of(asked), print_message)
    tell(lambda: report, lambda: {**to_json(report), "sound": report.sound}, asked.json)
