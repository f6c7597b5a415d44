"""Canvases to draw and to paint on, of which nothing is unpacked that is larger than a canvas."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import gradio as gr
from PIL import Image

from ..errors import Mistake

SIDE = 320  # pixels on the page: fits a telephone
MOST_PIXELS = 4_000_000  # of what comes back: a canvas on a fine display has a few times the pixels of the page


def make_canvas(**options: Any) -> Any:
    """An image editor that looks at a picture's size before it unpacks any.

    It is no class of its own: gradio writes a file of types beside the source of each that is.
    """
    editor = gr.ImageEditor(type="pil", image_mode="RGBA", sources=(), transforms=(), layers=False, buttons=[],
                            canvas_size=(SIDE, SIDE), fixed_canvas=True, height=SIDE + 110, **options)  # fmt: skip
    unpack = editor.convert_and_format_image

    def checked(file: Any, flatten_on_white: bool = False) -> Any:
        check_size(file)
        return unpack(file, flatten_on_white)

    editor.convert_and_format_image = checked  # type: ignore[method-assign]
    return editor


def check_size(file: Any) -> None:
    """Refuse a picture that no canvas could have made; None is none."""
    if file is None:
        return
    try:
        with Image.open(BytesIO(file) if isinstance(file, bytes) else file.path) as picture:
            large = picture.width * picture.height > MOST_PIXELS
    except Exception:  # a damaged file can fail in any way inside its decoder
        raise gr.Error("this is no picture that a canvas could have made", print_exception=False) from None
    if large:
        raise gr.Error(f"a canvas has {MOST_PIXELS:,} pixels at most", print_exception=False)


def canvas_size(height: int, width: int) -> tuple[int, int]:
    """(width, height) on the page, of pictures of this form."""
    longest = max(height, width)
    return max(1, SIDE * width // longest), max(1, SIDE * height // longest)


def pen(height: int, width: int, lines: float = 1.0) -> Any:
    """A black brush as wide as so many of a run's pixels are on the page."""
    return gr.Brush(max(2, round(SIDE * lines / max(height, width))), ["#000000"], "#000000", "fixed")


def paint() -> Any:
    """A wide brush in a colour that few pictures have."""
    return gr.Brush(36, ["#e0218a"], "#e0218a", "fixed")


def layers_of(value: Any) -> list[Image.Image]:
    """What was drawn, each layer with its transparency; Mistake for what is no canvas."""
    if not isinstance(value, dict) or not all(isinstance(one, Image.Image) for one in value.get("layers") or []):
        raise Mistake("draw on the canvas first")
    return list(value["layers"] or [])
