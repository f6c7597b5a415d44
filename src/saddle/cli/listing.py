"""What there is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from ..errors import Mistake, did_you_mean
from ..hints import comments, has_no_default
from ..light import without_torch
from ..plugged import plugged_types
from ..recipes import RECIPES
from ..recipes.plugins import use_plugin_file
from .argv import parse_command
from .facts import tell
from .pages import class_doc, two_columns, wrap_text

VALUES = {
    "objectives": ("saddle.objectives", "OBJECTIVES"),
    "likelihoods": ("saddle.objectives", "LIKELIHOODS"),
    "penalties": ("saddle.penalties", "PENALTIES"),
    "networks": ("saddle.networks", "NETWORKS"),
    "views": ("saddle.layers.views", "VIEWS"),
    "priors": ("saddle.layers", "PRIORS"),
    "slots": ("saddle.games", "GAME_VALUES"),
    "optimizers": ("saddle.optim", "OPTIMIZERS"),
    "schedules": ("saddle.optim", "SCHEDULES"),
    "averages": ("saddle.averaging", "AVERAGES"),
}
Table = Sequence[tuple[str, str]]  # what, and what is said of it
LISTS = (*VALUES, "metrics", "data", "plugins")  # beside that of recipes
PATHS = {
    "FOLDER": "images in a folder and the folders in it, whose names become labels",
    "FILE.zip": "the same in an archive",
    "FILE.npz or .npy": "an array of images",
    "idx files": "a folder of them, such as MNIST's, or one; gz and xz too",
    "CIFAR-10": "a folder of the official batches, or of mosaics with a file of labels",
    "FILE.parquet": "a table of images, or a folder of such (extra: data)",
    "hf:OWNER/NAME": "a data set on the Hugging Face hub (extra: data)",
}


@dataclasses.dataclass(frozen=True)
class ListOptions:
    """What is listed beside what saddle and installed packages have."""

    json: Path | None = None  # print it as JSON, for programs, or write it into FILE.json
    plugin: str | None = None  # a file of yours; what it adds is the list plugins


def list(words: Sequence[str]) -> None:
    """saddle list [WHAT]: a list, or one value of one."""
    plain, wish = parse_command("list", words, ListOptions())
    what = plain[0] if plain else "recipes" if wish.plugin is None else "plugins"
    with use_plugin_file(wish.plugin):
        tell(lambda: plugins_page() if what == "plugins" else list_page(what), lambda: list_facts(what), wish.json)


def plugin_tables() -> dict[str, Table]:
    """What plugins add: values for recipes, metrics, health checks and data sets."""
    from ..data.own_sources import own_sources
    from ..measuring.metric_table import METRICS, all_metrics
    from ..training.health.checks import HEALTH_CHECKS, all_checks

    values = [(constructor_call(kind), about(kind)) for kind in plugged_types()]
    metrics = [(name, metric.summary) for name, metric in all_metrics().items() if name not in METRICS]
    checks = [(check.name, check.advice) for check in all_checks() if check not in HEALTH_CHECKS]
    data = [(name, source.summary) for name, source in own_sources().items()]
    return {"Values": values, "Metrics": metrics, "Health checks, and what each advises": checks, "Data sets": data}


def plugins_page() -> str:
    found = plugin_tables()
    none = "No installed package adds to saddle; --plugin FILE tells what a file of yours adds."
    return "\n\n".join(f"{title}\n{table_lines(rows, 22)}" for title, rows in found.items() if rows) or none


@without_torch
def list_facts(what: str) -> Any:
    """A list for programs: names with what is said of each; of a value its fields."""
    if what == "plugins":
        return {title: named(rows) for title, rows in plugin_tables().items()}
    if what == "recipes":
        return [{"name": name, "group": entry.group, "summary": entry.summary, "data": entry.data}
                for name, entry in RECIPES.items()]  # fmt: skip
    if what == "data":
        from ..data.own_sources import named_sets

        return {"names": named(named_sets().items()), "paths": named(PATHS.items())}
    if what == "metrics":
        return named(metric_rows())
    if what in VALUES:
        return [{"name": kind.__name__, "written": constructor_call(kind), "summary": about(kind)}
                for kind in value_classes(*VALUES[what])]  # fmt: skip
    kind = find_value(what, ["recipes", *LISTS])
    return {"name": what, "written": constructor_call(kind), "about": class_doc(kind),
            "fields": [{"name": name, "help": help} for name, help in field_rows(kind)]}  # fmt: skip


def named(rows: Iterable[tuple[str, str]]) -> Sequence[Mapping[str, str]]:
    return [{"name": name, "summary": summary} for name, summary in rows]


@without_torch
def list_page(what: str) -> str:
    pages = {"recipes": recipes_page, "data": sources_page, "metrics": metrics_page}
    if what not in (known := ["recipes", *LISTS]):
        return value_page(what, known)
    return values_page(*VALUES[what]) if what in VALUES else pages[what]()


def recipes_page() -> str:
    groups = "\n\n".join(
        f"{group}\n{table_lines(map(row, names), 22)}"
        for group, names in groupby(RECIPES, lambda name: RECIPES[name].group)
    )
    return f"""{groups}

