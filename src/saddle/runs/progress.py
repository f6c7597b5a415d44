"""How a run came along: its contact sheets as one strip, and as an animation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from PIL import Image

from ..errors import require
from .pictures import LINE_HEIGHT, draw_text, save_png
from .writing import write_atomically

T = TypeVar("T")
STRIP_ROWS = 9  # of a strip; pictures without rows stand three by three
MAX_FRAMES = 48  # of an animation
WIDEST = 560  # pixels of a frame: noise, which early sheets are, hardly compresses in a GIF
THUMB_WIDTH = 420  # pixels of a picture without rows: its points and the numbers at its axes are still read
MARGIN, GAP = 64, 4  # beside rows, for how many images each had seen; between pictures


def write_progress_strip(paths: Sequence[Path], out: Path) -> None:
    """The top row of sheets from the whole run, one above the other, beside how many images each had seen."""
    require(len(paths) > 0, "a progress strip needs at least one contact sheet")
    chosen = pick_evenly(sorted(paths), STRIP_ROWS)
    parts = [first_row(path) for path in chosen]
    size = parts[-1].size  # sheets of earlier, smaller stages grow to the last one's size
    shown = [resize_to(part, size) for part in parts]
    save_png((stack_rows if size[0] > 2 * size[1] else tile_pictures)(shown, [*map(format_images_seen, chosen)]), out)


def stack_rows(rows: Sequence[Image.Image], seen: Sequence[str]) -> Image.Image:
    """Rows one above the other, and beside each how many images had been seen, under what that is a number of."""
    width, height = rows[0].size
    canvas = Image.new("RGB", (MARGIN + width, LINE_HEIGHT + len(rows) * (height + GAP)), "white")
    draw_text(canvas, "images", (MARGIN - 6, LINE_HEIGHT // 2), anchor="rm")
    for i, (row, images) in enumerate(zip(rows, seen, strict=True)):
        up = LINE_HEIGHT + i * (height + GAP)
        canvas.paste(row, (MARGIN, up))
        draw_text(canvas, images, (MARGIN - 6, up + height // 2), anchor="rm")
    return canvas


def tile_pictures(pictures: Sequence[Image.Image], seen: Sequence[str]) -> Image.Image:
    """Pictures three by three, each under how many images had been seen."""
    columns = min(3, len(pictures))
    width, height = pictures[0].width + GAP, pictures[0].height + LINE_HEIGHT + GAP
    canvas = Image.new("RGB", (columns * width, math.ceil(len(pictures) / columns) * height), "white")
    for i, (picture, images) in enumerate(zip(pictures, seen, strict=True)):
        left, up = i % columns * width, i // columns * height
        draw_text(canvas, f"{images} images", (left + width // 2, up + LINE_HEIGHT // 2), anchor="mm")
        canvas.paste(picture, (left, up + LINE_HEIGHT))
    return canvas


def write_progress_gif(paths: Sequence[Path], out: Path) -> None:
    """Sheets from the whole run as an endless GIF, which every viewer plays and in which greys stay exact."""
    require(len(paths) > 0, "an animation needs at least one contact sheet")
    chosen = pick_evenly(sorted(paths), MAX_FRAMES)
    with Image.open(chosen[-1]) as last:
        ratio = min(1.0, WIDEST / max(last.size))
        size = round(ratio * last.width), round(ratio * last.height)
    colours = palette([make_frame(path, size) for path in pick_evenly(chosen, 4)])
    frames: Iterator[Image.Image] = (quantize_frame(make_frame(path, size), colours) for path in chosen)
    pace = min(max(4000 // len(chosen), 120), 500)  # milliseconds
    times = [pace] * (len(chosen) - 1) + [2000]  # the result is looked at longest
    first = next(frames)
    write_atomically(out, lambda d: first.save(d, "GIF", save_all=True, append_images=frames, duration=times, loop=0))


def is_readable_image(path: Path) -> bool:
    """Can this sheet be read to its end?"""
    try:
        with Image.open(path) as image:
            image.load()
    except Exception:  # what a damaged picture makes of its decoder is of many kinds
        return False
    return True


def pick_evenly(items: Sequence[T], most: int) -> list[T]:
    """At most so many of them, evenly, the first and the last among them."""
    n = min(most, len(items))
    return [items[round(i * (len(items) - 1) / max(n - 1, 1))] for i in range(n)]


def first_row(path: Path) -> Image.Image:
    """The first row of a sheet; of a picture without rows, such as a scatter, all of it, small."""
    with Image.open(path) as image:
        row = str(image.info.get("row", ""))
        if row.isdecimal() and 0 < int(row) <= image.height:
            return image.crop((0, 0, image.width, int(row))).convert("RGB")
        return resize_to(image.convert("RGB"), (THUMB_WIDTH, round(THUMB_WIDTH * image.height / image.width)))


def make_frame(path: Path, size: tuple[int, int]) -> Image.Image:
    """A sheet over a line that says how many images it had seen; grey or RGB."""
    with Image.open(path) as opened:
        image = opened if opened.mode in ("L", "RGB") else opened.convert("RGB")
        canvas = Image.new(image.mode, (size[0], size[1] + LINE_HEIGHT), "white")
        canvas.paste(resize_to(image, size), (0, 0))
    draw_text(canvas, f"{format_images_seen(path)} images", (4, size[1] + LINE_HEIGHT // 2), anchor="lm")
    return canvas


def palette(frames: Sequence[Image.Image]) -> Image.Image:
    """256 colours for all of an animation: one palette for each frame takes ten times as long to find."""
    width, height = (side // 2 for side in frames[0].size)
    joined = Image.new("RGB", (width, height * len(frames)))
    for i, image in enumerate(frames):
        joined.paste(image.resize((width, height), Image.Resampling.NEAREST), (0, i * height))
    return joined.quantize(256)


def quantize_frame(image: Image.Image, colours: Image.Image) -> Image.Image:
    """All 256 greys, or the nearest colours, dithered."""
    return image if image.mode == "L" else image.quantize(palette=colours)


def resize_to(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def format_images_seen(path: Path) -> str:
    """How many images a sheet's name says its makers had seen: '12.8k'."""
    images = int(path.stem)
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if images >= size:
            return f"{images / size:.3g}{unit}"
    return str(images)
