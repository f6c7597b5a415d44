"""The normal pictures that odd ones are compared with: a run's held-out data, or others that are named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..columns import scale_rows
from ..data.dataset import LABEL, Dataset, main_column
from ..data.held_out import held_out_of
from ..data.order import random_words, sample_order
from ..data.sides import side_of
from ..errors import Mistake, format_count
from ..notices import Notify
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..shape import Picture
from .anomaly import AnomalyScore, anomaly_terms
from .answers import Conditions, chunks_at
from .image_files import GivenImages
from .labels import Label
from .loaded import LoadedGame
from .run_data import open_run_data

MOST, MOST_SEARCHED = 2_000, 200  # normal pictures that are looked at, and where a code of each is searched for


@dataclass(frozen=True)
class Normals:
    """The terms of normal pictures, and what these are called."""

    terms: Tensor  # (n, terms)
    name: str  # 1,000 held-out images of mnist


def normals_of_run(loaded: LoadedGame, run: str, manifest: Manifest, how: AnomalyScore, seed: int,
                   say: Notify) -> Normals:  # fmt: skip
    """Of data that the run has held out; where it has none, of those that it was trained on, which is said."""
    source = manifest.settings.data or "glyphs"
    try:
        data = open_run_data(RunFolder.find(run), manifest, say)
    except Mistake as why:
        raise Mistake(f"the data of {run} are needed, to know how normal ones score, but {why}; --normals names "
                      "others") from None  # fmt: skip
    held = held_out_of(data)
    if held is None:
        say(f"{run} has held no data out (--held-out), so that what is normal is told by data that it was trained on: "
            "these score too low, and the threshold flags too many; --normals names others")  # fmt: skip
    own = side_of(held or data, main_column(data.columns))
    count = min(len(own), most_normals(how))
    terms = torch.cat([anomaly_terms(loaded, images, how, told, seed, place)
                       for place, images, told in rows_of(own, loaded, count)])  # fmt: skip
    kind = "held-out" if held else "training"
    return Normals(terms, f"{format_count(count, f'{kind} image')} of {source}")


def rows_of(data: Dataset, loaded: LoadedGame, count: int) -> Iterator[tuple[int, Tensor, Tensor | None]]:
    """Some samples of a data set, as the game plays with them, with their labels where it knows such."""
    name, index = main_column(data.columns), sample_order(len(data), 0, 0, count)
    played = Picture(loaded.shape)
    for place in range(0, count, loaded.rows):
        some = index[place : place + loaded.rows]
        taken = data.take(some, random_words(0, some), (name, LABEL))
        told = taken.get(LABEL) if loaded.shape.classes else None
        yield place, scale_rows(taken[name], played), told


def most_normals(how: AnomalyScore) -> int:
    return MOST_SEARCHED if how.by == "search" else MOST


def normals_given(loaded: LoadedGame, given: GivenImages, name: str, how: AnomalyScore, seed: int,
                  label: Label | None = None) -> Normals:  # fmt: skip
    """Of pictures that are named, all of which are taken for normal."""
    terms, _ = terms_of_files(loaded, given, how, seed, label)
    return Normals(terms, f"{format_count(len(terms), 'image')} of {name}")


def terms_of_files(loaded: LoadedGame, given: GivenImages, how: AnomalyScore, seed: int,
                   label: Label | None) -> tuple[Tensor, list[int]]:  # fmt: skip
    """The terms of all pictures that can be read, (n, terms), and the places of these among all."""
    told = Conditions(loaded, given, label)
    rows, places = [], []
    for place, chunk in chunks_at(loaded, given):
        rows.append(anomaly_terms(loaded, chunk.images, how, told.of(chunk), seed, place))
        places += chunk.places
    return torch.cat(rows), places


def quantile(scores: Tensor, share: float) -> float:
    """The score that this share of normals stays at or below."""
    return float(np.quantile(scores.numpy(), share, method="higher"))
