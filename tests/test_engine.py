"""The engine against loops written by hand, bit for bit; who moves; parts of a batch against the whole."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Agree, Game, Judged, Memory, Move, Turn
from saddle.devices import seed_chance
from saddle.double_backward import DoubleBackward
from saddle.errors import Mistake
from saddle.games import Adversarial, Clip, Simultaneous, Turns
from saddle.layers.priors import Normal, Uniform
from saddle.networks import Convolutional, Dense
from saddle.objectives import NonSaturating, Wasserstein
from saddle.optim import SGD, Adam, Burst, Linear, Ramp
from saddle.penalties import GradientPenalty
from saddle.shape import Shape
from saddle.training.engine import Engine, derive_seed
from toys import LATENT, ROWS, Batches, Critic, Maker, adversarial, engine, images, play

SMALL = Shape(1, 16, 16)


def test_chance_begins_anew_as_by_torchs_own_seed():
    torch.manual_seed(7)
    drawn = torch.rand(5)
    seed_chance(torch.device("cpu"), 7)
    assert torch.equal(torch.rand(5), drawn)


def dice(r: int, device: torch.device) -> torch.Generator:
    torch.manual_seed(derive_seed(0, r, 0))
    return torch.Generator(device).manual_seed(derive_seed(0, r))


def gan(game: Game[Images], opt: dict[str, torch.optim.Optimizer], r: int, data: Batches) -> None:
    """Goodfellow et al. 2014 as published: both gradients from one forward pass, then both steps."""
    G, D, g = game.generator, game.critic, dice(r, data.device)
    x = next(data).image
    real = D(x).score
    fake = D(G(2 * torch.rand(ROWS, LATENT, generator=g, device=x.device) - 1)).score
    loss_d, loss_g = softplus(-real).mean() + softplus(fake).mean(), softplus(-fake).mean()
    of_d = torch.autograd.grad(loss_d, list(D.parameters()), retain_graph=True)
    of_g = torch.autograd.grad(loss_g, list(G.parameters()))
    for player, grads in ((D, of_d), (G, of_g)):
        for p, grad in zip(player.parameters(), grads, strict=True):
            p.grad = grad
    for o in opt.values():
        o.step()
        o.zero_grad()


def dcgan(game: Game[Images], opt: dict[str, torch.optim.Optimizer], r: int, data: Batches) -> None:
    G, D, g = game.generator, game.critic, dice(r, data.device)
    x = next(data).image
    fake = G(torch.randn(ROWS, LATENT, generator=g, device=x.device))
    (softplus(-D(x).score).mean() + softplus(D(fake.detach()).score).mean()).backward()
    opt["critic"].step()
    D.requires_grad_(False)
    softplus(-D(fake).score).mean().backward()
    opt["generator"].step()
    D.requires_grad_(True)
    for o in opt.values():
        o.zero_grad()


def wgan_gp(game: Game[Images], opt: dict[str, torch.optim.Optimizer], r: int, data: Batches) -> None:
    G, D, g = game.generator, game.critic, dice(r, data.device)
    for _ in range(5):
        x = next(data).image
        fake = G(torch.randn(ROWS, LATENT, generator=g, device=x.device)).detach()
        t = torch.rand(ROWS, 1, generator=g, device=x.device)
        real, made = D(x).score, D(fake).score
        between = torch.lerp(fake.flatten(1), x.flatten(1), t).reshape(x.shape).requires_grad_()
        with DoubleBackward():  # which tests/test_double_backward.py holds against torch's own
            score = D(between).score.sum()
        (slope,) = torch.autograd.grad(score, between, create_graph=True)
        penalty = ((slope.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square().mean()
        opt["critic"].zero_grad()
        (made.mean() - real.mean() + 10.0 * penalty).backward()
        opt["critic"].step()
    opt["generator"].zero_grad()
    (-D(G(torch.randn(ROWS, LATENT, generator=g, device=x.device))).score.mean()).backward()
    opt["generator"].step()


def dense() -> Adversarial:
    nets = Dense(latent=LATENT, width=16)
    return Simultaneous(nets.generator(SMALL), nets.critic(SMALL), LATENT, objective=NonSaturating(), prior=Uniform())


def convolutional(normal: bool = True, **slots: Any) -> Adversarial:
    nets = Convolutional(latent=LATENT, width=4, normal=normal)
    return Adversarial(nets.generator(SMALL), nets.critic(SMALL), LATENT, prior=Normal(), **slots)


def penalised() -> Adversarial:
    slots = {"objective": Wasserstein(), "penalties": (GradientPenalty(10.0),), "turns": Turns(5)}
    return convolutional(normal=False, **slots)


def pictures(n: int) -> Images:
    return Images(torch.randn(n, 1, 16, 16).clamp(-1, 1))


LOOPS = {"gan": (dense, gan), "dcgan": (convolutional, dcgan), "wgan-gp": (penalised, wgan_gp)}


@pytest.mark.parametrize("name", LOOPS)
def test_the_engine_equals_a_loop_by_hand(name: str, device: torch.device):
    make, loop = LOOPS[name]
    games = []
    for _ in range(2):
        torch.manual_seed(0)
        games.append(make().to(device))
    play(engine(games[0], 1e-3), [Batches(pictures, device=device)], 0, 4)
    opt = {n: Adam(1e-3, (0.5, 0.9)).build(m.parameters()) for n, m in games[1].named_children()}
    data = Batches(pictures, device=device)
    for r in range(4):
        loop(games[1], opt, r, data)
    for key, value in games[1].state_dict().items():
        assert torch.equal(games[0].state_dict()[key], value), key


class Watched(Engine[Images]):
    """Sees to it that only those move who asked to."""

    def step(self, player: nn.Module) -> Tensor:
        before = {m: [p.clone() for p in own] for m, own in self.own.items() if m is not player}
        norm = super().step(player)
        assert all(torch.equal(a, b) for m in before for a, b in zip(before[m], self.own[m], strict=True))
        assert all(p.grad is None for p in self.own[player])
        return norm


SLOTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "several turns": {"turns": Turns(2, 3)},
    "clipped": {"objective": Wasserstein(), "constraint": Clip(0.05), "turns": Turns(Burst(3, 2, 2))},
    "penalised": {"objective": Wasserstein(), "penalties": (GradientPenalty(Linear(10, 1), every=2),)},
}


@pytest.mark.parametrize("slots", SLOTS.values(), ids=SLOTS)
def test_only_movers_move(slots: dict[str, Any]):
    torch.manual_seed(0)
    game = adversarial(**slots)
    before = copy.deepcopy(game.state_dict())
    report = play(engine(game, kind=Watched), [Batches()], 0, 6)
    assert all(t.isfinite() for t in report.values())
    still = {key for key, value in game.state_dict().items() if torch.equal(before[key], value)}
    # a linear loss is blind to what is added to every score
    assert still <= ({"critic.head.bias"} if isinstance(slots.get("objective"), Wasserstein) else set())
    if "constraint" in slots:
        assert all(p.abs().max() <= 0.05 for p in game.critic.parameters())


class Balance(Memory):
    """Remembers the mean real score: what a memory needs to learn from the whole batch."""

    weight, every, loss, input_grad = 1.0, 1, "critic", "nowhere"
    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, judge: object, real: Judged, fake: Judged) -> Tensor:
        return (real.score - self.mean.clone()).square().mean()

    def observe(self, real: Judged, fake: Judged) -> Tensor:
        return real.score.mean()

    def update(self, mean: Tensor) -> None:
        self.mean.lerp_(mean, 0.5)


class Remembering:
    def memory(self) -> Memory:
        return Balance()


@pytest.mark.parametrize("slots", [*SLOTS.values(), {"penalties": (Remembering(),)}], ids=[*SLOTS, "remembering"])
def test_parts_of_a_batch_equal_the_whole(slots: dict[str, Any]):
    torch.set_default_dtype(torch.float64)
    try:
        states = []
        for parts in (1, 4):
            torch.manual_seed(0)
            game = adversarial(**slots)
            play(engine(game), [Batches(images, i, parts) for i in range(parts)], 0, 6)
            states.append(game.state_dict())
    finally:
        torch.set_default_dtype(torch.float32)
    assert "penalty_0.mean" not in states[0] or states[0]["penalty_0.mean"] != 0
    for key, value in states[0].items():
        torch.testing.assert_close(states[1][key], value, rtol=0, atol=1e-12, msg=key)


@pytest.mark.parametrize("due", [True, False])
def test_a_pass_that_a_penalty_differentiates_is_in_full_precision(due: bool):
    reports = []
    for precision in (torch.float32, torch.bfloat16):
        torch.manual_seed(0)
        game = adversarial(penalties=(GradientPenalty(1.0, every=2),))
        reports.append(engine(game, precision=precision).play(Batches(), clock=Clock(0 if due else 1)))
    full, half = reports
    critics = {key for key in full if key.startswith("critic/") and torch.equal(full[key], half[key])}
    # the fakes themselves were made in bfloat16, so only what is differentiated may be compared
    assert ("critic/GradientPenalty" in full) is due
    assert not due or abs(half["critic/GradientPenalty"] / full["critic/GradientPenalty"] - 1) < 1e-3
    assert due or not critics
    assert all(t.dtype is torch.float32 and abs(t / full[key] - 1) < 0.03 for key, t in half.items())


def test_slopes_are_in_reduced_precision_where_the_run_says_so():
    reports = []
    for slopes in (torch.float32, torch.bfloat16):
        torch.manual_seed(0)
        game = adversarial(penalties=(GradientPenalty(1.0),))
        reports.append(engine(game, precision=torch.bfloat16, slopes=slopes).play(Batches(), clock=Clock()))
    full, half = (report["critic/GradientPenalty"] for report in reports)
    assert full.dtype == half.dtype == torch.float32
    assert 1e-6 < abs(half / full - 1) < 0.03


def test_networks_own_draws_follow_the_round_and_nothing_else():
    torch.manual_seed(0)
    game, drawn = adversarial(dropout=0.3), []
    game.critic.register_forward_hook(lambda *_: drawn.append(torch.rand(()).item()))
    driver = engine(game)
    for r in (3, 4, 3):
        driver.play(Batches(), clock=Clock(r))
    assert drawn[0] == drawn[6] != drawn[3]


def test_schedules_reach_the_optimizers():
    game = adversarial()
    driver = Engine(game, lambda player: SGD(Linear(1e-2, 0.0), Ramp(0.5, 0.7, rounds=4)))
    driver.play(Batches(), clock=Clock(2, 16, 0.5))
    for optimizer in driver.optimizers.values():
        assert optimizer.param_groups[0]["lr"] == 5e-3 and optimizer.param_groups[0]["momentum"] == pytest.approx(0.6)


def test_equal_phases_have_equal_terms():
    game = adversarial(penalties=(GradientPenalty(1.0, every=3), GradientPenalty(1.0, every=2)))
    driver, data, terms = engine(game), Batches(), {}
    for r in range(12):
        clock = Clock(r, r * ROWS)
        terms.setdefault(game.phase(clock), set()).add(frozenset(driver.play(data, clock=clock)))
    assert len(terms) == 4 and all(len(kinds) == 1 for kinds in terms.values())


def test_mistakes_of_a_game_are_named():
    game = adversarial()
    game.make = lambda latents, condition=None: torch.zeros(len(latents), 1, 4, 4)
    with pytest.raises(Mistake, match="generator's first move does not depend on it"):
        engine(game).play(Batches(), clock=Clock())

    game = adversarial()
    game.generator.stolen = game.critic.head
    with pytest.raises(Mistake, match="one owner"):
        engine(game)


def test_a_critic_that_moves_at_once_is_held_and_heard_too():
    torch.manual_seed(0)
    slots: dict[str, Any] = {"penalties": (Remembering(),), "constraint": Clip(0.05)}
    game = Simultaneous(Maker(), Critic(), LATENT, objective=Wasserstein(), **slots)
    play(engine(game), [Batches()], 0, 3)
    assert game.penalty_0.mean != 0 and all(p.abs().max() <= 0.05 for p in game.critic.parameters())


def test_parts_that_decide_for_themselves_are_an_error():
    game = adversarial()
    answer, drawn = game.round, iter([True, False])
    game.round = lambda batches, clock: answer(batches, clock) if next(drawn) else iter([])
    with pytest.raises(RuntimeError, match="part ways"):
        engine(game).play(Batches(images, 0, 2), Batches(images, 1, 2), clock=Clock())


def test_an_agreement_is_told_the_mean_over_the_parts():
    told: list[float] = []

    class Counting(Adversarial):
        def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
            batch = next(batches)
            yield Agree(lambda mean: told.append(mean.item()), batch.image.mean())
            yield Move(self.critic, adversarial=self.critic(batch.image).score.mean())
            yield Move(self.generator, adversarial=self.generate(batch).mean())

    game = adversarial()
    game.__class__ = Counting
    make: Callable[[int], Images] = images
    engine(game).play(Batches(make, 0, 2), Batches(make, 1, 2), clock=Clock())
    assert told == [pytest.approx(next(Batches(make)).image.mean().item(), abs=1e-6)]
