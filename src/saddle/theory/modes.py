"""Eight modes and twenty-five: what a few methods catch of them, beside what a perfect sampler would."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ..batches import Images
from ..clock import Clock, value_at
from ..data import Prepare
from ..data.opening import toy_dataset
from ..data.toys import sample_toy, toy_modes
from ..layers.priors import Uniform
from ..metrics.modes import MixtureCoverage, count_mixture_modes, expected_reverse_kl, perfect_quality
from ..networks import Perceptron
from ..objectives import Relativistic, Wasserstein
from ..optim import Adam, Cosine, Geometric
from ..penalties import R1, R2, GradientPenalty
from ..recipes.versus import Versus
from ..training.machine import Machine
from ..training.match import Match, MatchOptions
from .evidence import Demonstration, Fact, expect_above, expect_below, expect_between, expect_close
from .picture import BLUE, GREY, ORANGE, make_panels, style_panel

MODE_SAMPLES = 2500  # that modes are counted in: PacGAN's
CPU_MACHINE = Machine(torch.device("cpu"), torch.float32, "float32")


def train_on_toy(recipe: Versus, name: str, rounds: int, seed: int = 0) -> Match[Images]:
    """A recipe played on a toy for so many rounds, on the processor and without a folder."""
    moves = int(value_at(recipe.turns.critic, Clock()))
    match = Match(
        recipe, toy_dataset(name, Prepare()), rounds * moves * recipe.batch, CPU_MACHINE, MatchOptions(seed=seed)
    )
    while not match.over:
        match.play()
    return match


def sample_points(match: Match[Images], n: int = MODE_SAMPLES) -> Tensor:
    """Points (n, 2, 1, 1) of the averaged generator, always from the same latents."""
    return match.show(Images(torch.zeros(n, 2, 1, 1)))["made"]


# One pair of networks, one move each, the same steps: only what is compared differs.
OPTIMIZER = Adam(Cosine(5e-3, 2.5e-4), (0.0, 0.99))
PLAIN = Versus(Perceptron(width=64, bias=0.6), prior=Uniform(3**0.5), optimizer=OPTIMIZER, batch=128)
ANNEALED = Geometric(0.1, 1e-3)  # from coarse to fine
METHODS = {
    "no penalty": PLAIN,
    "WGAN-GP": replace(PLAIN, objective=Wasserstein(), penalties=(GradientPenalty(0.1),)),
    "R1": replace(PLAIN, penalties=(R1(ANNEALED),)),
    "R3GAN": replace(PLAIN, objective=Relativistic(), penalties=(R1(ANNEALED), R2(ANNEALED))),
}
ROUNDS = {"ring": 500, "grid": 1200}  # the grid takes thousands; so many show the way


class ModeCoverage(NamedTuple):
    points: Tensor  # (n, 2)
    found: MixtureCoverage


def measure_coverage(points: Tensor, name: str) -> ModeCoverage:
    return ModeCoverage(points.flatten(1), count_mixture_modes(points, *toy_modes(name)))


def run_demonstration() -> Demonstration:
    floors = {name: measure_coverage(torch.from_numpy(sample_toy(name, MODE_SAMPLES, 1)), name) for name in ROUNDS}
    results = {(method, name): measure_coverage(sample_points(train_on_toy(recipe, name, ROUNDS[name])), name)
               for name in ROUNDS for method, recipe in METHODS.items()}  # fmt: skip
    facts = [fact for name in ROUNDS for fact in perfect_sampler_facts(name, floors[name].found)]
    facts += [fact for method in METHODS if method != "no penalty" for fact in method_facts(method, results)]
    return Demonstration(tuple(facts), plot_gallery(floors, results))


def perfect_sampler_facts(name: str, found: MixtureCoverage) -> tuple[Fact, ...]:
    """The floors: what chance leaves of as many points of the data itself."""
    count = len(toy_modes(name).centres)
    return (
        expect_close(f"{name}: modes of a perfect sampler", found.modes, count, 0.1),
        expect_close(f"{name}: its share of high quality", found.high_quality, perfect_quality(), 0.006),
        expect_close(f"{name}: its reverse KL", found.reverse_kl, expected_reverse_kl(count, MODE_SAMPLES), 0.003),
    )


def method_facts(method: str, results: dict[tuple[str, str], ModeCoverage]) -> tuple[Fact, ...]:
    """What a penalty on the critic's slope is good for, after so few rounds already."""
    ring, grid = (results[method, name].found for name in ROUNDS)
    plain = results["no penalty", "grid"].found
    return (
        expect_between(f"ring: modes of {method}", ring.modes, 8, 8),
        expect_above(f"grid: modes of {method}, over those without a penalty", grid.modes / plain.modes, 1.05),
        expect_below(f"grid: reverse KL of {method}, over that without", grid.reverse_kl / plain.reverse_kl, 0.85),
    )


def plot_gallery(floors: dict[str, ModeCoverage], results: dict[tuple[str, str], ModeCoverage]) -> Figure:
    """A row for each toy: the data, then what each method makes."""
    figure, axes = make_panels(len(ROUNDS), 1 + len(METHODS), 2.7, 2.9)
    for row, name in enumerate(ROUNDS):
        shown = {"the data": floors[name]} | {method: results[method, name] for method in METHODS}
        for column, (title, (own, found)) in enumerate(shown.items()):
            plot_samples(axes[row * len(shown) + column], own, name, BLUE if column else GREY)
            score = f"{found.modes} modes, {found.high_quality:.0%}, {found.reverse_kl:.3g} nats"
            style_panel(axes[row * len(shown) + column], title, score, "", legend=None)
    return figure


def plot_samples(axes: Axes, points: Tensor, name: str, shade: str) -> None:
    """Points, and rings around the modes that lie outside of what counts as near."""
    x, y = toy_modes(name).centres.T
    axes.plot(x, y, "o", markersize=7, markerfacecolor="none", markeredgecolor=ORANGE, markeredgewidth=0.6)
    axes.plot(*points.T, ".", color=shade, markersize=1.5, alpha=0.5, markeredgewidth=0)
    axes.set(xlim=(-2, 2), ylim=(-2, 2), xticks=[], yticks=[], aspect="equal")
