"""Generators frozen while they learn, and fresh critics trained against them. Arjovsky & Bottou 2017."""

from __future__ import annotations

import copy

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ..core import Clock, Views
from ..games import Adversarial
from ..layers.views import Noise
from ..networks import Convolutional
from ..optim import Adam
from ..training.engine import Engine
from .discs import DISCS, batches, discs
from .evidence import Evidence, above, below
from .fresh import LOSSES, Moment, fall, watch
from .gaussians import LOG2
from .picture import BLUE, GREEN, GREY, ORANGE, PURPLE, dress, panels, share

LATENT, SNAPSHOTS, STD = 16, (20, 80, 240), 2.0
NETWORKS = Convolutional(LATENT, 8)
Traces = dict[str, list[Moment]]


def latents(n: int) -> Tensor:
    return torch.randn(n, LATENT)


def snapshots() -> dict[int, nn.Module]:
    """A small DCGAN learns discs; its generator after so many rounds."""
    game = Adversarial(NETWORKS.generator(DISCS), NETWORKS.critic(DISCS), LATENT)
    engine, feed, kept = Engine(game, lambda player: Adam(1e-3)), batches(32), {}
    for round in range(SNAPSHOTS[-1]):
        engine.play(feed, clock=Clock(round))
        if round + 1 in SNAPSHOTS:
            kept[round + 1] = copy.deepcopy(game.generator)
    return kept


def trace(generator: nn.Module, views: Views = (), steps: int = 150, every: int = 15) -> list[Moment]:
    return watch(NETWORKS.critic(DISCS), generator, discs, latents, steps, lr=2e-3, every=every, views=views)


def show() -> Evidence:
    generators = snapshots()
    plain = {f"generator of round {n}": trace(g) for n, g in generators.items()}
    noisy = trace(generators[SNAPSHOTS[-1]], (Noise(STD),))
    facts = []
    for name, moments in plain.items():
        facts += [above(f"{name}: accuracy of the fresh critic", moments[-1].accuracy, 0.99),
                  above(f"{name}: its estimate of the JSD", moments[-1].jsd, 0.66),
                  below(f"{name}: saturating gradient, last over largest", fall(moments, "saturating"), 0.25),
                  above(f"{name}: non-saturating, the same", fall(moments, "non-saturating"), 0.5)]  # fmt: skip
    facts += [below("with noise: the estimate of the JSD", noisy[-1].jsd, 0.65),
              above("with noise: saturating gradient, last over largest", fall(noisy, "saturating"), 0.2)]  # fmt: skip

    return Evidence(tuple(facts), drawing(plain, noisy))


def drawing(plain: Traces, noisy: list[Moment]) -> Figure:
    figure, (left, *others) = panels(1, 3)
    looks = ((BLUE, "-"), (GREEN, "--"), (ORANGE, "-."), (PURPLE, ":"))
    for (name, moments), (shade, style) in zip((plain | {"the last, with noise": noisy}).items(), looks, strict=True):
        steps = [m.step for m in moments]
        left.plot(steps, [m.jsd for m in moments], style, color=shade, label=name)
        for ax, kind in zip(others, LOSSES, strict=True):
            ax.plot(steps, [m.pulls[kind] for m in moments], style, color=shade)
            ax.set_yscale("log")
    left.axhline(LOG2, color=GREY, linewidth=0.8)
    dress(left, "the JSD that a fresh critic proves; grey: log 2", "its steps", "JSD, nats", legend=None)
    for ax, kind in zip(others, LOSSES, strict=True):
        dress(ax, f"what it leaves: {kind}", "its steps", "generator's gradient, norm", legend=None)
    share(figure, left)
    return figure
