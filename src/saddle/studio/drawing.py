"""Small drawings as SVG, for pages that change many times a second and for documents: lines, points, arrows, heights.

Ink is the text's own colour (`currentColor`), so that a drawing fits a light page and a dark one.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..reports.markup import Markup, html_tag, join_markup
from ..reports.ticks import format_tick, linear_ticks
from ..runs.pictures import png_address
from ..theory.picture import BLUE, GREEN, GREY, ORANGE, PURPLE

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "PURPLE", "Drawing", "side_by_side", "standalone"]

Floats = npt.NDArray[np.float64]
Range = tuple[float, float]
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 24, 32
LETTERS = "system-ui, 'Noto Sans', 'DejaVu Sans', sans-serif"


class Drawing:
    """Axes on which things are drawn, one above the other."""

    def __init__(
        self,
        x: Range,
        y: Range,
        title: str = "",
        width: int = 360,
        height: int = 240,
        labels: tuple[str, str] = ("", ""),
    ) -> None:
        self.x, self.y, self.title, self.width, self.height, self.labels = x, y, title, width, height, labels
        self.parts: list[Markup] = []
        self.legend: list[tuple[str, str]] = []

    def place(self, points: npt.ArrayLike) -> Floats:
        """Points (n, 2) in pixels, at most a picture's size outside of it."""
        p = np.asarray(points, np.float64).reshape(-1, 2)
        inner = np.array([self.width - LEFT - RIGHT, self.height - TOP - BOTTOM])
        low, high = np.array([self.x, self.y]).T
        share = np.clip((p - low) / (high - low), -1, 2)
        share[:, 1] = 1 - share[:, 1]
        placed: Floats = np.array([LEFT, TOP]) + share * inner
        return placed

    def line(
        self, points: npt.ArrayLike, colour: str, name: str = "", dash: str | None = None, width: float = 2
    ) -> None:
        """A line through points (n, 2); named lines stand in the legend."""
        p = np.asarray(points, np.float64)
        p = p[(p[:, 0] >= self.x[0]) & (p[:, 0] <= self.x[1])]
        self.parts.append(html_tag("path", d=path_through(self.place(p)), fill="none", stroke=colour,
                                   stroke_width=f"{width:g}", stroke_dasharray=dash))  # fmt: skip
        self.name(name, colour)

    def area(self, points: npt.ArrayLike, colour: str, name: str = "") -> None:
        """What lies between a line and zero."""
        p = np.asarray(points, np.float64)
        p = p[(p[:, 0] >= self.x[0]) & (p[:, 0] <= self.x[1])]
        closed = np.concatenate([[[p[0, 0], 0]], p, [[p[-1, 0], 0]]])
        self.parts.append(html_tag("path", d=path_through(self.place(closed)), fill=colour, opacity="0.3"))
        self.name(name, colour)

    def dots(self, points: npt.ArrayLike, colour: str, name: str = "", size: float = 3, opacity: float = 0.75) -> None:
        """Points as round dots, in one path; those far outside are left out."""
        p = self.place(points)
        inside = p[((p >= [LEFT, TOP]) & (p <= [self.width - RIGHT, self.height - BOTTOM])).all(1)]
        dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in inside)
        self.parts.append(html_tag("path", d=dots, stroke=colour, stroke_width=f"{size:g}", stroke_linecap="round",
                                   opacity=f"{opacity:g}"))  # fmt: skip
        self.name(name, colour)

    def arrows(self, places: npt.ArrayLike, slopes: npt.ArrayLike, reach: float) -> None:
        """Arrows from places (n, 2) along slopes; the longest reaches so far, and short ones still can be seen."""
        at, way = np.asarray(places, np.float64), np.asarray(slopes, np.float64)
        length = np.hypot(*way.T)[:, None]
        longest = max(float(length.max(initial=0)), 1e-12)
        ends = at + reach * np.sqrt(length / longest) * way / np.maximum(length, 1e-12)
        strokes = "".join(arrow(*pair) for pair in zip(self.place(at), self.place(ends), strict=True))
        self.parts.append(html_tag("path", d=strokes, fill="none", stroke="currentColor", opacity="0.6"))

    def heights(self, values: npt.ArrayLike) -> None:
        """A landscape (k, k) under all else, its first row lowest: orange where above the middle, blue below."""
        v = np.asarray(values, np.float64)[::-1]
        v = v - np.median(v)
        share = np.clip(v / max(float(np.quantile(np.abs(v), 0.98)), 1e-12), -1, 1)
        pixels = np.zeros((*v.shape, 4), np.uint8)
        pixels[share > 0, :3], pixels[share <= 0, :3] = (213, 94, 0), (0, 114, 178)
        pixels[..., 3] = np.round(150 * np.abs(share))
        file = BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        (left, top), (right, low) = self.place([[self.x[0], self.y[1]], [self.x[1], self.y[0]]])
        self.parts.insert(0, html_tag("image", href=png_address(file.getvalue()), x=f"{left:g}", y=f"{top:g}",
                                      width=f"{right - left:g}", height=f"{low - top:g}",
                                      preserveAspectRatio="none"))  # fmt: skip

    def name(self, name: str, colour: str) -> None:
        if name:
            self.legend.append((name, colour))

    def body(self) -> Markup:
        return join_markup(self.axes(), *self.parts, *self.heading())

    def axes(self) -> Markup:
        """A frame, ticks, and what the axes mean."""
        lines, texts = [], []
        for value in inner_ticks(self.x):
            x = self.place([[value, self.y[0]]])[0, 0]
            lines.append(f"M{x:.1f} {TOP}V{self.height - BOTTOM}")
            texts.append(write(format_tick(value), x, self.height - BOTTOM + 13, "middle"))
        for value in inner_ticks(self.y):
            y = self.place([[self.x[0], value]])[0, 1]
            lines.append(f"M{LEFT} {y:.1f}H{self.width - RIGHT}")
            texts.append(write(format_tick(value), LEFT - 4, y + 4, "end"))
        texts += [write(self.labels[0], (LEFT + self.width - RIGHT) / 2, self.height - 4, "middle"),
                  write(self.labels[1], 2, TOP - 10, "start")]  # fmt: skip
        grid = html_tag("path", d="".join(lines), stroke="currentColor", opacity="0.15", fill="none")
        return join_markup(grid, *texts)

    def heading(self) -> list[Markup]:
        """The title at the left, the names of lines in their colours at the right."""
        found, x = [], float(self.width - RIGHT)
        for name, colour in reversed(self.legend):
            found.append(write(name, x, TOP - 9, "end", colour, "bold"))
            x -= 8 * len(name) + 10
        return [*found, write(self.title, LEFT, TOP - 9, "start")]


