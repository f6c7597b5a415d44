"""Tables of pictures in Arrow files, as `save_to_disk` of the library `datasets` writes them: mapped, never loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...errors import Mistake
from ...extras import install
from ...notices import Notify
from ...regular import open_to_read
from ..prepare import Prepare
from ..undecoded import DataSource
from .parquet import Tables, table_source
from .shards import LocalShard
from .table_parts import choose_tables

ARROW, LEFT_BY_MAPS = ".arrow", "cache-"  # what `datasets` keeps of a `map` beside the data has such a name
WRITTEN_BESIDE = ("dataset_info.json", "state.json", "dataset_dict.json")  # facts that the tables tell as well


def is_arrow(name: str) -> bool:
    file = name.rpartition("/")[2].lower()
    return file.endswith(ARROW) and not file.startswith(LEFT_BY_MAPS)


def arrow_source(path: str, name: str, files: Sequence[LocalShard], part: str | None, prepare: Prepare,
                 say: Notify) -> DataSource:  # fmt: skip
    """The pictures of a part of such a data set, in the order of its rows; raises Mistake where there are none."""
    return table_source(MappedTables(path, choose_tables(path, files, part, say)), name, prepare, say)


@dataclass(frozen=True, eq=False)
class MappedTables(Tables):
    """Files whose rows lie in record batches: each is a row group, and memory holds what is looked at of it."""

    form: ClassVar[str] = "arrow"

    @cached_property
    def batches(self) -> list[list[Any]]:
        """The record batches of each file; Mistake for one that is no Arrow file."""
        try:
            import pyarrow
        except ImportError as error:
            raise Mistake(f"Arrow files are read with pyarrow, which is not installed: {install('data')}") from error
        return [self.map(pyarrow, file) for file in self.files if isinstance(file, LocalShard)]

    def map(self, pyarrow: Any, file: LocalShard) -> list[Any]:
        """A file as a stream of batches, which `datasets` writes, or as a file of some."""
        try:
            open_to_read(file.path).close()  # a link that leads out, or a fifo, is none
            try:
                table = pyarrow.ipc.open_stream(pyarrow.memory_map(str(file.path))).read_all()
            except pyarrow.ArrowInvalid:
                table = pyarrow.ipc.open_file(pyarrow.memory_map(str(file.path))).read_all()
        except Exception as error:  # a damaged file can fail in any way
            raise Mistake(f"{file.name} of {self.path} is no Arrow file that can be read: "
                          f"{str(error).partition(chr(10))[0]}") from error  # fmt: skip
        return [*table.to_batches()] or [pyarrow.RecordBatch.from_pylist([], table.schema)]

    @cached_property
    def schemas(self) -> list[Any]:
        return [batches[0].schema for batches in self.batches]

    @cached_property
    def counts(self) -> list[list[int]]:
        return [[batch.num_rows for batch in batches] for batches in self.batches]

    def read_group(self, number: int, column: str) -> Any:
        i, group = self.places[number]
        return self.batches[i][group].column(column)

    def group_bytes(self, column: str) -> NDArray[np.int64]:
        return np.array([batch.column(column).nbytes for batches in self.batches for batch in batches], np.int64)