In brackets, what it trains on without --data, if it is not glyphs.
saddle train RECIPE trains one, saddle show RECIPE tells more; your own is file.py:Name.
saddle list {" | ".join(LISTS)}"""


def row(name: str) -> tuple[str, str]:
    summary, data = RECIPES[name].summary, RECIPES[name].data
    return name, summary if data == "glyphs" else f"{summary} ({data})"


def sources_page() -> str:
    from ..data.own_sources import named_sets

    return f"""Names
{table_lines(named_sets().items(), 18)}

A name that is a folder in SADDLE_DATA means that folder. Paths
{table_lines(PATHS.items(), 18)}"""


def metrics_page() -> str:
    return f"{table_lines(metric_rows(), 18)}\n\nsaddle measure RUN --metrics fid,kid takes some of them."


def metric_rows() -> Iterable[tuple[str, str]]:
    from ..measuring.metric_table import all_metrics

    return ((name, metric.summary) for name, metric in all_metrics().items())


def values_page(module: str, name: str) -> str:
    each = "\n".join(
        f"{constructor_call(kind)}\n{table_lines([('', about(kind))], 2)}" for kind in value_classes(module, name)
    )
    return f"{each}\n\nsaddle list NAME tells what the fields of one of them are."


def value_classes(module: str, name: str) -> Iterable[type]:
    found: Iterable[type] = getattr(import_module(module), name)
    return found


def find_value(name: str, lists: Iterable[str]) -> type:
    """A value's class by its name; Mistake where there is none."""
    known = chain(*(value_classes(*where) for where in VALUES.values()), plugged_types())
    kinds = {kind.__name__: kind for kind in known}
    if name not in kinds:
        raise Mistake(f"there is no list of {name}{did_you_mean(name, lists, kinds)}")
    return kinds[name]


def field_rows(kind: type) -> Table:
    """A class's fields with their values, and what is said of each."""
    helps = comments(kind)
    return [(f.name if has_no_default(f) else f"{f.name}={f.default!r}", helps.get(f.name, ""))
            for f in dataclasses.fields(kind) if f.init]  # fmt: skip


def value_page(name: str, lists: Iterable[str]) -> str:
    """A value's class by its name: what it is, and what its fields are."""
    kind = find_value(name, lists)
    rows = field_rows(kind)
    return "\n\n".join(
        [constructor_call(kind), wrap_text(class_doc(kind)), *([f"Fields\n{table_lines(rows, 26)}"] if rows else [])]
    )


def about(kind: type) -> str:
    """The first paragraph of its docstring, in one line."""
    return " ".join(class_doc(kind).partition("\n\n")[0].split())


def constructor_call(kind: type) -> str:
    """A value class as it is written with its defaults."""
    fields = [f for f in dataclasses.fields(kind) if f.init]
    return f"{kind.__name__}({', '.join(f.name if has_no_default(f) else f'{f.name}={f.default!r}' for f in fields)})"


def table_lines(rows: Iterable[tuple[str, str]], column: int) -> str:
    return "\n".join(two_columns(rows, column))
