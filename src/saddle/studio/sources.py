"""What a visitor may train on: data by name, by upload, or, at this very machine, by path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..data.dataset_table import GLYPH_SETS, TOY_SETS
from ..data.own_sources import named_sets
from ..errors import Mistake
from .context import StudioContext


def data_names() -> list[Any]:
    return [*dict.fromkeys([*GLYPH_SETS, *TOY_SETS, *named_sets()])]


def check_source(context: StudioContext, asked: object) -> str:
    """Data by name, by upload, or, where visitors sit at this machine, by path."""
    text = str(asked or "").strip()
    if not text:
        raise Mistake("say what to train on: a name such as glyphs, or pictures of yours")
    named = text.partition(":")[0] in data_names()
    own = (context.own / "uploads").resolve() in Path(text).resolve().parents
    if not (named or own or context.paths):
        raise Mistake("this studio takes data by name, or uploaded; paths are for those who sit at its machine")
    return text
