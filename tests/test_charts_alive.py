"""Charts of a page in a browser: values under the mouse, zoom, smoothing; and the same page without script."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from browser import NARROW, WIDE, Visits
from saddle.reports.charts import make_chart, make_line
from saddle.reports.page import charts_html, html_page

STEPS = np.linspace(0, 1000, 101)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a straight line from 0 to 2,000, and one that leaps up and down on a logarithmic axis."""
    straight = make_line("straight", 0, STEPS, 2 * STEPS)
    leaping = make_line("leaping", 1, STEPS, np.where(np.arange(101) % 2, 100.0, 1.0))
    charts = [make_chart("two per image", [straight], "images"), make_chart("leaps", [leaping], "images", steep=True)]
    file = tmp_path_factory.mktemp("page") / "charts.html"
    file.write_text(html_page("Charts", "two of them", charts_html(charts)))
    return file


def test_values_are_told_under_the_mouse(visit: Visits, page: Path) -> None:
    shown = visit(page)
    shown.locator("svg").first.hover()
    where, _, value = shown.locator("output").first.inner_text().partition("straight: ")
    images, seen = float(where.replace(",", "")), float(value.replace(",", ""))
    assert 300 < images < 700 and abs(seen - 2 * images) < 40, "to a pixel"


def test_a_drag_zooms_and_a_double_click_goes_back(visit: Visits, page: Path) -> None:
    shown = visit(page, width=WIDE)
    chart = shown.locator("svg").first
    before = chart.locator("polyline").get_attribute("points"), chart.locator(".foot").first.text_content()
    box = chart.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    shown.mouse.move(box["x"] + 0.5 * box["width"], middle)
    shown.mouse.down()
    shown.mouse.move(box["x"] + 0.7 * box["width"], middle, steps=4)
    shown.mouse.up()
    zoomed = chart.locator("polyline").get_attribute("points")
    assert zoomed and before[0] and len(zoomed.split()) < 0.4 * len(before[0].split())
    left = float((chart.locator(".foot").first.text_content() or "").replace(",", ""))
    assert 350 < left < 600
    visit.shoot(shown, "charts-zoomed")
    chart.dblclick()
    assert (chart.locator("polyline").get_attribute("points"), chart.locator(".foot").first.text_content()) == before


def test_smoothing_takes_means_of_neighbours(visit: Visits, page: Path) -> None:
    shown = visit(page, width=NARROW, dark=True)
    line = shown.locator("svg").nth(1).locator("polyline")

    def spread() -> float:
        heights = [float(point.partition(",")[2]) for point in (line.get_attribute("points") or "").split()]
        return max(heights[5:-5]) - min(heights[5:-5])

    rough = spread()
    shown.locator(".smoothing input").fill("4")
    assert spread() < 0.25 * rough
    assert shown.evaluate("document.documentElement.scrollWidth") <= NARROW
    sizes = shown.locator(".chart svg text").evaluate_all(
        "all => all.map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"
    )
    assert min(sizes) >= 9, "numbers on the axes can be read on a telephone (pixels)"
    visit.shoot(shown, "charts-smoothed")


def test_without_script_the_charts_stand_and_nothing_promises_more(visit: Visits, page: Path) -> None:
    shown = visit(page, java_script_enabled=False)
    assert shown.locator("svg polyline").count() == 2 and not shown.locator(".smoothing").is_visible()
