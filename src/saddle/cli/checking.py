"""Data before it is trained on."""

from __future__ import annotations

import sys

from ..data.prepare import Prepare
from .words import take


def doctor(words: list[str]) -> None:
    """saddle doctor DATA: reads everything once; the options are those that a training would have."""
    (data,), prepare = take("doctor", words, Prepare())
    from ..data import examine

    print(examine(data, prepare, lambda said: print(said, file=sys.stderr)))
