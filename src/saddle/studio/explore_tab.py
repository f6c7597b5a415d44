"""Look into what a run has learned: samples by seed, and from there along directions, ways, sums and mixtures."""

from __future__ import annotations

import secrets
from typing import Any

import gradio as gr

from ..errors import Mistake
from .cells import PICK, cell_sheet, marks
from .context import StudioContext
from .explore_parts import cannot, first_of, fit_wish, make_tools, wished
from .exploring import Picked, sample_grid
from .limits import refusal
from .models import open_model
from .picking import Mode, Picks, describe_picks, pick_place
from .results import BESIDE, empty, result_of
from .sliders import fit_sliders

FASTEST: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last", "concurrency_limit": 4}
SHOWN_AT_FIRST = 16


def explore_tab(context: StudioContext) -> None:
    """The tab, inside the `gr.Tab` that is open."""
    with gr.Row():
        run = gr.Dropdown(context.run_choices(), label="Run", info="of those that make pictures", scale=3)
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, info="equal seeds, equal samples", scale=1)
        count = gr.Slider(1, context.most_samples, value=min(SHOWN_AT_FIRST, context.most_samples), step=1,
                          label="Samples", scale=2, buttons=[])  # fmt: skip
    with gr.Row():
        label = gr.Dropdown([("any", "")], value="", label="Class", visible=False)
        text = gr.Textbox(label="Text", info="as its captions were", max_lines=1, visible=False)
        truncation = gr.Slider(0, 1, value=1, step=0.05, label="Truncation", visible=False, buttons=[])
    dice = gr.Button("Other samples", variant="primary", size="md")
    said, framed = gr.HTML(padding=False), gr.HTML(padding=False)
    picks, mode = gr.State(Picks()), gr.State("directions")
    with gr.Row():
        with gr.Column(scale=1):
            sheet = gr.HTML(elem_classes="pick-from", js_on_load=PICK, padding=False)
        with gr.Column(scale=1) as tools:
            sliders, walk, role, clear, mixing, shown = make_tools(mode)
    wish = [run, seed, count, label, text, truncation]
    asked = [mode, picks, walk, *sliders.inputs, *wish]

    def draw(*values: Any) -> tuple[Any, ...]:
        try:
            return cell_sheet(sample_grid(*wished(context, values))), ""
        except Mistake as refused:
            return "", refusal(refused)

    def choose(name: str | None, *_: Any) -> list[Any]:
        try:
            model = open_model(context.find_run(name))
        except Mistake as refused:
            return [*[gr.skip()] * (6 + len(sliders.inputs)), refusal(refused)]
        why = model.why_no_space() if model.draws else "no samples"
        return [*fit_wish(model), gr.update(visible=model.styled), gr.update(visible=not why), *fit_sliders(model),
                Picks(), *([refusal(cannot(model))] if not model.draws else [""])]  # fmt: skip

    def work(now: Mode, picks: Picks, t: float, *values: Any) -> list[Any]:
        own = len(sliders.inputs)
        try:
            model, wish = wished(context, values[own:])
            return result_of(now, Picked(model, wish), model, picks, t, values[:own])
        except Mistake as refused:
            return [refusal(refused) if name == now else gr.skip() for name in BESIDE]

    def pick(event: gr.EventData, role: str, now: Mode, picks: Picks, *values: Any) -> list[Any]:
        chosen = pick_place(picks, now, role, int(event.place))
        return [chosen, marks(describe_picks(chosen, now)), *work(now, chosen, *values)]

    def turn(now: Mode, *values: Any) -> list[Any]:
        return [marks(describe_picks(values[0], now)), *work(now, *values)]

    def begin_again() -> list[Any]:
        return [Picks(), "", *empty()]

    results = [shown[name] for name in BESIDE]
    changes = [seed.change, count.input, label.input, text.submit, truncation.input]
    gr.on(changes, draw, wish, [sheet, said], **FASTEST)
    gr.on(changes, begin_again, None, [picks, framed, *results], show_progress="hidden", queue=False)
    dice.click(lambda: secrets.randbelow(1 << 20), None, seed, show_progress="hidden", queue=False)
    fitted = [label, text, truncation, mixing, tools, *sliders.inputs, picks, said]
    begun = [run.input(choose, wish, fitted, show_progress="hidden")]
    if (page := gr.context.Context.root_block) is not None:  # a tab that is not open yet hears of no change
        opened = page.load(lambda: gr.update(choices=context.run_choices(), value=first_of(context)), None, run,
                           show_progress="hidden")  # fmt: skip
        begun.append(opened.then(choose, wish, fitted, show_progress="hidden"))
    for one in begun:
        drawn = one.then(draw, wish, [sheet, said], **FASTEST)
        drawn.then(begin_again, None, [picks, framed, *results], show_progress="hidden", queue=False)
    sheet.click(pick, [role, *asked], [picks, framed, *results], **FASTEST)
    gr.on([walk.input, *[one.input for one in sliders.inputs], sliders.reset.click], work, asked, results, **FASTEST)
    clear.click(begin_again, None, [picks, framed, *results], show_progress="hidden", queue=False)
    mode.change(turn, asked, [framed, *results], **FASTEST)
