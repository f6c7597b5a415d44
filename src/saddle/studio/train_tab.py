"""Train: data, a recipe and its settings, then a run that is watched, stopped, gone on with and compared."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import gradio as gr

from ..data.dataset_table import GLYPH_SETS, TOY_SETS
from ..data.own_sources import named_sets
from ..errors import Failure, Mistake, escape_unprintable
from ..recipes import RECIPES
from ..reports.compare import Comparison
from ..reports.markup import html_tag
from ..reports.reading import open_runs
from . import jobs
from .context import StudioContext
from .form import FormField, changed_words, check_words, describe_recipe, length_words, recipe_fields
from .limits import refusal
from .live import describe_live
from .preview import examine_apart, preview
from .uploads import keep_uploads

EVERY = 1.5  # seconds between two looks at a run that is trained
SIZES = ["16", "28", "32", "64", "128"]
REFUSED = (Mistake, Failure, OSError)


def train_tab(context: StudioContext) -> None:
    """The tab's content: on the left what is asked for, on the right the run that is watched."""
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            source, size = data_part(context)
            recipe, length, seed, command, trouble = recipe_part()
        with gr.Column(scale=3, min_width=340):
            watch_part(context, recipe, source, size, length, seed, command, trouble)


def data_part(context: StudioContext) -> tuple[gr.Dropdown, gr.Dropdown]:
    """What is trained on, with the doctor's report."""
    gr.Markdown("### 1 · Data")
    where = (
        "a name, or the path of a folder, zip or array on this machine"
        if context.paths
        else "a name; or upload your own"
    )
    source = gr.Dropdown(data_names(), value="glyphs", label="Data", info=where, allow_custom_value=context.paths)
    upload = gr.File(label="Or upload pictures, or one zip of them", file_count="multiple", type="filepath", height=170)
    size = gr.Dropdown(SIZES, value="32", label="Size", info="pixels of a side; 64x96 is height before width",
                       allow_custom_value=True)  # fmt: skip
    look = gr.Button("Look at the data", size="sm")
    with gr.Accordion("What the data are", open=False) as told:
        report = gr.Markdown()
        sheet = gr.Image(label="Some of them, as a training would see them", format="png", interactive=False,
                         show_label=True, buttons=[])  # fmt: skip

    def uploaded(files: list[str] | None) -> Any:
        if not files:
            return gr.skip()
        try:
            place = str(keep_uploads(context, files))
        except REFUSED as error:
            raise gr.Error(str(error), print_exception=False) from None
        return gr.update(value=place, choices=[*data_names(), ("your upload", place)])

    def examine(asked: str, side: str) -> tuple[Any, Any, Any]:
        try:
            named = check_source(context, asked)
            report = examine_apart(context, named)
            return as_block(report), preview(named, side), gr.update(open=True)
        except REFUSED as error:
            return as_block(str(error)), None, gr.update(open=True)

    upload.upload(uploaded, upload, source, concurrency_limit=2)
    look.click(examine, [source, size], [report, sheet, told], concurrency_limit=1)
    return source, size


def recipe_part() -> tuple[Any, ...]:
    """The recipe, its fields, and how long it is trained; the words of the changed fields are kept as state."""
    gr.Markdown("### 2 · Recipe")
    recipe = gr.Dropdown(list(RECIPES), value="dcgan", label="Recipe", info="a paper with all of its settings")
    with gr.Row():
        length = gr.Textbox("2 minutes", label="Length", info="minutes, images or epochs: 200k images", max_lines=1)
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, info="equal seeds, equal runs")
    command, trouble = gr.State([]), gr.Markdown(visible=True, elem_classes="live")

    @gr.render(inputs=recipe)  # type: ignore[untyped-decorator]
    def fields_of(name: str) -> None:
        fields = recipe_fields(name if name in RECIPES else "dcgan")
        gr.Markdown(describe_recipe(name))
        with gr.Accordion("Settings of the recipe", open=False):
            boxes = [make_box(field) for field in fields if field.everyday]
        with gr.Accordion("All of its settings", open=False):
            boxes += [make_box(field) for field in fields if not field.everyday]

        def changed(*values: Any) -> tuple[list[str], Any]:
            words = changed_words(name, {field.name: value for field, value in zip(fields, values, strict=True)})
            return words, as_note(check_words(name, words))

        gr.on([box.change for box in boxes], changed, boxes, [command, trouble], show_progress="hidden")

    recipe.change(lambda: ([], ""), None, [command, trouble], show_progress="hidden")
    return recipe, length, seed, command, trouble


