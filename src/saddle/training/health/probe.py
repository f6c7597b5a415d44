"""A look at the players between two rounds: a few samples and their scores. It leaves no trace in the match."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...batches import Batch, condition_of, real_samples
from ...capabilities import Judges, Makes, Translates, is_picture, make_from, per_sample_score
from ...data.dataset import Dataset
from ...data.feed import Feed
from ...data.held_out import held_out_of
from ...data.streams import most_in_batch
from ...devices import fork_chance
from ...metrics.bins import k_means
from ...metrics.neighbours import nearest_neighbours
from ...parts import Shard, use_shard
from ..engine import derive_seed
from ..machine import world_size
from ..match import Match
from ..rows import rows_at_once

MIN_PROBE_SAMPLES = 64  # samples in a look: more only where a batch is larger
COARSE_SIDE = 8  # pixels of a side at which pictures are compared
MAX_CLUSTERS, REFERENCE_SAMPLES = 64, 1024  # cells that the data is cut into, and real samples that tell where
MIN_CLUSTER_SIZE = 16  # of those samples at least in a cell, on average
DUPLICATE_DISTANCE = 0.1  # of the usual distance to the nearest real: nearer than chance brings two samples
BLACK_LEVEL = -1 + 1 / 127.5  # below it lies only the lowest of 256 greys


class Snapshot(NamedTuple):
    """What one look saw; what is None cannot be seen: without a critic, samples held out, pictures to translate."""

    diversity: float  # mean distance between two fakes, over that between two reals
    duplicates: float  # share of fakes with another fake closer than `DUPLICATE_DISTANCE`
    distance: float  # of a fake from the nearest real, over that of a real from the nearest other: medians
    saturated: float | None  # share of what the data leaves grey that is black, or white; None for points
    clusters: tuple[int, ...]  # fakes in each cell of the data
    shares: tuple[float, ...]  # the reals' shares of the same cells
    ranking: float | None = None  # share of pairs in which a real is scored above a fake: 0.5 tells nothing apart
    gap: float | None = None  # between the mean scores of reals and fakes
    recall: float | None = None  # share of pairs in which a training sample is scored above one held out
    copied: float | None = None  # of a translation from its source, over that of a target: mean differences of greys
    negative: float | None = None  # distance of translations' negatives from the data, over that of translations


def probe_size(batch: int) -> int:
    """Samples in a look: whole batches, from which packs and groups can be cut."""
    return batch * max(1, MIN_PROBE_SAMPLES // batch)


class ProbeBatch(NamedTuple):
    """What is kept of a few samples: no picture of full size."""

    rows: Tensor  # coarse
    extremes: tuple[float, float]
    real: Tensor | None = None  # scores, where there is a critic that gives some
    fake: Tensor | None = None
    moved: tuple[float, float] | None = None  # how far translations, and targets, are from their sources


class Probe:
    """Looks at a match in one of its stages, at no more samples at once than it is trained on.

    What is drawn depends on the seed and the round alone.
    """

    def __init__(self, match: Match[Any]) -> None:
        assert isinstance(match.game, Makes), "there are samples to be looked at"
        self.game: Makes = match.game
        self.match, self.stage, self.held = match, match.stage, held_out_of(match.data)
        self.count = probe_size(match.stage.batch)
        self.rows = max(1, match.stage.batch // (match.options.accumulate * world_size()))
        few = rows_at_once(match.stage.data, match.machine.device)
        self.map, self.extremes = coarse_reference(
            self.feed(match.data, REFERENCE_SAMPLES, few, -3), min(REFERENCE_SAMPLES, self.most(match.data))
        )
        self.centres = k_means(self.map, min(MAX_CLUSTERS, max(1, len(self.map) // MIN_CLUSTER_SIZE)))
        own = cluster_counts(self.map, self.centres)
        self.shares = tuple(round(n / len(self.map), 4) for n in own)
        first = self.map[: self.count]
        self.spread = torch.pdist(first).mean().clamp(min=1e-12)
        self.near = pairwise_distances(first, first).fill_diagonal_(torch.inf).amin(1).median()
        self.usual = pairwise_distances(first, self.map).topk(2, largest=False).values[:, 1].median().clamp(min=1e-12)

    def most(self, data: Dataset) -> int:
        return most_in_batch(data, self.match.batch_type)

    def feed(self, data: Dataset, n: int, rows: int, *words: int) -> Iterator[Batch]:
        """Of at most `n` samples so many rows at once, as they are needed."""
        seed, device = derive_seed(self.match.options.seed, *words), self.match.machine.device
        feed = Feed(data, self.match.batch_type, min(n, self.most(data)), seed, device, shape=self.stage.data)
        return (feed.batch_at(np.arange(place, min(place + rows, feed.batch))) for place in range(0, feed.batch, rows))

    def take_snapshot(self) -> Snapshot | None:
        """What is there now: the players as they train, in the mode in which they meet; None of what is no number."""
        match, words = self.match, (-4, self.match.clock.round)
        parts = min(self.count, self.most(match.data)) // self.rows  # whole ones: `draw` gives each rows of its own
        with fork_chance(match.machine.device), preserved_buffers(match.game), match.engine.autocast:
            torch.manual_seed(derive_seed(match.options.seed, *words))
            seen: list[ProbeBatch] = []
            for i, real in enumerate(self.feed(match.data, parts * self.rows, self.rows, *words)):
                dice = torch.Generator(match.machine.device).manual_seed(derive_seed(match.options.seed, *words))
                with use_shard(Shard(i, parts, dice)):
                    fake = make_from(self.game, real_samples(real), condition_of(real))
                    if fake is None or not (fake := fake.float()).isfinite().all():
                        return None
                    ours, theirs = self.scores(real, fake)
                    moved = self.moved_from_source(real, fake)
                    seen.append(ProbeBatch(coarse_rows(fake), find_extremes(fake), ours, theirs, moved))
            return self.make_snapshot(seen, self.held_out_scores() if self.held else None)

    def scores(self, real: Batch, fake: Tensor) -> tuple[Tensor, Tensor] | tuple[None, None]:
        """Of reals and fakes, where there is a critic that has a score for one picture alone."""
        if not isinstance(self.game, Judges):
            return None, None
        judge = self.game.judge(condition_of(real), self.match.clock)
        return per_sample_score(judge(real_samples(real)).score), per_sample_score(judge(fake).score)

    def moved_from_source(self, real: Batch, fake: Tensor) -> tuple[float, float] | None:
        """Of translations, and of targets, the mean difference of greys from their sources, where the sizes agree."""
        source = condition_of(real)
        if not (isinstance(self.game, Translates) and is_picture(source) and source.shape[2:] == fake.shape[2:]):
            return None
        before, *after = (pictures.float().mean(1) for pictures in (source, fake, real_samples(real)))
        made, target = (float((grey - before).abs().mean()) for grey in after)
        return made, target

    def held_out_scores(self) -> Tensor | None:
        """Scores of samples that the critic was not trained on, in the mode and the numbers in which it is."""
        assert self.held is not None
        words = (-4, self.match.clock.round)
        parts = max(1, min(self.count, self.most(self.held)) // self.rows)
        found = []
        for i, held in enumerate(self.feed(self.held, parts * self.rows, self.rows, *words)):
            dice = torch.Generator(self.match.machine.device).manual_seed(
                derive_seed(self.match.options.seed, *words, 1)
            )
            with use_shard(Shard(i, parts, dice)):
                found.append(self.scores(held, real_samples(held))[1])
        scores = [some for some in found if some is not None]
        return torch.cat(scores) if scores else None

    def make_snapshot(self, seen: list[ProbeBatch], held: Tensor | None = None) -> Snapshot:
        """All that was seen of the fakes, beside the data; and what the critic says, if there is one."""
        flat = torch.cat([some.rows for some in seen])
        apart = pairwise_distances(flat, flat).fill_diagonal_(torch.inf).amin(1)
        far = pairwise_distances(flat, self.map).amin(1).median() / self.usual
        now = mean_extremes(seen)
        grey = [max(0.0, (made - data) / max(1 - data, 1e-6)) for made, data in zip(now, self.extremes, strict=True)]
        sight = Snapshot(
            diversity=float(torch.pdist(flat).mean() / self.spread),
            duplicates=fraction_true(apart < DUPLICATE_DISTANCE * self.near),
            distance=float(far), saturated=None if self.match.shape.points else max(grey),
            clusters=cluster_counts(flat, self.centres), shares=self.shares)  # fmt: skip
        moves = [some.moved for some in seen if some.moved is not None]
        if moves:
            made, target = map(sum, zip(*moves, strict=True))
            negatives = pairwise_distances(-flat, self.map).amin(1).median() / self.usual
            sight = sight._replace(copied=made / max(target, 1e-6), negative=float(negatives / far.clamp(min=1e-6)))
        ours = [some.real for some in seen if some.real is not None]
        theirs = [some.fake for some in seen if some.fake is not None]
        if not (ours and theirs):
            return sight
        real, fake = torch.cat(ours), torch.cat(theirs)
        recall = None if held is None else roc_auc(real, held)
        gap = float((real.mean() - fake.mean()).abs())
        return sight._replace(ranking=roc_auc(real, fake), gap=gap, recall=recall)


@contextmanager
def preserved_buffers(game: nn.Module) -> Iterator[None]:
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


def coarse_reference(feed: Iterator[Batch], n: int) -> tuple[Tensor, tuple[float, float]]:
    """The coarse rows of `n` samples, and their shares of black and of white.

    The rows go into one piece of memory that is there before: little ones, kept between pictures that go, would leave
    holes into which no picture fits.
    """
    rows, place, black, white = torch.empty(0), 0, 0.0, 0.0
    for some in feed:
        image = real_samples(some)
        few, (dark, light) = coarse_rows(image), find_extremes(image)
        rows = rows if len(rows) else few.new_empty(n, few.shape[1])
        rows[place : place + len(few)] = few
        place, black, white = place + len(few), black + dark * len(few), white + light * len(few)
    return rows, (black / n, white / n)


def coarse_rows(image: Tensor) -> Tensor:
    """Rows to compare samples by, (n, d) on the processor: pictures of `COARSE_SIDE` pixels a side, or points."""
    small = F.adaptive_avg_pool2d(image, COARSE_SIDE) if min(image.shape[2:]) > COARSE_SIDE else image
    return small.float().flatten(1).cpu()


def pairwise_distances(a: Tensor, b: Tensor) -> Tensor:
    """Distances, (len(a), len(b)), exact for neighbours too."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def cluster_counts(rows: Tensor, centres: Tensor) -> tuple[int, ...]:
    return tuple(torch.bincount(nearest_neighbours(rows, centres).which[:, 0].cpu(), minlength=len(centres)).tolist())


def find_extremes(image: Tensor) -> tuple[float, float]:
    """The shares of black and of white."""
    return fraction_true(image < BLACK_LEVEL), fraction_true(image > -BLACK_LEVEL)


def mean_extremes(seen: list[ProbeBatch]) -> tuple[float, float]:
    """The shares of black and of white among all of these."""
    n = sum(len(some.rows) for some in seen)
    black, white = (sum(some.extremes[end] * len(some.rows) for some in seen) / n for end in (0, 1))
    return black, white


def fraction_true(flags: Tensor) -> float:
    return float(flags.float().mean())


def roc_auc(ours: Tensor, theirs: Tensor) -> float:
    """The share of pairs in which the first is higher, ties by half: the area under a ROC curve."""
    difference = ours[:, None] - theirs[None]
    return float((difference.sign().mean() + 1) / 2)
