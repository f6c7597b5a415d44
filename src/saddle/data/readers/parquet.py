"""Tables of pictures in parquet files, as Hugging Face data sets have them: read where they lie, group by group."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...errors import Mistake, did_you_mean, require
from ...extras import install
from ...notices import Notify
from ..prepare import Prepare
from ..row_groups import WINDOW_BYTES, RowGroups
from ..undecoded import Captions, DataSource, Labels, UndecodedImages, to_class_labels
from ..wording import join_names
from .archive import MAX_UNPACKED_BYTES
from .caption_files import CAPTION_COLUMNS, FOUND
from .image_formats import open_image
from .label_matching import check_class_count
from .label_tables import CLASS_COLUMNS, LABEL_KEYWORDS
from .row_cache import RecentlyRead
from .shards import ShardFile
from .table_parts import choose_tables

PARQUET = ".parquet"
IMAGE_COLUMNS = ("image", "img", "picture", "jpg", "png", "webp")  # the first of them, where several could be pictures


def is_parquet(name: str) -> bool:
    return name.lower().endswith(PARQUET)


def parquet_source(path: str, name: str, files: Sequence[ShardFile], part: str | None, prepare: Prepare,
                   say: Notify) -> DataSource:  # fmt: skip
    """The pictures of a part of such a data set, in the order of its rows; raises Mistake where there are none.

    `--labels` and `--captions` may name columns. A column of classes has a name of its own for each in the files.
    """
    return table_source(Tables(path, choose_tables(path, files, part, say)), name, prepare, say)


def table_source(tables: Tables, name: str, prepare: Prepare, say: Notify) -> DataSource:
    """The pictures in the rows of such files."""
    image, labels = tables.image_column(say), tables.label_column(prepare.labels, say)
    key = (tables.form, *(file.cache_key for file in tables.files), labels)

    def open_(say: Notify) -> UndecodedImages:
        numbers, classes = tables.labels(labels) if labels else (None, ())
        return UndecodedImages(RowNames(tables), tables.reader(image), numbers, classes, groups=tables.groups(image))

    def captions(spec: str, keys: Sequence[str], say: Notify) -> Captions:
        column = tables.caption_column(spec)
        texts = dict(zip(RowNames(tables), tables.texts(column), strict=True))
        return Captions([texts[key] for key in keys], f"the column {column}")

    return DataSource(name, key, open_, captions=captions)


def import_parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise Mistake(f"parquet files are read with pyarrow, which is not installed: {install('data')}") from error
    return pyarrow.parquet


@dataclass(frozen=True, eq=False)
class Tables:
    """Files with one kind of rows: what their footers say, and their rows by number."""

    path: str
    files: Sequence[ShardFile]
    form: ClassVar[str] = "parquet"

    @cached_property
    def footers(self) -> list[Any]:
        """Of each file what it holds; Mistake for one that is no parquet file."""
        parquet, found = import_parquet(), []
        for file in self.files:
            try:
                with file.open() as opened:
                    found.append(parquet.read_metadata(opened))
            except Exception as error:  # a damaged file can fail in any way
                raise Mistake(f"{file.name} of {self.path} is no parquet file that can be read: "
                              f"{str(error).partition(chr(10))[0]}") from error  # fmt: skip
        return found

    @cached_property
    def schemas(self) -> list[Any]:
        """The columns of each file."""
        return [footer.schema.to_arrow_schema() for footer in self.footers]

    @cached_property
    def schema(self) -> Any:
        """The columns, which all files have alike."""
        first = self.schemas[0]
        for file, own in zip(self.files, self.schemas, strict=True):
            same = own.equals(first)
            require(same, f"{file.name} of {self.path} has other columns than {self.files[0].name}; name those that "
                          "belong together")  # fmt: skip
        return first

    @cached_property
    def features(self) -> dict[str, Any]:
        """What `datasets` has written of the columns; nothing where it has not, or where that is damaged."""
        try:
            facts = json.loads((self.schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
            return {name: one for name, one in facts.items() if isinstance(one, dict)}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}

    @cached_property
    def counts(self) -> list[list[int]]:
        """The rows of each row group of each file."""
        return [[footer.row_group(group).num_rows for group in range(footer.num_row_groups)] for footer in self.footers]

    @cached_property
    def places(self) -> list[tuple[int, int]]:
        """The file and the number in it of each row group."""
        return [(i, group) for i, counts in enumerate(self.counts) for group in range(len(counts))]

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each row group, and behind the last one the number of rows."""
        counts = [count for own in self.counts for count in own]
        return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)

    def image_column(self, say: Notify) -> str:
        """The column of pictures; Mistake where there is none."""
        import pyarrow

        def holds(kind: Any) -> bool:
            inner = pyarrow.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
            return bool(inner or pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind))

        known = [name for name in self.schema.names if self.features.get(name, {}).get("_type") == "Image"]
        found = known or [field.name for field in self.schema if holds(field.type)]
        require(bool(found), f"{self.path} has no column of pictures; there are {', '.join(self.schema.names)}")
        best = next((name for name in IMAGE_COLUMNS if name in found), found[0])
        if others := [name for name in found if name != best]:
            say(f"{self.path}: its pictures are those of the column {best}, not {join_names(others)}")
        return best

    def label_column(self, wish: str | None, say: Notify) -> str | None:
        """The column of classes: the one asked for, the first that is said to be one, or one with such a name."""
        if wish == LABEL_KEYWORDS[0]:
            return None
        if wish is not None:
            require(wish in self.schema.names, f"{self.path} has no column {wish}, which --labels names"
                                               f"{did_you_mean(wish, self.schema.names)}")  # fmt: skip
            return wish
        known = [str(name) for name in self.schema.names if self.features.get(name, {}).get("_type") == "ClassLabel"]
        found: list[str] = known or [name for name in CLASS_COLUMNS if name in self.schema.names]
        if not found:
            return None
        if known[1:]:
            say(f"{self.path}: its classes are those of the column {found[0]}; --labels {known[1]} takes others")
        return found[0]

    def labels(self, column: str) -> tuple[Labels, tuple[str, ...]]:
        """The classes of all rows, and their names; Mistake for what are no classes."""
        values = self.column(column)
        names = self.features.get(column, {}).get("names")
        if isinstance(names, list) and all(isinstance(value, int) for value in values):
            numbers = np.array(values, np.int64)
            known = bool((numbers >= 0).all() and (numbers < len(names)).all())
            require(known, f"a class of {self.path} is not one of the {len(names)} that its column {column} names, as "
                           "in a part without classes; --labels none takes it without")  # fmt: skip
            return numbers, tuple(map(str, names))
        plain = all(isinstance(value, int | str) for value in values)
        empty = sum(value is None for value in values)
        gaps = f" in all rows, but {empty:,} of {len(values):,} have none" if empty else ""
        require(plain, f"the column {column} of {self.path} holds no classes: it wants whole numbers or names{gaps}"
                       "; --labels none takes it without")  # fmt: skip
        numbers, classes = to_class_labels(map(str, values))
        check_class_count(len(classes), len(values), f"the column {column} of {self.path} has")
        return numbers, classes

    def caption_column(self, spec: str) -> str:
        """The column that --captions names, or one with such a name."""
        known = [name for name in ((spec,) if spec != FOUND else CAPTION_COLUMNS) if name in self.schema.names]
        require(bool(known), f"{self.path} has no column of captions{'' if spec == FOUND else f' called {spec}'}; "
                             f"there are {', '.join(self.schema.names)}, of which --captions names one")  # fmt: skip
        return known[0]

    def texts(self, column: str) -> list[tuple[str, ...]]:
        """The captions of all rows, of each those that are no empty text."""
        rows = [value if isinstance(value, list) else [value] for value in self.column(column)]
        return [tuple(text.strip() for text in row if isinstance(text, str) and text.strip()) for row in rows]

    def column(self, name: str) -> list[Any]:
        """All values of a small column."""
        return [value for number in range(len(self.places)) for value in self.read_group(number, name).to_pylist()]

    def read_group(self, number: int, column: str) -> Any:
        """A column of a row group, as pyarrow has it."""
        i, group = self.places[number]
        with self.files[i].open() as opened:
            table = import_parquet().ParquetFile(opened, metadata=self.footers[i])
            return table.read_row_group(group, columns=[column], use_threads=False).column(column)

    def group_bytes(self, column: str) -> NDArray[np.int64]:
        """What a column of each row group takes in memory."""
        sizes = []
        for i, group in self.places:
            facts = self.footers[i].row_group(group)
            chunks = (facts.column(c) for c in range(facts.num_columns))
            sizes.append(sum(c.total_uncompressed_size for c in chunks if c.path_in_schema.split(".")[0] == column))
        return np.array(sizes, np.int64)

    def groups(self, column: str) -> RowGroups | None:
        """How the rows are read together; None of so few that all of them are held in memory."""
        found = RowGroups(np.repeat(np.arange(len(self.places)), np.diff(self.starts)), self.group_bytes(column))
        return None if found.is_small else found

    def reader(self, column: str) -> Any:
        """What gives the picture of a row: a group's are kept as long as two windows fit into memory."""
        sizes, starts = self.group_bytes(column), self.starts
        recent = RecentlyRead(lambda number: self.read_group(number, column), lambda n: int(sizes[n]), 2 * WINDOW_BYTES)

        def read(row: int) -> Image.Image:
            number = int(np.searchsorted(starts, row, side="right")) - 1
            cell = recent[number][row - int(starts[number])].as_py()
            content = cell.get("bytes") if isinstance(cell, dict) else cell
            if content is None:
                raise Mistake("it has no bytes, only a path to a file elsewhere" if cell else "it is empty")
            require(len(content) <= MAX_UNPACKED_BYTES, "it is too large for a picture")
            return open_image(BytesIO(content))

        return read


@dataclass(frozen=True, eq=False)
class RowNames(Sequence[str]):
    """What sentences call the rows: each by its file and number there."""

    tables: Tables

    def __len__(self) -> int:
        return int(self.tables.starts[-1])

    def __getitem__(self, row: Any) -> Any:
        if not 0 <= row < len(self):
            raise IndexError(row)
        number = int(np.searchsorted(self.tables.starts, row, side="right")) - 1
        i, group = self.tables.places[number]
        first = int(self.tables.starts[number - group])
        return f"row {row - first} of {self.tables.files[i].name}"
