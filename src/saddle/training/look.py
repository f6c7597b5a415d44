"""A look at the players between two rounds: a few samples and their scores. It leaves no trace in the match."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..batches import Images
from ..core import Clock, Game, Judge, Mistake
from ..data.dataset import Dataset
from ..data.feed import Feed
from ..data.held import held_of
from ..metrics.bins import k_means
from ..metrics.neighbours import nearest
from ..parts import Part, playing
from .engine import mix
from .match import Match

FEWEST = 64  # samples in a look: more only where a batch is larger
COARSE = 8  # pixels of a side at which pictures are compared
CELLS, MAPPED = 64, 1024  # cells that the data is cut into, and real samples that tell where
HELD = 16  # of those samples at least in a cell, on average
CLOSE = 0.1  # of the usual distance to the nearest real: nearer than chance brings two samples
DARK = -1 + 1 / 127.5  # below it lies only the lowest of 256 greys


class Sight(NamedTuple):
    """What one look saw; the last four are None where the game has no critic, or nothing is held out."""

    diversity: float  # mean distance between two fakes, over that between two reals
    twins: float  # share of fakes with another fake closer than `CLOSE`
    distance: float  # of a fake from the nearest real, over that of a real from the nearest other: medians
    saturated: float | None  # share of what the data leaves grey that is black, or white; None for points
    cells: tuple[int, ...]  # fakes in each cell of the data
    shares: tuple[float, ...]  # the reals' shares of the same cells
    ranking: float | None = None  # share of pairs in which a real is scored above a fake: 0.5 tells nothing apart
    gap: float | None = None  # between the mean scores of reals and fakes
    recall: float | None = None  # share of pairs in which a training sample is scored above one held out


@runtime_checkable
class Judging(Protocol):
    """A game with a critic of samples."""

    def judge(self, batch: Images, clock: Clock) -> Judge: ...


def visible(game: Game[Any]) -> bool:
    """Does it make samples out of chance alone?"""
    return type(game).sample is not Game.sample


def size(batch: int) -> int:
    """Samples in a look: whole batches, from which packs and groups can be cut."""
    return batch * max(1, FEWEST // batch)


class Looker:
    """Looks at a match in one of its stages. What is drawn depends on the seed and the round alone."""

    def __init__(self, match: Match[Any]) -> None:
        self.match, self.stage, self.held = match, match.stage, held_of(match.data)
        self.count = size(match.stage.batch)
        reals = self.feed(match.data, MAPPED, -3).image
        self.map = coarse(reals)
        self.centres = k_means(self.map, min(CELLS, max(1, len(self.map) // HELD)))
        own = counts(self.map, self.centres)
        self.shares = tuple(round(n / len(self.map), 4) for n in own)
        few = self.map[: self.count]
        self.spread = torch.pdist(few).mean().clamp(min=1e-12)
        self.near = between(few, few).fill_diagonal_(torch.inf).amin(1).median()
        self.usual = between(few, self.map).topk(2, largest=False).values[:, 1].median().clamp(min=1e-12)
        self.ends = ends(reals)

    def feed(self, data: Dataset, n: int, *words: int) -> Images:
        seed, device = mix(self.match.how.seed, *words), self.match.machine.device
        return next(Feed(data, min(n, len(data)), seed, device, shape=self.stage.data))

    def look(self) -> Sight | None:
        """What is there now: the players as they train, in the mode in which they meet; None of what is no number."""
        match, words = self.match, (-4, self.match.clock.round)
        dice = torch.Generator(match.machine.device).manual_seed(mix(match.how.seed, *words))
        cuda = [match.machine.device] if match.machine.device.type == "cuda" else []
        real = self.feed(match.data, self.count, *words)
        with torch.random.fork_rng(cuda), unmoved(match.game), playing(Part(dice=dice)), match.engine.autocast:
            torch.manual_seed(mix(match.how.seed, *words))
            fake = match.game.sample(real.image, real.condition).float()
            return self.scores(self.samples(fake), real, fake) if fake.isfinite().all() else None

    def samples(self, fake: Tensor) -> Sight:
        flat = coarse(fake)
        apart = between(flat, flat).fill_diagonal_(torch.inf).amin(1)
        far = between(flat, self.map).amin(1).median() / self.usual
        grey = [max(0.0, (now - data) / max(1 - data, 1e-6)) for now, data in zip(ends(fake), self.ends, strict=True)]
        return Sight(
            diversity=float(torch.pdist(flat).mean() / self.spread), twins=share(apart < CLOSE * self.near),
            distance=float(far), saturated=None if self.match.data.shape.points else max(grey),
            cells=counts(flat, self.centres), shares=self.shares)  # fmt: skip

    def scores(self, sight: Sight, real: Images, fake: Tensor) -> Sight:
        """The same with what the critic says, if there is one."""
        if not isinstance(self.match.game, Judging):
            return sight
        judge, clock = self.match.game.judge, self.match.clock
        try:
            ours, theirs = (single(judge(real, clock)(x).score) for x in (real.image, fake))
        except Mistake:  # a critic that compares pictures has no score for one alone
            return sight
        sight = sight._replace(ranking=above(ours, theirs), gap=float((ours.mean() - theirs.mean()).abs()))
        if self.held is None:
            return sight
        held = self.feed(self.held, self.count, -4, clock.round)
        return sight._replace(recall=above(ours, single(judge(held, clock)(held.image).score)))


@contextmanager
def unmoved(game: nn.Module) -> Iterator[None]:
    """Networks run in here without gradients, and all they keep of it is undone: running means, spectral vectors."""
    kept = [(module, name, buffer, buffer.clone())
            for module in game.modules() for name, buffer in module._buffers.items() if buffer is not None]  # fmt: skip
    try:
        with torch.no_grad():
            yield
    finally:
        for module, name, buffer, value in kept:
            module._buffers[name] = buffer
            buffer.detach().copy_(value)


def coarse(image: Tensor) -> Tensor:
    """Rows to compare samples by, (n, d) on the processor: pictures of at most `COARSE` pixels a side, or points."""
    small = F.adaptive_avg_pool2d(image, COARSE) if min(image.shape[2:]) > COARSE else image
    return small.float().flatten(1).cpu()


def between(a: Tensor, b: Tensor) -> Tensor:
    """Distances, (len(a), len(b)), exact for neighbours too."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def counts(rows: Tensor, centres: Tensor) -> tuple[int, ...]:
    return tuple(torch.bincount(nearest(rows, centres).which[:, 0].cpu(), minlength=len(centres)).tolist())


def ends(image: Tensor) -> tuple[float, float]:
    """The shares of black and of white."""
    return share(image < DARK), share(image > -DARK)


def share(flags: Tensor) -> float:
    return float(flags.float().mean())


def single(score: Tensor) -> Tensor:
    """One score for each sample, or pack: the mean of a map of patches."""
    return score.reshape(len(score), -1).float().mean(1)


def above(ours: Tensor, theirs: Tensor) -> float:
    """The share of pairs in which the first is higher, ties by half: the area under a ROC curve."""
    difference = ours[:, None] - theirs[None]
    return float((difference.sign().mean() + 1) / 2)
