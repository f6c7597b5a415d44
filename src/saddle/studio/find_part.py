"""A part of the tab Draw: a picture is looked for among all that the run can make, and changed from there."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr
from torch import Tensor

from ..errors import Mistake, require
from .cells import shown
from .context import StudioContext
from .exploring import moved
from .limits import FASTEST, few_at_a_time, refusal, time_limit
from .models import Model, open_model
from .picture_box import upload_box, uploaded
from .pictures import MOST_STEPS, find_picture, read_picture
from .sliders import Sliders, directions_of, fit_sliders, make_sliders, strengths_of


class Found(NamedTuple):
    """What was found for a visitor's picture."""

    run: str
    latents: Tensor  # (1, ...)
    told: Tensor | None


class Part(NamedTuple):
    """What changes with the run."""

    outputs: list[Any]

    def fit(self, model: Model) -> list[Any]:
        return [None, "", "", *fit_sliders(model)]

    def __len__(self) -> int:
        return len(self.outputs)


def find_part(context: StudioContext, run: Any) -> Part:
    """A picture, the nearest that the run can make, and sliders to change it."""
    gr.Markdown("### Find and change\nThe nearest that the run can make to a picture of yours, to be changed from "
                "there.")  # fmt: skip
    state = gr.State(None)
    with gr.Row():
        with gr.Column(min_width=260):
            box = upload_box(context, "A picture to look for")
            steps = gr.Slider(10, MOST_STEPS, value=200, step=10, label="Steps of the search", buttons=[])
            go = gr.Button("Look for it", variant="primary")
            near = gr.HTML(padding=False)
        with gr.Column(min_width=260):
            sliders: Sliders = make_sliders()
            changed = gr.HTML(padding=False)

    def find(name: str | None, file: Any, long: Any) -> tuple[Any, str, str]:
        try:
            model = open_model(context.find_run(name))
            picture = read_picture(model, *uploaded(context, file), context.most_pixels)
            with time_limit(context.seconds):
                found = find_picture(model, picture, int(long))
        except Mistake as why:
            return gr.skip(), refusal(why), ""
        apart = f"nearest, {float(found.distances[0]) / 2:.1%} apart"
        return Found(str(name), found.latents, found.labels), shown({"given": picture, apart: found.images[0]}), ""

    def change(name: str | None, found: Found | None, by: Any, layers: Any, *strengths: Any) -> str:
        try:
            require(found is not None and found.run == name, "look for a picture first, then change it")
            assert found is not None, "it was just checked"
            model = open_model(context.find_run(name))
            told = None if model.styled else found.told
            with few_at_a_time():
                before, after = moved(model.space(), found.latents, told, directions_of(model, by, layers),
                                      strengths_of(strengths))  # fmt: skip
        except Mistake as why:
            return refusal(why)
        return shown({"found": before, "changed": after})

    go.click(find, [run, box, steps], [state, near, changed], concurrency_limit=2)
    asked = [run, state, *sliders.inputs]
    gr.on([one.input for one in sliders.strengths], change, asked, changed, **FASTEST)
    sliders.again.then(change, asked, changed, **FASTEST)
    return Part([state, near, changed, *sliders.inputs])
