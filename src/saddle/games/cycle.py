"""CycleGAN: two translators, there and back, without pairs. Zhu et al. 2017."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Literal

from torch import Tensor, nn

from ..batches import Unpaired
from ..clock import Clock, Number, factor_at
from ..core import Judge, Move, Objective, Turn, frozen
from ..objectives import LeastSquares
from .image_pool import ImagePool
from .translation import Translation, distance

Routing = Literal["both", "first"]


class CycleTranslation(Translation[Unpaired]):
    """Pictures of either kind become ones of the other, which are judged, and then themselves again.

    Both generators move at once, then both critics, which are shown earlier pictures too. Of the two translations of a
    way there and back, its error trains both; with the routing "first" the first alone, through a second that stands
    still.
    """

    makers = ("generator", "generator_back")

    def __init__(self, generator: nn.Module, critic: nn.Module, generator_back: nn.Module, critic_back: nn.Module,
                 objective: Objective = LeastSquares(scale=1), cycle: Number = 10.0, identity: float = 0.5,
                 routing: Routing = "both", pools: tuple[ImagePool, ImagePool] | None = None) -> None:  # fmt: skip
        super().__init__(generator, critic, objective)
        self.generator_back, self.critic_back = generator_back, critic_back
        self.cycle, self.identity, self.routing = cycle, identity, routing
        self.pool: ImagePool | None = None
        self.pool_back: ImagePool | None = None
        if pools:
            self.pool, self.pool_back = pools

    def round(self, batches: Iterator[Unpaired], clock: Clock) -> Iterator[Turn]:
        a, b = next(batches)
        there, back, weight = self.generator, self.generator_back, factor_at(self.cycle, clock)
        judge_a, judge_b = (Judge(critic, clock) for critic in (self.critic_back, self.critic))
        fake_a, fake_b = back(b), there(a)
        terms = {
            "adversarial": self.fooling(judge_b, fake_b) + self.fooling(judge_a, fake_a),
            "cycle": weight * (distance(self.second(back, fake_b), a) + distance(self.second(there, fake_a), b)),
        }
        if self.identity:
            share = factor_at(self.cycle, clock, self.identity)
            terms["identity"] = share * (distance(there(b), b) + distance(back(a), a))
        yield Move(there, back, **terms)
        shown_a, remember_a = exchange(self.pool_back, fake_a)
        shown_b, remember_b = exchange(self.pool, fake_b)
        yield (Move(self.critic, adversarial=self.critic_loss(judge_b(b), judge_b(shown_b))),
               Move(self.critic_back, adversarial=self.critic_loss(judge_a(a), judge_a(shown_a))))  # fmt: skip
        yield from (*remember_a, *remember_b)

    def differentiated_once(self) -> tuple[nn.Module, ...]:
        return self.generator, self.generator_back, self.critic, self.critic_back

    def second(self, translator: nn.Module, fake: Tensor) -> Tensor:
        """The way back, by a translator that learns from it only where both do."""
        with frozen(translator) if self.routing == "first" else nullcontext():
            again: Tensor = translator(fake)
        return again

    def translate(self, images: Tensor, condition: Tensor | None = None, *, noise: bool = True,
                  back: bool = False) -> Tensor:  # fmt: skip
        made: Tensor = (self.generator_back if back else self.generator)(images, noise=noise)
        return made

    def show(self, batch: Unpaired) -> Mapping[str, Tensor]:
        as_b, as_a = self.translate(batch.a), self.translate(batch.b, back=True)
        again_a, again_b = self.translate(as_b, back=True), self.translate(as_a)
        return {"a": batch.a, "a>b": as_b, "a>b>a": again_a, "b": batch.b, "b>a": as_a, "b>a>b": again_b}


def exchange(pool: ImagePool | None, fake: Tensor) -> tuple[Tensor, tuple[Turn, ...]]:
    """What a critic is shown in the place of fakes, and what a pool has to be told then."""
    return (fake.detach(), ()) if pool is None else pool.exchange(fake)
