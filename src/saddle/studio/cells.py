"""Pictures inside a page: single ones with a caption, and sheets of which each picture is a button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

from torch import Tensor

from ..reports.markup import Markup, embed_png, html_tag
from ..runs.pictures import to_image

PICK = """element.addEventListener('click', event => {
  const cell = event.target.closest('button[data-place]');
  if (cell) trigger('click', {place: Number(cell.dataset.place)});
});"""
CELLS_STYLE = """
.cells { display: grid; gap: 4px; grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); max-width: 100%; }
.cells button { position: relative; margin: 0; padding: 0; border: 0; border-radius: 6px; overflow: hidden;
  background: none; cursor: pointer; line-height: 0; }
.cells button:hover { outline: 2px solid var(--color-accent); outline-offset: 1px; }
.cells button:focus-visible { outline: 3px solid var(--color-accent); outline-offset: 1px; }
.cells img, .shown img { width: 100%; display: block; image-rendering: pixelated; }
.shown { display: flex; flex-wrap: wrap; gap: 10px; }
.shown figure { margin: 0; flex: 1 1 0; min-width: 64px; max-width: 300px; }
.shown img { border-radius: 8px; border: 1px solid var(--border-color-primary); }
.shown figcaption { font-size: 0.85em; color: var(--body-text-color-subdued); margin-top: 3px; text-align: center;
  overflow-wrap: anywhere; }
.shown.strip { gap: 3px; flex-wrap: nowrap; } .shown.strip figure { min-width: 0; }
.sliders .head { flex-wrap: nowrap; align-items: center; white-space: nowrap; }
.sliders input[type=number] { width: 3.2rem; }
.pick-from { min-height: 40px; }
.block:has(> .html-container > .prose:empty), .frames { display: none !important; }
.hint { color: var(--body-text-color-subdued); font-size: 0.92em; margin: 0.3rem 0; }
.note { border-left: 4px solid #dba426; padding: 0.45rem 0.8rem; margin: 0.3rem 0; border-radius: 4px;
  background: color-mix(in srgb, #dba426 14%, transparent); }
"""
SHORT = {"these": "start", "minus": "less", "plus": "more"}


def png(image: Tensor) -> bytes:
    """Of (1, 3 or 4 channels, height, width) in [-1, 1]; little is packed, for it goes nowhere far."""
    file = BytesIO()
    to_image(image.clamp(-1, 1)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def cell_sheet(images: Tensor) -> Markup:
    """A sheet of which each picture can be picked, by a click or a key."""
    n = len(images)
    columns = max(1, min(8, round(n**0.5 + 0.499)))
    cells = (html_tag("button", embed_png(png(image), f"sample {i}"), type="button", data_place=str(i),
                      title=f"sample {i}") for i, image in enumerate(images))  # fmt: skip
    return html_tag("div", *cells, class_="cells", style=f"--columns: {columns}")


def shown(pictures: Mapping[str, Tensor], strip: bool = False) -> Markup:
    """Pictures side by side, each with its caption."""
    figures = (html_tag("figure", embed_png(png(image), name), *([] if strip else [html_tag("figcaption", name)]))
               for name, image in pictures.items())  # fmt: skip
    return html_tag("div", *figures, class_="shown strip" if strip else "shown")


def hint(sentence: str) -> Markup:
    return html_tag("p", sentence, class_="hint")


def marks(named: Mapping[str, Sequence[int]]) -> Markup:
    """Frames around what is picked, with a word on each: a sheet of style, so that no picture is sent again."""
    rules = []
    for name, places in named.items():
        for place in places:
            cell = f'.pick-from .cells [data-place="{int(place)}"]'
            rules.append(f"{cell} {{ outline: 3px solid var(--color-accent); outline-offset: 0 }}"
                         f"{cell}::after {{ content: '{SHORT.get(name, name)}'; position: absolute; left: 3px; "
                         "top: 3px; font: 600 12px/1 system-ui, sans-serif; padding: 3px 5px; border-radius: 4px; "
                         "color: #fff; background: var(--color-accent) }")  # fmt: skip
    return html_tag("style", Markup("\n".join(rules)))
