"""Pickles of numbers, texts and arrays, read without anything of theirs being run."""

from __future__ import annotations

import codecs
import pickle
import pickletools
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Mistake, require

MAX_MEMOS = 1 << 22  # things that a pickle may remember: for the last of them it takes the memory of all


class PickledDtype:
    """What stands in for numpy's type of numbers: integers and floats alone."""

    def __init__(self, name: str | bytes, *flags: object) -> None:
        self.name, self.order = to_text(name), "|"
        require(bool(re.fullmatch(r"[<>|=]?[uif][1248]", self.name)), f"{self.name[:20]} is no type of numbers")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = to_text(state[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.name).newbyteorder({"<": "<", ">": ">"}.get(self.order, "="))  # type: ignore[arg-type]


class PickledArray:
    """What stands in for an array of numpy's: its bytes say how much memory there is to be."""

    array: NDArray[Any] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        shape, kind, fortran, raw = state[-4:]
        self.fill(raw, kind, shape, "F" if fortran else "C")

    def fill(self, raw: object, kind: object, shape: Any, order: Any) -> None:
        plain = isinstance(raw, bytes | bytearray) and isinstance(kind, PickledDtype) and isinstance(shape, tuple)
        require(plain, "an array's numbers are not its bytes")
        assert isinstance(raw, bytes | bytearray) and isinstance(kind, PickledDtype)
        self.array = np.frombuffer(raw, kind.dtype).reshape(shape, order=order)


def make_empty_array(kind: object, shape: object, code: object) -> PickledArray:
    """As numpy begins an array whose numbers follow."""
    return PickledArray()


def array_from_buffer(raw: object, kind: object, shape: object, order: object = "C") -> PickledArray:
    """As numpy makes an array of bytes."""
    made = PickledArray()
    made.fill(raw, kind, shape, order)
    return made


def encode_latin1(value: str, encoding: str = "latin1") -> bytes:
    """What Python 3 writes for the bytes of an array in an old pickle."""
    require(encoding == "latin1", f"the encoding {encoding} has no place in a data file")
    return codecs.encode(value, "latin1")


ADMITTED_GLOBALS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): PickledArray,
    ("numpy", "dtype"): PickledDtype,
    ("numpy._core.multiarray", "_reconstruct"): make_empty_array,
    ("numpy._core.numeric", "_frombuffer"): array_from_buffer,
    ("_codecs", "encode"): encode_latin1,
}


class PlainUnpickler(pickle.Unpickler):
    """Anything that could run code is refused."""

    def find_class(self, module: str, name: str) -> Any:
        where = module.replace("numpy.core", "numpy._core")
        if (where, name) not in ADMITTED_GLOBALS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which a data file has no use for")
        return ADMITTED_GLOBALS[where, name]


def load_plain_pickle(path: Path) -> dict[str, Any]:
    """The dictionary in a pickle, its keys as texts; raises Mistake where it holds anything but plain data."""
    try:
        with path.open("rb") as file:
            puts = (int(i) for op, i, _ in pickletools.genops(file) if i is not None and "PUT" in op.name)
            most = max(puts, default=0)
            require(most < MAX_MEMOS, f"it would remember {most:,} things, and {MAX_MEMOS:,} at most are")
            file.seek(0)
            content = PlainUnpickler(file, encoding="bytes").load()
        require(isinstance(content, dict), f"it is no batch but a {type(content).__name__}")
        return {to_text(key): value for key, value in content.items() if isinstance(key, str | bytes)}
    except Exception as error:  # a damaged pickle can fail in any way
        raise Mistake(f"{path} cannot be read as a batch: {str(error)[:200] or type(error).__name__}") from error


def to_text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
