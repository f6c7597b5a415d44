"""What games with an encoder beside the generator can do once they are trained, whatever taught them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from torch import Tensor, nn

from ..batches import Images
from ..clock import Clock
from ..core import Game
from ..layers.gaussian_code import reparameterise, split_gaussian
from ..recipe import Prior


class EncoderGame(Game[Images]):
    """An encoder of images (n, channels, height, width), and a generator of them from codes (n, latent)."""

    makers = ("encoder", "generator")
    numbers: ClassVar[int] = 1  # that the encoder answers for each of a code's

    def __init__(self, encoder: nn.Module, generator: nn.Module, latent: int) -> None:
        super().__init__()
        self.encoder, self.generator, self.latent = encoder, generator, latent

    def phase(self, clock: Clock) -> Hashable | None:
        return ()

    def encode(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        code: Tensor = self.encoder(images)
        return code

    def draw_code(self, images: Tensor) -> Tensor:
        """The codes that a round plays with, (n, latent)."""
        return self.encode(images)

    def reconstruct(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.decode(self.encode(images))

    def decode(self, codes: Tensor, condition: Tensor | None = None) -> Tensor:
        made: Tensor = self.generator(codes)
        return made


class NormalCodes(EncoderGame):
    """The encoder answers with a mean and a log variance of each number; an image's code is the mean."""

    numbers = 2

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), (n, latent) each."""
        return split_gaussian(self.encoder(images))

    def encode(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.posterior(images)[0]

    def draw_code(self, images: Tensor) -> Tensor:
        return reparameterise(*self.posterior(images))


class PriorCodes(EncoderGame):
    """Codes have a law that is known before, from which images are made out of chance."""

    prior: Prior

    def latents(self, like: Tensor) -> Tensor:
        return self.prior(like, self.latent)

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        made: Tensor = self.generator(latents)
        return made
