"""Figures of a match that is being played: its reference is read before it begins, and nothing of the match changes."""

from __future__ import annotations

from typing import Any

import torch

from ..batches import Images, condition_of, real_samples
from ..capabilities import Contests, generate
from ..clock import Clock
from ..data.dataset import Dataset
from ..data.feed import Feed
from ..data.held_out import held_out_of
from ..data.streams import most_in_batch
from ..metrics.estimates import mean_estimate, student_t_quantile
from ..metrics.figures import Figure, Protocol
from ..notices import Notify
from ..parts import Shard, use_shard
from ..runs.settings import Settings
from ..training.ema import eval_no_grad
from ..training.engine import derive_seed
from ..training.match import Match
from .evaluation import DEFAULT_REFERENCES, Evaluation, preflight
from .extractors import Extractors
from .inputs import SampleInfo, check_memory
from .makers import GeneratorHandle, knows_targets, sample_maker
from .metric_table import parse_metric_names
from .shared_sampling import as_loaded, as_measured, can_share, shared_chunks

HELD_OUT_BATCHES = 16  # of held-out data


class TrainingEvaluator:
    """The figures that `--measure` names, of samples that are always made from the same latents."""

    def __init__(self, name: str, data: Dataset, settings: Settings, device: torch.device, say: Notify,
                 kind: type[Any] = Images) -> None:  # fmt: skip
        assert settings.measure is not None, "there is nothing to measure"
        self.name, self.data, self.samples, self.say = name, data, settings.samples, notify_once(say)
        check_memory(self.samples, data.shape, "--samples")
        self.names = parse_metric_names(settings.measure)
        self.extractors = Extractors(data, settings.features, device=device, say=self.say)
        made, real = SampleInfo(name, data.shape, self.samples), SampleInfo.of(data, DEFAULT_REFERENCES)
        preflight(
            self.names, self.extractors, made, real, True, knows_targets(data, kind)
        )  # trains or loads what would otherwise wait

    def __call__(self, match: Match[Any]) -> list[Figure]:
        """With the averaged weights, if there are any."""
        with as_measured(match):
            maker = sample_maker(self.name, as_loaded(match, self.data), self.data, self.say)
            real = maker.reference or self.data
            if isinstance(maker, GeneratorHandle) and can_share(maker):
                with shared_chunks(maker.loaded, self.samples, 0) as chunks:
                    made = maker.samples(self.samples, 0, chunks)
            else:
                made = maker.samples(self.samples, 0)
            bench = Evaluation(made, real, self.extractors, maker=maker, say=self.say)
            return [*bench.figures(self.names), *held_out_divergence(match, maker.weights)]


def notify_once(say: Notify) -> Notify:
    """Says each sentence only the first time: what is true of one measurement of a run is true of all."""
    heard: set[str] = set()

    def saying(sentence: str) -> None:
        if sentence not in heard:
            heard.add(sentence)
            say(sentence)

    return saying


def held_out_divergence(match: Match[Any], weights: str) -> list[Figure]:
    """The divergence that the critic sees, on data that it has never seen, if some were held out: a figure, or none.

    It is what the critic's objective gains: of a Wasserstein critic its estimate of the distance, of a logistic one a
    lower bound on twice the Jensen-Shannon divergence less log 4. Above that on training data, the critic overfits.
    """
    game, held = match.game, held_out_of(match.data)
    if held is None or not isinstance(game, Contests):
        return []
    most = most_in_batch(held, match.batch_type)
    batch = min(match.stage.batch, most)
    count = max(1, min(HELD_OUT_BATCHES, most // batch))
    feed = Feed(held, match.batch_type, batch, 0, match.machine.device, shape=match.stage.data)
    dice = torch.Generator(match.machine.device).manual_seed(derive_seed(0, match.clock.round))
    with eval_no_grad(match.game), use_shard(Shard(rng=dice)):
        gains = [critic_gain(game, match.clock, next(feed)) for _ in range(count)]
    found = mean_estimate(torch.stack(gains))
    reach = 0.0 if found.error is None else student_t_quantile(found.n - 1) * found.error
    protocol = Protocol(samples=count * batch, reference=f"{match.data.name}, held out", references=count * batch,
                        fingerprint=match.data.fingerprint, generator=weights)  # fmt: skip
    title = f"critic's gain on held-out data ({type(game.objective).__name__})"
    return [Figure("divergence", title, found.value, found.value - reach, found.value + reach, "neither", protocol)]


def critic_gain(game: Contests, clock: Clock, batch: Any) -> torch.Tensor:
    judge = game.judge(condition_of(batch), clock)
    real, fake = judge(real_samples(batch)), judge(generate(game, real_samples(batch), condition_of(batch)))
    return -game.objective.critic(real.score, fake.score).float()
