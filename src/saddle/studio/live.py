"""A run as a page shows it while it is trained: where it stands, samples, losses, what health checks found."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from ..errors import Mistake, escape_unprintable
from ..regular import open_to_read
from ..reports.curves import term_charts
from ..reports.findings import findings_text
from ..reports.markup import Markup, embed_png, html_tag, join_markup
from ..reports.reading import Run, open_runs
from ..runs.folder import RunFolder
from ..runs.state import RunSummary, summarize_run
from . import jobs
from .context import StudioContext

SHOWN_TERMS = 6  # charts that are shown while a run is trained; its report has all
STATES = {"training": "is being trained", "finished": "is finished", "stopped": "is stopped",
          "ended early": "ended early: nothing became better", "not begun": "is about to begin"}  # fmt: skip


def fingerprint(context: StudioContext, place: Path) -> tuple[object, ...]:
    """Another one whenever what is shown of a run may be another: sizes and times of its files, and is it trained?"""
    found: list[tuple[str, int, int]] = []
    for file in (*place.iterdir(), jobs.log_file(context, place)):
        with suppress(OSError):  # one that was just renamed or is not there yet
            state = file.stat()
            found.append((file.name, state.st_size, state.st_mtime_ns))
    return (str(place), jobs.is_running(context, place), *sorted(found))


def describe_live(context: StudioContext, place: Path) -> str:
    """The run as HTML; of one that has not begun what its process says."""
    said = jobs.last_words(context, place)
    if not (place / "manifest.json").is_file():
        return wrap(describe_start(context, place, said))
    try:
        folder = RunFolder.find(place)
        summary = summarize_run(folder)
        (run,) = open_runs([place])
        charts = html_tag("div", *term_charts([run], ["images"])[:SHOWN_TERMS], class_="charts")
        notes = [html_tag("p", sentence, class_="note") for sentence in findings_text([run])]
        return wrap(facts_html(context, run, summary), join_markup(*notes), last_sheet(folder), charts,
                    end_of(context, place, summary, said))  # fmt: skip
    except (Mistake, OSError) as error:
        return wrap(html_tag("p", str(error), class_="note"))


def wrap(*parts: str) -> str:
    return html_tag("div", *parts, class_="live")


def describe_start(context: StudioContext, place: Path, said: str) -> Markup:
    if jobs.is_running(context, place):
        return html_tag("p", f"{place.name} begins: data are read, and the speed is measured ...")
    why = said.rpartition("saddle: ")[2] if "saddle: " in said else said
    return html_tag("p", escape_unprintable(f"{place.name} did not begin. {why}"), class_="note")


def facts_html(context: StudioContext, run: Run, summary: RunSummary) -> Markup:
    """The bar, and the figures in large print."""
    logged = int(run.log[-1]["images"]) if run.log else 0  # written before the time is
    images = min(max(run.images, summary.images, logged), summary.length)
    busy = summary.state == "training" or jobs.is_running(context, summary.path)
    speed = run.pace.speed
    facts = [("images", f"{images:,} of {summary.length:,}"), ("images a second", f"{speed:,.0f}" if speed else "...")]
    if busy and speed:
        facts.append(("left", str(timedelta(seconds=round((summary.length - images) / speed)))))
    if summary.best:
        facts.append((summary.best.title, f"{summary.best.value:.4g}"))
    state = "training" if busy else summary.state
    head = html_tag("p", html_tag("b", escape_unprintable(summary.path.name)), f" {STATES[state]}: {summary.recipe} on "
                    f"{summary.data}")  # fmt: skip
    cells = (html_tag("div", html_tag("b", value), html_tag("span", name)) for name, value in facts)
    bar = html_tag("progress", max=1, value=f"{images / summary.length:.4f}", aria_label="progress")
    return join_markup(head, bar, html_tag("div", *cells, class_="facts"))


def last_sheet(folder: RunFolder) -> Markup:
    """The newest sheet of samples; of a run on lines of text, the lines."""
    for path in folder.contact_sheets()[-1:]:
        with open_to_read(path, folder.path) as file:
            picture = embed_png(file.read(), "samples")
        caption = html_tag("figcaption", "Samples ", html_tag("small", f"at {int(path.stem):,} images, always from the "
                           "same latents"))  # fmt: skip
        return html_tag("figure", caption, picture, class_="sheet")
    for path in folder.contact_sheets(".txt")[-1:]:
        with open_to_read(path, folder.path) as file:
            return html_tag("pre", escape_lines(file.read().decode("utf-8", "replace")))
    return Markup()


def escape_lines(text: str) -> str:
    return "\n".join(map(escape_unprintable, text.split("\n")))


def end_of(context: StudioContext, place: Path, summary: RunSummary, said: str) -> Markup:
    """Why a training ended before it was done, if it says so."""
    over = summary.state in ("finished", "ended early") or jobs.is_running(context, place)
    why = [line for line in said.splitlines() if line.startswith("saddle: ")][-1:]
    return (
        Markup()
        if over or not why
        else html_tag("p", escape_unprintable(why[0].removeprefix("saddle: ")), class_="note")
    )
