"""Look into what a run has learned: samples by seed, and from there along directions, ways, sums and mixtures."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from . import explore_answers as answers
from .cells import PICK
from .context import StudioContext
from .explore_parts import Controls, Tools, make_controls, make_tools
from .limits import FASTEST
from .picking import Mode, Picks
from .results import BESIDE, empty


class Page(NamedTuple):
    """All that stands on the tab."""

    controls: Controls
    sheet: Any
    said: Any
    framed: Any  # the frames around what is picked
    picks: Any
    mode: Any
    column: Any  # of the tools
    tools: Tools

    @property
    def beside(self) -> list[Any]:
        """What stands beside the sheet: for a result of each tool."""
        return [self.framed, *(self.tools.shown[name] for name in BESIDE)]

    @property
    def drawn(self) -> list[Any]:
        """What new samples change."""
        return [self.sheet, self.said, self.picks, *self.beside]

    @property
    def fitted(self) -> list[Any]:
        """What another run changes."""
        own = self.controls
        return [own.label, own.text, own.truncation, self.tools.mixing, self.column, *self.tools.sliders.inputs,
                *self.drawn]  # fmt: skip

    @property
    def asked(self) -> list[Any]:
        """What a result beside the sheet depends on, after the mode."""
        return [self.picks, self.tools.walk, *self.tools.sliders.inputs, *self.controls.wish]


def explore_tab(context: StudioContext) -> None:
    """The tab, inside the `gr.Tab` that is open."""
    page = lay_out(context)
    answer_wishes(context, page)
    answer_tools(context, page)


def lay_out(context: StudioContext) -> Page:
    controls = make_controls(context)
    framed = gr.HTML(padding=False, elem_classes="frames")
    picks, mode = gr.State(Picks()), gr.State("directions")
    with gr.Row():
        with gr.Column(scale=1):
            controls.others.render()
            said = gr.HTML(padding=False)
            sheet = gr.HTML(elem_classes="pick-from", js_on_load=PICK, padding=False)
        with gr.Column(scale=1) as column:
            tools = make_tools()
    return Page(controls, sheet, said, framed, picks, mode, column, tools)


def answer_wishes(context: StudioContext, page: Page) -> None:
    """Other samples, or another run: one answer changes all that depends on them."""
    own = page.controls

    def draw(*wish: Any) -> list[Any]:
        return answers.draw(context, *wish)

    def others(*wish: Any) -> list[Any]:
        return answers.draw_others(context, *wish)

    def choose(name: str | None, seed: Any, count: Any) -> list[Any]:
        return answers.choose_run(context, name, seed, count)

    changes = [own.seed.input, own.count.input, own.label.input, own.text.submit, own.truncation.input]
    gr.on(changes, draw, own.wish, page.drawn, api_name="samples", **FASTEST)
    own.others.click(others, own.wish, [own.seed, *page.drawn], api_name="other_samples", **FASTEST)
    own.run.input(choose, [own.run, own.seed, own.count], page.fitted, api_name="choose", **FASTEST)
    if (root := gr.context.Context.root_block) is not None:  # a tab that is not open yet hears of no change
        root.load(lambda: answers.open_page(context), None, [own.run, *page.fitted], api_name="explore", **FASTEST)


def answer_tools(context: StudioContext, page: Page) -> None:
    """Clicks on samples, sliders, and tools that are opened."""
    tools = page.tools

    def pick(event: gr.EventData, role: str, mode: Mode, picks: Picks, *values: Any) -> list[Any]:
        return answers.pick(context, int(event.place), role, mode, picks, *values)

    def work(mode: Mode, picks: Picks, *values: Any) -> list[Any]:
        return answers.work(context, mode, picks, *values)

    def open_tool(name: Mode) -> Any:
        return lambda picks, *values: answers.turn(context, name, picks, values)

    asked, results = [page.mode, *page.asked], page.beside[1:]
    page.sheet.click(pick, [tools.role, *asked], [page.picks, *page.beside], api_name="pick", **FASTEST)
    moves = [tools.walk.input, *(one.input for one in tools.sliders.strengths)]
    gr.on(moves, work, asked, results, api_name="move", **FASTEST)
    tools.sliders.again.then(work, asked, results, api_name="move_back", **FASTEST)
    tools.clear.click(lambda: [Picks(), "", *empty()], None, [page.picks, *page.beside], api_name="clear", **FASTEST)
    for name, tab in tools.tabs.items():
        tab.select(open_tool(name), page.asked, [page.mode, *page.beside], api_name=f"open_{name}", **FASTEST)
