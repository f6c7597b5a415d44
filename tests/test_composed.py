"""Pairs made of pairs: packs, dropout, minibatch discrimination, the critic of another."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from saddle.errors import Mistake
from saddle.layers.residual import ResidualBlock
from saddle.networks import (
    NETWORKS,
    Concatenated,
    Convolutional,
    Convolutional5,
    DenseAutoencoding,
    Dropped,
    MinibatchDiscriminating,
    Packed,
    Pair,
    Perceptron,
    ResNet,
    Spectral,
)
from saddle.networks.base import probe_verdict, with_latent
from saddle.options import parse_value
from saddle.shape import Classes, Shape

TINY, POINT = Shape(1, 16, 16), Shape(2, 1, 1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(("base", "data"), [(Convolutional(8, 4, normal=False), TINY), (Perceptron(2, 16), POINT)])
def test_a_pack_is_its_samples_side_by_side(size, base, data):
    D = Packed(base, size).critic(data)
    inside = base.critic(data._replace(channels=size * data.channels))
    inside.load_state_dict({key.removeprefix("inside."): value for key, value in D.state_dict().items()})
    x = torch.randn(4 * size, *data[:3])
    packs = torch.stack([torch.cat(tuple(x[size * i : size * (i + 1)])) for i in range(4)])
    assert torch.equal(D(x).score, inside(packs).score)
    if size == 1:
        assert torch.equal(D(x).score, inside(x).score)


def test_packs_widen_the_first_layer_alone():
    critics = [Packed(Convolutional(), m).critic(Shape(3, 32, 32)) for m in (1, 2, 4)]
    first = 4 * 4 * 64 * 3
    assert [count(D) - count(critics[0]) for D in critics] == [0, first, 3 * first]


def test_a_sample_too_few_for_a_pack_is_refused():
    with pytest.raises(Mistake, match=r"no packs of 2 can be made of 7 samples; give a --batch that 2 divides"):
        Packed(Perceptron(2, 16)).critic(POINT)(torch.randn(7, 2, 1, 1))


def test_each_packed_sample_has_a_slope_in_its_own_pack_only():
    x = torch.randn(6, 2, 1, 1, requires_grad=True)
    D = Packed(Perceptron(2, 16), 3).critic(POINT)
    (slope,) = torch.autograd.grad(D(x).score[0], x)
    assert slope[:3].abs().min() > 0 and not slope[3:].any()


def test_labels_are_packed_from_the_outside():
    data = TINY._replace(condition=Classes(3))
    outside = Concatenated(Packed(Convolutional(8, 4)), 5, 2)
    G, D = outside.generator(data), outside.critic(data)
    labels = torch.tensor([0, 1, 2, 1])
    assert D(G(torch.randn(4, 8), labels), labels).score.shape == (2,)
    with pytest.raises(Mistake):
        Packed(Concatenated(Convolutional(8, 4))).critic(data)


def test_a_pair_plays_one_generator_against_another_critic():
    pair = Pair(Perceptron(3, 8), Convolutional(8, 4))
    assert pair.latent == 3
    assert count(pair.generator(TINY)) == count(Perceptron(3, 8).generator(TINY))
    assert count(pair.critic(TINY)) == count(Convolutional(8, 4).critic(TINY))


@pytest.mark.parametrize(
    ("pair", "share"), [(Dropped(Perceptron(2, 16)), 0.5), (Dropped(Perceptron(2, 16), (0.1, 0.2, 0.3)), None)]
)
def test_dropout_follows_each_activation(pair, share):
    trunk = pair.critic(POINT).trunk
    names = "".join({nn.Linear: "L", nn.ReLU: "R", nn.Dropout: "D"}.get(type(layer), "") for layer in trunk)
    assert names == "LRDLRDLRD"
    assert [layer.p for layer in trunk if isinstance(layer, nn.Dropout)] == [share] * 3 if share else [0.1, 0.2, 0.3]


def test_ct_gans_critics():
    convolutions = Dropped(Convolutional5(8, 4, normal_generator=False)).critic(Shape(1, 28, 28)).trunk
    names = "".join({nn.Conv2d: "C", nn.LeakyReLU: "R", nn.Dropout: "D"}.get(type(layer), "") for layer in convolutions)
    assert names == "CRDCRDCRD"
    residual = Dropped(ResNet(8, 4), (0, 0.2, 0.5, 0.5, 0)).critic(Shape(3, 32, 32)).trunk
    shares = [(type(a), b.p) for a, b in pairwise(residual) if isinstance(b, nn.Dropout)]
    assert shares == [(ResidualBlock, 0.2), (ResidualBlock, 0.5), (ResidualBlock, 0.5)]


def test_a_dropped_critic_at_rest_is_its_base():
    base, x = Perceptron(2, 16), torch.randn(5, 2, 1, 1)
    torch.manual_seed(1)
    plain = base.critic(POINT)
    torch.manual_seed(1)
    dropped = Dropped(base).critic(POINT)
    assert torch.equal(dropped.eval()(x).score, plain(x).score)
    dropped.train()
    assert not torch.equal(dropped(x).score, dropped(x).score)


def test_dropout_finds_its_critic_inside_another():
    for pair in (
        Dropped(Packed(Perceptron(2, 16))),
        Packed(Dropped(Perceptron(2, 16))),
        Dropped(Spectral(Perceptron(2, 16))),
    ):
        assert sum(isinstance(layer, nn.Dropout) for layer in pair.critic(POINT).modules()) == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Dropped(Perceptron(), (1.0,)), "from 0 to below 1"),
        (lambda: Dropped(Perceptron(), ()), "from 0 to below 1"),
        (lambda: Dropped(Perceptron(), (0.1, 0.2)).critic(POINT), "2 shares, but this critic has 3 places"),
        (lambda: Dropped(DenseAutoencoding()).critic(POINT), "no layers in a row"),
        (lambda: Packed(Perceptron(), 0), "Packed: size is 0"),
        (lambda: MinibatchDiscriminating(kernels=0), "kernels is 0"),
        (lambda: MinibatchDiscriminating(size=0), "size is 0"),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(Mistake, match=words):
        make()


def test_minibatch_discrimination_joins_the_features_under_a_linear_score():
    D = MinibatchDiscriminating(Perceptron(2, 16), 6, 3).critic(POINT)
    x = torch.randn(5, 2, 1, 1)
    features = D.inside(x).features
    joined = torch.cat([features, D.closeness(features)], 1)
    last = D.inside.head[0]
    weight = torch.cat([last.weight, D.head.weight], 1)
    score, seen, *_ = D(x)
    torch.testing.assert_close(seen, joined)
    torch.testing.assert_close(score, (joined @ weight.T + last.bias).squeeze(1))


def test_a_critic_of_batches_tells_copies_from_a_crowd():
    """Each sample alone is likely; all of them alike are not, and only such a critic can score them apart."""
    D = MinibatchDiscriminating(Perceptron(2, 16), 6, 3).critic(POINT)
    crowd = torch.randn(16, 2, 1, 1)
    copies = crowd[:1].expand(16, -1, -1, -1)
    alone = D.inside(crowd).score[0]
    torch.testing.assert_close(D.inside(copies).score[0], alone)
    assert (D(copies).score[0] - D(crowd).score[0]).abs() > 0.1


@pytest.mark.parametrize(
    "base", [Packed(Perceptron(2, 16), 3), Convolutional(8, 4), Concatenated(Perceptron(2, 16), 5, 2)]
)
def test_minibatch_discrimination_on_top_of_anything(base):
    data = TINY._replace(condition=Classes(3))
    D = MinibatchDiscriminating(base, 6, 3).critic(data)
    score, features, *_ = D(torch.randn(6, *data[:3]), torch.tensor([0, 1, 2] * 2))
    assert len(score) == len(features) == (2 if isinstance(base, Packed) else 6)


def test_what_a_critic_says_is_measured_without_chance_or_trace():
    D = Spectral(Dropped(Perceptron(2, 16))).critic(POINT)
    state, dice = {k: v.clone() for k, v in D.state_dict().items()}, torch.get_rng_state()
    said = probe_verdict(D, POINT)
    assert said.features.shape == (840, 16) and said.score.shape == (840,)
    assert torch.equal(torch.get_rng_state(), dice)
    assert all(torch.equal(state[k], v) for k, v in D.state_dict().items())


@pytest.mark.parametrize(
    "pair",
    [
        Perceptron(2, 8),
        Packed(Perceptron(2, 8)),
        Pair(Perceptron(2, 8), Convolutional()),
        Dropped(Packed(Perceptron(2))),
    ],
)
def test_a_longer_latent_reaches_the_innermost_generator(pair):
    more = with_latent(pair, 7)
    assert more.latent == 7 and pair.latent == 2 and type(more) is type(pair)
    assert more.generator(POINT)(torch.randn(3, 7)).shape == (3, 2, 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "Packed(Convolutional(latent=100, width=64, normal=True), 3)",
        "Pair(generator_of=Dense(), critic_of=Dropped(Perceptron(), shares=(0.1, 0.2, 0.3)))",
        "MinibatchDiscriminating(Spectral(Convolutional(normal=False)), kernels=20)",
        'OrthogonalPerceptron(activation="relu", gain=0.8, depth_critic=1, shrink=4)',
    ],
)
def test_compositions_are_written_as_they_read(text):
    pair = parse_value(text, NETWORKS)
    assert parse_value(repr(pair), NETWORKS) == pair
