"""The Jacobian of a small trained GAN's joint gradient field, exactly, and its spectrum with R1 and without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ..batches import Images
from ..core import Clock, Judge, Penalty, Shape, leaf
from ..data.toys import toy
from ..games import Adversarial
from ..games.terms import weigh
from ..networks import Perceptron
from ..optim import Adam
from ..penalties import R1
from ..training.engine import Engine
from .evidence import Evidence, above, below, close
from .picture import BLUE, GREY, INK, ORANGE, dress, panels
from .played import pulls

PLANE = Shape(2, 1, 1)
NETWORKS = Perceptron(latent=2, width=12, depth=2)
ROUNDS, BATCH, GAMMA = 400, 256, 1.0
Eigenvalues = npt.NDArray[np.complex128]


@dataclass(frozen=True)
class Given:
    """A prior that hands out the latents it was given."""

    z: Tensor

    def __call__(self, like: Tensor, size: int) -> Tensor:
        return self.z


def train(penalties: tuple[Penalty, ...]) -> Adversarial:
    game = Adversarial(NETWORKS.generator(PLANE), NETWORKS.critic(PLANE), NETWORKS.latent, penalties=penalties)
    engine, feed = Engine(game, lambda player: Adam(5e-3, (0.5, 0.9))), rings()
    for round in range(ROUNDS):
        engine.play(feed, clock=Clock(round))
    return game.double()


def ring(seed: int) -> Tensor:
    return torch.from_numpy(toy("ring", BATCH, seed)).permute(0, 3, 1, 2)


def rings() -> Iterator[Images]:
    return (Images(ring(seed)) for seed in count(1))


DATA = Images(ring(0).double())


def field(game: Adversarial, z: Tensor, penalties: tuple[Penalty, ...]) -> Tensor:
    """Where all weights are pulled, as one vector that keeps its graph in those of both players."""
    judge = Judge(game.critic, Clock())
    real, fake = judge(leaf(DATA.image)), judge(game.generator(z))
    terms = weigh(penalties, judge, real, fake) | {"game": game.objective.critic(real.score, fake.score)}
    losses = game.objective.generator(real.score, fake.score), torch.stack(list(terms.values())).sum()
    both = zip(losses, (game.generator, game.critic), strict=True)
    return joined(-g for loss, player in both
                  for g in torch.autograd.grad(loss, list(player.parameters()), create_graph=True))  # fmt: skip


def joined(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([t.flatten() for t in tensors])


def jacobian(game: Adversarial, z: Tensor, penalties: tuple[Penalty, ...]) -> Tensor:
    """The field's derivative in all weights, (n, n), the generator's first."""
    v = field(game, z, penalties)
    rows = torch.autograd.grad(v, list(game.parameters()), torch.eye(len(v), dtype=v.dtype), is_grads_batched=True,
                               materialize_grads=True)  # fmt: skip
    return torch.cat([row.flatten(1) for row in rows], 1)


@torch.no_grad()
def nudge(game: Adversarial, by: Tensor) -> None:
    left = by
    for p in game.parameters():
        p.add_(left[: p.numel()].view(p.shape))
        left = left[p.numel() :]


def mismatch(game: Adversarial, z: Tensor, J: Tensor, by: float = 1e-8) -> float:
    """The relative error of J along one direction against the moves that the game itself yields on either side."""
    way = torch.randn(len(J), dtype=J.dtype)
    game.prior, sides = Given(z), []
    for step in (by, -2 * by):
        nudge(game, step * way)
        sides.append(joined(pulls(game, DATA).values()))
    nudge(game, by * way)
    slope = (sides[0] - sides[1]) / (2 * by)
    return float((J @ way - slope).norm() / slope.norm())


class Spectrum(NamedTuple):
    values: Eigenvalues

    @property
    def turning(self) -> float:
        """How much of the spectrum lies off the real axis: the sum of |Im| over that of the absolute values."""
        return float(np.abs(self.values.imag).sum() / np.abs(self.values).sum())

    @property
    def damping(self) -> float:
        """Of the fastest rotation: 0 circles for ever, 1 no longer turns."""
        fastest = self.values[np.abs(self.values.imag).argmax()]
        return float(-fastest.real / abs(fastest))


def spectrum(J: Tensor) -> Spectrum:
    return Spectrum(np.linalg.eigvals(J.numpy()).astype(complex))


def show() -> Evidence:
    z, r1 = torch.randn(BATCH, NETWORKS.latent, dtype=torch.float64), (R1(GAMMA),)
    plain, damped = train(()), train(r1)
    bare, regular = jacobian(damped, z, ()), jacobian(damped, z, r1)
    made = sum(p.numel() for p in damped.generator.parameters())
    loose, without, with_r1 = (spectrum(J) for J in (jacobian(plain, z, ()), bare, regular))
    left = [field(game, z, game.penalties).detach().norm().item() for game in (plain, damped)]
    facts = (
        close("Jacobian against the game's own moves, error", mismatch(damped, z, regular), 0, 1e-4),
        close("what R1 changes in the generator's rows", (regular - bare)[:made].abs().max().item(), 0, 1e-9),
        below("trained with R1, now left out: damping of the fastest turn", without.damping, 0.4),
        above("the same weights: damping, with R1 over without", with_r1.damping / without.damping, 1.8),
        below("the same weights: share of turning, with R1 over without", with_r1.turning / without.turning, 0.85),
        below("pull left after training with R1, over that without", left[1] / left[0], 0.5),
    )
    return Evidence(facts, portrait(loose, without, with_r1))


def portrait(loose: Spectrum, without: Spectrum, with_r1: Spectrum) -> Figure:
    figure, (left, right) = panels(1, 2, 4.8, 3.8)
    dots(left, loose, GREY, "s", "without R1")
    dots(right, without, ORANGE, "^", "R1 left out")
    dots(right, with_r1, BLUE, "o", "with R1")
    for ax, title in ((left, "trained without R1"), (right, "trained with R1, spectrum with and without")):
        ax.axvline(0, color=INK, linewidth=0.8)
        ax.set_xscale("symlog", linthresh=0.1)
        ax.set_yscale("symlog", linthresh=0.1)
        ax.set(xlim=(-100, 10), ylim=(-40, 40))
        dress(ax, title, "real part", "imaginary part", legend="upper right")
    return figure


def dots(axes: Axes, spectrum: Spectrum, shade: str, mark: str, name: str) -> None:
    axes.plot(spectrum.values.real, spectrum.values.imag, mark, color=shade, markersize=3.5, alpha=0.7,
              markeredgewidth=0, label=name)  # fmt: skip
