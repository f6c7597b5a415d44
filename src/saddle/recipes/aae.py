"""The adversarial autoencoder: a critic of codes makes them those of a prior, in the place of a VAE's divergence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..batches import Images
from ..clock import Number
from ..core import Objective, Remembers
from ..errors import require
from ..games import AdversarialAutoencoder, GaussianAdversarialAutoencoder
from ..layers.priors import Normal
from ..networks import ConvolutionalAutoencoder, Perceptron, count_latents
from ..objectives import NonSaturating, SquaredError
from ..objectives.likelihoods import Likelihood, check_suits
from ..optim import Adam
from ..recipe import EncoderNetworks, Optimizing, Paper, Prior, Recipe
from ..shape import Shape

GAMES = {"deterministic": AdversarialAutoencoder, "gaussian": GaussianAdversarialAutoencoder}


@dataclass(frozen=True)
class AAE(Recipe[Images]):
    """Two phases of each batch, reconstruction and regularisation. Networks, weight and steps are ours."""

    paper = Paper("Makhzani et al.", 2015, arxiv="1511.05644")

    networks: EncoderNetworks = ConvolutionalAutoencoder(latent=16, width=32)  # encoder and generator
    code_critic: Perceptron = Perceptron(width=512, depth=2)  # whose critic judges codes
    posterior: Literal["deterministic", "gaussian"] = "deterministic"  # are codes its answers, or drawn of them?
    likelihood: Likelihood | Remembers[Likelihood] = SquaredError()  # what is minimised of an image and its copy
    objective: Objective = NonSaturating()  # how scores of codes become losses
    weight: Number = 30.0  # of the encoder's loss before that critic, beside an error summed over pixels
    prior: Prior = Normal()  # what codes should be distributed as, and latents are drawn from
    optimizer: Optimizing = Adam(lr=1e-3, betas=(0.5, 0.999))  # how all players step
    critic_optimizer: Optimizing | None = None  # how the critic of codes steps, if otherwise
    batch: int = 64  # images in one round

    def __post_init__(self) -> None:
        require(self.posterior in GAMES, f"posterior is {self.posterior!r}, but should be {' or '.join(GAMES)}")

    def game(self, data: Shape) -> AdversarialAutoencoder:
        nets, kind = self.networks, GAMES[self.posterior]
        latent = count_latents(nets, data)
        generator = nets.generator(data)
        check_suits(self.likelihood, generator, data)
        players = nets.encoder(data, kind.numbers), generator, self.code_critic.critic(Shape(latent, 1, 1))
        return kind(*players, latent, self.likelihood, self.objective, self.prior, self.weight)

    def steps(self, player: str) -> Optimizing:
        return self.critic_optimizer if player == "critic" and self.critic_optimizer else self.optimizer
