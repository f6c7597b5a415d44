"""Autoencoders: linear ones whose best answers are known in closed form, bounds, and what a loss is made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import repeat
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import MultivariateNormal, Normal

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Game, Move
from saddle.errors import Mistake
from saddle.games import Autoencoder, VariationalAutoencoder
from saddle.layers import gaussian_code
from saddle.networks import ConvolutionalAutoencoder, DenseAutoencoder, Perceptron
from saddle.objectives import Bernoulli, Gaussian, LearnedGaussian, SquaredError
from saddle.objectives.likelihoods import check_suits
from saddle.parts import Shard, use_shard
from saddle.recipes import find_recipe
from saddle.shape import Shape
from saddle.theory.descent import descend

LINEAR = DenseAutoencoder(latent=2, widths=())
DIGIT, POINT = Shape(1, 28, 28), Shape(2, 1, 1)


pytestmark = pytest.mark.usefixtures("double")


def centred(n: int, deviations: list[float]) -> tuple[Tensor, Tensor, Tensor]:
    """Points (n, d, 1, 1) with mean nought, and the eigenvalues and eigenvectors of their covariance, largest first."""
    d = len(deviations)
    turned = torch.linalg.qr(torch.randn(d, d))[0]
    x = torch.randn(n, d) * torch.tensor(deviations) @ turned.T
    x -= x.mean(0)
    values, vectors = torch.linalg.eigh(x.T @ x / n)
    return x.view(n, d, 1, 1), values.flip(0), vectors.flip(1)


def minimise(game: Game[Any], x: Tensor, steps: int = 400) -> float:
    """The loss of the game's own move on one batch, where descent ends."""

    def loss() -> Tensor:
        (move,) = game.round(repeat(Images(x)), Clock())
        assert isinstance(move, Move)
        return move.loss

    return descend(loss, list(game.parameters()), steps)


def test_a_linear_autoencoder_finds_the_principal_components():
    """Baldi & Hornik 1989: it loses the small eigenvalues, and its generator spans the large ones' plane."""
    x, values, vectors = centred(200, [3.0, 2.0, 0.5, 0.3, 0.2])
    data = Shape(5, 1, 1)
    loss = minimise(Autoencoder(*(game := (LINEAR.encoder(data), LINEAR.generator(data))), 2), x)
    assert loss == pytest.approx(float(values[2:].sum()), rel=1e-6)
    spanned = torch.linalg.qr(game[1].layers[0].weight.detach())[0]
    angles = torch.linalg.svdvals(spanned.T @ vectors[:, :2]).clamp(max=1).acos()
    assert angles.max() < 1e-3


@pytest.fixture
def two_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise of 1 and -1 in turn: of what is quadratic in it, the mean over both is the expectation."""

    def draw(sampler: object, like: Tensor, *shape: int) -> Tensor:
        signs = torch.tensor([1.0, -1.0]).repeat(len(like) // 2)
        return signs.view(-1, *[1] * len(shape)).expand(len(like), *shape)

    monkeypatch.setattr(gaussian_code, "draw_rows", draw)


@pytest.mark.usefixtures("two_draws")
def test_a_linear_vae_of_one_number_is_exact():
    """Lucas et al. 2019: w^2 + s^2 is the variance, the posterior is Bayes's, and the bound log p(x) itself."""
    x, (variance,), _ = centred(100, [1.3])
    nets, data, s = DenseAutoencoder(latent=1, widths=()), Shape(1, 1, 1), 0.5
    game = VariationalAutoencoder(nets.encoder(data, 2), nets.generator(data), 1, Gaussian(s))
    with torch.no_grad():
        game.generator.layers[0].weight.fill_(0.7)
    loss = minimise(game, x.repeat_interleave(2, 0))
    w, b = (p.item() for p in game.generator.parameters())
    assert w**2 + s**2 == pytest.approx(float(variance), rel=1e-6)
    mean, log_variance = game.posterior(x)
    torch.testing.assert_close(mean, (w * (x - b) / (w**2 + s**2)).flatten(1), rtol=0, atol=1e-5)
    torch.testing.assert_close(log_variance.exp(), torch.full_like(mean, s**2 / (w**2 + s**2)), rtol=0, atol=1e-5)
    exact = Normal(b, math.hypot(w, s)).log_prob(x).mean()
    assert -loss == pytest.approx(float(exact), abs=1e-8)


