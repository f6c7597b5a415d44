"""Any objective with any penalty on any critic: two rounds of the real engine, and only movers move.

What is played comes from the tables. A new entry that cannot be made without arguments fails until it has an example.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Objective, Verdict
from saddle.errors import Mistake
from saddle.games import Adversarial
from saddle.layers import Noise
from saddle.objectives import (
    OBJECTIVES,
    PEARSON,
    CriticAlone,
    Energy,
    FDivergence,
    Flipped,
    Hinge,
    LeastSquares,
    NonSaturating,
    Relativistic,
)
from saddle.objectives.divergences import DUAL_FUNCTIONS as DIVERGENCES
from saddle.optim import SGD
from saddle.penalties import PENALTIES as ALL_PENALTIES
from saddle.penalties import Bottleneck, Classification, Consistency, FeatureMatching, PullingAway, Swapped, Transport
from saddle.training.engine import Engine
from toys import LATENT, PIXELS, Batches, Maker

ROWS, WIDTH, CLASSES = 4, 6, 3


class Scoring(nn.Module):
    """A trunk whose features a head reads; packs of m samples become one row of m times the channels."""

    def __init__(self, trunk: nn.Module, head: nn.Module, pack: int = 1) -> None:
        super().__init__()
        self.trunk, self.head, self.pack = trunk, head, pack

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        h = self.trunk(x.reshape(len(x) // self.pack, -1, *x.shape[2:]))
        return Verdict(self.head(h), h)


class Projecting(Scoring):
    """A score with the label's embedding in it."""

    def __init__(self) -> None:
        super().__init__(trunk(), score())
        self.embedding = nn.Embedding(CLASSES, WIDTH)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        at = super().forward(x)
        return at._replace(score=at.score + (self.embedding(condition) * at.features).sum(1))


class Naming(Scoring):
    """A critic that also names the class."""

    def __init__(self) -> None:
        super().__init__(trunk(), score())
        self.names = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        at = super().forward(x)
        return at._replace(logits=self.names(at.features))


class Rebuilding(Scoring):
    """Minus how far a sample, or pack of them, is from what its features are decoded to."""

    energy = True

    def __init__(self, pack: int = 1) -> None:
        super().__init__(trunk(pack), nn.Linear(WIDTH, pack * PIXELS), pack)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        rebuilt, code, *_ = super().forward(x)
        return Verdict(-(rebuilt - x.reshape(len(rebuilt), -1)).square().mean(1), code)


