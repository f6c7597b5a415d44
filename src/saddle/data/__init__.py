"""Where batches come from: folders, archives, arrays, well-known sets, drawn characters, points of the plane."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .prepare import Prepare

if TYPE_CHECKING:
    from .dataset import Dataset, open_data
    from .doctor.examine import examine
    from .doctor.report import Report
    from .feed import Feed

__all__ = ["Dataset", "Feed", "Prepare", "Report", "examine", "open_data"]

WHERE = {
    "Dataset": "dataset",
    "open_data": "dataset",
    "Report": "doctor.report",
    "examine": "doctor.examine",
    "Feed": "feed",
}


def __getattr__(name: str) -> object:
    if name not in WHERE:
        raise AttributeError(f"module 'saddle.data' has no attribute {name!r}")
    return getattr(import_module(f".{WHERE[name]}", __name__), name)
