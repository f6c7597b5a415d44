"""A run's `measures.jsonl`: what was measured of it, when, with every number's protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import Mistake
from ..metrics.figures import Figure
from .folder import Folder
from .log import append, read


@dataclass(frozen=True)
class Measurement:
    """What was measured at one moment of a run."""

    images: int  # real images shown so far
    round: int
    seconds: float  # of training so far
    figures: tuple[Figure, ...]


def measures(folder: Folder) -> Path:
    return folder.path / "measures.jsonl"


def read_measures(folder: Folder) -> list[Measurement]:
    """All of a run's measurements as they were written; none if there is no file. Mistake for a foreign file."""
    path = measures(folder)
    try:
        return [Measurement(line["images"], line["round"], line["seconds"],
                            tuple(Figure.read(facts) for facts in line["figures"])) for line in read(path)]  # fmt: skip
    except (ValueError, TypeError, KeyError) as error:
        raise Mistake(f"{path} holds no measurements of saddle's: {error!r}") from None


def add_measure(folder: Folder, measurement: Measurement) -> None:
    """Write one measurement more; Unwritten where the disk is full."""
    figures = [figure.facts() for figure in measurement.figures]
    append(measures(folder), {"images": measurement.images, "round": measurement.round,
                              "seconds": measurement.seconds, "figures": figures})  # fmt: skip
