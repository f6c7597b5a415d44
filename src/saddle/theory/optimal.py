"""What a trained critic knows of two Gaussians: their log ratio, and each f-divergence."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..networks import Perceptron
from ..objectives import FDivergence, NonSaturating
from ..shape import Shape
from .descent import descend
from .evidence import Demonstration, expect_above, expect_between, expect_close
from .gaussians import DATA_DENSITY, JSD, LOG2, MADE_DENSITY, TV, line_points, normal_quantiles
from .picture import BLUE, GREY, INK, ORANGE, make_panels, style_panel

NUMBER_SHAPE = Shape(1, 1, 1)
X = line_points(-12, 14, 209)  # as far as Neyman's integral reaches
DIVERGENCE_VALUES: dict[FDivergence, float] = {
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


def make_critic() -> nn.Module:
    """A critic of numbers."""
    return Perceptron(1, 24, 2).critic(NUMBER_SHAPE).double()


def score_points(D: nn.Module, x: Tensor) -> Tensor:
    score: Tensor = D(x.view(-1, 1, 1, 1)).score
    return score


def log_ratio(x: Tensor) -> Tensor:
    """log p/q: the best logit."""
    return DATA_DENSITY.log_density(x) - MADE_DENSITY.log_density(x)


class TrainedLogit(NamedTuple):
    """A critic after training by cross-entropy."""

    critic: nn.Module
    loss: float
    accuracy: float
    determination: float  # R^2 of its scores against log p/q on three deviations either side


def train_logit(steps: int = 100) -> TrainedLogit:
    D, real = make_critic(), normal_quantiles(2000)
    fake = MADE_DENSITY.mean + MADE_DENSITY.std * real
    loss = descend(lambda: NonSaturating().critic(score_points(D, real), score_points(D, fake)), D.parameters(), steps)
    with torch.no_grad():
        accuracy = ((score_points(D, real) > 0).double().mean() + (score_points(D, fake) < 0).double().mean()) / 2
        x = line_points(-3, 3, 601)
        rest = (score_points(D, x) - log_ratio(x)).square().mean() / log_ratio(x).var()
    return TrainedLogit(D, loss, accuracy.item(), 1 - rest.item())


def variational_bound(objective: FDivergence, score: Tensor) -> Tensor:
    """E_p T - E_q f*(T) at a critic's scores on X, by quadrature: never above the divergence."""
    t, conjugate = objective.dual(score)
    return torch.trapezoid(DATA_DENSITY.log_density(X).exp() * t - MADE_DENSITY.log_density(X).exp() * conjugate, X)


def estimate_divergence(objective: FDivergence, steps: int = 100) -> float:
    """The bound of a critic that was trained to raise it."""
    D = make_critic()
    return -descend(lambda: -variational_bound(objective, score_points(D, X / 4)), D.parameters(), steps)


def run_demonstration() -> Demonstration:
    found = train_logit()
    estimates = {row: estimate_divergence(row) for row in DIVERGENCE_VALUES}
    facts = [expect_above("logit against log p/q: R^2", found.determination, 0.99),
             expect_close("cross-entropy: 2 log 2 - 2 JSD", found.loss, 2 * LOG2 - 2 * JSD, 0.005),
             expect_close("accuracy: (1 + TV) / 2", found.accuracy, (1 + TV) / 2, 0.005)]  # fmt: skip
    for row, value in estimates.items():
        due = DIVERGENCE_VALUES[row]
        facts.append(
            expect_between(
                f"{divergence_label(row)}: {due:g}, from below", value, due - allowed_share(row) * abs(due), due + 1e-4
            )
        )

    figure, (left, right) = make_panels(1, 2, 4.8, 3.8)
    x = line_points(-5, 6, 300)
    with torch.no_grad():
        left.plot(x, log_ratio(x), color=INK, linewidth=3, alpha=0.35, label="log p/q")
        left.plot(x, score_points(found.critic, x), "--", color=BLUE, label="trained critic")
    left.axvspan(-3, 3, color=GREY, alpha=0.12, linewidth=0)
    style_panel(left, "the score of N(0, 1²) against N(0.5, 1.3²)", "x", "score")
    names, places = [divergence_label(row) for row in DIVERGENCE_VALUES], range(len(DIVERGENCE_VALUES))
    right.barh(
        places,
        [DIVERGENCE_VALUES[row] for row in DIVERGENCE_VALUES],
        height=0.7,
        color=GREY,
        alpha=0.4,
        label="quadrature",
    )
    right.plot(
        [estimates[row] for row in DIVERGENCE_VALUES], places, "o", color=ORANGE, markersize=5, label="trained critic"
    )
    right.set_yticks(places, names)
    right.invert_yaxis()
    style_panel(right, "f-divergences, estimated from below", "divergence, nats", "")
    return Demonstration(tuple(facts), figure)


def allowed_share(row: FDivergence) -> float:
    """How much of a divergence a critic may miss: more where its best score is infinite, or the tails decide."""
    return {"total-variation": 0.05, "neyman": 0.1}.get(row.name, 0.02)


def divergence_label(row: FDivergence) -> str:
    return row.name if row.alpha is None else f"alpha {row.alpha:g}"
