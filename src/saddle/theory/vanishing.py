"""Supports that do not meet: what the divergences say of their distance, and what is left of the gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..clock import Clock
from ..core import Judge
from ..networks import Convolutional, Perceptron
from ..objectives import Wasserstein
from ..optim import Adam, Linear
from ..penalties import GradientPenalty
from ..shape import Shape
from .evidence import Demonstration, expect_above, expect_below, expect_close
from .fresh_critic import CriticStep, last_over_largest, train_fresh_critic
from .gaussians import LOG2
from .picture import BLUE, ORANGE, make_panels, style_panel
from .toy_discs import DISC_SHAPE, sample_discs

PLANE = Shape(2, 1, 1)
LAMBDA = 10.0  # WGAN-GP's
SHIFTS = (0.0, 0.5, 1.0, 1.5, 2.0)
WIDTH = 32  # of the critics of points


class Stick(nn.Module):
    """Points on {theta} x [0, 1], from uniform latents (n, 1). Arjovsky et al. 2017, example 1."""

    def __init__(self, theta: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta))

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.cat((self.theta.expand_as(z), z), 1).view(-1, 2, 1, 1)


def sample_stick(n: int) -> Tensor:
    """Data: points on {0} x [0, 1]."""
    return torch.cat((torch.zeros(n, 1), torch.rand(n, 1)), 1).view(-1, 2, 1, 1)


def trace_sticks(theta: float, steps: int = 150) -> list[CriticStep]:
    """A critic of points learns to tell the sticks apart."""
    critic = Perceptron(2, WIDTH, 2).critic(PLANE)
    return train_fresh_critic(critic, Stick(theta), sample_stick, lambda n: torch.rand(n, 1), steps, lr=1e-2)


def wgan_gp_gap(theta: float, steps: int = 150) -> float:
    """The gap that WGAN-GP's critic opens between the sticks: W1, and a little more."""
    critic = Perceptron(2, WIDTH, 2).critic(PLANE)
    how, judge, penalty = Adam(Linear(1e-2), (0.5, 0.9)), Judge(critic, Clock()), GradientPenalty()
    optimizer = how.build(critic.parameters())
    real = sample_stick(64)
    fake = real + torch.tensor([theta, 0.0]).view(1, 2, 1, 1)  # at the heights of the data: theta is the distance
    for step in range(steps):
        how.tune(optimizer, Clock(share=step / steps))
        optimizer.zero_grad()
        r, f = judge(real), judge(fake)
        loss = Wasserstein().critic(r.score, f.score) + LAMBDA * penalty(judge, r, f)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        return -Wasserstein().critic(critic(real).score, critic(fake).score).item()


def expected_gap(theta: float) -> float:
    """What is best for that critic: its slope is 1 + theta / (2 lambda), a little above one."""
    return theta * (1 + theta / (2 * LAMBDA))


def trace_images(steps: int = 100) -> list[CriticStep]:
    """The same with DCGAN's networks: discs against a generator that has learned nothing."""
    nets = Convolutional(16, 8)
    return train_fresh_critic(
        nets.critic(DISC_SHAPE),
        nets.generator(DISC_SHAPE),
        sample_discs,
        lambda n: torch.randn(n, 16),
        steps,
        lr=4e-3,
        every=5,
    )


def run_demonstration() -> Demonstration:
    told = {theta: trace_sticks(theta) for theta in SHIFTS}
    moved = {theta: wgan_gp_gap(theta) for theta in SHIFTS}
    dense, convolutional = told[1.0], trace_images()
    facts = [expect_close(f"JSD at distance {t:g}", m[-1].jsd, LOG2 if t else 0, 0.02) for t, m in told.items()]
    facts += [expect_close(f"WGAN-GP's gap at {t:g}", w, expected_gap(t), 0.02) for t, w in moved.items()]
    for name, trace in (("MLP", dense), ("DCGAN", convolutional)):
        facts += [expect_below(f"{name}: saturating gradient, last over largest",
                               last_over_largest(trace, "saturating"), 0.05),
                  expect_above(f"{name}: non-saturating gradient, the same",
                               last_over_largest(trace, "non-saturating"), 0.5)]  # fmt: skip

    figure, (left, middle, right) = make_panels(1, 3)
    left.plot((0, SHIFTS[-1]), (LOG2, LOG2), color=BLUE, label="JSD: log 2, but at 0")
    left.plot(SHIFTS, [m[-1].jsd for m in told.values()], "o", color=BLUE, label="from critics")
    left.plot((0, SHIFTS[-1]), (0, SHIFTS[-1]), "--", color=ORANGE, label="W1: the distance")
    left.plot(SHIFTS, [expected_gap(t) for t in SHIFTS], ":", color=ORANGE, label="and what the penalty adds")
    left.plot(SHIFTS, list(moved.values()), "^", color=ORANGE, label="from WGAN-GP's critics")
    style_panel(left, "two sticks", "distance", "divergence")
    for ax, trace, name in ((middle, dense, "MLP, sticks at distance 1"), (right, convolutional, "DCGAN, images")):
        for kind, shade, style in (("saturating", ORANGE, "--"), ("non-saturating", BLUE, "-")):
            ax.plot([m.step for m in trace], [m.grad_norms[kind] for m in trace], style, color=shade, label=kind)
        ax.set_yscale("log")
        style_panel(ax, name, "steps of the critic", "generator's gradient, norm")
    return Demonstration(tuple(facts), figure)
