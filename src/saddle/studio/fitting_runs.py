"""How the tab Explore fits a run: what can be asked of it, and how what was asked is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from ..errors import Mistake, require
from .context import StudioContext
from .exploring import Wish
from .models import Model, open_model

TRUNCATED = "smaller: nearer to the usual, and less varied; at the right end nothing is truncated"
LARGEST_THRESHOLD = 2.0  # of truncated normal latents that a slider offers; at its end nothing is truncated
SHOWN_AT_FIRST = 16  # samples


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
