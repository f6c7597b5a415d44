"""A critic that compares two pictures, out of any critic of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..core import Verdict
from ..errors import require
from ..recipe import Networks
from ..shape import Shape
from .base import Wrapped, require_counts, unconditional
from .dcgan import Convolutional


@dataclass(frozen=True)
class Opposed(Wrapped):
    """Any pair whose critic sees a picture beside its opponent: s(a, b) = D(E(a) - E(b)). Su 2018.

    E is the pair's own trunk, D a head with one hidden layer, as in the author's code. A linear D would be a
    relativistic critic.
    """

    base: Networks = Convolutional()  # whose generator and trunk these are
    hidden: int = 512  # width of the head; the author's code

    def __post_init__(self) -> None:
        require_counts(self, "hidden")

    def critic(self, data: Shape) -> OpponentCritic:
        trunk = getattr(unconditional(self, self.base.critic(data)), "trunk", None)
        require(isinstance(trunk, nn.Module), f"Opposed: the critic of {type(self.base).__name__} has no trunk of "
                "its own to compare features of; take a pair such as Convolutional() or Perceptron()")  # fmt: skip
        assert isinstance(trunk, nn.Module)
        inputs = count_features(trunk, data)
        # 0.3: Keras's slope, which the author's code leaves as it is
        head = nn.Sequential(
            nn.Flatten(), nn.Linear(inputs, self.hidden), nn.LeakyReLU(0.3), nn.Linear(self.hidden, 1, bias=False)
        )
        return OpponentCritic(trunk, head)


class OpponentCritic(nn.Module):
    """Scores of samples beside their opponents, (n,): higher is more real than the opponent."""

    needs: ClassVar[str] = "opponent"

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.head = trunk, nn.Sequential(head, nn.Flatten(0))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        opposed = condition is not None and condition.shape == x.shape
        require(opposed, "this critic compares pictures; it plays the game Turing, whose conditions are opponents")
        difference = self.trunk(x) - self.trunk(condition)
        return Verdict(self.head(difference), difference)


@torch.no_grad()
def count_features(trunk: nn.Module, data: Shape) -> int:
    """How many numbers a trunk makes of one sample."""
    training = trunk.training
    size = trunk.eval()(torch.zeros(1, *data[:3])).numel()
    trunk.train(training)
    return int(size)
