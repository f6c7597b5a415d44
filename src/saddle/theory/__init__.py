"""Demonstrations: what the theory says beside what saddle's own losses do. Nothing heavy is imported here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import did_you_mean, require

if TYPE_CHECKING:
    from .evidence import Demonstration

DEMONSTRATIONS = {
    "dirac": "which methods end in the equilibrium of the simplest game, and how fast",
    "jacobian": "the spectrum of a small trained GAN's gradient field, with R1 and without",
    "optimal": "what a trained critic knows: the log ratio, and every f-divergence",
    "vanishing": "supports apart: JSD stands at log 2, W1 grows, and one gradient vanishes",
    "frozen": "a fresh critic against a generator that stands still, with noise and without",
    "layers": "where the gradient is lost as a critic gets better: not in its layers",
    "kl": "one Gaussian for two peaks: forward KL covers, reverse KL chooses",
    "likelihood": "a mixture of Gaussians by EM and by gradient: maximum likelihood is forward KL",
    "saturating": "the two losses of the first GAN, seen by their gradients",
    "danskin": "the slope of a maximum over critics, and a generator's step that is too large",
    "transport": "adversarial flow: how its transport term damps, what it costs, and the map it chooses",
    "modes": "what is caught of 8 modes and of 25, by four methods and by a perfect sampler",
}


def demonstrate(name: str) -> Demonstration:
    """Run one demonstration, from the same seed each time, without touching anybody else's chance."""
    require(name in DEMONSTRATIONS, f"there is no demonstration {name}{did_you_mean(name, DEMONSTRATIONS)}")
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        evidence: Demonstration = import_module(f"{__name__}.{name}").run_demonstration()
    return evidence
