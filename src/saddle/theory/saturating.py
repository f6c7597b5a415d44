"""The two generator's losses of the first GAN: what each pulls a score by, and what it pulls the generator by."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core import Objective
from ..objectives import Minimax, NonSaturating
from .evidence import Demonstration, expect_above, expect_below, expect_close
from .gaussians import Gaussian, js_divergence, line_points, normal_quantiles
from .picture import BLUE, GREY, ORANGE, make_panels, style_panel

GENERATOR_LOSSES: dict[str, Objective] = {"saturating": Minimax(), "non-saturating": NonSaturating()}
SHIFTS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)


def score_grad(objective: Objective, scores: Tensor) -> Tensor:
    """What a generator's loss pulls each fake's score by."""
    scores = scores.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(objective.generator(scores, scores) * len(scores), scores)
    return g


def generator_pull(objective: Objective, shift: float, n: int = 100_000) -> float:
    """A generator's expected gradient in its shift, against the best critic.

    Data N(0, 1), G(z) = z + shift, and the critic is fixed at log p/q. Arjovsky & Bottou 2017, theorem 2.5.
    """
    moved = torch.tensor(shift, dtype=torch.float64, requires_grad=True)
    f = shift**2 / 2 - shift * (normal_quantiles(n) + moved)
    (g,) = torch.autograd.grad(objective.generator(f, f), moved)
    return g.item()


def jsd_slope(shift: float) -> float:
    """The derivative of JSD(N(0, 1), N(shift, 1)) in the shift, by quadrature."""
    moved = torch.tensor(shift, dtype=torch.float64, requires_grad=True)
    x = line_points(-12, 12 + shift, 8001)
    (g,) = torch.autograd.grad(js_divergence(x, Gaussian().log_density(x), Gaussian(moved).log_density(x)), moved)
    return g.item()


def expected_pull(name: str, shift: float) -> float:
    """Twice the slope of the JSD, or that of KL(q|p) less it; KL(q|p) = shift^2 / 2."""
    two = 2 * jsd_slope(shift)
    return two if name == "saturating" else shift - two


def run_demonstration() -> Demonstration:
    scores = line_points(-8, 8, 161)
    pulls = {name: [generator_pull(kind, s) for s in SHIFTS] for name, kind in GENERATOR_LOSSES.items()}
    due = {name: [expected_pull(name, s) for s in SHIFTS] for name in GENERATOR_LOSSES}
    sigma = {"saturating": -scores.sigmoid(), "non-saturating": -(-scores).sigmoid()}
    facts = []
    for name, kind in GENERATOR_LOSSES.items():
        off = (score_grad(kind, scores) - sigma[name]).abs().max().item()
        facts.append(expect_close(f"{name}: slope in the score, largest error", off, 0, 1e-6))
        told = zip(SHIFTS, pulls[name], due[name], strict=True)
        facts += [expect_close(f"{name}: pull at shift {s:g}", a, b, 5e-5) for s, a, b in told if s in (0.5, 1, 2, 4)]
    facts.append(expect_below("saturating: pull at shift 8", pulls["saturating"][-1], 0.01))
    facts.append(expect_above("non-saturating: pull at shift 8", pulls["non-saturating"][-1], 7))

    figure, (left, right) = make_panels(1, 2, 4.8)
    for (name, kind), shade, style in zip(GENERATOR_LOSSES.items(), (ORANGE, BLUE), ("--", "-"), strict=True):
        left.plot(scores, -score_grad(kind, scores), style, color=shade, label=name)
        right.plot(SHIFTS, due[name], style, color=shade, label=f"{name}: theory")
        right.plot(SHIFTS, pulls[name], "o", color=shade, markersize=4, label=f"{name}: measured")
    left.axvline(0, color=GREY, linewidth=0.8)
    left.annotate("the critic is sure\nthat it is a fake", (-7.6, 0.55), fontsize=9, color="#555555")
    style_panel(left, "one fake", "score of the fake", "upward pull on the score")
    right.set_yscale("symlog", linthresh=0.01)
    style_panel(
        right, "the generator, against the best critic", "distance of two unit Gaussians", "pull on the generator"
    )
    return Demonstration(tuple(facts), figure)