def inner_ticks(span: Range) -> list[float]:
    return [float(t) for t in linear_ticks(*span) if span[0] <= t <= span[1]]


def write(
    text: str, x: float, y: float, anchor: str, colour: str = "currentColor", weight: str | None = None
) -> Markup:
    if not text:
        return Markup()
    return html_tag("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, fill=colour, font_size="11.5",
                    font_weight=weight, font_family=LETTERS)  # fmt: skip


def path_through(points: Floats) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def arrow(start: Floats, end: Floats) -> str:
    way = end - start
    across = np.array([-way[1], way[0]])
    left, right = end - 0.35 * way + 0.2 * across, end - 0.35 * way - 0.2 * across
    return f"M{start[0]:.1f} {start[1]:.1f}L" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (end, left, end, right))


def side_by_side(drawings: Sequence[Drawing], about: str) -> Markup:
    """Drawings in a page, in one row where there is room; `about` is for who cannot see them."""
    each = (html_tag("svg", d.body(), viewBox=f"0 0 {d.width} {d.height}", role="img",
                     aria_label=f"{about} {d.title}".strip()) for d in drawings)  # fmt: skip
    return html_tag("div", *each, class_="drawings")


def standalone(drawings: Sequence[Drawing]) -> str:
    """The same as a file of its own, on white."""
    width, height = sum(d.width for d in drawings), max(d.height for d in drawings)
    left, inside = 0, []
    for drawing in drawings:
        inside.append(html_tag("g", drawing.body(), transform=f"translate({left} 0)"))
        left += drawing.width
    paper = html_tag("rect", width=width, height=height, fill="#ffffff")
    return html_tag("svg", paper, *inside, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}",
                    width=width, height=height, color="#444444") + "\n"  # fmt: skip
