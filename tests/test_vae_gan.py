"""VAE-GAN: whose loss reaches whom, a round against the same in plain torch, who waits, what it refuses."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from saddle.batches import Images
from saddle.capabilities import Contests, Infers, Reconstructs, Scores
from saddle.clock import Clock
from saddle.core import Agree, Move
from saddle.errors import Mistake
from saddle.games import VAEGAN, EquilibriumGate
from saddle.layers import gaussian_code
from saddle.networks import Bidirectional, ConvolutionalVAEGAN, DenseAutoencoder, Perceptron
from saddle.objectives import LeastSquares, Minimax, NonSaturating, Wasserstein
from saddle.optim import SGD
from saddle.recipes.vae_gan import VAEGAN as Recipe
from saddle.shape import Shape
from saddle.training.engine import Engine
from toys import Batches, images, play

SMALL, TOY = Shape(1, 16, 16), Shape(1, 4, 4)
NARROW = ConvolutionalVAEGAN(latent=3, width=2, hidden=6)
STD = 0.7
PLAYERS = ("encoder", "generator", "critic")


pytestmark = pytest.mark.usefixtures("double")


def game(**more: Any) -> VAEGAN:
    return VAEGAN(NARROW.encoder(SMALL, 2), NARROW.generator(SMALL), NARROW.critic(SMALL), NARROW.latent, **more)


def plain_game(**more: Any) -> VAEGAN:
    """Without batch normalisation anywhere."""
    nets = DenseAutoencoder(latent=3, widths=(8,))
    return VAEGAN(nets.encoder(TOY, 2), nets.generator(TOY), Perceptron(width=8, depth=2).critic(TOY), 3, **more)


def grads_of(played: VAEGAN, moves: tuple[Move, ...]) -> dict[str, list[Tensor]]:
    """The gradient that each player is given: of its own move, in its own parameters."""
    found = {}
    for move in moves:
        (player,) = move.players
        own = list(player.parameters())
        loss = move.loss + 0 * torch.stack([p.sum() for p in own]).sum()  # which may depend on none of them
        given = torch.autograd.grad(loss, own, retain_graph=True)
        name = next(name for name, child in played.named_children() if child is player)
        found[name] = list(given)
    return found


ROUTES = {  # L_prior, L_llike and L_GAN, and the players that each of them moves
    "prior": {"encoder"},
    "likelihood": {"encoder", "generator"},
    "adversarial": {"generator", "critic"},
}


@pytest.mark.parametrize("objective", [Minimax(), NonSaturating(), LeastSquares()], ids=repr)
@pytest.mark.parametrize("loss", ROUTES)
def test_each_loss_moves_the_players_that_it_should_and_no_other(loss: str, objective: Any):
    played = game(objective=objective, gamma=0.5)
    losses = played.losses(torch.randn(6, *SMALL[:3]))
    kept = {"adversarial": ("real", "copied", "made")}.get(loss, (loss,))
    alone = losses._replace(**{name: t.detach() for name, t in losses._asdict().items() if name not in kept})
    grads = grads_of(played, tuple(played.moves(alone, Clock())))
    assert set(grads) == {*PLAYERS}
    assert {name for name, given in grads.items() if any(g.any() for g in given)} == ROUTES[loss]


def plain_losses(nets: dict[str, nn.Module], x: Tensor, noise: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Any]:
    """L_prior, L_llike, and the scores of reals, copies and samples, by formulas and layers alone."""
    mean, s = nets["encoder"](x).split(3, dim=1)
    prior = 0.5 * (mean**2 + s.exp() - 1 - s).sum(1).mean()
    made = nets["generator"](torch.cat([mean + (s / 2).exp() * noise, z]))
    h = nets["critic"].trunk(torch.cat([x, made]))
    likelihood = ((h[:6].detach() - h[6:12]) ** 2).sum((1, 2, 3)).mean() / (2 * STD**2)
    return prior, likelihood, nets["critic"].head(h).split(6)


def test_rounds_are_those_of_plain_torch(monkeypatch: pytest.MonkeyPatch):
    """Each player by a pass of its own through the others, which are frozen."""
    played, data = game(gamma=0.3, std=STD), [torch.rand(6, *SMALL[:3]) * 2 - 1 for _ in range(3)]
    draws = [torch.randn(2, 6, 3) for _ in data]
    nets = {name: deepcopy(getattr(played, name)) for name in PLAYERS}
    for x, (noise, z) in zip(data, draws, strict=True):
        steps = []
        for name, net in nets.items():
            for other in nets.values():
                other.requires_grad_(other is net)
            prior, likelihood, (real, copied, made) = plain_losses(nets, x, noise, z)
            fakes = softplus(copied).mean() + softplus(made).mean()
            loss = {"encoder": prior + likelihood, "generator": 0.3 * likelihood - fakes,
                    "critic": softplus(-real).mean() + fakes / 2}[name]  # fmt: skip
            own = list(net.parameters())
            steps += zip(own, torch.autograd.grad(loss, own), strict=True)
        for p, g in steps:
            p.data -= 0.05 * g

    engine, places = Engine(played, lambda player: SGD(0.05)), iter(draws)
    for i, x in enumerate(data):
        noise, z = next(places)
        monkeypatch.setattr(gaussian_code, "draw_rows", lambda sampler, like, *shape, noise=noise: noise)
        played.prior = lambda like, size, z=z: z
        engine.play(iter([Images(x)]), clock=Clock(round=i))
    for name, net in nets.items():
        for (key, p), q in zip(net.named_parameters(), getattr(played, name).parameters(), strict=True):
            torch.testing.assert_close(q, p, rtol=0, atol=1e-9, msg=f"{name}.{key}")


def test_with_a_large_weight_the_generator_is_a_decoder_of_features():
    """gamma to infinity: its gradient is that of L_llike alone; and at 0 that of the critic's opinion alone."""
    played, x = game(), torch.randn(6, *SMALL[:3])
    losses = played.losses(x)

    def generator(gamma: float) -> Tensor:
        played.gamma = gamma
        grads = grads_of(played, tuple(played.moves(losses, Clock())))["generator"]
        return torch.cat([g.flatten() for g in grads])

    def wanted(loss: Tensor) -> Tensor:
        own = list(played.generator.parameters())
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, own, retain_graph=True)])

    of_features = wanted(losses.likelihood)
    adversarial = wanted(-softplus(losses.copied).mean() - softplus(losses.made).mean())
    torch.testing.assert_close(generator(1e9) / 1e9, of_features, rtol=0, atol=1e-8)
    torch.testing.assert_close(generator(0.0), adversarial)
    torch.testing.assert_close(generator(2.0), 2 * of_features + adversarial)


