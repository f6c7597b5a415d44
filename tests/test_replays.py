"""Rounds that are replayed: the same bits as rounds that are played, by recordings in the place of CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from narrow import BATCH, shape, small
from recorded import Recordings
from saddle.batches import Images
from saddle.clock import Clock, factor_at, value_at
from saddle.core import Game, Move, Turn
from saddle.games import Adversarial
from saddle.layers.views import Noise
from saddle.optim import SGD, Adam, Cosine, Exponential, Linear, RMSprop, device_steps, optimizers
from saddle.optim.device_steps import DeviceAdam, DeviceSGD
from saddle.penalties import R1, GradientPenalty
from saddle.recipe import Recipe
from saddle.recipes import RECIPES
from saddle.recipes.rehearsal import random_batch
from saddle.runs.settings import Fast
from saddle.stages import clock_at, plan_stages
from saddle.training.engine import Engine
from saddle.training.machine import Machine
from saddle.training.match import Match, MatchOptions
from saddle.training.replay import choice
from saddle.training.replay.choice import make_replays, why_no_replays
from saddle.training.replay.rounds import MOST_MISSES, Replays
from saddle.training.replay.watched_clock import Scalars, WatchedClock, differing_answer
from test_match import Growing
from test_match import data as noise
from toys import Batches, Critic, Maker

CPU, TOTAL = torch.device("cpu"), 4_000


class Played(NamedTuple):
    """What came of some rounds."""

    state: dict[str, Tensor]
    reports: list[dict[str, Tensor]]
    said: list[str]
    graphs: Recordings


def batches(recipe: Recipe[Any], data: Any) -> Iterator[Any]:
    for i in range(10**6):
        with torch.random.fork_rng([]):
            torch.manual_seed(i)
            batch = random_batch(recipe.batch_type, data, BATCH, CPU)
        yield batch


def play(recipe: Recipe[Any], data: Any, rounds: int, replayed: bool, first: int = 0) -> Played:
    """Rounds of the last stage, from some round on, as ever or by replays."""
    torch.manual_seed(0)
    stages = plan_stages(recipe, data, TOTAL)
    game = recipe.game(data).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    engine, said, graphs = Engine(game, stages[-1].steps or recipe.steps), list[str](), Recordings()
    player: Any = Replays(engine, graphs, said.append) if replayed else engine
    feed, begun = batches(recipe, stages[-1].data), max(stages[-2].until if len(stages) > 1 else 0, TOTAL // 4)
    reports = []
    for r in range(rounds):
        game.clock = clock_at(stages, TOTAL, first + r, begun + r * BATCH)
        reports.append({name: t.clone() for name, t in player.play(feed, clock=game.clock).items()})
    return Played(all_state(game, engine), reports, said, graphs)


def all_state(game: Game[Any], engine: Engine[Any]) -> dict[str, Tensor]:
    """Players, memories, and all that optimizers remember."""
    found = {f"game.{name}": t.clone() for name, t in game.state_dict().items()}
    for i, optimizer in enumerate(engine.optimizers.values()):
        for j, kept in optimizer.state_dict()["state"].items():
            found |= {f"{i}.{j}.{name}": t.clone() for name, t in kept.items() if isinstance(t, Tensor)}
    return found


def assert_same_bits(plain: Played, replays: Played) -> None:
    assert plain.state.keys() == replays.state.keys()
    assert [name for name, t in plain.state.items() if not torch.equal(t, replays.state[name])] == []
    assert [list(r) for r in plain.reports] == [list(r) for r in replays.reports]
    for one, other in zip(plain.reports, replays.reports, strict=True):
        assert all(torch.equal(t, other[name]) for name, t in one.items())


NOT_STATIC = {
    "gaussian-mixture-em": "torch looks at whether matrices could be factored",
    "vae-gan": "torch's RMSprop reads a rate that falls on the host",
    "accuracy-gate": "who moves is decided from the batch",
    "equilibrium-gate": "who moves is decided from the batch",
}
ALWAYS = ("dcgan", "wgan-gp-toy", "vae-toy", "nagarajan-kolter-toy", "gaussian-mixture")
LONG = (*ALWAYS, "sn-gan", "stylegan2", "stylegan2-ada", "r3gan", "cyclegan", "wgan", "began", "consensus", "pggan")


@pytest.mark.parametrize("name", [n if n in ALWAYS else pytest.param(n, marks=pytest.mark.slow) for n in LONG])
def test_replayed_rounds_have_the_bits_of_played_ones(name: str):
    recipe, data = small(name), shape(name)
    plain, replays = (play(recipe, data, 22, replayed) for replayed in (False, True))
    assert_same_bits(plain, replays)
    assert not replays.said and replays.graphs.replayed >= 16


QUICK = ("dcgan", "wgan-gp-toy", "gaussian-mixture", "vae-toy")


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in RECIPES])
def test_every_recipe_is_static_or_says_why_not(name: str, monkeypatch: pytest.MonkeyPatch):
    """Three rounds: one watched, and two replays of a recording, which refuses whatever waits for a device."""
    monkeypatch.setattr(optimizers, "steps_on_device", lambda own, *numbers: any(map(callable, numbers)))  # as on a GPU
    recipe, data = small(name), shape(name)
    every = max((p.every for p in getattr(recipe, "penalties", ()) if hasattr(p, "every")), default=1)
    plain, replays = (play(recipe, data, 3, replayed, first=every * 1_000 + 1) for replayed in (False, True))
    assert_same_bits(plain, replays)
    assert replays.graphs.replayed == (0 if name in NOT_STATIC else 2), replays.said


def toy(**slots: Any) -> Adversarial:
    torch.manual_seed(0)
    return Adversarial(Maker(), Critic(), 4, **slots)


def rounds_of(make: Callable[[], Game[Any]], how: Any, n: int, replayed: bool,
              clocks: Callable[[int], Clock] = lambda r: Clock(r, 8 * r, r / 40)) -> Played:  # fmt: skip
    """Rounds of a toy, whose every player steps so."""
    game, said, graphs = make(), list[str](), Recordings()
    engine = Engine(game, lambda player: how)
    player: Any = Replays(engine, graphs, said.append) if replayed else engine
    feed, reports = Batches(), []
    for r in range(n):
        game.clock = clocks(r)
        reports.append({name: t.clone() for name, t in player.play(feed, clock=game.clock).items()})
    return Played(all_state(game, engine), reports, said, graphs)


SCHEDULED = {
    "rate": (toy, Adam(Linear(1e-2))),
    "rate of gradient descent": (toy, SGD(Cosine(1e-2))),
    "view": (lambda: toy(views=(Noise(Linear(0.3)),)), Adam()),
    "penalty": (lambda: toy(penalties=(GradientPenalty(Linear(10.0)),)), Adam()),
    "lazy penalty": (lambda: toy(penalties=(R1(Linear(10.0), every=4),)), Adam()),
}


@pytest.mark.parametrize("what", SCHEDULED)
def test_what_follows_a_schedule_goes_on_following_it_in_replays(what: str):
    make, how = SCHEDULED[what]
    plain, replays = (rounds_of(make, how, 22, replayed) for replayed in (False, True))
    assert_same_bits(plain, replays)
    assert not replays.said and replays.graphs.taken == (2 if "lazy" in what else 1)
    assert replays.graphs.replayed == 22 - replays.graphs.taken


class Odd(Adversarial):
    """Looks at the time by itself."""

    def generate(self, batch: Images) -> Tensor:
        return super().generate(batch) * (1 + self.clock.share)


class Decides(Adversarial):
    """Makes a second move in the second half of the run, which its phase does not tell."""

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        for _ in range(1 + clock.read(lambda now: now.share >= 0.5)):
            yield from super().round(batches, clock)


class Waiting(Adversarial):
    """Looks at what the critic says."""

    def generator_turn(self, judge: Any, batch: Images, fake: Tensor) -> Iterator[Turn]:
        if fake.sum().item() < 1e9:
            yield from super().generator_turn(judge, batch, fake)


def odd(kind: type[Adversarial]) -> Callable[[], Adversarial]:
    def make() -> Adversarial:
        torch.manual_seed(0)
        return kind(Maker(), Critic(), 4)

    return make


def test_a_game_that_reads_the_clock_by_itself_is_played_as_ever_and_that_is_said():
    plain, replays = (rounds_of(odd(Odd), Adam(), MOST_MISSES + 3, replayed) for replayed in (False, True))
    assert_same_bits(plain, replays)
    (said,) = replays.said
    assert replays.graphs.taken == 0 and "no round is like the one before it: it asks" in said and "share" in said


def test_a_decision_that_a_phase_does_not_tell_has_a_graph_of_its_own():
    plain, replays = (rounds_of(odd(Decides), Adam(), 30, replayed) for replayed in (False, True))
    assert_same_bits(plain, replays)
    assert not replays.said and replays.graphs.taken == 2


def test_a_round_that_waits_for_the_device_is_played_as_ever_and_that_is_said():
    plain, replays = (rounds_of(odd(Waiting), Adam(), 5, replayed) for replayed in (False, True))
    assert_same_bits(plain, replays)
    assert replays.said == ["rounds are not replayed as CUDA graphs: aten::_local_scalar_dense waits for the device"]


class Bringing(Adversarial):
    """Makes a tensor of numbers of its own in each round."""

    def generate(self, batch: Images) -> Tensor:
        return super().generate(batch) * torch.tensor([1.0, 2.0]).mean()


def test_a_round_that_brings_numbers_to_the_device_is_played_as_ever_and_that_is_said():
    plain, replays = (rounds_of(odd(Bringing), Adam(), 5, replayed) for replayed in (False, True))
    assert_same_bits(plain, replays)
    assert replays.said == ["rounds are not replayed as CUDA graphs: tensor brings numbers to the device"]


def test_rates_that_torch_reads_on_the_host_are_no_replays_of_others():
    plain, replays = (rounds_of(toy, RMSprop(Linear(1e-2)), MOST_MISSES + 3, replayed) for replayed in (False, True))
    assert_same_bits(plain, replays)
    (said,) = replays.said
    assert "it steps by numbers that follow a schedule" in said
    constant = rounds_of(toy, RMSprop(1e-2), 4, True)
    assert constant.graphs.replayed == 3 and not constant.said


@pytest.mark.parametrize(
    "how", [Adam(Linear(1e-2), (0.5, Linear(0.9, 0.99))), SGD(Exponential(0.1, 1.01), Linear(0.5, 0.9))]
)
def test_every_rate_of_the_house_can_follow_a_schedule_on_the_device(how: Adam | SGD, monkeypatch: pytest.MonkeyPatch):
    """By steps of our own, where torch's would ask the host; they are torch's to rounding."""
    torchs = rounds_of(toy, how, 22, False)
    monkeypatch.setattr(optimizers, "steps_on_device", lambda own, *numbers: any(map(callable, numbers)))
    plain, replays = (rounds_of(toy, how, 22, replayed) for replayed in (False, True))
    assert_same_bits(plain, replays)
    assert not replays.said and replays.graphs.replayed == 21
    assert torchs.state.keys() == plain.state.keys()
    for name, t in torchs.state.items():
        assert torch.allclose(t, plain.state[name], rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize(("ours", "torchs"), [
    (lambda own: DeviceAdam(own, 1e-2, (0.5, 0.9), 1e-8), lambda own: torch.optim.Adam(own, 1e-2, (0.5, 0.9), 1e-8)),
    (lambda own: DeviceSGD(own, 1e-2, 0.7), lambda own: torch.optim.SGD(own, 1e-2, 0.7)),
])  # fmt: skip
def test_steps_on_the_device_are_torchs_also_where_a_parameter_was_not_reached(ours: Any, torchs: Any):
    torch.manual_seed(0)
    found = []
    start = [torch.randn(3, 2, dtype=torch.float64), torch.randn(4, dtype=torch.float64)]
    slopes = torch.randn(6, 3, 2, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    for build in (ours, torchs):
        own = [nn.Parameter(t.clone()) for t in start]
        optimizer = build(own)
        for r in range(6):
            for p, g in zip(own, slopes, strict=True):
                p.grad = None if p is own[1] and r % 2 else g[r].clone()
            optimizer.step()
        found.append([p.detach() for p in own])
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-6, atol=1e-9)


def test_a_clock_notes_what_is_asked_and_knows_when_it_would_answer_otherwise():
    scalars = Scalars(CPU)
    watched = WatchedClock.watch(Clock(4, 40, 0.1), scalars)
    assert value_at(2.0, watched) == 2.0 and value_at(Linear(1.0), watched) == pytest.approx(0.9)
    assert watched.read(lambda now: now.round % 4 == 0) and len(watched.answers) == 2
    assert differing_answer(watched.answers, Clock(8, 40, 0.1)) is None
    assert differing_answer(watched.answers, Clock(5, 40, 0.1)) is watched.answers[1]
    factor = factor_at(Linear(1.0), watched, 3)
    assert (
        isinstance(factor, Tensor) and factor_at(2.0, watched, 3) == 6 and factor_at(Linear(1.0), watched, 3) is factor
    )
    scalars.refresh(Clock(4, 40, 0.5))
    assert factor.item() == 1.5 and factor_at(Linear(1.0), Clock(share=0.5), 3) == 1.5
    for look in (lambda c: c.images, lambda c: c[0], tuple, lambda c: c._replace(stage=2)):
        odd = WatchedClock.watch(Clock(4, 40, 0.1), scalars)
        look(odd)
        assert differing_answer(odd.answers, Clock(5, 44, 0.2)) is not None


class Silent(Game[Images]):
    """A game of somebody's, which says nothing of its rounds."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = Maker()

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        yield Move(self.generator, error=self.generator(next(batches).image.flatten(1)[:, :4]).mean())


