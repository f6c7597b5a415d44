"""Critics that are told the class by a projection. Miyato & Koyama 2018."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ..core import Verdict, per_score
from ..errors import Mistake
from ..layers.conditional import check_labels
from ..shape import Shape
from .cgan import Conditional


@dataclass(frozen=True)
class Projected(Conditional):
    """Any pair whose critic reads its score off features: that is told the class by a projection of these.

    The generator is told it by an embedding beside its latent.
    """

    def critic(self, data: Shape) -> Projection:
        return Projection(*self.critic_and_sizes(data))


class Projection(nn.Module):
    """A critic's score psi(phi(x)) + <v_y, phi(x)>, (n,): psi is its own, phi its features, v_y the label's vector."""

    needs: ClassVar[str] = "label"

    def __init__(self, critic: nn.Module, classes: int, features: int) -> None:
        super().__init__()
        self.inside, self.classes, self.embedding = critic, classes, nn.Embedding(classes, features)
        nn.init.xavier_uniform_(self.embedding.weight)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        labels = check_labels(condition, self.classes)
        verdict: Verdict = self.inside(x, condition)
        score = verdict.score
        if score.shape[0] != labels.shape[0]:
            raise Mistake(f"a projection needs a label for each score, not {len(labels)} for {len(score)}")
        told = (self.embedding(labels) * per_score(verdict.features, score)).sum(1)
        return verdict._replace(score=score + told)
