"""Critics that autoencode and critics with a bottleneck: EBGAN, BEGAN and VGAN against closed forms."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import softplus

from narrow import small
from saddle import load, train
from saddle.batches import Images
from saddle.capabilities import Reconstructs, capabilities_of
from saddle.cli import main
from saddle.cli.training import using_steps
from saddle.clock import Clock
from saddle.core import Judge, Judged, rebuild
from saddle.errors import Mistake
from saddle.games import Adversarial, Balanced, Rebuilding
from saddle.inference.anomaly import AnomalyScore, anomaly_terms
from saddle.networks import (
    COMPOSED_NETWORKS,
    Autoencoding,
    Bottlenecked,
    Classifying,
    Concatenated,
    Convolutional,
    DampedResidual,
    DenseAutoencoding,
    Dropped,
    MirroredAutoencoding,
    Packed,
    Pair,
    Perceptron,
    ResNet,
    Spectral,
)
from saddle.networks.bottleneck import BottleneckedCritic
from saddle.networks.ebgan import AutoencodingCritic
from saddle.networks.wrappers import PackedCritic
from saddle.objectives import Energy, NonSaturating, Wasserstein
from saddle.penalties import R1, Bottleneck, PullingAway
from saddle.recipes import find_recipe
from saddle.recipes.capable import game_class
from saddle.runs.log import read_log
from saddle.shape import Classes, Shape
from test_games import gradient, moves
from toys import LATENT, Maker, images

TINY, COLOUR = Shape(1, 16, 16), Shape(3, 32, 32)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def flat_grad(loss: Tensor, network: nn.Module) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)])


# EBGAN


def test_ebgans_convolutions_are_of_64_128_and_256_channels_and_back():
    critic = Autoencoding().critic(COLOUR)
    convolutions = [[m for m in side.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
                    for side in (critic.encoder, critic.decoder)]  # fmt: skip
    down, up = ([(m.in_channels, m.out_channels, m.kernel_size, m.stride) for m in side] for side in convolutions)
    assert down == [(a, b, (4, 4), (2, 2)) for a, b in ((3, 64), (64, 128), (128, 256))]
    assert up == [(b, a, *rest) for a, b, *rest in reversed(down)]


def test_a_fake_beyond_the_margin_teaches_the_critic_nothing_and_the_generator_still():
    nets, batch = Autoencoding(8, 4), torch.rand(3, 1, 16, 16)
    fake = torch.rand(3, 1, 16, 16)
    critic = nets.critic(TINY)
    energies = -critic(fake).score.detach()
    for margin, taught in ((energies.min().item() / 2, False), (2 * energies.max().item(), True)):
        objective = Energy(margin)
        whole = flat_grad(objective.critic(critic(batch).score, critic(fake).score), critic)
        alone = flat_grad(-critic(batch).score.mean(), critic)
        assert torch.equal(whole, alone) is not taught
        x = fake.clone().requires_grad_()
        (pull,) = torch.autograd.grad(objective.generator(x, critic(x).score), x)
        assert pull.any()


def test_pulling_away_is_a_term_of_the_generators_alone():
    nets = Autoencoding(8, 4)
    game = Adversarial(nets.generator(TINY), nets.critic(TINY), 8, Energy(10.0), generator_penalties=(PullingAway(),))
    critic, generator = moves(game, images(4)._replace(image=torch.rand(4, 1, 16, 16)))
    assert set(critic.terms) == {"adversarial"} and set(generator.terms) == {"adversarial", "PullingAway"}


# BEGAN


class Absolute(nn.Module):
    """Minus the mean absolute error that two dense layers leave."""

    energy = True

    def __init__(self) -> None:
        super().__init__()
        self.inside = MirroredAutoencoding(2, 2).critic(Shape(1, 8, 8))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Any:
        return self.inside(x.repeat_interleave(2, 2).repeat_interleave(2, 3))


def balanced(**fields: Any) -> Balanced:
    return Balanced(Maker(), Absolute(), LATENT, objective=Wasserstein(), **fields)


@pytest.mark.parametrize(("width", "generator", "critic"), [(64, 563_395, 4_011_651), (128, 1_716_611, 13_405_379)])
def test_began_has_the_published_layers(width: int, generator: int, critic: int):
    with torch.device("meta"):
        nets = MirroredAutoencoding(64, width)
        data = Shape(3, 64, 64)
        assert (count(nets.generator(data)), count(nets.critic(data))) == (generator, critic)


def test_began_layer_by_layer():
    with torch.device("meta"):
        encoder, decoder = (
            list(map(count, side))
            for side in (
                MirroredAutoencoding().critic(Shape(3, 64, 64)).encoder,
                MirroredAutoencoding().generator(Shape(3, 64, 64)),
            )
        )
    scales = [442_752, 1_475_328, 3_540_096, 4_129_792]
    layers = [n for n in encoder if n]
    assert [sum(layers[1:4]), sum(layers[4:7]), sum(layers[7:10]), sum(layers[10:12])] == scales
    assert [layers[0], layers[12]] == [3584, 2_097_216] and len(layers) == 13
    assert [n for n in decoder if n] == [532_480, *[1_180_672 // 8] * 8, 3459]


def test_began_scores_by_the_mean_absolute_error_and_nothing_is_squashed():
    critic, x = MirroredAutoencoding(4, 4).critic(TINY), torch.randn(3, 1, 16, 16)
    said = critic(x)
    torch.testing.assert_close(said.score, -(critic.decoder(critic.encoder(x)) - x).abs().mean((1, 2, 3)))
    assert said.features.shape == (3, 4)
    assert MirroredAutoencoding(4, 4).generator(TINY)(1e3 * torch.randn(2, 4)).abs().max() > 2
    torch.testing.assert_close(critic(x[:1]).score, said.score[:1])


def test_k_is_a_ramp_between_zero_and_one():
    game = balanced(gamma=0.5, rate=0.1)
    seen = []
    for errors in [(2.0, 0.5)] * 25 + [(2.0, 1.0)] * 2 + [(1.0, 1.5)] * 12:
        game.balance(torch.tensor(errors))
        seen.append(game.k.item())
    ramp = [min(0.05 * n, 1) for n in range(1, 26)]
    assert seen == pytest.approx([*ramp, 1, 1, *(max(1 - 0.1 * n, 0) for n in range(1, 13))], abs=1e-5)


def test_k_stands_still_where_errors_are_in_proportion_and_m_is_never_below_the_error_of_reals():
    game = balanced(gamma=0.4, rate=1.0)
    game.k.fill_(0.3)
    measures = []
    for real in (2.0, 1.0, 0.5):
        game.balance(torch.tensor([real, 0.4 * real]))
        measures.append(game.measure.item())
    assert game.k.item() == pytest.approx(0.3) and measures == pytest.approx([2.0, 1.0, 0.5])
    for fake in (0.0, 0.1, 0.9):
        game.balance(torch.tensor([0.5, fake]))
        assert game.measure.item() == pytest.approx(0.5 + abs(0.2 - fake)) and game.measure >= 0.5


def test_both_players_losses_and_whom_they_reach():
    game, batch = balanced(), images(6)
    game.k.fill_(0.3)
    z = torch.randn(6, LATENT)
    game.latents = lambda like: z  # type: ignore[method-assign]
    critic, generator = moves(game, batch)
    rebuild = game.critic.inside

    def error(x: Tensor) -> Tensor:
        big = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return (rebuild.decoder(rebuild.encoder(big)) - big).abs().mean()

    made = game.generator(z)
    torch.testing.assert_close(critic.loss, error(batch.image) - 0.3 * error(made))
    torch.testing.assert_close(gradient(critic), flat_grad(error(batch.image) - 0.3 * error(made.detach()), rebuild))
    # through what is rebuilt, and through what it is compared with
    torch.testing.assert_close(gradient(generator), flat_grad(error(made), game.generator))
    assert not game.k.requires_grad and not game.errors.requires_grad
    assert critic.players == (game.critic,) and generator.players == (game.generator,)


def test_balance_needs_errors_and_a_share():
    with pytest.raises(Mistake, match="networks that autoencode, MirroredAutoencoding"):
        Balanced(Maker(), Convolutional(4, 4).critic(TINY), LATENT)
    with pytest.raises(Mistake, match=r"gamma is 1\.5"):
        balanced(gamma=1.5)
    with pytest.raises(Mistake, match="rate is -1"):
        balanced(rate=-1)


# both


def wrapped(pair: Any) -> tuple[Any, ...]:
    return pair, Spectral(pair), Packed(pair, 3), Concatenated(pair), Concatenated(Packed(pair)), Classifying(pair)


@pytest.mark.parametrize("pair", [MirroredAutoencoding(4, 4), Autoencoding(4, 4), DenseAutoencoding(4, 8, 1, 4)])
def test_what_a_critic_makes_again_of_an_image_is_had_through_pairs_of_pairs_for_each_by_itself(pair: Any):
    data, x, labels = Shape(1, 16, 16, Classes(2)), torch.rand(5, 1, 16, 16) * 2 - 1, torch.tensor([0, 1, 1, 0, 1])
    for nets in wrapped(pair):
        critic = nets.critic(data).eval()
        game = Rebuilding(nets.generator(data), critic, nets.latent, Energy())
        again = game.reconstruct(x, labels)
        assert again.shape == x.shape
        torch.testing.assert_close(game.reconstruct(x[3:4], labels[3:4]), again[3:4])
        inner = next(m for m in critic.modules() if isinstance(m, AutoencodingCritic))
        seen: list[Tensor] = []
        inner.encoder.register_forward_pre_hook(lambda module, inputs, seen=seen: seen.append(inputs[0]))
        again = game.reconstruct(x, labels)
        assert torch.equal(again, inner.decoder(inner.encoder(seen[0]))[:, :1])
        copies = 3 if isinstance(critic, PackedCritic) else 2 if nets == Concatenated(Packed(pair)) else 1
        assert torch.equal(seen[0][:, :: seen[0].shape[1] // copies], x.expand(-1, copies, -1, -1))


def test_the_score_of_an_image_is_minus_how_far_it_is_from_itself_again():
    x = torch.rand(3, 1, 16, 16) * 2 - 1
    for name, error in (("began", lambda d: d.abs().mean((1, 2, 3))), ("ebgan", lambda d: d.flatten(1).norm(dim=1))):
        game = small(name).game(TINY).eval()
        torch.testing.assert_close(game.score(x), -error(game.reconstruct(x) - x))
        assert list(game.show(Images(x))) == ["real", "again", "made"]


def test_a_critic_that_does_not_autoencode_makes_nothing_again():
    nets = Packed(Convolutional(4, 4))
    game = Rebuilding(nets.generator(TINY), nets.critic(TINY), 4)
    with pytest.raises(Mistake, match=r"does not autoencode.*MirroredAutoencoding\(\)"):
        game.reconstruct(torch.rand(2, 1, 16, 16))
    assert list(game.show(Images(torch.rand(2, 1, 16, 16)))) == ["made"]


def made_of(pair: Any, other: Any) -> list[Any]:
    """Pairs that have this critic in them, in every wrapper that there is."""
    return [pair, Pair(other, pair), *(kind(pair) for kind in COMPOSED_NETWORKS if kind is not Pair)]


@pytest.mark.parametrize(("pair", "other"), [
    (DenseAutoencoding(4, 8, 1, 4), Convolutional(4, 4, normal=False)),
    (Convolutional(4, 4, normal=False), DenseAutoencoding(4, 8, 1, 4)),
])  # fmt: skip
def test_a_game_reconstructs_where_the_critic_of_its_networks_autoencodes(pair: Any, other: Any):
    """Whatever the recipe: it is the networks that do it, and what is said of it before any game is made is so."""
    data, x, labels = Shape(1, 16, 16, Classes(2)), torch.rand(10, 1, 16, 16), torch.arange(10) % 2
    seen = []
    for name, nets in ((name, nets) for nets in made_of(pair, other) for name in ("dcgan", "ebgan", "gan")):
        recipe = dataclasses.replace(find_recipe(name)[0], networks=nets, objective=NonSaturating())  # type: ignore[type-var]
        try:
            game = recipe.game(data).eval()
        except Mistake:
            continue  # a wrapper that takes no such pair, or a game
        again = rebuild(game.critic, x, labels)
        assert isinstance(game, Reconstructs) == (again is not None), nets
        assert capabilities_of(type(game)) == capabilities_of(game_class(recipe))
        assert again is None or torch.equal(game.reconstruct(x, labels), again)
        seen.append((name, type(nets).__name__))
    assert {("dcgan", "Packed"), ("ebgan", "Concatenated"), ("gan", "Pair")} <= set(seen)


def test_a_run_of_any_recipe_reconstructs_if_its_critic_does(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 1), np.uint8)
    how: dict[str, Any] = {"images": 8, "pictures": 1, "quiet": True, "device": "cpu"}
    options = {"networks": "DenseAutoencoding(4, 8, 1, 4)", "batch": "4"}
    run = train("dcgan", pixels, out=tmp_path / "run", options=options, **how)
    assert "reconstruct RUN FILES" in [command for command, _ in using_steps(run, "RUN")]
    assert load(run).reconstruct(torch.rand(2, 1, 16, 16)).shape == (2, 1, 16, 16)
    options = {"networks": "Convolutional(4, 4)", "objective": "NonSaturating()", "batch": "4"}
    run = train("ebgan", pixels, out=tmp_path / "other", options=options, **how)
    assert "reconstruct RUN FILES" not in [command for command, _ in using_steps(run, "RUN")]
    with pytest.raises(Mistake, match="this run cannot reconstruct images; it can generate, judge and score"):
        load(run).reconstruct(torch.rand(2, 1, 16, 16))


def test_a_run_of_began_reconstructs_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 1), np.uint8)
    run = train(
        small("began"), pixels, out=tmp_path / "run", images=16, pictures=1, quiet=True, device="cpu", threads=1
    )
    Image.fromarray(pixels[0, :, :, 0]).save(tmp_path / "a.png")
    main(["reconstruct", str(run), str(tmp_path / "a.png")])
    assert Path(capsys.readouterr().out.strip()) == run / "reconstructed.png"
    told = [command for command, _ in using_steps(run, "RUN")]
    assert "reconstruct RUN FILES" in told
    x = torch.from_numpy(pixels).movedim(3, 1) / 127.5 - 1
    model = load(run)
    (terms,) = anomaly_terms(model, x, AnomalyScore("reconstruction", "mean-square")).T
    torch.testing.assert_close(terms, (model.reconstruct(x) - x).square().mean((1, 2, 3)).double())


# VGAN


@pytest.mark.parametrize(("pair", "side", "generator", "without", "critic"), [
    (DampedResidual(width=32, widest=256), 32, 1_700_196, 647_777, 779_361),
    (DampedResidual(widest=1024), 128, 33_277_636, 29_067_969, 31_167_169),
    (DampedResidual(widest=1024), 256, 52_154_052, 47_944_385, 50_043_585),
    (DampedResidual(width=16), 1024, 18_810_036, 16_705_201, 17_230_513),
], ids=["CIFAR", "CelebA", "LSUN", "CelebA-HQ"])  # fmt: skip
def test_vgan_has_the_published_networks(pair: DampedResidual, side: int, generator: int, without: int, critic: int):
    data = Shape(3, side, side)
    with torch.device("meta"):
        own = pair.generator(data)
        label = own[0].out_features + 1  # theirs embeds its only label in one number: a second bias
        assert (count(own) + label, count(pair.critic(data))) == (generator, without)
        assert count(Bottlenecked(pair).critic(data)) == critic


def bottlenecked(pair: Any = DampedResidual(4, 4, 4), data: Shape = TINY) -> BottleneckedCritic:
    return Bottlenecked(pair).critic(data)


def test_the_codes_divergence_is_summed_over_channels_and_a_mean_over_places():
    critic, x = bottlenecked(), torch.rand(5, 1, 16, 16)
    nn.init.normal_(critic.code.weight)
    mean, log_std = critic.code(critic.before(x)).chunk(2, 1)
    assert mean.shape == (5, 4, 4, 4)
    expected = kl_divergence(Normal(mean, log_std.exp()), Normal(0.0, 1.0)).sum(1).mean((1, 2))
    torch.testing.assert_close(critic(x).more["kl"], expected)


def test_codes_are_drawn_while_training_and_means_at_rest():
    critic, x = bottlenecked(), torch.rand(5, 1, 16, 16)
    assert not torch.equal(critic(x).score, critic(x).score)
    critic.eval()
    assert torch.equal(critic(x).score, critic(x).score)
    torch.testing.assert_close(critic(x[2:3]).score, critic(x).score[2:3])
    mean = critic.code(critic.before(x)).chunk(2, 1)[0]
    torch.testing.assert_close(critic(x).score, critic.head(critic.after(mean.clone())))
    critic.train()
    many = critic.head(critic.after(mean[:1] + 0 * mean[:1]))  # shape
    assert many.shape == (1,)


@pytest.mark.parametrize("pair", [Convolutional(4, 4), Perceptron(4, 8), ResNet(4, 4), Dropped(Perceptron(4, 8))])
def test_any_pair_of_layers_in_a_row_takes_a_bottleneck(pair: Any):
    data = Shape(1, 32, 32)
    critic, plain = bottlenecked(pair, data), pair.critic(data)
    said = critic(torch.rand(4, 1, 32, 32))
    assert said.score.shape == said.more["kl"].shape == (4,)
    assert said.features.shape == plain(torch.rand(4, 1, 32, 32)).features.shape
    width = critic.code.weight.shape[1]
    assert count(critic) - count(plain) == 2 * width * (width + 1)


def test_packs_have_a_code_each_and_what_has_no_layers_in_a_row_is_refused():
    critic = Packed(Bottlenecked(Convolutional(4, 4, normal=False))).critic(TINY)
    assert critic(torch.rand(6, 1, 16, 16)).more["kl"].shape == (3,)
    for pair in (Packed(Convolutional(4, 4)), Autoencoding(4, 4)):
        with pytest.raises(Mistake, match=r"no layers in a row .* Bottlenecked\(DampedResidual\(\)\)"):
            Bottlenecked(pair).critic(TINY)


def test_a_limit_needs_a_bottleneck():
    nets = Convolutional(4, 4)
    game = Adversarial(nets.generator(TINY), nets.critic(TINY), 4, penalties=(Bottleneck(),))
    with pytest.raises(Mistake, match=r"noisy code, .* Bottlenecked\(DampedResidual\(\)\)"):
        moves(game, images(4)._replace(image=torch.rand(4, 1, 16, 16)))
    for field in ("capacity", "start", "step"):
        with pytest.raises(Mistake, match=f"Bottleneck's {field} is -1"):
            Bottleneck(**{field: -1.0})


def told(kl: float) -> Judged:
    return Judged(torch.zeros(2, 1), torch.zeros(2), torch.zeros(2, 1), None, {"kl": torch.full((2,), kl)})


def test_beta_is_a_ramp_above_zero_and_weighs_the_mean_of_both_sides():
    limit = Bottleneck(capacity=0.5, start=0.1, step=0.1).memory()
    judge = Judge(nn.Identity(), Clock())
    assert limit(judge, told(1.0), told(3.0)).item() == pytest.approx(0.1 * 2.0)
    seen = []
    for kl in [2.5] * 3 + [0.5] + [0.0] * 16:
        limit.update(limit.observe(told(kl), told(kl)))
        seen.append(limit.beta.item())
    falling = [max(0.7 - 0.05 * n, 0) for n in range(1, 17)]
    assert seen == pytest.approx([0.3, 0.5, 0.7, 0.7, *falling], abs=1e-6)
    assert {name: t.item() for name, t in limit.logged().items()} == {"beta": seen[-1], "kl": 0.0}


def learn(capacity: float, start: float, step: float, rounds: int = 600) -> tuple[float, float, float]:
    """Two points apart, told by a critic alone: its cross-entropy, beta, and what its code says in the end."""
    torch.manual_seed(0)
    critic = Bottlenecked(Perceptron(2, 16, 1)).critic(Shape(2, 1, 1))
    limit = Bottleneck(capacity, start, step).memory()
    real, fake = torch.ones(64, 2, 1, 1), -torch.ones(64, 2, 1, 1)
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
    judge, losses, kls = Judge(critic, Clock()), [], []
    for _ in range(rounds):
        r, f = judge(real), judge(fake)
        loss = softplus(-r.score).mean() + softplus(f.score).mean()
        optimizer.zero_grad()
        (loss + limit(judge, r, f)).backward()
        limit.update(limit.observe(r, f).detach())
        optimizer.step()
        losses.append(loss.item())
        kls.append(limit.kl.item())
    return float(np.mean(losses[-50:])), limit.beta.item(), float(np.mean(kls[-50:]))


def test_beta_holds_the_code_at_its_capacity_or_is_nothing_where_there_is_slack():
    _, beta, kl = learn(capacity=0.5, start=0.1, step=0.02)
    assert beta > 0.5 and kl == pytest.approx(0.5, rel=0.1)
    loss, beta, kl = learn(capacity=100.0, start=0.1, step=0.05)
    assert beta == 0 and kl < 100 and loss < 0.05


def test_without_capacity_the_critic_knows_nothing_and_without_a_limit_it_is_the_plain_game():
    loss, beta, kl = learn(capacity=0.0, start=10.0, step=0.1)
    assert beta > 10 and kl < 0.01 and loss == pytest.approx(2 * np.log(2), abs=0.02)
    nets = Bottlenecked(DampedResidual(4, 4, 4))
    batch = images(4)._replace(image=torch.rand(4, 1, 16, 16))
    seen = []
    for penalties in ((), (Bottleneck(capacity=float("inf"), start=0.0),)):
        torch.manual_seed(0)
        game = Adversarial(nets.generator(TINY), nets.critic(TINY), 4, penalties=penalties)
        seen.append([gradient(move) for move in moves(game, batch)])
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))


def test_r1_is_the_slope_through_the_drawn_code():
    critic = bottlenecked()
    x = torch.rand(3, 1, 16, 16, requires_grad=True)
    judged = Judge(critic, Clock())(x)
    value = R1(2.0)(Judge(critic, Clock()), judged, judged)
    (slope,) = torch.autograd.grad(judged.score.sum(), x)
    torch.testing.assert_close(value, slope.flatten(1).square().sum(1).mean() / 2)


@pytest.mark.parametrize(("name", "shown"), [
    ("began", {"Balanced/k", "Balanced/M"}), ("vgan-r1", {"Bottleneck/beta", "Bottleneck/kl"}),
])  # fmt: skip
def test_the_log_shows_what_a_method_remembers(name: str, shown: set[str], tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 1), np.uint8)
    run = train(small(name), pixels, out=tmp_path / "run", images=16, pictures=0, quiet=True, device="cpu", threads=1)
    for line in read_log(run / "log.jsonl"):
        assert shown <= set(line)
