"""BiGAN-QP: GAN-QP with an encoder, which is also taught to undo the generator, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective
from ..games import BiGANQP as Game
from ..games import Turns
from ..layers.priors import Normal
from ..networks import Bidirectional
from ..objectives import Wasserstein
from ..penalties import QuadraticPotential
from ..recipe import PairNetworks, Paper, Prior
from ..shape import Shape
from .bigan import BiGAN


@dataclass(frozen=True)
class BiGANQP(BiGAN):
    """On BiGAN's networks; what the errors of codes and images count is the author's."""

    paper = Paper("Su", 2018, arxiv="1811.07296")

    networks: PairNetworks = Bidirectional(latent=128)  # encoder, generator, and a critic of pairs; the author's latent
    objective: Objective = Wasserstein()  # how scores become losses; the linear part
    potential: QuadraticPotential = QuadraticPotential(scale=10.0)  # the other part of the critic's loss; lambda
    turns: Turns = Turns(critic=2)  # moves of the critic, and of the other two, in a round; the author's code
    code_error: float = 2.0  # what the mean square of z - E(G(z)) counts
    image_error: float = 3.0  # what the mean square of x - G(E(x)) counts
    prior: Prior = Normal()  # where latents come from
    batch: int = 64  # images in one move of the critic; the author's code

    def game(self, data: Shape) -> Game:
        return self.play(Game, data, potential=self.potential, turns=self.turns, code_error=self.code_error,
                         image_error=self.image_error)  # fmt: skip
