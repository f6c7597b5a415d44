"""What adversarial flow adds to the losses: how far latents are carried, and where scores lie. Lin et al. 2025."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..clock import Number
from ..core import InputGrad, Judge, Judged, LossSide, check_penalty, per_score, upcast
from ..errors import require
from ..fitting import FilledGame

LATENTS = "latents"  # what each fake was made of, by this name beside its verdict


@dataclass(frozen=True)
class Transport:
    """The mean square of how far each number of a latent is carried: of all maps to the data, the nearest one is least.

    It pulls samples towards their latents, so it has to fade. arXiv:2511.22475, where its weight is lambda.
    """

    weight: Number = 0.05  # how strong; theirs falls from 0.2 to 0.005
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "generator"
    input_grad: ClassVar[InputGrad] = "nowhere"

    def __post_init__(self) -> None:
        check_penalty(self)

    def fits(self, game: FilledGame) -> None:
        """Refuse a game in which latents and samples are of different shapes, or whose fakes come without them."""
        require(bool(getattr(game, "tells_latents", False)), "Transport asks how far each latent is carried, which "
                "only the game of adversarial-flow tells; take that recipe, or leave Transport out")  # fmt: skip

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        start = fake.more[LATENTS]
        return (upcast(fake.sample).flatten(1) - start.flatten(1)).square().mean()


@dataclass(frozen=True)
class Centring:
    """The mean square of a real's score and a fake's together, which holds both around zero.

    Losses of differences leave open what is added to all scores; this takes it away. arXiv:2511.22475.
    """

    weight: Number = 0.01  # how strong; the paper's kappa
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "nowhere"

    def __post_init__(self) -> None:
        check_penalty(self)

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        return (per_score(real.score, real.score) + per_score(fake.score, fake.score)).square().mean()
