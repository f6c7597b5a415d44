"""Samples that tell what they were made of: part of each latent is codes, which the critic's Q finds again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Unpack

import torch
from torch import Tensor, nn

from ..batches import Images
from ..clock import Clock
from ..core import Judge, Judged, Move, Turn
from ..errors import Mistake, require
from ..layers.latent_codes import LatentCodes
from .adversarial import Adversarial
from .slots import Slots


class InfoGAN(Adversarial):
    """Both players gain by a bound on the mutual information of codes and samples. Chen et al. 2016, equation 6.

    A latent is noise, `latent` numbers of it, and then codes. In a round they are what samples are made for, and what
    the critic is told, in place of any label. Q shares the critic's trunk and moves with it.
    """

    def __init__(self, generator: nn.Module, critic: nn.Module, latent: int, discrete: float = 1.0,
                 continuous: float = 0.1, **slots: Unpack[Slots]) -> None:  # fmt: skip
        super().__init__(generator, critic, latent, **slots)
        for name, weight in (("discrete", discrete), ("continuous", continuous)):
            require(0 <= weight < float("inf"), f"InfoGAN: {name} is {weight}, but should be 0 or more")
        self.weights = discrete, continuous
        self.inferred = find_codes(critic)  # also where the game is taken apart, and the critic left out

    @property
    def codes(self) -> LatentCodes:
        """What its critic infers."""
        return self.inferred

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        yield from super().round((b._replace(condition=self.codes.draw(b.image)) for b in batches), clock)

    def generate(self, batch: Images) -> Tensor:
        assert batch.condition is not None, "a round draws codes"
        return self.make(torch.cat([self.prior(batch.image, self.latent), batch.condition], 1))

    def critic_move(self, judge: Judge, real: Judged, fake: Judged) -> Move:
        move = super().critic_move(judge, real, fake)
        return Move(self.critic, **move.terms, **self.information(judge, fake))

    def generator_move(self, judge: Judge, real: Judged, fake: Judged) -> Move:
        move = super().generator_move(judge, real, fake)
        return Move(self.generator, **move.terms, **self.information(judge, fake))

    def information(self, judge: Judge, fake: Judged) -> Mapping[str, Tensor]:
        """What Q does not know of the codes, lambda times, for the category and the numbers: - lambda L_I, and H(c)."""
        assert judge.condition is not None, "a round draws codes"
        lost = self.codes.surprise(fake.more["codes"], judge.condition)
        return {name: w * term for name, w, term in zip(("category", "numbers"), self.weights, lost, strict=True)}

    def latents(self, like: Tensor) -> Tensor:
        return torch.cat([self.prior(like, self.latent), self.codes.draw(like)], 1)

    def make(self, latents: Tensor, condition: Tensor | None = None, *, category: int | None = None,
             numbers: tuple[float, ...] = ()) -> Tensor:  # fmt: skip
        """The samples of these latents, if wanted all of one category, and with the first of the numbers alike."""
        noise, codes = latents[:, : self.latent], latents[:, self.latent :]
        made: Tensor = self.generator(torch.cat([noise, self.codes.chosen(codes, category, numbers)], 1))
        return made

    def encode(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Latents with the codes that Q finds most probable, and noise, of which it knows nothing, at its mean 0."""
        codes = self.codes.most_probable(self.critic(images).more["codes"])
        return torch.cat([codes.new_zeros(codes.shape[0], self.latent), codes], 1)

    def show(self, batch: Images) -> Mapping[str, Tensor]:
        """A column for each category, a row for each latent."""
        rows = self.latents(batch.image[: max(1, len(batch.image) // self.codes.categories)])
        return {str(category): self.make(rows, category=category) for category in range(self.codes.categories)}


def find_codes(critic: nn.Module) -> LatentCodes:
    """The codes that a critic infers; Mistake for one that infers none."""
    for part in critic.modules():
        if isinstance(codes := getattr(part, "codes", None), LatentCodes):
            return codes
    raise Mistake("the critic of InfoGAN says what codes a sample was made of, which this one does not; give "
                  '--networks "Inferring(Convolutional())"')  # fmt: skip
