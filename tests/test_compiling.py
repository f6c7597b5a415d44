"""Players that torch's compiler takes: which they are, and that rounds have the same numbers with it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from narrow import shape, small
from saddle.clock import Clock
from saddle.core import Verdict
from saddle.games import Adversarial, Consensus, NagarajanKolter, Unrolled
from saddle.optim import Adam
from saddle.penalties import R1, GradientPenalty
from saddle.recipes import RECIPES
from saddle.recipes.rehearsal import RepeatedBatch, random_batch
from saddle.stages import clock_at, plan_stages
from saddle.training import compiling
from saddle.training.compiling import COMPILERS, CompiledPlayers, compile_players
from saddle.training.engine import Engine
from toys import Batches, Critic, Maker

CPU = torch.device("cpu")


class Once(torch.autograd.Function):
    """The same, and an error where the gradient of a gradient goes through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        return slope


def only_once(module: nn.Module) -> None:
    """As what the compiler makes."""
    forward = module.forward

    def once(*args: Any, **options: Any) -> Any:
        args = tuple(Once.apply(a) if isinstance(a, Tensor) and a.requires_grad else a for a in args)  # type: ignore[no-untyped-call]
        made = forward(*args, **options)
        if isinstance(made, Tensor):
            return Once.apply(made)  # type: ignore[no-untyped-call]
        return Verdict(*(Once.apply(t) if isinstance(t, Tensor) else t for t in made))  # type: ignore[no-untyped-call]

    module.forward = once


QUICK = ("dcgan", "r1-toy", "wgan-gp-toy", "nagarajan-kolter-toy", "unrolled-gan-toy")


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in RECIPES])
def test_what_a_game_says_is_differentiated_once_is_in_no_round_differentiated_twice(name: str):
    recipe, data = small(name), shape(name)
    torch.manual_seed(0)
    stages = plan_stages(recipe, data, 4_000)
    game, stage = recipe.game(data), stages[-1]
    for player in game.differentiated_once():
        only_once(player)
    first = stages[-2].until if len(stages) > 1 else 0
    game.clock = clock_at(stages, 4_000, 0, first)  # the first round, in which all penalties are due
    batch = random_batch(recipe.batch_type, stage.data, stage.batch, CPU)
    Engine(game, stage.steps or recipe.steps).play(RepeatedBatch(batch), clock=game.clock)


def toy(kind: type[Adversarial] = Adversarial, **slots: Any) -> Adversarial:
    torch.manual_seed(0)
    return kind(Maker(), Critic(), 4, **slots)


@pytest.mark.parametrize(("game", "once"), [
    (toy(), {"generator", "critic"}),
    (toy(penalties=(GradientPenalty(),)), {"generator"}),
    (toy(penalties=(R1(every=16),)), {"generator"}),
    (toy(Consensus), set()),
    (toy(NagarajanKolter), {"generator"}),
    (toy(Unrolled), {"generator"}),
])  # fmt: skip
def test_penalties_are_asked_who_is_differentiated_twice(game: Adversarial, once: set[str]):
    names = {module: name for name, module in game.named_children()}
    assert {names[player] for player in game.differentiated_once()} == once


def rounds(n: int, compiled: Callable[[Adversarial], CompiledPlayers | None]) -> dict[str, Tensor]:
    game, data = toy(penalties=(GradientPenalty(),)), Batches()
    engine, players = Engine(game, lambda player: Adam(1e-3)), compiled(game)
    for r in range(n):
        if players:
            with players.at_work():
                engine.play(data, clock=Clock(r))
        else:
            engine.play(data, clock=Clock(r))
    return game.state_dict()


def test_a_player_whose_pass_the_compiler_takes_plays_the_same_rounds_and_is_itself_outside():
    """By the compiler without its last part, which would call a C++ compiler."""
    said: list[str] = []

    def compiled(game: Adversarial) -> CompiledPlayers:
        return CompiledPlayers({"generator": game.generator}, said.append, backend="aot_eager")

    plain, fast = rounds(3, lambda game: None), rounds(3, compiled)
    assert not said
    for name, t in plain.items():
        assert torch.allclose(t, fast[name], rtol=0, atol=1e-6), name


def test_what_the_compiler_cannot_take_is_played_as_ever_and_that_is_said():
    said: list[str] = []

    def broken(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no such code")

    def compiled(game: Adversarial) -> CompiledPlayers:
        return CompiledPlayers({"generator": game.generator}, said.append, backend=broken)

    plain, fast = rounds(2, lambda game: None), rounds(2, compiled)
    (sentence,) = said
    assert sentence.startswith("generator is not compiled: ") and "no such code" in sentence
    assert all(torch.equal(t, fast[name]) for name, t in plain.items())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's compiler about torch
@pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="there is no C++ compiler here")
def test_twenty_compiled_rounds_are_within_a_hundred_thousandth_of_plain_ones():
    said: list[str] = []
    fast = rounds(20, lambda game: compile_players(game, True, CPU, False, said.append))
    assert said == ["compiled in rounds: generator; not critic, which may be differentiated twice"]
    for name, t in rounds(20, lambda game: None).items():
        assert torch.allclose(t, fast[name], rtol=0, atol=1e-5), name


def test_who_is_compiled_is_said_and_who_is_not(monkeypatch: pytest.MonkeyPatch):
    """Nothing is, before a first pass."""
    monkeypatch.setattr(compiling.shutil, "which", lambda name: "/usr/bin/c++")
    said: list[str] = []
    players = compile_players(toy(penalties=(GradientPenalty(),)), True, CPU, False, said.append)
    assert players and set(players.forwards) == {"generator"}
    assert compile_players(toy(), True, CPU, False, said.append)
    assert said == ["compiled in rounds: generator; not critic, which may be differentiated twice",
                    "compiled in rounds: generator and critic"]  # fmt: skip


def test_why_nothing_is_compiled_is_said(monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    assert compile_players(toy(), False, CPU, False, said.append) is None and not said
    assert compile_players(toy(Consensus), True, CPU, False, said.append) is None
    assert compile_players(toy(), True, CPU, True, said.append) is None
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None)
    assert compile_players(toy(), True, CPU, False, said.append) is None
    assert [sentence.partition(": ")[2] for sentence in said] == [
        "Consensus names no player that nothing differentiates twice", "--recompute works passes out again",
        "there is no C++ compiler here (g++ or clang++)",
    ]  # fmt: skip
