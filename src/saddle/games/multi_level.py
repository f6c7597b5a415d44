"""GAT's game: the generator makes a picture at several depths, and the critic sees all, noised. Hyun et al. 2025.

Without it, early blocks would learn nothing of their own: here each has a picture, rough ones under more noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Protocol, Unpack, cast, runtime_checkable

import torch
from torch import Tensor, nn

from ..batches import Images
from ..capabilities import per_sample_score
from ..clock import Clock
from ..core import Agree, Judge, Turn
from ..errors import require
from ..layers.conditional import check_classes
from ..layers.noise_levels import LevelAugment, LevelView, NestedNoise
from .adversarial import Adversarial
from .slots import Slots


@runtime_checkable
class MakesLevels(Protocol):
    """A generator, by way of codes (n, width), of pictures at several levels."""

    channels: int  # of a picture of one level
    levels: int

    def mapping(self, z: Tensor, condition: Tensor | None = None) -> Tensor: ...
    def synthesis(self, code: Tensor) -> Tensor: ...  # (n, levels * channels, height, width); the sample is the last
    def class_means(self, code: Tensor, condition: Tensor | None) -> Tensor: ...
    def update_mean_code(self, mean: Tensor) -> None: ...
    def truncated(self, code: Tensor, condition: Tensor | None, truncation: float) -> Tensor: ...
    def guided(self, code: Tensor, z: Tensor, guidance: float) -> Tensor: ...


class MultiLevel(Adversarial):
    """Adversarial, on the pictures of all levels; a real one stands for each of them, under noise of its own."""

    def __init__(self, generator: nn.Module, critic: nn.Module, latent: int, noise: NestedNoise = NestedNoise(),
                 augment: LevelAugment | None = None, **slots: Unpack[Slots]) -> None:  # fmt: skip
        require(isinstance(generator, MakesLevels), "MultiLevel plays on pictures of several depths, which "
                f"{type(generator).__name__} does not make; give --networks \"PatchTransformer()\"")  # fmt: skip
        super().__init__(generator, critic, latent, **slots)
        self.shown = LevelView(self.maker.channels, self.maker.levels, noise, augment)

    @property
    def maker(self) -> MakesLevels:
        return cast(MakesLevels, self.generator)

    @property
    def noised(self) -> LevelView:
        """What the critic is shown, but unchanged."""
        return LevelView(self.maker.channels, self.maker.levels, self.shown.noise)

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        return super().round((b._replace(image=self.shown.repeat(b.image)) for b in batches), clock)

    def generator_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Iterator[Turn]:
        yield from super().generator_turn(judge, batch, fake)
        with torch.no_grad():
            code = self.maker.mapping(self.latents(batch.image), batch.condition)
            means = self.maker.class_means(code, batch.condition)
        yield Agree(self.maker.update_mean_code, means)

    def open_judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        return Judge(self.critic, clock, condition, (self.shown, *self.views))

    def generate(self, batch: Images) -> Tensor:
        """The pictures of all levels, which the critic judges."""
        return self.maker.synthesis(self.maker.mapping(self.latents(batch.image), batch.condition))

    def make(self, latents: Tensor, condition: Tensor | None = None, *, truncation: float = 1.0,
             guidance: float = 1.0) -> Tensor:  # fmt: skip
        """Samples; their codes are drawn to the mean of their class below 1, and away from all classes' above it.

        `truncation` is 0 at the mean, where the paper's psi is 1; `guidance` reaches beyond the code by its class.
        """
        check_classes(self, condition)
        for name, value, least in (("truncation", truncation, "the mean"), ("guidance", guidance, "all classes' mean")):
            require(0 <= value < math.inf, f"{name} is {value}, but should be 0 or more: 0 is {least}, and 1 leaves "
                    "codes as they are")  # fmt: skip
        code = self.maker.mapping(latents, condition)
        code = code if guidance == 1 else self.maker.guided(code, latents, guidance)
        code = code if truncation == 1 else self.maker.truncated(code, condition, truncation)
        return self.maker.synthesis(code)[:, -self.maker.channels :]

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """(n,), of each picture at all levels, under the noise without which the critic has never seen one."""
        check_classes(self, condition)
        return per_sample_score(Judge(self.critic, self.clock, condition, (self.noised,))(images).score)

    def show(self, batch: Images) -> Mapping[str, Tensor]:
        return {"made": self.make(self.latents(batch.image), batch.condition)}
