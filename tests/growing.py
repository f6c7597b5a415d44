"""A game that grows from 4 pixels a side to 16: PGGAN's, of four channels, in stages that tests can count."""

from __future__ import annotations

from dataclasses import dataclass

from saddle.games.progressive import FadeIn, ProgressiveGrowing
from saddle.networks import Progressive
from saddle.optim import Adam
from saddle.recipe import Networks, Stage
from saddle.recipes.versus import Versus
from saddle.shape import Shape

FADE = FadeIn((0.0, 0.5, 0.5))  # all of a new size is seen from half of its stage on


@dataclass(frozen=True)
class Growing(Versus):
    """A stage for each size, of equal shares of the run; the last one steps more slowly."""

    networks: Networks = Progressive(latent=4, width=4)
    batch: int = 8
    each: int | None = None  # images at each size; a third of the run if not given

    def game(self, data: Shape) -> ProgressiveGrowing:
        return self.play(ProgressiveGrowing, data, fade=FADE)

    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        each = self.each or images / 3
        return (
            Stage(int(each), data._replace(height=4, width=4), 2 * self.batch),
            Stage(int(2 * each), data._replace(height=8, width=8), self.batch),
            Stage(int(3 * each), data, self.batch, lambda player: Adam(1e-4, (0.0, 0.99))),
        )