class Drawing(Scoring):
    """Scores read from draws of a code, whose cost the critic tells."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        mean = self.trunk(x)
        code = mean + torch.randn_like(mean)
        return Verdict(self.head(code), code, more={"kl": mean.square().sum(1) / 2})


def trunk(pack: int = 1, *more: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(pack * PIXELS, WIDTH), nn.LeakyReLU(0.2), *more)


def score() -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, 1), nn.Flatten(0))


def spectral() -> nn.Module:
    return Scoring(trunk(), score()).apply(lambda m: spectral_norm(m) if isinstance(m, nn.Linear) else m)


CRITICS: dict[str, Callable[[], nn.Module]] = {
    "dense": lambda: Scoring(trunk(), score()),
    "dropout": lambda: Scoring(trunk(1, nn.Dropout(0.3)), score()),
    "packed": lambda: Scoring(trunk(2), score(), pack=2),
    "spectral": spectral,
    "projection": Projecting,
    "patch": lambda: Scoring(nn.Sequential(nn.Conv2d(1, WIDTH, 3, 2, 1), nn.LeakyReLU(0.2)), nn.Conv2d(WIDTH, 1, 1)),
    "naming": Naming,
    "drawing": lambda: Drawing(trunk(), score()),
    "autoencoding": Rebuilding,
    "packed autoencoding": lambda: Rebuilding(2),
}

OBJECTIVE: list[Objective] = [kind() for kind in OBJECTIVES]
EXAMPLES: dict[type, Callable[[Objective], Any]] = {Swapped: lambda game: Swapped(game, 0.1)}  # made for an objective
PENALTIES = tuple(kind for kind in ALL_PENALTIES if kind is not Transport)  # which asks for a game of its own
GENERATORS = (FeatureMatching, PullingAway)  # terms of the generator's loss; the others are of the critic's
BOTH = (Classification,)
ABLE = {Classification: "naming", Bottleneck: "drawing"}  # the only critics that these may ask
SLOTS = ("penalties", "generator_penalties")


def adversarial(objective: Objective, penalty: type, critic: nn.Module) -> Adversarial:
    """The game with a penalty of this kind where it belongs."""
    made = EXAMPLES.get(penalty, lambda game: penalty())(objective)
    slots = {"penalties": () if penalty in GENERATORS else (made,),
             "generator_penalties": (made,) if penalty in (*GENERATORS, *BOTH) else ()}  # fmt: skip
    still = penalty is Consistency and not any(isinstance(m, nn.Dropout) for m in critic.modules())
    return Adversarial(Maker(), critic, LATENT, objective, views=(Noise(0.1),) if still else (), **slots)


def baseless(objective: Objective, critic: str) -> bool:
    """Are energies without a floor refused, as they should be?"""
    if not isinstance(getattr(objective, "base", objective), Energy) or "autoencoding" in critic:
        return False
    with pytest.raises(Mistake, match=r"^Energy needs a critic .* give networks .* DenseAutoencoding\(\)"):
        Adversarial(Maker(), CRITICS[critic](), LATENT, objective)
    return True


def labelled(n: int) -> Images:
    return Images(torch.randn(n, 1, 4, 4) * 0.3 + 0.5, torch.randint(CLASSES, (n,)))


class Watched(Engine[Images]):
    """Sees to it that each move leaves everybody else where they were, and moves who asked to."""

    def step(self, player: nn.Module) -> Tensor:
        before = {m: torch.cat([p.detach().flatten() for p in own]) for m, own in self.own.items()}
        norm = super().step(player)
        for m, own in self.own.items():
            assert torch.equal(before[m], torch.cat([p.detach().flatten() for p in own])) is (m is not player)
        return norm


def two_rounds(game: Adversarial) -> list[dict[str, Tensor]]:
    driver, data = Watched(game, lambda player: SGD(1e-2)), Batches(labelled, rows=ROWS)
    return [driver.play(data, clock=Clock(r, r * ROWS, r / 2)) for r in range(2)]


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda kind: kind.__name__)
def test_any_objective_with_any_penalty_on_any_critic(penalty: type, critic: str):
    for objective in OBJECTIVE:
        torch.manual_seed(0)
        if baseless(objective, critic):
            continue
        if isinstance(objective, CriticAlone) and penalty not in (*GENERATORS, *BOTH):
            with pytest.raises(Mistake, match="CriticAlone tells the generator nothing"):
                adversarial(objective, penalty, CRITICS[critic]())
            continue
        game = adversarial(objective, penalty, CRITICS[critic]())
        if critic != ABLE.get(penalty, critic):
            with pytest.raises(Mistake, match=rf"{penalty.__name__} needs a critic (that names the|with a noisy)"):
                two_rounds(game)
            continue
        for report in two_rounds(game):
            assert all(t.isfinite() for t in report.values()), (objective, report)
            terms = {key for key in report if key.endswith(penalty.__name__)}
            assert len(terms) == (2 if penalty in BOTH else 1), (objective, report)
            assert {t.split("/")[0] for t in terms} >= ({"generator"} if penalty in GENERATORS else {"critic"})


SETTINGS: list[Objective] = [
    *(FDivergence(name) for name in DIVERGENCES), *(FDivergence("alpha", alpha) for alpha in (-1.0, 0.5, 2.0)),
    FDivergence("kl", alternative=True), NonSaturating(0.9), PEARSON, Relativistic(average=True),
    Relativistic(LeastSquares(-1, 1, 1), average=True), Flipped(Relativistic(Hinge()), 0.2),
    Flipped(Energy(2.0), 0.1),
]  # fmt: skip


@pytest.mark.parametrize("critic", CRITICS)
def test_any_setting_of_an_objective_on_any_critic(critic: str):
    for objective in (o for o in (*OBJECTIVE, *SETTINGS) if not isinstance(o, CriticAlone)):
        torch.manual_seed(0)
        if baseless(objective, critic):
            continue
        game = Adversarial(Maker(), CRITICS[critic](), LATENT, objective)
        assert all(t.isfinite() for report in two_rounds(game) for t in report.values()), objective


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda kind: kind.__name__)
def test_what_asks_for_slopes_is_refused_where_batch_normalisation_mixes_samples(penalty: type):
    mixed, objective = Scoring(trunk(1, nn.BatchNorm1d(WIDTH)), score()), NonSaturating()
    plain = adversarial(objective, penalty, CRITICS["dense"]())
    if all(p.input_grad == "nowhere" for p in (*plain.penalties, *plain.generator_penalties)):
        adversarial(objective, penalty, mixed)
    else:
        with pytest.raises(Mistake, match=f"^{penalty.__name__} asks for each score's slope at its own sample"):
            adversarial(objective, penalty, mixed)


@pytest.mark.parametrize("penalty", [kind for kind in PENALTIES if kind not in BOTH], ids=lambda kind: kind.__name__)
def test_a_term_of_the_other_players_loss_is_refused(penalty: type):
    made = EXAMPLES.get(penalty, lambda game: penalty())(NonSaturating())
    wrong, right = SLOTS if penalty in GENERATORS else SLOTS[::-1]
    with pytest.raises(Mistake, match=f"^{penalty.__name__} is a term of the other player's loss; give it in {right}$"):
        Adversarial(Maker(), CRITICS["dense"](), LATENT, **{wrong: (made,)})
