"""The samples that are nearest to the training data, beside what they are near to."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..core import require
from ..runs.sheets import save, sheet
from .case import Case

PAIRS = 32


def draw_copies(case: Case, file: Path) -> None:
    """Pairs (sample, its nearest training sample), the most suspicious first."""
    require(not case.real.side.data.shape.points, "points are not looked at in pairs; leave out --picture")
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = pairs(case)
    save(sheet(columns), file)


def pairs(case: Case) -> dict[str, Tensor]:
    found = case.memory
    first = found.most_copied(PAIRS)
    return {"made": case.made.side.images(case.made.rows[first]),
            "nearest": case.real.side.images(torch.as_tensor(found.which[first]))}  # fmt: skip
