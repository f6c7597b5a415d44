"""A part of the tab Train: a training is begun, and a run is watched, stopped and gone on with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from ..data.dataset_table import TOY_SETS
from ..errors import Mistake, escape_unprintable
from ..recipes import RECIPES
from ..runs.folder import RunFolder
from . import jobs
from .context import StudioContext
from .form import check_words, length_words
from .limits import REFUSED, as_note
from .live import describe_live, fingerprint
from .sources import check_source

EVERY = 1.5  # seconds between two looks at a run that is trained


def watch_part(context: StudioContext, form: list[Any], trouble: Any) -> None:
    """Start, and the run that is watched; a page that is opened later finds it again by the runs' folder.

    `form` is what `words_of` takes, `trouble` where refusals are said.
    """
    gr.Markdown("### 3 · Watch it learn")
    with gr.Row():
        start = gr.Button("Start training", variant="primary", scale=2)
        stop = gr.Button("Stop", scale=1)
        resume = gr.Button("Resume", scale=1)
    typed = gr.Code(label="The same in a terminal", language="shell", interactive=False, lines=1)
    run = gr.Dropdown(context.run_choices(), value=first_run(context), label="Run", info="any run can be looked at")
    shown = gr.HTML()
    answer_form(context, form, start, typed, run, trouble)
    stop.click(acting(context, jobs.stop_training), run, trouble, queue=False)
    resume.click(acting(context, jobs.resume_training), run, trouble, concurrency_limit=1)
    look_again(context, run, shown)


def answer_form(context: StudioContext, form: list[Any], start: Any, typed: Any, run: Any, trouble: Any) -> None:
    """What is filled in, as a command; and the training that it begins."""

    def show_command(*values: Any) -> str:
        try:
            return jobs.as_command(words_of(context, *values))
        except REFUSED:
            return ""

    def begin(*values: Any) -> tuple[Any, ...]:
        try:
            place = begin_training(context, *values)
        except REFUSED as error:
            return gr.skip(), as_note(str(error))
        choices = [(escape_unprintable(place.name), str(place)), *context.run_choices()]
        return gr.update(choices=choices, value=str(place)), ""

    gr.on([field.change for field in form], show_command, form, typed, show_progress="hidden")
    start.click(begin, form, [run, trouble], concurrency_limit=1)
    if (page := gr.context.Context.root_block) is not None:
        page.load(show_command, form, typed, show_progress="hidden")


def words_of(context: StudioContext, name: str | None, data: Any, size: str | None, length: str, seed: Any,
             more: list[str]) -> list[str]:  # fmt: skip
    """What stands in the form, as words of `saddle train`."""
    if name not in RECIPES:
        raise Mistake("choose a recipe first")
    given = [name, "--data", check_source(context, data), *length_words(length), "--seed", f"{int(seed or 0)}"]
    return given + (["--size", size] if size and data not in TOY_SETS else []) + more


def begin_training(context: StudioContext, *values: Any) -> Path:
    name, data, *_, more = values
    words = words_of(context, *values)
    if said := check_words(name, more):
        raise Mistake(said)
    return jobs.start_training(context, words, f"{name}-{Path(str(data)).stem}")


def acting(context: StudioContext, act: Callable[[StudioContext, RunFolder], None]) -> Callable[[str | None], str]:
    """What a button does to the run that is watched; why not, if it cannot."""

    def acted(name: str | None) -> str:
        try:
            act(context, context.find_run(name))
        except REFUSED as error:
            return as_note(str(error))
        return ""

    return acted


def look_again(context: StudioContext, run: Any, shown: Any) -> None:
    """The run that is chosen, looked at every moment; nothing is read or sent where no file of it has changed."""
    last, looks = gr.State(()), gr.Timer(EVERY)

    def look(name: str | None, before: Any) -> tuple[Any, Any]:
        place = seen(context, name)
        now = fingerprint(context, place) if place else ("none",)
        if now == before:
            return gr.skip(), gr.skip()
        return describe_live(context, place) if place else "", now

    def opened() -> Any:
        return gr.update(choices=context.run_choices(), value=first_run(context))

    # always the last: a slow machine is not asked again before it has answered
    gr.on([looks.tick, run.change], look, [run, last], [shown, last], show_progress="hidden", concurrency_limit=8,
          trigger_mode="always_last")  # fmt: skip
    if (page := gr.context.Context.root_block) is not None:
        page.load(opened, None, run, show_progress="hidden")


def first_run(context: StudioContext) -> str | None:
    """The run that a page shows when it opens: one that is being trained, else the one trained last."""
    runs = context.run_paths()
    busy = [run for run in runs if jobs.is_running(context, run)]
    return str((busy or runs)[0]) if runs else None


def seen(context: StudioContext, name: str | None) -> Path | None:
    """A run's folder, also of one that has only just been asked for."""
    place = Path(name) if name else None
    below = place is not None and place.parent == context.runs and not place.name.startswith(".")
    known = below or place in context.run_paths()
    return place if known and place is not None and place.is_dir() and not place.is_symlink() else None