@pytest.mark.usefixtures("two_draws")
def test_a_linear_vae_that_learns_its_deviation_is_probabilistic_pca():
    """Its variance is the mean of the eigenvalues left out, and its bound log p(x) under W W^T + s^2."""
    x, values, _ = centred(100, [2.0, 0.6, 0.5, 0.4])
    nets, data = DenseAutoencoder(latent=1, widths=()), Shape(4, 1, 1)
    game = VariationalAutoencoder(nets.encoder(data, 2), nets.generator(data), 1, LearnedGaussian())
    loss = minimise(game, x.repeat_interleave(2, 0), 1000)
    s = float(game.likelihood.logged()["std"])
    assert s**2 == pytest.approx(float(values[1:].mean()), rel=1e-4)
    weight, bias = (p.detach() for p in game.generator.parameters())
    exact = MultivariateNormal(bias, weight @ weight.T + s**2 * torch.eye(4)).log_prob(x.flatten(1)).mean()
    assert -loss == pytest.approx(float(exact), abs=1e-6)


def test_a_learned_deviation_is_best_at_the_mean_squared_error():
    x, made = torch.randn(2, 7, 3, 2, 2)
    likelihood = LearnedGaussian().memory()
    loss = descend(lambda: likelihood(lambda z: made, x, x).mean(), list(likelihood.parameters()), 50)
    mse = float((x - made).square().mean())
    assert float(likelihood.logged()["std"]) ** 2 == pytest.approx(mse)
    assert loss == pytest.approx(x[0].numel() / 2 * (1 + math.log(2 * math.pi * mse)))


def test_the_bound_by_more_draws_is_tighter_and_never_above_the_truth():
    """Burda et al. 2016, theorem 1; what is true is known by quadrature over the one number of a code."""
    nets, data = DenseAutoencoder(latent=1, widths=(8,)), POINT
    game = VariationalAutoencoder(nets.encoder(data, 2), nets.generator(data), 1, Gaussian(0.7))
    x = torch.tensor([0.3, -0.8]).view(1, 2, 1, 1)
    grid = torch.linspace(-8, 8, 2001)[:, None]
    joint = Normal(0.0, 1.0).log_prob(grid)[:, 0] - game.likelihood(game.generator, grid, x.expand(2001, -1, -1, -1))
    truth = float((joint.logsumexp(0) + math.log(16 / 2000)).detach())
    with torch.no_grad(), use_shard(Shard(rng=torch.Generator().manual_seed(3))):
        many = x.expand(4000, -1, -1, -1)
        bounds = [float(game.score(many, draws=k).mean()) for k in (1, 2, 8, 50)]
        mean, log_variance = game.posterior(many)
        z = gaussian_code.reparameterise(mean, log_variance)
        elbo = -game.likelihood(game.generator, z, many) - gaussian_code.gaussian_kl(mean, log_variance)
    assert bounds == sorted(bounds) and bounds[-1] < truth + 1e-3 and truth - bounds[-1] < 0.01
    assert bounds[0] == pytest.approx(float(elbo.mean()), abs=0.05) and bounds[1] - bounds[0] > 0.05
    with pytest.raises(Mistake, match="draws is 0, but should be 1 or more"):
        game.score(x, draws=0)