class Own:
    """Steps of somebody's."""

    def build(self, parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.Adagrad(parameters)

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        """There is nothing to tune."""


@pytest.mark.parametrize(("make", "how", "options", "why"), [
    (toy, Adam(), (False, 1, False), "--fast off asks for rounds played as ever"),
    (toy, Adam(), (True, 2, False), "--accumulate draws again"),
    (toy, Adam(), (True, 1, True), "--recompute draws again"),
    (Silent, Adam(), (True, 1, False), "Silent does not say that rounds are alike"),
    (toy, Own(), (True, 1, False), "Adagrad is not known to step in a captured round"),
    (toy, Adam(), (True, 1, False), ""),
])  # fmt: skip
def test_what_is_known_to_keep_rounds_from_being_captured(make: Any, how: Any, options: Any, why: str):
    found = why_no_replays(Engine(make(), lambda player: how), *options)
    assert why in found and bool(why) == bool(found)


def test_nothing_of_it_is_there_without_a_gpu():
    said: list[str] = []
    assert make_replays(Engine(toy(), lambda player: Adam()), True, 1, False, said.append) is None and not said
    assert not device_steps.steps_on_device([nn.Parameter(torch.ones(1))], Linear(1.0))
    assert replace(Adam(), lr=0.1).build([nn.Parameter(torch.ones(1))]).param_groups[0]["fused"]


def graphs_here(monkeypatch: pytest.MonkeyPatch) -> list[Recordings]:
    """Matches replay their rounds, as on a GPU; what captures them, a stage each."""
    made: list[Recordings] = []

    def find(device: torch.device) -> Recordings:
        made.append(Recordings())
        return made[-1]

    monkeypatch.setattr(choice, "find_graphs", find)
    return made


def match_of(fast: Fast) -> Match[Images]:
    return Match(Growing(), noise(), 160, Machine(CPU, torch.float32, ""), MatchOptions(ema=30, fast=fast))


def bits(match: Match[Images]) -> dict[str, Tensor]:
    return {name: t.clone() for name, t in match.state()[0].items()}


def assert_equal_bits(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    assert a.keys() == b.keys() and [name for name, t in a.items() if not torch.equal(t, b[name])] == []


def test_a_run_of_stages_that_is_resumed_and_rolled_back_has_the_bits_of_a_played_one(monkeypatch: pytest.MonkeyPatch):
    made = graphs_here(monkeypatch)
    plain, fast, again = match_of("off"), match_of("auto"), match_of("auto")
    healthy = None
    for r in range(14):
        plain.play()
        fast.play()
        if r == 3:
            state, facts = fast.state()
            again.restore({name: t.clone() for name, t in state.items()}, facts)
        if r >= 4:
            again.play()
        if r == 8:
            healthy = [
                ({name: t.clone() for name, t in m.state()[0].items()}, m.state()[1]) for m in (plain, fast, again)
            ]
        if r == 11 and healthy:
            for match, then in zip((plain, fast, again), healthy, strict=True):
                match.revert(*then)
    assert_equal_bits(bits(plain), bits(fast))
    assert_equal_bits(bits(plain), bits(again))
    assert fast.notes.told == ["rounds are replayed as CUDA graphs"]
    assert plain.notes.told == ["rounds are not replayed as CUDA graphs: --fast off asks for rounds played as ever"]
    assert sum(one.replayed for one in made) > 10 and sum(one.taken for one in made) >= 5  # anew in each stage


def test_sheets_between_replays_leave_memory_where_graphs_read_it(monkeypatch: pytest.MonkeyPatch):
    graphs_here(monkeypatch)
    plain, fast = match_of("off"), match_of("auto")
    for _ in range(8):
        for match in (plain, fast):
            match.play()
            match.show(Images(torch.zeros(4, 1, 4, 4)))  # by the averaged weights, which are swapped in and out
    assert_equal_bits(bits(plain), bits(fast))
