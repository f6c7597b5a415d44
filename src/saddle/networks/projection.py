"""Critics that are told the class by a projection. Miyato & Koyama 2018."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ..core import Mistake, Shape, Verdict, rows
from ..layers.conditional import ConditionalDoubling, known
from ..layers.initial import glorot
from ..layers.residual import halving, plain
from ..layers.spectral import normalised
from .conditional import Conditional, labelled
from .ends import counts, takes
from .spectral import summing


@dataclass(frozen=True)
class Projected(Conditional):
    """Any pair whose critic reads its score off features: that is told the class by a projection of these.

    The generator is told it by an embedding beside its latent.
    """

    def critic(self, data: Shape) -> nn.Module:
        return Projection(*self.reader(data))


@dataclass(frozen=True)
class ProjectedResidual32:
    """Their residual networks for CIFAR-10: SN-GAN's, with conditional batch normalisation and the projection."""

    latent: int = 128  # numbers the generator starts from
    width: int = 128  # channels of the critic's blocks
    width_generator: int = 256  # channels of the generator's blocks

    def __post_init__(self) -> None:
        counts(self, "latent", "width", "width_generator")

    def generator(self, data: Shape) -> nn.Module:
        self.check(data)
        return ConditionalResidual(self.latent, self.width_generator, data)

    def critic(self, data: Shape) -> nn.Module:
        self.check(data)
        w = self.width
        blocks = (halving(data.channels, w, first=True), halving(w, w), plain(w), plain(w))
        return normalised(Projection(summing(w, *blocks), data.classes, w))

    def check(self, data: Shape) -> None:
        labelled(self, data)
        takes(data[1:3] == (32, 32), self, data, "32x32 pixels", "give --size 32")


class Projection(nn.Module):
    """A critic's score psi(phi(x)) + <v_y, phi(x)>, (n,): psi is its own, phi its features, v_y the label's vector."""

    needs: ClassVar[str] = "label"

    def __init__(self, critic: nn.Module, classes: int, features: int) -> None:
        super().__init__()
        self.inside, self.classes, self.embedding = critic, classes, nn.Embedding(classes, features)
        nn.init.xavier_uniform_(self.embedding.weight)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        labels = known(condition, self.classes)
        verdict: Verdict = self.inside(x, condition)
        score = verdict.score
        if score.shape[0] != labels.shape[0]:
            raise Mistake(f"a projection needs a label for each score, not {len(labels)} for {len(score)}")
        told = (self.embedding(labels) * rows(verdict.features, score)).sum(1)
        return verdict._replace(score=score + told)


class ConditionalResidual(nn.Module):
    """The residual generator of 32x32 pixels, its blocks' batch normalisation conditional."""

    needs: ClassVar[str] = "label"

    def __init__(self, latent: int, width: int, data: Shape) -> None:
        super().__init__()
        self.classes = data.classes
        self.start = nn.Sequential(glorot(nn.Linear(latent, 16 * width)), nn.Unflatten(1, (width, 4, 4)))
        self.blocks = nn.ModuleList(ConditionalDoubling(width, data.classes) for _ in range(3))
        last = glorot(nn.Conv2d(width, data.channels, 3, padding=1))
        self.end = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True), last, nn.Tanh())

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        labels = known(condition, self.classes)
        h = self.start(z)
        for block in self.blocks:
            h = block(h, labels)
        image: Tensor = self.end(h)
        return image
