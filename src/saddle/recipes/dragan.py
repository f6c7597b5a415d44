"""DRAGAN: slope one around the data, where a GAN's critic would rise like a cliff."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Penalties
from ..networks import Convolutional
from ..penalties import Dragan
from ..recipe import Networks, Paper
from .versus import Versus


@dataclass(frozen=True)
class DRAGAN(Versus):
    """On DCGAN's networks and steps, without batch norm in the critic; the weight and the noise are the paper's."""

    paper = Paper("Kodali et al.", 2017, arxiv="1705.07215")

    networks: Networks = Convolutional(latent=100, width=64, normal=False)  # generator and critic
    penalties: Penalties = (Dragan(weight=10.0, spread=0.5),)  # further terms of the critic's loss
