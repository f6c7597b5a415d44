"""Two intervals of one length, some way apart, and two points under noise: what divergences say of their distance."""

from __future__ import annotations

import torch
from torch import Tensor

from .gaussians import LOG2, Gaussian, js_divergence, line_points


def interval_jsd(distance: float, width: float) -> float:
    """The Jensen-Shannon divergence of the uniform laws on [0, width] and [distance, distance + width], in nats.

    Log 2 times the share that does not overlap: it stands still as soon as nothing does. Width 0 means two points.
    """
    apart = abs(distance)
    return LOG2 * (min(1.0, apart / width) if width else float(apart > 0))


def noisy_jsd(distance: float, std: float) -> float:
    """The same of two points that far apart, each under normal noise of this deviation, by quadrature."""
    return interval_jsd(distance, 0.0) if std == 0 else unit_jsd(torch.tensor(distance / std)).item()


def unit_jsd(shift: Tensor) -> Tensor:
    """The Jensen-Shannon divergence of N(0, 1) and N(shift, 1); differentiable in the shift."""
    x = line_points(-8 - abs(shift.item()), 8 + abs(shift.item()), 1001)
    return js_divergence(x, Gaussian().log_density(x), Gaussian(shift.to(x)).log_density(x))


def noisy_jsd_slope(distance: float, std: float) -> float:
    """What a step of the generator changes in it: the derivative by the distance; nought without noise."""
    if std == 0:
        return 0.0
    shift = torch.tensor(distance / std, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(unit_jsd(shift), shift)
    return slope.item() / std
