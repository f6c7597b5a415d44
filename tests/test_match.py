"""Stages, the averaged generator, and the arithmetic that a run's length rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

from saddle.averaging import HalfLife
from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Turn
from saddle.data.array_dataset import ArrayDataset
from saddle.games import Adversarial
from saddle.optim import Adam, Cosine, Exponential, Linear, Ramp
from saddle.recipe import Paper, Recipe, Stage
from saddle.shape import Shape
from saddle.training.ema import EMA, eval_no_grad
from saddle.training.machine import Machine
from saddle.training.match import Match, MatchOptions
from toys import Critic, Maker

CPU = Machine(torch.device("cpu"), torch.float32, "")
SIDE = 8


def data(n: int = 40) -> ArrayDataset:
    pixels = np.random.default_rng(0).integers(0, 256, (n, SIDE, SIDE, 1), dtype=np.uint8)
    return ArrayDataset("noise", pixels, fingerprint="0")


class Seen(Adversarial):
    """Remembers the shapes that it was shown, and plays with four pixels a side whatever they are."""

    def __init__(self) -> None:
        super().__init__(Maker(), Critic(), 4)
        self.seen: list[tuple[int, ...]] = []

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        return super().round(map(self.small, batches), clock)

    def small(self, batch: Images) -> Images:
        self.seen.append(tuple(batch.image.shape))
        return Images(adaptive_avg_pool2d(batch.image, 4), batch.condition)


@dataclass(frozen=True)
class Growing(Recipe[Images]):
    """Two stages: 4 pixels in batches of 8 up to 40 images, then 8 pixels in batches of 4."""

    paper = Paper("us", 2026, arxiv="")
    batch: int = 8

    def game(self, data: Shape) -> Adversarial:
        return Seen()

    def steps(self, player: str) -> Adam:
        return Adam(1e-2)

    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        return Stage(40, data._replace(height=4, width=4), 8), Stage(images, data, 4)


def test_each_stage_has_its_size_its_batch_and_fresh_optimizers():
    match = Match(Growing(), data(), 60, CPU)
    seen, steps = [], []
    while not match.over:
        match.play()
        seen.append((match.clock.images, match.game.seen[-1]))
        state = next(iter(match.engine.optimizers.values())).state_dict()["state"]
        steps.append(int(state[0]["step"]) if state else 0)
    assert seen == [(8 * i, (8, 1, 4, 4)) for i in range(1, 6)] + [(40 + 4 * i, (4, 1, 8, 8)) for i in range(1, 6)]
    assert steps == [1, 2, 3, 4, 0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("stop", [16, 40, 48])
def test_a_match_is_restored_in_any_stage(stop: int):
    whole, halted, again = (Match(Growing(), data(), 60, CPU, MatchOptions(ema=30)) for _ in range(3))
    while not whole.over:
        whole.play()
    while halted.clock.images < stop:
        halted.play()
    tensors, facts = halted.state()
    again.restore({key: t.clone() for key, t in tensors.items()}, facts)
    while not again.over:
        again.play()
    for key, value in whole.state()[0].items():
        assert torch.equal(value, again.state()[0][key]), key


def test_a_small_stage_shows_the_mean_of_what_it_leaves_out():
    match = Match(Growing(), data(), 60, CPU)
    small = next(match.feeds[0]).image
    match.feeds[0].position, match.feeds[0].shape = 0, match.data.shape
    whole = next(match.feeds[0]).image
    torch.testing.assert_close(small, adaptive_avg_pool2d(whole, 4))


def test_the_average_has_the_half_life_it_says():
    """After one half-life under constant weights, half of the way is gone; with the ramp, by the closed form."""
    game = Adversarial(Maker(), Critic(), 4)
    average = EMA(game, HalfLife(1000, ramp=None))
    start = {key: t.clone() for key, t in average.mean.items()}
    with torch.no_grad():
        for p in game.generator.parameters():
            p.add_(1.0)
    for i in range(10):
        average.update(100, Clock(images=100 * (i + 1)))
    for key, mean in average.mean.items():
        torch.testing.assert_close(mean, start[key] + 0.5)
    assert not any(key.startswith("critic") for key in average.mean)

    ramped = EMA(game, HalfLife(1000, ramp=0.05))
    with torch.no_grad():
        for p in game.generator.parameters():
            p.add_(1.0)
    ramped.update(100, Clock(images=4000))  # a half-life of 5 % of 4000 = 200 images: 100 of them leave 0.5 ** 0.5
    for key, mean in ramped.mean.items():
        torch.testing.assert_close(ramped.live[key] - mean, torch.full_like(mean, 0.5**0.5))


def test_wearing_the_average_gives_back_the_very_same_weights():
    game = Adversarial(Maker(), Critic(dropout=0.5), 4)
    average = EMA(game, HalfLife(10))
    with torch.no_grad():
        game.generator[0].weight.zero_()
    places = {key: t.data_ptr() for key, t in game.state_dict().items()}
    with eval_no_grad(game), average.applied():
        assert game.generator[0].weight.abs().sum() > 0 and not game.critic.training and not torch.is_grad_enabled()
    assert {key: t.data_ptr() for key, t in game.state_dict().items()} == places
    assert game.generator[0].weight.abs().sum() == 0 and game.critic.training and torch.is_grad_enabled()


def test_showing_changes_nothing_and_is_always_the_same():
    match = Match(Growing(), data(), 60, CPU)
    match.play()
    before = {key: t.clone() for key, t in match.state()[0].items()}
    torch.manual_seed(5)
    real, chance = torch.zeros(6, 1, 4, 4), torch.random.get_rng_state()
    shown = [match.show(Images(real.clone()))["made"] for _ in range(2)]
    assert torch.equal(*shown) and shown[0].shape == (6, 1, 4, 4)
    assert torch.equal(torch.random.get_rng_state(), chance)
    assert all(torch.equal(t, before[key]) for key, t in match.state()[0].items())


def test_schedules_at_their_ends_and_in_the_middle():
    half = Clock(round=50, images=500, share=0.5)
    assert Linear(1.0, 0.0)(half) == 0.5 and Linear(1.0, 0.0, until=0.25)(half) == 0.0
    assert Cosine(1.0)(half) == pytest.approx(0.5) and Cosine(1.0)(Clock(share=1.0)) == pytest.approx(0.0)
    assert Ramp(0.5, 0.7, 100)(half) == pytest.approx(0.6) and Ramp(0.5, 0.7, 10)(half) == 0.7
    assert Exponential(8.0, 2.0)(Clock(round=3)) == 1.0 and Exponential(8.0, 2.0, floor=3.0)(Clock(round=3)) == 3.0
