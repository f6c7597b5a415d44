"""Tensors as a safetensors file, written one by one into an open file, in an order that only they decide.

The library writes to a path alone: through a temporary file of its own that a kill leaves for ever, of a mode that the
umask has no say in, with a header in no fixed order and all tensors in memory a second time. What it reads is its own.
Format: https://huggingface.co/docs/safetensors (eight bytes of length, a header of JSON, the values).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import BinaryIO

import torch
from torch import Tensor

from ..errors import require

DTYPE_NAMES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint64: "U64", torch.uint32: "U32",
    torch.uint16: "U16", torch.uint8: "U8", torch.bool: "BOOL", torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2",
}  # fmt: skip


def write_tensors(file: BinaryIO, tensors: Mapping[str, Tensor], notes: Mapping[str, str] | None = None) -> None:
    """Write tensors, and notes into the header; Mistake for a type of numbers that the format has not."""
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))  # all can be read in place
    header: dict[str, object] = {"__metadata__": dict(sorted(notes.items()))} if notes else {}
    end = 0
    for name in names:
        t = tensors[name]
        require(t.dtype in DTYPE_NAMES, f"{name} is of {t.dtype}, which a safetensors file cannot hold")
        begin, end = end, end + t.numel() * t.element_size()
        header[name] = {"dtype": DTYPE_NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in names:
        file.write(tensor_bytes(tensors[name]))


def tensor_bytes(t: Tensor) -> memoryview:
    """A tensor's values in row order; no copy of what lies so on the processor already."""
    return t.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
