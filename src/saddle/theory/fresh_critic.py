"""A fresh critic against a generator that stands still, watched while it learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..clock import Clock
from ..core import Judge, Objective, Views
from ..objectives import Minimax, NonSaturating
from ..optim import Adam
from .gaussians import LOG2

GENERATOR_LOSSES: dict[str, Objective] = {"saturating": Minimax(), "non-saturating": NonSaturating()}


class CriticStep(NamedTuple):
    step: int
    loss: float  # of the critic on fresh samples: 2 log 2 - 2 JSD for the best one
    accuracy: float  # of its decisions on them
    grad_norms: dict[str, float]  # the norm of the generator's gradient under each loss

    @property
    def jsd(self) -> float:
        """What the critic proves the divergence to be, at least."""
        return LOG2 - self.loss / 2


SampleFunction = Callable[[int], Tensor]


def train_fresh_critic(critic: nn.Module, generator: nn.Module, real: SampleFunction, latents: SampleFunction,
                       steps: int, batch: int = 32,
                       lr: float = 1e-3, every: int = 10, views: Views = ()) -> list[CriticStep]:  # fmt: skip
    """Train the critic by Adam; moments at the start and after each `every` steps."""
    judge = Judge(critic, Clock(), views=views)  # type: ignore[arg-type]
    optimizer = Adam(lr, (0.5, 0.999)).build(critic.parameters())
    moments = []
    for step in range(steps + 1):
        if step % every == 0:
            moments.append(measure_critic(step, judge, generator, real(4 * batch), latents(4 * batch)))
        with torch.no_grad():
            fake = generator(latents(batch))
        optimizer.zero_grad()
        loss = NonSaturating().critic(judge(real(batch)).score, judge(fake).score)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return moments


def measure_critic(step: int, judge: Judge, generator: nn.Module, real: Tensor, z: Tensor) -> CriticStep:
    r, f = judge(real).score, judge(generator(z)).score
    own = list(generator.parameters())
    pulls = {}
    for name, objective in GENERATOR_LOSSES.items():
        g = torch.autograd.grad(objective.generator(r, f), own, retain_graph=True)
        pulls[name] = torch.cat([part.flatten() for part in g]).norm().item()
    accuracy = ((r > 0).double().mean() + (f < 0).double().mean()) / 2
    return CriticStep(step, NonSaturating().critic(r, f).item(), accuracy.item(), pulls)


def last_over_largest(moments: list[CriticStep], kind: str) -> float:
    """The last gradient as a share of the largest."""
    return moments[-1].grad_norms[kind] / max(m.grad_norms[kind] for m in moments)
