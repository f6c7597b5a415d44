"""Where the cache lies."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import Mistake


def cache_home() -> Path:
    """The folder of the cache: SADDLE_CACHE, or saddle/ in the user's cache folder; raises Mistake for neither."""
    if own := os.environ.get("SADDLE_CACHE"):
        return Path(own)
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "saddle"
    try:
        return Path.home() / ".cache" / "saddle"
    except RuntimeError as error:  # no HOME, and no entry for this user
        raise Mistake("this user has no home for a cache; let the variable SADDLE_CACHE name a folder") from error
