"""What of an image is hidden: in words, drawn by coordinates, or from a picture. True where a pixel is hidden."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ..errors import Mistake, did_you_mean, require
from ..training.engine import derive_seed

HALVES = ("left", "right", "top", "bottom")
WORDS = ("centre", *HALVES, "random", "box", "line")
KNOWN = ("centre, left, right, top, bottom (halves), random:0.8 (a share of the pixels), box:LEFT,TOP,RIGHT,BOTTOM, "
         "line:X,Y,X,Y:WIDTH, several of these as box:...+line:..., or a picture's file, white where pixels are "
         "hidden")  # fmt: skip


def parse_mask(text: str, height: int, width: int, seed: int = 0) -> Tensor:
    """What a mask in words hides, (1, 1, height, width) bool: one for all images. `+` joins several.

    `centre` is the middle half of each side, `centre:0.25` a quarter; `left` hides the left half; `random:0.8` four of
    five pixels, by the seed; a box is given by its edges in pixels, a line by the points that it goes through, and how
    wide it is. Any other word is the file of a picture of this size, white where pixels are hidden.
    Mistake for what is none of these, and for a mask that hides nothing, or everything.
    """
    hidden = read_mask(Path(text), height, width) if os.path.isfile(text) else mask_in_words(text, height, width, seed)
    return check_hidden(hidden, 1, height, width, text)


def mask_in_words(text: str, height: int, width: int, seed: int = 0) -> Tensor:
    """The same, (height, width) bool, of words alone: no file is looked for."""
    return torch.stack([parse_part(part.strip(), height, width, seed) for part in text.split("+")]).any(0)


def check_hidden(hidden: Tensor, n: int, height: int, width: int, name: str = "the mask") -> Tensor:
    """What is hidden as (1 or n, 1, height, width); Mistake where that is nothing, or all, or of another shape."""
    flat = isinstance(hidden, Tensor) and hidden.dtype == torch.bool and hidden.ndim in (2, 4)
    shaped = hidden.reshape(1, 1, *hidden.shape) if flat and hidden.ndim == 2 else hidden
    if not flat or shaped.shape[0] not in (1, n) or shaped.shape[1:] != (1, height, width):
        raise Mistake(f"a mask is (height, width) or (n, 1, height, width) bool, here {height}x{width}, True where "
                      f"pixels are hidden, not {tuple(hidden.shape)} of "
                      f"{str(hidden.dtype).removeprefix('torch.')}")  # fmt: skip
    some = shaped.flatten(1)
    require(
        bool(some.any(1).all()), f"{name} hides no pixel, so there is nothing to complete; --mask centre hides some"
    )
    require(not bool(some.all(1).any()), f"{name} hides every pixel, so there is nothing to complete from; "
            "--mask centre leaves some, and `saddle sample` makes images out of nothing")  # fmt: skip
    return shaped


def parse_part(text: str, height: int, width: int, seed: int) -> Tensor:
    """One mask in words, (height, width) bool."""
    name, _, given = text.partition(":")
    name = "centre" if name == "center" else name
    match name:
        case "centre":
            return centre(parse_share(given or "0.5", text), height, width)
        case "left" | "right" | "top" | "bottom":
            require(not given, f"mask {text}: {name} is one half, without a number; box:LEFT,TOP,RIGHT,BOTTOM hides "
                    "any part")  # fmt: skip
            return half(name, height, width)
        case "random":
            return random_share(parse_share(given or "0.8", text), height, width, seed)
        case "box":
            return box(parse_numbers(given, text, "box:8,8,24,24"), text, height, width)
        case "line":
            points, _, wide = given.partition(":")
            thick = parse_numbers(wide or "3", text, "line:4,4,28,28:3")
            return line(parse_numbers(points, text, "line:4,4,28,28:3"), thick, text, height, width)
    raise Mistake(f"there is no mask and no file {text!r}{did_you_mean(name, WORDS, otherwise=f'a mask is {KNOWN}')}")


def parse_share(text: str, whole: str) -> float:
    (share,) = parse_numbers(text, whole, "random:0.8")[:1]
    require(0 < share < 1, f"mask {whole}: {share:g} is no share of an image, which is above 0 and below 1")
    return share


def parse_numbers(text: str, whole: str, example: str) -> list[float]:
    words = re.split(r"[,\s]+", text.strip())
    try:
        return [float(word) for word in words]
    except ValueError:
        raise Mistake(f"mask {whole}: {text!r} are no numbers; write it as {example}") from None


def centre(share: float, height: int, width: int) -> Tensor:
    """A box in the middle, of this share of each side, at least one pixel."""
    tall, wide = (max(1, round(share * side)) for side in (height, width))
    top, left = (height - tall) // 2, (width - wide) // 2
    return rectangle(left, top, left + wide, top + tall, height, width)


def half(name: str, height: int, width: int) -> Tensor:
    across, down = width // 2, height // 2
    edges = {"left": (0, 0, across, height), "right": (width - across, 0, width, height), "top": (0, 0, width, down),
             "bottom": (0, height - down, width, height)}  # fmt: skip
    return rectangle(*edges[name], height, width)


def random_share(share: float, height: int, width: int, seed: int) -> Tensor:
    """This share of the pixels, to the nearest one."""
    dice = torch.Generator().manual_seed(derive_seed(seed, 0))
    order = torch.randperm(height * width, generator=dice)
    return (order < round(share * height * width)).reshape(height, width)


def box(edges: list[float], text: str, height: int, width: int) -> Tensor:
    require(len(edges) == 4, f"mask {text}: a box has four edges, left, top, right, bottom, as in box:8,8,24,24")
    left, top, right, bottom = edges
    inside = 0 <= left < right <= width and 0 <= top < bottom <= height
    fits = f"box:{width // 4},{height // 4},{width - width // 4},{height - height // 4}"
    require(inside, f"mask {text}: a box lies within the image, 0 <= left < right <= {width} and 0 <= top < bottom "
            f"<= {height}, as {fits} does")  # fmt: skip
    left, top, right, bottom = map(round, edges)
    return rectangle(left, top, right, bottom, height, width)


def rectangle(left: int, top: int, right: int, bottom: int, height: int, width: int) -> Tensor:
    hidden = torch.zeros(height, width, dtype=torch.bool)
    hidden[top:bottom, left:right] = True
    return hidden


def line(numbers: list[float], wide: list[float], text: str, height: int, width: int) -> Tensor:
    """All pixels whose middle is no further from a line through these points than half its width."""
    even = len(numbers) >= 2 and len(numbers) % 2 == 0 and len(wide) == 1 and wide[0] > 0
    require(even, f"mask {text}: a line goes through points X,Y and is so many pixels wide, as line:4,4,28,28:3")
    points = torch.tensor(numbers, dtype=torch.float64).reshape(-1, 2)
    points = points if len(points) > 1 else points.repeat(2, 1)
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    places = torch.stack((x, y), -1).double()
    near = [distance_to_segment(places, a, b) <= max(wide[0], 1.0) / 2 for a, b in pairwise(points)]
    return torch.stack(near).any(0)


def distance_to_segment(places: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Of places (..., 2) to the straight line from a to b."""
    along = b - a
    t = ((places - a) @ along / along.square().sum().clamp_min(1e-12)).clamp(0, 1)
    return (places - a - t[..., None] * along).square().sum(-1).sqrt()


def read_mask(file: Path, height: int, width: int) -> Tensor:
    """What a picture's file hides, (height, width) bool: see `hidden_by`."""
    try:
        with Image.open(file) as picture:
            seen = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise Mistake(f"{file} is no picture that a mask could be read from: {type(error).__name__}") from None
    return hidden_by(seen, height, width, file)


def hidden_by(picture: Image.Image, height: int, width: int, name: object) -> Tensor:
    """A picture's pixels that are nearer to white than to black; with transparency, those that are to be seen, too."""
    seen = picture.convert("RGBA")
    sized = f"{name} has {seen.height}x{seen.width} pixels, but this run's images have {height}x{width}"
    require(seen.size == (width, height), f"{sized}; give a mask of that size, or one in words, as --mask centre")
    light, alpha = np.asarray(seen.convert("L")), np.asarray(seen.getchannel("A"))
    return torch.from_numpy((light >= 128) & (alpha >= 128))
