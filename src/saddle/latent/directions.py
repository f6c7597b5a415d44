"""Directions among latents that an attribute grows in: differences of means (Radford et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..capabilities import Encodes
from ..columns import to_float_images
from ..data.dataset import Dataset, class_names, read_labels
from ..data.order import random_words
from ..devices import wide
from ..errors import Mistake, did_you_mean, require
from ..inference.loaded import LoadedGame
from ..metrics.classifier import LabelledImages, train_classifier
from ..notices import Notify, notify_nobody
from ..runs.tensors import write_tensors
from ..runs.writing import make_parent, write_atomically
from .space import LatentSpace

FORMAT = "saddle direction 1"
LEAST = 3  # codes of a class that a mean is taken of; DCGAN's authors found one or two unstable
SHOWN_CLASSES = 20  # that a sentence names
CONFIDENT = 0.6  # probability above which a classifier's word on a sample is taken


@dataclass(frozen=True, eq=False)
class Direction:
    """What is added to a latent, (...), so that its image has more of an attribute; strength 1 is its whole length."""

    vector: Tensor
    name: str
    of: str = ""  # how it was found

    def add(self, latents: Tensor, strength: float = 1.0) -> Tensor:
        """Latents (n, ...), moved."""
        fits = f"the direction {self.name} is of latents {tuple(self.vector.shape)}, not {tuple(latents.shape[1:])}"
        require(latents.shape[1:] == self.vector.shape, f"{fits}; find it again with this run")
        return latents + strength * self.vector.to(latents)

    def without(self, others: Sequence[Direction]) -> Direction:
        """The part of it that is orthogonal to all of these, so that what they stand for stays as it is."""
        rest = wide(self.vector.flatten())
        basis = torch.stack([wide(other.vector.flatten()) for other in others]) if others else rest[None, :0]
        if others:
            rest = rest - basis.T @ torch.linalg.lstsq(basis.T, rest[:, None]).solution[:, 0]
        left = bool(rest.norm() > 1e-6 * self.vector.norm())
        require(left, f"nothing of the direction {self.name} is left without {', '.join(o.name for o in others)}")
        away = "".join(f" without {other.name}" for other in others)
        return Direction(rest.to(self.vector).reshape(self.vector.shape), self.name + away, self.of)

    def write(self, path: Path) -> None:
        make_parent(path)
        notes = {"format": FORMAT, "name": self.name, "of": self.of}
        write_atomically(path, lambda draft: write_tensors(draft, {"direction": self.vector}, notes))

    @classmethod
    def read(cls, path: Path) -> Direction:
        """Mistake for a file that holds none."""
        require(path.is_file(), f"there is no direction {path}; saddle edit RUN --plus CLASS --minus CLASS makes one, "
                "and saddle directions RUN finds some without classes")  # fmt: skip
        try:
            with safe_open(path, "pt") as file:
                notes = file.metadata() or {}
                require(notes.get("format") == FORMAT, f"{path} holds no direction of saddle's")
                return cls(file.get_tensor("direction"), notes["name"], notes["of"])
        except (SafetensorError, KeyError, OSError) as error:
            raise Mistake(f"{path} holds no direction: {type(error).__name__}") from None


def check_class(name: str, classes: Sequence[str]) -> None:
    """Mistake for a class that there is not."""
    known = f"there are {', '.join(list(classes)[:SHOWN_CLASSES])}"
    require(name in classes, f"there is no class {name}{did_you_mean(name, classes, otherwise=known)}")


def check_sides(plus: Sequence[str], minus: Sequence[str]) -> None:
    """Mistake for a class on both sides, where it is nothing."""
    both = [name for name in plus if name in minus]
    require(not both, f"there should be both more and less of {', '.join(both)}; name it on one side alone")


def mean_difference(codes: Tensor, labels: Tensor, classes: Sequence[str], plus: Sequence[str], minus: Sequence[str],
                    of: str = "") -> Direction:  # fmt: skip
    """The means of the codes (n, ...) of all classes in `plus`, added up, less those in `minus`; labels (n,).

    Mistake for a class that there is not, or of which there are fewer than three codes.
    """
    require(bool(plus) or bool(minus), "no class was named that there should be more of, or less; name one of "
            f"{', '.join(classes)} with --plus or --minus")  # fmt: skip

    check_sides(plus, minus)

    def mean(name: str) -> Tensor:
        check_class(name, classes)
        own = codes[labels == list(classes).index(name)]
        require(len(own) >= LEAST, f"there are {len(own)} codes of {name}, but a mean is taken of {LEAST} or more; "
                "raise --codes")  # fmt: skip
        return own.mean(0)

    whole = codes.mean(0)  # what a class is more than, where nothing stands on the other side
    more = sum((mean(name) for name in plus), 0 * whole) if plus else whole
    less = sum((mean(name) for name in minus), 0 * whole) if minus else whole
    name = "+".join(plus) + "".join(f"-{one}" for one in minus)
    return Direction(more - less, name, of)


def labelled_codes(loaded: LoadedGame, data: Dataset, samples: int, seed: int = 0, cache: Path | None = None,
                   say: Notify = notify_nobody,
                   space: LatentSpace | None = None) -> tuple[Tensor, Tensor, str]:  # fmt: skip
    """Codes (n, ...) with their classes (n,), and where they come from.

    A game with an encoder encodes as many of the data. Any other draws as many samples, out of this `space` of its
    latents or styles, which a classifier trained on the data names; those that it is not sure of are left out.
    """
    classes = class_names(data)
    require(
        len(classes) >= 2,
        f"{data.name} has no classes to tell apart; name a table of them, as --labels FILE.csv:COLUMN",
    )
    require(samples >= 1, f"samples is {samples}, but should be 1 or more")
    if isinstance(loaded.game, Encodes):
        rows = np.random.default_rng(seed).permutation(len(data))[:samples]
        labels = read_labels(data, rows)
        assert labels is not None, "there are classes"
        parts = [loaded.encode(to_images(data, some)) for some in np.array_split(rows, -(-len(rows) // 512))]
        return torch.cat(parts), torch.from_numpy(labels), f"{len(rows)} encoded images of {data.name}"
    space = space or LatentSpace(loaded)
    if not isinstance(data, LabelledImages):
        raise Mistake(f"{data.name} cannot be learned from by a classifier; decode it into the cache (--decode once)")
    classifier = train_classifier(data, cache=cache, say=say)
    latents, told = space.draw(samples, seed), space.labels(samples, seed)
    surely, named = classifier.class_probabilities(space.make_all(latents, told).cpu()).max(1)
    sure = surely > CONFIDENT
    return latents.cpu()[sure], named[sure], f"{int(sure.sum())} samples named by a classifier of {data.name}"


def to_images(data: Dataset, rows: np.ndarray) -> Tensor:
    return to_float_images(data.take(rows, random_words(0, rows), ("image",))["image"])
