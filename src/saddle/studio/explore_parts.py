"""The parts of the tab Explore, and how they fit a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from ..errors import Mistake, require
from .cells import hint
from .context import StudioContext
from .exploring import Wish
from .models import Model, open_model
from .picking import ROLES, Mode
from .results import HINTS
from .sliders import Sliders, make_sliders

TRUNCATED = "smaller: nearer to the usual, and less varied; at the right end nothing is truncated"
LARGEST_THRESHOLD = 2.0  # of truncated normal latents that a slider offers; at its end nothing is truncated


class Tools(NamedTuple):
    """What stands beside the sheet."""

    sliders: Sliders
    walk: Any
    role: Any
    clear: Any
    mixing: Any
    shown: dict[Mode, Any]


def make_tools(mode: Any) -> Tools:
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
    names: tuple[tuple[Any, Mode], ...] = ((directions, "directions"), (walking, "walk"), (adding, "sum"),
                                           (mixing, "mix"))  # fmt: skip
    for tab, name in names:
        tab.select(lambda name=name: name, None, mode, show_progress="hidden")
    return Tools(sliders, walk, role, clear, mixing, shown)


def fit_wish(model: Model) -> list[Any]:
    """The class, the text and the truncation, of a run that has such."""
    option, classes = model.truncation, model.classes
    most = LARGEST_THRESHOLD if option is not None and option.default is None else 1.0
    return [gr.update(choices=[("any", ""), *((name, name) for name in classes)], value="", visible=bool(classes)),
            gr.update(value="", visible=model.reads_texts),
            gr.update(visible=option is not None, maximum=most, value=most,
                      info=TRUNCATED)]  # fmt: skip


def wished(context: StudioContext, values: Sequence[Any]) -> tuple[Model, Wish]:
    """The run, and which samples of it: nothing that it has no use for reaches it."""
    name, seed, count, label, text, truncation = values
    model = open_model(context.find_run(name))
    if not model.draws:
        raise Mistake(cannot(model))
    fine = isinstance(count, int | float) and 1 <= count <= context.most_samples
    require(fine, f"{count} samples were asked for, and 1 to {context.most_samples} are made here at once")
    whole = isinstance(seed, int | float) and float(seed).is_integer()
    require(whole, f"seed is {seed}, but should be a whole number from 0")
    option = model.truncation
    most = LARGEST_THRESHOLD if option is not None and option.default is None else 1.0
    cut = truncation if option is not None and isinstance(truncation, int | float) and truncation < most else None
    return model, Wish(int(count), int(seed), (label or None) if model.classes else None,
                       (str(text).strip() or None) if model.reads_texts and text else None, cut)  # fmt: skip


def cannot(model: Model) -> str:
    """Why a run draws no samples that could be looked at."""
    made_for = model.loaded.shape.condition
    if not model.pictures:
        return f"this run makes {model.loaded.shape}, and this page shows pictures"
    if made_for is not None and model.translates:
        return "this run makes a picture of a picture, not out of chance; the tab Draw gives it some"
    return "this run draws no samples out of chance; choose one that does, as dcgan"


def first_of(context: StudioContext) -> str | None:
    """The run that the page begins with: the first one that draws samples."""
    for place in context.run_paths():
        try:
            if open_model(context.find_run(str(place))).draws:
                return str(place)
        except Mistake:
            continue  # one without a checkpoint, or whose recipe is not to be trusted
    return None
