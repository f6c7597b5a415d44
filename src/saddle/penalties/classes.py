"""The penalty of critics that also name the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import cross_entropy

from ..batches import LABEL_ADVICE
from ..clock import Number
from ..core import InputGrad, Judge, Judged, LossSide, check_penalty, upcast
from ..errors import Mistake, require
from ..fitting import FilledGame


@dataclass(frozen=True)
class Classification:
    """Real and made samples show the class they were asked for; in both players' losses. Odena et al. 2016, L_C.

    Raises Mistake for data without labels, and for a critic that names no class.
    """

    weight: Number = 1.0  # how strong; Gulrajani et al. 2017 take 0.1 in the generator's loss
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "either"
    input_grad: ClassVar[InputGrad] = "nowhere"

    def __post_init__(self) -> None:
        check_penalty(self)

    def fits(self, game: FilledGame) -> None:
        """Refuse to have the class named where the critic's condition is an opponent, not a label."""
        require(not game.shows_opponent, "Turing shows its critic opponents and no labels, so Classification has "
                "nothing to go by; leave it out")  # fmt: skip

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        return class_cross_entropy(real, judge.condition) + class_cross_entropy(fake, judge.condition)


def class_cross_entropy(at: Judged, labels: Tensor | None) -> Tensor:
    """The mean cross-entropy of the critic's class logits with the labels, in full precision."""
    if labels is None or labels.ndim != 1 or labels.is_floating_point():
        raise Mistake(f"Classification needs a label for each sample, but this data has none; {LABEL_ADVICE}")
    if at.logits is None or len(at.logits) != len(labels):
        raise Mistake("Classification needs a critic that names the class of each sample, but this one does not; "
                      "give networks that do, such as Classifying(Convolutional())")  # fmt: skip
    return cross_entropy(upcast(at.logits), labels)
