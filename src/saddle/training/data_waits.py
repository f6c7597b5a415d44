"""How long training waited for its data, and what helps."""

from __future__ import annotations

from ..data.cache.location import cache_home
from ..data.dataset import Dataset, Reading, reading_of
from ..runs.timing import NOTED_IDLE

NOTED_SECONDS = 1.0  # to have waited less is not worth a word
WHY: dict[Reading, str] = {
    "files": "as images are decoded whenever they are shown; --decode once decodes them once, into a cache, also of a "
             "run that goes on",
    "cache": "which are read from the cache in {cache}; let the variable SADDLE_CACHE name a folder on a faster disk",
    "own": "which a program gives; a Dataset that reads ahead, in a method begin, lets training go on meanwhile",
}  # fmt: skip


def describe_waiting(data: Dataset, waited: float, seconds: float) -> str | None:
    """A sentence on a training of so many seconds that waited for its data for some of them; None where it is short.

    Samples that lie in memory are never waited for: taking them is work.
    """
    why = WHY.get(reading_of(data))
    if why is None or waited < NOTED_SECONDS or waited < NOTED_IDLE * seconds:
        return None
    return f"training waited for {data.name} {waited / seconds:.0%} of its time, {why.format(cache=cache_home())}"
