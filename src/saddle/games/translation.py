"""Translation of pictures into pictures of another kind: what its games share, and the one that learns of pairs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TypeVar

from torch import Tensor, nn

from ..batches import Pairs
from ..capabilities import per_sample_score
from ..clock import Clock, Number, factor_at
from ..core import Game, Judge, Judged, Move, Objective, Turn, frozen, upcast
from ..objectives import NonSaturating

B = TypeVar("B")


class Translation(Game[B]):
    """A generator of pictures out of pictures, against a critic of pictures of the kind that it makes.

    Dropout is the only noise, and stays on afterwards: `translate(images, noise=False)` leaves it out. All statistics
    are of each picture alone, so that a picture's translation is the same in any batch.
    """

    def __init__(self, generator: nn.Module, critic: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.generator, self.critic, self.objective = generator, critic, objective

    def translate(self, images: Tensor, condition: Tensor | None = None, *, noise: bool = True) -> Tensor:
        made: Tensor = self.generator(images, noise=noise)
        return made

    def differentiated_once(self) -> tuple[nn.Module, ...]:
        return self.generator, self.critic

    def phase(self, clock: Clock) -> Hashable | None:
        return ()

    def critic_loss(self, real: Judged, fake: Judged) -> Tensor:
        """The objective's, halved, as in the code of all three papers; it slows a critic down but under Adam."""
        return self.objective.critic(real.score, fake.score) / 2

    def fooling(self, judge: Judge, fake: Tensor) -> Tensor:
        """The generator's loss of what it made, whose slope is no critic's concern."""
        with frozen(judge.critic):
            score = judge(fake).score
        return self.objective.generator(score, score)

    def judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        return Judge(self.critic, clock, condition)

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return per_sample_score(self.judge(condition, self.clock)(images).score)


class PairedTranslation(Translation[Pairs]):
    """pix2pix: what is made of a source should be as its target, and be taken for it beside it. Isola et al. 2016.

    The critic moves first, then the generator against it: -log D(a, G(a)) + l1 * mean |b - G(a)|.
    """

    def __init__(self, generator: nn.Module, critic: nn.Module, objective: Objective = NonSaturating(),
                 l1: Number = 100.0) -> None:  # fmt: skip
        super().__init__(generator, critic, objective)
        self.l1 = l1

    def round(self, batches: Iterator[Pairs], clock: Clock) -> Iterator[Turn]:
        source, target = next(batches)
        judge, fake = self.judge(source, clock), self.translate(source)
        yield Move(self.critic, adversarial=self.critic_loss(judge(target), judge(fake.detach())))
        error = distance(fake, target)
        yield Move(self.generator, adversarial=self.fooling(judge, fake), l1=factor_at(self.l1, clock) * error)

    def show(self, batch: Pairs) -> Mapping[str, Tensor]:
        return {"source": batch.source, "made": self.translate(batch.source), "target": batch.target}


def distance(made: Tensor, wanted: Tensor) -> Tensor:
    """The mean absolute error over pixels and pictures."""
    return (upcast(made) - wanted).abs().mean()
