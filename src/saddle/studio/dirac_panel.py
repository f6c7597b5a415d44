"""The simplest GAN, played before the visitor's eyes: two numbers, and where each is pulled."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from ..reports.markup import html_tag
from ..theory.dirac_gan import START_POINT, step_players
from ..theory.dirac_gan_methods import ADJUSTABLE, Method
from .drawing import side_by_side
from .walk.pictures import phase_portrait

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


def show(path: Path, name: str, strength: float, *_: Any) -> str:
    """The field of pulls and the path, with the eigenvalues at the equilibrium."""
    method = choose(name, strength)
    figures = [("θ, ψ", "{:.3f}, {:.3f}".format(*path[-1])), ("distance", f"{np.hypot(*path[-1]):.4f}")]
    if method.eigenvalues:
        a, b = method.eigenvalues
        figures.append(("eigenvalues", f"{a.real:.2f} ± {a.imag:.2f} i" if a.imag else f"{a.real:.2f}, {b.real:.2f}"))
    cells = (html_tag("div", html_tag("b", value), html_tag("span", what)) for what, value in figures)
    drawing = phase_portrait(method.field, path, 480, 420)
    return html_tag(
        "div", side_by_side([drawing], method.name), html_tag("div", *cells, class_="facts"), class_="live one"
    )


def dirac_panel() -> None:
    """Fill a tab with the game."""
    gr.Markdown("Data are the point 0. The generator is one number θ, the discriminator a line through 0 with slope ψ. "
                "Arrows show where both are pulled, the path how they moved. Which methods arrive at 0?")  # fmt: skip
    path, clock = gr.State(START), gr.Timer(TICK, active=False)
    with gr.Row():
        with gr.Column():
            method = gr.Dropdown(list(ADJUSTABLE), value="non-saturating", label="Method")
            strength = gr.Slider(
                0, 2, 0.3, step=0.05, label="Strength: weight of R1, deviation of the noise, bound, slope"
            )
            rate = gr.Slider(0.01, 0.5, 0.1, step=0.01, label="Learning rate")
            turns = gr.Slider(1, 10, 1, step=1, label="Moves of the discriminator in each round")
            together = gr.Checkbox(False, label="Both move at once, not in turns")
            with gr.Row():
                play = gr.Button("Play", variant="primary")
                pause, step, reset = gr.Button("Pause"), gr.Button("Step"), gr.Button("Reset")
        seen = gr.HTML(show(START, "non-saturating", 0.3))
    chosen = [method, strength, rate, turns, together]

    def move(steps: int) -> Any:
        def moved(path: Path, *given: Any) -> tuple[Path, str]:
            path = advance(path, steps, *given)
            return path, show(path, *given)

        return moved

    clock.tick(move(AT_ONCE), [path, *chosen], [path, seen], show_progress="hidden")
    step.click(move(1), [path, *chosen], [path, seen], show_progress="hidden")
    play.click(lambda: gr.Timer(active=True), None, clock, show_progress="hidden")
    pause.click(lambda: gr.Timer(active=False), None, clock, show_progress="hidden")
    reset.click(lambda *given: (START, show(START, *given)), chosen, [path, seen], show_progress="hidden")
    for control in (method, strength):
        control.input(show, [path, *chosen], seen, show_progress="hidden", trigger_mode="always_last")
