"""What becomes of the simplest game under each method: saddle's own game, its field and eigenvalues in closed form."""

from __future__ import annotations

import cmath
from collections.abc import Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from ..games import Adversarial, Consensus, NagarajanKolter, Unrolled
from ..objectives import Flipped, Minimax, Relativistic, Wasserstein
from ..optim import SGD
from ..penalties import R1, R2, GradientPenalty, Roth
from .gaussians import bells
from .point import EQUAL, ROWS, Even, Field, Numbers, Play, Rates

End = Literal["arrives", "slows", "stays away"]  # exponentially; as 1/sqrt(n) after n steps; not at all


W = Wasserstein()
NOISE = bells(ROWS).numpy()


class Method(NamedTuple):
    name: str
    play: Play
    field: Field
    eigenvalues: tuple[complex, complex] | None  # at the equilibrium; None where the field has a kink there
    end: End  # of players who move in turns
    rates: Rates = EQUAL
    bound: float = np.inf  # of the critic's weight


def sigma(t: Numbers) -> Numbers:
    value: Numbers = 1 / (1 + np.exp(-t))
    return value


def logistic(theta: Numbers, psi: Numbers) -> tuple[Numbers, Numbers]:
    """Non-saturating."""
    return sigma(-psi * theta) * psi, -sigma(psi * theta) * theta


def minimax(theta: Numbers, psi: Numbers) -> tuple[Numbers, Numbers]:
    return sigma(psi * theta) * psi, -sigma(psi * theta) * theta


def linear(theta: Numbers, psi: Numbers) -> tuple[Numbers, Numbers]:
    return psi, -theta


def damped(base: Field, gamma: float) -> Field:
    """With gamma psi^2 / 2 in the critic's loss: R1, R2, or both."""

    def field(theta: Numbers, psi: Numbers) -> tuple[Numbers, Numbers]:
        pull, push = base(theta, psi)
        return pull, push - gamma * psi

    return field


def targeted(theta: Numbers, psi: Numbers, weight: float, target: float) -> tuple[Numbers, Numbers]:
    """WGAN-GP."""
    return psi, -theta - 2 * weight * (np.abs(psi) - target) * np.sign(psi)


def noisy(theta: Numbers, psi: Numbers, std: float) -> tuple[Numbers, Numbers]:
    """The mean over instance noise."""
    noise = std * NOISE
    theta, psi = np.asarray(theta)[..., None], np.asarray(psi)[..., None]
    seen = theta + noise
    pull = (sigma(-psi * seen) * psi).mean(-1)
    return pull, (sigma(-psi * noise) * noise - sigma(psi * seen) * seen).mean(-1)


def roth(theta: Numbers, psi: Numbers, gamma: float) -> tuple[Numbers, Numbers]:
    s = sigma(psi * theta)
    pull, push = logistic(theta, psi)
    return pull, push - gamma * psi * (0.25 + s**2) - gamma * psi**2 * s * s * (1 - s) * theta


def flipped(theta: Numbers, psi: Numbers, rate: float) -> tuple[Numbers, Numbers]:
    return sigma(-psi * theta) * psi, -(sigma(psi * theta) - rate) * theta


def consensus(theta: Numbers, psi: Numbers, gamma: float) -> tuple[Numbers, Numbers]:
    """Both players also descend gamma (a^2 + b^2) / 2, with a and b the slopes of their own losses."""
    t = psi * theta
    s = sigma(t)
    bend = s * (1 - s)
    a, b = -(1 - s) * psi, s * theta
    to_theta = a * bend * psi**2 + b * (s + bend * t)
    to_psi = a * (bend * t - (1 - s)) + b * bend * theta**2
    return -a - gamma * to_theta, -b - gamma * to_psi


def steep(theta: Numbers, psi: Numbers, eta: float) -> tuple[Numbers, Numbers]:
    """Nagarajan & Kolter: the generator also descends eta b^2, with b the slope of the critic's loss."""
    t = psi * theta
    s = sigma(t)
    return s * psi - 2 * eta * s * theta * (s + s * (1 - s) * t), -s * theta


