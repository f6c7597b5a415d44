"""Adversarial flow: what its transport term does near the equilibrium, what it costs, and the map that it chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from ..batches import Images
from ..clock import Clock, Number
from ..games import AdversarialFlow, GradientScale
from ..networks import Perceptron
from ..objectives import Relativistic
from ..optim import Adam, Cosine
from ..penalties import R1, R2, Centring, Transport
from ..shape import Shape
from ..training.engine import Engine
from .dirac_gan import point_jacobian
from .evidence import Demonstration, Fact, expect_above, expect_below, expect_between, expect_close, format_decimals
from .picture import BLUE, GREY, ORANGE, make_panels, style_panel
from .transport_point import (
    expected_eigenvalues,
    expected_shortfall,
    game_pull,
    offset_pull,
    point_game,
    point_pull,
    shortfall,
)

FADING = Cosine(0.2, 0.005)  # the authors' weights of the transport, over a whole run
ROUNDS, BATCH, WIDTH = 1200, 128, 32  # of the maps on the line
MODES = (-1.5, -0.5, 0.5, 1.5)
MODE_STD = 0.05
MODES_COST = 0.1506  # of the best map from N(0, 1) to these modes, by quadrature
EIGENVALUES = ((0.0, 0.3), (0.3, 0.0), (0.1, 0.2), (0.9, 0.1))  # transport and slope penalty
BIASES = ((0.2, 0.5), (0.2, 0.1), (0.05, 0.02), (0.2, 0.0))


def eigenvalue_fact(transport: float, gamma: float) -> Fact:
    found = np.linalg.eigvals(point_jacobian(lambda g, d: point_game(g, d, transport, gamma))).astype(complex)
    due = expected_eigenvalues(transport, gamma)
    holds = abs(sum(found) - sum(due)) < 1e-6 and abs(np.prod(found) - due[0] * due[1]) < 1e-6
    measured, theory = (", ".join(format_decimals(v, 4) for v in sorted(set(pair), key=lambda v: (v.real, v.imag))[:2])
                        if abs(pair[0].imag) < 1e-4 else format_decimals(pair[0], 4)
                        for pair in (tuple(found), due))  # fmt: skip
    return Fact(f"transport {transport:g}, gamma {gamma:g}: eigenvalues", measured, theory, bool(holds))


class Carried(NamedTuple):
    """Where latents, in order, are carried to."""

    start: Tensor  # (n,), quantiles of N(0, 1)
    end: Tensor  # (n,)

    @property
    def cost(self) -> float:
        """The mean square of the way."""
        return (self.end - self.start).square().mean().item()

    def inverted(self, by: float = 0.0) -> float:
        """The share of all pairs of latents whose order is lost, by more than so much."""
        return (self.end[:, None] > self.end + by).triu(1).float().mean().item() * 2


def gaussian_data(n: int, dice: torch.Generator) -> Tensor:
    return 1 + 0.5 * torch.randn(n, generator=dice)


def modes_data(n: int, dice: torch.Generator) -> Tensor:
    middle = torch.tensor(MODES)[torch.randint(len(MODES), (n,), generator=dice)]
    return middle + MODE_STD * torch.randn(n, generator=dice)


def data_batches(data: Callable[[int, torch.Generator], Tensor]) -> Iterator[Images]:
    dice = torch.Generator().manual_seed(0)
    while True:
        yield Images(data(BATCH, dice).view(-1, 1, 1, 1))


def learn_map(data: Callable[[int, torch.Generator], Tensor], transport: Number) -> Carried:
    """A generator of the line, against a critic, under this weight of the transport."""
    pair, shape = Perceptron(1, WIDTH, 2, 0.6), Shape(1, 1, 1)
    game = AdversarialFlow(pair.generator(shape), pair.critic(shape), 1, GradientScale(), objective=Relativistic(),
                           penalties=(R1(0.1), R2(0.1), Centring()),
                           generator_penalties=(Transport(transport),))  # fmt: skip
    engine, batches = Engine(game, lambda player: Adam(Cosine(5e-3, 2.5e-4), (0.0, 0.99))), data_batches(data)
    for i in range(ROUNDS):
        engine.play(batches, clock=Clock(i, i * BATCH, i / ROUNDS))
    start = torch.special.ndtri((torch.arange(1001) + 0.5) / 1001)
    with torch.no_grad():
        return Carried(start, game.make(start[:, None]).flatten())


def run_demonstration() -> Demonstration:
    facts = [eigenvalue_fact(*weights) for weights in EIGENVALUES]
    facts.append(expect_close("centring 0.3: eigenvalue of what is added to all scores", offset_pull(0.3), -2.4, 1e-9))
    apart = np.abs(np.subtract(game_pull(0.3, 0.7, 0.2, 0.1), point_pull(0.3, 0.7, 0.2, 0.1))).max()
    facts.append(expect_below("the game's pulls against their formula", float(apart), 1e-9))
    for weights in BIASES:
        name = "transport {:g}, gamma {:g}: short of the data by".format(*weights)
        facts.append(expect_close(name, shortfall(*weights), expected_shortfall(*weights), 1e-3))
    maps = {
        "N(1, 0.25), transport fades": learn_map(gaussian_data, FADING),
        "N(1, 0.25), no transport": learn_map(gaussian_data, 0.0),
        "four modes, transport fades": learn_map(modes_data, FADING),
    }
    near, free, modes = maps.values()
    facts += [
        expect_between("N(1, 0.25): cost of the map; the least is 1.25", near.cost, 1.1, 1.4),
        expect_below("N(1, 0.25): pairs out of order", near.inverted(), 0.01),
        expect_above("the same without transport", free.inverted(), 0.05),
        expect_between(f"four modes: cost of the map; the least is {MODES_COST}", modes.cost, 0.12, 0.18),
        expect_below("four modes: pairs whose modes are out of order", modes.inverted(by=0.5), 0.01),
    ]
    figure, axes = make_panels(1, 3, 4.0)
    best = {"N(1": lambda n: 1 + 0.5 * n, "four": best_map_to_modes}
    for ax, (name, carried) in zip(axes, maps.items(), strict=True):
        plot_map(ax, name, carried, best[name[: 3 if name[0] == "N" else 4]])
    return Demonstration(tuple(facts), figure)


def best_map_to_modes(n: Tensor) -> Tensor:
    """The monotone map from N(0, 1) to the modes: each quarter of the line to one, and there in order."""
    share = torch.special.ndtr(n) * len(MODES)
    mode = share.floor().clamp(max=len(MODES) - 1)
    inside: Tensor = MODE_STD * torch.special.ndtri((share - mode).clamp(1e-6, 1 - 1e-6))
    return torch.tensor(MODES)[mode.long()] + inside


def plot_map(axes: Axes, title: str, carried: Carried, best: Callable[[Tensor], Tensor]) -> None:
    axes.plot(carried.start, carried.start, color=GREY, linewidth=0.8, label="nothing moves")
    axes.plot(carried.start, best(carried.start), color=ORANGE, label="the nearest map")
    axes.plot(carried.start, carried.end, color=BLUE, label="learned")
    style_panel(axes, title, "latent", "sample")
