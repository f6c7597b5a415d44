"""Spectral normalisation: what it divides by, what it remembers, and the slopes of whole critics."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from saddle.averaging import HalfLife
from saddle.clock import Clock
from saddle.core import frozen
from saddle.errors import Mistake
from saddle.games import Adversarial
from saddle.layers import add_spectral_norm, add_spectral_norms, glorot_uniform
from saddle.layers.spectral import full_precision_unless_meta
from saddle.networks import Convolutional, OrthogonalPerceptron, Perceptron, ResNet, Spectral
from saddle.shape import Shape
from saddle.training.ema import EMA, eval_no_grad
from toys import Batches, Maker, engine, play


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


LAYERS = {
    "dense": (lambda: nn.Linear(7, 5), (7,)),
    "convolution": (lambda: nn.Conv2d(3, 6, 3, padding=1), (3, 4, 4)),
    "transposed": (lambda: nn.ConvTranspose2d(6, 3, 4, 2, 1), (6, 4, 4)),
}


def matrix(layer: nn.Module) -> Tensor:
    """The weight as it acts, (outputs, the rest)."""
    w = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
    return w.detach().flatten(1)


def norm(layer: nn.Module) -> float:
    return torch.linalg.svdvals(matrix(layer))[0].item()


@pytest.mark.parametrize("name", LAYERS)
def test_the_largest_singular_value_becomes_one(name):
    make, shape = LAYERS[name]
    layer = add_spectral_norm(make())
    with torch.no_grad():
        layer.parametrizations.weight.original.mul_(7)
    for _ in range(200):
        layer(torch.randn(2, *shape))
    assert norm(layer.eval()) == pytest.approx(1, abs=1e-4)


def test_an_embedding_is_a_matrix_too():
    table = add_spectral_norm(nn.Embedding(10, 4))
    for _ in range(100):
        table(torch.tensor([1, 2]))
    assert norm(table.eval()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", LAYERS)
def test_the_first_pass_is_close_already(name):
    for _ in range(20):
        assert norm(add_spectral_norm(LAYERS[name][0]()).eval()) == pytest.approx(1, abs=0.06)


def test_each_training_pass_is_one_step_of_the_power_method():
    layer, x = add_spectral_norm(nn.Linear(7, 5, bias=False)), torch.randn(3, 7)
    memory, w = layer.parametrizations.weight[0], layer.parametrizations.weight.original.detach()
    memory.u.copy_(normalize(torch.randn(5), dim=0))  # far from its end
    for _ in range(3):
        v = normalize(w.T @ memory.u, dim=0)
        u = normalize(w @ v, dim=0)
        torch.testing.assert_close(layer(x), x @ w.T / (u @ w @ v))
        torch.testing.assert_close(memory.u, u)
    before = memory.u.clone()
    with eval_no_grad(layer):
        first = layer(x)
        assert torch.equal(layer(x), first) and torch.equal(memory.u, before)
    assert torch.equal(layer(x), first)  # at rest it is what the next pass in training will be


def test_the_slope_treats_both_singular_vectors_as_constants():
    layer, slope = add_spectral_norm(nn.Linear(7, 5, bias=False).double()).eval(), torch.randn(5, 7).double()
    memory, w = layer.parametrizations.weight[0], layer.parametrizations.weight.original
    with torch.no_grad():
        v = normalize(w.T @ memory.u, dim=0)
        u = normalize(w @ v, dim=0)
        sigma = u @ w @ v
        expected = (slope - (slope * w / sigma).sum() * torch.outer(u, v)) / sigma
    (got,) = torch.autograd.grad((layer.weight * slope).sum(), w)
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("name", LAYERS)
def test_second_derivatives_through_the_norm(name):
    make, shape = LAYERS[name]
    layer = add_spectral_norm(make()).double().eval()
    w = layer.parametrizations.weight.original
    x = torch.randn(2, *shape, dtype=torch.float64, requires_grad=True)

    def answer(x: Tensor, w: Tensor) -> Tensor:
        named = {"parametrizations.weight.original": w}
        return torch.func.functional_call(layer, named, (x,)).square().sum()

    # the singular vectors move with the weight: at their end that changes nothing, to first order
    for _ in range(400):
        layer.train()(x)
    layer.eval()
    assert torch.autograd.gradcheck(answer, (x, w), atol=1e-5)
    assert torch.autograd.gradgradcheck(lambda x: answer(x, w), (x,))


def test_no_layer_stretches_a_distance():
    a, b = torch.randn(2, 64, 7)
    dense = add_spectral_norm(nn.Linear(7, 5))
    image, other = torch.randn(2, 8, 3, 9, 9)
    conv = add_spectral_norm(nn.Conv2d(3, 6, 3, padding=1))
    for _ in range(100):
        dense(a), conv(image)
    stretch = (dense(a) - dense(b)).norm(dim=1) / (a - b).norm(dim=1)
    assert stretch.max() <= 1 + 1e-4
    # each pixel is in nine patches, so that a convolution may stretch by the root of nine
    moved = (conv(image) - conv(other)).flatten(1).norm(dim=1) / (image - other).flatten(1).norm(dim=1)
    assert moved.max() <= 3 + 1e-4


@pytest.mark.parametrize("base", [Perceptron(2, 32), OrthogonalPerceptron(2, 32)])
def test_a_whole_critic_has_slope_one_at_most(base):
    critic = Spectral(base).critic(Shape(2, 1, 1))
    for _ in range(100):
        critic(torch.randn(2, 2, 1, 1))
    x = torch.randn(256, 2, 1, 1, requires_grad=True)
    (slope,) = torch.autograd.grad(critic(x).score.sum(), x)
    assert 0 < slope.flatten(1).norm(dim=1).max() <= 1 + 1e-3


def test_reduced_precision_leaves_the_norm_exact():
    layer = add_spectral_norm(nn.Linear(64, 64)).eval()
    plain = layer.weight
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer.weight, plain)
        assert layer(torch.randn(2, 64)).dtype == torch.bfloat16
        with full_precision_unless_meta(plain):
            assert not torch.is_autocast_enabled("cpu")


def test_frozen_weights_still_turn_and_still_pass_slopes_on():
    layer, x = add_spectral_norm(nn.Linear(7, 5)), torch.randn(3, 7, requires_grad=True)
    memory = layer.parametrizations.weight[0]
    memory.u.copy_(normalize(torch.randn(5), dim=0))
    before = memory.u.clone()
    with frozen(layer):
        y = layer(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert slope.any() and not torch.equal(memory.u, before)


def test_a_copy_of_the_state_goes_on_to_the_same_bits():
    critic = Spectral(Perceptron(2, 16)).critic(Shape(2, 1, 1))
    x = torch.randn(4, 2, 1, 1)
    critic(x)
    other = Spectral(Perceptron(2, 16)).critic(Shape(2, 1, 1))
    other.load_state_dict(critic.state_dict())
    for _ in range(3):
        assert torch.equal(critic(x).score, other(x).score)


def test_two_passes_make_one_gradient():
    """The vectors move between a critic's passes over reals and fakes, which its gradient survives."""
    critic, twin = (Spectral(Perceptron(2, 16)).critic(Shape(2, 1, 1)) for _ in range(2))
    twin.load_state_dict(critic.state_dict())
    a, b = torch.randn(2, 4, 2, 1, 1)
    (critic(a).score.mean() - critic(b).score.mean()).backward()
    twin(a).score.mean().backward()
    twin(b).score.mean().neg().backward()
    for p, q in zip(critic.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)


