"""Learning without an adversary: what a lecture on conditional GANs begins with, and why its pictures are blurred."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

from torch import Tensor, nn

from ..batches import Images
from ..capabilities import generate
from ..clock import Clock
from ..core import Game, Move, Turn
from ..layers.conditional import check_classes
from ..layers.priors import Normal
from ..recipe import Prior


class Regression(Game[Images]):
    """A generator of an image from its label, and a latent, under the squared error E |G(z, y) - x|^2.

    The best answer to a label is the mean of its images, E[x | y], whatever the latent: sharp only where they agree.
    """

    def __init__(self, generator: nn.Module, latent: int, prior: Prior = Normal()) -> None:
        super().__init__()
        self.generator, self.latent, self.prior = generator, latent, prior

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        batch = next(batches)
        apart = generate(self, batch.image, batch.condition).float() - batch.image
        yield Move(self.generator, error=apart.flatten(1).square().sum(1).mean())

    def phase(self, clock: Clock) -> Hashable:
        return ()

    def latents(self, like: Tensor) -> Tensor:
        return self.prior(like, self.latent)

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        check_classes(self, condition)
        made: Tensor = self.generator(latents, condition)
        return made

    def show(self, batch: Images) -> Mapping[str, Tensor]:
        return {"real": batch.image, "made": generate(self, batch.image, batch.condition)}
