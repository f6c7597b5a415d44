"""Figures of a run, or of a source of images."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING

from ..measuring.metric_table import LABELLED_METRICS, METRIC_GROUPS, MODE_METRICS, all_metrics, sensible
from ..measuring.options import MeasureOptions
from ..recipes.plugins import use_plugin_for
from . import HelpRequested
from .argv import GivenOptions, asks_all, flag_names, parse_command, split_words, wants_help
from .facts import ON_OUTPUT, print_facts
from .output import print_message, print_output
from .pages import Page, align_cells, two_columns, wrap_text

if TYPE_CHECKING:
    from ..metrics.figures import Figure

MEASURE_ABOUT = """\
saddle measure runs/001-dcgan-mnist; saddle measure FOLDER --against mnist:test --size 28 --metrics fid,kid

The metrics, and what they tell. Not named, they are {classes} for small grey images with labels, without the class \
figures for others, and {modes} for points around known modes. {together} stands for {parts}."""

OWN_FEATURES = {"random": "random features", "classifier": "a classifier of these data"}
NOT_THE_PAPERS = (
    "Seen through {own}: fit to compare runs with one another, but not the FID or KID of papers, which look through "
    "Inception. --features inception --download measures those; without a GPU it is slow."
)


def measure(words: list[str]) -> None:
    """saddle measure RUN|SOURCE; of several processes the first one speaks and writes, and the others help it."""
    plain, given = split_words(words, flag_names(MeasureOptions()))
    trust = given.get("trust", "no") in (None, "true", "True")
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if several and os.environ["RANK"] != "0" and wants_help(given):
        return
    with use_plugin_for(plain[0] if plain else None, given.get("plugin"), trust):
        if several and not wants_help(given):
            measure_together(words, given)
        else:
            measure_at_hand(words, given)


def measure_together(words: list[str], given: GivenOptions) -> None:
    """By the processes that torchrun has started."""
    from ..measuring.helping import help_first, leading
    from ..training.machine import process_group

    with process_group() as (rank, _):
        if rank:
            help_first()
            return
        with leading():
            measure_at_hand(words, given)


def measure_at_hand(words: list[str], given: GivenOptions) -> None:
    """The same, with what a plugin defines."""
    if wants_help(given):
        raise HelpRequested(help_page(asks_all(given)))
    (what,), wish = parse_command("measure", words, MeasureOptions())
    sensible(wish)  # before torch is imported
    from ..measuring.measure import measure as measured

    asked = {f.name: getattr(wish, f.name) for f in fields(MeasureOptions)}
    asked["json"] = None if wish.json == ON_OUTPUT else wish.json
    figures = measured(what, say=print_message, **asked)
    if wish.json == ON_OUTPUT:
        print_facts([figure.facts() for figure in figures])
    else:
        print_output(format_figures(figures))


def help_page(whole: bool) -> Page:
    (together, parts), *_ = METRIC_GROUPS.items()
    about = MEASURE_ABOUT.format(classes=", ".join(LABELLED_METRICS), modes=", ".join(MODE_METRICS), together=together,
                         parts=" and ".join(parts))  # fmt: skip
    metrics = "\n".join(two_columns(((name, metric.summary) for name, metric in all_metrics().items()), 14))
    return Page("measure", {"Options": (MeasureOptions(),)}, about, f"Metrics\n{metrics}", whole=whole)


def format_figures(figures: list[Figure]) -> str:
    """A line for each figure: what it is, its value with its interval, which way is better; then what all share."""
    rows = [
        (figure.title, f"{figure.value:.4g}", describe_interval(figure), describe_better(figure)) for figure in figures
    ]
    lines = align_cells(rows)
    protocol = figures[0].protocol
    seen = format_range(figure.protocol.samples for figure in figures)
    against = format_range(figure.protocol.references for figure in figures if figure.protocol.references)
    beside = f" against {against} of {protocol.reference}" if against != "none" else ""  # path lengths read no data
    shared = wrap_text(f"{seen} {protocol.subject}{beside}, "
                     f"seed {protocol.seed}; intervals of 95 %, the data held fixed")  # fmt: skip
    return "\n".join([*lines, "", shared, *describe_features(figures)])


def describe_features(figures: Iterable[Figure]) -> list[str]:
    """That figures are not those of papers, where they look through other features, and how those are had."""
    names = {f.protocol.features.partition("-")[0] for f in figures}  # random-0 has the seed of its weights behind it
    own = sorted(OWN_FEATURES[name] for name in names & OWN_FEATURES.keys())
    return ["", wrap_text(NOT_THE_PAPERS.format(own=" and ".join(own)))] if own else []


def format_range(counts: Iterable[int]) -> str:
    """'1,000 to 10,000'."""
    some = sorted(set(counts))
    return " to ".join(f"{count:,}" for count in dict.fromkeys(some[:1] + some[-1:])) or "none"


def describe_interval(figure: Figure) -> str:
    return "" if figure.low is None or figure.high is None else f"{figure.low:.4g} to {figure.high:.4g}"


def describe_better(figure: Figure) -> str:
    return "" if figure.better == "neither" else f"{figure.better} is better"
