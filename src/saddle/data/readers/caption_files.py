"""Captions of pictures in files: from a table's column, from NAME.txt beside NAME.png, from a metadata.jsonl."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...errors import Mistake, did_you_mean, format_count, require
from ...notices import Notify
from ..text_files import decode_text
from ..undecoded import Captions
from .folder_layout import strip_common
from .image_formats import has_image_ending
from .label_matching import ImageNames, LabelRow, match_rows
from .label_tables import (
    MAX_TABLE_BYTES,
    METADATA,
    LabelTable,
    by_lines,
    find_file_column,
    find_label_table,
    parse_table,
)

CAPTION_COLUMNS = ("caption", "captions", "text", "description", "prompt")
TABLE_ENDINGS = (".jsonl", ".ndjson", ".csv", ".tsv")
FOUND, BESIDE, NO_CAPTIONS = "auto", "txt", "none"  # what --captions may say besides a table's name; none: no captions
MAX_TABLES = 20  # that are looked into for a column of captions


@dataclass(frozen=True, eq=False)
class Beside:
    """What lies beside the pictures of a folder or an archive."""

    name: str
    folders: tuple[Path, ...]  # in which a table is looked for
    others: Sequence[str]  # files that are no pictures, by relative path
    read: Callable[[str], Callable[[], bytes] | None]  # one of these

    def captions(self, spec: str, keys: Sequence[str], say: Notify) -> Captions:
        """The captions of the pictures of these names, several of some, none of others, and where they stand."""
        if spec == BESIDE:
            return self.in_text_files(keys)
        if spec != FOUND:
            return self.in_table(find_label_table(spec, self.folders, self.read, self.others), keys)
        ways = self.in_text_files(keys), *self.in_known_tables(keys)
        found = [way for way in ways if any(way.texts)]
        require(bool(found), f"no captions lie beside the pictures of {self.name}: no table has a column "
                f"{CAPTION_COLUMNS[0]}, and no NAME.txt lies beside a NAME.png; name a table with --captions "
                "FILE.csv:COLUMN")  # fmt: skip
        best = max(found, key=lambda way: sum(map(bool, way.texts)))
        others = [way.where for way in found if way is not best]
        more = f"; there are also {', '.join(others)}, which --captions FILE:COLUMN or --captions txt names"
        say(f"{self.name}: captions are read from {best.where}{more if others else ''}")
        return best

    def in_text_files(self, keys: Sequence[str]) -> Captions:
        """A line each of the file beside a picture, of its name and with the ending .txt."""
        there = {path.casefold(): path for path in self.others if path.lower().endswith(".txt")}
        paths = [there.get(text_file_of(key).casefold()) for key in keys]
        return Captions([() if path is None else tuple(self.lines(path)) for path in paths], "NAME.txt beside NAME.png")

    def lines(self, path: str) -> Iterator[str]:
        read = self.read(path)
        text = "" if read is None else decode_text(read(), path)
        return (line.strip() for line in text.splitlines() if line.strip())

    def in_known_tables(self, keys: Sequence[str]) -> Iterator[Captions]:
        """Of all tables that lie in or beside the folder those that have a column of captions."""
        inside = [path for path in self.others if path.lower().endswith(TABLE_ENDINGS)]
        near = [path for folder in self.folders for path in sorted(folder.iterdir()) if is_table(path)]
        tables = [LabelTable(path, None, (), read) for path in inside if (read := self.read(path))]
        tables += [LabelTable(path.name, None, (), path.read_bytes) for path in near if path.name not in inside]
        tables.sort(key=lambda table: Path(table.name).name not in METADATA)
        for table in tables[:MAX_TABLES]:
            with suppress(Mistake):  # it is no table of captions
                yield self.in_table(table, keys)

    def in_table(self, table: LabelTable, keys: Sequence[str]) -> Captions:
        """All that a table's column says of each picture."""
        pictures = ImageNames(self.name, strip_common([without_frame(key) for key in keys]))
        by_line = table.name.lower().endswith((".jsonl", ".ndjson"))
        header, cells = (by_lines(table.read(), table.name) if by_line
                         else parse_table(table.read(), table.name, pictures))  # fmt: skip
        file = find_file_column(header, cells, pictures)
        column = caption_column_of(table, [name for i, name in enumerate(header) if i != file and name])
        number = header.index(column)
        rows = [LabelRow(row[file], row[number].strip()) for row in cells if row[file] and row[number].strip()]
        fits, _ = match_rows(pictures, rows)
        require(any(fits), f"no picture is named in {table.name} with a {column}: its rows read like "
                f"{rows[0].path if rows else 'nothing'!r}, the pictures' names like {keys[0]!r}")  # fmt: skip
        texts = [tuple(dict.fromkeys(rows[row].value for row in best)) for best in fits]
        return Captions(texts, f"{table.name}:{column}")


def caption_column_of(table: LabelTable, fields: Sequence[str]) -> str:
    """The column that holds the captions; Mistake where that is not clear."""
    wish = CAPTION_COLUMNS if table.column is None else (table.column.lower(),)
    found = [field for want in wish for field in fields if field.lower() == want]
    if not found and table.column is not None:
        raise Mistake(f"{table.name} has no column {table.column}{did_you_mean(table.column, fields or ['no others'])}")
    if not found:
        raise Mistake(f"which column holds the captions, {table.name}:COLUMN? There are {', '.join(fields) or 'none'}")
    return found[0]


def is_table(path: Path) -> bool:
    fits = path.name.lower().endswith(TABLE_ENDINGS) and not path.name.startswith(".")
    return fits and path.is_file() and path.stat().st_size <= MAX_TABLE_BYTES


def without_frame(key: str) -> str:
    """A picture's path, where its name tells a frame as well."""
    return key.partition(" (frame ")[0]


def text_file_of(key: str) -> str:
    """cats/1.txt for cats/1.png."""
    path = without_frame(key)
    return f"{path.rpartition('.')[0] if has_image_ending(path) else path}.txt"


def caption_files(spec: str | None, pictures: Iterable[str], others: Sequence[str]) -> set[str]:
    """Of the other files beside these pictures those that captions are looked for in, for what --captions says."""
    if spec in (None, NO_CAPTIONS):
        return set()
    assert spec is not None
    tables = {path for path in others if path.lower().endswith(TABLE_ENDINGS)}
    if spec not in (FOUND, BESIDE):
        return {path for path in tables if path.endswith((spec, spec.rpartition(":")[0] or spec))}
    told = {text_file_of(key).casefold() for key in pictures}
    return {path for path in others if path.casefold() in told} | (tables if spec == FOUND else set())


def check_all_captioned(found: Captions, keys: Sequence[str], name: str) -> None:
    """Refuse pictures without a caption, with how many they are and the way out."""
    missing = [key for key, texts in zip(keys, found.texts, strict=True) if not texts]
    have = "has" if len(missing) == 1 else "have"
    require(not missing, f"of {format_count(len(keys), 'picture')} of {name} {len(missing):,} {have} no caption in "
            f"{found.where}, such as {missing[0] if missing else ''}; --uncaptioned drop leaves these out")  # fmt: skip
