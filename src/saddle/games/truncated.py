"""Sampling from latents without their tails. Brock et al. 2018 (BigGAN), section 3.1."""

from __future__ import annotations

from torch import Tensor

from ..errors import require
from ..layers.priors import Normal, truncate_normal
from .adversarial import Adversarial


class Truncating(Adversarial):
    """The game of most papers, whose samples may be made of latents within a threshold: less variety, more fidelity."""

    def make(self, latents: Tensor, condition: Tensor | None = None, *, truncation: float | None = None) -> Tensor:
        if truncation is not None:
            require(isinstance(self.prior, Normal), f"truncation draws normal latents anew, but these are of "
                    f"{self.prior}; leave truncation out")  # fmt: skip
            require(truncation > 0, f"truncation is {truncation}, but should be above 0: no number of a latent is "
                    "further from 0 than this; 2 leaves nearly all as they are, 0.5 few")  # fmt: skip
            latents = truncate_normal(latents, truncation)
        return super().make(latents, condition)
