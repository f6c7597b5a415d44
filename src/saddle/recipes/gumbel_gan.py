"""A GAN of lines of text whose tokens are drawn by a softmax with Gumbel noise, from warm to cold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..batches import Lines
from ..clock import Number
from ..games import GumbelSoftmax
from ..layers.priors import Gumbel
from ..networks import TextLSTM
from ..optim import Adam, Geometric
from ..recipe import Networks, Optimizing, Paper, Prior
from ..shape import Shape
from .versus import Versus


@dataclass(frozen=True)
class GumbelGAN(Versus):
    """On SeqGAN's networks, without learning by likelihood first. The temperature is the paper's, rates are ours."""

    paper = Paper("Jang et al.", 2016, arxiv="1611.01144")
    batch_type: ClassVar[type[Any]] = Lines

    networks: Networks = TextLSTM(embedding=32, hidden=32)  # generator and critic
    prior: Prior = Gumbel()  # the noise on the logits
    temperature: Number = Geometric(1.0, 0.1)  # of the softmax: the lower, the nearer to tokens
    hard: bool = True  # tokens forward, the softmax's gradient backward; else mixtures of tokens
    optimizer: Optimizing = Adam(lr=1e-3, betas=(0.5, 0.999))  # how both players step
    batch: int = 64  # lines in one move of the critic

    def game(self, data: Shape) -> GumbelSoftmax:
        return self.play(GumbelSoftmax, data, temperature=self.temperature, hard=self.hard)
