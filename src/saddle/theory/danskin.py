"""The generator descends a maximum over critics: its slope, and a step that is too large."""

from __future__ import annotations

import torch
from torch import Tensor

from ..objectives import Minimax
from .evidence import Demonstration, expect_above, expect_below, expect_close
from .gaussians import LOG2, Gaussian, js_divergence, line_points, normal_quantiles
from .picture import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, make_panels, style_panel
from .saturating import jsd_slope

CRITICS = ((0.4, 2.0, 0.3), (0.4, -2.0, 0.3), (0.1, 0.0, 2.8))  # a, b, c of a (theta - b)^2 + c
START_SHIFT, SMALL_RATE, LARGE_RATE = 2.0, 1.0, 12.0  # where the generator stands, and two rates


def critic_values(theta: Tensor) -> Tensor:
    """Three critics' opinions of a generator, (..., 3): quadratics."""
    return torch.stack([a * (theta - b) ** 2 + c for a, b, c in CRITICS], -1)


def envelope_slope(theta: float) -> tuple[float, float]:
    """The slope of the largest of the three by autograd, and that of the one which is largest here."""
    t = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(critic_values(t).max(), t)
    a, b, _ = CRITICS[int(critic_values(t).argmax())]
    return g.item(), 2 * a * (theta - b)


def game_value(at: float, theta: Tensor, n: int = 20_000) -> Tensor:
    """The game's value, (len(theta),), for generators N(theta, 1) under the critic that is best against N(at, 1).

    Data N(0, 1); V = E log D(x) + E log(1 - D(G(z))), Goodfellow et al. 2014, equation 1.
    """
    z = normal_quantiles(n)

    def best(x: Tensor) -> Tensor:
        return at**2 / 2 - at * x

    return torch.stack([-Minimax().critic(best(z), best(z + t)) for t in theta])


def best_critic_value(theta: float) -> float:
    """The game's value under the best critic: 2 JSD - 2 log 2."""
    x = line_points(-12, 12 + abs(theta))
    return 2 * js_divergence(x, Gaussian().log_density(x), Gaussian(theta).log_density(x)).item() - 2 * LOG2


def frozen_slope(at: float) -> float:
    """The slope of the value in theta at the point at which the critic is best, the critic held."""
    theta = torch.tensor([at], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(game_value(at, theta).sum(), theta)
    return g.item()


def change_by_step(rate: float) -> tuple[float, float]:
    """What the critic at hand promises of a step from START, and what the best critic says after it: both changes."""
    stop = START_SHIFT - rate * frozen_slope(START_SHIFT)
    here, there = game_value(START_SHIFT, torch.tensor([START_SHIFT, stop], dtype=torch.float64))
    return (there - here).item(), best_critic_value(stop) - best_critic_value(START_SHIFT)


def run_demonstration() -> Demonstration:
    at = (-2.5, -0.4, 0.3, 2.0)
    facts = [expect_close(f"three critics: slope at {t:g}", *envelope_slope(t), 1e-6) for t in at]
    facts += [
        expect_close(f"best critic held: slope at {t:g}", frozen_slope(t), 2 * jsd_slope(t), 1e-4) for t in (0.5, 1, 2)
    ]
    for name, rate in (("small", SMALL_RATE), ("too large", LARGE_RATE)):
        promised, true = change_by_step(rate)
        facts.append(expect_below(f"{name} step: promised change", promised, 0))
        facts.append(
            (expect_above if name == "too large" else expect_below)(f"{name} step: change of the maximum", true, 0)
        )

    figure, (left, right) = make_panels(1, 2, 4.8, 3.6)
    theta = line_points(-3, 3, 400)
    for i, (shade, style) in enumerate(((BLUE, "--"), (ORANGE, "-."), (GREEN, ":"))):
        left.plot(theta, critic_values(theta)[:, i], style, color=shade, label=f"critic {i + 1}")
    left.plot(theta, critic_values(theta).amax(1), color=INK, linewidth=2.5, alpha=0.35, label="the largest")
    left.set_ylim(0, 7)
    style_panel(left, "the maximum has the slope of its winner", "generator", "value")

    theta = line_points(-5, 5, 101)
    right.plot(
        theta,
        [best_critic_value(t) for t in theta.tolist()],
        color=INK,
        linewidth=2.5,
        alpha=0.35,
        label="each one's best critic",
    )
    right.plot(theta, game_value(START_SHIFT, theta, 2000), "--", color=BLUE, label="the start's best critic")
    right.axhline(0, color=GREY, linewidth=0.8)
    for name, rate, shade in (("small step", SMALL_RATE, GREEN), ("step too large", LARGE_RATE, PURPLE)):
        stop = START_SHIFT - rate * frozen_slope(START_SHIFT)
        (promised,) = game_value(START_SHIFT, torch.tensor([stop], dtype=torch.float64)).tolist()
        right.plot([stop, stop], [promised, best_critic_value(stop)], ":", color=shade)
        right.plot([stop], [promised], "o", color=shade, markerfacecolor="white")
        right.plot([stop], [best_critic_value(stop)], "o", color=shade, label=f"{name}: promised, kept")
    right.plot([START_SHIFT], [best_critic_value(START_SHIFT)], "s", color=INK, label="start")
    right.set_ylim(-10, 1)
    style_panel(right, "a held critic promises more than it keeps", "shift of the generator", "value of the game")
    return Demonstration(tuple(facts), figure)
