"""Figures that a run holds already: told again, unmeasured, as long as all that they hang on is what it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import torch

from ..data.dataset import Dataset
from ..inference.loaded import LoadedGame
from ..metrics.figures import Figure
from ..runs.folder import RunFolder
from ..runs.measures import read_measurements
from .extractors import Extractors
from .metric_table import all_metrics
from .options import MeasureOptions

OPTIONS = ("n", "references", "seed", "k", "per_class")  # that decide a figure beside what its protocol names


def circumstances(folder: RunFolder, loaded: LoadedGame, sides: Iterable[Dataset], wish: MeasureOptions) -> str:
    """A hash, hex, of all that figures of a run hang on, but for the metrics and what they look through.

    Of the weights themselves, the manifest, the data by their content, the options, and of the code of saddle and
    torch: what any of them changes is measured anew. Empty with a plugin, whose code may do anything,
    and for data that have no fingerprint.
    """
    data = [(side.name, side.fingerprint) for side in sides]
    if wish.plugin is not None or not all(fingerprint for _, fingerprint in data):
        return ""
    told = {
        "weights": weights_digest(loaded),
        "named": loaded.weights,
        "device": loaded.device.type,
        "manifest": hashlib.sha256(folder.manifest.read_bytes()).hexdigest(),
        "data": data,
        "options": {name: getattr(wish, name) for name in OPTIONS},
        "code": [code_digest(), torch.__version__],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def weights_digest(loaded: LoadedGame) -> str:
    """Of all numbers of a game, by their names, and of the moment of training that they play at."""
    found = hashlib.sha256(repr(loaded.clock).encode())
    for name, t in sorted(loaded.game.state_dict().items()):
        found.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        found.update(t.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


@cache
def code_digest() -> str:
    """Of all of saddle's own modules."""
    found = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()


def held_figures(folder: RunFolder, key: str, names: Sequence[str], eyes: Extractors) -> Mapping[str, list[Figure]]:
    """By metric, what was measured in these very circumstances through these very extractors."""
    there = [f for line in read_measurements(folder) if key and line.key == key for f in line.figures]
    return {name: found for name in names if (found := [f for f in there if is_of(f, name, eyes)])}


def is_of(figure: Figure, name: str, eyes: Extractors) -> bool:
    """Is it a figure of this metric, or of a class by it, seen through what the metric would look through now?"""
    metric, seen = all_metrics()[name], figure.protocol
    if figure.metric.partition("[")[0] != name or not isinstance(metric.function, str):
        return False
    if metric.reads == "images":
        return True
    eye = eyes.for_reads(metric.reads).network
    return (seen.features, seen.dimension, seen.weights, seen.resize) == (
        eye.name, eye.dimension, eye.sha256, eye.resize
    )  # fmt: skip
