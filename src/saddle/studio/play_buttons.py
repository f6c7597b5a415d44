"""Buttons under which a game is played: by a clock of the visitor's own, or step by step."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from .walk.steps import texts


class PlayButtons(NamedTuple):
    """In the order of the texts' words."""

    play: Any
    pause: Any
    step: Any
    reset: Any


def play_buttons(language: Any, clock: Any) -> PlayButtons:
    """They start and stop the clock; what a step and a new beginning do is the panel's."""
    words = texts(language.value)["buttons"]
    with gr.Row():
        buttons = PlayButtons(gr.Button(words["play"], variant="primary"),
                              *(gr.Button(words[name]) for name in ("pause", "step", "reset")))  # fmt: skip
    buttons.play.click(lambda: gr.Timer(active=True), None, clock, show_progress="hidden", queue=False)
    buttons.pause.click(lambda: gr.Timer(active=False), None, clock, show_progress="hidden", queue=False)
    language.change(lambda language: list(texts(language)["buttons"].values()), language, list(buttons),
                    show_progress="hidden", queue=False)  # fmt: skip
    return buttons
