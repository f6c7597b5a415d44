"""Pictures of what a run can make, each a function of what was asked for: samples, and ways, sums and mixtures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import require
from ..latent.directions import Direction
from ..latent.paths import between, labels_between
from ..latent.space import LatentSpace
from ..latent.styles import LAYER_GROUPS, StyleSpace, mix_styles, parse_layers
from .models import Model

MOST_TEXT = 300  # characters of a prompt
MOST_SEED = (1 << 31) - 1


@dataclass(frozen=True)
class Wish:
    """Which samples: those of `gan.sample(n, seed, label, text=..., truncation=...)`."""

    n: int = 16
    seed: int = 0
    label: str | None = None
    text: str | None = None
    truncation: float | None = None  # None: not truncated

    def __post_init__(self) -> None:
        for name, most in (("n", 1 << 16), ("seed", MOST_SEED)):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
            require(whole, f"{name} is {value!r}, but should be a whole number from 0 to {most:,}")
        for name in ("label", "text"):
            require(isinstance(getattr(self, name), str | None), f"{name} should be a text")
        require(len(self.text or "") <= MOST_TEXT, f"the text is too long; it has {MOST_TEXT} characters at most")
        psi = self.truncation
        fine = psi is None or (isinstance(psi, int | float) and math.isfinite(psi))
        require(fine, f"truncation is {psi!r}, but should be a number, such as 0.7")

    def style(self) -> dict[str, Any]:
        return {} if self.truncation is None else {"truncation": float(self.truncation)}


def sample_grid(model: Model, wish: Wish) -> Tensor:
    """(n, channels, height, width) in [-1, 1]."""
    return model.loaded.sample(wish.n, wish.seed, wish.label or None, text=wish.text or None, **wish.style())


class Picked:
    """The latents of a wish's samples, and what each is told."""

    def __init__(self, model: Model, wish: Wish) -> None:
        self.space: LatentSpace = model.space(wish.label or None, wish.truncation)
        self.latents, self.told = self.space.draw(wish.n, wish.seed), self.space.labels(wish.n, wish.seed)

    def check(self, *places: int) -> None:
        for place in places:
            inside = isinstance(place, int) and 0 <= place < len(self.latents)
            require(inside, f"there is no sample {place}; there are 0 to {len(self.latents) - 1}")

    def of(self, place: int) -> tuple[Tensor, Tensor | None]:
        """(1, ...) each."""
        self.check(place)
        return self.latents[place : place + 1], None if self.told is None else self.told[place : place + 1]


def moved(space: LatentSpace, latents: Tensor, told: Tensor | None, directions: Sequence[Direction],
          strengths: Sequence[float]) -> Tensor:  # fmt: skip
    """A latent (1, ...) before and after it was moved along directions, (2, channels, height, width)."""
    there = latents.to(space.device)
    for one, strength in zip(directions, strengths, strict=False):
        require(isinstance(strength, int | float) and abs(strength) <= 10, "a direction is gone along by -10 to 10")
        there = one.add(there, float(strength))
    both = torch.cat((latents.to(space.device), space.confine(there)))
    return space.make_all(both, None if told is None else told.to(space.device).expand(2)).cpu()


def walk_at(picked: Picked, a: int, b: int, t: Sequence[float]) -> Tensor:
    """The images at t in [0, 1] on the way from sample a to sample b, (len(t), channels, height, width)."""
    (z, one), (w, other) = picked.of(a), picked.of(b)
    at = torch.tensor(list(t), dtype=torch.float32).clamp(0, 1)
    n = len(at)
    there = between(picked.space, z.expand(n, *z.shape[1:]), w.expand(n, *w.shape[1:]), at)
    told = None if one is None or other is None else labels_between(one, other, at)
    return picked.space.make_all(there, told).cpu()


def arithmetic(picked: Picked, these: Sequence[int], minus: Sequence[int], plus: Sequence[int]) -> Tensor:
    """The means of these and of those to be added, less the mean of those to be taken away: Radford et al. 2015.

    (1, channels, height, width), for the class of the first of these.
    """
    require(bool(these), "pick one or more to begin with")
    picked.check(*these, *minus, *plus)

    def mean(places: Sequence[int]) -> Tensor:
        return picked.latents[list(places)].mean(0)

    zero = torch.zeros_like(picked.latents[0])
    change = (mean(plus) if plus else zero) - (mean(minus) if minus else zero)
    there = picked.space.confine(Direction(change, "sum").add(mean(these)[None]))
    _, told = picked.of(these[0])
    return picked.space.make_all(there, told).cpu()


def mixtures(picked: Picked, a: int, b: int) -> dict[str, Tensor]:
    """Sample a with the coarse, the middle, or the fine styles of sample b, each (channels, height, width)."""
    space = picked.space
    assert isinstance(space, StyleSpace), "only runs with styles are asked"
    (one, _), (other, _) = picked.of(a), picked.of(b)
    groups = [(name, parse_layers(name, space.layers)) for name in LAYER_GROUPS]
    mixed = torch.cat([mix_styles(one, other, layers) for _, layers in groups])
    made = space.make_all(mixed).cpu()
    return {name: made[i] for i, (name, _) in enumerate(groups)}
