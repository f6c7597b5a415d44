"""Encoder, generator, and a critic of images beside codes. Donahue et al. 2017 (BiGAN), Dumoulin et al. 2017 (ALI)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..core import Verdict
from ..errors import Mistake, require
from ..fitting import FilledGame
from ..layers.init import he_uniform, normal_init
from ..layers.matmul_convs import GlobalConv
from ..shape import Shape
from .base import Generator, image_pyramid, require_counts, to_pixels
from .dcgan import MIN_HALVINGS, Convolutional, leaky_relu


class PairCritic(nn.Module):
    """Scores of images (n, channels, height, width) beside their codes (n, latent), (n,): higher is more as the data's.

    What is seen of the one and of the other, (n, a) and (n, b), is read together: the features, then the score.
    """

    needs: ClassVar[str] = "code"

    def __init__(self, of_image: nn.Module, of_code: nn.Module, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.of_image, self.of_code, self.trunk, self.head = of_image, of_code, trunk, head

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        if condition is None:
            raise Mistake("a critic of pairs is told the code of each image, and was told none")
        features = self.trunk(torch.cat([self.of_image(x), self.of_code(condition).to(x.dtype)], 1))
        return Verdict(self.head(features).flatten(), features)

    def fits(self, game: FilledGame) -> None:
        raise Mistake("a critic of images beside their codes plays in BiGAN's game alone; take the recipe bigan, or "
                      'give networks whose critic looks at images, such as --networks "Convolutional()"')  # fmt: skip


@dataclass(frozen=True)
class Bidirectional:
    """DCGAN's generator, an encoder that mirrors it, and a critic without batch normalisation. Sizes are ours."""

    latent: int = 50  # numbers of a code; the paper's for MNIST
    width: int = 32  # channels next to the image, doubled wherever the image is halved
    hidden: int = 512  # units of the two layers that read image and code together, and of the one that reads the code
    dropout: float = 0.0  # share of the critic's hidden units left out

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "hidden")
        check_share(self, "dropout")

    def encoder(self, data: Shape, numbers: int = 1) -> nn.Module:
        plain = self.plain(data)
        start, width = plain.pyramid(data).start, plain.widths(data)[-1]
        last = normal_init(GlobalConv(width, numbers * self.latent, start))
        return nn.Sequential(plain.critic(data).trunk, last, nn.Flatten())

    def generator(self, data: Shape) -> Generator:
        return self.plain(data).generator(data)

    def critic(self, data: Shape) -> PairCritic:
        plain = self.plain(data, normal=False)
        seen = plain.widths(data)[-1] * prod(plain.pyramid(data).start)
        of_code = nn.Sequential(*self.hide(self.latent))
        trunk = nn.Sequential(*self.hide(seen + self.hidden), *self.hide(self.hidden))
        of_image = nn.Sequential(plain.critic(data).trunk, nn.Flatten())
        for layer in of_image.modules():
            if isinstance(layer, nn.Conv2d):  # DCGAN's 0.02 would leave less than a hundredth of an image beside a code
                he_uniform(layer)
        return PairCritic(of_image, of_code, trunk, normal_init(nn.Linear(self.hidden, 1)))

    def plain(self, data: Shape, normal: bool = True) -> Convolutional:
        """DCGAN's networks; images that they cannot make are refused in this one's name."""
        image_pyramid(self, data, MIN_HALVINGS)
        return Convolutional(self.latent, self.width, normal)

    def hide(self, inputs: int) -> tuple[nn.Module, ...]:
        return he_uniform(nn.Linear(inputs, self.hidden)), leaky_relu(), nn.Dropout(self.dropout)


@dataclass(frozen=True)
class DenseBidirectional:
    """BiGAN's for MNIST: dense layers with batch normalisation, images of any shape. Donahue et al. 2017.

    Theirs end in a sigmoid for images in [0, 1]; ours in tanh, since images are in [-1, 1].
    """

    latent: int = 50  # numbers of a code; the authors' code
    width: int = 1024  # of each hidden layer; the authors' code
    depth: int = 2  # hidden layers in each network; from memory

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "depth")

    def encoder(self, data: Shape, numbers: int = 1) -> nn.Module:
        hidden = self.hidden(prod(data[:3]), leaky=True)
        return nn.Sequential(nn.Flatten(), *hidden, normal_init(nn.Linear(self.width, numbers * self.latent)))

    def generator(self, data: Shape) -> Generator:
        last = normal_init(nn.Linear(self.width, prod(data[:3])))
        return Generator(*self.hidden(self.latent, leaky=False), last, *to_pixels(data))

    def critic(self, data: Shape) -> PairCritic:
        trunk = nn.Sequential(*self.hidden(prod(data[:3]) + self.latent, leaky=True))
        return PairCritic(nn.Flatten(), nn.Identity(), trunk, normal_init(nn.Linear(self.width, 1)))

    def hidden(self, inputs: int, leaky: bool) -> list[nn.Module]:
        """Behind each layer but the first batch normalisation, then a rectifier."""
        sizes = (inputs, *[self.width] * self.depth)
        layers: list[nn.Module] = []
        for place, (a, b) in enumerate(pairwise(sizes)):
            normal = [normal_init(nn.BatchNorm1d(b), mean=1.0)] if place else []
            layers += [he_uniform(nn.Linear(a, b)), *normal, leaky_relu() if leaky else nn.ReLU(inplace=True)]
        return layers


def check_share(value: object, *names: str) -> None:
    """Refuse a value in which one of these fields is no share from 0 to below 1."""
    for name in names:
        share = getattr(value, name)
        require(0 <= share < 1, f"{type(value).__name__}: {name} is {share!r}, but should be a share from 0 to below 1")
