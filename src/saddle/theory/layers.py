"""Where a gradient is lost as the critic gets better. It has been said that the critic's own layers eat it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core import frozen
from ..networks import Convolutional, Perceptron
from ..objectives import NonSaturating
from ..optim import Adam
from .discs import DISCS, discs
from .evidence import Evidence, above, below, close
from .fresh import LOSSES
from .picture import BLUE, GREEN, INK, ORANGE, SKY, YELLOW, dress, panels, share

DEPTH, STEPS, EVERY = 6, 100, 25
PLACES = ("image", *(f"{i + 1}" for i in range(DEPTH)), "score")


class Glance(NamedTuple):
    """The gradients of the generator's losses, before a step of the critic."""

    step: int
    norms: dict[str, list[float]]  # of each loss: at the image, behind each hidden layer, at the score
    steepness: float  # the mean slope of the score itself in the image


def places(critic: nn.Module, x: Tensor) -> list[Tensor]:
    """The image, what is behind each hidden layer, and the score."""
    seen: list[Tensor] = []
    hooks = [m.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
             for m in critic.modules() if isinstance(m, nn.Linear)]  # fmt: skip
    score = critic(x).score
    for hook in hooks:
        hook.remove()
    return [*seen, score]


def gradients(critic: nn.Module, fake: Tensor, kind: str, hold: bool = False) -> list[Tensor]:
    """A generator's loss differentiated at every place, for each sample; `hold`: the critic's own weights want none."""
    with frozen(critic) if hold else nullcontext():
        seen = places(critic, fake.detach().requires_grad_())
    loss = LOSSES[kind].generator(seen[-1], seen[-1])
    own = [] if hold else list(critic.parameters())
    return [g * len(fake) for g in torch.autograd.grad(loss, [*seen, *own], retain_graph=True)[: len(seen)]]


def glance(step: int, critic: nn.Module, fake: Tensor) -> Glance:
    norms = {k: [g.flatten(1).norm(dim=1).mean().item() if g.ndim > 1 else g.abs().mean().item()
                 for g in gradients(critic, fake, k)] for k in LOSSES}  # fmt: skip
    x = fake.detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).score.sum(), x)
    return Glance(step, norms, g.flatten(1).norm(dim=1).mean().item())


def train() -> tuple[nn.Module, Tensor, list[Glance]]:
    """A deep critic learns to tell discs from what an untrained generator makes."""
    critic = Perceptron(16, 64, DEPTH).critic(DISCS).double()
    with torch.no_grad():
        fake = Convolutional(16, 8).generator(DISCS)(torch.randn(64, 16)).double()
    optimizer = Adam(5e-4).build(critic.parameters())
    glances = []
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            glances.append(glance(step, critic, fake))
        optimizer.zero_grad()
        NonSaturating().critic(critic(discs(64).double()).score, critic(fake).score).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return critic, fake, glances


def eaten(critic: nn.Module, fake: Tensor) -> float:
    """The largest difference at the image between asking for the critic's own gradients as well, and not."""
    (a, *_), (b, *_) = (gradients(critic, fake, "saturating", hold) for hold in (False, True))
    return (a - b).abs().max().item()


def proportion(critic: nn.Module, fake: Tensor) -> float:
    """At the image, one loss's gradient is exp(f) times the other's, sample by sample: the largest relative error."""
    (a, *_), (b, *_) = (gradients(critic, fake, kind) for kind in LOSSES)
    with torch.no_grad():
        f = critic(fake).score[:, None]
    return float(((a - f.exp() * b).norm(dim=1) / a.norm(dim=1)).max())


def show() -> Evidence:
    critic, fake, glances = train()
    first, last = glances[0], glances[-1]

    def change(kind: str, place: int) -> float:
        return last.norms[kind][place] / first.norms[kind][place]

    facts = (
        close("eaten by the critic's own gradients", eaten(critic, fake), 0, 1e-12),
        close("saturating over exp(score) x non-saturating, error", proportion(critic, fake), 0, 1e-9),
        below("saturating, at the score: last over first", change("saturating", -1), 0.01),
        below("saturating, at the image: last over first", change("saturating", 0), 0.05),
        above("the critic's slope, score to image: last over first", last.steepness / first.steepness, 1),
        above("non-saturating, at the image: last over first", change("non-saturating", 0), 1),
    )
    figure, (left, middle, right) = panels(1, 3)
    shades = (YELLOW, SKY, GREEN, BLUE, INK)
    for ax, kind in ((left, "saturating"), (middle, "non-saturating")):
        for now, shade in zip(glances, shades, strict=True):
            ax.plot(
                range(len(PLACES)), now.norms[kind], "o-", color=shade, markersize=3, label=f"after {now.step} steps"
            )
        ax.set_xticks(range(len(PLACES)), PLACES)
        ax.set_yscale("log")
        dress(ax, f"{kind} loss", "behind layer", "gradient's norm for a sample", legend=None)
    share(figure, left)
    ticks = [now.step for now in glances]
    right.plot(
        ticks, [now.norms["saturating"][-1] for now in glances], "--", color=ORANGE, label="loss in score, saturating"
    )
    right.plot(
        ticks, [now.norms["non-saturating"][-1] for now in glances], color=BLUE, label="loss in score, non-saturating"
    )
    right.plot(ticks, [now.steepness for now in glances], ":", color=INK, label="score in image: the layers")
    right.set_yscale("log")
    right.set_ylim(1e-5, 30)
    dress(right, "who loses it", "steps of the critic", "slope", legend="lower left")
    return Evidence(facts, figure)
