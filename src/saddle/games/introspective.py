"""Autoencoders whose encoder is the critic too: it knows what is made from what is real by the code's divergence."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..batches import Images
from ..clock import Clock
from ..core import Move, Turn, frozen
from ..errors import require
from ..layers.gaussian_code import gaussian_kl, reparameterise
from ..layers.priors import Normal
from ..objectives.likelihoods import squared_distance
from ..parts.replay import Replay, kept_buffers
from .encoding import NormalCodes, PriorCodes

Law = tuple[Tensor, Tensor]  # mean and log variance of codes, (n, latent) each


class Introspective(NormalCodes, PriorCodes):
    """The encoder moves, and then the generator against it, who makes the same images again.

    Fakes are x_r = G(z) for a code z drawn from q(z|x), and x_p = G(z_p) for z_p of the prior. Both kinds are made in
    one pass, and so are seen in one: a sum over both of half a mean over each is the mean over all. So the generator's
    running statistics are those that it was trained under; the encoder's are of real images alone, which it is asked
    about once it is trained. The first `warm_up` images are shown to a plain variational autoencoder.
    """

    warms_up_as: ClassVar[str] = "a plain variational autoencoder"

    def __init__(self, encoder: nn.Module, generator: nn.Module, latent: int, reconstruction: float = 1.0,
                 kl: float = 1.0, negative: float = 1.0, warm_up: int = 0) -> None:  # fmt: skip
        super().__init__(encoder, generator, latent)
        self.prior = Normal()
        for weight, name in ((reconstruction, "reconstruction"), (kl, "kl"), (negative, "negative")):
            check_weight(self, name, weight)
        require(warm_up >= 0, f"{type(self).__name__}: warm_up is {warm_up}, but should be 0 images or more")
        self.reconstruction, self.kl, self.negative, self.warm_up = reconstruction, kl, negative, warm_up

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        x = next(batches).image
        law = self.posterior(x)
        z = reparameterise(*law)
        if self.warms_up(clock):
            error = self.error(x, self.generator(z))
            yield Move(self.encoder, self.generator, error=error, kl=self.divergence(x, law))
            return
        z_p, decoding = self.latents(x), Replay(self.generator)
        with frozen(self.generator):
            fakes = self.generator(torch.cat([z, z_p]))
            with kept_buffers(self):
                move = self.encoder_move(x, law, fakes)
        yield move
        with decoding.again():
            fakes = self.generator(torch.cat([z.detach(), z_p]))
        with frozen(self.encoder), kept_buffers(self):
            move = self.generator_move(x, fakes)
        yield move

    def encoder_move(self, x: Tensor, law: Law, fakes: Tensor) -> Move:
        """Of images (n, ...), their codes' law, and fakes (2 n, ...): first the images made again, then the others."""
        raise NotImplementedError

    def generator_move(self, x: Tensor, fakes: Tensor) -> Move:
        raise NotImplementedError

    def error(self, x: Tensor, fakes: Tensor) -> Tensor:
        """|x - x_r|^2 over all features, its mean over images, weighted; of fakes the first are those x_r."""
        return self.scale(x) * self.reconstruction * squared_distance(fakes[: len(x)], x).mean()

    def divergence(self, x: Tensor, law: Law) -> Tensor:
        """The mean KL from the prior of codes of such images, weighted."""
        return self.scale(x) * self.kl * gaussian_kl(*law).mean()

    def scale(self, x: Tensor) -> float:
        """What all losses of such images are multiplied by, also in warming up: Adam remembers how large they were."""
        return 1.0

    def warms_up(self, clock: Clock) -> bool:
        return clock.read(lambda now: now.images < self.warm_up)

    def phase(self, clock: Clock) -> Hashable:
        return self.warms_up(clock)


class IntroVAE(Introspective):
    """The encoder lowers the divergence of real images' codes and raises that of fakes' to a margin; the generator
    lowers it. Huang et al. 2018.

    Each fake has a hinge of its own, as in the paper; the authors' code has one of a batch's mean.
    """

    def __init__(self, encoder: nn.Module, generator: nn.Module, latent: int, reconstruction: float = 1.0,
                 kl: float = 1.0, negative: float = 1.0, margin: float = 120.0, warm_up: int = 0) -> None:  # fmt: skip
        super().__init__(encoder, generator, latent, reconstruction, kl, negative, warm_up)
        check_weight(self, "margin", margin)
        self.margin = margin

    def encoder_move(self, x: Tensor, law: Law, fakes: Tensor) -> Move:
        short = (self.margin - gaussian_kl(*self.posterior(fakes.detach()))).relu()
        margin = self.kl * self.negative * short.mean()
        return Move(self.encoder, error=self.error(x, fakes), kl=self.divergence(x, law), margin=margin)

    def generator_move(self, x: Tensor, fakes: Tensor) -> Move:
        return Move(self.generator, error=self.error(x, fakes), kl=self.divergence(x, self.posterior(fakes)))

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Minus the divergence of each image's code from the prior, (n,)."""
        return -gaussian_kl(*self.posterior(images))


class SoftIntroVAE(Introspective):
    """The encoder lowers the energy of real images, and a mean of exp(-2 energy) of fakes, in place of a margin. Daniel
    & Tamar 2021.

    An energy is error and divergence, weighted, over as many numbers as an image has. Without that a whole image's is
    so large that the exponential is nought, and its slope as well. `negative` is the weight of a fake's divergence
    there; what fakes leave when they are made again counts `again` times as much as what real images do in the
    generator's move, which leaves the code as it is.
    """

    def __init__(self, encoder: nn.Module, generator: nn.Module, latent: int, reconstruction: float = 1.0,
                 kl: float = 1.0, negative: float = 1.0, again: float = 1e-8, warm_up: int = 0) -> None:  # fmt: skip
        super().__init__(encoder, generator, latent, reconstruction, kl, negative, warm_up)
        check_weight(self, "again", again)
        self.again = again

    def encoder_move(self, x: Tensor, law: Law, fakes: Tensor) -> Move:
        made = fakes.detach()
        of_fakes = self.posterior(made)
        missed = squared_distance(self.generator(draw_codes(of_fakes)), made)
        energy = self.scale(x) * (self.reconstruction * missed + self.negative * gaussian_kl(*of_fakes))
        counted = (-2 * energy).exp().mean() / 2
        return Move(self.encoder, error=self.error(x, fakes), kl=self.divergence(x, law), fakes=counted)

    def generator_move(self, x: Tensor, fakes: Tensor) -> Move:
        of_fakes = self.posterior(fakes)
        again = self.again * self.error(fakes.detach(), self.generator(draw_codes(of_fakes).detach()))
        return Move(self.generator, error=self.error(x, fakes), kl=self.divergence(x, of_fakes), again=again)

    def scale(self, x: Tensor) -> float:
        return 1 / x[0].numel()

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Minus the energy of each image, whose code is the mean, (n,)."""
        mean, log_variance = self.posterior(images)
        missed = squared_distance(self.generator(mean), images)
        energy: Tensor = self.reconstruction * missed + self.kl * gaussian_kl(mean, log_variance)
        return -self.scale(images) * energy


def draw_codes(of_fakes: Law) -> Tensor:
    """A code for each fake of either kind, drawn kind by kind, so that parts of a batch draw what the whole does."""
    return torch.cat([reparameterise(*law) for law in zip(*(t.chunk(2) for t in of_fakes), strict=True)])


def check_weight(game: nn.Module, name: str, value: float) -> None:
    require(0 <= value < math.inf, f"{type(game).__name__}: {name} is {value}, but should be 0 or more")
