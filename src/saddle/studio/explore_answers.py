"""What the tab Explore answers to each of its events, as the values of what stands on it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import gradio as gr

from ..errors import Mistake
from .cells import cell_sheet, marks
from .context import StudioContext
from .exploring import Picked, sample_grid
from .fitting_runs import SHOWN_AT_FIRST, cannot, first_of, fit_wish, wished
from .limits import few_at_a_time, refusal
from .models import Model, open_model
from .picking import Mode, Picks, describe_picks, pick_place
from .results import BESIDE, empty, result_of
from .sliders import COUNT, fit_sliders

SEEDS = 1 << 20  # so many does "Other samples" choose from
CONTROLS = COUNT + 2  # the values of `Sliders.inputs`
FITTED = 5 + CONTROLS  # what fits a run: label, text, truncation, the tab for styles, the tools, and the sliders
Answer = list[Any]


def draw(context: StudioContext, *wish: Any) -> Answer:
    """The sheet, why there is none, and nothing picked: for [sheet, said, picks, framed, *results]."""
    try:
        with few_at_a_time():
            sheet, why = str(cell_sheet(sample_grid(*wished(context, wish)))), ""
    except Mistake as refused:
        sheet, why = "", refusal(refused)
    return [sheet, why, Picks(), "", *empty()]


def draw_others(context: StudioContext, name: str | None, _: object, *rest: Any) -> Answer:
    """Another seed, before what `draw` answers for it."""
    seed = secrets.randbelow(SEEDS)
    return [seed, *draw(context, name, seed, *rest)]


def choose_run(context: StudioContext, name: str | None, seed: Any, count: Any) -> Answer:
    """What fits a run, and its samples: for [*FITTED, sheet, said, picks, framed, *results]."""
    try:
        model = open_model(context.find_run(name))
    except Mistake as refused:
        return [*[gr.skip()] * FITTED, "", refusal(refused), Picks(), "", *empty()]
    searched = model.draws and not model.why_no_space()
    fitted = [*fit_wish(model), gr.update(visible=model.styled), gr.update(visible=searched), *fit_sliders(model)]
    if not model.draws:
        return [*fitted, "", refusal(cannot(model)), Picks(), "", *empty()]
    return [*fitted, *draw(context, name, seed, count, "", "", None)]


def open_page(context: StudioContext) -> Answer:
    """The runs that there are now, the first that draws, and what `choose_run` answers for it."""
    first = first_of(context)
    shown = min(SHOWN_AT_FIRST, context.most_samples)
    return [gr.update(choices=context.run_choices(), value=first), *choose_run(context, first, 0, shown)]


def work(context: StudioContext, mode: Mode, picks: Picks, t: float, *values: Any) -> Answer:
    """What stands beside the sheet: only that of the open tool changes. `values`: the sliders', then the wish."""
    controls, wish = values[:CONTROLS], values[CONTROLS:]
    try:
        with few_at_a_time():
            model, asked = wished(context, wish)
            return result_of(mode, pick_from(model, asked), model, picks, t, controls)
    except Mistake as refused:
        return [refusal(refused) if name == mode else gr.skip() for name in BESIDE]


def pick_from(model: Model, asked: Any) -> Picked:
    """The latents of a sheet, kept for the next click on it."""
    return model.kept.get(("picked", asked), lambda: Picked(model, asked))


def pick(context: StudioContext, place: int, role: str, mode: Mode, picks: Picks, *values: Any) -> Answer:
    """For [picks, framed, *results], after a click on a sample."""
    chosen = pick_place(picks, mode, role, place)
    return [chosen, marks(describe_picks(chosen, mode)), *work(context, mode, chosen, *values)]


def turn(context: StudioContext, mode: Mode, picks: Picks, values: Sequence[Any]) -> Answer:
    """For [mode, framed, *results], after a tool was opened; the page opens the first one by itself."""
    if picks == Picks():
        return [mode, "", *empty()]
    return [mode, marks(describe_picks(picks, mode)), *work(context, mode, picks, *values)]
