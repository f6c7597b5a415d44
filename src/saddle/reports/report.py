"""One run on one page: what it is, how it went, what it makes, how it is trained again."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator

from ..errors import format_count, quote_for_shell
from ..runs.findings import health_path
from ..runs.manifest import Manifest
from ..runs.settings import Settings
from ..runs.timing import NOTED_IDLE
from ..training.checkpoint import latest_checkpoint, read_checkpoint_facts
from ..training.health.checks import HEALTH_PATIENCE
from .curves import figure_charts, term_charts
from .findings import findings_html
from .grids import contact_sheets_html, gallery_html, line_sheets_html, sample_grid
from .markup import Markup, html_table, html_tag, join_markup
from .page import charts_html, figures_html, html_page, html_section, notes_html
from .reading import Run
from .settings import flatten_fields, manifest_facts, written_text
from .tables import make_figure_table
from .words import describe_progress, describe_stops, format_duration, format_speed

SAMPLES = "Of the last checkpoint, by {weights}, from seed {seed}; of data, where nothing is made out of chance alone."


def make_report(run: Run, seed: int = 0, weights: str | None = None) -> str:
    """The whole page as HTML; loads the last checkpoint, or a set of averaged weights, for its samples."""
    manifest, table = run.manifest, make_figure_table([run])
    machine = manifest.machine
    unmeasured = (
        Markup()
        if table.columns
        else html_tag(
            "p",
            "This run has not been measured; this measures it: ",
            html_tag("code", f"saddle measure {quote_for_shell(run.folder)}"),
        )
    )
    values = manifest_facts(manifest)
    recipe = [
        [name, text]
        for name, text in flatten_fields({n: values[n] for n in values if not n.startswith(("data.", "machine."))})
    ]
    sheets = [*contact_sheets_html(run), *line_sheets_html(run)]
    made = html_tag("div", html_tag("figure", sample_grid(run, seed, weights), class_="grid"), class_="gallery large")
    worn = f"weights {weights}" if weights else "averaged weights if the run keeps them"
    return html_page(
        run.title, f"{manifest.name} on {manifest.data['name']}, begun {manifest.created}", cards_html(run),
        notes_html(describe_stops([run])),
        html_section("Health", findings_html([run]) or html_tag("p", explain_no_findings(run))),
        html_section("Samples", html_tag("p", SAMPLES.format(seed=seed, weights=worn), class_="soft"), made),
        html_section("Figures", unmeasured, figures_html(table), charts_html(figure_charts([run], table))),
        html_section("On the way, from the same latents", gallery_html(sheets)),
        html_section("Losses and gradients", charts_html(term_charts([run], ("images",)))),
        html_section("Data", data_html(manifest)),
        html_section("Configuration", html_table([], recipe, "code")),
        html_section("Machine",
                     html_table([], [[n, written_text(values[f"machine.{n}"])] for n in machine if n != "command"],
                                "code")),
        html_section("Again", again_html(run)))  # fmt: skip


def explain_no_findings(run: Run) -> str:
    """Why there are no findings: nothing to tell, too little seen, or nobody looked."""
    if not health_path(run.folder.path).exists():
        return "No checks were made of this run."
    last = latest_checkpoint(run.folder.checkpoints)
    health = read_checkpoint_facts(last).get("health") if last else None
    looks = len(health["past"]) if isinstance(health, dict) and isinstance(health.get("past"), list) else 0
    if looks < HEALTH_PATIENCE:
        seen = (
            f"had {format_count(looks, 'look')}, but need {HEALTH_PATIENCE} to tell anything"
            if looks
            else "had no look yet"
        )
        return f"The checks {seen}: the run was too short so far."
    return f"The checks found nothing in the last {format_count(looks, 'look')}."


def cards_html(run: Run) -> Markup:
    """The few numbers that one looks for first."""
    machine = run.manifest.machine
    told = {"images": describe_progress(run), "time of training": format_duration(run.seconds),
            "images per second": format_speed(run) or "-",
            **({"waiting for data": f"{run.pace.idle:.0%}"} if run.pace.idle > NOTED_IDLE else {}),
            "precision": f"{machine['precision']}, {machine['device']}"}  # fmt: skip
    return html_tag(
        "div",
        *(html_tag("div", html_tag("b", value), html_tag("small", name)) for name, value in told.items()),
        class_="cards",
    )


def data_html(manifest: Manifest) -> Markup:
    data = manifest.data
    channels, height, width = data["shape"][:3]
    body = [["name", str(data["name"])], ["samples", f"{data['samples']:,}"],
            ["each", "a point" if height == width == 1 else f"{height}x{width} pixels, {channels} channels"],
            ["fingerprint", str(data["fingerprint"])]]  # fmt: skip
    return join_markup(html_table([], body), classes_html(manifest))


def classes_html(manifest: Manifest) -> Markup:
    """How many samples each class has, with bars."""
    names, counts = manifest.data["classes"], manifest.data.get("counts", [])
    if not names or not counts:
        return Markup()
    bars = (html_tag("span", class_="bar", style=f"width: {12 * count / max(counts):.2f}em") for count in counts)
    body = [[str(name), join_markup(bar, f"{n:,}")] for name, bar, n in zip(names, bars, counts, strict=True)]
    return html_tag("details", html_tag("summary", f"{len(names)} classes"), html_table(["class", "samples"], body))


def again_html(run: Run) -> Markup:
    manifest = run.manifest
    there = shlex.quote(str(run.folder))
    kept = (f"{name} {manifest.machine[name]}" for name in ("saddle", "torch", "python", "platform"))
    sure = ("On the same kind of machine, with the same versions and as many threads, it ends in the same bits; the "
            "first of these trains it again and checks just that.")  # fmt: skip
    longer = [f"saddle resume RUN --images {n}" for _, n in [*manifest.extended, (0, manifest.images)][1:]]
    return join_markup(html_tag("pre", "\n".join([f"saddle reproduce {there}", train_command(manifest), *longer])),
                       html_tag("p", sure),
                  html_tag("p", f"It was trained by {', '.join(kept)}.", class_="soft"))  # fmt: skip


def train_command(manifest: Manifest) -> str:
    """The command line that begins the same run: what was changed of the recipe, and what of the settings."""
    words = ["saddle", "train", manifest.name]
    for field, text in (*manifest.options.items(), *changed_settings(manifest)):
        words += [f"--{field.replace('_', '-')}", text]
    return shlex.join(words)


def changed_settings(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Settings that are not the usual ones; the length in images, which is what a time became."""
    machine = {name: manifest.machine[name] for name in ("device", "precision", "threads")}
    first = manifest.extended[0][1] if manifest.extended else manifest.images
    chosen = dataclasses.replace(manifest.settings, minutes=None, epochs=None, images=first, **machine)
    for field in dataclasses.fields(Settings):
        value = getattr(chosen, field.name)
        if value != field.default:
            yield field.name, str(value)
