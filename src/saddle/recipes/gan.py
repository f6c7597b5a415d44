"""GAN: two networks that play against each other, as first published."""

from __future__ import annotations

from dataclasses import dataclass

from ..games import Simultaneous
from ..layers.priors import Uniform
from ..networks import Dense
from ..objectives import Minimax
from ..optim import SGD, Exponential, Ramp
from ..recipe import Networks, Optimizing, Paper, Prior
from ..shape import Shape
from .versus import Versus

# from .5 to .7 in 250 epochs of 500 rounds: MNIST's 50,000 training digits in batches of 100
MOMENTUM = Ramp(0.5, 0.7, rounds=125_000)


@dataclass(frozen=True)
class GAN(Versus):
    """Their settings for MNIST; both players move at once, from one forward pass.

    The authors halve the critic's loss. Here its rate is halved, which for such steps is the same to the last bit.
    """

    paper = Paper("Goodfellow et al.", 2014, arxiv="1406.2661")

    networks: Networks = Dense()  # generator and critic; the authors' for MNIST
    prior: Prior = Uniform(bound=3**0.5)  # where latents come from; the authors' code: variance 1
    optimizer: Optimizing = SGD(Exponential(0.1, 1.000004, 1e-6), MOMENTUM)  # how the generator steps; their code
    critic_optimizer: Optimizing = SGD(Exponential(0.05, 1.000004, 5e-7), MOMENTUM)  # how the critic steps; half that
    batch: int = 100  # images in one move; the authors' code

    def game(self, data: Shape) -> Simultaneous:
        return self.play(Simultaneous, data)


# Equation 1 itself: the generator minimises log(1 - D(G(z))), whose slope fades as the critic wins.
minimax = GAN(objective=Minimax())
