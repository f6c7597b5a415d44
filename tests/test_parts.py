"""A batch in parts is the whole batch, in every game; and waits with no more than one part's graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from saddle.core import Game, Verdict
from saddle.games import (
    AccuracyGate,
    Adversarial,
    Clip,
    Consensus,
    EquilibriumGate,
    Gated,
    NagarajanKolter,
    NoisyReals,
    Regression,
    Simultaneous,
    Turing,
    Turns,
    Unrolled,
)
from saddle.layers import ADA, Noise
from saddle.layers.spectral import add_spectral_norms
from saddle.layers.views import standard_uniform
from saddle.optim import SGD
from saddle.parts import Shard, draw_rows, use_shard
from saddle.penalties import LeCam
from saddle.training.engine import Engine
from toys import LATENT, PIXELS, Batches, Critic, Maker, images, play


class Comparing(nn.Module):
    """A critic of two pictures."""

    needs = "opponent"

    def __init__(self) -> None:
        super().__init__()
        self.inside = Critic()
        self.other = nn.Linear(PIXELS, 1)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        verdict: Verdict = self.inside(x)
        assert condition is not None
        return verdict._replace(score=verdict.score - self.other(condition.flatten(1)).tanh().squeeze(1))


def against(kind: type[Adversarial], critic: Callable[[], nn.Module] = Critic, **more: Any) -> Callable[..., Game[Any]]:
    return lambda **slots: kind(Maker(), critic(), LATENT, **more, **slots)


GAMES: dict[str, Callable[..., Game[Any]]] = {
    "adversarial": against(Adversarial),
    "spectral": against(Adversarial, lambda: add_spectral_norms(Critic())),
    "accuracy gate": against(Gated, gate=AccuracyGate(0.6)),
    "equilibrium gate": against(Gated, gate=EquilibriumGate(margin=0.02)),
    "nagarajan-kolter": against(NagarajanKolter),
    "unrolled": against(Unrolled, K=2, inner=SGD(0.1)),
    "turing": against(Turing, Comparing),
    "noisy reals": against(NoisyReals),
    "simultaneous": against(Simultaneous),
    "consensus": against(Consensus),
}
CLIP, TURNS = {"constraint": Clip(0.3)}, {"turns": Turns(2, 2)}
MEMORIES = {"penalties": (LeCam(1.0),), "views": (Noise(0.1), ADA(boundary=-1.0, images=64, every=1, pipe="c"))}


def cases() -> Iterator[Any]:
    """Unrolled foresees no constraint, and players that move at once have no turns."""
    for game in GAMES:
        slots = MEMORIES | ({} if game == "unrolled" else CLIP)
        yield pytest.param(game, slots, id=game)
        if game not in ("simultaneous", "consensus"):
            yield pytest.param(game, slots | TURNS, id=f"{game}, two turns")


def end(make: Callable[..., Game[Any]], slots: dict[str, Any], parts: int, rounds: int = 2) -> dict[str, Tensor]:
    """Where a game stands after some rounds, by double numbers."""
    torch.manual_seed(0)
    game = make(**slots)
    report = play(Engine(game, lambda player: SGD(0.1)), [Batches(images, i, parts) for i in range(parts)], 0, rounds)
    return {**game.state_dict(), **{f"report {key}": t for key, t in report.items()}}


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(("game", "slots"), list(cases()))
def test_parts_equal_the_whole_in_every_game(game: str, slots: dict[str, Any]):
    whole, parts = (end(GAMES[game], slots, n) for n in (1, 2 if "turns" in slots else 4))
    assert parts.keys() == whole.keys()
    for key, value in whole.items():
        torch.testing.assert_close(parts[key], value, rtol=0, atol=1e-10, msg=key)
    weights = [t for key, t in whole.items() if key.startswith("critic.") and not key.endswith(".u")]
    assert "constraint" not in slots or all(t.abs().max() <= 0.3 for t in weights)
    assert whole["penalty_0.usual"].all() and whole["view_1.p"] > 0


@pytest.mark.usefixtures("double")
def test_a_generator_without_a_critic_learns_in_parts_too():
    whole, parts = (end(lambda: Regression(Maker(), LATENT), {}, n) for n in (1, 4))
    for key, value in whole.items():
        torch.testing.assert_close(parts[key], value, rtol=0, atol=1e-12, msg=key)


class Held:
    """A tensor that a graph keeps for its way back, counted as long as it is kept."""

    now = most = 0

    def __init__(self, t: Tensor) -> None:
        self.t, self.bytes = t, t.nbytes
        Held.now += self.bytes
        Held.most = max(Held.most, Held.now)

    def __del__(self) -> None:
        Held.now -= self.bytes


def most_held(make: Callable[..., Game[Any]], slots: dict[str, Any], parts: int) -> int:
    """The most bytes that all graphs together hold of activations at any moment of a round."""
    torch.manual_seed(0)
    game, rows = make(**slots), 64
    weights = {p.data_ptr() for p in game.parameters()}
    driver = Engine(game, lambda player: SGD(0.1))
    Held.now = Held.most = 0
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: t if t.data_ptr() in weights or t.numel() <= 1 else Held(t),
        lambda kept: kept.t if isinstance(kept, Held) else kept,
    ):
        play(driver, [Batches(images, i, parts, rows) for i in range(parts)], 0, 2)
    return Held.most


# three look at gradients of the whole batch, which they differentiate again: all parts' graphs have to stand; the
# fourth keeps its weights, which are no smaller for fewer samples
APART = "nagarajan-kolter", "unrolled", "consensus", "spectral"
ONE_AT_A_TIME = {name: make for name, make in GAMES.items() if name not in APART}


@pytest.mark.parametrize("game", ONE_AT_A_TIME)
def test_no_part_keeps_its_graph_while_others_play(game: str):
    slots = {"turns": Turns(2, 2)} if game == "accuracy gate" else {}
    whole, parts = (most_held(ONE_AT_A_TIME[game], slots, n) for n in (1, 8))
    assert 0 < parts <= 1.5 * whole / 8


@pytest.mark.parametrize("sampler", [torch.randn, torch.rand, standard_uniform])
@pytest.mark.parametrize("pixels", [100, 7, 1])
def test_a_draw_in_blocks_is_the_draw_of_the_whole(monkeypatch: pytest.MonkeyPatch, sampler: Any, pixels: int):
    dtypes = (torch.float32, torch.float64)
    wholes = [sampler(64, pixels, generator=torch.Generator().manual_seed(3), dtype=d, device="cpu") for d in dtypes]
    monkeypatch.setattr("saddle.parts.shard.DRAW_BLOCK", 48)
    for whole in wholes:
        for count in (1, 4):
            dice, drawn = [torch.Generator().manual_seed(3) for _ in range(count)], []
            for i in range(count):
                with use_shard(Shard(i, count, dice[i])):
                    drawn.append(draw_rows(sampler, whole.new_empty(64 // count), pixels))
            assert torch.equal(torch.cat(drawn), whole)
            assert len({d.get_state().numpy().tobytes() for d in dice}) == 1


def test_a_part_of_many_holds_its_own_rows_and_a_block(monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []

    def sampler(n: int, **how: Any) -> Tensor:
        asked.append(n)
        return torch.rand(n, **how)

    monkeypatch.setattr("saddle.parts.shard.DRAW_BLOCK", 2**12)
    with use_shard(Shard(63, 64, torch.Generator())):
        assert draw_rows(sampler, torch.empty(4), 3, 16, 16).shape == (4, 3, 16, 16)
    assert max(asked) < 2**12 + 16 and sum(asked) == 64 * 4 * 3 * 16 * 16
