"""One picture from a visitor, of which nothing is trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import escape_unprintable, require
from ..out_of_memory import format_bytes
from .context import StudioContext


def upload_box(context: StudioContext, label: str) -> Any:
    """It takes any file: what is no picture is refused in a sentence, by its content."""
    most = format_bytes(context.most_bytes)
    return gr.File(label=f"{label} (up to {most})", type="filepath", file_count="single", height=140)


def uploaded(context: StudioContext, file: object) -> tuple[bytes, str]:
    """Its bytes, and what a sentence calls it; Mistake for none, and for a large one."""
    require(isinstance(file, str) and Path(file).is_file(), "upload a picture first")
    path = Path(str(file))
    size, most = path.stat().st_size, context.most_bytes
    require(size <= most, f"this is {format_bytes(size)}, and this studio takes {format_bytes(most)} at a time")
    return path.read_bytes(), escape_unprintable(path.name)
