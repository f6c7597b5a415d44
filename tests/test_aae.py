"""The adversarial autoencoder: whose move is whose, and that its codes come to be those of the prior."""

from __future__ import annotations

import math
from itertools import repeat

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from saddle.batches import Images
from saddle.capabilities import Encodes, Generates, Infers, Judges, Reconstructs
from saddle.clock import Clock
from saddle.errors import Mistake
from saddle.games import AdversarialAutoencoder, GaussianAdversarialAutoencoder
from saddle.layers.priors import Uniform
from saddle.networks import DenseAutoencoder, Perceptron
from saddle.objectives import NonSaturating
from saddle.optim import SGD, Adam
from saddle.recipes.aae import AAE
from saddle.shape import Shape
from saddle.training.engine import Engine
from test_encoders import movers, reached
from toys import Batches, images, play

TOY, POINT = Shape(1, 4, 4), Shape(2, 1, 1)
KINDS = [AdversarialAutoencoder, GaussianAdversarialAutoencoder]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def game(kind: type[AdversarialAutoencoder], data: Shape = TOY, latent: int = 2, width: int = 8, **more: object):
    nets, critic = DenseAutoencoder(latent, (width,)), Perceptron(width=width, depth=2).critic(Shape(latent, 1, 1))
    return kind(nets.encoder(data, kind.numbers), nets.generator(data), critic, latent, **more)


@pytest.mark.parametrize("kind", KINDS)
def test_reconstruction_then_the_critic_of_codes_then_the_encoder_against_it(kind: type[AdversarialAutoencoder]):
    played, seen = game(kind), []
    for turn in played.round(iter([images(6)]), Clock()):
        seen += [(movers(turn, played), reached(turn.loss, played))]
    assert seen == [
        ([({"encoder", "generator"}, {"error"})], {"encoder", "generator"}),
        ([({"critic"}, {"adversarial"})], {"critic"}),
        ([({"encoder"}, {"adversarial"})], {"encoder"}),
    ]


def test_the_losses_are_those_of_a_gan_of_codes():
    """Draws of the prior are real, codes are made: of an objective, with the weight before the encoder's alone."""
    played, x = game(AdversarialAutoencoder, weight=3.0), images(6)
    z = torch.randn(6, 2)
    played.prior = lambda like, size: z
    error, critic, encoder = (move.loss for move in played.round(iter([x]), Clock()))
    real, made = played.critic(z).score, played.critic(played.encoder(x.image)).score
    torch.testing.assert_close(critic, NonSaturating().critic(real, made))
    torch.testing.assert_close(encoder, 3 * NonSaturating().generator(real, made))
    again = played.generator(played.encoder(x.image))
    torch.testing.assert_close(error, (again - x.image).square().sum((1, 2, 3)).mean())


def kolmogorov(codes: Tensor, law: Normal) -> float:
    """The largest difference between the share of codes up to a number, and the law's."""
    share = law.cdf(codes.flatten().sort().values)
    return float((share - torch.arange(1, len(share) + 1) / len(share)).abs().max())


def segment(n: int) -> Images:
    """Points of a segment, in equal share: as codes they are as unlike a normal law as its uniform numbers."""
    return Images((2 * torch.rand(n, 1, 1, 1) - 1).expand(n, 2, 1, 1))


@pytest.mark.parametrize(
    "kind", [AdversarialAutoencoder, pytest.param(GaussianAdversarialAutoencoder, marks=pytest.mark.slow)]
)
def test_codes_taken_together_are_distributed_as_the_prior(kind: type[AdversarialAutoencoder]):
    played = game(kind, POINT, latent=1, width=32, weight=0.3)
    engine = Engine(played, lambda player: Adam(4e-3, (0.5, 0.9)))

    def codes() -> Tensor:
        with torch.no_grad():
            return played.draw_code(segment(4000).image)

    before = kolmogorov(codes(), Normal(0.0, 1.0))
    for i in range(250):
        engine.play((segment(128) for _ in repeat(None)), clock=Clock(round=i))
    found, x = codes(), segment(500).image
    assert kolmogorov(found, Normal(0.0, 1.0)) < 0.1 < 0.2 < before
    assert found.mean().abs() < 0.25 and abs(found.std() - 1) < 0.25
    with torch.no_grad():  # and what is made of the prior lies on the segment, as the data do
        made = played.make(played.latents(x)).flatten(1)
        assert (played.reconstruct(x) - x).square().sum((1, 2, 3)).mean() < 0.02
    assert (made[:, 0] - made[:, 1]).abs().mean() < 0.1 and abs(made.std() - math.sqrt(1 / 3)) < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_parts_equal_the_whole(kind: type[AdversarialAutoencoder]):
    ends = []
    for parts in (1, 4):
        torch.manual_seed(0)
        engine = Engine(game(kind).double(), lambda player: SGD(0.02))
        doubles = [Batches(lambda n: Images(images(n).image.double()), i, parts) for i in range(parts)]
        ends.append(play(engine, doubles, 0, 3) | engine.game.state_dict())
    for key, value in ends[0].items():
        torch.testing.assert_close(ends[1][key], value, rtol=0, atol=1e-10, msg=key)


def test_a_code_is_what_the_encoder_answers_or_the_mean_of_its_law():
    x = images(5).image
    for kind in KINDS:
        played = game(kind)
        assert all(isinstance(played, can) for can in (Generates, Encodes, Reconstructs))
        assert not isinstance(played, Judges)  # its critic is one of codes
        assert torch.equal(played.encode(x), played.encoder(x)[:, :2]) and played.encode(x).shape == (5, 2)
        assert torch.equal(played.reconstruct(x), played.make(played.encode(x)))
        drawn = isinstance(played, Infers)
        assert (
            drawn == (kind is GaussianAdversarialAutoencoder) != torch.equal(played.draw_code(x), played.draw_code(x))
        )


def test_a_recipe_plays_with_the_posterior_and_the_prior_that_it_says():
    nets = DenseAutoencoder(3, (8,))
    made = AAE(networks=nets, posterior="gaussian", prior=Uniform(2.0)).game(TOY)
    assert type(made) is GaussianAdversarialAutoencoder and made.latents(images(50).image).abs().max() > 1
    assert type(AAE(networks=nets).game(TOY)) is AdversarialAutoencoder
    for wrong, says in (
        ({"posterior": "uniform"}, "should be deterministic or gaussian"),
        ({"weight": -1.0}, "is -1.0"),
    ):
        with pytest.raises(Mistake, match=says):
            AAE(networks=nets, **wrong).game(TOY)
