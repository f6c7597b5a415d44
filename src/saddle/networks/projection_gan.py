"""Critics that are told the class by a projection. Miyato & Koyama 2018."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ..core import Mistake, Shape, Verdict, per_score
from ..layers.conditional import ConditionalUpBlock, check_labels
from ..layers.init import glorot_uniform
from ..layers.residual import down_block, same_block
from ..layers.spectral import add_spectral_norms
from .base import require_counts, require_shape
from .cgan import Conditional, require_labels
from .sn_gan import sum_pooling_critic


@dataclass(frozen=True)
class Projected(Conditional):
    """Any pair whose critic reads its score off features: that is told the class by a projection of these.

    The generator is told it by an embedding beside its latent.
    """

    def critic(self, data: Shape) -> nn.Module:
        return Projection(*self.critic_and_sizes(data))


@dataclass(frozen=True)
class ProjectedResidual32:
    """Their residual networks for CIFAR-10: SN-GAN's, with conditional batch normalisation and the projection."""

    latent: int = 128  # numbers the generator starts from
    width: int = 128  # channels of the critic's blocks
    width_generator: int = 256  # channels of the generator's blocks

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "width_generator")

    def generator(self, data: Shape) -> nn.Module:
        self.check(data)
        return ConditionalResidual(self.latent, self.width_generator, data)

    def critic(self, data: Shape) -> nn.Module:
        self.check(data)
        w = self.width
        blocks = (down_block(data.channels, w, first=True), down_block(w, w), same_block(w), same_block(w))
        return add_spectral_norms(Projection(sum_pooling_critic(w, *blocks), data.classes, w))

    def check(self, data: Shape) -> None:
        require_labels(self, data)
        require_shape(data[1:3] == (32, 32), self, data, "32x32 pixels", "give --size 32")


class Projection(nn.Module):
    """A critic's score psi(phi(x)) + <v_y, phi(x)>, (n,): psi is its own, phi its features, v_y the label's vector."""

    needs: ClassVar[str] = "label"

    def __init__(self, critic: nn.Module, classes: int, features: int) -> None:
        super().__init__()
        self.inside, self.classes, self.embedding = critic, classes, nn.Embedding(classes, features)
        nn.init.xavier_uniform_(self.embedding.weight)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        labels = check_labels(condition, self.classes)
        verdict: Verdict = self.inside(x, condition)
        score = verdict.score
        if score.shape[0] != labels.shape[0]:
            raise Mistake(f"a projection needs a label for each score, not {len(labels)} for {len(score)}")
        told = (self.embedding(labels) * per_score(verdict.features, score)).sum(1)
        return verdict._replace(score=score + told)


class ConditionalResidual(nn.Module):
    """The residual generator of 32x32 pixels, its blocks' batch normalisation conditional."""

    needs: ClassVar[str] = "label"

    def __init__(self, latent: int, width: int, data: Shape) -> None:
        super().__init__()
        self.classes = data.classes
        self.start = nn.Sequential(glorot_uniform(nn.Linear(latent, 16 * width)), nn.Unflatten(1, (width, 4, 4)))
        self.blocks = nn.ModuleList(ConditionalUpBlock(width, data.classes) for _ in range(3))
        last = glorot_uniform(nn.Conv2d(width, data.channels, 3, padding=1))
        self.end = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True), last, nn.Tanh())

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        labels = check_labels(condition, self.classes)
        h = self.start(z)
        for block in self.blocks:
            h = block(h, labels)
        image: Tensor = self.end(h)
        return image
