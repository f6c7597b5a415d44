"""The two generator's losses of the first GAN: what each pulls a score by, and what it pulls the generator by."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core import Objective
from ..objectives import Minimax, NonSaturating
from .evidence import Evidence, above, below, close
from .gaussians import Bell, bells, jsd, line
from .picture import BLUE, GREY, ORANGE, dress, panels

KINDS: dict[str, Objective] = {"saturating": Minimax(), "non-saturating": NonSaturating()}
SHIFTS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)


def slopes(objective: Objective, scores: Tensor) -> Tensor:
    """What a generator's loss pulls each fake's score by."""
    scores = scores.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(objective.generator(scores, scores) * len(scores), scores)
    return g


def pull(objective: Objective, shift: float, n: int = 100_000) -> float:
    """A generator's expected gradient in its shift, against the best critic.

    Data N(0, 1), G(z) = z + shift, and the critic is fixed at log p/q. Arjovsky & Bottou 2017, theorem 2.5.
    """
    moved = torch.tensor(shift, dtype=torch.float64, requires_grad=True)
    f = shift**2 / 2 - shift * (bells(n) + moved)
    (g,) = torch.autograd.grad(objective.generator(f, f), moved)
    return g.item()


def jsd_slope(shift: float) -> float:
    """The derivative of JSD(N(0, 1), N(shift, 1)) in the shift, by quadrature."""
    moved = torch.tensor(shift, dtype=torch.float64, requires_grad=True)
    x = line(-12, 12 + shift, 8001)
    (g,) = torch.autograd.grad(jsd(x, Bell().log(x), Bell(moved).log(x)), moved)
    return g.item()


def theory(name: str, shift: float) -> float:
    """Twice the slope of the JSD, or that of KL(q|p) less it; KL(q|p) = shift^2 / 2."""
    two = 2 * jsd_slope(shift)
    return two if name == "saturating" else shift - two


def show() -> Evidence:
    scores = line(-8, 8, 161)
    pulls = {name: [pull(kind, s) for s in SHIFTS] for name, kind in KINDS.items()}
    due = {name: [theory(name, s) for s in SHIFTS] for name in KINDS}
    sigma = {"saturating": -scores.sigmoid(), "non-saturating": -(-scores).sigmoid()}
    facts = []
    for name, kind in KINDS.items():
        off = (slopes(kind, scores) - sigma[name]).abs().max().item()
        facts.append(close(f"{name}: slope in the score, largest error", off, 0, 1e-6))
        told = zip(SHIFTS, pulls[name], due[name], strict=True)
        facts += [close(f"{name}: pull at shift {s:g}", a, b, 5e-5) for s, a, b in told if s in (0.5, 1, 2, 4)]
    facts.append(below("saturating: pull at shift 8", pulls["saturating"][-1], 0.01))
    facts.append(above("non-saturating: pull at shift 8", pulls["non-saturating"][-1], 7))

    figure, (left, right) = panels(1, 2, 4.8)
    for (name, kind), shade, style in zip(KINDS.items(), (ORANGE, BLUE), ("--", "-"), strict=True):
        left.plot(scores, -slopes(kind, scores), style, color=shade, label=name)
        right.plot(SHIFTS, due[name], style, color=shade, label=f"{name}: theory")
        right.plot(SHIFTS, pulls[name], "o", color=shade, markersize=4, label=f"{name}: measured")
    left.axvline(0, color=GREY, linewidth=0.8)
    left.annotate("the critic is sure\nthat it is a fake", (-7.6, 0.55), fontsize=9, color="#555555")
    dress(left, "one fake", "score of the fake", "upward pull on the score")
    right.set_yscale("symlog", linthresh=0.01)
    dress(right, "the generator, against the best critic", "distance of two unit Gaussians", "pull on the generator")
    return Evidence(tuple(facts), figure)
