"""The simplest GAN, played before the visitor's eyes: two numbers, and where each is pulled."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from ..reports.markup import html_tag
from ..theory.dirac_gan import START_POINT, step_players
from ..theory.dirac_gan_methods import ADJUSTABLE, Method
from .drawing import side_by_side
from .limits import FASTEST
from .play_buttons import play_buttons
from .walk.pictures import phase_portrait
from .walk.steps import texts

Path = tuple[tuple[float, float], ...]
START: Path = (START_POINT,)
REMEMBERED = 600  # steps that are drawn
AT_ONCE = 6  # steps in a tick of the clock
TICK = 0.15  # seconds


def advance(path: Path, steps: int, name: str, strength: float, rate: float, turns: float, together: bool) -> Path:
    """The path, so many steps on, by a method of ADJUSTABLE; far out the players stay where they are."""
    method = choose(name, strength)
    rate, turns = min(max(float(rate), 0.0), 1.0), min(max(int(turns), 1), 10)
    for _ in range(steps):
        at = step_players(method.field, path[-1], together, method.bound, method.rates, rate, turns)
        theta, psi = np.clip(at, -1e3, 1e3)
        path = (*path, (float(theta), float(psi)))
    return path[-REMEMBERED:]


def choose(name: str, strength: float) -> Method:
    return ADJUSTABLE.get(name, ADJUSTABLE["non-saturating"])(min(max(float(strength), 0.0), 2.0))


def show(path: Path, language: str, name: str, strength: float, *_: Any) -> str:
    """The field of pulls and the path, with the eigenvalues at the equilibrium."""
    method, words = choose(name, strength), texts(language)["dirac"]
    figures = [("θ, ψ", "{:.3f}, {:.3f}".format(*path[-1])), (words["distance"], f"{np.hypot(*path[-1]):.4f}")]
    if method.eigenvalues:
        a, b = method.eigenvalues
        figures.append(
            (words["eigenvalues"], f"{a.real:.2f} ± {a.imag:.2f} i" if a.imag else f"{a.real:.2f}, {b.real:.2f}")
        )
    cells = (html_tag("div", html_tag("b", value), html_tag("span", what)) for what, value in figures)
    drawing = phase_portrait(method.field, path, 480, 420)
    return html_tag(
        "div", side_by_side([drawing], method.name), html_tag("div", *cells, class_="facts"), class_="live one"
    )


def dirac_panel(language: Any) -> None:
    """Fill a tab with the game, in the language that is chosen."""
    words = texts(language.value)["dirac"]
    lead = gr.Markdown(words["lead"])
    path, clock = gr.State(START), gr.Timer(TICK, active=False)
    with gr.Row():
        with gr.Column():
            method = gr.Dropdown(list(ADJUSTABLE), value="non-saturating", label=words["method"])
            strength = gr.Slider(0, 2, 0.3, step=0.05, label=words["strength"])
            rate = gr.Slider(0.01, 0.5, 0.1, step=0.01, label=words["rate"])
            turns = gr.Slider(1, 10, 1, step=1, label=words["turns"])
            together = gr.Checkbox(False, label=words["together"])
            buttons = play_buttons(language, clock)
        seen = gr.HTML(show(START, language.value, "non-saturating", 0.3))
    chosen = [method, strength, rate, turns, together]

    def move(steps: int) -> Any:
        def moved(path: Path, language: str, *given: Any) -> tuple[Path, str]:
            path = advance(path, steps, *given)
            return path, show(path, language, *given)

        return moved

    def restart(language: str, *given: Any) -> tuple[Path, str]:
        return START, show(START, language, *given)

    asked = [path, language, *chosen]
    clock.tick(move(AT_ONCE), asked, [path, seen], show_progress="hidden")
    buttons.step.click(move(1), asked, [path, seen], show_progress="hidden")
    buttons.reset.click(restart, [language, *chosen], [path, seen], show_progress="hidden")
    gr.on([method.input, strength.input, language.change], show, asked, seen, **FASTEST)
    language.change(translate, language, [lead, *chosen], show_progress="hidden", queue=False)


def translate(language: str) -> list[Any]:
    """What is said, and the names of all controls."""
    words = texts(language)["dirac"]
    names = ("method", "strength", "rate", "turns", "together")
    return [words["lead"], *(gr.update(label=words[name]) for name in names)]
