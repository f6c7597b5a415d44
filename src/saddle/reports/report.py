"""One run on one page: what it is, how it went, what it makes, how it is trained again."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator

from ..runs.manifest import Manifest
from ..runs.settings import Settings
from .curves import figure_charts, term_charts
from .findings import findings_html, unfound
from .grids import contact_sheets, gallery, sampled
from .markup import Markup, joined, rows, tag
from .page import charts, figures_html, notes, page, section
from .reading import Run
from .settings import facts, flat, said
from .tables import tabled
from .words import duration, progress, speed, stops

SAMPLES = "Made by the last checkpoint from seed {seed}, by averaged weights if the run keeps them."


def report(run: Run, seed: int = 0) -> str:
    """The whole page as HTML; loads the last checkpoint for its samples."""
    manifest, table = run.manifest, tabled([run])
    machine = manifest.machine
    unmeasured = Markup() if table.columns else tag("p", "This run has not been measured.")
    values = facts(manifest)
    recipe = [
        [name, text] for name, text in flat({n: values[n] for n in values if not n.startswith(("data.", "machine."))})
    ]
    made = tag("div", tag("figure", sampled(run, seed), class_="grid"), class_="gallery large")
    return page(
        run.title, f"{manifest.name} on {manifest.data['name']}, begun {manifest.created}", cards(run),
        notes(stops([run])),
        section("Health", findings_html([run]) or tag("p", unfound(run))),
        section("Samples", tag("p", SAMPLES.format(seed=seed), class_="soft"), made),
        section("Figures", unmeasured, figures_html(table), charts(figure_charts([run], table))),
        section("On the way, from the same latents", gallery(contact_sheets(run))),
        section("Losses and gradients", charts(term_charts([run], ("images",)))),
        section("Data", data_html(manifest)),
        section("Configuration", rows([], recipe, "code")),
        section("Machine", rows([], [[n, said(values[f"machine.{n}"])] for n in machine if n != "command"], "code")),
        section("Again", again_html(run)))  # fmt: skip


def cards(run: Run) -> Markup:
    """The few numbers that one looks for first."""
    machine = run.manifest.machine
    told = {"images": progress(run), "time of training": duration(run.seconds), "images per second": speed(run) or "-",
            "precision": f"{machine['precision']}, {machine['device']}"}  # fmt: skip
    return tag(
        "div", *(tag("div", tag("b", value), tag("small", name)) for name, value in told.items()), class_="cards"
    )


def data_html(manifest: Manifest) -> Markup:
    data = manifest.data
    channels, height, width = data["shape"][:3]
    body = [["name", str(data["name"])], ["samples", f"{data['samples']:,}"],
            ["each", "a point" if height == width == 1 else f"{height}x{width} pixels, {channels} channels"],
            ["fingerprint", str(data["fingerprint"])]]  # fmt: skip
    return joined(rows([], body), classes_html(manifest))


def classes_html(manifest: Manifest) -> Markup:
    """How many samples each class has, with bars."""
    names, counts = manifest.data["classes"], manifest.data.get("counts", [])
    if not names or not counts:
        return Markup()
    bars = (tag("span", class_="bar", style=f"width: {12 * count / max(counts):.2f}em") for count in counts)
    body = [[str(name), joined(bar, f"{n:,}")] for name, bar, n in zip(names, bars, counts, strict=True)]
    return tag("details", tag("summary", f"{len(names)} classes"), rows(["class", "samples"], body))


def again_html(run: Run) -> Markup:
    manifest = run.manifest
    there = shlex.quote(str(run.folder))
    kept = (f"{name} {manifest.machine[name]}" for name in ("saddle", "torch", "python", "platform"))
    sure = ("On the same kind of machine, with the same versions and as many threads, it ends in the same bits; the "
            "first of these trains it again and checks just that.")  # fmt: skip
    longer = [f"saddle resume RUN --images {n}" for _, n in [*manifest.extended, (0, manifest.images)][1:]]
    return joined(tag("pre", "\n".join([f"saddle reproduce {there}", command(manifest), *longer])), tag("p", sure),
                  tag("p", f"It was trained by {', '.join(kept)}.", class_="soft"))  # fmt: skip


def command(manifest: Manifest) -> str:
    """The command line that begins the same run: what was changed of the recipe, and what of the settings."""
    words = ["saddle", "train", manifest.name]
    for field, text in (*manifest.options.items(), *changed(manifest)):
        words += [f"--{field.replace('_', '-')}", text]
    return shlex.join(words)


def changed(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Settings that are not the usual ones; the length in images, which is what a time became."""
    machine = {name: manifest.machine[name] for name in ("device", "precision", "threads")}
    first = manifest.extended[0][1] if manifest.extended else manifest.images
    chosen = dataclasses.replace(manifest.settings, minutes=None, epochs=None, images=first, **machine)
    for field in dataclasses.fields(Settings):
        value = getattr(chosen, field.name)
        if value != field.default:
            yield field.name, str(value)
