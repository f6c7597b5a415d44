"""Lines of tokens that are drawn by a softmax of noisy logits, so that the critic's gradient reaches the generator."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn

from ..clock import Number, factor_at, value_range
from ..errors import require
from ..layers.tokens import TokenLSTM, check_writer, gumbel_softmax
from .adversarial import Adversarial
from .slots import Slots


class GumbelSoftmax(Adversarial):
    """The generator's tokens are gumbel_softmax(logits), of latents that are noise for every logit of a line.

    Jang et al. 2016, Maddison et al. 2016. Where it trains they are soft, or `hard` with the soft ones' gradient; in
    evaluation mode they are one-hot.
    """

    generator: TokenLSTM

    def __init__(self, generator: nn.Module, critic: nn.Module, latent: int, *, temperature: Number = 1.0,
                 hard: bool = True, **slots: Unpack[Slots]) -> None:  # fmt: skip
        super().__init__(generator, critic, latent, **slots)
        check_writer(generator)
        warm = all(end > 0 for end in value_range(temperature))
        require(warm, f"the temperature is {temperature}, but should be above 0")
        self.temperature, self.hard = temperature, hard

    def latents(self, like: Tensor) -> Tensor:
        """A number for each token of the vocabulary at each place, (n, length, vocabulary)."""
        _, vocabulary, _, length = like.shape
        return self.prior(like, length * vocabulary).view(-1, length, vocabulary)

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        temperature, hard = factor_at(self.temperature, self.clock), self.hard or not self.training
        lines = self.generator.write(lambda t, logits: gumbel_softmax(logits, latents[:, t], temperature, hard),
                                     latents, latents.shape[1])  # fmt: skip
        return lines.transpose(1, 2).unsqueeze(2)
