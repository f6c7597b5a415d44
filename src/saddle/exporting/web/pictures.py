"""What a page needs to know of pictures that are given to it: their size, and the colours that they are drawn in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...batches import Batch, column_names
from ...capabilities import Translates, style_options
from ...columns import to_float_images
from ...data.dataset import Dataset
from ...data.order import random_words
from ...errors import Mistake, require
from ...inference.loaded import LoadedGame
from ...inference.run_data import open_run_data
from ...notices import Notify, notify_nobody
from ...runs.folder import RunFolder
from ...runs.manifest import Manifest
from ...shape import Picture, Shape
from ..interface import Interface
from .network import PageNetwork, open_network

SEEN = 64  # pictures of the data that colours are looked for in
COLOURS, APART, LEAST = 8, 60.0, 0.002  # pens, how far apart, and the share of pixels that one needs
INK, GROUND = "#000000", "#ffffff"  # where the data are not known


def find_ways(loaded: LoadedGame, part: str, style: Mapping[str, Any]) -> list[PageNetwork]:
    """There, and back where a game has learned it; of one that only makes pictures again, that. Nothing is drawn."""
    game = loaded.game
    if part == "autoencoder" or not isinstance(game, Translates):
        return [PageNetwork(replace_example(open_network(loaded, "autoencoder", style).interface))]
    known = style_options(type(game), Translates)
    quiet = {"noise": False} if "noise" in known else {}
    both = [("There", {}), ("Back", {"back": True})] if "back" in known and "back" not in style else [("", {})]
    return [PageNetwork(replace_example(open_network(loaded, "translator", {**quiet, **back, **style}).interface), name)
            for name, back in both]  # fmt: skip


def replace_example(interface: Interface) -> Interface:
    """The same, checked by a picture as people draw them."""
    first, *rest = interface.inputs
    return replace(interface, inputs=(replace(first, draw=lambda n, seed: waves(n, seed, first.row)), *rest))


def waves(n: int, seed: int, row: tuple[int, ...]) -> Tensor:
    """Pictures (n, *row) of slopes and waves, of whole levels as canvases have, none of anybody's data."""
    channels, height, width = row
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    made = torch.stack([torch.stack([((band + 1) * 3 * x + seed + i).sin() * y + (1 - y) * (x - 0.5)
                                     for band in range(channels)]) for i in range(n)])  # fmt: skip
    levels: Tensor = ((made.clamp(-1, 1) + 1) * 127.5).round()
    return levels / 127.5 - 1


def describe_source(shape: Shape, seen: Tensor | None) -> dict[str, Any]:
    """The pictures that a way begins with: their size, and the colours to draw them in."""
    size = {"channels": shape.channels, "height": shape.height, "width": shape.width}
    ground, *pens = find_colours(seen) if seen is not None else [GROUND, INK]
    return size | {"ground": ground, "palette": pens or [INK if ground != INK else GROUND]}


def find_colours(images: Tensor) -> list[str]:
    """Colours of images (n, channels, height, width) in [-1, 1], as #rrggbb: the commonest, then those unlike it.

    They are common, and apart from each other; of alike ones each stands for itself as it is, not for their mean.
    """
    levels = ((images.float().clamp(-1, 1) + 1) * 127.5).round().long().movedim(1, -1).flatten(0, 2).cpu().numpy()
    levels = levels[:, :3] if levels.shape[1] >= 3 else levels[:, :1].repeat(3, 1)
    words, counts = np.unique(levels @ [1 << 16, 1 << 8, 1], return_counts=True)
    colours = np.stack([words >> 16, words >> 8 & 255, words & 255], 1)
    kind = np.unique((colours >> 4) @ [256, 16, 1], return_inverse=True)[1]  # alike ones
    shares = np.bincount(kind, counts) / len(levels)
    chosen: list[NDArray[np.int64]] = []
    for place in np.argsort(-shares, kind="stable"):
        own = np.flatnonzero(kind == place)
        colour = colours[own[counts[own].argmax()]]
        far = all(float(np.linalg.norm(colour - other)) > APART for other in chosen)
        if far and shares[place] >= LEAST and len(chosen) < COLOURS:
            chosen.append(colour)
    ground, *pens = chosen
    pens.sort(key=lambda pen: -float(np.linalg.norm(pen - ground)))
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in np.stack([ground, *pens]).tolist()]


def source_pictures(loaded: LoadedGame, run: str | Path | None, say: Notify) -> tuple[Tensor | None, Tensor | None]:
    """Some pictures of the run's data, there and back, for their colours; none where the data are not here any more."""
    if run is None:
        return None, None
    kind: type[Batch] = loaded.batch_type
    wanted, names, folder = kind.wanted(), column_names(kind), RunFolder.find(run)
    there = wanted.condition if isinstance(loaded.game, Translates) and wanted.condition else wanted.sample
    try:
        data = open_run_data(folder, Manifest.read(folder), notify_nobody)
    except Mistake as mistake:
        say(f"the page draws in black on white, for the colours of the run's data are not known: {mistake}")
        return None, None
    return take_pictures(data, names[there]), take_pictures(data, names[wanted.sample])


def take_pictures(data: Dataset, column: str) -> Tensor | None:
    """Some of the data's pictures, or None of data without this column."""
    if not isinstance(data.columns.get(column), Picture):
        return None
    index = np.arange(min(SEEN, len(data))) * max(1, len(data) // SEEN)
    taken: Mapping[str, Tensor] = data.take(index, random_words(0, index), [column])
    return to_float_images(taken[column])


def check_shape(shape: Shape) -> None:
    """Refuse what a page cannot show as a picture."""
    what = "points" if shape.points else "lines of text" if shape.text is not None else ""
    require(not what, f"this run makes {what}, but a page shows pictures; give a run that makes some")
    shown = shape.channels in (1, 3, 4)
    require(shown, f"pictures of {shape.channels} channels cannot be shown on a page; it shows grey, RGB and RGBA")
