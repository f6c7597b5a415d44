"""A part of the tab Train: runs side by side, on the page that `saddle compare --html` writes."""

from __future__ import annotations

import gradio as gr

from ..errors import Mistake
from ..reports.compare import Comparison
from ..reports.markup import html_tag
from ..reports.reading import open_runs
from .context import StudioContext
from .limits import REFUSED, as_note


def compare_part(context: StudioContext) -> None:
    """A choice of runs, and the page."""
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
