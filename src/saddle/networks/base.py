"""What every pair needs: the two modules a game plays with, and the refusals of what cannot be built."""

from __future__ import annotations

import copy
import dataclasses
import typing
from dataclasses import dataclass
from math import log
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..core import Rebuilds, Verdict, per_score, required_conditions
from ..errors import require
from ..hints import fits_type
from ..image_size import ImageSize, size_of_form
from ..recipe import EncoderNetworks, Networks, PairNetworks
from ..shape import Shape


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


@dataclass(frozen=True)
class Wrapped:
    """A pair made of another: the generator stays, the critic becomes something else."""

    base: Networks  # what it is made of

    @property
    def latent(self) -> int:
        return self.base.latent

    def generator(self, data: Shape) -> nn.Module:
        return self.base.generator(data)


def unconditional(pair: Wrapped, network: nn.Module) -> nn.Module:
    """A network of the pair inside another that hands it no condition; one that cannot do without is refused."""
    name, base, what = (
        type(pair).__name__,
        type(pair.base).__name__,
        " and the ".join(sorted(required_conditions(network))),
    )
    why = f"{name} cannot be made of {base}, which must itself be told the {what} of each sample"
    require(not what, f"{why}; give it a pair that is told nothing, such as {name}(Convolutional())")
    return network


def to_pixels(data: Shape) -> tuple[nn.Module, ...]:
    """The end of a generator of flat numbers: pixels are squashed to [-1, 1], points may lie anywhere."""
    squash = () if data.points else (nn.Tanh(),)
    return (*squash, nn.Unflatten(1, data[:3]))


def require_counts(value: object, *names: str) -> None:
    """Refuse a value in which one of these fields is no whole number from 1 up."""
    for name in names:
        given = getattr(value, name)
        whole = isinstance(given, int) and not isinstance(given, bool) and given >= 1
        require(whole, f"{type(value).__name__}: {name} is {given!r}, but should be a whole number of at least 1")


def require_shape(ok: bool, pair: object, data: Shape, what: str, instead: str) -> None:
    """Refuse data of a shape that this pair cannot make; points are told where they are at home."""
    if data.points:
        ok, instead = False, f"for points there is --networks {networks_for_points(pair)}"
    if data.text is not None:
        ok, instead = False, 'for lines of text there is --networks "TextLSTM()"'
    require(ok, f"{type(pair).__name__} takes {what}, not {data}; {instead}")


def require_multiples(pair: object, data: Shape, unit: int) -> None:
    """Refuse images whose sides are not multiples of so many pixels, naming a size near them."""
    size = ImageSize(*data[1:3])
    near = size_of_form(max(round(min(size) / unit), 1) * unit, unit, max(size.width, 1) / max(size.height, 1))
    require_shape(divides(unit, size), pair, data, f"images whose sides are multiples of {unit}",
                  f"give --size {near.option}")  # fmt: skip


def networks_for_points(pair: object) -> str:
    """Dense networks of the same kind of players."""
    if fits_type(pair, PairNetworks):
        return '"DenseBidirectional(2)"'
    dense = '"DenseAutoencoder(2)", as in the recipe vae-toy'
    return dense if fits_type(pair, EncoderNetworks) else '"Perceptron()", as in the recipe wgan-gp-toy'


class Pyramid(NamedTuple):
    """From a network's smallest map to the image: twice the height and width at each step."""

    start: ImageSize
    steps: int


def image_pyramid(pair: object, data: Shape, least: int = 1, unit: int = 1) -> Pyramid:
    """The halvings of such images that leave 4 to 7 pixels of the shorter side; refused where they leave a rest."""
    size, steps = ImageSize(*data[1:3]), max(min(data[1:3]).bit_length() - 3, 0)
    times = f"halved {least} times or more" if least > 1 else "halved"
    what = f"images whose sides {f'are multiples of {unit} and ' if unit > 1 else ''}can be {times} until the shorter "
    require_shape(steps >= least and divides(max(unit, 1 << steps), size), pair, data,
                  f"{what}has 4 to 7 pixels, such as 64, 48x64 or 64x96",
                  f"give --size {nearest_pyramid(size, least, unit).option}")  # fmt: skip
    return Pyramid(ImageSize(size.height >> steps, size.width >> steps), steps)


def level_widths(width: int, steps: int, full: int = 3, narrowest: int = 1) -> list[int]:
    """Channels of the smallest map, twice that size, ... up: halved at each doubling beyond so many with all of them.

    Three doublings are those of 4x4 up to 32x32.
    """
    return [max(width >> max(n - full, 0), min(narrowest, width)) for n in range(steps + 1)]


def divides(unit: int, size: ImageSize) -> bool:
    return size.height % unit == 0 == size.width % unit


def nearest_pyramid(size: ImageSize, least: int, unit: int) -> ImageSize:
    """The size next to this one that can be halved so, and that the unit divides."""
    form = max(size.width, 1) / max(size.height, 1)
    sizes = (size_of_form(start << steps, 1 << steps, form) for start in range(4, 8) for steps in range(least, 13))
    return min((fit for fit in sizes if divides(unit, fit)),
               key=lambda fit: sum(abs(log(a / max(b, 1))) for a, b in zip(fit, size, strict=True)))  # fmt: skip


def autoencodes(pair: object) -> bool:
    """Does the critic of such a pair make samples again, as the class says that the pair's `critic` returns?

    A pair that is made of another, and only says nn.Module, plays with that one's critic, or with one around it.
    """
    try:
        kind = typing.get_type_hints(getattr(type(pair), "critic", None)).get("return")
    except (TypeError, NameError):  # no pair, or names that are there for type checkers alone
        return False
    inner = next((getattr(pair, name) for name in ("critic_of", "base") if hasattr(pair, name)), None)
    makes = isinstance(kind, type) and issubclass(kind, Rebuilds)
    return (makes and inner is None) or ((makes or kind is nn.Module) and inner is not None and autoencodes(inner))


def with_latent(pair: Networks, latent: int) -> Networks:
    """The same pair, its generator starting from so many numbers; a pair made of pairs hands this on.

    Mistake for a pair whose generator starts from none.
    """
    value: Any = pair  # a frozen dataclass
    inner = next((name for name in ("base", "generator_of") if hasattr(pair, name)), None)
    own = {field.name for field in dataclasses.fields(value)}
    require(inner is not None or "latent" in own, f"{type(pair).__name__} starts from no latent numbers, to which "
                                                  "others could be added")  # fmt: skip
    changed = {inner: with_latent(getattr(pair, inner), latent)} if inner else {"latent": latent}
    return cast(Networks, dataclasses.replace(value, **changed))


PROBE_SAMPLES = 840  # samples, which packs of up to 8 divide


@torch.no_grad()
def probe_verdict(critic: nn.Module, data: Shape) -> Verdict:
    """What a critic says of `MANY` such samples, in shape only: worked out without memory, arithmetic or chance."""
    x = torch.empty(PROBE_SAMPLES, *data[:3], device="meta")
    labels = torch.zeros(PROBE_SAMPLES, dtype=torch.int64, device="meta") if data.classes else None
    said: Verdict = copy.deepcopy(critic).to("meta")(x, x if "opponent" in required_conditions(critic) else labels)
    return said


def count_score_inputs(critic: nn.Module, data: Shape) -> int:
    """How many numbers such a critic reads one of its scores from."""
    said = probe_verdict(critic, data)
    return per_score(said.features, said.score).shape[1]


def has_batch_norm(module: nn.Module) -> bool:
    return any(isinstance(layer, _BatchNorm) for layer in module.modules())
