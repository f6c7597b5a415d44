"""The generator descends a maximum over critics: its slope, and a step that is too large."""

from __future__ import annotations

import torch
from torch import Tensor

from ..objectives import Minimax
from .evidence import Evidence, above, below, close
from .gaussians import LOG2, Bell, bells, jsd, line
from .picture import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, dress, panels
from .saturating import jsd_slope

CRITICS = ((0.4, 2.0, 0.3), (0.4, -2.0, 0.3), (0.1, 0.0, 2.8))  # a, b, c of a (theta - b)^2 + c
START, SMALL, LARGE = 2.0, 1.0, 12.0  # where the generator stands, and two rates


def values(theta: Tensor) -> Tensor:
    """Three critics' opinions of a generator, (..., 3): quadratics."""
    return torch.stack([a * (theta - b) ** 2 + c for a, b, c in CRITICS], -1)


def envelope_slope(theta: float) -> tuple[float, float]:
    """The slope of the largest of the three by autograd, and that of the one which is largest here."""
    t = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(values(t).max(), t)
    a, b, _ = CRITICS[int(values(t).argmax())]
    return g.item(), 2 * a * (theta - b)


def judged(at: float, theta: Tensor, n: int = 20_000) -> Tensor:
    """The game's value, (len(theta),), for generators N(theta, 1) under the critic that is best against N(at, 1).

    Data N(0, 1); V = E log D(x) + E log(1 - D(G(z))), Goodfellow et al. 2014, equation 1.
    """
    z = bells(n)

    def best(x: Tensor) -> Tensor:
        return at**2 / 2 - at * x

    return torch.stack([-Minimax().critic(best(z), best(z + t)) for t in theta])


def largest(theta: float) -> float:
    """The game's value under the best critic: 2 JSD - 2 log 2."""
    x = line(-12, 12 + abs(theta))
    return 2 * jsd(x, Bell().log(x), Bell(theta).log(x)).item() - 2 * LOG2


def frozen_slope(at: float) -> float:
    """The slope of the value in theta at the point at which the critic is best, the critic held."""
    theta = torch.tensor([at], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(judged(at, theta).sum(), theta)
    return g.item()


def step(rate: float) -> tuple[float, float]:
    """What the critic at hand promises of a step from START, and what the best critic says after it: both changes."""
    stop = START - rate * frozen_slope(START)
    here, there = judged(START, torch.tensor([START, stop], dtype=torch.float64))
    return (there - here).item(), largest(stop) - largest(START)


def show() -> Evidence:
    at = (-2.5, -0.4, 0.3, 2.0)
    facts = [close(f"three critics: slope at {t:g}", *envelope_slope(t), 1e-6) for t in at]
    facts += [close(f"best critic held: slope at {t:g}", frozen_slope(t), 2 * jsd_slope(t), 1e-4) for t in (0.5, 1, 2)]
    for name, rate in (("small", SMALL), ("too large", LARGE)):
        promised, true = step(rate)
        facts.append(below(f"{name} step: promised change", promised, 0))
        facts.append((above if name == "too large" else below)(f"{name} step: change of the maximum", true, 0))

    figure, (left, right) = panels(1, 2, 4.8, 3.6)
    theta = line(-3, 3, 400)
    for i, (shade, style) in enumerate(((BLUE, "--"), (ORANGE, "-."), (GREEN, ":"))):
        left.plot(theta, values(theta)[:, i], style, color=shade, label=f"critic {i + 1}")
    left.plot(theta, values(theta).amax(1), color=INK, linewidth=2.5, alpha=0.35, label="the largest")
    left.set_ylim(0, 7)
    dress(left, "the maximum has the slope of its winner", "generator", "value")

    theta = line(-5, 5, 101)
    right.plot(
        theta,
        [largest(t) for t in theta.tolist()],
        color=INK,
        linewidth=2.5,
        alpha=0.35,
        label="each one's best critic",
    )
    right.plot(theta, judged(START, theta, 2000), "--", color=BLUE, label="the start's best critic")
    right.axhline(0, color=GREY, linewidth=0.8)
    for name, rate, shade in (("small step", SMALL, GREEN), ("step too large", LARGE, PURPLE)):
        stop = START - rate * frozen_slope(START)
        (promised,) = judged(START, torch.tensor([stop], dtype=torch.float64)).tolist()
        right.plot([stop, stop], [promised, largest(stop)], ":", color=shade)
        right.plot([stop], [promised], "o", color=shade, markerfacecolor="white")
        right.plot([stop], [largest(stop)], "o", color=shade, label=f"{name}: promised, kept")
    right.plot([START], [largest(START)], "s", color=INK, label="start")
    right.set_ylim(-10, 1)
    dress(right, "a held critic promises more than it keeps", "shift of the generator", "value of the game")
    return Evidence(tuple(facts), figure)
