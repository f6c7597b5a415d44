"""Features of patches, compared: which place of a picture does this place of another one belong to? CUT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..core import upcast
from ..parts import CURRENT_SHARD
from ..precision import full_precision
from .init import small_xavier


@runtime_checkable
class TellsFeatures(Protocol):
    """A network that tells what it makes of pictures at several depths."""

    @property
    def feature_widths(self) -> tuple[int, ...]: ...
    def features(self, x: Tensor) -> list[Tensor]: ...  # (n, one of those, height, width) each


class PatchProjector(nn.Module):
    """A perceptron for each depth, from the features of a place to a vector (n, places, width) of length one."""

    def __init__(self, widths: Sequence[int], width: int = 256) -> None:
        super().__init__()
        layers = [(nn.Linear(inputs, width), nn.Linear(width, width)) for inputs in widths]
        self.heads = nn.ModuleList(nn.Sequential(small_xavier(a), nn.ReLU(), small_xavier(b)) for a, b in layers)

    def forward(self, features: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        chosen = (one.flatten(2)[:, :, where].mT for one, where in zip(features, places, strict=True))
        return [F.normalize(upcast(head(x)), dim=-1) for head, x in zip(self.heads, chosen, strict=True)]


def draw_places(features: Sequence[Tensor], most: int) -> list[Tensor]:
    """At each depth up to so many places by chance, the same for all pictures of a batch."""
    dice = CURRENT_SHARD.get().rng
    return [torch.randperm(one[0, 0].numel(), generator=dice, device=one.device)[:most] for one in features]


def patch_nce(query: Tensor, key: Tensor, temperature: float = 0.07) -> Tensor:
    """The cross-entropy of finding, by a vector of each place, the same place among all of its picture's in `key`.

    (n, places, width) of length one; log(places) by chance. Nothing is learned through `key`. Park et al. 2020.
    """
    with full_precision(query):  # bfloat16's error would be divided by the temperature
        alike = upcast(query) @ upcast(key.detach()).mT / temperature
    right = torch.arange(alike.shape[1], device=alike.device).repeat(len(alike))
    return F.cross_entropy(alike.flatten(0, 1), right)
