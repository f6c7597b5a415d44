"""The studio's tab Theory: a walk through the lecture, the simplest GAN, and toys that learn while one looks."""

from __future__ import annotations

import gradio as gr

from .context import StudioContext
from .dirac_panel import dirac_panel
from .toys_panel import toys_panel
from .walk_tab import walk_tab


def theory_tab(context: StudioContext) -> None:
    """Fill the tab; it needs no run, and what a visitor moves is kept in the visitor's own page."""
    with gr.Tabs():
        with gr.Tab("Walk · 漫步"):
            walk_tab()
        with gr.Tab("Toys"):
            toys_panel()
        with gr.Tab("Simplest GAN"):
            dirac_panel()
