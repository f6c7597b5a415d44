"""T-GAN: the critic is shown two pictures, a real one and a made one, and asked which is which."""

from __future__ import annotations

from dataclasses import dataclass

from ..games import Turing, Turns
from ..networks import Convolutional, Opposed, Spectral
from ..optim import Adam
from ..recipe import Networks, Optimizing, Paper
from ..shape import Shape
from .versus import Versus


@dataclass(frozen=True)
class TGAN(Versus):
    """The Turing test as a game, with spectral normalisation all over the critic as in the author's code."""

    paper = Paper("Su", 2018, arxiv="1810.10948")

    networks: Networks = Spectral(Opposed(Convolutional(latent=128, width=64, normal=False)))  # generator and critic
    turns: Turns = Turns(critic=1, generator=2)  # moves of each player in a round; the author's code
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step; the author's code
    batch: int = 64  # images in one move of the critic; the author's code

    def game(self, data: Shape) -> Turing:  # type: ignore[override]  # no critic of single samples, as others are
        return self.play(Turing, data)
