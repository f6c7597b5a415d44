"""The studio's tab Theory: a walk through the lecture, the simplest GAN, and toys that learn while one looks."""

from __future__ import annotations

from typing import Any

import gradio as gr

from .context import StudioContext
from .dirac_panel import dirac_panel
from .toys_panel import toys_panel
from .walk.steps import LANGUAGES, texts
from .walk_tab import walk_tab

PANELS = {"walk": walk_tab, "toys": toys_panel, "dirac": dirac_panel}


def theory_tab(context: StudioContext) -> None:
    """Fill the tab; it needs no run, and what a visitor moves is kept in the visitor's own page."""
    first = next(iter(LANGUAGES))
    language = gr.Radio([(name, key) for key, name in LANGUAGES.items()], value=first, label="Language · 语言")
    tabs = []
    with gr.Tabs():
        for name, fill in PANELS.items():
            with gr.Tab(texts(first)["tabs"][name]) as tab:
                fill(language)
            tabs.append(tab)

    def name_tabs(language: str) -> list[Any]:
        return [gr.update(label=label) for label in texts(language)["tabs"].values()]

    language.change(name_tabs, language, tabs, show_progress="hidden", queue=False)
