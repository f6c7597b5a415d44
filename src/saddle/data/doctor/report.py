"""What the doctor found, as a value, as text and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import TextWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN_ITEMS = 5  # of each kind that are named
COLUMN, WIDTH = 16, 100  # of the text: letters of what was looked at, and of a line
LONG_REASON = 60  # letters of a reason that is given once


@dataclass(frozen=True)
class Report:
    """The findings about a source: prints as plain text, and as a table through rich."""

    source: str
    count: int  # samples; of pictures, readable or not
    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)  # (height, width) -> pictures
    modes: Mapping[str, int] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)  # empty without labels
    unreadable: Mapping[str, str] = field(default_factory=dict)  # name -> reason
    odd: Mapping[str, str] = field(default_factory=dict)  # name -> size
    duplicates: Sequence[Sequence[str]] = ()  # the same pixels
    similar: Sequence[Sequence[str]] = ()  # nearly the same
    blank: Sequence[str] = ()
    grey: bool = False  # no picture has any colour
    clear: int = 0  # pictures with something transparent
    advice: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)  # of what are no pictures: all that was looked at

    @property
    def sound(self) -> bool:
        """Is there nothing wrong with any picture?"""
        return not (self.unreadable or self.odd or self.duplicates or self.similar or self.blank)

    def rows(self) -> list[tuple[str, str]]:
        """(what, findings) for each thing that was looked at."""
        if self.facts:
            return list(self.facts.items())
        sizes = {f"{height}x{width}": n for (height, width), n in self.sizes.items()}
        return [
            ("pictures", f"{self.count:,}"),
            ("height x width", describe_counts(sizes)),
            ("modes", describe_counts(self.modes)),
            ("classes", describe_counts(self.classes) if self.classes else "no labels"),
            ("unreadable", describe_list(describe_unreadable(self.unreadable))),
            ("oddly sized", describe_list(f"{name} ({size})" for name, size in self.odd.items())),
            ("duplicates", describe_list(join_group(group, " = ") for group in self.duplicates)),
            ("nearly the same", describe_list(join_group(group, " ~ ") for group in self.similar)),
            ("nearly blank", describe_list(self.blank)),
        ]

    def __str__(self) -> str:
        rows = [hanging(what, finding) for what, finding in self.rows()] if self.count else []
        return "\n".join([self.source, *rows, "", *(f"* {sentence}" for sentence in self.advice)])

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(title=Text(self.source), title_justify="left", show_header=False)
        for what, finding in self.rows() if self.count else []:
            table.add_row(Text(what, style="bold"), Text(finding))
        return Group(table, *(Text(f"* {sentence}") for sentence in self.advice))


def hanging(what: str, finding: str) -> str:
    """A row of lines that a terminal shows without breaking names."""
    first, others = f"{what:<{COLUMN}} ", " " * (COLUMN + 1)
    whole = TextWrapper(WIDTH, first, others, break_long_words=False, break_on_hyphens=False)
    return whole.fill(finding)


def describe_counts(numbers: Mapping[str, int]) -> str:
    """The most frequent, with their numbers."""
    most = sorted(numbers.items(), key=lambda item: -item[1])
    shown = ", ".join(f"{name} ({n:,})" for name, n in most[: 2 * SHOWN_ITEMS])
    return shown + (f" and {len(most) - 2 * SHOWN_ITEMS} more" if len(most) > 2 * SHOWN_ITEMS else "") or "none"


def join_group(names: Sequence[str], sign: str) -> str:
    """The first of those that belong together."""
    more = f"{sign}{len(names) - 3} more" if len(names) > 4 else ""
    return sign.join(names[: 3 if more else 4]) + more


def describe_unreadable(unreadable: Mapping[str, str]) -> Iterator[str]:
    """Names with the reason; a reason that was given already is not repeated."""
    said = set[str]()
    for name, why in unreadable.items():
        yield f"{name} (as before)" if why in said and len(why) > LONG_REASON else f"{name}: {why}"
        said.add(why)


def describe_list(items: Iterable[str]) -> str:
    """How many, and the first of them."""
    items = list(items)
    if not items:
        return "none"
    more = f"; and {len(items) - SHOWN_ITEMS:,} more" if len(items) > SHOWN_ITEMS else ""
    return f"{len(items):,}: " + "; ".join(items[:SHOWN_ITEMS]) + more
