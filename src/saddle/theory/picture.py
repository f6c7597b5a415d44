"""How the demonstrations are drawn: panels, colours that everybody can tell apart, small files."""

from __future__ import annotations

from io import BytesIO
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

INK = "#333333"
# Okabe and Ito's palette: told apart with any colour vision
BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY, GREY = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C",
)  # fmt: skip
SHADES = 256  # colours of a written picture: lines and letters need no more


def make_panels(rows: int, columns: int, width: float = 4.2, height: float = 3.3) -> tuple[Figure, list[Axes]]:
    """A figure and its axes, row by row; sizes in inches of one panel."""
    figure = Figure(figsize=(columns * width, rows * height), dpi=80, layout="constrained")
    return figure, list(np.asarray(figure.subplots(rows, columns, squeeze=False)).ravel())


def style_panel(axes: Axes, title: str, x: str, y: str, legend: str | None = "best") -> None:
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel(x, color=INK, fontsize=10)
    axes.set_ylabel(y, color=INK, fontsize=10)
    axes.grid(color="#ebebeb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", length=0, labelcolor="#555555", labelsize=9)
    for spine in axes.spines.values():
        spine.set_color("#c8c8c8")
    if legend:
        axes.legend(loc=cast(Any, legend), frameon=True, framealpha=0.9, edgecolor="#e0e0e0", fontsize=9)


def share_legend(figure: Figure, axes: Axes) -> None:
    """One legend above all panels, for lines that mean the same in each."""
    lines, names = axes.get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=len(names), frameon=False, fontsize=9)


def figure_to_image(figure: Figure) -> Image.Image:
    """The figure as a picture of few colours, which makes a small PNG."""
    raw = BytesIO()
    figure.savefig(raw, format="png")
    return Image.open(raw).convert("RGB").quantize(SHADES, Image.Quantize.MAXCOVERAGE, 3, dither=Image.Dither.NONE)