@torch.no_grad()
def test_the_bound_of_many_draws_is_of_one_image_also_where_its_pixels_are_drawn():
    """Of a generator and an encoder that know nothing, k of 16 pixels white: k log p + (16 - k) log(1 - p)."""
    nets, data = DenseAutoencoder(latent=1, widths=()), Shape(1, 4, 4)
    game = VariationalAutoencoder(nets.encoder(data, 2), nets.generator(data), 1, Bernoulli(binarised=True))
    for p in game.parameters():
        nn.init.zeros_(p)
    nn.init.constant_(game.generator.layers[0].bias, math.log(3))  # white by 3 in 4
    with use_shard(Shard(rng=torch.Generator().manual_seed(0))):
        score = game.score(torch.zeros(20, 1, 4, 4), draws=8)
    white = (score - 16 * math.log(0.25)) / math.log(3)
    torch.testing.assert_close(white, white.round())
    assert 5 < white.mean() < 11 and white.std() > 1


def test_likelihoods_are_those_of_torch_summed_over_pixels():
    nets = DenseAutoencoder(latent=3, widths=(5,))
    generator, z = nets.generator(Shape(1, 4, 4)), torch.randn(6, 3)
    made, white = generator(z), torch.rand(6, 1, 4, 4).round()
    chance = (made + 1) / 2  # a pixel stands for the probability of white
    due = -TorchBernoulli(chance).log_prob(white).flatten(1).sum(1)
    torch.testing.assert_close(Bernoulli()(generator, z, 2 * white - 1), due)
    x = torch.rand(6, 1, 4, 4) * 2 - 1
    for std, likelihood in ((0.4, Gaussian(0.4)), (0.3, LearnedGaussian(0.3).memory())):
        torch.testing.assert_close(likelihood(generator, z, x), -Normal(made, std).log_prob(x).flatten(1).sum(1))
    torch.testing.assert_close(SquaredError()(generator, z, x), (made - x).square().flatten(1).sum(1))


@torch.no_grad()
def test_binarised_pixels_are_white_as_often_as_they_are_bright():
    """Then the loss is that of grey pixels on average, and exactly that of pixels that are white or black."""
    generator, z = DenseAutoencoder(latent=3, widths=()).generator(Shape(1, 2, 2)), torch.randn(1, 3).repeat(20_000, 1)
    grey, black = torch.tensor([0.2, -0.4, 0.9, -1.0]).view(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    of_grey, of_chance = (Bernoulli(chosen)(generator, z, grey.expand(20_000, -1, -1, -1)) for chosen in (False, True))
    assert float(of_chance.mean()) == pytest.approx(float(of_grey.mean()), abs=0.02) and of_chance.std() > 0.1
    assert torch.equal(*(Bernoulli(chosen)(generator, z[:1], black) for chosen in (False, True)))


def test_the_divergence_is_a_mean_over_draws():
    mean, log_variance = torch.tensor([[0.5, -1.0]]), torch.tensor([[-0.3, 0.4]])
    with use_shard(Shard(rng=torch.Generator().manual_seed(0))):
        z = gaussian_code.reparameterise(mean.expand(200_000, -1), log_variance.expand(200_000, -1))
    q, p = Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)
    sampled = float((q.log_prob(z) - p.log_prob(z)).sum(1).mean())
    assert sampled == pytest.approx(float(gaussian_code.gaussian_kl(mean, log_variance)), abs=0.01)


@pytest.mark.parametrize(("nets", "encoder", "generator"), [
    (DenseAutoencoder(latent=30, widths=(1000, 500, 250)), 1_418_280, 1_419_034),  # 784-1000-500-250-30 and back
    (DenseAutoencoder(latent=20, widths=(400,)), 322_020, 322_784),  # 784-400-20
])  # fmt: skip
def test_dense_networks_have_as_many_numbers_as_their_layers_say(nets: DenseAutoencoder, encoder: int, generator: int):
    with torch.device("meta"):
        both = nets.encoder(DIGIT), nets.generator(DIGIT)
    assert [sum(p.numel() for p in net.parameters()) for net in both] == [encoder, generator]


