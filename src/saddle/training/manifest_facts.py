"""What a manifest says of the data and of the machine that a run was made with."""

from __future__ import annotations

import platform
import sys
from typing import Any

import torch

from .. import __version__
from ..data.dataset import Dataset, class_names
from ..data.held_out import label_counts
from ..shape import Shape, shape_facts
from .machine import Machine, world_size


def make_data_facts(data: Dataset, shape: Shape) -> dict[str, Any]:
    """What a manifest says of data that are played with in this shape."""
    return {"name": data.name, "fingerprint": data.fingerprint, "samples": len(data), "shape": shape_facts(shape),
            "classes": list(class_names(data)), "counts": label_counts(data)}  # fmt: skip


def make_machine_facts(where: Machine) -> dict[str, Any]:
    return {"device": str(where.device), "precision": str(where.precision).removeprefix("torch."),
            "threads": torch.get_num_threads(), "processes": world_size(), "saddle": __version__,
            "torch": torch.__version__, "python": platform.python_version(), "platform": platform.platform(),
            "command": sys.argv}  # fmt: skip
