"""An encoder beside the generator, against a critic of images beside codes: at best, each undoes the other."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from ..batches import Images
from ..capabilities import per_sample_score
from ..clock import Clock, check_range, value_at
from ..core import Move, Objective, Turn, Verdict, frozen, required_conditions, upcast
from ..errors import require
from ..layers.priors import Normal
from ..objectives import NonSaturating, Wasserstein
from ..penalties import QuadraticPotential
from ..recipe import Prior
from .encoding import NormalCodes, PriorCodes
from .slots import Turns

Pairs = tuple[Tensor, Tensor, Tensor, Tensor]  # x, E(x), G(z), z


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
        yield self.critic_move(x, code.detach(), made.detach(), z)
        yield self.answer(x, code, made, z)

    def critic_move(self, x: Tensor, code: Tensor, made: Tensor, z: Tensor) -> Move:
        return Move(self.critic, adversarial=self.objective.critic(*self.judge_pairs(x, code, made, z)))

    def answer(self, x: Tensor, code: Tensor, made: Tensor, z: Tensor) -> Move:
        """The move of encoder and generator against the critic as it is now."""
        with frozen(self.critic):
            real, fake = self.judge_pairs(x, code, made, z)
        return Move(self.encoder, self.generator, adversarial=self.objective.critic(fake, real))

    def pairs(self, x: Tensor) -> Pairs:
        """Images with their codes, then what is made of codes with these."""
        z = self.latents(x)
        return x, self.draw_code(x), self.generator(z), z

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


class BiGANQP(BiGAN):
    """GAN-QP of pairs, whose encoder and generator are also taught to undo each other. Su 2018, the author's code.

    L_D = mean[-D + D^2 / (2 lambda d)] for the difference D of a pair's scores, where d is the distance of the images
    and that of the codes; the others minimise mean D, 2 |z - E(G(z))|^2, which teaches E alone, and 3 |x - G(E(x))|^2,
    which teaches G alone: means over numbers and pixels.
    """

    def __init__(self, encoder: nn.Module, generator: nn.Module, critic: nn.Module, latent: int,
                 objective: Objective = Wasserstein(), prior: Prior = Normal(),
                 potential: QuadraticPotential = QuadraticPotential(), turns: Turns = Turns(critic=2),
                 code_error: float = 2.0, image_error: float = 3.0) -> None:  # fmt: skip
        super().__init__(encoder, generator, critic, latent, objective, prior)
        check_range(code_error, "the weight of the error of codes")
        check_range(image_error, "the weight of the error of images")
        self.potential, self.turns, self.code_error, self.image_error = potential, turns, code_error, image_error

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        for _ in range(int(value_at(self.turns.critic, clock))):
            x = next(batches).image
            with torch.no_grad():
                pairs = self.pairs(x)
            yield self.critic_move(*pairs)
        for _ in range(int(value_at(self.turns.generator, clock))):
            yield self.answer(*self.pairs(x))

    def critic_move(self, x: Tensor, code: Tensor, made: Tensor, z: Tensor) -> Move:
        real, fake = self.judge_pairs(x, code, made, z)
        d = self.potential.apart(x, made) + self.potential.apart(code, z)
        potential = self.potential.of_gaps(real - fake, d).mean()
        return Move(self.critic, adversarial=self.objective.critic(real, fake), potential=potential)

    def answer(self, x: Tensor, code: Tensor, made: Tensor, z: Tensor) -> Move:
        move = super().answer(x, code, made, z)
        codes = self.code_error * mse_loss(upcast(self.encoder(made.detach())), z)
        images = self.image_error * mse_loss(upcast(self.generator(code.detach())), x)
        return Move(*move.players, **move.terms, codes=codes, images=images)

    def phase(self, clock: Clock) -> Hashable:
        return value_at(self.turns.critic, clock), value_at(self.turns.generator, clock)
