"""Data before it is trained on."""

from __future__ import annotations

from dataclasses import dataclass

from ..data.prepare import Prepare
from ..errors import require
from .argv import parse_command
from .output import print_message, print_output


@dataclass(frozen=True)
class Examination(Prepare):
    """How data would be made ready, or what else there is to look at."""

    cache: bool = False  # look at all that the cache holds, not at data, and remove what is damaged


def doctor(words: list[str]) -> None:
    """saddle doctor DATA: reads everything once; the options are those that a training would have."""
    data, asked = parse_command("doctor", words, Examination())
    require(
        bool(data) != asked.cache,
        "doctor looks at data or at the cache: write saddle doctor DATA, or saddle doctor --cache",
    )
    if asked.cache:
        from ..data.doctor.cache_check import verify_cache

        print_output(verify_cache(print_message))
        return
    from ..data import examine

    print_output(examine(data[0], Prepare.of(asked), print_message))