def test_the_average_of_a_normalised_generator_is_normalised():
    game = nn.ModuleDict({"generator": add_spectral_norm(nn.Linear(6, 6, bias=False))})
    game.makers = ("generator",)
    layer = game["generator"]
    weight, mean = layer.parametrizations.weight.original, EMA(game, HalfLife(40))
    for i in range(60):  # its largest direction goes around
        turn = torch.linalg.matrix_exp(0.1 * i * torch.triu(torch.ones(6, 6), 1).sub(torch.ones(6, 6).tril(-1)))
        weight.data = turn @ torch.diag(torch.arange(6, 0, -1.0))
        layer(torch.randn(1, 6))
        mean.update(8, Clock(images=8 * (i + 1)))
    with mean.applied(), eval_no_grad(game):
        assert layer.parametrizations.weight[0].u.norm() < 0.9  # as the mean of any turning vector
        assert norm(layer) == pytest.approx(1, abs=0.1)


def test_showing_samples_changes_nothing():
    pair, data = Spectral(OrthogonalPerceptron(4, 8)), Shape(1, 4, 4)
    game = Adversarial(add_spectral_norms(Maker()), pair.critic(data), 4)
    player, batches = engine(game), Batches()
    play(player, [batches], 0, 2)
    before = copy.deepcopy(game.state_dict())
    with eval_no_grad(game):
        game.show(next(Batches()))
        game.critic(torch.randn(2, 1, 4, 4))
    assert all(torch.equal(value, before[key]) for key, value in game.state_dict().items())
    play(player, [batches], 2, 3)
    moved = [
        key for key, value in game.state_dict().items() if key.endswith(".u") and not torch.equal(value, before[key])
    ]
    assert moved


def test_every_layer_is_normalised_once():
    pair = ResNet(8, 8, 8, attention=16, spectral="both", head="sum")
    for module in (pair.generator(Shape(3, 32, 32)), pair.critic(Shape(3, 32, 32))):
        for layer in module.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                assert len(layer.parametrizations.weight) == 1
    assert "parametrizations" not in str([k for k in pair.generator(Shape(3, 32, 32)).state_dict() if "bias" in k])


def test_weights_begin_before_they_are_normalised():
    layer = nn.Linear(30, 40)
    begun = glorot_uniform(layer).weight.detach().clone()
    assert torch.equal(add_spectral_norm(layer).parametrizations.weight.original, begun)


def test_batch_normalisation_is_refused_inside():
    with pytest.raises(Mistake, match=r"batch normalisation undoes.*normal=False"):
        Spectral(Convolutional()).critic(Shape(1, 16, 16))
