"""What every pair needs: the two modules a game plays with, and the refusals of what cannot be built."""

from __future__ import annotations

from torch import Tensor, nn

from ..core import Shape, Verdict, require


class Generator(nn.Sequential):
    """Layers from latents (n, latent) to images (n, channels, height, width), whatever the condition."""

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        for layer in self:
            z = layer(z)
        return z


class Critic(nn.Module):
    """A trunk from images to features, and a head from those to one score each, (n,), whatever the condition."""

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.head = trunk, nn.Sequential(head, nn.Flatten(0))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        features = self.trunk(x)
        return Verdict(self.head(features), features)


def shaped(data: Shape) -> tuple[nn.Module, ...]:
    """The end of a generator of flat numbers: pixels are squashed to [-1, 1], points may lie anywhere."""
    squash = () if data.points else (nn.Tanh(),)
    return (*squash, nn.Unflatten(1, data[:3]))


def counts(value: object, *names: str) -> None:
    """Refuse a value in which one of these fields is no whole number from 1 up."""
    for name in names:
        given = getattr(value, name)
        whole = isinstance(given, int) and not isinstance(given, bool) and given >= 1
        require(whole, f"{type(value).__name__}: {name} is {given!r}, but should be a whole number of at least 1")


def takes(ok: bool, pair: object, data: Shape, what: str, instead: str) -> None:
    """Refuse data of a shape that this pair cannot make; points are told where they are at home."""
    if data.points:
        ok, instead = False, 'for points there is --networks "Perceptron()", as in the recipe wgan-gp-toy'
    require(ok, f"{type(pair).__name__} takes {what}, not {data}; {instead}")
