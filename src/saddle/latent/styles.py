"""The styles of a trained generator that makes its images by way of such: drawn, mixed, walked through."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal, cast

import torch
from torch import Tensor

from ..capabilities import MakesStyles
from ..errors import Mistake, require
from ..inference.chance import SharedDraws
from ..inference.labels import Label
from ..inference.loaded import LoadedGame
from ..options import parse_ranges
from ..recipes.capable import name_some, recipes_that
from .space import LatentSpace

SpaceName = Literal["auto", "z", "w", "w+"]
LAYER_GROUPS = ("coarse", "middle", "fine")
LARGEST_GROUP = 4  # layers that are coarse, and that are middle: those of 4 and 8, and of 16 and 32 pixels


class StyleSpace(LatentSpace):
    """Styles (n, layers, w_dim) of a loaded game, one for each layer: W+, of which those with equal ones are W.

    A style tells the label, too, so that rows have none besides. Ways between styles go straight. Those that are drawn
    are truncated. Mistake for a game that makes no styles.
    """

    def __init__(self, loaded: LoadedGame, label: Label | None = None, truncation: float = 1.0,
                 cutoff: int | None = None) -> None:  # fmt: skip
        super().__init__(loaded, label)
        self.styled, self.truncation, self.cutoff = styled_game(loaded), truncation, cutoff

    @property
    def straight(self) -> bool:
        return True

    @cached_property
    def layers(self) -> int:
        """How many take a style."""
        return self.draw(1, 0).shape[1]

    def draw(self, n: int, seed: int) -> Tensor:
        """The styles of the first n samples of this seed: `saddle sample --seed`."""
        return torch.cat(self.style_chunks(n, seed, self.truncation, self.cutoff))

    def draw_w(self, n: int, seed: int, labels: int | None = None) -> Tensor:
        """The same before they are truncated, (n, w_dim), alike for all layers; for the `labels` of another seed."""
        return torch.cat([ws[:, 0] for ws in self.style_chunks(n, seed, 1.0, None, labels)])

    @torch.no_grad()
    def style_chunks(self, n: int, seed: int, truncation: float, cutoff: int | None,
                     labels: int | None = None) -> list[Tensor]:  # fmt: skip
        told = super().labels(n, seed if labels is None else labels)
        latents, rows = super().draw(n, seed), self.loaded.rows
        return [self.styled.styles(z, None if told is None else told[i * rows :][: len(z)],
                                   truncation=truncation, cutoff=cutoff)
                for i, z in enumerate(torch.split(latents, rows))]  # fmt: skip

    def labels(self, n: int, seed: int) -> Tensor | None:
        return None

    def make(self, latents: Tensor, told: Tensor | None = None, seed: int = 0) -> Tensor:
        with SharedDraws(self.device, seed, 0, len(latents)):
            return self.styled.synthesize(latents).float()

    def confine(self, latents: Tensor) -> Tensor:
        return latents


def styled_game(loaded: LoadedGame) -> MakesStyles:
    """The game, if it makes its samples by way of styles."""
    check_makes_styles(type(loaded.game))
    return cast(MakesStyles, loaded.game)


def check_makes_styles(kind: type) -> None:
    """Refuse a class of games that makes its samples otherwise, naming recipes whose games do."""
    if not issubclass(kind, MakesStyles):
        names = recipes_that(MakesStyles)
        who = f"the recipes {name_some(names)} have" if names else "no listed recipe has"
        raise Mistake(f"this run makes its samples without styles, which {who}")


def open_space(loaded: LoadedGame, label: Label | None = None, space: SpaceName = "auto", truncation: float = 1.0,
               cutoff: int | None = None) -> LatentSpace:  # fmt: skip
    """The latents z of a game, or its styles w or w+; `auto` is w where there are styles."""
    require(space in ("auto", "z", "w", "w+"), f"space {space!r} is unknown; it is one of auto, z, w, w+")
    if space in ("w", "w+") or (space == "auto" and isinstance(loaded.game, MakesStyles)):
        return StyleSpace(loaded, label, truncation, cutoff)
    untouched = truncation == 1 and cutoff is None
    if not untouched:
        styled_game(loaded)
    require(untouched, "styles are truncated, and latents z are not; leave out --space z, or --truncation and --cutoff")
    return LatentSpace(loaded, label)


def mix_styles(a: Tensor, b: Tensor, layers: Sequence[int]) -> Tensor:
    """Styles (..., layers, w_dim) of a, with those of b in these layers, from 0."""
    count = a.shape[-2]
    outside = [layer for layer in layers if not 0 <= layer < count]
    require(not outside, f"there is no layer {outside[:1]}; this generator's are 0 to {count - 1}")
    chosen = torch.zeros(count, dtype=torch.bool, device=a.device)
    chosen[list(layers)] = True
    return torch.where(chosen[:, None], b, a)


def mixing_sheet(space: StyleSpace, rows: Tensor, columns: Tensor, layers: Sequence[int]) -> Tensor:
    """Images (rows, columns, channels, height, width) of the rows' styles with those of the columns in some layers."""
    mixed = mix_styles(rows[:, None], columns[None], layers)
    made = space.make_all(mixed.flatten(0, 1))
    return made.reshape(*mixed.shape[:2], *made.shape[1:])


def parse_layers(text: str, count: int) -> list[int]:
    """`0-3`, `0,2,5-7`, all, coarse, middle or fine; Mistake for layers that there are not.

    Coarse and middle layers are a third each, but no more than four, as in Karras et al. 2018 at 64 pixels and above;
    fine ones are the rest.
    """
    third = min(LARGEST_GROUP, -(-count // 3))
    groups = {"all": range(count), "coarse": range(third), "middle": range(third, 2 * third),
              "fine": range(2 * third, count)}  # fmt: skip
    if text in groups:
        return list(groups[text])
    ranges = parse_ranges(text) or []
    require(bool(ranges) and all(some.stop <= count for some in ranges), f"layers is {text!r}, but should be coarse, "
            f"middle, fine, all, or numbers from 0 to {count - 1}, as 0-3")  # fmt: skip
    return [layer for some in ranges for layer in some]
