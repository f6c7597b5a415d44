"""What a trained critic knows of two Gaussians: their log ratio, and each f-divergence."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core import Shape
from ..networks import Perceptron
from ..objectives import FDivergence, NonSaturating
from .descent import descend
from .evidence import Evidence, above, between, close
from .gaussians import JSD, LOG2, TV, P, Q, bells, line
from .picture import BLUE, GREY, INK, ORANGE, dress, panels

NUMBER = Shape(1, 1, 1)
X = line(-12, 14, 209)  # as far as Neyman's integral reaches
ROWS: dict[FDivergence, float] = {
    FDivergence("total-variation"): 0.202124,
    FDivergence("kl"): 0.132187,
    FDivergence("reverse-kl"): 0.207636,
    FDivergence("pearson"): 0.216795,
    FDivergence("neyman"): 2.094397,
    FDivergence("hellinger"): 0.078900,
    FDivergence("jensen-shannon"): 0.074738,
    FDivergence("gan"): -1.311556,
    FDivergence("jeffreys"): 0.339822,
    FDivergence("alpha", 0.5): 0.157799,
}  # of P against Q, by quadrature


def critic() -> nn.Module:
    """A critic of numbers."""
    return Perceptron(1, 24, 2).critic(NUMBER).double()


def scores(D: nn.Module, x: Tensor) -> Tensor:
    score: Tensor = D(x.view(-1, 1, 1, 1)).score
    return score


def ratio(x: Tensor) -> Tensor:
    """log p/q: the best logit."""
    return P.log(x) - Q.log(x)


class Logit(NamedTuple):
    """A critic after training by cross-entropy."""

    critic: nn.Module
    loss: float
    accuracy: float
    determination: float  # R^2 of its scores against log p/q on three deviations either side


def logit(steps: int = 100) -> Logit:
    D, real = critic(), bells(2000)
    fake = Q.mean + Q.std * real
    loss = descend(lambda: NonSaturating().critic(scores(D, real), scores(D, fake)), D.parameters(), steps)
    with torch.no_grad():
        accuracy = ((scores(D, real) > 0).double().mean() + (scores(D, fake) < 0).double().mean()) / 2
        x = line(-3, 3, 601)
        rest = (scores(D, x) - ratio(x)).square().mean() / ratio(x).var()
    return Logit(D, loss, accuracy.item(), 1 - rest.item())


def bound(objective: FDivergence, score: Tensor) -> Tensor:
    """E_p T - E_q f*(T) at a critic's scores on X, by quadrature: never above the divergence."""
    t, conjugate = objective.dual(score)
    return torch.trapezoid(P.log(X).exp() * t - Q.log(X).exp() * conjugate, X)


def estimate(objective: FDivergence, steps: int = 100) -> float:
    """The bound of a critic that was trained to raise it."""
    D = critic()
    return -descend(lambda: -bound(objective, scores(D, X / 4)), D.parameters(), steps)


def show() -> Evidence:
    found = logit()
    estimates = {row: estimate(row) for row in ROWS}
    facts = [above("logit against log p/q: R^2", found.determination, 0.99),
             close("cross-entropy: 2 log 2 - 2 JSD", found.loss, 2 * LOG2 - 2 * JSD, 0.005),
             close("accuracy: (1 + TV) / 2", found.accuracy, (1 + TV) / 2, 0.005)]  # fmt: skip
    for row, value in estimates.items():
        due = ROWS[row]
        facts.append(between(f"{named(row)}: {due:g}, from below", value, due - slack(row) * abs(due), due + 1e-4))

    figure, (left, right) = panels(1, 2, 4.8, 3.8)
    x = line(-5, 6, 300)
    with torch.no_grad():
        left.plot(x, ratio(x), color=INK, linewidth=3, alpha=0.35, label="log p/q")
        left.plot(x, scores(found.critic, x), "--", color=BLUE, label="trained critic")
    left.axvspan(-3, 3, color=GREY, alpha=0.12, linewidth=0)
    dress(left, "the score of N(0, 1²) against N(0.5, 1.3²)", "x", "score")
    names, places = [named(row) for row in ROWS], range(len(ROWS))
    right.barh(places, [ROWS[row] for row in ROWS], height=0.7, color=GREY, alpha=0.4, label="quadrature")
    right.plot([estimates[row] for row in ROWS], places, "o", color=ORANGE, markersize=5, label="trained critic")
    right.set_yticks(places, names)
    right.invert_yaxis()
    dress(right, "f-divergences, estimated from below", "divergence, nats", "")
    return Evidence(tuple(facts), figure)


def slack(row: FDivergence) -> float:
    """How much of a divergence a critic may miss: more where its best score is infinite, or the tails decide."""
    return {"total-variation": 0.05, "neyman": 0.1}.get(row.name, 0.02)


def named(row: FDivergence) -> str:
    return row.name if row.alpha is None else f"alpha {row.alpha:g}"
