"""Classes from a table with a row for each picture: CSV as people write it, JSON by lines, StyleGAN's dataset.json."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import Mistake, did_you_mean, require
from ...notices import Notify
from ..text_files import decode_text
from ..undecoded import UndecodedImages, files_cache_key
from .image_formats import has_image_ending
from .label_matching import ImageNames, LabelRow, parse_class, with_table_labels

FILE_COLUMNS = ("file", "filename", "file_name", "image", "image_id", "path", "name", "id")
CLASS_COLUMNS = ("label", "class", "category", "target", "tag")
LABEL_KEYWORDS = ("none", "folders")  # that --labels may say besides a table's name
DELIMITERS = (",", ";", "\t", "|")  # between the cells of a row
ROWS_LOOKED_AT = 200  # rows by which the column of files is found
EXAMPLE = '{"file_name": "a.png", "label": "cat"}'
METADATA = ("metadata.jsonl", "metadata.csv")  # what Hugging Face calls a table that lies beside its pictures
MAX_TABLE_BYTES = 1 << 30  # bytes of a table


@dataclass(frozen=True)
class LabelTable:
    """A table that has been found, and the column asked for."""

    name: str
    column: str | None
    cache_key: tuple[object, ...]
    read: Callable[[], bytes]

    def with_labels(self, pile: UndecodedImages, pictures: ImageNames, say: Notify) -> UndecodedImages:
        """The pile with its classes; pictures without one are left out; raises Mistake where the table does not fit."""
        if self.name.lower().endswith(".json"):
            rows = read_stylegan_labels(self.read(), self.name)
            require(rows is not None, f"{self.name} says of no picture to which class it belongs (its labels are null)")
            return with_table_labels(pile, pictures, rows or [], self.name, "label", say)
        by_line = self.name.lower().endswith((".jsonl", ".ndjson"))
        header, cells = by_lines(self.read(), self.name) if by_line else parse_table(self.read(), self.name, pictures)
        file = find_file_column(header, cells, pictures)
        column = self.class_column(header, file)
        number = header.index(column)
        rows = [LabelRow(row[file], parse_class(row[number])) for row in cells if row[file]]
        return with_table_labels(pile, pictures, rows, self.name, column, say)

    def class_column(self, header: Sequence[str], file: int) -> str:
        """The column that holds the classes; raises Mistake where that is not clear."""
        fields = [field for i, field in enumerate(header) if i != file and field]
        if self.column is not None:
            same = [field for field in fields if field.lower() == self.column.lower()]
            if not same:
                raise Mistake(
                    f"{self.name} has no column {self.column}{did_you_mean(self.column, fields or ['no others'])}"
                )
            return self.column if self.column in same else same[0]
        likely = [field for want in CLASS_COLUMNS for field in fields if field.lower() == want] or fields
        if not likely or (len(likely) > 1 and likely == fields):
            raise Mistake(
                f"which column holds the classes, {self.name}:COLUMN? There are {', '.join(fields) or 'none'}"
            )
        return likely[0]


def parse_table(raw: bytes, name: str, pictures: ImageNames) -> tuple[list[str], list[list[str]]]:
    """The columns' names, their numbers from 1 where a table has no header, and all rows, of equal length."""
    text = decode_text(raw, name)
    lines = [line for line in text.splitlines() if line.strip()]
    require(bool(lines), f"{name} has no rows")
    sign = find_delimiter(lines[:ROWS_LOOKED_AT])
    try:
        rows = csv.reader(StringIO(text, newline=""), delimiter=sign, strict=True, skipinitialspace=True)
        cells = [[cell.strip() for cell in row] for row in rows]
    except csv.Error as error:
        raise Mistake(f"{name} is no table that can be read: {error}") from error
    cells = [
        trim_row(row)
        for row in cells
        if any(row) and not (row[0].startswith("#") and not pictures.find_matches(row[0]))
    ]
    require(bool(cells), f"{name} has no rows")
    if len(cells) > 2 and len(cells[0]) == 1 and cells[0][0].isdecimal() and len(cells[2]) > 1:
        cells = cells[1:]  # how many rows there are, as CelebA's lists begin
    width = max(map(len, cells))
    if width > 2 and [len(row) for row in cells[:2]] == [width - 1, width] and is_header(cells[0], pictures):
        cells[0] = ["", *cells[0]]  # which has no name for the column of files
    require(width > 1, f"{name} has one column only; a file and its class were expected, as in a.png{sign}cat")
    cells = [row + [""] * (width - len(row)) for row in cells]
    if is_header(cells[0], pictures):
        require(len(cells) > 1, f"{name} has no rows")
        return unique_names(cells[0]), cells[1:]
    return [str(i + 1) for i in range(width)], cells


def trim_row(row: list[str]) -> list[str]:
    """A row without what stands empty behind its last cell."""
    return row[: max(i for i, cell in enumerate(row) if cell) + 1]


def unique_names(header: list[str]) -> list[str]:
    """The columns' names; one that stands twice keeps it once."""
    return [field if field not in header[:i] else "" for i, field in enumerate(header)]


