"""What becomes of the simplest game under each method: saddle's own game, its field and eigenvalues in closed form."""

from __future__ import annotations

import cmath
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from ..games import Adversarial, Consensus, NagarajanKolter, Unrolled
from ..objectives import Flipped, Minimax, Relativistic, Wasserstein
from ..optim import SGD
from ..penalties import R1, R2, GradientPenalty, Roth
from .dirac_gan import BATCH_ROWS, EQUAL_RATES, FloatArray, MakeGame, QuantileNoise, Rates, VectorField
from .gaussians import normal_quantiles

End = Literal["arrives", "slows", "stays away"]  # exponentially; as 1/sqrt(n) after n steps; not at all


W = Wasserstein()
NOISE = normal_quantiles(BATCH_ROWS).numpy()


class Method(NamedTuple):
    name: str
    play: MakeGame
    field: VectorField
    eigenvalues: tuple[complex, complex] | None  # at the equilibrium; None where the field has a kink there
    end: End  # of players who move in turns
    rates: Rates = EQUAL_RATES
    bound: float = np.inf  # of the critic's weight


def sigmoid(t: FloatArray) -> FloatArray:
    value: FloatArray = 1 / (1 + np.exp(-t))
    return value


def logistic_field(theta: FloatArray, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Non-saturating."""
    return sigmoid(-psi * theta) * psi, -sigmoid(psi * theta) * theta


def minimax_field(theta: FloatArray, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
    return sigmoid(psi * theta) * psi, -sigmoid(psi * theta) * theta


def linear_field(theta: FloatArray, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
    return psi, -theta


def r1_field(base: VectorField, gamma: float) -> VectorField:
    """With gamma psi^2 / 2 in the critic's loss: R1, R2, or both."""

    def field(theta: FloatArray, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
        pull, push = base(theta, psi)
        return pull, push - gamma * psi

    return field


def wgan_gp_field(theta: FloatArray, psi: FloatArray, weight: float, target: float) -> tuple[FloatArray, FloatArray]:
    """WGAN-GP."""
    return psi, -theta - 2 * weight * (np.abs(psi) - target) * np.sign(psi)


def noisy_field(theta: FloatArray, psi: FloatArray, std: float) -> tuple[FloatArray, FloatArray]:
    """The mean over instance noise."""
    noise = std * NOISE
    theta, psi = np.asarray(theta)[..., None], np.asarray(psi)[..., None]
    seen = theta + noise
    pull = (sigmoid(-psi * seen) * psi).mean(-1)
    return pull, (sigmoid(-psi * noise) * noise - sigmoid(psi * seen) * seen).mean(-1)


def roth_field(theta: FloatArray, psi: FloatArray, gamma: float) -> tuple[FloatArray, FloatArray]:
    s = sigmoid(psi * theta)
    pull, push = logistic_field(theta, psi)
    return pull, push - gamma * psi * (0.25 + s**2) - gamma * psi**2 * s * s * (1 - s) * theta


def flipped_field(theta: FloatArray, psi: FloatArray, rate: float) -> tuple[FloatArray, FloatArray]:
    return sigmoid(-psi * theta) * psi, -(sigmoid(psi * theta) - rate) * theta


def consensus_field(theta: FloatArray, psi: FloatArray, gamma: float) -> tuple[FloatArray, FloatArray]:
    """Both players also descend gamma (a^2 + b^2) / 2, with a and b the slopes of their own losses."""
    t = psi * theta
    s = sigmoid(t)
    bend = s * (1 - s)
    a, b = -(1 - s) * psi, s * theta
    to_theta = a * bend * psi**2 + b * (s + bend * t)
    to_psi = a * (bend * t - (1 - s)) + b * bend * theta**2
    return -a - gamma * to_theta, -b - gamma * to_psi


def nagarajan_kolter_field(theta: FloatArray, psi: FloatArray, eta: float) -> tuple[FloatArray, FloatArray]:
    """Nagarajan & Kolter: the generator also descends eta b^2, with b the slope of the critic's loss."""
    t = psi * theta
    s = sigmoid(t)
    return s * psi - 2 * eta * s * theta * (s + s * (1 - s) * t), -s * theta


def unrolled_field(theta: FloatArray, psi: FloatArray, reach: float) -> tuple[FloatArray, FloatArray]:
    """A linear critic unrolled by steps that reach so far altogether; Nagarajan & Kolter's eta is the same to it."""
    return psi - 2 * reach * theta, -theta


def eigenvalue_pair(trace: float, determinant: float) -> tuple[complex, complex]:
    """The eigenvalues of a 2x2 matrix."""
    root = cmath.sqrt(trace**2 / 4 - determinant)
    return trace / 2 + root, trace / 2 - root


def make_game(kind: type[Adversarial] = Adversarial, **slots: Any) -> MakeGame:
    return lambda generator, critic: kind(generator, critic, 1, **slots)


def methods() -> Iterator[Method]:
    """Every method of the table, in its order; eigenvalues come from trace and determinant."""
    yield from unregularised()
    yield from damping()
    yield from looking_ahead()


def unregularised() -> Iterator[Method]:
    yield minimax()
    yield non_saturating()
    play = make_game(objective=Relativistic())
    yield Method("relativistic", play, logistic_field, eigenvalue_pair(0, 0.25), "slows")
    yield wgan()
    yield clipped(0.3)
    yield wgan_gp(0.3)
    play = make_game(objective=Flipped(rate=0.1))
    yield Method("labels flipped, 0.1", play, partial(flipped_field, rate=0.1), eigenvalue_pair(0, 0.2), "slows")
    yield Method(
        "two rates, 0.5 and 4", make_game(), logistic_field, eigenvalue_pair(0, 0.5), "slows", rates=(0.5, 4.0)
    )


def minimax() -> Method:
    return Method("minimax", make_game(objective=Minimax()), minimax_field, eigenvalue_pair(0, 0.25), "stays away")


def non_saturating() -> Method:
    return Method("non-saturating", make_game(), logistic_field, eigenvalue_pair(0, 0.25), "slows")


def wgan() -> Method:
    return Method("WGAN, free", make_game(objective=W), linear_field, eigenvalue_pair(0, 1), "stays away")


def clipped(bound: float) -> Method:
    return Method(f"WGAN, clip {bound:g}", make_game(objective=W), linear_field, None, "stays away", bound=bound)


def wgan_gp(target: float) -> Method:
    """Towards this slope, by a penalty of weight 1/2."""
    play = make_game(objective=W, penalties=(GradientPenalty(0.5, target=target),))
    field = partial(wgan_gp_field, weight=0.5, target=target)
    return Method(f"WGAN-GP, slope {target:g}", play, field, None, "stays away")


def damping() -> Iterator[Method]:
    yield from map(r1, (0.3, 1.0, 2.0, 4.0))
    play = make_game(objective=Relativistic(), penalties=(R1(0.5), R2(0.5)))
    yield Method("relativistic, R1 and R2", play, r1_field(logistic_field, 1.0), eigenvalue_pair(-1, 0.25), "arrives")
    yield from map(noisy, (0.5, 1.0))
    play = make_game(penalties=(Roth(1.0),))
    yield Method("Roth, gamma 1", play, partial(roth_field, gamma=1.0), eigenvalue_pair(-0.5, 0.25), "arrives")


def r1(gamma: float) -> Method:
    play, field = make_game(penalties=(R1(gamma),)), r1_field(logistic_field, gamma)
    return Method(f"R1, gamma {gamma:g}", play, field, eigenvalue_pair(-gamma, 0.25), "arrives")


def noisy(std: float) -> Method:
    play, field = make_game(views=(QuantileNoise(std),)), partial(noisy_field, std=std)
    return Method(f"noise, sigma {std:g}", play, field, eigenvalue_pair(-(std**2) / 2, 0.25), "arrives")


def looking_ahead() -> Iterator[Method]:
    yield from map(consensus, (0.3, 1.0))
    for eta in (0.5, 1.0, 2.0):
        play = make_game(NagarajanKolter, objective=Minimax(), eta=eta)
        yield Method(
            f"Nagarajan-Kolter, eta {eta:g}",
            play,
            partial(nagarajan_kolter_field, eta=eta),
            eigenvalue_pair(-eta / 2, 0.25),
            "arrives",
        )
    play = make_game(NagarajanKolter, objective=W, eta=0.5)
    yield Method("the same, WGAN, eta 0.5", play, partial(unrolled_field, reach=0.5), eigenvalue_pair(-1, 1), "arrives")
    yield from map(unrolled, (5, 10))


def consensus(gamma: float) -> Method:
    play, trace = make_game(Consensus, gamma=gamma), -gamma / 2
    eigenvalues = eigenvalue_pair(trace, trace**2 / 4 + 0.25)
    return Method(f"consensus, gamma {gamma:g}", play, partial(consensus_field, gamma=gamma), eigenvalues, "arrives")


def unrolled(steps: int) -> Method:
    """By so many steps of the critic of 0.1 each."""
    play, reach = make_game(Unrolled, objective=W, K=steps, inner=SGD(0.1)), steps * 0.1
    field = partial(unrolled_field, reach=reach)
    return Method(f"WGAN, unrolled {steps} steps", play, field, eigenvalue_pair(-2 * reach, 1), "arrives")


# What a strength from 0 to 2 means to each: nothing, the critic's bound, its slope, gamma, sigma, steps of 0.1 ahead.
ADJUSTABLE: dict[str, Callable[[float], Method]] = {
    "minimax": lambda _: minimax(),
    "non-saturating": lambda _: non_saturating(),
    "WGAN": lambda _: wgan(),
    "WGAN, clipped": clipped,
    "WGAN-GP": wgan_gp,
    "R1": r1,
    "instance noise": noisy,
    "consensus": consensus,
    "WGAN, unrolled": lambda strength: unrolled(max(1, round(10 * strength))),
}
