"""Pairs made of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn

from ..core import Verdict, is_energy, per_score, rebuild, required_conditions
from ..errors import Mistake, require
from ..layers.init import glorot_uniform
from ..layers.maxout import Maxout
from ..layers.minibatch import MinibatchDiscrimination
from ..layers.residual import ResidualBlock
from ..parts import CURRENT_SHARD
from ..recipe import Networks
from ..shape import Shape
from .base import Critic, Wrapped, count_score_inputs, require_counts, unconditional
from .dcgan import Convolutional


@dataclass(frozen=True)
class Pair:
    """The generator of one pair against the critic of another: a weaker critic is one of smaller width."""

    generator_of: Networks = Convolutional()  # the pair whose generator plays
    critic_of: Networks = Convolutional(width=32)  # the pair whose critic plays

    @property
    def latent(self) -> int:
        return self.generator_of.latent

    def generator(self, data: Shape) -> nn.Module:
        return self.generator_of.generator(data)

    def critic(self, data: Shape) -> nn.Module:
        return self.critic_of.critic(data)


@dataclass(frozen=True)
class Packed(Wrapped):
    """Any pair, its critic shown several samples at once, all real or all made. Lin et al. 2018 (PacGAN).

    Samples lie side by side in channels, so that the first layer alone grows. The critic inside is told no labels;
    `Concatenated(Packed(...))` packs images together with their labels.
    """

    base: Networks = Convolutional()  # what it is made of
    size: int = 2  # samples in a pack

    def __post_init__(self) -> None:
        require_counts(self, "size")

    def critic(self, data: Shape) -> PackedCritic:
        pack = data._replace(channels=self.size * data.channels)
        critic = self.base.critic(pack)
        blind = f"Packed cannot tell {type(self.base).__name__} the label of each sample in a pack"
        way = "give Concatenated(Packed(...)), which packs samples with theirs"
        require("label" not in required_conditions(critic), f"{blind}; {way}")
        return PackedCritic(unconditional(self, critic), self.size)


class PackedCritic(nn.Module):
    """(n, channels, height, width) -> n / size scores, one for each `size` samples in a row."""

    def __init__(self, critic: nn.Module, size: int) -> None:
        super().__init__()
        self.inside, self.size = critic, size
        self.energy = is_energy(critic)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        if x.shape[0] % self.size:
            raise Mistake(self.odd(len(x), CURRENT_SHARD.get().count))
        answer: Verdict = self.inside(x.reshape(-1, self.size * x.shape[1], *x.shape[2:]))
        return answer

    def rebuild(self, x: Tensor, condition: Tensor | None = None) -> Tensor | None:
        """Each sample in a pack of its own copies, so that it hangs on no other."""
        again = rebuild(self.inside, x.repeat(1, self.size, 1, 1))
        return None if again is None else again[:, : x.shape[1]]

    def odd(self, n: int, parts: int) -> str:
        """Why so many samples make no packs, and whether the batch is to blame or the parts that it is played in."""
        why = f"no packs of {self.size} can be made of {n} sample{'s' * (n > 1)}"
        packs, left = divmod(n * parts, self.size)
        if left:
            return f"{why}; give a --batch that {self.size * parts} divides"
        return f"{why}, one of {parts} parts of the batch; lower --accumulate, so that there are {packs} parts at most"


@dataclass(frozen=True)
class Dropped(Wrapped):
    """Any pair, its critic weakened by dropout: behind each of its activations and residual blocks.

    CT-GAN's critics (Wei et al. 2018) are Dropped(Convolutional5(width=64, normal_generator=False)) for MNIST and
    Dropped(ResNet(), (0, 0.2, 0.5, 0.5, 0)) for CIFAR-10.
    """

    base: Networks = Convolutional(normal=False)  # what it is made of
    shares: tuple[float, ...] = (0.5,)  # left out behind each: one share for all, or one each

    def __post_init__(self) -> None:
        right = bool(self.shares) and all(0 <= share < 1 for share in self.shares)
        require(right, f"Dropped: shares are {self.shares}, but should be shares from 0 to below 1")

    def critic(self, data: Shape) -> nn.Module:
        whole = self.base.critic(data)
        for critic in whole.modules():
            if isinstance(critic, Critic) and isinstance(critic.trunk, nn.Sequential):
                critic.trunk = self.drop(critic.trunk)
                return whole
        raise Mistake(f"Dropped finds no layers in a row in the critic of {self.base}; give it other networks")

    def drop(self, trunk: nn.Sequential) -> nn.Sequential:
        places = [isinstance(layer, nn.ReLU | nn.LeakyReLU | Maxout | ResidualBlock) for layer in trunk]
        n = sum(places)
        many = f"Dropped has {len(self.shares)} shares, but this critic has {n} places; give one share, or {n}"
        require(len(self.shares) in (1, n), many)
        shares = iter(self.shares * n if len(self.shares) == 1 else self.shares)
        behind = [[nn.Dropout(share)] if place and (share := next(shares)) else [] for place in places]
        return nn.Sequential(*chain.from_iterable([layer, *more] for layer, more in zip(trunk, behind, strict=True)))


@dataclass(frozen=True)
class MinibatchDiscriminating(Wrapped):
    """Any pair, its critic also told how alike the samples of a batch are. Salimans et al. 2016, section 3.2.

    What minibatch discrimination finds joins the features; for a score linear in these that adds a term to it.
    """

    base: Networks = Convolutional()  # what it is made of
    kernels: int = 100  # numbers that the critic is told of each sample; as in their code
    size: int = 5  # linear functions in the distance of a kernel; as in their code

    def __post_init__(self) -> None:
        require_counts(self, "kernels", "size")

    def critic(self, data: Shape) -> MinibatchCritic:
        critic = self.base.critic(data)
        return MinibatchCritic(critic, count_score_inputs(critic, data), self.kernels, self.size)


class MinibatchCritic(nn.Module):
    """Features (n, ...) of a critic become (n, inputs + kernels), and its scores learn of the last."""

    def __init__(self, critic: nn.Module, inputs: int, kernels: int, size: int) -> None:
        super().__init__()
        self.inside, self.closeness = critic, MinibatchDiscrimination(inputs, kernels, size)
        self.head = glorot_uniform(nn.Linear(kernels, 1, bias=False))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        verdict: Verdict = self.inside(x, condition)
        score, features = verdict.score, per_score(verdict.features, verdict.score)
        closeness = self.closeness(features)
        term = self.head(closeness).reshape(-1, *[1] * (score.ndim - 1))  # the same for all patches of a sample
        both = torch.cat([features, closeness.to(features.dtype)], 1)
        return verdict._replace(score=score + term, features=both)
