"""GAT on the codes of an autoencoder that another run has trained: the players see codes, everybody else pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Unpack, cast

import torch
from torch import Tensor, nn

from ..batches import Images
from ..clock import Clock
from ..core import Judge, Turn, Verdict, upcast
from ..devices import wide
from ..layers.conditional import check_classes
from ..layers.noise_levels import LevelAugment, NestedNoise
from ..precision import full_precision
from ..shape import Shape
from .multi_level import MultiLevel
from .slots import Slots

MEASURED = 2_000  # images, about, whose codes tell the scale, if there are so many
LEAST = 1e-5  # deviation, below which a channel says nothing, and stays as it is


class FrozenAutoencoder(nn.Module):
    """An encoder and a decoder that nobody trains, and the mean and deviation of each channel of their codes.

    Codes are maps (n, channels, height, width), standardised: each channel has mean 0 and deviation 1 over the data.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, encoder: nn.Module, decoder: nn.Module, code: Shape, numbers: int = 1) -> None:
        """`numbers`: that the encoder answers for each of a code's, of which the first is taken, as a VAE's mean."""
        super().__init__()
        self.encoder, self.decoder, self.code, self.numbers = encoder, decoder, code, numbers
        for name, fill in (("mean", torch.zeros), ("deviation", torch.ones)):
            self.register_buffer(name, fill(code.channels, 1, 1))
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> FrozenAutoencoder:
        """It stays in evaluation mode: what it keeps of batches would change too."""
        return super().train(False)

    def encode(self, images: Tensor) -> Tensor:
        """Standardised codes of images, in full precision."""
        return (self.raw_codes(images) - self.mean) / self.deviation

    def decode(self, codes: Tensor) -> Tensor:
        """Images, in [-1, 1], of standardised codes."""
        with full_precision(codes):
            made: Tensor = self.decoder((upcast(codes) * self.deviation + self.mean).flatten(1))
        return made

    def raw_codes(self, images: Tensor) -> Tensor:
        with full_precision(images):
            told: Tensor = self.encoder(upcast(images))
        return told.chunk(self.numbers, 1)[0].reshape(len(images), *self.code[:3])

    @torch.no_grad()
    def measure_scale(self, images: Iterable[Tensor]) -> None:
        """Take the mean and the deviation of each channel from the codes of these batches of images."""
        seen, sums = 0, wide(self.mean.new_zeros(2, self.code.channels))
        for some in images:
            codes = wide(self.raw_codes(some)).transpose(0, 1).flatten(1)
            seen, sums = seen + codes.shape[1], sums + torch.stack([codes.sum(1), codes.square().sum(1)])
        mean, square = sums / seen
        deviation = (square - mean.square()).clamp(min=0).sqrt()
        deviation = torch.where(deviation > LEAST, deviation, 1.0)
        for own, found in ((self.mean, mean), (self.deviation, deviation)):
            own.copy_(found[:, None, None])


class CodedMultiLevel(MultiLevel):
    """MultiLevel, its reals the codes of images, and its samples decoded."""

    def __init__(self, generator: nn.Module, critic: nn.Module, latent: int, autoencoder: FrozenAutoencoder,
                 noise: NestedNoise = NestedNoise(), augment: LevelAugment | None = None,
                 **slots: Unpack[Slots]) -> None:  # fmt: skip
        super().__init__(generator, critic, latent, noise, augment, **slots)
        self.autoencoder = autoencoder

    def prepare(self, batches: Iterator[Images]) -> None:
        """Before the first round the scale of codes is measured, once and for all."""
        images = (batch.image for batch in batches)
        self.autoencoder.measure_scale(until(images, MEASURED))

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        return super().round((b._replace(image=self.codes_of(b.image)) for b in batches), clock)

    @torch.no_grad()
    def codes_of(self, images: Tensor) -> Tensor:
        return self.autoencoder.encode(images)

    def make(self, latents: Tensor, condition: Tensor | None = None, *, truncation: float = 1.0,
             guidance: float = 1.0) -> Tensor:  # fmt: skip
        """Samples, decoded; their styles are those of MultiLevel."""
        codes = super().make(latents, condition, truncation=truncation, guidance=guidance)
        return self.autoencoder.decode(codes)

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().score(self.autoencoder.encode(images), condition)

    def judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        """The critic at work on images; without this view it still knows them, by their size."""
        check_classes(self, condition)
        within = self.open_judge(condition, clock)

        def view(sample: Tensor, clock: Clock) -> Tensor:
            codes = self.autoencoder.encode(sample)
            for one in within.views:
                codes = one(codes, clock)
            return codes

        def critic(x: Tensor, condition: Tensor | None) -> Verdict:
            if x.shape[2:] != self.autoencoder.code[1:3]:
                x = self.noised(self.autoencoder.encode(x), clock)
            said: Verdict = self.critic(x, condition)
            return said

        return Judge(cast(nn.Module, critic), clock, condition, (view,))


def until(images: Iterator[Tensor], most: int) -> Iterator[Tensor]:
    """Whole batches, up to about so many images."""
    seen = 0
    for some in images:
        yield some
        seen += len(some)
        if seen >= most:
            return
