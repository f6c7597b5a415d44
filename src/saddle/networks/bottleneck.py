"""VDB: a critic that sees a sample through a noisy code. Peng, Kanazawa, Toyer, Abbeel & Levine 2018."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..core import Verdict
from ..errors import Mistake
from ..layers.gaussian_code import gaussian_kl, reparameterise, split_gaussian
from ..layers.maxout import Maxout
from ..recipe import Networks
from ..shape import Shape
from .base import Critic, Wrapped
from .gan_stability import DampedResidual

ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.Tanh, Maxout)


@dataclass(frozen=True)
class Bottlenecked(Wrapped):
    """Any pair, its critic's last map made a normal code of as many channels, and drawn. Peng et al. 2018 (VGAN).

    Mean and log deviation come of a convolution of one pixel each, before the last activation, as in the authors' code.
    What the code costs stands in the verdict as `kl`; the penalty Bottleneck limits it.
    """

    base: Networks = DampedResidual()  # what it is made of; the authors'

    def critic(self, data: Shape) -> BottleneckedCritic:
        critic = self.base.critic(data)
        trunk = critic.trunk if isinstance(critic, Critic) else None
        layers = list(trunk) if isinstance(trunk, nn.Sequential) else []
        last = max((i for i, layer in enumerate(layers) if isinstance(layer, ACTIVATIONS)), default=0)
        if not last or not isinstance(critic, Critic):
            raise Mistake(f"Bottlenecked finds no layers in a row in the critic of {type(self.base).__name__}; give it "
                          "other networks, such as Bottlenecked(DampedResidual()), and others around it")  # fmt: skip
        before, after = nn.Sequential(*layers[:last]), nn.Sequential(*layers[last:])
        return BottleneckedCritic(before, normal_code(before, data), after, critic.head)


class BottleneckedCritic(nn.Module):
    """Scores read from draws of a code, while training, and from its mean at rest; with `kl`, (n,), in nats a place."""

    def __init__(self, before: nn.Module, code: nn.Module, after: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.before, self.code, self.after, self.head = before, code, after, head

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        mean, log_std = self.code(self.before(x)).chunk(2, dim=1)
        mean, log_variance = split_gaussian(torch.cat([mean, 2 * log_std], 1))
        drawn = reparameterise(mean, log_variance) if self.training else mean.clone()  # the next layer works in place
        features = self.after(drawn)
        places = mean[0, 0].numel()
        return Verdict(self.head(features), features, more={"kl": gaussian_kl(mean, log_variance) / places})


@torch.no_grad()
def normal_code(before: nn.Module, data: Shape) -> nn.Conv2d | nn.Linear:
    """A layer to the mean and log deviation of a code as wide as what comes before it."""
    width, *places = copy.deepcopy(before).to("meta")(torch.empty(2, *data[:3], device="meta")).shape[1:]
    return nn.Conv2d(width, 2 * width, 1) if places else nn.Linear(width, 2 * width)