@pytest.mark.parametrize(("nets", "data"), [
    (ConvolutionalAutoencoder(5, 4), Shape(3, 32, 32)), (ConvolutionalAutoencoder(5, 4), Shape(1, 28, 56)),
    (DenseAutoencoder(5, (9,)), Shape(1, 7, 3)), (DenseAutoencoder(5, ()), POINT),
])  # fmt: skip
def test_networks_take_and_make_what_they_say(nets: Any, data: Shape):
    x = torch.rand(3, *data[:3])
    encoder, generator = nets.encoder(data), nets.generator(data)
    assert encoder(x).shape == (3, 5) and nets.encoder(data, 2)(x).shape == (3, 10)
    made = generator(encoder(x), torch.zeros(3, dtype=torch.int64))
    assert made.shape == x.shape and (data.points or made.abs().max() < 1)
    if not data.points:
        torch.testing.assert_close((made + 1) / 2, generator.logits(encoder(x)).sigmoid())


def small_vae(likelihood: Any = Bernoulli()) -> VariationalAutoencoder:
    nets, data = ConvolutionalAutoencoder(3, 4), Shape(1, 16, 16)
    return VariationalAutoencoder(nets.encoder(data, 2), nets.generator(data), 3, likelihood)


def test_a_code_is_the_mean_and_a_copy_what_is_made_of_it_alone_or_in_a_batch():
    game, x = small_vae().eval(), torch.rand(5, 1, 16, 16) * 2 - 1
    code = game.encode(x)
    assert torch.equal(code, game.encoder(x)[:, :3]) and torch.equal(game.reconstruct(x), game.make(code))
    torch.testing.assert_close(torch.cat([game.reconstruct(one) for one in x.split(1)]), game.reconstruct(x))


def test_every_term_of_the_bound_reaches_the_networks_that_it_should():
    """The divergence is the encoder's alone; the error is of all that learn."""
    game, x = small_vae(LearnedGaussian()), torch.rand(4, 1, 16, 16)
    (move,) = game.round(repeat(Images(x)), Clock())
    assert move.players == (game.encoder, game.generator, game.likelihood)

    def reached(term: str) -> list[bool]:
        return [any(g is not None and bool(g.any()) for g in torch.autograd.grad(
            move.terms[term], list(player.parameters()), retain_graph=True, allow_unused=True))
            for player in move.players]  # fmt: skip

    assert reached("error") == [True, True, True] and reached("kl") == [True, False, False]
    assert set(game.logged_scalars()) == {"LearnedGaussian/std"}


@pytest.mark.parametrize(("make", "says"), [
    (lambda: ConvolutionalAutoencoder().encoder(POINT), 'points there is --networks "DenseAutoencoder(2)"'),
    (lambda: ConvolutionalAutoencoder().generator(Shape(1, 30, 30)), "give --size 32"),
    (lambda: check_suits(Bernoulli(), nn.Identity(), POINT), "Bernoulli is for pixels, and points have none"),
    (lambda: check_suits(Bernoulli(), Perceptron().generator(DIGIT), DIGIT), "a generator that tells its pixels'"),
    (lambda: DenseAutoencoder(widths=(0,)), "widths are"), (lambda: DenseAutoencoder(latent=0), "latent is 0"),
    (lambda: Gaussian(0.0), "std is 0.0"), (lambda: LearnedGaussian(-1.0), "std is -1.0"),
    (lambda: small_vae().__class__(nn.Identity(), nn.Identity(), 2, Bernoulli(), beta=-1.0), "beta"),
])  # fmt: skip
def test_what_does_not_fit_is_refused_with_a_way_out(make: Callable[[], object], says: str):
    with pytest.raises(Mistake) as no:
        make()
    assert says in str(no.value)


def test_a_vae_on_the_table_is_the_papers_bound():
    """Summed, not averaged: of a generator that knows nothing, log 2 for each of 1024 pixels."""
    game = find_recipe("vae")[0].game(Shape(1, 32, 32))
    for p in game.generator.layers[-1].parameters():
        nn.init.zeros_(p)
    (move,) = game.round(repeat(Images(torch.rand(8, 1, 32, 32).round() * 2 - 1)), Clock())
    assert move.terms["error"].item() == pytest.approx(1024 * math.log(2)) and move.terms["kl"] > 0
