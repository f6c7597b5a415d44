"""Generators frozen while they learn, and fresh critics trained against them. Arjovsky & Bottou 2017."""

from __future__ import annotations

import copy

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ..clock import Clock
from ..core import Views
from ..games import Adversarial
from ..layers.views import Noise
from ..networks import Convolutional
from ..optim import Adam
from ..training.engine import Engine
from .evidence import Demonstration, expect_above, expect_below
from .fresh_critic import GENERATOR_LOSSES, CriticStep, last_over_largest, train_fresh_critic
from .gaussians import LOG2
from .picture import BLUE, GREEN, GREY, ORANGE, PURPLE, make_panels, share_legend, style_panel
from .toy_discs import DISC_SHAPE, disc_batches, sample_discs

LATENT, SNAPSHOTS, STD = 16, (20, 80, 240), 2.0
DISC_NETWORKS = Convolutional(LATENT, 8)
Traces = dict[str, list[CriticStep]]


def sample_latents(n: int) -> Tensor:
    return torch.randn(n, LATENT)


def generator_snapshots() -> dict[int, nn.Module]:
    """A small DCGAN learns discs; its generator after so many rounds."""
    game = Adversarial(DISC_NETWORKS.generator(DISC_SHAPE), DISC_NETWORKS.critic(DISC_SHAPE), LATENT)
    engine, feed, kept = Engine(game, lambda player: Adam(1e-3)), disc_batches(32), {}
    for round in range(SNAPSHOTS[-1]):
        engine.play(feed, clock=Clock(round))
        if round + 1 in SNAPSHOTS:
            kept[round + 1] = copy.deepcopy(game.generator)
    return kept


def trace_critic(generator: nn.Module, views: Views = (), steps: int = 150, every: int = 15) -> list[CriticStep]:
    return train_fresh_critic(
        DISC_NETWORKS.critic(DISC_SHAPE),
        generator,
        sample_discs,
        sample_latents,
        steps,
        lr=2e-3,
        every=every,
        views=views,
    )


def run_demonstration() -> Demonstration:
    generators = generator_snapshots()
    plain = {f"generator of round {n}": trace_critic(g) for n, g in generators.items()}
    noisy = trace_critic(generators[SNAPSHOTS[-1]], (Noise(STD),))
    facts = []
    for name, moments in plain.items():
        facts += [expect_above(f"{name}: accuracy of the fresh critic", moments[-1].accuracy, 0.99),
                  expect_above(f"{name}: its estimate of the JSD", moments[-1].jsd, 0.66),
                  expect_below(f"{name}: saturating gradient, last over largest",
                               last_over_largest(moments, "saturating"), 0.25),
                  expect_above(f"{name}: non-saturating, the same", last_over_largest(moments, "non-saturating"),
                               0.5)]  # fmt: skip
    facts += [expect_below("with noise: the estimate of the JSD", noisy[-1].jsd, 0.65),
              expect_above("with noise: saturating gradient, last over largest",
                           last_over_largest(noisy, "saturating"), 0.2)]  # fmt: skip

    return Demonstration(tuple(facts), plot_traces(plain, noisy))


def plot_traces(plain: Traces, noisy: list[CriticStep]) -> Figure:
    figure, (left, *others) = make_panels(1, 3)
    looks = ((BLUE, "-"), (GREEN, "--"), (ORANGE, "-."), (PURPLE, ":"))
    for (name, moments), (shade, style) in zip((plain | {"the last, with noise": noisy}).items(), looks, strict=True):
        steps = [m.step for m in moments]
        left.plot(steps, [m.jsd for m in moments], style, color=shade, label=name)
        for ax, kind in zip(others, GENERATOR_LOSSES, strict=True):
            ax.plot(steps, [m.grad_norms[kind] for m in moments], style, color=shade)
            ax.set_yscale("log")
    left.axhline(LOG2, color=GREY, linewidth=0.8)
    style_panel(left, "the JSD that a fresh critic proves; grey: log 2", "its steps", "JSD, nats", legend=None)
    for ax, kind in zip(others, GENERATOR_LOSSES, strict=True):
        style_panel(ax, f"what it leaves: {kind}", "its steps", "generator's gradient, norm", legend=None)
    share_legend(figure, left)
    return figure
