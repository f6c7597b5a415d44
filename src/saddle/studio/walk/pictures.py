"""The pictures of the walk, each a function of what its sliders say. All numbers come from `saddle.theory`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from ...data.toys import sample_toy, toy_modes
from ...theory.dirac_gan import START_POINT, VectorField, step_players
from ...theory.dirac_gan_methods import r1
from ...theory.faulty import faulty_ring, judge_ring
from ...theory.gaussians import Gaussian, best_critic, js_divergence, kl_divergence, line_points
from ...theory.kl import PEAKS, X
from ...theory.supports import interval_jsd, noisy_jsd, noisy_jsd_slope
from ...theory.toy_game import PLANE, ToyGame
from ...theory.toy_methods import ToySettings
from ..drawing import BLUE, GREEN, GREY, ORANGE, Drawing, Floats

WIDE = 480
COLLAPSE_ROUNDS = 200


class Shown(NamedTuple):
    """Drawings, and figures below them by their symbols."""

    drawings: tuple[Drawing, ...]
    figures: tuple[tuple[str, str], ...]


def likelihood(mean: float, std: float) -> Shown:
    """A Gaussian laid over two peaks, by hand."""
    log_q = Gaussian(mean, std).log_density(X)
    drawing = Drawing((-9, 9), (0, 0.45), width=WIDE, labels=("x", ""))
    drawing.area(curve(X, PEAKS.exp()), GREY, "p")
    drawing.line(curve(X, log_q.exp()), BLUE, "q")
    gain = torch.trapezoid(PEAKS.exp() * log_q, X).item()
    forward, reverse = kl_divergence(X, PEAKS, log_q).item(), kl_divergence(X, log_q, PEAKS).item()
    return Shown((drawing,), (("E log q", f"{gain:.3f}"), ("KL(p‖q)", f"{forward:.3f}"), ("KL(q‖p)", f"{reverse:.3f}")))


def critic(mean: float, std: float) -> Shown:
    """The best discriminator between N(0, 1) and a Gaussian."""
    x = line_points(-12, 12, 1201)
    log_p, log_q = Gaussian().log_density(x), Gaussian(mean, std).log_density(x)
    best, jsd = best_critic(log_p, log_q), js_divergence(x, log_p, log_q).item()
    drawing = Drawing((-5, 5), (0, 1.05), width=WIDE, labels=("x", ""))
    drawing.area(curve(x, log_p.exp()), GREY, "p")
    drawing.area(curve(x, log_q.exp()), BLUE, "q")
    drawing.line(curve(x, best), ORANGE, "D*")
    return Shown((drawing,), (("JS(p, q)", f"{jsd:.3f}"), ("2 log 2 - 2 JS", f"{2 * np.log(2) - 2 * jsd:.3f}")))


def flat(distance: float, width: float) -> Shown:
    """Two uniform laws and what divergences say of how far apart they are."""
    strips = Drawing((-0.5, 4.5), (0, 1.3), width=300, labels=("x", ""))
    for start, shade, name in ((0.0, GREY, "p"), (distance, BLUE, "q")):
        strips.area([[start, 1], [start + max(width, 0.03), 1]], shade, name)
    ways = np.linspace(0, 3, 121)
    right = Drawing((0, 3), (0, 3), width=300, labels=("θ", ""))
    right.line(np.stack((ways, ways), 1), ORANGE, "W₁", "6 4")
    right.line([(way, interval_jsd(way, width)) for way in ways], BLUE, "JS")
    jsd = interval_jsd(distance, width)
    right.dots([[distance, jsd]], BLUE, size=9, opacity=1)
    right.dots([[distance, distance]], ORANGE, size=9, opacity=1)
    return Shown((strips, right), (("JS(p, q)", f"{jsd:.3f}"), ("W₁(p, q)", f"{distance:.2f}")))


def noise(distance: float, std: float) -> Shown:
    """Two points under noise, and the divergence that they then have."""
    x = line_points(-4, 7, 441)
    left = Drawing((-3, 6), (0, 1.05), width=300, labels=("x", ""))
    for mean, shade, name in ((0.0, GREY, "p + ε"), (distance, BLUE, "q + ε")):
        if std:
            left.area(curve(x, (Gaussian(mean, std).log_density(x)).exp().clamp(max=1.0)), shade, name)
        else:
            left.line([[mean, 0], [mean, 1]], shade, name[0], width=3)
    ways = np.linspace(0, 3, 61)
    right = Drawing((0, 3), (0, 0.75), width=300, labels=("θ", ""))
    right.line([(way, noisy_jsd(way, std)) for way in ways], BLUE, "JS")
    jsd, slope = noisy_jsd(distance, std), noisy_jsd_slope(distance, std)
    right.dots([[distance, jsd]], BLUE, size=9, opacity=1)
    right.line([[distance - 0.5, jsd - 0.5 * slope], [distance + 0.5, jsd + 0.5 * slope]], GREEN, "∂JS/∂θ")
    return Shown((left, right), (("JS", f"{jsd:.3f}"), ("∂JS/∂θ", f"{slope:.3f}")))


@lru_cache(32)  # a function of its arguments that takes seconds
def collapse(pace: float, gamma: float) -> Shown:
    """The same game on the ring without a penalty on the critic's slope and with one, after 200 rounds."""
    drawings, figures = [], []
    for name, method in (("GAN", "gan"), ("GAN + R1", "r1")):
        game = ToyGame(ToySettings(method, 2e-3, pace, penalty=gamma), "ring")
        game.play(COLLAPSE_ROUNDS)
        drawings.append(plane(game, name))
        figures.append((name, describe_coverage(game)))
        game.close()
    return Shown(tuple(drawings), tuple(figures))


