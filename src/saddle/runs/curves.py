"""A run's log as a picture: a panel for each mover's terms and one for all gradients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from ..errors import require
from .log import read_log
from .writing import write_atomically

FloatArray = npt.NDArray[np.float64]
Series = tuple[FloatArray, FloatArray]  # images, values
LINE_COLOURS = ("#d1495b", "#2e6f95", "#3a9d6e", "#e08e1b", "#8a5aa8", "#6b6b6b")
GRADIENTS = "gradient norm"
MAX_LINE_POINTS = 1500  # of a thin line: more than its pixels


def plot_log(log: Path, out: Path) -> None:
    """Draw every term of a log.jsonl over the images shown, as it was and smoothed, as a PNG."""
    panels = read_panels(log)
    require(len(panels) > 0, f"{log} holds no rounds yet; curves can be drawn once some have been played")
    figure = Figure(figsize=(10, 0.5 + 2.6 * len(panels)), dpi=110, layout="constrained")
    rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, terms) in zip(rows, panels.items(), strict=True):
        plot_terms(axes, name, terms)
    rows[-1].set_xlabel("real images shown   (thin: every round; thick: the mean over a fiftieth of the run)",
                        color="#444444")  # fmt: skip
    rows[-1].xaxis.set_major_formatter(EngFormatter(sep=""))
    write_atomically(out, lambda draft: figure.savefig(draft, format="png"))


def read_panels(log: Path) -> dict[str, dict[str, Series]]:
    """Panel by panel, what there is to draw: each mover's terms, and last the gradients of all."""
    points: dict[str, list[tuple[float, float]]] = {}
    for line in read_log(log):
        for key in (key for key in line if "/" in key):  # else it is no term: where it stands, or went back to
            points.setdefault(key, []).append((line["images"], line[key]))
    panels: dict[str, dict[str, Series]] = {}
    for key in sorted(points, key=term_order):
        mover, _, term = key.rpartition("/")
        name, label = (GRADIENTS, mover) if term == "gradient" else (mover, term)
        images, values = np.array(points[key]).T
        panels.setdefault(name, {})[label] = images, values
    return panels


def term_order(key: str) -> tuple[bool, bool, str, bool, str]:
    """Gradients last, before them what a method remembers, as ADA/p; of each mover, the game before its penalties."""
    mover, _, term = key.rpartition("/")
    return term == "gradient", mover[:1].isupper(), mover, term != "adversarial", term


def plot_terms(axes: Axes, name: str, terms: Mapping[str, Series]) -> None:
    steep = name == GRADIENTS and all((values > 0).all() for _, values in terms.values())
    for (label, (images, values)), shade in zip(terms.items(), LINE_COLOURS * len(terms), strict=False):
        soft = np.exp(smooth(np.log(values))) if steep else smooth(values)
        axes.plot(*thin(images, values), color=shade, linewidth=0.6, alpha=0.3)
        axes.plot(*thin(images, soft), color=shade, linewidth=1.8, label=escape_dollars(label))
    if steep:
        name += ", logarithmic"
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(*value_limits(np.concatenate([values for _, values in terms.values()]), steep))
    style_axes(axes, name_panel(name))


def name_panel(name: str) -> str:
    """'critic (discriminator) loss' for the panel of a player's terms; others are called as they are."""
    if name.startswith(GRADIENTS) or name[:1].isupper() or not name:
        return name
    return f"{name.replace('critic', 'critic (discriminator)')} loss"


def escape_dollars(text: str) -> str:
    """Text that is drawn as it stands: no formula begins in it."""
    return text.replace("$", r"\$")


def smooth(values: FloatArray) -> FloatArray:
    """The mean over a fiftieth of the run around each round; at both ends half as many are there."""
    half, i = max(len(values) // 100, 1), np.arange(len(values))
    first, last = np.maximum(i - half, 0), np.minimum(i + half + 1, len(values))
    total = np.concatenate([[0.0], np.cumsum(values)])
    mean: FloatArray = (total[last] - total[first]) / (last - first)
    return mean


def thin(images: FloatArray, values: FloatArray) -> Series:
    """At most so many points: the lowest and the highest of each stretch, so that no spike is lost."""
    if len(values) <= MAX_LINE_POINTS:
        return images, values
    edges = np.linspace(0, len(values), MAX_LINE_POINTS // 2 + 1).astype(int)[:-1]
    x = np.repeat(images[edges], 2)
    y = np.stack([np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)], 1).ravel()
    return x, y


def value_limits(values: FloatArray, steep: bool) -> tuple[float, float]:
    """From the lowest to the highest value but for the rarest half per cent on each side, and some air."""
    low, high = np.quantile(np.log(values) if steep else values, (0.005, 0.995))
    air = 0.08 * (high - low) or 0.5
    ends = low - air, high + air
    return (float(np.exp(ends[0])), float(np.exp(ends[1]))) if steep else (float(ends[0]), float(ends[1]))


def style_axes(axes: Axes, name: str) -> None:
    axes.set_title(escape_dollars(name), loc="left", fontsize=11, color="#222222")
    axes.grid(color="#ebebeb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.005)
    axes.tick_params(which="both", length=0, labelcolor="#666666", labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color("#c8c8c8")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
