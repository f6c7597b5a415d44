"""The studio's tab Theory: in a browser, and what is behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from browser import NARROW, Visits
from saddle.studio.walk.steps import STEPS
from studio_page import served_studio

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio")
SETTINGS = (0.005, 1.0, 1, 0.1, 0.0)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_studio(tmp_path_factory.mktemp("runs")) as address:
        yield address


def open_theory(visit: Visits, address: str, **how: Any) -> Any:
    page = visit(address, **how)
    page.get_by_role("tab", name="Theory", exact=True).click()
    return page


def test_two_steps_of_the_walk_and_another_language(visit: Visits, address: str) -> None:
    page = open_theory(visit, address)
    page.get_by_text("Grey is the data's density p").wait_for()
    before = page.locator(".live b:visible").nth(1).inner_text()
    slider = page.get_by_label("number input for mean of the model q")
    slider.fill("0")
    slider.press("Tab")
    page.wait_for_function("before => ![...document.querySelectorAll('.live b')].some(b => b.checkVisibility() && "
                           "b.innerText === before)", arg=before)  # fmt: skip
    visit.shoot(page, "studio-walk")
    page.get_by_role("button", name="Next").click()
    page.get_by_text("A discriminator sees real and generated samples").wait_for()
    page.get_by_text("中文", exact=True).click()
    page.get_by_text("判别器看到数量相同的真实样本和生成样本").wait_for()
    page.get_by_role("button", name="下一步").click()
    page.get_by_text("图像分布在很薄的集合上").wait_for()
    visit.shoot(page, "studio-walk-zh")
    page.get_by_text("5. 模式崩溃", exact=True).click()
    page.locator(".live:visible svg").nth(1).wait_for()  # before any slider has moved


def test_a_toy_learns_before_ones_eyes_and_stops_when_told(visit: Visits, address: str) -> None:
    page = open_theory(visit, address, width=NARROW, dark=True)
    page.get_by_role("tab", name="Toys", exact=True).click()
    page.get_by_role("button", name="Step", exact=True).click()
    page.get_by_text("modes caught by gan, round 1").wait_for()
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_text(re.compile(r"modes caught by wgan-gp, round \d\d+")).wait_for()
    page.get_by_role("button", name="Pause", exact=True).click()
    visit.shoot(page, "studio-toys-narrow-dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, "nothing is wider than a telephone"


def test_the_simplest_gan_moves(visit: Visits, address: str) -> None:
    page = open_theory(visit, address)
    page.get_by_role("tab", name="Simplest GAN", exact=True).click()
    page.get_by_text("1.000, -1.000").wait_for()
    page.get_by_role("button", name="Step", exact=True).click()
    page.get_by_text("0.927, -1.026").wait_for()
    visit.shoot(page, "studio-dirac")
    page.get_by_text("中文", exact=True).click()
    page.get_by_text("哪些方法能到达").wait_for()
    page.get_by_text("特征值", exact=True).wait_for()
    page.get_by_role("button", name="走一步", exact=True).locator("visible=true").click()
    page.get_by_text("0.853, -1.051").wait_for()
    page.get_by_role("tab", name="玩具数据", exact=True).click()
    page.get_by_label("生成器的学习率").locator("visible=true").first.wait_for()
    page.get_by_text("请按“播放”。").wait_for()
    visit.shoot(page, "studio-toys-zh")


def test_a_watchers_games_are_its_own_and_a_tick_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from saddle.studio import toys_panel
    from saddle.studio.toys_panel import AT_ONCE, move, restart

    monkeypatch.setattr(toys_panel, "BUDGET", 60.0)
    first, shown = move(3)(None, "en", "ring", "gan", "r1", *SETTINGS)
    other, _ = move(1)(None, "en", "ring", "gan", "nothing", *SETTINGS)
    assert [g.rounds for g in first.games] == [3, 3] and [g.rounds for g in other.games] == [1]
    assert "modes caught by gan, round 3" in shown and "modes caught by r1, round 3" in shown
    monkeypatch.setattr(toys_panel, "BUDGET", 0.0)
    move(AT_ONCE)(other, "en", "ring", "gan", "nothing", *SETTINGS)
    assert other.games[0].rounds == 2, "a tick whose time is up plays one round"
    move(1)(first, "en", "swiss-roll", "gan", "nothing", *SETTINGS)
    assert [(g.toy, g.rounds) for g in first.games] == [("swiss-roll", 1)], "other settings begin anew"
    with first.lock:
        assert "value" not in move(1)(first, "en", "ring", "gan", "r1", *SETTINGS)[1], (
            "a second click at once changes nothing"
        )
    restart(first, "en", "ring", "gan", "r1", *SETTINGS)
    assert [g.rounds for g in first.games] == [0, 0]


def test_what_a_page_sends_is_kept_within_the_sliders_ends() -> None:
    from saddle.studio.dirac_panel import START, advance, show
    from saddle.studio.toys_panel import bounded
    from saddle.studio.walk_tab import picture

    wild = bounded("gan", 1e9, 1e9, 1e9, -1, 1e9)
    assert (wild.rate, wild.pace, wild.turns, wild.penalty, wild.noise) == (0.05, 4, 5, 0, 1)
    path = advance(START, 50, "no such method", 1e9, 1e9, 1e9, True)
    assert np.isfinite(path).all() and "<svg" in show(path, "en", "<script>", 1e9)
    assert picture(STEPS[0], 1e9, -1e9) == picture(STEPS[0], 5, 0.5)