def watch_part(context: StudioContext, recipe: Any, source: Any, size: Any, length: Any, seed: Any, command: Any,
               trouble: Any) -> None:  # fmt: skip
    """Start, and the run that is watched; a page that is opened later finds it again by the runs' folder."""
    gr.Markdown("### 3 · Watch it learn")
    with gr.Row():
        start = gr.Button("Start training", variant="primary", scale=2)
        stop = gr.Button("Stop", scale=1)
        resume = gr.Button("Resume", scale=1)
    typed = gr.Code(label="The same in a terminal", language="shell", interactive=False, lines=1)
    run = gr.Dropdown(context.run_choices(), value=first_run(context), label="Run", info="any run can be looked at")
    shown, last = gr.HTML(), gr.State("")

    def words_of(name: str, data: str, side: str, long: str, number: float, more: list[str]) -> list[str]:
        if name not in RECIPES:
            raise Mistake("choose a recipe first")
        given = [name, "--data", check_source(context, data), *length_words(long), "--seed", f"{int(number or 0)}"]
        return given + (["--size", side] if side and data not in TOY_SETS else []) + more

    def show_command(*values: Any) -> str:
        try:
            return jobs.as_command(words_of(*values))
        except REFUSED:
            return ""

    def begin(*values: Any) -> tuple[Any, ...]:
        name, data, *_, more = values
        try:
            words = words_of(*values)
            if said := check_words(name, more):
                raise Mistake(said)
            place = jobs.start_training(context, words, f"{name}-{Path(str(data)).stem}")
        except REFUSED as error:
            return gr.skip(), as_note(str(error))
        choices = [(escape_unprintable(place.name), str(place)), *context.run_choices()]
        return gr.update(choices=choices, value=str(place)), ""

    def act(what: Any) -> Any:
        def acting(name: str) -> str:
            try:
                what(context, context.find_run(name))
            except REFUSED as error:
                return as_note(str(error))
            return ""

        return acting

    def tick(name: str | None, before: str) -> tuple[Any, str]:
        html = describe_live(context, place) if (place := seen(context, name)) else ""
        digest = hashlib.blake2b(html.encode(), digest_size=8).hexdigest()
        return (gr.skip(), before) if digest == before else (html, digest)

    def opened() -> Any:
        return gr.update(choices=context.run_choices(), value=first_run(context))

    asked = [recipe, source, size, length, seed, command]
    gr.on([field.change for field in asked], show_command, asked, typed, show_progress="hidden")
    start.click(begin, asked, [run, trouble], concurrency_limit=1)
    stop.click(act(jobs.stop_training), run, trouble, queue=False)
    resume.click(act(jobs.resume_training), run, trouble, concurrency_limit=1)
    looks = gr.Timer(EVERY)
    # always the last: a slow machine is not asked again before it has answered
    gr.on([looks.tick, run.change], tick, [run, last], [shown, last], show_progress="hidden", concurrency_limit=8,
          trigger_mode="always_last")  # fmt: skip
    if (page := gr.context.Context.root_block) is not None:
        page.load(opened, None, run, show_progress="hidden")
        page.load(show_command, asked, typed, show_progress="hidden")
    compare_part(context)


def compare_part(context: StudioContext) -> None:
    """Runs side by side, on the page that `saddle compare --html` writes."""
    with gr.Accordion("Compare runs", open=False):
        runs = gr.Dropdown(context.run_choices(), multiselect=True, max_choices=4, label="Runs", info="two to four")
        go = gr.Button("Compare", size="sm")
        page = gr.HTML()

        def compare(names: list[str] | None) -> str:
            try:
                chosen = open_runs([context.find_run(name).path for name in names or []])
                if len(chosen) < 2:
                    raise Mistake("choose two runs or more")
                whole = Comparison(chosen, ", ".join(run.title for run in chosen)).html(0)
            except REFUSED as error:
                return as_note(str(error))
            return html_tag("iframe", srcdoc=whole, sandbox="", title="runs side by side", class_="page")

        runs.focus(lambda: gr.update(choices=context.run_choices()), None, runs, show_progress="hidden")
        go.click(compare, runs, page, concurrency_limit=1)


def make_box(field: FormField) -> Any:
    """The control of one field."""
    label, info = field.name.replace("_", " "), field.help or None
    if field.kind == "switch":
        return gr.Checkbox(field.now, label=label, info=info, interactive=True)
    if field.kind == "choice":
        return gr.Dropdown(list(field.choices), value=field.now, label=label, info=info, interactive=True)
    return gr.Textbox(field.now, label=label, info=info, max_lines=1, interactive=True)


def data_names() -> list[Any]:
    return [*dict.fromkeys([*GLYPH_SETS, *TOY_SETS, *named_sets()])]


def check_source(context: StudioContext, asked: object) -> str:
    """Data by name, by upload, or, where visitors sit at this machine, by path."""
    text = str(asked or "").strip()
    if not text:
        raise Mistake("say what to train on: a name such as glyphs, or pictures of yours")
    named = text.partition(":")[0] in data_names()
    own = (context.own / "uploads").resolve() in Path(text).resolve().parents
    if not (named or own or context.paths):
        raise Mistake("this studio takes data by name, or uploaded; paths are for those who sit at its machine")
    return text


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


def as_note(sentence: str) -> str:
    return refusal(sentence) if sentence else ""


def as_block(text: str) -> str:
    return f"```text\n{text.replace('```', '')}\n```"
