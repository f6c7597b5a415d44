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
from .walk.pictures import describe_coverage, plane

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


def show(watched: Watched) -> str:
    """Each game's plane, rounds played and modes caught."""
    drawings = [plane(game, game.settings.method, arrows=True, side=360) for game in watched.games]
    cells = [
        html_tag("div", html_tag("b", describe_coverage(game)),
                 html_tag("span", f"modes caught by {game.settings.method} after {game.rounds} rounds"))
        for game in watched.games
    ]  # fmt: skip
    about = html_tag("p", "Grey: data. Blue: samples. Orange ground: called real, blue ground: called fake. Arrows: "
                     "where samples are pulled to. A mode is caught if one of 1000 samples lies within three of its "
                     "deviations.")  # fmt: skip
    return html_tag(
        "div", side_by_side(drawings, "samples"), html_tag("div", *cells, class_="facts"), about, class_="live"
    )


def move(rounds: int) -> Any:
    """What a click or a tick of the clock does: so many rounds, and a picture. A second one at once is left out."""

    def moved(watched: Watched | None, *asked: Any) -> Any:
        watched = watched or Watched()
        if not watched.lock.acquire(blocking=False):
            return gr.skip(), gr.skip()
        try:
            watched.begin(*asked)
            watched.play(rounds)
            return watched, show(watched)
        finally:
            watched.lock.release()

    return moved


def restart(watched: Watched | None, *asked: Any) -> tuple[Watched, str]:
    """The same game from its beginning."""
    watched = watched or Watched()
    with watched.lock:
        watched.close()
        watched.begin(*asked)
        return watched, show(watched)


def forget(watched: Watched | None) -> None:
    if watched:
        watched.close()


def toys_panel() -> None:
    """Fill a tab with the toys."""
    methods = list(TOY_METHODS)
    watched = gr.State(None, time_to_live=KEPT, delete_callback=forget)
    clock = gr.Timer(TICK, active=False)
    with gr.Row():
        toy = gr.Radio(list(TOY_NAMES), value="ring", label="Data")
        left = gr.Dropdown(methods, value="gan", label="Method")
        right = gr.Dropdown([ALONE, *methods], value="wgan-gp", label="Beside it")
    with gr.Row():
        play = gr.Button("Play", variant="primary")
        pause, step, reset = gr.Button("Pause"), gr.Button("Step"), gr.Button("Reset")
    seen = gr.HTML(html_tag("p", "Press Play."))
    with gr.Row():
        rate = gr.Slider(0.0005, 0.02, 0.005, step=0.0005, label="Learning rate of the generator")
        pace = gr.Slider(0.05, 4, 1, step=0.05, label="Discriminator's learning rate, times the generator's")
        turns = gr.Slider(1, 5, 1, step=1, label="Moves of the discriminator in each round")
    with gr.Row():
        penalty = gr.Slider(0, 2, 0.1, step=0.05, label="Gradient penalty of wgan-gp, r1, r3gan")
        noise = gr.Slider(0, 1, 0, step=0.05, label="Noise on the discriminator's inputs")
    asked = [toy, left, right, rate, pace, turns, penalty, noise]
    for event, does in ((clock.tick, move(AT_ONCE)), (step.click, move(1)), (reset.click, restart)):
        event(does, [watched, *asked], [watched, seen], show_progress="hidden")
    play.click(lambda: gr.Timer(active=True), None, clock, show_progress="hidden")
    pause.click(lambda: gr.Timer(active=False), None, clock, show_progress="hidden")
