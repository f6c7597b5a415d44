"""A run's figures as a picture: each metric over the images shown and over the seconds of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from ..errors import require
from ..metrics.figures import Figure
from .curves import LINE_COLOURS, escape_dollars
from .folder import RunFolder
from .measures import Measurement, read_measurements
from .writing import write_atomically

STEEP = 30  # times the smallest value, from which on the largest makes the axis a logarithm's
MeasuredFigure = tuple[Measurement, Figure]


def quality_picture_path(folder: RunFolder) -> Path:
    return folder.path / "quality.png"


def plot_quality(folder: RunFolder) -> None:
    """Draw measures.jsonl as a PNG: a row for each title and protocol that was measured more than once."""
    rows = group_measurements(read_measurements(folder))
    require(len(rows) > 0, f"{folder} has no two measurements of one kind, so there is no curve to draw")
    canvas = Canvas(figsize=(10, 0.6 + 2.3 * len(rows)), dpi=110, layout="constrained")
    panels = canvas.subplots(len(rows), 2, sharex="col", sharey="row", squeeze=False)
    for pair, points, shade in zip(panels, rows, LINE_COLOURS * len(rows), strict=False):
        for axes, over in zip(pair, ("images", "seconds"), strict=True):
            plot_figures(axes, points, over, shade)
        pair[0].set_title(escape_dollars(points[0][1].title), loc="left", fontsize=11, color="#222222")
        pair[1].set_title(describe_goal(points[0][1]), loc="right", fontsize=9, color="#666666")
    for axes, over in zip(panels[-1], ("images", "seconds of training"), strict=True):
        axes.set_xlabel(over, color="#444444")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    write_atomically(quality_picture_path(folder), lambda draft: canvas.savefig(draft, format="png"))


def group_measurements(measurements: Sequence[Measurement]) -> list[list[MeasuredFigure]]:
    """What belongs into one curve: equal titles and protocols, in the order of images."""
    rows: dict[object, list[MeasuredFigure]] = {}
    for measurement in sorted(measurements, key=lambda m: m.images):
        for figure in measurement.figures:
            rows.setdefault((figure.title, figure.protocol), []).append((measurement, figure))
    return [points for points in rows.values() if len({m.images for m, _ in points}) > 1]


def plot_figures(axes: Axes, points: Sequence[MeasuredFigure], over: str, shade: str) -> None:
    x = [getattr(measurement, over) for measurement, _ in points]
    figures = [figure for _, figure in points]
    axes.plot(x, [f.value for f in figures], color=shade, linewidth=1.8, marker="o", markersize=3.5)
    reach = [(f.low, f.high) for f in figures if f.low is not None and f.high is not None]
    if len(reach) == len(x):
        axes.fill_between(
            x, [low for low, _ in reach], [high for _, high in reach], color=shade, alpha=0.2, linewidth=0
        )
    if (top := best_index(figures)) is not None:
        axes.plot(x[top], figures[top].value, "o", color=shade, markersize=9, markerfacecolor="white")
    values = [f.value for f in figures]
    if min(values) > 0 and max(values) > STEEP * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(color="#ebebeb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", length=0, labelcolor="#666666", labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color("#c8c8c8")


def best_index(figures: Sequence[Figure]) -> int | None:
    """Which is best, if any is."""
    if figures[0].better == "neither":
        return None
    values = [f.value if figures[0].better == "lower" else -f.value for f in figures]
    return values.index(min(values))


def describe_goal(figure: Figure) -> str:
    return "" if figure.better == "neither" else f"{figure.better} is better"
