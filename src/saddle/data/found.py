"""The pictures of one source as samples: from the cache, or decoded on the fly."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..notices import Notify
from .array_dataset import ArrayDataset, compute_fingerprint, content_fingerprint
from .cache.store import load_or_build_entry
from .on_the_fly import DecodedOnTheFly, OnTheFlyDataset
from .prepare import Prepare
from .undecoded import ColumnsCheck, DataSource


class FoundSamples(NamedTuple):
    """The samples, and where they are among the source's pictures: some may not have been readable."""

    data: ArrayDataset | OnTheFlyDataset
    places: NDArray[np.int64]


def open_found(name: str, found: DataSource, prepare: Prepare, say: Notify, cache: Path | None,
               suits: ColumnsCheck) -> FoundSamples:  # fmt: skip
    """Those of a source that has been found, under this name."""
    entry = load_or_build_entry(found, prepare, say, cache, suits)
    printed = content_fingerprint(entry.digest, entry.shape, entry.classes, prepare.flip, prepare.window)
    if entry.groups is not None:  # by which they are shuffled, however they are decoded
        printed = compute_fingerprint(printed.encode(), entry.groups.of, entry.groups.bytes)
    places = np.arange(entry.shape[0]) if entry.places is None else entry.places
    shown = (entry.labels, entry.classes, printed, prepare.flip, prepare.window)
    if entry.pixels is None or prepare.decode == "on-the-fly":
        decoded = DecodedOnTheFly(found, prepare, entry)
        return FoundSamples(OnTheFlyDataset(name, decoded, *shown, groups=entry.groups), places)
    kept = ArrayDataset(name, entry.pixels, *shown, entry.checksums, bands=entry.bands, groups=entry.groups)
    return FoundSamples(kept, places)
