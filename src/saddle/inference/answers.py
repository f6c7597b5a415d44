"""What a loaded game answers about a user's pictures, some at a time: each again, or its code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..capabilities import Encodes, Infers, Reconstructs
from ..runs.writing import make_parent, write_atomically
from .image_files import GivenImages, ImageChunk
from .labels import Label, label_indices
from .loaded import LoadedGame


class Conditions:
    """What a game is told of pictures: one class of all, or each its own, where all of these are classes of the run."""

    def __init__(self, loaded: LoadedGame, given: GivenImages, label: Label | None = None) -> None:
        self.one, self.each = None, None
        if label is not None:
            self.one = label_indices(label, 1, loaded.classes, loaded.shape.classes)
        elif given.labels is not None and loaded.shape.classes and set(given.classes) <= set(loaded.classes):
            places = torch.tensor([loaded.classes.index(name) for name in given.classes])
            self.each = places[torch.from_numpy(given.labels)]

    def of(self, chunk: ImageChunk) -> Tensor | None:
        if self.one is not None:
            return self.one.expand(len(chunk.images))
        return None if self.each is None else self.each[chunk.places]


def chunks_at(loaded: LoadedGame, given: GivenImages) -> Iterator[tuple[int, ImageChunk]]:
    """As many pictures as the game is asked about at once, and the place from which on they stand."""
    place = 0
    for chunk in given.chunks(loaded.rows):
        yield place, chunk
        place += len(chunk.images)


def reconstructions(loaded: LoadedGame, given: GivenImages, label: Label | None = None, seed: int = 0,
                    style: Mapping[str, object] = {}) -> Iterator[tuple[ImageChunk, Tensor]]:  # fmt: skip
    """Pictures, and each once more as the game keeps it."""
    told = Conditions(loaded, given, label)
    for place, chunk in chunks_at(loaded, given):
        yield chunk, loaded.answer(Reconstructs, chunk.images, told.of(chunk), seed, style, place)


class Codes(NamedTuple):
    """Codes of pictures, in the order in which these were given; none of those that could not be read."""

    codes: Tensor  # (n, ...) float32
    log_variances: Tensor | None  # (n, ...), where the game knows a code as a normal distribution; `codes`: the means
    names: list[str]
    labels: Tensor | None  # (n,) int64, places in `classes`
    classes: tuple[str, ...]

    def write(self, path: Path) -> None:
        """As an `.npz`, an array by the name of each field that there is; names and classes are texts."""
        kept: dict[str, Any] = {"codes": self.codes.numpy(), "names": np.array(self.names, dtype=np.str_)}
        if self.log_variances is not None:
            kept["log_variances"] = self.log_variances.numpy()
        if self.labels is not None:
            kept |= {"labels": self.labels.numpy(), "classes": np.array(self.classes, dtype=np.str_)}
        make_parent(path)
        write_atomically(path, lambda draft: np.savez(draft, **kept))


def encode_images(loaded: LoadedGame, given: GivenImages, label: Label | None = None, seed: int = 0,
                  style: Mapping[str, object] = {}) -> Codes:  # fmt: skip
    """The codes of all pictures that can be read."""
    told = Conditions(loaded, given, label)
    codes: list[Tensor] = []
    spread: list[Tensor] = []
    places: list[int] = []
    for place, chunk in chunks_at(loaded, given):
        places += chunk.places
        if isinstance(loaded.game, Infers) and not style:
            infer = partial(posterior, loaded.game)
            for mean, log_variance in loaded.chunks(infer, chunk.images, None, seed, loaded.shape[:3], place):
                codes.append(mean)
                spread.append(log_variance)
        else:
            codes.append(loaded.answer(Encodes, chunk.images, told.of(chunk), seed, style, place))
    labels = None if given.labels is None else torch.from_numpy(given.labels)[places]
    return Codes(torch.cat(codes), torch.cat(spread) if spread else None, [given.names[i] for i in places], labels,
                 given.classes)  # fmt: skip


def posterior(game: Infers, images: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
    """Codes, which are the means, and their log variances."""
    mean, log_variance = game.posterior(images)
    return mean.float().cpu(), log_variance.float().cpu()
