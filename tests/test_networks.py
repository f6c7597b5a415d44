"""Networks: the papers' parameter counts, the arithmetic of their layers, what they refuse."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d

from saddle.clock import Clock
from saddle.core import Judge, as_leaf
from saddle.errors import Mistake
from saddle.layers import SelfAttention, normal_init
from saddle.networks import (
    UNCONDITIONAL_NETWORKS,
    AllConvolutional28,
    Autoencoding,
    Bottlenecked,
    Convolutional,
    Convolutional5,
    DampedResidual,
    Dense,
    DenseAutoencoding,
    Dropped,
    GroupedResidual,
    MaxoutPerceptron,
    MinibatchDiscriminating,
    MirroredAutoencoding,
    Modulated,
    OrthogonalPerceptron,
    Perceptron,
    ResNet,
    Spectral,
    SpectralConvolutional,
)
from saddle.objectives import NonSaturating
from saddle.penalties import GradientPenalty
from saddle.shape import Classes, Shape

DIGIT, TINY, SMALL, MEDIUM, POINT = (
    Shape(1, 28, 28),
    Shape(1, 16, 16),
    Shape(3, 32, 32),
    Shape(3, 64, 64),
    Shape(2, 1, 1),
)
LARGE, TEN = Shape(3, 1024, 1024), Shape(3, 32, 32, Classes(10))
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
    (ResNet(8, 4), SMALL),
    (MaxoutPerceptron(2, 16, 2, 6, 3, 2), POINT),
    (OrthogonalPerceptron(8, 16), TINY),
    (OrthogonalPerceptron(8, 16, 2, 1, "relu", 0.8, 4.0), POINT),
    (SpectralConvolutional(8, 4), TINY),
    (ResNet(8, 4, 8, spectral="critic", head="sum"), SMALL),
    (ResNet(8, 8, 8, attention=16, spectral="both", head="sum"), SMALL),
    (DampedResidual(8, 4, 8), TINY),
    (GroupedResidual(8, 16), TINY),
    (Modulated(8, 8, 2, 8, 8), TINY),
    (GroupedResidual(8, 16, patch=2), TINY),
    (DenseAutoencoding(8, 16, 2, 3), TINY),
    (Autoencoding(8, 4), TINY),
    (MirroredAutoencoding(8, 4), TINY),
    (Bottlenecked(DampedResidual(8, 4, 8)), TINY),
    (Spectral(Convolutional(8, 4, normal=False)), TINY),
    (Dropped(Convolutional5(8, 4), (0.1, 0.2, 0.3)), DIGIT),
    (MinibatchDiscriminating(Perceptron(2, 16), 8, 3), POINT),
]
MIXING = (AllConvolutional28, MinibatchDiscriminating, Modulated)
LIPSCHITZ = [(pair, data) for pair, data in SMALLER if not isinstance(pair, MIXING)
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
        (ResNet(), SMALL, 1_204_483, 1_053_825),
        (SpectralConvolutional(), SMALL, 3_813_379, 2_935_873),
        (ResNet(width_generator=256, spectral="critic", head="sum"), SMALL, 4_276_739, 1_053_824),
        (GroupedResidual(), SMALL, 20_732_160, 20_683_776),
        (GroupedResidual(), MEDIUM, 22_429_824, 22_381_440),
        (GroupedResidual(), Shape(3, 256, 256), 23_057_952, 23_009_568),
        (Modulated(), LARGE, 30_370_060, 29_012_513),  # config F
        (Modulated(full=32), LARGE, 24_900_764, 24_038_161),  # config E
        (Modulated(full=32), Shape(3, 256, 256), 24_767_458, 24_001_089),  # ADA's paper256
        (Modulated(mapping=2, residual=False, group=32), SMALL, 19_947_539, 20_720_641),  # ADA's for CIFAR-10
        (Modulated(mapping=2, residual=False, group=32, conditional=True), TEN, 20_215_315, 23_089_664),
        # theirs embeds its only label in one number, which is normalised to length one: a second bias
        (DampedResidual(width=16), LARGE, 18_810_036 - 8192 - 1, 16_705_201),
    ],
    ids=name,
)
def test_parameters_are_as_many_as_published(pair, data, generator, critic):
    with torch.device("meta"):
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
    assert normal_init(nn.Linear(500, 500), 0.1, 3.0).weight.mean().item() == pytest.approx(3, abs=1e-3)


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
    G, D = (woken(make(data)).to(memory_format=torch.channels_last) for make in (pair.generator, pair.critic))
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


def woken(module: nn.Module) -> nn.Module:
    """The module after its first steps: what begins at zero, and silences all before it, no longer is."""
    with torch.no_grad():
        for p in module.parameters():
            if p.ndim != 1 and not p.any():
                p.normal_(std=0.1)
    return module


def outplaced(module: nn.Module) -> nn.Module:
    module = copy.deepcopy(module)
    for layer in module.modules():
        if hasattr(layer, "inplace"):
            layer.inplace = False
    return module


@pytest.mark.parametrize(("pair", "data"), SMALLER, ids=name)
def test_working_in_place_changes_no_second_derivative(pair, data):
    D = woken(pair.critic(data)).eval()
    x, fake = torch.randn(2, 4, *data[:3])

    def slopes(critic: nn.Module) -> tuple[Tensor, ...]:
        torch.manual_seed(1)
        judge = Judge(critic, Clock())
        loss = GradientPenalty()(judge, judge(as_leaf(x)), judge(fake))
        return torch.autograd.grad(loss, list(critic.parameters()), allow_unused=True)

    for a, b in zip(slopes(D), slopes(outplaced(D)), strict=True):
        assert (a is None and b is None) or torch.equal(a, b)


ANYWHERE = (Dense, Perceptron, MaxoutPerceptron, OrthogonalPerceptron, DenseAutoencoding)


@pytest.mark.parametrize(
    ("pair", "data", "words"),
    [
        (Convolutional(), Shape(3, 30, 30), ("30x30", "halved 2 times", "--size 32")),
        (Convolutional(), Shape(3, 100, 100), ("--size 96",)),
        (Convolutional(), Shape(3, 8, 8), ("8x8", "--size 16")),
        (Convolutional(), Shape(3, 64, 42), ("64x42", "halved", "--size 64x40")),
        (AllConvolutional28(), SMALL, ("--size 28",)),
        (AllConvolutional28(), Shape(3, 64, 96), ("28x28", "--size 28", "dcgan")),
        (ResNet(), Shape(3, 30, 60), ("30x60", "--size 32x64")),
        (ResNet(attention=16), DIGIT, ("16", "0 or one of 14", "--networks.attention 14")),
        (ResNet(attention=12), SMALL, ("12", "0 or one of 16, 8")),
        (Convolutional5(), MEDIUM, ("25 to 32", "--size 32")),
        (Convolutional5(), Shape(3, 96, 64), ("25 to 32", "--size 48x32")),
        (SpectralConvolutional(), DIGIT, ("multiples of 8", "--size 32")),
        (SpectralConvolutional(), Shape(3, 4, 3), ("--size 8",)),
        (DampedResidual(), Shape(3, 5, 7), ("halved", "--size 8x12")),
        (GroupedResidual(), Shape(1, 30, 30), ("halved", "--size 32")),
        (Autoencoding(), DIGIT, ("multiples of 8", "--size 32")),
        (Autoencoding(), Shape(1, 72, 72), ("halved 2 times", "--size 80")),
        *[
            (pair(), POINT, ("2-D points", "Perceptron()", "wgan-gp-toy"))
            for pair in UNCONDITIONAL_NETWORKS
            if pair not in ANYWHERE
        ],
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


@pytest.mark.parametrize("kind", UNCONDITIONAL_NETWORKS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("bad", [0, -3, 2.5, "64", True])
def test_fields_out_of_range_are_refused_at_once(kind, bad):
    for field in ("latent", "width"):
        with pytest.raises(Mistake, match=f"{kind.__name__}: {field} is {bad!r}, but should be a whole number"):
            kind(**{field: bad})


def test_shares_that_leave_nothing_are_refused():
    for field in ("dropout", "dropout_input"):
        with pytest.raises(Mistake, match=f"{field} is 1"):
            Dense(**{field: 1})


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"activation": "sine"}, "tanh or relu"), ({"gain": 0.0}, "gain is 0.0"), ({"shrink": -1}, "shrink is -1")],
)
def test_orthogonal_fields_out_of_range_are_refused(fields, words):
    with pytest.raises(Mistake, match=words):
        OrthogonalPerceptron(**fields)


def test_channels_that_make_no_groups_are_refused():
    with pytest.raises(
        Mistake, match=r"20 channels, times expansion 2, make no groups of 16; give --networks.width 16"
    ):
        GroupedResidual(width=20)
    with pytest.raises(Mistake, match="8 channels, times expansion 1"):
        GroupedResidual(width=32, expansion=1).critic(Shape(3, 128, 128))


@pytest.mark.parametrize(("pair", "data"), SMALLER, ids=name)
def test_generators_make_what_is_asked_for(pair, data):
    G = pair.generator(data)
    x = G(10 * torch.randn(3, pair.latent))
    assert x.shape == (3, *data[:3])
    assert data.points or isinstance(pair, GroupedResidual | MirroredAutoencoding | Modulated) or x.abs().max() <= 1


def test_r3gan_ends_without_tanh():
    assert GroupedResidual(8, 16).generator(TINY)(10 * torch.randn(8, 8)).abs().max() > 2


@pytest.mark.parametrize(("pair", "data"), [(DenseAutoencoding(8, 16, 2, 3), POINT), (Autoencoding(8, 4), TINY)])
def test_the_score_of_an_autoencoder_is_the_distance_it_leaves(pair, data):
    D, x = pair.critic(data), torch.randn(5, *data[:3])
    score, code, *_ = D(x)
    torch.testing.assert_close(score, -(D.decoder(D.encoder(x)) - x).flatten(1).norm(dim=1))
    assert torch.equal(code, D.encoder(x)) and len(code) == 5
    D.decoder = nn.Sequential(nn.Identity())
    D.encoder = nn.Identity()  # which rebuilds everything
    x.requires_grad_()
    perfect = D(x).score
    (slope,) = torch.autograd.grad(perfect.sum(), x)
    assert perfect.abs().max() < 1e-5 and not slope.any()


def test_convolutional_codes_are_an_eighth_of_the_image():
    D = Autoencoding(8, 4).critic(SMALL)
    assert D(torch.randn(2, *SMALL[:3])).features.shape == (2, 16, 4, 4)


def test_sn_gan_sums_over_places_where_wgan_gp_takes_the_mean():
    sums, means = ResNet(8, 4, spectral="critic", head="sum").critic(SMALL).eval(), ResNet(8, 4).critic(SMALL)
    x = torch.randn(2, 3, 32, 32)
    weights = {key.replace("parametrizations.", "").removesuffix(".original"): value
               for key, value in sums.trunk.state_dict().items() if not key.endswith(".u")}  # fmt: skip
    for key, layer in sums.trunk.named_modules():
        if hasattr(layer, "parametrizations"):
            weights[f"{key}.weight"] = layer.weight
    means.trunk.load_state_dict(weights)
    torch.testing.assert_close(sums(x).features, 64 * means(x).features)


def test_sagan_looks_around_at_sixteen_pixels():
    pair = ResNet(8, 8, 8, attention=16, spectral="both", head="sum")
    for module, x in ((pair.generator(SMALL), torch.randn(2, 8)), (pair.critic(SMALL), torch.randn(2, 3, 32, 32))):
        assert shapes(module, (SelfAttention,), x) == [(8, 16, 16)]


def test_pacgans_toys():
    pair = MaxoutPerceptron()
    sizes = [tuple(p.shape) for p in pair.critic(POINT).parameters() if p.ndim == 2]
    assert sizes == [(1000, 2), (1000, 200), (1000, 200), (1, 200)]
    kinds = "".join(type(layer).__name__[0] for layer in pair.generator(POINT))
    assert kinds == "LBR" * 4 + "LU"
