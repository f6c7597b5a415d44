"""Train: data, a recipe and its settings, then a run that is watched, stopped, gone on with and compared."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ..recipes import RECIPES
from .compare_part import compare_part
from .context import StudioContext
from .data_uploads import keep_uploads
from .form import FormField, changed_words, check_words, describe_recipe, recipe_fields
from .limits import REFUSED, as_note
from .preview import examine_apart, preview
from .sources import check_source, data_names
from .watch_part import watch_part

SIZES = ["16", "28", "32", "64", "128"]


def train_tab(context: StudioContext) -> None:
    """The tab's content: on the left what is asked for, on the right the run that is watched."""
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            source, size = data_part(context)
            recipe, length, seed, words, trouble = recipe_part()
        with gr.Column(scale=3, min_width=340):
            watch_part(context, [recipe, source, size, length, seed, words], trouble)
            compare_part(context)


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
        report = gr.Markdown(elem_classes="report")
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

    def began() -> tuple[Any, Any, Any]:
        return "Looking at the data ...", None, gr.update(open=True)

    look.click(began, None, [report, sheet, told], show_progress="hidden").then(
        examine, [source, size], [report, sheet, told], concurrency_limit=1
    )
    return source, size


def recipe_part() -> tuple[Any, ...]:
    """The recipe, its fields, and how long it is trained; the words of the changed fields are kept as state."""
    gr.Markdown("### 2 · Recipe")
    recipe = gr.Dropdown(list(RECIPES), value="dcgan", label="Recipe", info="a paper with all of its settings")
    with gr.Row():
        length = gr.Textbox("2 minutes", label="Length", info="minutes, images or epochs: 200k images", max_lines=1)
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, info="equal seeds, equal runs")
    words, trouble = gr.State([]), gr.Markdown(visible=True, elem_classes="live")

    @gr.render(inputs=recipe)  # type: ignore[untyped-decorator]
    def fields_of(name: str | None) -> None:
        if name not in RECIPES:  # the box was emptied
            gr.Markdown("Choose a recipe.")
            return
        fields = recipe_fields(name)
        gr.Markdown(describe_recipe(name))
        with gr.Accordion("Settings of the recipe", open=False):
            boxes = [make_box(field) for field in fields if field.everyday]
        with gr.Accordion("All of its settings", open=False):
            boxes += [make_box(field) for field in fields if not field.everyday]

        def changed(*values: Any) -> tuple[list[str], Any]:
            given = changed_words(name, {field.name: value for field, value in zip(fields, values, strict=True)})
            return given, as_note(check_words(name, given))

        gr.on([box.change for box in boxes], changed, boxes, [words, trouble], show_progress="hidden")

    recipe.change(lambda: ([], ""), None, [words, trouble], show_progress="hidden")
    return recipe, length, seed, words, trouble


def make_box(field: FormField) -> Any:
    """The control of one field."""
    label, info = field.name.replace("_", " "), field.help or None
    if field.kind == "switch":
        return gr.Checkbox(field.now, label=label, info=info, interactive=True)
    if field.kind == "choice":
        return gr.Dropdown(list(field.choices), value=field.now, label=label, info=info, interactive=True)
    return gr.Textbox(field.now, label=label, info=info, max_lines=1, interactive=True)


def as_block(text: str) -> str:
    return f"```text\n{text.replace('```', '')}\n```"
