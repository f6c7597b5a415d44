"""Rows of several requests in one pass of a game, to the same bits whatever stands beside them.

The bits of a row hang on how many rows are computed at once, for libraries choose other ways of adding up for other
numbers of them, but not on which of them it is nor on the others. So all passes are of one number of rows: what is
missing is filled up. What is drawn comes of each row's own seed and place, as in `LoadedGame.sample`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ..capabilities import Generates, Translates, check_style, generate, side_multiple
from ..out_of_memory import catch_out_of_memory
from ..parts import UnmixableRows
from ..recipes.capable import ask
from ..training.rows import MAX_ROWS
from .anomaly import AnomalyScore, term_work
from .chance import Rows, mixed_chance
from .loaded import LoadedGame
from .translating import reflect_to_multiples

Work = Callable[[Tensor, Tensor | None], Tensor]  # of images, or of as many empty ones as samples are wanted
WORK_PER_PASS = {"cpu": 1e9, "cuda": 1e12, "mps": 1e12}  # operations: beyond them more rows at once are hardly faster


@dataclass(frozen=True)
class Row:
    """One row of a request: its seed, its place among those of the seed, and what it is made of and for."""

    seed: int
    place: int
    image: Tensor | None = None  # (channels, height, width) in [-1, 1]; None for a sample
    told: Tensor | None = None  # a label, or a condition


@dataclass(frozen=True)
class Passes:
    """How rows are worked out: by this work, so many at once."""

    loaded: LoadedGame
    work: Work
    rows: int  # of every pass
    mixed: bool = True  # may rows of several seeds stand in one pass?

    @catch_out_of_memory()
    def run(self, some: Sequence[Row]) -> list[Tensor]:
        """The answer for each of at most `rows` rows, on the processor; their images and conditions are of one shape.

        Missing rows are samples of the last one's seed, so that a pass of one seed stays so.
        """
        assert 0 < len(some) <= self.rows, "whoever asks takes no more than there is room for"
        missing = self.rows - len(some)
        last, shape = some[-1], self.loaded.shape[:3]
        given = [torch.zeros(shape) if row.image is None else row.image for row in (*some, *[last] * missing)]
        told = None if last.told is None else torch.stack([row.told for row in (*some, *[last] * missing)])  # type: ignore[misc]
        several = joined(some) + ([Rows(last.seed, 0, missing)] if missing else [])
        device = self.loaded.device
        images = torch.stack(given).to(device)
        with mixed_chance(device, several):
            made = self.work(images, None if told is None else told.to(device))
        return list(made[: len(some)].cpu().clone())


def joined(some: Sequence[Row]) -> list[Rows]:
    """Rows that follow each other in one block of a seed, together."""
    found: list[Rows] = []
    for row in some:
        before = found[-1] if found else None
        if before and (before.seed, before.place + before.n) == (row.seed, row.place) and row.place % MAX_ROWS:
            found[-1] = before._replace(n=before.n + 1)
        else:
            found.append(Rows(row.seed, row.place, 1))
    return found


def sampling(loaded: LoadedGame, **style: Any) -> Work:
    """Makes samples."""
    game = loaded.maker
    check_style(game, Generates, style)

    def work(like: Tensor, told: Tensor | None) -> Tensor:
        return generate(game, like, told, **style).float()

    return work


def translating(loaded: LoadedGame, style: Mapping[str, object] = {}) -> Work:
    """Translates images of any height and width, as `translate_any_size` does."""
    translate, multiple = ask(loaded.game, Translates, style), side_multiple(loaded.game)

    def work(images: Tensor, told: Tensor | None) -> Tensor:
        height, width = images.shape[2:]
        made: Tensor = translate(reflect_to_multiples(images, multiple), told)
        return made[..., :height, :width].float()

    return work


def scoring(loaded: LoadedGame, how: AnomalyScore = AnomalyScore()) -> Work:
    """Works out the terms of images' anomaly scores, (n, terms) float64."""
    return term_work(loaded, how, seed=0)


def fitting_passes(loaded: LoadedGame, work: Work, like: Row, rows: int | None = None) -> Passes:
    """Passes of so many rows as is worth while for rows as this one, or of `rows`: one, where bits are not kept.

    The number is a function of the networks and the device alone, so that all processes that serve a run answer to the
    same bits. What is tried is that rows come to the same bits at other places, beside others of other seeds.
    """
    chosen = rows or worthwhile_rows(loaded, Passes(loaded, work, 1), like)
    for mixed in (True, False):
        passes = Passes(loaded, work, chosen, mixed)
        try:
            if chosen == 1 or keeps_bits(passes, like):
                return passes
        except UnmixableRows:
            continue
        break
    return Passes(loaded, work, 1)


def worthwhile_rows(loaded: LoadedGame, passes: Passes, like: Row) -> int:
    """A power of two, at most as many as `LoadedGame.sample` makes at once."""
    with FlopCounterMode(display=False) as counter:
        passes.run([like])
    most = min(loaded.rows, WORK_PER_PASS[loaded.device.type] // max(1, counter.get_total_flops()))
    return int(1 << max(1, int(most)).bit_length() - 1)


def keeps_bits(passes: Passes, like: Row) -> bool:
    """Do rows come to the same bits alone, last, and in the other order?"""
    many = passes.rows
    wanted = [partial(Row, 7 if not passes.mixed else i % 3, i)(noisy(like.image, i), like.told) for i in range(many)]
    whole, turned = passes.run(wanted), passes.run(wanted[::-1])[::-1]
    alone = passes.run(wanted[-1:])
    return all(map(torch.equal, whole, turned)) and torch.equal(alone[0], whole[-1])


def noisy(image: Tensor | None, seed: int) -> Tensor | None:
    """An image of noise, of this one's shape."""
    if image is None:
        return None
    return 2 * torch.rand(image.shape, generator=torch.Generator().manual_seed(seed)) - 1
