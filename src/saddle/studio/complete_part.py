"""A part of the tab Draw: what is painted over is filled by what the run makes that agrees with the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import gradio as gr
import torch
from PIL import Image
from torch import Tensor

from ..errors import Mistake, require
from ..runs.pictures import to_image
from .canvas import SIDE, canvas_size, layers_of, make_canvas, paint
from .cells import shown
from .context import StudioContext
from .exploring import Wish, sample_grid
from .limits import refusal, time_limit
from .models import Model, open_model
from .picture_box import upload_box, uploaded
from .pictures import complete_picture, painted_mask, read_picture

MOST_COMPLETION_STEPS, ANSWERS = 400, 3
Laid = tuple[Any, Any, str]  # a picture, the canvas, and what is said below


class Part(NamedTuple):
    """What changes with the run."""

    outputs: list[Any]

    def fit(self, model: Model) -> list[Any]:
        """No picture is painted on yet."""
        return [None, gr.update(value=None, canvas_size=canvas_size(*model.loaded.shape[1:3])), ""]

    def __len__(self) -> int:
        return len(self.outputs)


def complete_part(context: StudioContext, run: Any) -> Part:
    """A picture, a brush, and the answers."""
    gr.Markdown("### Complete\nPaint over a part of a picture: the run fills it with what fits the rest.")
    image = gr.State(None)  # (channels, height, width), as the run sees it
    with gr.Row():
        with gr.Column(min_width=SIDE + 20):
            with gr.Row():
                sample = gr.Button("Take a sample", size="sm", min_width=120)
                seed = gr.Number(0, label="Seed", precision=0, minimum=0, min_width=90)
            box = upload_box(context, "Or a picture of yours")
            canvas = make_canvas(brush=paint(), label="Paint the hole", elem_classes="hole")
        with gr.Column(min_width=260):
            steps = gr.Slider(10, MOST_COMPLETION_STEPS, value=100, step=10, label="Steps of the search", buttons=[])
            go = gr.Button("Fill the hole", variant="primary")
            made = gr.HTML(padding=False)

    def take(name: str | None, number: Any) -> Laid:
        return lay(lambda: sample_of(context, name, number))

    def give(name: str | None, file: Any) -> Laid:
        return lay(lambda: upload_of(context, name, file))

    def fill(name: str | None, picture: Tensor | None, value: Any, long: Any, number: Any) -> str:
        try:
            return fill_hole(context, name, picture, value, long, number)
        except Mistake as why:
            return refusal(why)

    sample.click(take, [run, seed], [image, canvas, made], show_progress="hidden")
    box.upload(give, [run, box], [image, canvas, made], show_progress="hidden")
    go.click(fill, [run, image, canvas, steps, seed], made, concurrency_limit=2)
    return Part([image, canvas, made])


def sample_of(context: StudioContext, name: str | None, seed: Any) -> Tensor:
    return sample_grid(open_model(context.find_run(name)), Wish(1, int(seed or 0)))[0]


def upload_of(context: StudioContext, name: str | None, file: Any) -> Tensor:
    return read_picture(open_model(context.find_run(name)), *uploaded(context, file), context.most_pixels)


def lay(find: Callable[[], Tensor]) -> Laid:
    """A picture that is to be painted on, and the canvas with it; or what is said in place of an answer."""
    try:
        picture = find()
    except Mistake as why:
        return gr.skip(), gr.skip(), refusal(why)
    size = canvas_size(*picture.shape[1:])
    below = to_image(picture).convert("RGBA").resize(size, Image.Resampling.NEAREST)
    return picture, {"background": below, "layers": [], "composite": below}, ""


def fill_hole(context: StudioContext, name: str | None, picture: Tensor | None, value: Any, steps: Any,
              seed: Any) -> str:  # fmt: skip
    """The answers to what is painted over; Mistake where nothing is."""
    model = open_model(context.find_run(name))
    if picture is None:
        raise Mistake("take a sample or upload a picture first")
    hidden = painted_mask(layers_of(value), *model.loaded.shape[1:3])
    require(bool(hidden.any()), "nothing is painted over yet; paint what is to be filled with the brush")
    require(0 < int(steps) <= MOST_COMPLETION_STEPS, f"{MOST_COMPLETION_STEPS} steps at most are searched here")
    with time_limit(context.seconds):
        found = complete_picture(model, picture, hidden, int(steps), ANSWERS, int(seed or 0))
    masked = torch.where(hidden, torch.zeros(()), picture)
    return shown({"masked": masked} | {f"answer {i + 1}": one for i, one in enumerate(found)})
