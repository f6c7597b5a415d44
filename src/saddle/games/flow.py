"""Adversarial flow: latents of the shape of the data, carried no further than need be. Lin et al. 2025."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Unpack

import torch
from torch import Tensor, nn

from ..batches import Images
from ..clock import Clock, value_at
from ..core import Agree, Judge, Memory, Move, Turn, frozen, upcast
from ..errors import require
from ..penalties.flow import LATENTS
from .adversarial import Adversarial
from .slots import Slots
from .terms import weighted_terms


@dataclass(frozen=True)
class GradientScale:
    """Brings what a generator hears of the critic, per sample and pixel, to one size, whatever the critic's.

    So a weight beside it means the same for any critic, batch and number of pixels. Lin et al. 2025, released code,
    whose running mean begins at zero and is not corrected: the first step is sqrt(10) times as large.
    """

    decay: float = 0.9  # of the running mean of squares, with every move of the generator

    def __post_init__(self) -> None:
        require(0 <= self.decay < 1, f"GradientScale's decay is {self.decay}, but should be from 0 to below 1")

    def memory(self) -> GradientScaleMemory:
        return GradientScaleMemory(self.decay)


class GradientScaleMemory(Memory):
    """The running mean of N times the sum of squares of the slope at the N numbers of a whole batch's samples."""

    square: Tensor  # ()

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("square", torch.zeros(()))

    def of_part(self, slope: Tensor) -> Tensor:
        """A part's share, whose slopes are of its own mean: what these make, averaged over parts, is the whole's."""
        return slope.numel() * slope.square().sum()

    def update(self, mean: Tensor) -> None:
        self.square.copy_(torch.lerp(mean.to(self.square), self.square, self.decay))

    def forward(self, slope: Tensor) -> Tensor:
        return slope / (self.square.sqrt() + 1e-8)

    def logged(self) -> Mapping[str, Tensor]:
        return {"size": self.square.sqrt()}


class AdversarialFlow(Adversarial):
    """Each player moves on a batch of its own; what the generator hears of the critic comes at one size."""

    tells_latents: ClassVar[bool] = True  # beside the verdict on what was made of them

    def __init__(self, generator: nn.Module, critic: nn.Module, latent: int, scale: GradientScale | None = None,
                 **slots: Unpack[Slots]) -> None:  # fmt: skip
        super().__init__(generator, critic, latent, **slots)
        self.scale: GradientScaleMemory | None = scale.memory() if scale else None

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        for _ in range(int(value_at(self.turns.critic, clock))):
            batch = next(batches)
            with torch.no_grad():
                fake = self.generate(batch)
            judged = yield from self.critic_turn(self.open_judge(batch.condition, clock), batch, fake)
            yield from self.after_critic_turn(judged)
        for _ in range(int(value_at(self.turns.generator, clock))):
            batch = next(batches)
            yield from self.carry(self.open_judge(batch.condition, clock), batch)

    def carry(self, judge: Judge, batch: Images) -> Iterator[Turn]:
        """The generator's move: an answer to the critic, and what is to be paid for the way from the latents."""
        start = self.latents(batch.image)
        fake: Tensor = upcast(self.generator(start, batch.condition))
        with frozen(self.critic):
            made = judge(fake)
        with torch.no_grad():
            real = judge(batch.image)
        loss = self.objective.generator(real.score, made.score)
        if self.scale is not None:
            (slope,) = torch.autograd.grad(loss, fake, retain_graph=bool(self.generator_penalties))
            yield Agree(self.scale.update, self.scale.of_part(slope))
            loss = loss.detach() + (self.scale(slope) * (fake - fake.detach())).sum()  # its value, with that slope
        made = made._replace(more={**made.more, LATENTS: start})
        terms = weighted_terms(self.generator_penalties, judge, real, made)
        yield Move(self.generator, adversarial=loss, **terms)