def plane(game: ToyGame, title: str, arrows: bool = False, side: int = 300) -> Drawing:
    """Data grey, samples blue, the critic's scores as heights, and where they rise as arrows."""
    drawing = Drawing((-PLANE, PLANE), (-PLANE, PLANE), title, side, side)
    landscape = game.landscape()
    drawing.heights(landscape.scores)
    if arrows:
        drawing.arrows(landscape.places, landscape.slopes, 0.3)
    drawing.dots(sample_toy(game.toy, 400).reshape(-1, 2), GREY, size=7)
    drawing.dots(game.points(400), BLUE)
    return drawing


def describe_coverage(game: ToyGame) -> str:
    """How many modes are caught, of how many."""
    found = game.coverage()
    return "—" if found is None else f"{found.modes} / {len(toy_modes(game.toy).centres)}"


def penalty(gamma: float, rate: float) -> Shown:
    """The Dirac-GAN with R1: the way of both players, and the eigenvalues that decide where it ends."""
    method = r1(gamma)
    path = [START_POINT]
    for _ in range(300):
        path.append(step_players(method.field, path[-1], False, step=rate))
    drawing = phase_portrait(method.field, path)
    assert method.eigenvalues is not None
    a, b = method.eigenvalues
    said = f"{a.real:.2f} ± {abs(a.imag):.2f} i" if abs(a.imag) > 1e-9 else f"{a.real:.2f}, {b.real:.2f}"
    return Shown((drawing,), (("λ", said), ("‖(θ, ψ)‖", f"{np.hypot(*path[-1]):.3f}")))


def phase_portrait(
    field: VectorField, path: Sequence[tuple[float, float]], width: int = 360, height: int = 340
) -> Drawing:
    """The pulls on generator (right) and critic (up) of the Dirac-GAN, and the players' way to where they stand."""
    drawing = Drawing((-1.8, 1.8), (-1.8, 1.8), width=width, height=height, labels=("θ (G)", "ψ (D)"))
    ticks = np.linspace(-1.6, 1.6, 11)
    theta, psi = (grid.ravel() for grid in np.meshgrid(ticks, ticks))
    drawing.arrows(np.stack((theta, psi), 1), np.stack(field(theta, psi), 1), 0.28)
    drawing.dots([[0, 0]], GREEN, size=9, opacity=1)
    drawing.line(path, BLUE, width=1.6)
    drawing.dots([path[-1]], ORANGE, size=10, opacity=1)
    return drawing


def judge(missing: float, blur: float) -> Shown:
    """Samples whose faults are known, and what figures notice of them."""
    points = faulty_ring(int(missing), blur)
    found = judge_ring(points)
    drawing = Drawing((-PLANE, PLANE), (-PLANE, PLANE), "", 340, 320)
    drawing.dots(sample_toy("ring", 400).reshape(-1, 2), GREY, "p", 8)
    drawing.dots(points[:400].numpy(), BLUE, "q")
    return Shown((drawing,), (("modes", f"{found.modes} / 8"), ("FID (2-D)", f"{found.frechet:.3f}"),
                              ("precision", f"{found.precision:.2f}"), ("recall", f"{found.recall:.2f}")))  # fmt: skip


def curve(x: torch.Tensor, y: torch.Tensor) -> Floats:
    """A line (n, 2), of at most 300 points."""
    step = max(1, len(x) // 300)
    points: Floats = torch.stack((x, y), 1)[::step].numpy()
    return points
