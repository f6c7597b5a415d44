"""What a manifest says of the data and of the machine that a run was made with."""

from __future__ import annotations

import platform
import sys
from typing import Any

import numpy as np
import torch

from .. import __version__
from ..data.dataset import Dataset
from .machine import Machine, world_size


def make_data_facts(data: Dataset) -> dict[str, Any]:
    counts = [] if data.labels is None else np.bincount(data.labels, minlength=len(data.classes)).tolist()
    return {"name": data.name, "fingerprint": data.fingerprint, "samples": len(data), "shape": list(data.shape),
            "classes": list(data.classes), "counts": counts}  # fmt: skip


def make_machine_facts(where: Machine) -> dict[str, Any]:
    return {"device": str(where.device), "precision": str(where.precision).removeprefix("torch."),
            "threads": torch.get_num_threads(), "processes": world_size(), "saddle": __version__,
            "torch": torch.__version__, "python": platform.python_version(), "platform": platform.platform(),
            "command": sys.argv}  # fmt: skip
