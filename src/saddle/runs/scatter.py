"""Points in the plane as a picture whose frame the data fixes, so that an animation of it stands still."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from ..errors import format_count, require

PointArray = npt.NDArray[np.float32]
POINT_COLOURS = ("#d1495b", "#2e6f95", "#3a9d6e", "#8a5aa8")


def are_points(samples: Tensor) -> bool:
    """Are these (n, 2, 1, 1)?"""
    return samples.shape[1:] == (2, 1, 1)


def plot_points(columns: Mapping[str, Tensor], real: Tensor | None = None) -> Image.Image:
    """Points (n, 2, 1, 1), a colour for each column; `real` ones lie beneath in grey and fix the frame."""
    require(all(map(are_points, columns.values())), "points and images cannot share a contact sheet")
    figure = Figure(figsize=(6.4, 6.4), dpi=100)
    axes = figure.add_axes((0.07, 0.06, 0.9, 0.88))
    sets = {name: to_point_array(points) for name, points in columns.items()}
    beneath = np.concatenate(list(sets.values())) if real is None else to_point_array(real)
    low, high = frame_limits(beneath)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    if real is not None:
        plot_dots(axes, beneath, "#a8a8a8", "data")
    for (name, points), shade in zip(sets.items(), POINT_COLOURS * len(sets), strict=False):
        plot_dots(axes, points, shade, name)
    style_scatter(axes, sum(int(((p < low) | (p > high)).any(1).sum()) for p in sets.values()))
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    return Image.open(drawn).convert("RGB")


def to_point_array(points: Tensor) -> PointArray:
    return np.asarray(points.detach().float().cpu().flatten(1).numpy())


def frame_limits(points: PointArray) -> tuple[float, float]:
    """One interval for both axes, a fifth wider than the points on each side, in whole halves."""
    low, high = float(points.min()), float(points.max())
    margin = 0.2 * (high - low)
    return float(np.floor(2 * (low - margin)) / 2), float(np.ceil(2 * (high + margin)) / 2)


def plot_dots(axes: Axes, points: PointArray, shade: str, name: str) -> None:
    size = float(np.clip(24000 / len(points), 8, 36))
    axes.scatter(points[:, 0], points[:, 1], s=size, c=shade, alpha=0.7, linewidths=0, label=name)


def style_scatter(axes: Axes, outside: int) -> None:
    axes.grid(color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelcolor="#666666", labelsize=12)
    for spine in axes.spines.values():
        spine.set_color("#d0d0d0")
    axes.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="#e0e0e0", fontsize=12)
    if outside:
        axes.set_title(f"{format_count(outside, 'point')} outside the frame", fontsize=12, color="#666666", loc="left")
