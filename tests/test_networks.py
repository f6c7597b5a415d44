"""Networks: the papers' parameter counts, the arithmetic of their layers, what they refuse."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d

from saddle.core import Clock, Judge, Mistake, Shape, leaf
from saddle.layers import gaussian
from saddle.networks import (
    NETWORKS,
    AllConvolutional28,
    Convolutional,
    Convolutional5,
    Dense,
    Perceptron,
    Residual32,
)
from saddle.objectives import NonSaturating
from saddle.penalties import GradientPenalty

DIGIT, TINY, SMALL, MEDIUM, POINT = (
    Shape(1, 28, 28),
    Shape(1, 16, 16),
    Shape(3, 32, 32),
    Shape(3, 64, 64),
    Shape(2, 1, 1),
)
SMALLER = [  # every pair, narrow, on data it takes
    (Dense(8, 16, 12, 3), TINY),
    (Dense(8, 16, 12, 3), POINT),
    (Perceptron(2, 16), POINT),
    (Perceptron(8, 16, 1), TINY),
    (Convolutional(8, 4), TINY),
    (Convolutional(8, 4, normal=False), SMALL),
    (AllConvolutional28(8, 4), DIGIT),
    (Convolutional5(8, 4), SMALL),
    (Convolutional5(8, 4, normal_generator=False), DIGIT),
    (Residual32(8, 4), SMALL),
]
LIPSCHITZ = [(pair, data) for pair, data in SMALLER if not isinstance(pair, AllConvolutional28)
             and getattr(pair, "normal", False) is False]  # fmt: skip


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def name(case: object) -> str:
    return type(case).__name__ if not isinstance(case, Shape) else f"{case.height}px"


@pytest.mark.parametrize(
    ("pair", "data", "generator", "critic"),
    [
        (Dense(), DIGIT, 2_503_984, 1_231_441),
        (Perceptron(), POINT, 527_874, 527_361),
        (Convolutional(), MEDIUM, 3_576_704, 2_765_568),
        (AllConvolutional28(), DIGIT, 2_597_825, 208_513),
        (Convolutional5(), SMALL, 5_179_907, 4_114_689),
        (Residual32(), SMALL, 1_204_483, 1_053_825),
    ],
    ids=name,
)
def test_parameters_are_as_many_as_published(pair, data, generator, critic):
    assert (count(pair.generator(data)), count(pair.critic(data))) == (generator, critic)


def shapes(module: nn.Module, kinds: tuple[type, ...], x: Tensor) -> list[tuple[int, ...]]:
    """The shapes, without the batch, that these layers answer, in the order they are called."""
    seen: list[tuple[int, ...]] = []
    for layer in module.modules():
        if isinstance(layer, kinds):
            layer.register_forward_hook(lambda layer, x, y: seen.append(tuple(y.shape[1:])))
    module(x)
    return seen


def test_dcgan_layer_by_layer():
    G, D = Convolutional().generator(MEDIUM), Convolutional().critic(MEDIUM)
    up = [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64)]
    assert shapes(G, (nn.ConvTranspose2d,), torch.randn(2, 100)) == up
    down = [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (1, 1, 1)]
    assert shapes(D, (nn.Conv2d,), torch.randn(2, 3, 64, 64)) == down


def test_all_convolutional_28_layer_by_layer():
    G, D = (make(DIGIT) for make in (AllConvolutional28(8, 4).generator, AllConvolutional28(8, 4).critic))
    up = [(32, 3, 3), (16, 9, 9), (8, 21, 21), (4, 64, 64), (1, 28, 28)]
    assert shapes(G, (nn.ConvTranspose2d, nn.Conv2d), torch.randn(2, 8)) == up
    assert shapes(D, (nn.Conv2d,), torch.randn(2, 1, 28, 28)) == [(4, 13, 13), (8, 6, 6), (16, 3, 3), (1, 1, 1)]


@pytest.mark.parametrize("side", [16, 32, 128, 256])
def test_dcgan_at_any_power_of_two(side):
    pair, data = Convolutional(8, 1), Shape(4, side, side)
    x = pair.generator(data)(torch.randn(2, 8))
    assert x.shape == (2, 4, side, side) and pair.critic(data)(x).features.shape[2:] == (4, 4)


def test_batch_normalisation_is_everywhere_but_next_to_the_image():
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)
    G, D = Convolutional(8, 4).generator(MEDIUM), Convolutional(8, 4).critic(MEDIUM)
    for module, expected in ((G, "CNCNCNCNC"), (D, "CCNCNCNC")):
        layers = [m for m in module.modules() if isinstance(m, kinds)]
        assert "".join("N" if isinstance(m, nn.BatchNorm2d) else "C" for m in layers) == expected
        assert all(m.bias is None for m in layers if not isinstance(m, nn.BatchNorm2d))


@pytest.mark.parametrize(("pair", "data"), LIPSCHITZ, ids=name)
def test_a_critic_for_slopes_judges_each_sample_alone(pair, data):
    D = pair.critic(data).eval()
    x = torch.randn(4, *data[:3])
    torch.testing.assert_close(D(x).score, torch.cat([D(row).score for row in x.split(1)]))
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in D.modules())


def test_batch_normalisation_mixes_the_scores_of_a_batch():
    x = torch.randn(4, 1, 16, 16, requires_grad=True)
    (g,) = torch.autograd.grad(Convolutional(8, 4).critic(TINY)(x).score[0], x)
    assert g[1:].abs().max() > 1e-4


def test_weights_begin_as_the_papers_say():
    pair, plain = Convolutional(), Convolutional(normal=False)
    for module in (pair.generator(SMALL), plain.critic(SMALL), AllConvolutional28().critic(DIGIT)):
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.weight.numel() > 1000:
                assert layer.weight.std().item() == pytest.approx(0.02, rel=0.08)
            if isinstance(layer, nn.BatchNorm2d):
                assert layer.weight.mean().item() == pytest.approx(1, abs=0.01) and not layer.bias.any()
                assert layer.weight.std().item() == pytest.approx(0.02, rel=0.3)
            assert getattr(layer, "bias", None) is None or not layer.bias.any()
    G, D = Dense().generator(DIGIT), Dense().critic(DIGIT)
    assert [round(p.abs().max().item(), 3) for p in G.parameters()] == [0.05, 0, 0.05, 0, 0.05, 0]
    assert [round(p.abs().max().item(), 3) for p in D.parameters()] == [0.005, 0] * 3


def test_an_untrained_dcgan_leaves_its_tanh_unsaturated():
    assert Convolutional().generator(MEDIUM)(torch.randn(8, 100)).abs().mean() < 0.5
    assert gaussian(nn.Linear(500, 500), 0.1, 3.0).weight.mean().item() == pytest.approx(3, abs=1e-3)


def test_seven_pixels_are_eight_without_the_last():
    layer = Convolutional5(8, 4).generator(DIGIT)[4]
    x = torch.randn(2, 16, 4, 4)
    eight = conv_transpose2d(x, layer.weight, layer.bias, 2, 2, output_padding=1)
    assert layer(x).shape[2:] == (7, 7) and eight.shape[2:] == (8, 8)
    torch.testing.assert_close(layer(x), eight[..., :7, :7])


def test_dropout_leaves_the_critic_unchanged_on_average():
    D, x = Dense(8, 16, 32, 2).critic(TINY), torch.rand(1, 1, 16, 16)
    first = D.trunk[2].linear  # what a linear function sees of the dropped pixels is right on average
    seen = torch.stack([first(D.trunk[1](D.trunk[0](x))) for _ in range(3000)]).mean(0)
    torch.testing.assert_close(seen, first(x.flatten(1)), atol=2e-3, rtol=0)
    assert torch.equal(D.eval()(x).score, D(x).score)


def test_points_may_lie_anywhere_and_pixels_may_not():
    z = 1e3 * torch.randn(64, 2)
    assert Perceptron().generator(POINT)(z).abs().max() > 10
    assert Perceptron(width=16).generator(TINY)(z).abs().max() <= 1
    assert Dense(2, 64).generator(POINT)(z).abs().max() > 2


def affine(critic: nn.Module) -> nn.Module:
    """The same critic without its activations, as it stood in a tutorial."""
    for parent in list(critic.modules()):
        for key, layer in parent.named_children():
            if isinstance(layer, nn.LeakyReLU):
                setattr(parent, key, nn.Identity())
    return critic


def test_only_the_repaired_critic_is_not_affine():
    D = AllConvolutional28().critic(DIGIT)
    for _ in range(20):  # the running statistics settle, as in training
        D(torch.randn(8, 1, 28, 28))
    D.eval()
    a, b = torch.randn(2, 8, 1, 28, 28)

    def residual(critic):
        score = lambda x: critic(x).score.double()  # noqa: E731
        return (score(0.3 * a + 0.7 * b) - 0.3 * score(a) - 0.7 * score(b)).abs().max()

    assert residual(D) > 1e-3
    assert residual(affine(D)) < 1e-5


@pytest.mark.parametrize("repaired", [True, False])
def test_an_affine_critic_cannot_part_a_bell_from_a_coin(repaired):
    D = AllConvolutional28(width=4).critic(DIGIT)
    D = D if repaired else affine(D)
    adam, loss = torch.optim.Adam(D.parameters(), lr=1e-2, betas=(0.5, 0.999)), NonSaturating().critic

    def scores(n: int) -> tuple[Tensor, Tensor]:
        coin, bell = torch.randint(2, (n, 1, 28, 28)) * 2.0 - 1, torch.randn(n, 1, 28, 28)  # both of mean 0, variance 1
        return D(torch.cat([coin, bell])).score.split(n)

    for _ in range(60):
        adam.zero_grad()
        loss(*scores(64)).backward()
        adam.step()
    with torch.no_grad():
        coin, bell = scores(512)
    accuracy = ((coin > 0).double().mean() + (bell < 0).double().mean()) / 2
    assert accuracy > 0.95 if repaired else 0.4 < accuracy < 0.6


@pytest.mark.parametrize("reduced", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize(("pair", "data"), SMALLER, ids=name)
def test_gradients_reach_every_parameter_channels_last(pair, data, reduced):
    G, D = (make(data).to(memory_format=torch.channels_last) for make in (pair.generator, pair.critic))
    x = torch.rand(8, *data[:3]).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
        fake = G(torch.randn(8, pair.latent), torch.zeros(8))
        real, made = D(x), D(fake, torch.zeros(8))
    assert fake.shape == x.shape and real.score.shape == (8,) and len(real.features) == 8
    objective = NonSaturating()
    scores = real.score.float(), made.score.float()
    loss = objective.critic(*scores) + 2 * objective.generator(*scores)  # at equal weights they cancel near zero
    loss.backward()
    for key, p in [*G.named_parameters(), *D.named_parameters()]:
        assert p.grad is not None and p.grad.isfinite().all() and p.grad.any(), key


def outplaced(module: nn.Module) -> nn.Module:
    module = copy.deepcopy(module)
    for layer in module.modules():
        if hasattr(layer, "inplace"):
            layer.inplace = False
    return module


@pytest.mark.parametrize(("pair", "data"), SMALLER, ids=name)
def test_working_in_place_changes_no_second_derivative(pair, data):
    D = pair.critic(data).eval()
    x, fake = torch.randn(2, 4, *data[:3])

    def slopes(critic: nn.Module) -> tuple[Tensor, ...]:
        torch.manual_seed(1)
        judge = Judge(critic, Clock())
        loss = GradientPenalty()(judge, judge(leaf(x)), judge(fake))
        return torch.autograd.grad(loss, list(critic.parameters()), allow_unused=True)

    for a, b in zip(slopes(D), slopes(outplaced(D)), strict=True):
        assert (a is None and b is None) or torch.equal(a, b)


@pytest.mark.parametrize(
    ("pair", "data", "words"),
    [
        (Convolutional(), DIGIT, ("28x28", "--size 32", "dcgan-28")),
        (Convolutional(), Shape(3, 48, 48), ("48x48", "--size 32")),
        (Convolutional(), Shape(3, 100, 100), ("--size 128",)),
        (Convolutional(), Shape(3, 8, 8), ("8x8", "--size 16")),
        (Convolutional(), Shape(3, 64, 40), ("64x40", "square", "--size 32")),
        (AllConvolutional28(), SMALL, ("--size 28",)),
        (Residual32(), MEDIUM, ("32x32", "--size 32")),
        (Convolutional5(), MEDIUM, ("25 to 32", "--size 32")),
        *[(pair(), POINT, ("2-D points", "Perceptron()", "wgan-gp-toy")) for pair in NETWORKS[2:]],
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_a_way_out(pair, data, words):
    for make in (pair.generator, pair.critic):
        with pytest.raises(Mistake) as refusal:
            make(data)
        assert all(word in str(refusal.value) for word in (type(pair).__name__, *words)), refusal.value


@pytest.mark.parametrize("side", [25, 27, 31])
def test_odd_sizes_between_mnist_and_cifar(side):
    pair, data = Convolutional5(4, 1), Shape(1, side, side)
    assert pair.critic(data)(pair.generator(data)(torch.randn(2, 4))).score.shape == (2,)


@pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("bad", [0, -3, 2.5, "64", True])
def test_fields_out_of_range_are_refused_at_once(kind, bad):
    for field in ("latent", "width"):
        with pytest.raises(Mistake, match=f"{kind.__name__}: {field} is {bad!r}, but should be a whole number"):
            kind(**{field: bad})


def test_shares_that_leave_nothing_are_refused():
    for field in ("dropout", "dropout_input"):
        with pytest.raises(Mistake, match=f"{field} is 1"):
            Dense(**{field: 1})
