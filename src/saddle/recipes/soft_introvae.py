"""Soft-IntroVAE: the same without a margin: fakes count by the exponential of what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from ..batches import Images
from ..games import SoftIntroVAE as Game
from ..networks import DenseAutoencoder, ResidualAutoencoder
from ..optim import Adam
from ..recipe import EncoderNetworks, Optimizing, Paper, Recipe
from ..shape import Shape


@dataclass(frozen=True)
class SoftIntroVAE(Recipe[Images]):
    """As the authors' code has it for CIFAR-10. Theirs falls to a tenth of its rate after 350 epochs, ours does not."""

    paper = Paper("Daniel & Tamar", 2021, arxiv="2012.13253")

    networks: EncoderNetworks = ResidualAutoencoder(latent=128, width=64)  # encoder and generator
    reconstruction: float = 0.25  # weight of |x - x_r|^2; their 1 is for pixels in [0, 1], a quarter of these
    kl: float = 1.0  # weight of a divergence from the prior
    negative: float = 256.0  # the same of a fake, in the encoder's exponential; beta_neg
    again: float = 1e-8  # how much the error of a fake that is made again counts in the generator's loss; gamma_r
    warm_up: int = 0  # images that are shown to a plain variational autoencoder of these weights before
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.9, 0.999))  # how both step
    batch: int = 32  # images in one move of each

    def game(self, data: Shape) -> Game:
        nets = self.networks
        players = nets.encoder(data, Game.numbers), nets.generator(data)
        return Game(*players, nets.latent, self.reconstruction, self.kl, self.negative, self.again, self.warm_up)

    def steps(self, player: str) -> Optimizing:
        return self.optimizer


# Points in the plane, by the weights of the authors' code for eight Gaussians.
toy = SoftIntroVAE(networks=DenseAutoencoder(latent=2, widths=(256, 256, 256)), reconstruction=0.2, kl=0.3,
                   negative=0.9, warm_up=100_000, batch=512)  # fmt: skip