def find_delimiter(lines: Sequence[str]) -> str:
    """The sign between cells: the one that most rows have as often as each other; a space where no other is there."""

    def regular(sign: str) -> tuple[int, int]:
        counts = Counter(line.count(sign) for line in lines)
        counts.pop(0, None)
        often, rows = max(((n, rows) for n, rows in counts.items()), key=lambda item: item[1], default=(0, 0))
        return rows, often

    best = max(DELIMITERS, key=regular)
    return best if regular(best)[0] else " "


def is_header(row: Sequence[str], pictures: ImageNames) -> bool:
    """Is the first row one of names, so that no cell is a file or a number?"""
    return not any(has_image_ending(cell) or is_numeric(cell) or pictures.find_matches(cell) for cell in row)


def is_numeric(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.strip().lower() not in ("nan", "inf", "infinity")


def find_file_column(header: Sequence[str], cells: Sequence[Sequence[str]], pictures: ImageNames) -> int:
    """The column whose cells mean most pictures; of equal ones that with a usual name, else the first."""
    some = [cells[i] for i in np.linspace(0, len(cells) - 1, min(ROWS_LOOKED_AT, len(cells))).astype(int)]

    def score(i: int) -> tuple[int, int, int]:
        found = sum(bool(row[i] and pictures.find_matches(row[i])) for row in some)
        name = header[i].lower()
        return found, -FILE_COLUMNS.index(name) if name in FILE_COLUMNS else -len(FILE_COLUMNS), -i

    return max(range(len(header)), key=score)


def read_stylegan_labels(raw: bytes, name: str) -> list[LabelRow] | None:
    """The rows of a dataset.json of StyleGAN's, None where its labels are null; raises Mistake for any other JSON."""
    try:
        facts: Any = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Mistake(f"{name} is no JSON that can be read: {error}") from error
    require(isinstance(facts, dict) and "labels" in facts, f'{name} has no "labels", as StyleGAN writes them')
    if facts["labels"] is None:
        return None
    pairs = facts["labels"].items() if isinstance(facts["labels"], dict) else facts["labels"]
    try:
        return [LabelRow(parse_image_path(pair), parse_json_class(pair, name)) for pair in pairs]
    except (TypeError, ValueError, IndexError, KeyError) as error:
        if isinstance(error, Mistake):
            raise
        raise Mistake(f'the labels of {name} do not read like ["00000/img00000000.png", 6]') from error


def by_lines(raw: bytes, name: str) -> tuple[list[str], list[list[str]]]:
    """The columns and rows of a table with an object of JSON a line, as Hugging Face's metadata.jsonl; plain values."""
    rows: list[dict[str, str]] = []
    for number, line in enumerate(decode_text(raw, name).split("\n"), 1):
        if not line.strip():
            continue
        try:
            facts = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Mistake(f"line {number} of {name} is no JSON that can be read: {error}") from error
        require(isinstance(facts, dict), f"line {number} of {name} is no object such as {EXAMPLE}")
        rows.append({key: "" if value is None else str(value).strip() for key, value in facts.items()
                     if value is None or isinstance(value, str | int | float)})  # fmt: skip
    header = list(dict.fromkeys(key for row in rows for key in row))
    require(len(header) > 1, f"{name} does not tell files and their classes, as in {EXAMPLE}")
    return header, [[row.get(key, "") for key in header] for row in rows]


def parse_image_path(pair: Any) -> str:
    require(isinstance(pair[0], str), f"{pair[0]!r} is no path")
    return str(pair[0])


def parse_json_class(pair: Any, name: str) -> str:
    """A label: a number or a name; of numbers with a single 1 its place."""
    label = pair[1]
    if isinstance(label, list) and len(label) > 1:
        require(sorted(label)[-2:] == [0, 1], f"the labels of {name} are vectors of {len(label)} numbers, no classes")
        return str(label.index(1))
    if isinstance(label, list):
        label = label[0]
    return "" if label is None else parse_class(str(label))


def find_by_name(spec: str, paths: Iterable[str], least: int = 0) -> list[str]:
    """The paths that end in the name of the table that is asked for, where there is one alone, or `least` and more."""
    names = {spec, spec.rpartition(":")[0]} - {""}
    deep = [path for path in paths if path.rpartition("/")[2] in names]
    return deep if len(deep) == 1 or least else []


def find_label_table(spec: str, folders: Sequence[Path], inside: Callable[[str], Callable[[], bytes] | None],
                     others: Sequence[str] = ()) -> LabelTable:  # fmt: skip
    """The table of `tags.csv` or `tags.csv:column`: a path, a file in one of the folders, or inside an archive."""
    for name, column in ((spec, None), (spec.rpartition(":")[0], spec.rpartition(":")[2] or None)):
        for path in (Path(name), *(folder / name for folder in folders)):
            if name and os.path.isfile(path):
                require(path.stat().st_size <= MAX_TABLE_BYTES, f"{path} is too large for a table of classes")
                return LabelTable(path.name, column, (*files_cache_key(path), column), path.read_bytes)
        if name and (read := inside(name)) is not None:
            return LabelTable(name, column, (spec,), read)
    hint = did_you_mean(spec, [*LABEL_KEYWORDS, *find_by_name(spec, others, 1)])
    raise Mistake(f"there is no table {spec}: it is looked for here and in {' and '.join(map(str, folders))}"
                  f"{hint if 'did you mean' in hint else ''}")  # fmt: skip
