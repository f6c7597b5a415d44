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
from ..clock import Clock
from ..core import Judge, Penalty, as_leaf
from ..data.toys import sample_toy
from ..games import Adversarial
from ..games.terms import weighted_terms
from ..networks import Perceptron
from ..optim import Adam
from ..penalties import R1
from ..shape import Shape
from ..training.engine import Engine
from .evidence import Demonstration, expect_above, expect_below, expect_close
from .gradient_field import gradient_field
from .picture import BLUE, GREY, INK, ORANGE, make_panels, style_panel

PLANE = Shape(2, 1, 1)
RING_NETWORKS = Perceptron(latent=2, width=12, depth=2)
TRAINING_ROUNDS, RING_BATCH_SIZE, GAMMA = 400, 256, 1.0
Eigenvalues = npt.NDArray[np.complex128]


@dataclass(frozen=True)
class FixedLatents:
    """A prior that hands out the latents it was given."""

    z: Tensor

    def __call__(self, like: Tensor, size: int) -> Tensor:
        return self.z


def train_ring_gan(penalties: tuple[Penalty, ...]) -> Adversarial:
    game = Adversarial(
        RING_NETWORKS.generator(PLANE), RING_NETWORKS.critic(PLANE), RING_NETWORKS.latent, penalties=penalties
    )
    engine, feed = Engine(game, lambda player: Adam(5e-3, (0.5, 0.9))), ring_batches()
    for round in range(TRAINING_ROUNDS):
        engine.play(feed, clock=Clock(round))
    return game.double()


def ring_points(seed: int) -> Tensor:
    return torch.from_numpy(sample_toy("ring", RING_BATCH_SIZE, seed)).permute(0, 3, 1, 2)


def ring_batches() -> Iterator[Images]:
    return (Images(ring_points(seed)) for seed in count(1))


RING_BATCH = Images(ring_points(0).double())


def joint_field(game: Adversarial, z: Tensor, penalties: tuple[Penalty, ...]) -> Tensor:
    """Where all weights are pulled, as one vector that keeps its graph in those of both players."""
    judge = Judge(game.critic, Clock())
    real, fake = judge(as_leaf(RING_BATCH.image)), judge(game.generator(z))
    terms = weighted_terms(penalties, judge, real, fake) | {"game": game.objective.critic(real.score, fake.score)}
    losses = game.objective.generator(real.score, fake.score), torch.stack(list(terms.values())).sum()
    both = zip(losses, (game.generator, game.critic), strict=True)
    return concat_flat(-g for loss, player in both
                  for g in torch.autograd.grad(loss, list(player.parameters()), create_graph=True))  # fmt: skip


def concat_flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([t.flatten() for t in tensors])


def joint_jacobian(game: Adversarial, z: Tensor, penalties: tuple[Penalty, ...]) -> Tensor:
    """The field's derivative in all weights, (n, n), the generator's first."""
    v = joint_field(game, z, penalties)
    rows = torch.autograd.grad(v, list(game.parameters()), torch.eye(len(v), dtype=v.dtype), is_grads_batched=True,
                               materialize_grads=True)  # fmt: skip
    return torch.cat([row.flatten(1) for row in rows], 1)


@torch.no_grad()
def move_weights(game: Adversarial, by: Tensor) -> None:
    left = by
    for p in game.parameters():
        p.add_(left[: p.numel()].view(p.shape))
        left = left[p.numel() :]


def jacobian_error(game: Adversarial, z: Tensor, J: Tensor, by: float = 1e-8) -> float:
    """The relative error of J along one direction against the moves that the game itself yields on either side."""
    way = torch.randn(len(J), dtype=J.dtype)
    game.prior, sides = FixedLatents(z), []
    for step in (by, -2 * by):
        move_weights(game, step * way)
        sides.append(concat_flat(gradient_field(game, RING_BATCH).values()))
    move_weights(game, by * way)
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


def compute_spectrum(J: Tensor) -> Spectrum:
    return Spectrum(np.linalg.eigvals(J.numpy()).astype(complex))


def run_demonstration() -> Demonstration:
    z, r1 = torch.randn(RING_BATCH_SIZE, RING_NETWORKS.latent, dtype=torch.float64), (R1(GAMMA),)
    plain, damped = train_ring_gan(()), train_ring_gan(r1)
    bare, regular = joint_jacobian(damped, z, ()), joint_jacobian(damped, z, r1)
    made = sum(p.numel() for p in damped.generator.parameters())
    loose, without, with_r1 = (compute_spectrum(J) for J in (joint_jacobian(plain, z, ()), bare, regular))
    left = [joint_field(game, z, game.penalties).detach().norm().item() for game in (plain, damped)]
    facts = (
        expect_close("Jacobian against the game's own moves, error", jacobian_error(damped, z, regular), 0, 1e-4),
        expect_close("what R1 changes in the generator's rows", (regular - bare)[:made].abs().max().item(), 0, 1e-9),
        expect_below("trained with R1, now left out: damping of the fastest turn", without.damping, 0.4),
        expect_above("the same weights: damping, with R1 over without", with_r1.damping / without.damping, 1.8),
        expect_below(
            "the same weights: share of turning, with R1 over without", with_r1.turning / without.turning, 0.85
        ),
        expect_below("pull left after training with R1, over that without", left[1] / left[0], 0.5),
    )
    return Demonstration(facts, plot_spectra(loose, without, with_r1))


def plot_spectra(loose: Spectrum, without: Spectrum, with_r1: Spectrum) -> Figure:
    figure, (left, right) = make_panels(1, 2, 4.8, 3.8)
    plot_spectrum(left, loose, GREY, "s", "without R1")
    plot_spectrum(right, without, ORANGE, "^", "R1 left out")
    plot_spectrum(right, with_r1, BLUE, "o", "with R1")
    for ax, title in ((left, "trained without R1"), (right, "trained with R1, spectrum with and without")):
        ax.axvline(0, color=INK, linewidth=0.8)
        ax.set_xscale("symlog", linthresh=0.1)
        ax.set_yscale("symlog", linthresh=0.1)
        ax.set(xlim=(-100, 10), ylim=(-40, 40))
        style_panel(ax, title, "real part", "imaginary part", legend="upper right")
    return figure


def plot_spectrum(axes: Axes, spectrum: Spectrum, shade: str, mark: str, name: str) -> None:
    axes.plot(spectrum.values.real, spectrum.values.imag, mark, color=shade, markersize=3.5, alpha=0.7,
              markeredgewidth=0, label=name)  # fmt: skip
