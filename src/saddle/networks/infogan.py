"""Any pair whose critic also says what codes a sample was made of. Chen et al. 2016 (InfoGAN)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ..core import Verdict, is_energy, per_score, rebuild
from ..errors import require
from ..fitting import FilledGame
from ..layers.init import normal_init
from ..layers.latent_codes import LatentCodes
from ..recipe import Networks
from ..shape import Shape
from .base import Wrapped, count_score_inputs, require_counts, unconditional, with_latent
from .dcgan import Convolutional, leaky_relu


@dataclass(frozen=True)
class Inferring(Wrapped):
    """A pair made of one that is told nothing: codes stand behind its noise, and its critic's features tell them."""

    base: Networks = Convolutional()  # what it is made of; its latent is the noise
    codes: LatentCodes = LatentCodes()  # what samples tell of themselves
    hidden: int = 128  # units of Q between the critic's features and its answer; the paper's

    def __post_init__(self) -> None:
        require_counts(self, "hidden")
        require(not isinstance(self.base, Inferring), "Inferring is made of a pair without codes; write --networks "
                '"Inferring(Convolutional(), LatentCodes(20, 4))" for more of them')  # fmt: skip

    def generator(self, data: Shape) -> nn.Module:
        longest = with_latent(self.base, self.base.latent + self.codes.size)
        return unconditional(self, longest.generator(data))

    def critic(self, data: Shape) -> InferringCritic:
        critic = unconditional(self, self.base.critic(data))
        seen, size = count_score_inputs(critic, data), self.codes.size
        q = normal_init(nn.Linear(seen, self.hidden)), leaky_relu(), normal_init(nn.Linear(self.hidden, size))
        return InferringCritic(critic, nn.Sequential(*q), self.codes)


class InferringCritic(nn.Module):
    """A critic whose features Q reads as well: its answer is `codes`, logits and means (n, size), in the verdict."""

    def __init__(self, critic: nn.Module, q: nn.Module, codes: LatentCodes) -> None:
        super().__init__()
        self.inside, self.q, self.codes = critic, q, codes
        self.energy = is_energy(critic)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        verdict: Verdict = self.inside(x)
        answer = self.q(per_score(verdict.features, verdict.score))
        return verdict._replace(more={**verdict.more, "codes": answer})

    def rebuild(self, x: Tensor, condition: Tensor | None = None) -> Tensor | None:
        return rebuild(self.inside, x)

    def fits(self, game: FilledGame) -> None:
        require(hasattr(type(game), "codes"), "a critic that infers codes plays in InfoGAN's game alone; take the "
                'recipe infogan, or networks without Q, such as --networks "Convolutional()"')  # fmt: skip
