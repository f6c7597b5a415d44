"""Maximum likelihood without an adversary: a mixture of Gaussians by EM and by gradient, and what likelihood means."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from ..data.toys import sample_toy, toy_modes
from ..layers.mixture import Mixture, maximise
from .descent import descend
from .evidence import Demonstration, expect_above, expect_below, expect_close
from .gaussians import Gaussian, kl_divergence
from .kl import PEAKS, X
from .picture import BLUE, GREY, ORANGE, make_panels, style_panel

POINTS, MODES, RESTARTS, STEPS, RIDGE = 4000, 8, 5, 20, 1e-9


def step_em(mixture: Mixture, x: Tensor, ridge: float = RIDGE) -> Mixture:
    """One E-step and one M-step: the weighted moments of the points, with a ridge on each covariance."""
    return maximise(mixture.moments(x), ridge)


def begin_mixture(x: Tensor, k: int) -> Mixture:
    """Means at points far apart, each drawn by its squared distance from those before (k-means++); wide, equal."""
    chosen = [x[torch.randint(len(x), ())]]
    while len(chosen) < k:
        nearest = (x[:, None] - torch.stack(chosen)).square().sum(2).min(1).values
        chosen.append(x[torch.multinomial(nearest, 1)[0]])
    scale = x.var(0, correction=0).mean().sqrt() / k
    factors = (scale * torch.eye(x.shape[1], dtype=x.dtype)).expand(k, -1, -1)
    return Mixture(torch.full((k,), -math.log(k), dtype=x.dtype), torch.stack(chosen), factors)


def fit_em(x: Tensor, k: int, restarts: int = RESTARTS, steps: int = STEPS) -> tuple[Mixture, list[float]]:
    """The best of several starts, and its mean log likelihood before each step and after the last."""
    found: list[tuple[Mixture, list[float]]] = []
    for _ in range(restarts):
        mixture, path = begin_mixture(x, k), []
        for _ in range(steps):
            path.append(mixture.log_density(x).mean().item())
            mixture = step_em(mixture, x)
        found.append((mixture, [*path, mixture.log_density(x).mean().item()]))
    return max(found, key=lambda one: one[1][-1])


def fit_gradient(x: Tensor, start: Mixture, steps: int = 100) -> tuple[Mixture, float]:
    """By descent of -mean log p in weights (softmax), means and factors (the diagonal by its logarithm)."""
    weights, means = start.log_weights.clone().requires_grad_(), start.means.clone().requires_grad_()
    below, logs = start.factors.tril(-1).requires_grad_(), start.factors.diagonal(dim1=1, dim2=2).log().requires_grad_()

    def mixture() -> Mixture:
        return Mixture(weights.log_softmax(0), means, below.tril(-1) + torch.diag_embed(logs.exp()))

    loss = descend(lambda: -mixture().log_density(x).mean(), (weights, means, below, logs), steps)
    return Mixture(*(part.detach() for part in mixture())), loss


def measure_kl_gap() -> float:
    """How far KL(p|q) is from the entropy's -E log q, over Gaussians q: a constant, so this is nought."""
    gaps = []
    for q in (Gaussian(0.0, 3.0), Gaussian(1.0, 4.0), Gaussian(-3.0, 2.0)):
        log_q = q.log_density(X)
        cross: Tensor = torch.trapezoid(-PEAKS.exp() * log_q, X)
        gaps.append(float(cross - kl_divergence(X, PEAKS, log_q)))
    return max(gaps) - min(gaps)


def slope_by_shares(mixture: Mixture, x: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient of -sum log p in the means by differentiation, and as sum of share * covariance^-1 (mean - x)."""
    means = mixture.means.clone().requires_grad_()
    (slope,) = torch.autograd.grad(-mixture._replace(means=means).log_density(x).sum(), means)
    apart = (mixture.means - x[:, None]) * mixture.shares(x)[..., None]
    due = torch.cholesky_solve(apart.sum(0)[..., None], mixture.factors)[..., 0]
    return slope, due


def run_demonstration() -> Demonstration:
    x = torch.from_numpy(sample_toy("ring", POINTS, 0)).double().view(-1, 2)
    modes = toy_modes("ring")
    centres = torch.from_numpy(modes.centres)
    mixture, path = fit_em(x, MODES)
    one = fit_em(x, 1, 1, 1)[0]
    slope, due = slope_by_shares(begin_mixture(x, MODES), x)
    descended, loss = fit_gradient(x, mixture._replace(means=mixture.means + 0.01))
    apart = torch.cdist(centres, mixture.means).min(1).values.max().item()
    bound = 3 * modes.std / math.sqrt(POINTS / MODES) * math.sqrt(2)  # three deviations of a mean, in each direction
    facts = (
        expect_above("EM: least gain of a step", min(b - a for a, b in pairwise(path)), -1e-9),
        expect_below("EM: farthest of 8 centres", apart, bound),
        expect_close("EM, k = 1: mean", (one.means[0] - x.mean(0)).abs().max().item(), 0.0, 1e-9),
        expect_close("EM, k = 1: covariance", (one.factors[0] @ one.factors[0].T - x.T.cov(correction=0)).abs().max()
                     .item(), 0.0, 1e-7),
        expect_close("gradient is share * S^-1 (mean - x)", ((slope - due).abs().max() / due.abs().max()).item(), 0.0,
                     1e-9),
        expect_close("by gradient: log likelihood", -loss, path[-1], 1e-3),
        expect_close("KL(data|model) + entropy - NLL", measure_kl_gap(), 0.0, 1e-9),
    )  # fmt: skip
    figure, (left, right) = make_panels(1, 2, 4.6, 4.0)
    left.scatter(x[::4, 0], x[::4, 1], s=3, color=GREY, label="data")
    left.scatter(mixture.means[:, 0], mixture.means[:, 1], s=40, marker="+", color=BLUE, label="by EM")
    left.scatter(
        descended.means[:, 0], descended.means[:, 1], s=60, facecolors="none", edgecolors=ORANGE, label="by gradient"
    )
    left.set(aspect="equal")
    style_panel(left, "eight Gaussians, found", "first number", "second")
    right.plot(path, color=BLUE, label="EM")
    right.axhline(-loss, color=ORANGE, linestyle="--", label="by gradient")
    style_panel(right, "no step of EM loses", "step", "mean log likelihood")
    return Demonstration(facts, figure)
