"""The parts of the tab Explore, where they are to stand."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from .cells import hint
from .context import StudioContext
from .fitting_runs import SHOWN_AT_FIRST
from .picking import ROLES, Mode
from .results import HINTS
from .sliders import Sliders, make_sliders


class Controls(NamedTuple):
    """What says which samples are shown."""

    run: Any
    seed: Any
    count: Any
    label: Any
    text: Any
    truncation: Any
    others: Any  # not rendered yet: it stands above the sheet

    @property
    def wish(self) -> list[Any]:
        """In the order of `wished`."""
        return list(self[:6])


class Tools(NamedTuple):
    """What stands beside the sheet."""

    sliders: Sliders
    walk: Any
    role: Any
    clear: Any
    shown: dict[Mode, Any]  # what came of the samples that were picked
    tabs: dict[Mode, Any]

    @property
    def mixing(self) -> Any:
        """The tab for runs with styles."""
        return self.tabs["mix"]


def make_controls(context: StudioContext) -> Controls:
    with gr.Row():
        run = gr.Dropdown(context.run_choices(), label="Run", info="of those that make pictures", scale=3)
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, info="equal seeds, equal samples", scale=1)
        count = gr.Slider(1, context.most_samples, value=min(SHOWN_AT_FIRST, context.most_samples), step=1,
                          label="Samples", scale=2, buttons=[])  # fmt: skip
    with gr.Row():
        label = gr.Dropdown([("any", "")], value="", label="Class", visible=False)
        text = gr.Textbox(label="Text", info="as its captions were", max_lines=1, visible=False)
        truncation = gr.Slider(0, 1, value=1, step=0.05, label="Truncation", visible=False, buttons=[])
    others = gr.Button("Other samples", variant="primary", elem_classes="other-samples", render=False)
    return Controls(run, seed, count, label, text, truncation, others)


def make_tools() -> Tools:
    shown: dict[Mode, Any] = {}

    def place(name: Mode) -> None:
        shown[name] = gr.HTML(hint(HINTS[name]), padding=False)

    with gr.Tabs():
        with gr.Tab("Directions") as directions:
            place("directions")
            sliders = make_sliders()
        with gr.Tab("Walk") as walking:
            walk = gr.Slider(0, 1, value=0.5, step=0.01, label="On the way", buttons=[])
            place("walk")
        with gr.Tab("Add and subtract") as adding:
            role = gr.Radio([("start from", "these"), ("take away", "minus"), ("add", "plus")], value=ROLES[0],
                            label="A click picks samples to")  # fmt: skip
            place("sum")
            clear = gr.Button("Pick anew", size="sm")
        with gr.Tab("Mix styles", visible=False) as mixing:
            place("mix")
    tabs: dict[Mode, Any] = {"directions": directions, "walk": walking, "sum": adding, "mix": mixing}
    return Tools(sliders, walk, role, clear, shown, tabs)
