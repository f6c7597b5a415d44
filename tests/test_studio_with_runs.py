"""The studio's tabs Explore and Draw in a browser, over runs of a moment."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from browser import NARROW, Visits
from saddle.cli import main
from studio_page import served_studio

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio")
TINY = ["--size", "16", "--batch", "8", "--images", "16", "--limit", "32", "--quiet", "--networks.width", "8"]

SMALL = 700  # pixels: a canvas is drawn without a GPU here, and takes by its size


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name, words in {
        "plain": ["dcgan", "--data", "glyphs"],
        "drawing": ["pix2pix", "--data", "glyphs", "--source", "outline"],
        "styles": ["stylegan2-ada-small", "--data", "glyphs"],
    }.items():
        assert main(["train", *words, *TINY, "--out", str(folder / name)]) == 0
    return folder


@pytest.fixture(scope="module")
def address(runs: Path) -> Iterator[str]:
    """One studio for all tests here; each visits it on its own."""
    with served_studio(runs) as address:
        yield address


def test_samples_are_explored(visit: Visits, address: str) -> None:
    page = visit(address)
    page.get_by_role("tab", name="Explore").click()
    cells = page.locator(".cells button")
    page.wait_for_function("document.querySelectorAll('.cells button').length == 16")
    first = cells.nth(0).locator("img").get_attribute("src")
    cells.nth(5).click()
    page.get_by_alt_text("moved", exact=True).wait_for()
    before = page.get_by_alt_text("moved", exact=True).get_attribute("src")
    page.get_by_role("slider", name="direction 1").fill("3")
    page.wait_for_function("src => document.querySelector('[alt=moved]').src != src", arg=before)
    visit.shoot(page, "studio-explore")
    page.get_by_role("button", name="Back to the middle").click()
    page.wait_for_function("src => document.querySelector('[alt=moved]').src == src", arg=before)
    gap = "([a, b]) => document.querySelector(b).getBoundingClientRect().top - a.getBoundingClientRect().bottom"
    button = page.get_by_role("button", name="Other samples").element_handle()
    assert page.evaluate(gap, [button, ".cells"]) < 40, "nothing empty stands between"
    page.get_by_role("tab", name="Walk", exact=True).click()
    cells.nth(1).click()
    cells.nth(2).click()
    page.get_by_text("50% of the way from sample 1 to sample 2").wait_for()
    page.get_by_role("slider", name="On the way").fill("0.8")
    page.get_by_text("80% of the way from sample 1 to sample 2").wait_for()
    page.get_by_role("tab", name="Add and subtract").click()
    for role, place in (("start from", 1), ("take away", 2), ("add", 3)):
        page.get_by_label(role, exact=True).check()
        cells.nth(place).click()
    page.get_by_text("samples 1 less 2 plus 3").wait_for()
    page.get_by_role("tab", name="Mix styles").click()
    page.get_by_text("coarse layers of 2").wait_for()
    page.get_by_role("button", name="Other samples").click()
    page.wait_for_function("src => document.querySelector('.cells img').src != src", arg=first)
    dark = visit(address, width=NARROW, dark=True)
    dark.get_by_role("tab", name="Explore").click()
    dark.locator(".cells button").nth(3).click()
    dark.get_by_alt_text("moved", exact=True).wait_for()
    visit.shoot(dark, "studio-explore-narrow-dark")
    assert dark.evaluate("document.documentElement.scrollWidth") <= NARROW


def test_a_sketch_is_translated_as_it_is_drawn(visit: Visits, address: str) -> None:
    page = visit(address, width=SMALL)
    page.get_by_role("tab", name="Draw").click()
    canvas = page.locator(".sketch canvas").first
    canvas.wait_for()
    page.locator(".sketch").get_by_role("button", name="Brush", exact=True).click()
    stroke(page, canvas)
    page.get_by_alt_text("what it makes").wait_for()
    visit.shoot(page, "studio-draw")


def test_a_hole_is_painted_and_filled(visit: Visits, address: str) -> None:
    page = visit(address, width=SMALL)
    page.get_by_role("tab", name="Draw").click()
    page.locator(".sketch canvas").first.wait_for()  # gradio complains of a canvas that goes while it is being made
    page.get_by_label("Run", exact=True).locator("visible=true").first.click()
    page.get_by_role("option", name="plain", exact=True).click()
    page.get_by_role("button", name="Take a sample").click()
    canvas = page.locator(".hole canvas").first
    canvas.wait_for()
    page.wait_for_timeout(1500)  # the sample is laid under the brush
    page.locator(".hole").get_by_role("button", name="Brush", exact=True).click()
    stroke(page, canvas)
    page.get_by_role("slider", name="Steps of the search").locator("visible=true").first.fill("10")
    page.get_by_role("button", name="Fill the hole").click()
    page.get_by_alt_text("answer 1", exact=True).wait_for()
    visit.shoot(page, "studio-complete")


def test_visitors_at_once_are_answered_as_if_alone(address: str, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("playwright")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    benchmark = importlib.import_module("studio_sessions")
    studio = SimpleNamespace(address=address, memory=lambda: 0)
    tally = benchmark.load(studio, runs / "plain", sessions=2, seconds=0.5)
    games = [benchmark.game(str(runs / "plain"), number) for number in range(2)]
    assert benchmark.play(address, games[0]) != benchmark.play(address, games[1]), "answers that are mixed up are seen"
    assert len(tally.seconds) >= sum(map(len, games)) and not tally.wrong and not tally.faults


def stroke(page, canvas) -> None:
    """Two lines across the middle of a canvas."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for dx, dy in ((40, 40), (-40, 40)):
        page.mouse.move(x - dx, y - dy)
        page.mouse.down()
        page.mouse.move(x + dx, y + dy, steps=2)
        page.mouse.up()