def test_all_that_is_made_is_judged_in_one_pass():
    """So a batch normalisation takes its statistics of images, copies and samples alike."""
    played, x = game(), torch.randn(6, *SMALL[:3])
    seen: list[tuple[str, Tensor]] = []
    for name in PLAYERS:
        getattr(played, name).register_forward_pre_hook(lambda net, given, name=name: seen.append((name, given[0])))
    list(played.round(iter([Images(x)]), Clock()))
    assert [(name, len(given)) for name, given in seen] == [("encoder", 6), ("generator", 12), ("critic", 18)]
    assert torch.equal(seen[-1][1][:6], x)
    first, norm = played.critic.trunk[2], played.critic.trunk[3]
    of_all = first(played.critic.trunk[1](played.critic.trunk[0](seen[-1][1]))).mean((0, 2, 3))
    torch.testing.assert_close(norm.running_mean, 0.1 * of_all)


def movers(played: VAEGAN, real: float, copied: float, made: float) -> list[str]:
    """Who moves under its gate when the scores are these."""
    losses = played.losses(torch.randn(6, *SMALL[:3]))
    scores = {"real": real, "copied": copied, "made": made}
    told = losses._replace(**{name: 0 * getattr(losses, name) + value for name, value in scores.items()})
    played.losses = lambda x: told
    names = {child: name for name, child in played.named_children()}
    found = []
    for turn in played.round(iter([Images(torch.zeros(6, *SMALL[:3]))]), Clock()):
        if isinstance(turn, Agree):
            turn.tell(turn.value.detach())
        else:
            found = [names[player] for move in turn for player in move.players]
    return found


@pytest.mark.parametrize(("scores", "expected"), [
    ((0.0, 0.0, 0.0), PLAYERS),  # chance: costs of log 2
    ((2.0, 0.0, 0.0), ("encoder", "generator")),  # reals are known: the critic waits
    ((0.0, -1.0, -2.0), ("encoder", "generator")),  # fakes are: softplus(-1) and softplus(-2), 0.22 on average
    ((0.0, -0.1, -2.0), PLAYERS),  # 0.39 on average, which is no less than 0.68 - 0.35
    ((-1.0, 0.0, 0.0), ("encoder", "critic")),  # reals are taken for fakes: the generator waits
    ((0.0, 1.0, 1.0), ("encoder", "critic")),
    ((2.0, 2.0, 2.0), PLAYERS),  # both would wait, so both move
])  # fmt: skip
def test_the_gate_is_the_authors(scores: tuple[float, ...], expected: tuple[str, ...]):
    assert movers(game(gate=EquilibriumGate()), *scores) == [*expected]
    assert movers(game(), *scores) == [*PLAYERS]  # without a gate nobody waits


