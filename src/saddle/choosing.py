"""A recipe and its settings for data that somebody has: the doctor looks first, and what was chosen is said."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from .choices import Budget, Choice, DataSummary, Hardware, choose
from .data.cache.store import open_undecoded
from .data.dataset_table import TOY_SETS
from .data.doctor.advice import weighted_median
from .data.doctor.examine import examine
from .data.doctor.report import Report
from .data.prepare import Prepare
from .data.sources import find_source, is_lines, resolve_source_name
from .devices import is_gpu
from .errors import format_count, quote_for_shell, require
from .notices import Notify, notify_nobody
from .runs.folder import RunFolder
from .runs.manifest import Manifest
from .runs.settings import Settings
from .training.machine import find_machine, has_bfloat16

LOOKED_AT = 5_000  # pictures that the doctor looks at before a training, of more than that at random
MAX_CELL = 24  # signs of a value in a table; behind a longer one its reason follows at once
CHOSEN_SETTINGS = ("size", "channels", "crop")  # that are chosen beside the recipe's own fields


class ChosenRun(NamedTuple):
    """What is to be trained: a recipe's name, settings and options as text, and why."""

    recipe: str
    settings: Mapping[str, str]
    options: Mapping[str, str]
    choices: tuple[Choice, ...] = ()


def choose_run(recipe: str | None, settings: Settings, given: Mapping[str, str], say: Notify) -> ChosenRun:
    """The choices for a command's data; `given` are its options as text, which stay as they are.

    `say` gets the doctor's report and a table. Mistake for data that are not there, or of which none can be read.
    """
    report, data = look_at(settings, say)
    where = find_machine(settings.device, settings.precision)
    machine = Hardware("gpu" if is_gpu(where.device) else "processor", has_bfloat16(where.device))
    budget = Budget(settings.images, settings.minutes, settings.epochs)
    choices = choose(data, machine, budget, recipe, given)
    say(f"{report}\n\n{format_choices(choices)}\n")
    set_by = {choice.option: choice.value for choice in choices if choice.option}
    return ChosenRun(choices[0].value, {name: text for name, text in set_by.items() if name in CHOSEN_SETTINGS},
                     {name: text for name, text in set_by.items() if name not in CHOSEN_SETTINGS},
                     tuple(choices))  # fmt: skip


def chosen_before(out: str | Path, given: Mapping[str, str]) -> ChosenRun | None:
    """What was chosen for the run that lies there, if one does: `--resume auto` chooses nothing anew."""
    folder = RunFolder.find_begun(out)
    if folder is None:
        return None
    manifest = Manifest.read(folder)
    kept = {name: getattr(manifest.settings, name) for name in CHOSEN_SETTINGS if name not in given}
    return ChosenRun(manifest.name, {name: str(value) for name, value in kept.items() if value is not None},
                     manifest.options)  # fmt: skip


def look_at(settings: Settings, say: Notify) -> tuple[Report, DataSummary]:
    """The doctor's report of the data, of so many pictures at most, and what a choice hangs on."""
    source, prepare = resolve_source_name(settings.data or "glyphs"), Prepare.of(settings)
    if source in TOY_SETS or is_lines(source):
        report = examine(source, prepare, notify_nobody)
        return report, DataSummary(report.count, kind="points" if source in TOY_SETS else "lines")
    pile = open_undecoded(find_source(source, prepare, notify_nobody), notify_nobody)
    count = len(pile.chosen(prepare.limit, prepare.left_out))
    require(count > 1, f"{source} has {format_count(count, 'picture')}, and a critic needs two or more: of one it "
            "learns nothing but that one; put more of its kind beside it")  # fmt: skip
    report = examine(source, dataclasses.replace(prepare, limit=min(count, LOOKED_AT)), notify_nobody)
    if count > report.count:
        say(f"The doctor looked at {report.count:,} of {count:,} pictures; saddle doctor {source} looks at all.")
    return report, summarize(report, count)


def summarize(report: Report, count: int) -> DataSummary:
    """What of a report a choice hangs on; `count` is how many pictures there are, readable or not."""
    good = report.count - len(report.unreadable)
    readable, how = format_count(good, "picture"), f"saddle doctor {quote_for_shell(report.source)}"
    require(good > 1, f"{report.source} has {readable} that can be read, and a critic needs two or more; {how} tells "
            "what is wrong with the others")  # fmt: skip
    side = weighted_median([(min(size), n) for size, n in report.sizes.items()])
    aspect = weighted_median([(max(size) / min(size), n) for size, n in report.sizes.items()])
    return DataSummary(count * good // report.count, side, aspect, report.grey, report.clear / good,
                       len(report.classes))  # fmt: skip


def format_choices(choices: list[Choice]) -> str:
    """A table: what, which, why."""
    columns = zip(*(choice[:2] for choice in choices), strict=True)
    wide = [max(len(text) for text in column if len(text) <= MAX_CELL) for column in columns]
    rows = (f"  {what:<{wide[0]}}  {value:<{wide[1]}}  {reason}" for what, value, reason, _ in choices)
    return "\n".join(["Chosen (an option changes any of it, as in --size 64):", *rows])
