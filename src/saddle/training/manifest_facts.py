"""What a manifest says of the data and of the machine that a run was made with."""

from __future__ import annotations

import platform
import sys
from typing import Any

import torch

from .. import __version__
from ..data.dataset import LABEL, Dataset, KnowsBands, class_names
from ..data.held_out import label_counts, whole_of
from ..shape import Shape, Text, shape_facts
from .machine import Machine, world_size


def make_data_facts(data: Dataset, shape: Shape) -> dict[str, Any]:
    """What a manifest says of data that are played with in this shape."""
    columns, bands = data.columns.keys(), unusual_bands(data)
    more = {"columns": list(columns)} if columns - {"image", LABEL} else {}
    return {"name": data.name, "fingerprint": data.fingerprint, "samples": len(data), "shape": shape_facts(shape),
            "classes": list(class_names(data)), "counts": label_counts(data)} | more | (
                {"bands": bands} if bands else {}) | text_facts(shape)  # fmt: skip


def text_facts(shape: Shape) -> dict[str, Any]:
    """The vocabulary of texts that samples are, or are made for, and these: none of the data is needed for others."""
    if shape.text is not None:
        return {"words": list(shape.text.words)}
    made_for = shape.condition
    known = isinstance(made_for, Text) and bool(made_for.words)
    return {"words": list(made_for.words), "captions": dict(made_for.captions)} if known else {}  # type: ignore[union-attr]


def unusual_bands(data: Dataset) -> dict[str, Any]:
    """What was decided of the numbers in its pictures, where that is other than what their kind says."""
    whole = whole_of(data)
    known = whole.bands if isinstance(whole, KnowsBands) else {}
    usual = {"8": (0, 255), "16": (0, 65535)}
    levels = {kind: list(ends) for kind, ends in known.get("levels", {}).items() if tuple(ends) != usual.get(kind)}
    return ({"levels": levels} if levels else {}) | ({"alpha": False} if known.get("alpha") is False else {})


def make_machine_facts(where: Machine) -> dict[str, Any]:
    return {"device": str(where.device), "precision": where.precision_name, "why": where.why,
            "channels_last": where.channels_last,
            "threads": torch.get_num_threads(), "processes": world_size(), "saddle": __version__,
            "torch": torch.__version__, "python": platform.python_version(), "platform": platform.platform(),
            "command": sys.argv}  # fmt: skip