@pytest.mark.parametrize("gate", [None, EquilibriumGate(margin=0.02)], ids=["free", "gated"])
def test_parts_equal_the_whole_where_no_layer_looks_at_a_batch(gate: EquilibriumGate | None):
    ends = []
    for parts in (1, 4):
        torch.manual_seed(0)
        played = plain_game(gate=gate, gamma=0.5)
        engine = Engine(played, lambda player: SGD(0.02))
        report = play(engine, [Batches(images, i, parts) for i in range(parts)], 0, 4)
        ends.append({**played.state_dict(), **{f"report {key}": t for key, t in report.items()}})
    whole, in_parts = ends
    assert whole.keys() == in_parts.keys() and (gate is None or not whole["open"].all())
    for key, value in whole.items():
        torch.testing.assert_close(in_parts[key], value, rtol=0, atol=1e-10, msg=key)


@pytest.mark.parametrize("gate", [None, EquilibriumGate()], ids=["free", "gated"])
def test_no_part_keeps_its_graph_while_others_play(gate: EquilibriumGate | None):
    played = plain_game(gate=gate)
    plain, passes, graphs = played.losses, [], []

    def losses(x: Tensor) -> Any:
        passes.append([graph() for graph in graphs if graph() is not None])
        told = plain(x)
        graphs.extend(weakref.ref(t) for t in told if t.requires_grad)
        return told

    played.losses = losses
    play(Engine(played, lambda player: SGD(0.02)), [Batches(images, i, 4) for i in range(4)], 0, 2)
    assert len(graphs) == 2 * 4 * 5 and len(passes) == (16 if gate else 8) and not any(passes)


def test_the_networks_are_as_large_as_the_authors():
    with torch.device("meta"):
        made = Recipe().game(Shape(3, 64, 64))
        verdict = made.critic(torch.empty(2, 3, 64, 64))
    assert [sum(p.numel() for p in getattr(made, name).parameters()) for name in PLAYERS] == [
        18_071_360, 4_693_155, 10_953_857]  # fmt: skip
    assert verdict.features.shape == (2, 256, 8, 8) and verdict.score.shape == (2,)


def test_features_are_taken_before_they_are_normalised():
    critic, x = NARROW.critic(SMALL).eval(), torch.randn(4, *SMALL[:3])
    last = [layer for layer in critic.modules() if isinstance(layer, nn.Conv2d)][-1]
    kept: list[Tensor] = []
    last.register_forward_hook(lambda layer, given, answer: kept.append(answer.clone()))
    features = critic(x).features
    assert torch.equal(features, kept[0]) and features.min() < 0 and features.shape == (4, 16, 2, 2)


@pytest.mark.parametrize("data", [SMALL, Shape(3, 32, 48), Shape(1, 8, 24)], ids=str)
def test_networks_take_and_make_sides_of_eights(data: Shape):
    x = torch.randn(3, *data[:3])
    encoder, generator = NARROW.encoder(data, 2), NARROW.generator(data)
    assert encoder(x).shape == (3, 6) and generator(encoder(x)[:, :3]).shape == x.shape
    assert NARROW.critic(data)(x).score.shape == (3,)


def test_what_it_can_do_it_does_alike_alone_and_in_a_batch():
    played, x = game(), torch.randn(6, *SMALL[:3])
    list(played.round(iter([Images(x)]), Clock()))
    played.eval()
    assert all(isinstance(played, kind) for kind in (Contests, Infers, Reconstructs, Scores))
    mean, log_variance = played.posterior(x)
    assert torch.equal(played.encode(x), mean) and mean.shape == log_variance.shape == (6, 3)
    assert torch.equal(played.reconstruct(x), played.make(mean))
    assert torch.equal(played.score(x), played.judge(None, Clock())(x).score.float())
    for answer in (played.encode, played.reconstruct, played.score):
        torch.testing.assert_close(torch.cat([answer(one) for one in x.split(1)]), answer(x))


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "a size": (lambda: Recipe().game(Shape(1, 28, 28)), r"sides are multiples of 8 pixels, not .*; give --size 32"),
    "a critic of pairs": (lambda: dataclasses.replace(Recipe(), networks=Bidirectional(4, 4, 8)).game(SMALL),
                          r"needs its code; give --networks \"ConvolutionalVAEGAN\(\)\""),
    "a weight": (lambda: game(gamma=-1.0), "the weight gamma is -1.0"),
    "a deviation": (lambda: game(std=0.0), "the deviation of features, std, is 0.0, but should be above 0"),
    "scores of no sign": (lambda: game(objective=Wasserstein(), gate=EquilibriumGate()),
                          "EquilibriumGate: under Wasserstein, the score 0.0 parts no reals from fakes"),
    "no width": (lambda: ConvolutionalVAEGAN(width=0), "width is 0, but should be a whole number"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_go_together_is_refused(case: str):
    make, words = REFUSED[case]
    with pytest.raises(Mistake, match=words):
        make()
