"""Line charts as SVG inside a page: they take its colours, light or dark, and need no script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..runs.timing import FloatArray
from .markup import Markup, html_tag, join_markup
from .ticks import format_tick, format_time, linear_ticks, log_ticks, time_ticks

CHART_WIDTH, CHART_HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 54, 12, 12, 26
BINS = 140  # of a long line: it is drawn by their means, and a band from their lowest to their highest value
SHADES = 8
Axis = Literal["images", "time"]
IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ChartLine:
    """What a chart shows of one run."""

    title: str
    shade: int  # which of the page's colours
    x: FloatArray
    y: FloatArray
    low: FloatArray
    high: FloatArray
    dots: bool = False  # few places, each of them measured

    def select(self, places: IndexArray) -> ChartLine:
        return replace(self, x=self.x[places], y=self.y[places], low=self.low[places], high=self.high[places])

    @property
    def pieces(self) -> list[ChartLine]:
        """Stretches between values that are infinite or no number; an end of an interval that is none is the value."""
        fine = np.isfinite(self.y)
        stretches = np.split(np.arange(len(fine)), np.flatnonzero(np.diff(fine)) + 1)
        sure = replace(self, low=np.where(np.isnan(self.low), self.y, self.low),
                       high=np.where(np.isnan(self.high), self.y, self.high))  # fmt: skip
        return [sure.select(places) for places in stretches if fine[places].any()]

    @property
    def finite(self) -> FloatArray:
        """Every number in it that is finite."""
        fine = np.isfinite(self.y)
        values: FloatArray = np.concatenate([part[fine] for part in (self.y, self.low, self.high)])
        return values[np.isfinite(values)]


def make_line(title: str, shade: int, x: FloatArray, y: FloatArray) -> ChartLine:
    """A long series, by stretches of equally many values."""
    edges = np.unique(np.linspace(0, len(y), min(BINS, len(y)) + 1).astype(int))[:-1]
    counts = np.diff(np.append(edges, len(y)))
    places, means = (np.add.reduceat(values, edges) / counts for values in (x, y))
    return ChartLine(title, shade, places, means, np.minimum.reduceat(y, edges), np.maximum.reduceat(y, edges))


def make_chart(title: str, lines: Sequence[ChartLine], axis: Axis, steep: bool = False) -> Markup:
    """All lines over one axis from nought, where they are finite; `steep`: on a logarithmic scale."""
    over = {"images": "real images shown", "time": "hours, minutes and seconds of training"}[axis]
    caption = html_tag("figcaption", title, html_tag("small", f" over {over}{', logarithmic' if steep else ''}"))
    if not any(len(line.finite) for line in lines):
        return html_tag(
            "figure",
            caption,
            html_tag("p", f"No value is finite: {describe_nonfinite(lines)}.", class_="none"),
            class_="chart",
        )
    right = max(float(line.x[-1]) for line in lines) or 1.0
    low, high = value_span(lines, steep)
    bend: Callable[[FloatArray], FloatArray] = np.log if steep else np.asarray
    bottom, top = (float(bend(np.array(end))) for end in (low, high))

    def across(x: FloatArray) -> FloatArray:
        return np.asarray(LEFT + (CHART_WIDTH - LEFT - RIGHT) * x / right)

    def up(y: FloatArray) -> FloatArray:
        bent = bend(np.clip(y, low, high))
        return np.asarray(CHART_HEIGHT - BOTTOM - (CHART_HEIGHT - TOP - BOTTOM) * (bent - bottom) / (top - bottom))

    marks = log_ticks(low, high) if steep else linear_ticks(low, high)
    grid = [rule(float(up(np.array(mark))), format_tick(mark)) for mark in marks]
    feet = time_ticks(right) if axis == "time" else linear_ticks(0, right)
    grid += [foot(float(across(np.array(x))), format_time(x) if axis == "time" else format_tick(x)) for x in feet]
    shown = [part for line in lines for part in trace_line(line, across, up)]
    label = html_tag("title", f"{title} over {over}")
    svg = html_tag(
        "svg",
        label,
        *grid,
        *shown,
        viewBox=f"0 0 {CHART_WIDTH} {CHART_HEIGHT}",
        role="img",
        data_right=f"{right:.6g}",
        data_axis=axis,
        data_low=f"{low:.6g}",
        data_high=f"{high:.6g}",
        data_steep="1" if steep else None,
        data_left=LEFT,
        data_edge=CHART_WIDTH - RIGHT,
        data_top=TOP,
        data_floor=CHART_HEIGHT - BOTTOM,
    )  # fmt: skip - what a script needs to read values off it
    return html_tag("figure", caption, svg, class_="chart")


def describe_nonfinite(lines: Sequence[ChartLine]) -> str:
    """What values there are instead: 'inf', or 'inf and nan'."""
    return " and ".join(sorted({str(value) for line in lines for value in line.y}))


def value_span(lines: Sequence[ChartLine], steep: bool) -> tuple[float, float]:
    """From the lowest to the highest value but for the rarest per cent of a long line's bands, and some air."""
    values = np.concatenate([line.finite for line in lines])
    rare = 0.0 if any(line.dots for line in lines) else 0.01
    low, high = (float(end) for end in np.quantile(np.log(values) if steep else values, (rare, 1 - rare)))
    air = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    low, high = low - air, high + air
    return (float(np.exp(low)), float(np.exp(high))) if steep else (low, high)


