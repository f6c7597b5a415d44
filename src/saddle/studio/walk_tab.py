"""The walk as part of a page: one step in sight, its picture drawn anew whenever a slider moves."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from ..reports.markup import Markup, html_tag
from .drawing import side_by_side
from .limits import FASTEST
from .walk.pictures import Shown
from .walk.steps import STEPS, Step, texts


def picture(step: Step, *values: float) -> str:
    """What a step draws, with its figures, as HTML; values beyond a slider's ends are brought back to them."""
    kept = (min(max(float(v), s.low), s.high) for v, s in zip(values, step.sliders, strict=True))
    shown: Shown = step.draw(*kept)
    cells = (html_tag("div", html_tag("b", value), html_tag("span", symbol)) for symbol, value in shown.figures)
    return html_tag(
        "div", side_by_side(shown.drawings, step.key), html_tag("div", *cells, class_="facts"), class_="live"
    )


def describe(language: str, number: int) -> Markup:
    """The text of a step above its picture."""
    step = STEPS[number]
    said = texts(language)["steps"][step.key]
    return html_tag("div", html_tag("h3", f"{number + 1}. {said['title']}"), html_tag("p", said["text"]),
                    html_tag("p", step.equation, class_="equation"), class_="walk", lang=language)  # fmt: skip


def ask(language: str, number: int) -> Markup:
    """The question below the picture, its answer folded, and the commands that show the same."""
    step, words = STEPS[number], texts(language)["words"]
    said = texts(language)["steps"][step.key]
    answer = html_tag("details", html_tag("summary", words["answer"]), html_tag("p", said["answer"]))
    listed = [part for command in step.commands for part in (" · ", html_tag("code", command))]
    return html_tag("div", html_tag("p", html_tag("b", said["question"])), answer,
                    html_tag("p", f"{words['commands']}: ", *listed[1:]), class_="walk", lang=language)  # fmt: skip


def step_names(language: str) -> list[tuple[str, int]]:
    return [(f"{i + 1}. {texts(language)['steps'][step.key]['title']}", i) for i, step in enumerate(STEPS)]


def walk_tab(language: Any) -> None:
    """Fill a tab with the walk, in the language that is chosen."""
    first = str(language.value)
    words = texts(first)["words"]
    lead = gr.HTML(html_tag("p", texts(first)["lead"]))
    chosen = gr.Radio(step_names(first), value=0, label=words["step"])
    panels = [fill_step(first, number, chosen) for number in range(len(STEPS))]
    with gr.Row():
        back = gr.Button(words["previous"])
        forth = gr.Button(words["next"], variant="primary")
    columns = [panel[0] for panel in panels]

    def go(number: int) -> list[Any]:
        return [gr.update(visible=i == number) for i in range(len(STEPS))]

    chosen.change(go, chosen, columns, show_progress="hidden", queue=False)
    for button, by in ((back, -1), (forth, 1)):
        button.click(partial(lambda by, now: min(max(now + by, 0), len(STEPS) - 1), by), chosen, chosen,
                     show_progress="hidden")  # fmt: skip
    spoken = [part for panel in panels for part in panel[1:]]
    language.change(translate, [language, chosen], [lead, chosen, back, forth, *spoken], show_progress="hidden")


def fill_step(language: str, number: int, chosen: Any) -> list[Any]:
    """One step: its column, and then all that is said in a language.

    What no two machines draw alike is learned when a visitor comes to it, and when a slider is let go.
    """
    step = STEPS[number]
    names = texts(language)["steps"][step.key]["sliders"]
    with gr.Column(visible=number == 0) as column:
        above = gr.HTML(describe(language, number))
        with gr.Row():
            sliders = [gr.Slider(s.low, s.high, s.start, step=s.step, label=names[s.key]) for s in step.sliders]
        seen = gr.HTML(picture(step, *(s.start for s in step.sliders)) if step.repeatable else Markup())
        below = gr.HTML(ask(language, number))
    if step.repeatable:
        gr.on([one.input for one in sliders], partial(picture, step), sliders, seen, api_name=f"walk_{step.key}",
              **FASTEST)  # fmt: skip
        return [column, above, below, *sliders]

    def come(now: int, *values: float) -> Any:
        return picture(step, *values) if now == number else gr.skip()

    gr.on([chosen.change, *(one.release for one in sliders)], come, [chosen, *sliders], seen, show_progress="minimal",
          trigger_mode="always_last", concurrency_limit=2)  # fmt: skip
    return [column, above, below, *sliders]


def translate(language: str, number: int) -> list[Any]:
    """All that is said, in another language."""
    words = texts(language)["words"]
    said: list[Any] = [html_tag("p", texts(language)["lead"]),
                       gr.update(choices=step_names(language), value=number, label=words["step"]),
                       words["previous"], words["next"]]  # fmt: skip
    for i, step in enumerate(STEPS):
        names = texts(language)["steps"][step.key]["sliders"]
        said += [describe(language, i), ask(language, i), *(gr.update(label=names[s.key]) for s in step.sliders)]
    return said
