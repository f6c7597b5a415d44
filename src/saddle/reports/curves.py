"""A run's series as lines of charts: its losses and gradients, and what was measured of it on the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..metrics.figures import Figure
from ..runs.timing import FloatArray
from .charts import Axis, ChartLine, make_chart, make_line
from .markup import Markup
from .reading import Run
from .tables import Column, FigureTable, figure_interval

AXES: tuple[Axis, Axis] = ("images", "time")


def group_shades(runs: Sequence[Run]) -> list[int]:
    """A shade for each group, in the order in which they come."""
    groups = list(dict.fromkeys(run.group for run in runs))
    return [groups.index(run.group) for run in runs]


def term_charts(runs: Sequence[Run], axes: Sequence[Axis] = AXES) -> list[Markup]:
    """Every logged term, over images and over time; gradients last, and on a logarithmic scale."""
    logged = [logged_series(run) for run in runs]
    charts = []
    for key in sorted({key for terms in logged for key in terms}, key=term_order):
        steep = key.endswith("/gradient") and all((t[key][1] > 0).all() for t in logged if key in t)
        for axis in axes:
            lines = [make_line(run.title, shade, axis_values(run, terms[key][0], axis), terms[key][1])
                     for run, shade, terms in zip(runs, group_shades(runs), logged, strict=True)
                     if key in terms]  # fmt: skip
            charts.append(make_chart(name_term(key), lines, axis, steep))
    return charts


def name_term(key: str) -> str:
    """'critic (discriminator) loss: adversarial' for critic/adversarial; a memory's, as ADA/p, is no loss."""
    player, _, term = key.rpartition("/")
    if player[:1].isupper() or not player:
        return key.replace("/", ", ")
    player = player.replace("critic", "critic (discriminator)")
    return f"{player}, gradient norm" if term == "gradient" else f"{player} loss: {term}"


def logged_series(run: Run) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Term by term, the images at which it was logged and its values."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for entry in run.log:
        for key in (key for key in entry if "/" in key):  # else it is no term: where it stands, or went back to
            images, values = found.setdefault(key, ([], []))
            images.append(entry["images"])
            values.append(entry[key])
    return {key: (np.array(images, float), np.array(values, float)) for key, (images, values) in found.items()}


def term_order(key: str) -> tuple[bool, str, bool, str]:
    """Gradients last; of each mover, the game itself before its penalties."""
    mover, _, term = key.rpartition("/")
    return term == "gradient", mover, term != "adversarial", term


def axis_values(run: Run, images: FloatArray, axis: Axis) -> FloatArray:
    return images if axis == "images" else run.seconds_at(images)


def figure_charts(runs: Sequence[Run], table: FigureTable) -> list[Markup]:
    """Every column of the table over training, under the column's protocol alone."""
    charts = []
    for column in table.columns:
        for axis in AXES:
            lines = [drawn for run, shade in zip(runs, group_shades(runs), strict=True)
                     if (drawn := measured_line(run, shade, column, axis))]  # fmt: skip
            values = np.concatenate([each.finite for each in lines])
            steep = column.better == "lower" and len(values) > 0 and values.min() > 0
            steep = steep and max(v for each in lines for v in each.y if np.isfinite(v)) > 20 * values.min()
            charts.append(make_chart(column.title, lines, axis, steep))
    return charts


def measured_line(run: Run, shade: int, column: Column, axis: Axis) -> ChartLine | None:
    """A run's own line in such a chart, if it was ever measured so."""
    found: dict[int, tuple[float, Figure]] = {}  # of two at the same images the later written one holds
    for measurement in run.measures:
        for figure in measurement.figures:
            if (figure.metric, figure.title, figure.protocol) == (column.metric, column.title, column.protocol):
                found[measurement.images] = measurement.seconds, figure
    if not found:
        return None
    x = np.array([seconds if axis == "time" else images for images, (seconds, _) in found.items()], float)
    y = np.array([figure.value for _, figure in found.values()])
    low, high = np.array([figure_interval(figure) for _, figure in found.values()]).T
    return ChartLine(run.title, shade, x, y, low, high, dots=True)
