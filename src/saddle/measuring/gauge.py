"""Figures of a match that is being played: its reference is read before it begins, and nothing of the match changes."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from ..core import Mistake
from ..data.dataset import Dataset
from ..data.feed import Feed
from ..data.held import held_of
from ..inference.load import Loaded
from ..metrics.estimates import mean_of, student
from ..metrics.figures import Figure, Protocol
from ..parts import Part, playing
from ..runs.settings import Settings
from ..training.average import evaluating, resting
from ..training.engine import mix
from ..training.look import Judging
from ..training.match import Match
from .bench import DATA, Bench
from .eyes import Eyes, Say
from .foreseen import foresee
from .maker import Maker
from .named import chosen
from .sides import Known, room

BATCHES = 16  # of held-out data


class Gauge:
    """The figures that `--measure` names, of samples that are always made from the same latents."""

    def __init__(self, name: str, data: Dataset, settings: Settings, device: torch.device, say: Say) -> None:
        assert settings.measure is not None, "there is nothing to measure"
        self.name, self.data, self.samples, self.say = name, data, settings.samples, once(say)
        room(self.samples, data.shape, "--samples")
        self.names = chosen(settings.measure)
        self.eyes = Eyes(data, settings.features, device=device, say=self.say)
        made, real = Known(name, data.shape, self.samples), Known.of(data, DATA)
        foresee(self.names, self.eyes, made, real, generator=True)  # trains or loads what would otherwise wait

    def __call__(self, match: Match[Any]) -> list[Figure]:
        """With the averaged weights, if there are any."""
        cuda = [match.machine.device] if match.machine.device.type == "cuda" else []
        worn = match.average.worn() if match.average else nullcontext()
        with torch.random.fork_rng(cuda), evaluating(match.game), worn:
            torch.manual_seed(0)
            maker = Maker(self.name, self.loaded(match))
            bench = Bench(maker.samples(self.samples, 0), self.data, self.eyes, maker=maker, say=self.say)
            return [*bench.figures(self.names), *held_out(match, maker.weights)]

    def loaded(self, match: Match[Any]) -> Loaded:
        data = self.data
        counts = [] if data.labels is None else np.bincount(data.labels, minlength=len(data.classes)).tolist()
        if match.stage.data != data.shape:
            raise Mistake(f"the game plays at {match.stage.data} just now, and is measured at {data.shape} only")
        return Loaded(match.game, data.shape, data.classes, match.machine.device, counts, match.clock,
                      match.average is not None, max(1, match.recipe.batch // match.how.accumulate))  # fmt: skip


def once(say: Say) -> Say:
    """Says each sentence only the first time: what is true of one measurement of a run is true of all."""
    heard: set[str] = set()

    def saying(sentence: str) -> None:
        if sentence not in heard:
            heard.add(sentence)
            say(sentence)

    return saying


def held_out(match: Match[Any], weights: str) -> list[Figure]:
    """The divergence that the critic sees, on data that it has never seen, if some were held out: a figure, or none.

    It is what the critic's objective gains: of a Wasserstein critic its estimate of the distance, of a logistic one a
    lower bound on twice the Jensen-Shannon divergence less log 4. Above that on training data, the critic overfits.
    """
    game, held = match.game, held_of(match.data)
    if held is None or not (isinstance(game, Judging) and hasattr(game, "objective")):
        return []
    batch = min(match.stage.batch, len(held))
    count = max(1, min(BATCHES, len(held) // batch))
    feed = Feed(held, batch, 0, match.machine.device, shape=match.stage.data)
    dice = torch.Generator(match.machine.device).manual_seed(mix(0, match.clock.round))
    with resting(match.game), playing(Part(dice=dice)):
        gains = [gain(match, next(feed)) for _ in range(count)]
    found = mean_of(torch.stack(gains))
    reach = 0.0 if found.error is None else student(found.n - 1) * found.error
    protocol = Protocol(samples=count * batch, reference=f"{match.data.name}, held out", references=count * batch,
                        fingerprint=match.data.fingerprint, generator=weights)  # fmt: skip
    title = f"critic's gain on held-out data ({type(game.objective).__name__})"
    return [Figure("divergence", title, found.value, found.value - reach, found.value + reach, "neither", protocol)]


def gain(match: Match[Any], batch: Any) -> torch.Tensor:
    judge = match.game.judge(batch, match.clock)
    real, fake = judge(batch.image), judge(match.game.sample(batch.image, batch.condition))
    loss: torch.Tensor = match.game.objective.critic(real.score, fake.score)
    return -loss.float()
