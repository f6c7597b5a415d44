"""Two-dimensional toys that learn before the visitor's eyes, one method or two side by side."""

from __future__ import annotations

import time
from threading import Lock
from typing import Any

import gradio as gr

from ..data.toys import TOY_NAMES
from ..reports.markup import html_tag
from ..theory.toy_game import ToyGame
from ..theory.toy_methods import TOY_METHODS, ToySettings
from .drawing import side_by_side
from .play_buttons import play_buttons
from .walk.pictures import describe_coverage, plane
from .walk.steps import texts

TICK = 0.25  # seconds between two pictures, at best
BUDGET = 0.15  # seconds of learning in a tick, for all games of a visitor
AT_ONCE = 40  # rounds in a tick, at most
KEPT = 1800  # seconds that a visitor's games are kept after the page was left
ALONE = "nothing"  # stands beside no other method


class Watched:
    """The games of one visitor; what two clicks at once ask of them is done one after the other."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.asked: tuple[Any, ...] = ()
        self.games: tuple[ToyGame, ...] = ()

    def begin(self, toy: str, left: str, right: str, *settings: float) -> None:
        """New games, unless these settings are being played already."""
        asked = (toy, left, right, *settings)
        if asked != self.asked:
            self.close()
            names = [name for name in (left, right) if name in TOY_METHODS]
            self.games = tuple(ToyGame(bounded(name, *settings), toy if toy in TOY_NAMES else "ring") for name in names)
            self.asked = asked

    def play(self, rounds: int) -> None:
        """So many rounds of every game, or fewer where a tick's time is up: one at least, and all equally many."""
        end = time.monotonic() + BUDGET
        for played in range(rounds):
            if played and time.monotonic() > end:
                break
            for game in self.games:
                game.play(1)

    def close(self) -> None:
        for game in self.games:
            game.close()
        self.games, self.asked = (), ()


def bounded(method: str, rate: float, pace: float, turns: float, penalty: float, noise: float) -> ToySettings:
    """What sliders say, and nothing beyond their ends, whatever a page sent."""
    moves = int(between(turns, 1, 5))
    return ToySettings(
        method, between(rate, 1e-4, 0.05), between(pace, 0.01, 4), moves, between(penalty, 0, 2), between(noise, 0, 1)
    )


def between(value: float, low: float, high: float) -> float:
    return min(max(float(value), low), high)


def show(watched: Watched, language: str) -> str:
    """Each game's plane, rounds played and modes caught."""
    words = texts(language)["toys"]
    drawings = [plane(game, game.settings.method, arrows=True, side=360) for game in watched.games]
    cells = [
        html_tag("div", html_tag("b", describe_coverage(game)),
                 html_tag("span", words["caught"].format(method=game.settings.method, rounds=game.rounds)))
        for game in watched.games
    ]  # fmt: skip
    facts, about = html_tag("div", *cells, class_="facts"), html_tag("p", words["about"])
    return html_tag("div", side_by_side(drawings, "samples"), facts, about, class_="live", lang=language)


def move(rounds: int) -> Any:
    """What a click or a tick of the clock does: so many rounds, and a picture. A second one at once is left out."""

    def moved(watched: Watched | None, language: str, *asked: Any) -> Any:
        watched = watched or Watched()
        if not watched.lock.acquire(blocking=False):
            return gr.skip(), gr.skip()
        try:
            watched.begin(*asked)
            watched.play(rounds)
            return watched, show(watched, language)
        finally:
            watched.lock.release()

    return moved


def restart(watched: Watched | None, language: str, *asked: Any) -> tuple[Watched, str]:
    """The same game from its beginning."""
    watched = watched or Watched()
    with watched.lock:
        watched.close()
        watched.begin(*asked)
        return watched, show(watched, language)


def forget(watched: Watched | None) -> None:
    if watched:
        watched.close()


def toys_panel(language: Any) -> None:
    """Fill a tab with the toys, in the language that is chosen."""
    words, methods = texts(language.value)["toys"], list(TOY_METHODS)
    watched = gr.State(None, time_to_live=KEPT, delete_callback=forget)
    clock = gr.Timer(TICK, active=False)
    with gr.Row():
        toy = gr.Radio(list(TOY_NAMES), value="ring", label=words["data"])
        left = gr.Dropdown(methods, value="gan", label=words["method"])
        right = gr.Dropdown(beside(language.value), value="wgan-gp", label=words["beside"])
    buttons = play_buttons(language, clock)
    seen = gr.HTML(html_tag("p", words["begin"]))
    with gr.Row():
        rate = gr.Slider(0.0005, 0.02, 0.005, step=0.0005, label=words["rate"])
        pace = gr.Slider(0.05, 4, 1, step=0.05, label=words["pace"])
        turns = gr.Slider(1, 5, 1, step=1, label=words["turns"])
    with gr.Row():
        penalty = gr.Slider(0, 2, 0.1, step=0.05, label=words["penalty"])
        noise = gr.Slider(0, 1, 0, step=0.05, label=words["noise"])
    asked = [toy, left, right, rate, pace, turns, penalty, noise]
    for event, does in ((clock.tick, move(AT_ONCE)), (buttons.step.click, move(1)), (buttons.reset.click, restart)):
        event(does, [watched, language, *asked], [watched, seen], show_progress="hidden")
    language.change(translate, [language, watched], [seen, *asked], show_progress="hidden")


def beside(language: str) -> list[tuple[str, str]]:
    """The choices of the second method."""
    return [(texts(language)["toys"]["nothing"], ALONE), *((name, name) for name in TOY_METHODS)]


def translate(language: str, watched: Watched | None) -> list[Any]:
    """What is shown, and the names of all controls, in another language."""
    words = texts(language)["toys"]
    seen = show(watched, language) if watched and watched.games else html_tag("p", words["begin"])
    names = [gr.update(label=words[key]) for key in ("data", "method", "rate", "pace", "turns", "penalty", "noise")]
    second = gr.update(label=words["beside"], choices=beside(language))
    return [seen, *names[:2], second, *names[2:]]
