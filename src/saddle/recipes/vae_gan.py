"""VAE-GAN: the error of an autoencoder is taken where a critic looks, not of pixels."""

from __future__ import annotations

from dataclasses import dataclass

from ..batches import Images
from ..clock import Number
from ..core import Objective
from ..games import VAEGAN as Game
from ..games import EquilibriumGate
from ..layers.priors import Normal
from ..networks import ConvolutionalVAEGAN
from ..objectives import Minimax
from ..optim import Polynomial, RMSprop
from ..recipe import Optimizing, PairNetworks, Paper, Prior, Recipe
from ..shape import Shape

RATE = Polynomial(0.025 / 64, 1e-5 / 64, power=0.75)  # over the run, which was 250 epochs of CelebA


@dataclass(frozen=True)
class VAEGAN(Recipe[Images]):
    """The settings of the authors' code, which also decays weights, by 1e-5, and adds 1e-3 inside of logarithms."""

    paper = Paper("Larsen et al.", 2016, arxiv="1512.09300")

    networks: PairNetworks = ConvolutionalVAEGAN()  # encoder, generator, and a critic whose features are compared
    gamma: Number = 5e-5  # weight of the reconstruction in the generator's loss; features are many, and summed
    std: float = 1.0  # deviation of features around those of a copy; smaller where a narrow critic has few
    objective: Objective = Minimax()  # how scores become the critic's loss, and what else the generator has
    gate: EquilibriumGate | None = EquilibriumGate(level=0.68, margin=0.35)  # who waits, and when; none: nobody
    prior: Prior = Normal()  # where latents come from
    optimizer: Optimizing = RMSprop(RATE, alpha=0.9)  # how all three step
    batch: int = 64  # images in one move

    def game(self, data: Shape) -> Game:
        nets = self.networks
        players = nets.encoder(data, Game.numbers), nets.generator(data), nets.critic(data)
        return Game(*players, nets.latent, self.objective, self.prior, self.gamma, self.std, self.gate)

    def steps(self, player: str) -> Optimizing:
        return self.optimizer
