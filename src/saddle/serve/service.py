"""What a run does for many at once: which requests it can serve, and the rows of each in passes shared with others."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import require
from ..inference.anomaly import Spread
from ..inference.labels import Label, check_takes_labels
from ..inference.loaded import LoadedGame
from ..inference.normals import Normals, quantile
from ..inference.passes import Passes, Row
from ..inference.scoring import QUANTILE
from ..inference.texts import text_codes
from ..inference.uploads import UploadReader
from ..latent.completion import Completing, Completions, complete
from ..latent.masks import check_hidden, mask_in_words
from ..latent.space import LatentSpace
from ..runs.manifest import Manifest
from ..shape import Text
from ..training.rows import MAX_ROWS
from .abilities import Abilities
from .batcher import Batcher, Ticket
from .limits import Limits
from .wishes import MAX_SEED, Wish, Wishes

SLOW_QUEUE = 8  # completions that may wait: each takes seconds


class Kind(NamedTuple):
    """What rows have in common that may stand in one pass."""

    task: str
    style: tuple[tuple[str, Any], ...] = ()
    size: tuple[int, ...] | None = None  # of the pictures that are sent
    told: object = None  # the form of what rows are for
    seed: int | None = None  # where rows of one seed only may


@dataclass(frozen=True)
class Hole:
    """A picture to be completed."""

    image: Tensor
    hidden: Tensor
    how: Completing
    label: Label | None
    seed: int


class Service:
    """A loaded run at work for many: requests become rows, and rows of all of them share passes.

    `rows` are worked out in each pass, whatever is asked for; None: as many as are worth while. With `normals` scores
    of pictures are compared with theirs. Closing it ends its threads when all that is queued is done.
    """

    def __init__(self, loaded: LoadedGame, manifest: Manifest, limits: Limits = Limits(), rows: int | None = None,
                 normals: Normals | None = None,
                 passed: Callable[[str, int, float], object] = lambda *of: None) -> None:  # fmt: skip
        self.loaded, self.manifest, self.limits, self.normals = loaded, manifest, limits, normals
        self.abilities, self.wishes = Abilities(loaded, rows), Wishes.of(loaded, limits)
        self.quick: Batcher[Kind, Row, Tensor] = Batcher(
            self.work, self.most, limits.queue, limits.seconds, partial(passed, "quick")
        )
        self.slow: Batcher[None, Hole, Completions] = Batcher(
            self.fill, lambda kind: 1, SLOW_QUEUE, limits.seconds, partial(passed, "slow"))  # fmt: skip

    @property
    def lanes(self) -> dict[str, Batcher[Any, Any, Any]]:
        return {"quick": self.quick, "slow": self.slow}

    def work(self, kind: Kind, rows: Sequence[Row]) -> list[Tensor]:
        work = self.abilities.work_of(kind.task, dict(kind.style))
        return Passes(self.loaded, work, self.most(kind)).run(rows)

    def most(self, kind: Kind) -> int:
        return self.abilities.rows_of(kind.task, kind.size)

    def fill(self, kind: None, holes: Sequence[Hole]) -> list[Completions]:
        return [complete(self.loaded, one.image[None], one.hidden, one.how, one.label, one.seed) for one in holes]

    def submit(
        self, task: str, rows: Sequence[Row], style: dict[str, Any], weight: float = 1
    ) -> Ticket[Kind, Row, Tensor]:
        """Rows of one request into the queue; raises QueueFull and Closing."""
        first = rows[0]
        size = None if first.image is None else tuple(first.image.shape)
        told = None if first.told is None else (first.told.shape, first.told.dtype)
        seed = None if self.abilities.passes[task].mixed else first.seed
        return self.quick.submit(Kind(task, tuple(sorted(style.items())), size, told, seed), rows, weight)

    def sample(self, wish: Any, told: Tensor | None, seed: int) -> Ticket[Kind, Row, Tensor]:
        """The rows of samples, for what they are told."""
        rows = [Row(seed, wish.first + i, None, None if told is None else told[i]) for i in range(wish.n)]
        return self.submit("samples", rows, style_of(wish, {"n", "first", "label", "text", "seed"}))

    def class_names(self, told: Tensor | None) -> list[str] | None:
        """The classes that samples are told, if they are made for some that have names."""
        classes = self.loaded.classes
        named = told is not None and bool(classes) and bool(self.loaded.shape.classes) and self.loaded.is_conditional
        return [classes[int(one)] for one in told] if named and told is not None else None

    def told(self, wish: Any, seed: int) -> Tensor | None:
        """What the samples of a request are made for, (n, ...)."""
        loaded, n = self.loaded, wish.n
        require(wish.text is None or wish.label is None, "a text and a label were given; give one")
        if wish.text is not None:
            texts = [wish.text] * n if isinstance(wish.text, str) else wish.text
            require(len(texts) == n, f"{len(texts)} texts were given for {n} samples; give one, or one for each")
            return text_codes(loaded.game, texts, loaded.shape.condition)
        if wish.label is not None:
            check_takes_labels(repr(wish.label), loaded.is_conditional)
            return loaded.conditions(wish.label, None, n)
        if not loaded.shape.classes and not isinstance(loaded.shape.condition, Text):
            return None
        blocks = range(wish.first // MAX_ROWS, (wish.first + n - 1) // MAX_ROWS + 1)
        drawn = torch.cat([some for index in blocks if (some := loaded.draw_labels(seed, index)) is not None])
        return drawn[wish.first % MAX_ROWS :][:n]

    def read(self, task: str, blobs: Sequence[bytes], own_size: bool = False, back: bool = False) -> list[Tensor]:
        """A request's pictures; Mistake for one that cannot be read, and for too many pixels."""
        left, found = self.limits.pixels, []
        for i, blob in enumerate(blobs):
            reader = UploadReader(self.manifest, self.abilities.pictures_of(task, back), left, own_size)
            image, pixels = reader.read(blob, f"picture {i + 1}")
            left = max(1, left - pixels)
            found.append(image)
        return found

    def translate(self, wish: Any, images: Sequence[Tensor], seed: int) -> list[Ticket[Kind, Row, Tensor]]:
        """The rows of translations: pictures of one size together."""
        style = style_of(wish, {"images", "size", "seed"})
        usual = self.abilities.pictures_of("translate")
        tickets: list[Ticket[Kind, Row, Tensor]] = []
        try:
            for i, image in enumerate(images):
                weight = image[0].numel() / (usual.height * usual.width)
                tickets.append(self.submit("translate", [Row(seed, i, image)], style, max(1.0, weight)))
        except Exception:
            for ticket in tickets:
                self.quick.drop(ticket)
            raise
        return tickets

    def score(self, wish: Any, images: Sequence[Tensor], seed: int) -> Ticket[Kind, Row, Tensor]:
        told = self.loaded.conditions(wish.label, None, len(images))
        rows = [Row(seed, i, image, None if told is None else told[i]) for i, image in enumerate(images)]
        return self.submit("score", rows, {})

    def hidden(self, wish: Any, mask: Tensor | None, seed: int) -> Tensor:
        """What is hidden of the pictures of a request, (1, 1, height, width)."""
        height, width = self.loaded.shape[1:3]
        hidden = mask_in_words(wish.mask, height, width, seed) if mask is None else mask
        require(bool(hidden.any()), "the mask hides no pixel, so there is nothing to complete; centre hides some")
        require(not bool(hidden.all()), "the mask hides every pixel, so there is nothing to complete from")
        return check_hidden(hidden, 1, height, width)

    def complete(
        self, wish: Any, images: Sequence[Tensor], hidden: Tensor, seed: int
    ) -> Ticket[None, Hole, Completions]:
        grows = wish.answers <= wish.restarts <= wish.candidates
        require(grows, f"{wish.answers} answers of {wish.restarts} restarts of {wish.candidates} candidates were asked "
                       "for, but of each there are no more than of the next")  # fmt: skip
        how = Completing(wish.steps, wish.restarts, wish.candidates, answers=wish.answers)
        LatentSpace(self.loaded, wish.label)
        if wish.label is not None:
            self.loaded.conditions(wish.label, None, 1)
        holes = [Hole(image, hidden, how, wish.label, seed) for image in images]
        return self.slow.submit(None, holes)

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """What a score is made of, by name."""
        return self.abilities.how.terms(self.loaded.game)

    def describe_scores(self, rows: Sequence[Tensor]) -> dict[str, Any]:
        """Terms of pictures, and beside normal ones a score and whether it is odd: higher is stranger."""
        named = [dict(zip(self.terms, row.tolist(), strict=True)) for row in rows]
        if self.normals is None:
            return {"scores": named}
        spread = Spread.of(self.normals.terms)
        threshold = quantile(self.abilities.how.combine(self.normals.terms, spread), QUANTILE)
        scores = self.abilities.how.combine(torch.stack(list(rows)), spread).tolist()
        found = [{"score": one, "odd": one > threshold} | terms for one, terms in zip(scores, named, strict=True)]
        return {"scores": found, "threshold": threshold, "normals": self.normals.name}

    def close(self) -> None:
        """Take nothing more; what is queued is worked out."""
        for lane in self.lanes.values():
            lane.close()

    @property
    def ready(self) -> bool:
        return all(lane.worker.is_alive() and not lane.closing for lane in self.lanes.values())


def style_of(wish: Wish, own: set[str]) -> dict[str, Any]:
    """The fields that are the game's style and were given."""
    return {name: getattr(wish, name) for name in wish.model_fields_set if name not in own}


def own_seed(wish: Wish) -> int:
    """The seed of a request, drawn where it names none."""
    return secrets.randbelow(MAX_SEED + 1) >> 10 if wish.seed is None else wish.seed
