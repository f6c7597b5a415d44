"""What was decided of the numbers in some pictures, as JSON: the cache, data sets and manifests keep it."""

from __future__ import annotations

from typing import TypedDict


class StoredBands(TypedDict, total=False):
    """What was decided of some pictures."""

    levels: dict[str, tuple[float, float]]  # black and white by depth: 8, 16, 32, float
    alpha: bool | None  # is the fourth band transparency? None: nobody asked
