"""Bytes and numbers as text in a page's scripts."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from torch import Tensor


def pack(content: bytes) -> str:
    """Bytes as the page unpacks them: gzip, the same for the same bytes, as base64."""
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def pack_floats(numbers: Tensor) -> str:
    """Little-endian float32 as base64."""
    return base64.b64encode(numbers.detach().cpu().float().contiguous().numpy().astype("<f4").tobytes()).decode()


def to_script(value: Any) -> str:
    """A value as JavaScript that may stand in an HTML file: no tag begins or ends in it."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
