"""Where batches come from: folders, archives, arrays, well-known sets, drawn characters, points of the plane."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .prepare import Prepare

if TYPE_CHECKING:
    from .array_dataset import ArrayDataset, StoredColumn
    from .dataset import Dataset
    from .doctor.examine import examine
    from .doctor.report import Report
    from .feed import Feed
    from .opening import open_data
    from .own_sources import Source

__all__ = ["ArrayDataset", "Dataset", "Feed", "Prepare", "Report", "Source", "StoredColumn", "examine", "open_data"]

WHERE = {
    "ArrayDataset": "array_dataset",
    "StoredColumn": "array_dataset",
    "Dataset": "dataset",
    "open_data": "opening",
    "Source": "own_sources",
    "Report": "doctor.report",
    "examine": "doctor.examine",
    "Feed": "feed",
}


def __getattr__(name: str) -> object:
    if name not in WHERE:
        raise AttributeError(f"module 'saddle.data' has no attribute {name!r}")
    return getattr(import_module(f".{WHERE[name]}", __name__), name)
