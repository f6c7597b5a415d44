"""Any pair, told the class by concatenation. Mirza & Osindero 2014."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ..batches import LABEL_ADVICE
from ..core import Verdict, is_energy, per_score, rebuild
from ..errors import require
from ..layers.conditional import check_labels
from ..recipe import Networks
from ..shape import Shape
from .base import PROBE_SAMPLES, Wrapped, probe_verdict, require_counts, unconditional, with_latent
from .dcgan import Convolutional


@dataclass(frozen=True)
class Conditional(Wrapped):
    """A pair made of one that is told nothing: its generator is told the class by an embedding beside the latent."""

    base: Networks = Convolutional()  # what it is made of
    embedding: int = 50  # numbers that a label becomes beside the latent

    def __post_init__(self) -> None:
        require_counts(self, "embedding")

    def generator(self, data: Shape) -> nn.Module:
        require_labels(self, data)
        longest = with_latent(self.base, self.base.latent + self.embedding)
        return ConditionalGenerator(unconditional(self, longest.generator(data)), data.classes, self.embedding)

    def critic_and_sizes(self, data: Shape) -> tuple[nn.Module, int, int]:
        """The base's critic, how many classes there are, and how many numbers it reads the score of a sample from."""
        require_labels(self, data)
        critic = unconditional(self, self.base.critic(data))
        said = probe_verdict(critic, data)
        require(len(said.score) == PROBE_SAMPLES,
                f"{type(self).__name__} needs a score for each label, but packs have one for "
                "several; give Concatenated(Packed(...)), which packs samples with theirs")  # fmt: skip
        return critic, data.classes, per_score(said.features, said.score).shape[1]


@dataclass(frozen=True)
class Concatenated(Conditional):
    """Any pair, told the class: an embedding of the label beside the latent, and as planes beside the image.

    Points have planes of one pixel: numbers beside theirs.
    """

    planes: int = 10  # channels that a label becomes beside the image's
    critic_sees_label: bool = True  # False: the ablation, whose generator need not make what it is asked for

    def __post_init__(self) -> None:
        require_counts(self, "embedding", "planes")

    def critic(self, data: Shape) -> nn.Module:
        require_labels(self, data)
        if not self.critic_sees_label:
            return self.base.critic(data)
        wider = data._replace(channels=data.channels + self.planes)
        return ConditionalCritic(unconditional(self, self.base.critic(wider)), data.classes, self.planes)


class ConditionalGenerator(nn.Module):
    """A generator whose latent goes on with an embedding of the label, with `unit` always of length one.

    The embedding begins about as long as a one-hot label: all latents of a label share it, so a long one is learned so
    much faster than they are that a generator comes to make one image of each label.
    """

    needs: ClassVar[str] = "label"

    def __init__(self, generator: nn.Module, classes: int, size: int, unit: bool = False) -> None:
        super().__init__()
        self.classes, self.embedding, self.generator, self.unit = classes, nn.Embedding(classes, size), generator, unit
        nn.init.normal_(self.embedding.weight, 0.0, size**-0.5)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        labels = check_labels(condition, self.classes)
        told = self.embedding(labels)
        image: Tensor = self.generator(torch.cat([z, (normalize(told) if self.unit else told).to(z)], 1))
        return image


class ConditionalCritic(nn.Module):
    """A critic of images that go on with planes of one number each, an embedding of the label."""

    needs: ClassVar[str] = "label"

    def __init__(self, critic: nn.Module, classes: int, planes: int) -> None:
        super().__init__()
        self.classes, self.embedding, self.critic = classes, nn.Embedding(classes, planes), critic
        self.energy = is_energy(critic)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        verdict: Verdict = self.critic(self.with_planes(x, condition))
        return verdict

    def rebuild(self, x: Tensor, condition: Tensor | None = None) -> Tensor | None:
        again = rebuild(self.critic, self.with_planes(x, condition))
        return None if again is None else again[:, : x.shape[1]]

    def with_planes(self, x: Tensor, condition: Tensor | None) -> Tensor:
        labels = check_labels(condition, self.classes)
        planes = self.embedding(labels).to(x)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return torch.cat([x, planes], 1)


def require_fraction(pair: object, name: str) -> None:
    """Refuse a share that leaves nothing."""
    given = getattr(pair, name)
    require(0 <= given < 1, f"{type(pair).__name__}: {name} is {given!r}, but should be a share from 0 to below 1")


def require_labels(pair: object, data: Shape) -> None:
    """Refuse data without labels, telling how they are given."""
    require(
        data.classes > 0,
        f"{type(pair).__name__} is told the class of each sample, but this data has no labels; {LABEL_ADVICE}",
    )
