"""Draw for a run, and have it draw: sketches and photos translated, holes filled, pictures found and changed."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ..errors import Mistake
from .canvas import SIDE, canvas_size, layers_of, make_canvas, pen
from .cells import hint, shown
from .complete_part import complete_part
from .context import StudioContext
from .find_part import find_part
from .limits import FASTEST, few_at_a_time, refusal, time_limit
from .models import Model, open_model
from .picture_box import upload_box, uploaded
from .pictures import flatten_strokes, translate_photo, translate_sketch

CANNOT = "this run neither translates pictures nor makes them out of chance; choose one that does, as pix2pix or dcgan"


def draw_tab(context: StudioContext) -> None:
    """The tab, inside the `gr.Tab` that is open."""
    run = gr.Dropdown(context.run_choices(), label="Run", info="what it can do stands below")
    said = gr.HTML(padding=False)
    with gr.Column(visible=False) as sketching:
        canvas = sketch_part(context, run)
    with gr.Column(visible=False) as photos:
        back = photo_part(context, run)
    with gr.Column(visible=False) as completing:
        hole = complete_part(context, run)
    with gr.Column(visible=False) as finding:
        found = find_part(context, run)

    def choose(name: str | None) -> list[Any]:
        try:
            model = open_model(context.find_run(name))
        except Mistake as refused:
            return [refusal(refused), *[gr.update(visible=False)] * 4, *[gr.skip()] * (2 + len(hole) + len(found))]
        searched = model.draws and not model.why_no_space()
        offered = [model.translates, model.translates, searched, searched]
        why = "" if any(offered) else refusal(CANNOT)
        parts = [gr.update(visible=one) for one in offered]
        own = [fit_canvas(model), gr.update(visible=model.goes_back), *hole.fit(model), *found.fit(model)]
        return [why, *parts, *own]

    fitted = [said, sketching, photos, completing, finding, canvas, back, *hole.outputs, *found.outputs]
    run.input(choose, run, fitted, show_progress="hidden")
    if (page := gr.context.Context.root_block) is not None:  # a tab that is not open yet hears of no change
        opened = page.load(lambda: gr.update(choices=context.run_choices(), value=first_choice(context)), None, run,
                           show_progress="hidden")  # fmt: skip
        opened.then(choose, run, fitted, show_progress="hidden")


def first_choice(context: StudioContext) -> str | None:
    """The run that the page begins with: the first one that translates, else the first one there is."""
    found = None
    for place in context.run_paths():
        try:
            model = open_model(context.find_run(str(place)))
        except Mistake:
            continue  # one without a checkpoint, or whose recipe is not to be trusted
        if model.translates:
            return str(place)
        found = found or str(place)
    return found


def sketch_part(context: StudioContext, run: Any) -> Any:
    """A canvas, and beside it what the run makes of the lines as they are drawn."""
    gr.Markdown("### Draw\nDraw dark lines on white: the run makes a picture of them as you draw.")
    with gr.Row():
        with gr.Column(min_width=SIDE + 20):
            canvas = make_canvas(brush=pen(32, 32), label="Sketch", elem_classes="sketch")
        with gr.Column(min_width=260):
            made = gr.HTML(hint("Choose the brush on the left of the canvas; here is what becomes of your lines."),
                           padding=False)  # fmt: skip

    def draw(name: str | None, value: Any) -> str:
        try:
            model = open_model(context.find_run(name))
            layers = layers_of(value)
            size = layers[0].size if layers else canvas_size(*shape_of(model))
            with few_at_a_time():
                drawn = translate_sketch(model, flatten_strokes(layers, size), context.most_pixels)
        except Mistake as refused:
            return refusal(refused)
        return shown({"what the run sees": drawn.given, "what it makes": drawn.made})

    canvas.input(draw, [run, canvas], made, api_name="sketch", **FASTEST)
    return canvas


def shape_of(model: Model) -> tuple[int, int]:
    from ..inference.translating import source_shape

    shape = source_shape(model.loaded)
    return shape.height, shape.width


def fit_canvas(model: Model) -> Any:
    if not model.translates:
        return gr.skip()
    height, width = shape_of(model)
    return gr.update(value=None, brush=pen(height, width), canvas_size=canvas_size(height, width))


def photo_part(context: StudioContext, run: Any) -> Any:
    """A photo, and what the run makes of it."""
    gr.Markdown("### Or give it a picture")
    with gr.Row():
        with gr.Column(min_width=260):
            box = upload_box(context, "A picture to translate")
            own_size = gr.Checkbox(False, label="At its own size", info="else at the size that the run was trained on")
            back = gr.Checkbox(False, label="The other way round", info="from what it makes to what it takes",
                               visible=False)  # fmt: skip
        with gr.Column(min_width=260):
            made = gr.HTML(padding=False)

    def translate(name: str | None, file: Any, own: bool, turned: bool) -> str:
        try:
            model = open_model(context.find_run(name))
            blob, called = uploaded(context, file)
            with time_limit(context.seconds):
                drawn = translate_photo(model, blob, called, context.most_pixels, turned and model.goes_back, own)
        except Mistake as refused:
            return refusal(refused)
        return shown({"given": drawn.given, "made": drawn.made})

    gr.on([box.upload, own_size.input, back.input], translate, [run, box, own_size, back], made, concurrency_limit=2)
    return back
