"""Help pages: every option with its value and the comment behind its field."""

from __future__ import annotations

import dataclasses
import inspect
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from ..hints import comments, field_types, literal_choices, union_members
from ..recipes import RecipeEntry
from . import COMMANDS

HELP_COLUMN = 30  # where the help of an option begins


class OptionField(NamedTuple):
    """A field of a value, or of a value in it: `optimizer.lr`."""

    name: str
    now: Any
    hint: object
    help: str


EVERYDAY: dict[str, dict[str, tuple[str, ...]]] = {  # of a long page what is told first, in groups; the rest of `all`
    "train": {
        "Data": ("data", "size", "crop", "channels", "labels", "leave_out", "flip"),
        "Length": ("images", "minutes", "epochs"),
        "The run": ("out", "resume", "seed", "device", "measure", "quiet"),
    },
    "sweep": {
        "The sweep": ("vary", "seeds", "search", "jobs", "out"),
        "Each run": ("data", "size", "images", "minutes", "seed", "device", "measure"),
    },
    "measure": {
        "What is compared": ("against", "metrics", "features", "n", "references", "best", "seed"),
        "How sources are read": ("size", "crop", "channels", "labels"),
        "What is written": ("picture", "json"),
    },
}
DATA_OF_FIELDS = {  # what is told of data, too, where a recipe's batches have such a field
    "source": ("source", "held_out"), "a": ("source", "target", "held_out"), "caption": ("captions",),
}  # fmt: skip
RECIPE = "The recipe"  # how the section of a recipe's own fields begins


@dataclasses.dataclass(frozen=True)
class Page:
    """A command's help: how it is written, what it does, its options in sections; of many the everyday ones, or all."""

    command: str
    sections: Mapping[str, tuple[object, ...]]
    about: str = ""
    tables: str = ""  # what stands above the options
    more: str = ""  # and below them
    whole: bool = False
    recipe: str = ""  # its name, where it is one recipe's page

    def __str__(self) -> str:
        _, takes, summary = COMMANDS[self.command]
        usage = f"saddle {self.command} {self.recipe or takes}"
        head = f"usage: {usage}{' [--option value ...]' if self.sections else ''}"
        few = self.command in EVERYDAY and not self.whole
        groups = self.everyday() if few else {title: [*walks(*values)] for title, values in self.sections.items()}
        parts = [head, wrap_text(self.about or f"{summary[0].upper()}{summary[1:]}."), self.tables]
        parts += [f"{title}\n{rows(fields)}" for title, fields in groups.items()]
        if few:
            here = f"{self.command} {self.recipe}".rstrip()
            parts.append(f"saddle {here} --help all tells of all {len([*self.fields()])} options.")
        return "\n\n".join(filter(None, [*parts, self.more]))

    def fields(self) -> Iterator[OptionField]:
        """Every option."""
        return walks(*(value for values in self.sections.values() for value in values))

    def everyday(self) -> dict[str, list[OptionField]]:
        """The recipe's own fields as they are, and of the others those that most people need."""
        own = {title: [field for field in walks(*values) if "." not in field.name]
               for title, values in self.sections.items() if title.startswith(RECIPE)}  # fmt: skip
        known = {field.name: field for field in self.fields()}
        recipes = [values[0] for title, values in self.sections.items() if title.startswith(RECIPE)]
        more = {"Data": [name for recipe in recipes for name in data_fields(recipe)]}
        return own | {title: [known[n] for n in (*names, *more.get(title, ()))]
                      for title, names in EVERYDAY[self.command].items()}  # fmt: skip


def data_fields(recipe: Any) -> list[str]:
    """Settings that say where such data are found as only some recipes play with."""
    return [name for field, names in DATA_OF_FIELDS.items() if field in recipe.batch_type._fields for name in names]


def options_help(*values: object) -> str:
    """A line or more for each field: the option with its value now, and its help."""
    return rows(walks(*values))


def rows(fields: Iterable[OptionField]) -> str:
    return "\n".join(two_columns((format_option(field), field.help) for field in fields))


def walks(*values: object) -> Iterator[OptionField]:
    """The fields of several values."""
    for value in values:
        yield from walk_fields(value)


def walk_fields(value: Any, prefix: str = "") -> Iterator[OptionField]:
    """The fields, and behind each that is a value itself, its own.

    A comment says what a field is, and behind a semicolon where its class has the value from: not said of another one.
    """
    helps, usual = comments(type(value)), {f.name: f.default for f in dataclasses.fields(value)}
    for name, hint in field_types(type(value)).items():
        now, choices = getattr(value, name), [choice for choice in literal_choices(hint) if isinstance(choice, str)]
        help = helps.get(name, "") if now == usual[name] else helps.get(name, "").partition(";")[0]
        help += f" ({', '.join(choices)})" if choices else ""
        yield OptionField(prefix + name, now, hint, help.strip())
        if dataclasses.is_dataclass(now):
            yield from walk_fields(now, f"{prefix}{name}.")


def format_option(field: OptionField) -> str:
    dashes = "-" if len(field.name) == 1 else "--"
    return f"{dashes}{field.name.replace('_', '-')} {format_option_value(field)}"


def format_option_value(field: OptionField) -> str:
    """A value as it would be written, or in capitals what there is none of yet."""
    if field.now is None:
        words = {int: "N", float: "X", str: "TEXT", Path: "PATH"}
        return next(
            (words[want] for want in union_members(field.hint) if isinstance(want, type) and want in words), "none"
        )
    if isinstance(field.now, tuple):
        return f'"{", ".join(map(repr, field.now))}"'
    return type(field.now).__name__ if dataclasses.is_dataclass(field.now) else str(field.now)


def two_columns(rows: Iterable[tuple[str, str]], column: int = HELP_COLUMN) -> Iterator[str]:
    """Two columns, the second wrapped; a first that is too wide has a line to itself."""
    for left, right in rows:
        lines = textwrap.wrap(right, max(terminal_width() - column - 2, 20)) or [""]
        if len(left) > column - 2:
            yield f"  {left}"
            left = ""
        firsts = [left] + [""] * (len(lines) - 1)
        texts = (f"  {first:<{column}}{line}" for first, line in zip(firsts, lines, strict=True))
        yield from (text.rstrip() for text in texts if text.strip())


def align_cells(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row of cells, each column as wide as its widest and two spaces from the next."""
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    return ["".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def class_doc(kind: type) -> str:
    """A class's docstring, but not the one that a dataclass without any writes itself."""
    text = inspect.getdoc(kind) or ""
    return "" if text.startswith(f"{kind.__name__}(") else text


def recipe_introduction(recipe: object, entry: RecipeEntry) -> str:
    """What a preset's comment says of it, and what its class says."""
    kind, own = type(recipe), comment_above(import_module(entry.module), entry.value)
    said = class_doc(kind)
    return f"{own}\n\n{kind.__name__} without these changes: {said}" if own and said else own or said


def comment_above(module: ModuleType, name: str) -> str:
    """The comment above the paragraph in which a module assigns this name, if there is one."""
    paragraphs = inspect.getsource(module).split("\n\n")
    lines = next((text for text in paragraphs if re.search(rf"^{name}( =|:) ", text, re.MULTILINE)), "").splitlines()
    return " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))


def wrap_text(text: str) -> str:
    return "\n\n".join(textwrap.fill(part, terminal_width()) for part in text.split("\n\n"))


def terminal_width() -> int:
    return min(max(shutil.get_terminal_size().columns, 60), 110)
