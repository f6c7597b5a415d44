"""Data sets that plugins add: found by name as saddle's own are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..plugged import plugged
from .dataset_table import DATASETS

if TYPE_CHECKING:
    from .in_memory import GivenData


@dataclass(frozen=True)
class Source:
    """A data set of one's own; its name is the variable's, `soft_blobs` is soft-blobs."""

    summary: str  # what `saddle list data` says of it
    open: Callable[[str | None], GivenData]  # gives the samples of a part: of NAME:test those of "test", else of None


def own_sources() -> dict[str, Source]:
    """What plugins add; Mistake for one that is called as one of saddle's."""
    return plugged(Source, DATASETS)


def named_sets() -> dict[str, str]:
    """Every data set that has a name, and what it is."""
    return DATASETS | {name: source.summary for name, source in own_sources().items()}
