"""Classes from a CSV file with a row for each picture."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from ..errors import Mistake, nearest, require
from .pile import Pile, Say, numbered, stamp

FILES = ("file", "filename", "file_name", "image", "image_id", "path", "name", "id")
CLASSES = ("label", "class", "category", "target", "tag")


@dataclass(frozen=True)
class Table:
    """A CSV file that has been found, and the column asked for."""

    name: str
    column: str | None
    stamp: tuple[object, ...]
    read: Callable[[], bytes]

    def label(self, pile: Pile, folder: str, say: Say) -> Pile:
        """The pile with its classes; pictures without one are left out; raises Mistake where the table does not fit."""
        column, values = self.values()
        found = [looked_up(f"{folder}/{path}", values) for path in pile.keys]
        index = np.array([i for i, value in enumerate(found) if value], dtype=np.int64)
        require(
            len(index) > 0, f"no picture is named in {self.name}; its rows read like {next(iter(values), 'nothing')!r}"
        )
        labels, classes = numbered(found[i] for i in index)
        if len(classes) > max(100, len(index) // 4):
            raise Mistake(f"column {column} of {self.name} has {len(classes):,} different values: too many for classes")
        if missing := len(pile) - len(index):
            say(f"{missing:,} pictures have no {column} in {self.name} and are left out")
        kept = pile if len(index) == len(pile) else pile.only(index)
        return Pile(kept.keys, kept.read, labels, classes)

    def values(self) -> tuple[str, dict[str, str]]:
        """The column's name, and its value for each file that is named."""
        try:
            rows = list(csv.DictReader(StringIO(self.read().decode("utf-8-sig"), newline=""), strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise Mistake(f"{self.name} is no CSV file in UTF-8: {error}") from error
        require(bool(rows), f"{self.name} has no rows")
        fields = [field for field in rows[0] if field is not None]
        file = next((field for field in FILES if field in fields), fields[0])
        column = self.chosen([field for field in fields if field != file])
        return column, {row[file].strip().replace("\\", "/"): (row[column] or "").strip() for row in rows if row[file]}

    def chosen(self, fields: list[str]) -> str:
        """The column that holds the classes; raises Mistake where that is not clear."""
        if self.column is not None:
            if self.column not in fields:
                raise Mistake(f"{self.name} has no column {self.column}{nearest(self.column, fields or ['no others'])}")
            return self.column
        likely = [field for field in CLASSES if field in fields] or fields
        if not likely or (len(likely) > 1 and likely == fields):
            raise Mistake(
                f"which column holds the classes, {self.name}:COLUMN? There are {', '.join(fields) or 'none'}"
            )
        return likely[0]


def looked_up(path: str, values: dict[str, str]) -> str:
    """The value for a path, or for the longest end of it that is named, with its ending or without; else nothing."""
    while True:
        stem = path.rpartition(".")[0]
        if path in values or stem in values:
            return values.get(path) or values.get(stem, "")
        if "/" not in path:
            return ""
        path = path.partition("/")[2]


def found(spec: str, folders: Sequence[Path], inside: Callable[[str], Callable[[], bytes] | None]) -> Table:
    """The table of `tags.csv` or `tags.csv:column`: a path, a file in one of the folders, or inside an archive."""
    for name, column in ((spec, None), (spec.rpartition(":")[0], spec.rpartition(":")[2] or None)):
        for path in (Path(name), *(folder / name for folder in folders)):
            if name and path.is_file():
                return Table(path.name, column, (*stamp(path), column), path.read_bytes)
        if name and (read := inside(name)) is not None:
            return Table(name, column, (spec,), read)
    raise Mistake(f"there is no table {spec}: it is looked for here and in {' and '.join(map(str, folders))}")