def rule(y: float, text: str) -> Markup:
    words = html_tag("text", text, x=LEFT - 7, y=f"{y + 4:.1f}", text_anchor="end")
    return join_markup(html_tag("line", x1=LEFT, x2=CHART_WIDTH - RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}"), words)


def foot(x: float, text: str) -> Markup:
    anchor = "end" if x > CHART_WIDTH - 30 else "middle"
    return html_tag("text", text, x=f"{x:.1f}", y=CHART_HEIGHT - 7, text_anchor=anchor, class_="foot")


def trace_line(
    line: ChartLine, across: Callable[[FloatArray], FloatArray], up: Callable[[FloatArray], FloatArray]
) -> list[Markup]:
    """Its pieces, and at the edge that they lie beyond its infinite values."""
    parts = [part for piece in line.pieces for part in line_markup(piece, across, up)]
    endless = [(x, y) for x, y in zip(line.x, line.y, strict=True) if np.isinf(y)]
    return parts + [beyond(line, float(across(np.array(x))), y > 0) for x, y in endless]


def beyond(line: ChartLine, x: float, above: bool) -> Markup:
    y = TOP + 9 if above else CHART_HEIGHT - BOTTOM - 2
    told = html_tag("title", f"{line.title}: {'infinite' if above else 'minus infinite'}")
    return html_tag("text", told, "∞", x=f"{x:.1f}", y=y, text_anchor="middle", class_=f"beyond s{line.shade % SHADES}")


def line_markup(
    line: ChartLine, across: Callable[[FloatArray], FloatArray], up: Callable[[FloatArray], FloatArray]
) -> list[Markup]:
    """The band, the line over it, and its dots; each tells its run under the mouse."""
    x, name = across(line.x), html_tag("title", line.title)
    shade = f"s{line.shade % SHADES}"
    parts = []
    if (line.high > line.low).any() and len(x) > 1:
        around = np.concatenate([x, x[::-1]]), np.concatenate([up(line.high), up(line.low)[::-1]])
        parts.append(html_tag("polygon", points=svg_points(*around), class_=f"band {shade}"))
    parts.append(html_tag("polyline", name, points=svg_points(x, up(line.y)), class_=f"line {shade}"))
    if line.dots:
        parts += [html_tag("line", x1=f"{a:.1f}", x2=f"{a:.1f}", y1=f"{b:.1f}", y2=f"{c:.1f}", class_=f"reach {shade}")
                  for a, b, c in zip(x, up(line.low), up(line.high), strict=True) if b != c]  # fmt: skip
        parts += [html_tag("circle", name, cx=f"{a:.1f}", cy=f"{b:.1f}", r=3, class_=shade)
                  for a, b in zip(x, up(line.y), strict=True)]  # fmt: skip
    return parts


def svg_points(x: FloatArray, y: FloatArray) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