def foreseen(theta: Numbers, psi: Numbers, reach: float) -> tuple[Numbers, Numbers]:
    """A linear critic unrolled by steps that reach so far altogether; Nagarajan & Kolter's eta is the same to it."""
    return psi - 2 * reach * theta, -theta


def pair(trace: float, determinant: float) -> tuple[complex, complex]:
    """The eigenvalues of a 2x2 matrix."""
    root = cmath.sqrt(trace**2 / 4 - determinant)
    return trace / 2 + root, trace / 2 - root


def game(kind: type[Adversarial] = Adversarial, **slots: Any) -> Play:
    return lambda generator, critic: kind(generator, critic, 1, **slots)


def methods() -> Iterator[Method]:
    """Every method of the table, in its order; eigenvalues come from trace and determinant."""
    yield from unregularised()
    yield from damping()
    yield from looking_ahead()


def unregularised() -> Iterator[Method]:
    turning = pair(0, 0.25)
    yield Method("minimax", game(objective=Minimax()), minimax, turning, "stays away")
    yield Method("non-saturating", game(), logistic, turning, "slows")
    yield Method("relativistic", game(objective=Relativistic()), logistic, turning, "slows")
    yield Method("WGAN, free", game(objective=W), linear, pair(0, 1), "stays away")
    yield Method("WGAN, clip 0.3", game(objective=W), linear, None, "stays away", bound=0.3)
    play = game(objective=W, penalties=(GradientPenalty(0.5, target=0.3),))
    yield Method("WGAN-GP, slope 0.3", play, partial(targeted, weight=0.5, target=0.3), None, "stays away")
    play = game(objective=Flipped(rate=0.1))
    yield Method("labels flipped, 0.1", play, partial(flipped, rate=0.1), pair(0, 0.2), "slows")
    yield Method("two rates, 0.5 and 4", game(), logistic, pair(0, 0.5), "slows", rates=(0.5, 4.0))


def damping() -> Iterator[Method]:
    for gamma in (0.3, 1.0, 2.0, 4.0):
        play = game(penalties=(R1(gamma),))
        yield Method(f"R1, gamma {gamma:g}", play, damped(logistic, gamma), pair(-gamma, 0.25), "arrives")
    play = game(objective=Relativistic(), penalties=(R1(0.5), R2(0.5)))
    yield Method("relativistic, R1 and R2", play, damped(logistic, 1.0), pair(-1, 0.25), "arrives")
    for std in (0.5, 1.0):
        play = game(views=(Even(std),))
        yield Method(f"noise, sigma {std:g}", play, partial(noisy, std=std), pair(-(std**2) / 2, 0.25), "arrives")
    play = game(penalties=(Roth(1.0),))
    yield Method("Roth, gamma 1", play, partial(roth, gamma=1.0), pair(-0.5, 0.25), "arrives")


def looking_ahead() -> Iterator[Method]:
    for gamma in (0.3, 1.0):
        play, trace = game(Consensus, gamma=gamma), -gamma / 2
        field = partial(consensus, gamma=gamma)
        yield Method(f"consensus, gamma {gamma:g}", play, field, pair(trace, trace**2 / 4 + 0.25), "arrives")
    for eta in (0.5, 1.0, 2.0):
        play = game(NagarajanKolter, objective=Minimax(), eta=eta)
        yield Method(f"Nagarajan-Kolter, eta {eta:g}", play, partial(steep, eta=eta), pair(-eta / 2, 0.25), "arrives")
    play = game(NagarajanKolter, objective=W, eta=0.5)
    yield Method("the same, WGAN, eta 0.5", play, partial(foreseen, reach=0.5), pair(-1, 1), "arrives")
    for steps in (5, 10):
        play, reach = game(Unrolled, objective=W, K=steps, inner=SGD(0.1)), steps * 0.1
        field = partial(foreseen, reach=reach)
        yield Method(f"WGAN, unrolled {steps} steps", play, field, pair(-2 * reach, 1), "arrives")
