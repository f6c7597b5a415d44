"""Contact sheets: what a game makes, as one picture."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import require
from .pictures import LINE_HEIGHT, draw_text
from .scatter import are_points, plot_points

SheetPixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]  # (n, height, width, 1 or 3)
COMFORTABLE_SIDE = 800  # pixels that a sheet of small images is enlarged to, about
SHEET_GAP = 2
PAPER = 128  # neither the black nor the white that images end in
FAR = 1.25  # times as many columns as a square has, or as few, for full rows


def make_grid(images: Tensor, columns: int | None = None) -> Image.Image:
    """Images (n, 1, 3 or 4 channels, height, width) in [-1, 1], so many in a row, or in a near-square."""
    return tile_cells(to_sheet_pixels(images), columns)


def make_contact_sheet(columns: Mapping[str, Tensor], real: Tensor | None = None) -> Image.Image:
    """One column: a grid. Several: each item a row of them, titled. Points: a scatter picture, over `real` ones."""
    require(len(columns) > 0, "a contact sheet needs at least one column of images; this game shows none")
    first, *others = columns.values()
    if are_points(first):
        return plot_points(columns, real)
    lengths = ", ".join(f"{name} {len(images)}" for name, images in columns.items())
    require(all(len(o) == len(first) for o in others), f"a contact sheet's columns are equally long, not {lengths}")
    return side_by_side(columns) if others else make_grid(first)


def side_by_side(columns: Mapping[str, Tensor]) -> Image.Image:
    """Item by item, what belongs together in one row; many rows stand in several banks, each under its titles."""
    painted = [to_rgb(to_sheet_pixels(images)) for images in columns.values()]
    height, width = (max(p.shape[i] for p in painted) for i in (1, 2))
    rule = np.full((len(painted[0]), height, 1, 3), PAPER, np.uint8)
    items = np.concatenate([part for p in painted for part in (repeat_pixels(p, height, width), rule)][:-1], 2)
    body = tile_cells(items)
    whole = Image.new("RGB", (body.width, body.height + LINE_HEIGHT), (PAPER,) * 3)
    whole.paste(body, (0, LINE_HEIGHT))
    whole.info["row"] = str(int(body.info["row"]) + LINE_HEIGHT)
    scale = int(body.info["scale"])
    for bank in range(SHEET_GAP, body.width - SHEET_GAP, scale * items.shape[2] + SHEET_GAP):
        for i, name in enumerate(columns):
            draw_text(whole, name, (bank + scale * i * (width + 1), 1), "white")
    return whole


def to_sheet_pixels(images: Tensor) -> SheetPixels:
    """Samples in [-1, 1] as bytes, grey or RGB, channels last; what is transparent shows a checkerboard."""
    require(
        images.ndim == 4 and len(images) > 0 and images.shape[1] in (1, 3, 4),
        f"pictures are (n, 1, 3 or 4 channels, height, width), not {tuple(images.shape)}",
    )
    pixels: SheetPixels = to_sheet_bytes(images).permute(0, 2, 3, 1).contiguous().numpy()
    return pixels


def to_sheet_bytes(images: Tensor) -> Tensor:
    """The bytes that stand on a sheet, (n, 1 or 3, height, width) on the processor; bytes and points as they are."""
    x = images.detach().cpu()
    if x.dtype == torch.uint8 or are_points(x):
        return x
    x = (x.float().clamp(-1, 1) + 1) / 2
    if x.shape[1] == 4:
        colours, alpha = x[:, :3], x[:, 3:]
        x = alpha * colours + (1 - alpha) * checkerboard(*x.shape[2:]).to(x)
    return (x * 255).round().byte()


def checkerboard(height: int, width: int) -> Tensor:
    """Light squares, eight across, (height, width) in [0, 1]."""
    size = max(min(height, width) // 8, 1)
    odd = (torch.arange(height)[:, None] // size + torch.arange(width) // size) % 2
    return 1 - 0.2 * odd


def to_rgb(pixels: SheetPixels) -> SheetPixels:
    return pixels if pixels.shape[3] == 3 else np.repeat(pixels, 3, 3)


def repeat_pixels(pixels: SheetPixels, height: int, width: int) -> SheetPixels:
    """The same pictures with every pixel repeated, up to this size."""
    rows, columns = (np.arange(new) * old // new for new, old in zip((height, width), pixels.shape[1:3], strict=True))
    return pixels[:, rows[:, None], columns]


def tile_cells(cells: SheetPixels, columns: int | None = None) -> Image.Image:
    """Cells row by row, so many in each, or in a near-square; enlarged by a whole factor if they are small."""
    n, height, width, channels = cells.shape
    columns = columns or grid_columns(n, width / height)
    rows = math.ceil(n / columns)
    scale = enlargement(max(columns * width, rows * height))
    h, w = scale * height + SHEET_GAP, scale * width + SHEET_GAP
    canvas = np.full((rows * h + SHEET_GAP, columns * w + SHEET_GAP, channels), PAPER, np.uint8)
    for i, cell in enumerate(repeat_pixels(cells, scale * height, scale * width)):
        top, left = i // columns * h + SHEET_GAP, i % columns * w + SHEET_GAP
        canvas[top : top + h - SHEET_GAP, left : left + w - SHEET_GAP] = cell
    image = Image.fromarray(canvas if channels == 3 else canvas[..., 0])
    image.info |= {"row": str(h + SHEET_GAP), "scale": str(scale)}  # what a progress strip cuts out
    return image


def grid_columns(n: int, form: float) -> int:
    """How many of n cells of this form, width by height, stand in each row of a near-square.

    A number that fills all rows goes before one that comes nearer to a square, as long as it is not far from that.
    """
    square = math.sqrt(n / form)
    full = [columns for columns in range(1, n + 1) if n % columns == 0 and 1 / FAR < columns / square < FAR]
    return min(full, key=lambda columns: abs(math.log(columns / square)), default=min(n, max(1, round(square))))


def enlargement(side: int) -> int:
    """The whole factor that brings this many pixels nearest to a comfortable size, at most 16."""
    return min(range(1, 17), key=lambda factor: abs(math.log(factor * side / COMFORTABLE_SIDE)))
