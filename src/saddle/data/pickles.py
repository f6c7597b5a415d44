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

from ..errors import Mistake, require

MEMOS = 1 << 22  # things that a pickle may remember: for the last of them it takes the memory of all


class Kind:
    """What stands in for numpy's type of numbers: integers and floats alone."""

    def __init__(self, name: str | bytes, *flags: object) -> None:
        self.name, self.order = text(name), "|"
        require(bool(re.fullmatch(r"[<>|=]?[uif][1248]", self.name)), f"{self.name[:20]} is no type of numbers")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = text(state[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.name).newbyteorder({"<": "<", ">": ">"}.get(self.order, "="))  # type: ignore[arg-type]


class Array:
    """What stands in for an array of numpy's: its bytes say how much memory there is to be."""

    array: NDArray[Any] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        shape, kind, fortran, raw = state[-4:]
        self.fill(raw, kind, shape, "F" if fortran else "C")

    def fill(self, raw: object, kind: object, shape: Any, order: Any) -> None:
        plain = isinstance(raw, bytes | bytearray) and isinstance(kind, Kind) and isinstance(shape, tuple)
        require(plain, "an array's numbers are not its bytes")
        assert isinstance(raw, bytes | bytearray) and isinstance(kind, Kind)
        self.array = np.frombuffer(raw, kind.dtype).reshape(shape, order=order)


def begun(kind: object, shape: object, code: object) -> Array:
    """As numpy begins an array whose numbers follow."""
    return Array()


def buffered(raw: object, kind: object, shape: object, order: object = "C") -> Array:
    """As numpy makes an array of bytes."""
    made = Array()
    made.fill(raw, kind, shape, order)
    return made


def latin(value: str, encoding: str = "latin1") -> bytes:
    """What Python 3 writes for the bytes of an array in an old pickle."""
    require(encoding == "latin1", f"the encoding {encoding} has no place in a data file")
    return codecs.encode(value, "latin1")


ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): Kind,
    ("numpy._core.multiarray", "_reconstruct"): begun,
    ("numpy._core.numeric", "_frombuffer"): buffered,
    ("_codecs", "encode"): latin,
}


class Plain(pickle.Unpickler):
    """Anything that could run code is refused."""

    def find_class(self, module: str, name: str) -> Any:
        where = module.replace("numpy.core", "numpy._core")
        if (where, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which a data file has no use for")
        return ADMITTED[where, name]


def unpickled(path: Path) -> dict[str, Any]:
    """The dictionary in a pickle, its keys as texts; raises Mistake where it holds anything but plain data."""
    try:
        with path.open("rb") as file:
            puts = (int(i) for op, i, _ in pickletools.genops(file) if i is not None and "PUT" in op.name)
            most = max(puts, default=0)
            require(most < MEMOS, f"it would remember {most:,} things, and {MEMOS:,} at most are")
            file.seek(0)
            content = Plain(file, encoding="bytes").load()
        require(isinstance(content, dict), f"it is no batch but a {type(content).__name__}")
        return {text(key): value for key, value in content.items() if isinstance(key, str | bytes)}
    except Exception as error:  # a damaged pickle can fail in any way
        raise Mistake(f"{path} cannot be read as a batch: {str(error)[:200] or type(error).__name__}") from error


def text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
