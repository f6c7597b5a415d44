"""An encoder beside the generator, against a critic of images beside codes: at best, each undoes the other."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..batches import Images
from ..capabilities import per_sample_score
from ..clock import Clock
from ..core import Move, Objective, Turn, Verdict, frozen, required_conditions, upcast
from ..errors import require
from ..layers.gaussian_code import reparameterise
from ..layers.priors import Normal
from ..objectives import NonSaturating
from ..recipe import Prior
from .encoding import NormalCodes, PriorCodes


class BiGAN(PriorCodes):
    """The critic tells (x, E(x)) from (G(z), z), then encoder and generator move against it. Donahue et al. 2017.

    Their loss is the critic's with the two kinds of pairs exchanged, so both kinds teach. At the optimum the pairs have
    one distribution, and E and G are each other's inverse. Both kinds are judged in one pass, so that a batch
    normalisation in the critic, and its running statistics, are of both.
    """

    def __init__(self, encoder: nn.Module, generator: nn.Module, critic: nn.Module, latent: int,
                 objective: Objective = NonSaturating(), prior: Prior = Normal()) -> None:  # fmt: skip
        super().__init__(encoder, generator, latent)
        kind = type(self).__name__
        require("code" in required_conditions(critic), f"the critic of {kind} judges images beside their codes, which "
                'this one is not told; give --networks "Bidirectional()" or "DenseBidirectional()"')  # fmt: skip
        self.critic, self.objective, self.prior = critic, objective, prior

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        x, code, made, z = self.pairs(next(batches).image)
        yield Move(
            self.critic, adversarial=self.objective.critic(*self.judge_pairs(x, code.detach(), made.detach(), z))
        )
        with frozen(self.critic):
            real, fake = self.judge_pairs(x, code, made, z)
        yield Move(self.encoder, self.generator, adversarial=self.objective.critic(fake, real))

    def pairs(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Images with their codes, then what is made of codes with these."""
        z = self.latents(x)
        return x, self.draw_code(x), self.generator(z), z

    def draw_code(self, x: Tensor) -> Tensor:
        code: Tensor = self.encoder(x)
        return code

    def judge_pairs(self, x: Tensor, code: Tensor, made: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of (x, code) and of (made, z), (n,) each."""
        both: Tensor = self.critic(torch.cat([x, made.to(x.dtype)]), torch.cat([code.to(z.dtype), z])).score
        real, fake = upcast(both).chunk(2)
        return real, fake

    def judge_again(self, images: Tensor, again: Tensor) -> tuple[Verdict, Verdict]:
        """What the critic says of images and of what was made of their codes, each beside the code of the image."""
        code = self.encode(images)
        return self.critic(images, code), self.critic(again, code)

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Of each image beside its own code, (n,)."""
        return per_sample_score(self.critic(images, self.encode(images)).score)


class ALI(BiGAN, NormalCodes):
    """The same with codes that are drawn from a normal law, and one step of all three at once. Dumoulin et al. 2017."""

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        real, fake = self.judge_pairs(*self.pairs(next(batches).image))
        told = Move(self.critic, adversarial=self.objective.critic(real, fake))
        yield told, Move(self.encoder, self.generator, adversarial=self.objective.critic(fake, real))

    def draw_code(self, x: Tensor) -> Tensor:
        return reparameterise(*self.posterior(x))
