"""The samples that are nearest to the training data, beside what they are near to."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..errors import require
from ..runs.pictures import save_png
from ..runs.sheets import make_contact_sheet
from .metric_input import MetricInput

SHOWN_PAIRS = 32


def plot_copies(case: MetricInput, file: Path) -> None:
    """Pairs (sample, its nearest training sample), the most suspicious first."""
    require(not case.real.sample_set.data.shape.points, "points are not looked at in pairs; leave out --picture")
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = copy_pairs(case)
    save_png(make_contact_sheet(columns), file)


def copy_pairs(case: MetricInput) -> dict[str, Tensor]:
    found = case.memorisation
    first = found.most_copied(SHOWN_PAIRS)
    return {"made": case.made.sample_set.images(case.made.rows[first]),
            "nearest": case.real.sample_set.images(torch.as_tensor(found.which[first]))}  # fmt: skip
