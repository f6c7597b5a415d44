"""The first conditional pair. Mirza & Osindero 2014."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..core import Verdict
from ..layers.conditional import check_labels
from ..layers.init import uniform_init
from ..layers.maxout import Maxout
from ..layers.one_hot import to_one_hot
from ..shape import Shape
from .base import Critic, require_counts, to_pixels
from .cgan import require_fraction, require_labels


@dataclass(frozen=True)
class ConditionalDense:
    """The authors' digit networks, from memory: sample and label have layers of their own before they meet.

    Theirs ended in a sigmoid. Their generator had dropout too; ours has not, since at rest it would make other samples
    than those that were judged. Weights begin as the first GAN's.
    """

    latent: int = 100  # numbers the generator starts from
    width: int = 200  # the generator's units for the latent
    width_label: int = 1000  # and for the label, where both meet as many as of both together
    maxout: int = 240  # the critic's units for the image, and where both meet
    maxout_label: int = 50  # and for the label
    dropout: float = 0.5  # share of the critic's hidden units left out
    critic_sees_label: bool = True  # False: the ablation, whose generator need not make what it is asked for

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "width_label", "maxout", "maxout_label")
        require_fraction(self, "dropout")

    def generator(self, data: Shape) -> nn.Module:
        require_labels(self, data)
        both = self.width + self.width_label
        joint = nn.Sequential(
            uniform_linear(both, both), nn.ReLU(inplace=True), uniform_linear(both, prod(data[:3])), *to_pixels(data)
        )
        latent, label = (
            uniform_linear_relu(self.latent, self.width),
            uniform_linear_relu(data.classes, self.width_label),
        )
        return LabelJoin(latent, label, joint, data.classes)

    def critic(self, data: Shape) -> nn.Module:
        require_labels(self, data)
        image = nn.Sequential(nn.Flatten(), *self.hidden(prod(data[:3]), self.maxout, 5))
        head = uniform_init(nn.Linear(self.maxout, 1), 0.005)
        if not self.critic_sees_label:
            return Critic(image.extend(self.hidden(self.maxout, self.maxout, 4)), head)
        label = nn.Sequential(*self.hidden(data.classes, self.maxout_label, 5))
        joint = nn.Sequential(*self.hidden(self.maxout + self.maxout_label, self.maxout, 4))
        return LabelJoinCritic(LabelJoin(image, label, joint, data.classes), head)

    def hidden(self, inputs: int, outputs: int, pieces: int) -> tuple[nn.Module, ...]:
        layer = Maxout(inputs, outputs, pieces)
        uniform_init(layer.linear, 0.005)
        return layer, nn.Dropout(self.dropout)


class LabelJoin(nn.Module):
    """What is made of a sample and of its label, one-hot, goes on together."""

    needs: ClassVar[str] = "label"

    def __init__(self, sample: nn.Module, label: nn.Module, joint: nn.Module, classes: int) -> None:
        super().__init__()
        self.sample, self.label, self.joint, self.classes = sample, label, joint, classes

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        labels = check_labels(condition, self.classes)
        out: Tensor = self.joint(torch.cat([self.sample(x), self.label(to_one_hot(labels, self.classes, x))], 1))
        return out


class LabelJoinCritic(nn.Module):
    """One score each, (n,), read from where image and label have met."""

    def __init__(self, trunk: LabelJoin, head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.head = trunk, nn.Sequential(head, nn.Flatten(0))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        features = self.trunk(x, condition)
        return Verdict(self.head(features), features)


def uniform_linear_relu(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(uniform_linear(inputs, outputs), nn.ReLU(inplace=True))


def uniform_linear(inputs: int, outputs: int) -> nn.Linear:
    return uniform_init(nn.Linear(inputs, outputs), 0.05)
