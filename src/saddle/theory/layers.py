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
from .evidence import Demonstration, expect_above, expect_below, expect_close
from .fresh_critic import GENERATOR_LOSSES
from .picture import BLUE, GREEN, INK, ORANGE, SKY, YELLOW, make_panels, share_legend, style_panel
from .toy_discs import DISC_SHAPE, sample_discs

DEPTH, CRITIC_STEPS, EVERY = 6, 100, 25
LAYER_NAMES = ("image", *(f"{i + 1}" for i in range(DEPTH)), "score")


class LayerGradients(NamedTuple):
    """The gradients of the generator's losses, before a step of the critic."""

    step: int
    norms: dict[str, list[float]]  # of each loss: at the image, behind each hidden layer, at the score
    steepness: float  # the mean slope of the score itself in the image


def layer_values(critic: nn.Module, x: Tensor) -> list[Tensor]:
    """The image, what is behind each hidden layer, and the score."""
    seen: list[Tensor] = []
    hooks = [m.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
             for m in critic.modules() if isinstance(m, nn.Linear)]  # fmt: skip
    score = critic(x).score
    for hook in hooks:
        hook.remove()
    return [*seen, score]


def layer_gradients(critic: nn.Module, fake: Tensor, kind: str, hold: bool = False) -> list[Tensor]:
    """A generator's loss differentiated at every place, for each sample; `hold`: the critic's own weights want none."""
    with frozen(critic) if hold else nullcontext():
        seen = layer_values(critic, fake.detach().requires_grad_())
    loss = GENERATOR_LOSSES[kind].generator(seen[-1], seen[-1])
    own = [] if hold else list(critic.parameters())
    return [g * len(fake) for g in torch.autograd.grad(loss, [*seen, *own], retain_graph=True)[: len(seen)]]


def measure_gradients(step: int, critic: nn.Module, fake: Tensor) -> LayerGradients:
    norms = {k: [g.flatten(1).norm(dim=1).mean().item() if g.ndim > 1 else g.abs().mean().item()
                 for g in layer_gradients(critic, fake, k)] for k in GENERATOR_LOSSES}  # fmt: skip
    x = fake.detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).score.sum(), x)
    return LayerGradients(step, norms, g.flatten(1).norm(dim=1).mean().item())


def train_deep_critic() -> tuple[nn.Module, Tensor, list[LayerGradients]]:
    """A deep critic learns to tell discs from what an untrained generator makes."""
    critic = Perceptron(16, 64, DEPTH).critic(DISC_SHAPE).double()
    with torch.no_grad():
        fake = Convolutional(16, 8).generator(DISC_SHAPE)(torch.randn(64, 16)).double()
    optimizer = Adam(5e-4).build(critic.parameters())
    glances = []
    for step in range(CRITIC_STEPS + 1):
        if step % EVERY == 0:
            glances.append(measure_gradients(step, critic, fake))
        optimizer.zero_grad()
        NonSaturating().critic(critic(sample_discs(64).double()).score, critic(fake).score).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return critic, fake, glances


def largest_difference(critic: nn.Module, fake: Tensor) -> float:
    """The largest difference at the image between asking for the critic's own gradients as well, and not."""
    (a, *_), (b, *_) = (layer_gradients(critic, fake, "saturating", hold) for hold in (False, True))
    return (a - b).abs().max().item()


def proportion_error(critic: nn.Module, fake: Tensor) -> float:
    """At the image, one loss's gradient is exp(f) times the other's, sample by sample: the largest relative error."""
    (a, *_), (b, *_) = (layer_gradients(critic, fake, kind) for kind in GENERATOR_LOSSES)
    with torch.no_grad():
        f = critic(fake).score[:, None]
    return float(((a - f.exp() * b).norm(dim=1) / a.norm(dim=1)).max())


def run_demonstration() -> Demonstration:
    critic, fake, glances = train_deep_critic()
    first, last = glances[0], glances[-1]

    def change(kind: str, place: int) -> float:
        return last.norms[kind][place] / first.norms[kind][place]

    facts = (
        expect_close("eaten by the critic's own gradients", largest_difference(critic, fake), 0, 1e-12),
        expect_close("saturating over exp(score) x non-saturating, error", proportion_error(critic, fake), 0, 1e-9),
        expect_below("saturating, at the score: last over first", change("saturating", -1), 0.01),
        expect_below("saturating, at the image: last over first", change("saturating", 0), 0.05),
        expect_above("the critic's slope, score to image: last over first", last.steepness / first.steepness, 1),
        expect_above("non-saturating, at the image: last over first", change("non-saturating", 0), 1),
    )
    figure, (left, middle, right) = make_panels(1, 3)
    shades = (YELLOW, SKY, GREEN, BLUE, INK)
    for ax, kind in ((left, "saturating"), (middle, "non-saturating")):
        for now, shade in zip(glances, shades, strict=True):
            ax.plot(
                range(len(LAYER_NAMES)),
                now.norms[kind],
                "o-",
                color=shade,
                markersize=3,
                label=f"after {now.step} steps",
            )
        ax.set_xticks(range(len(LAYER_NAMES)), LAYER_NAMES)
        ax.set_yscale("log")
        style_panel(ax, f"{kind} loss", "behind layer", "gradient's norm for a sample", legend=None)
    share_legend(figure, left)
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
    style_panel(right, "who loses it", "steps of the critic", "slope", legend="lower left")
    return Demonstration(facts, figure)
