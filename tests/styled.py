"""Runs with styles whose images can be worked out by hand: each layer makes rows of its own, linearly."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from capable import Tiny
from saddle.core import Verdict
from saddle.games import StyleBased
from saddle.inference.loaded import LoadedGame
from saddle.layers import NoiseInjection
from saddle.shape import Classes, Shape

LAYERS, STYLE, LATENT = 4, 6, 5


class LinearStyles(nn.Module):
    """w = 1 + M z + the label's own; layer i makes the i-th quarter of the rows, A_i w_i, with noise on all."""

    mean_w: Tensor
    layers = LAYERS

    def __init__(self, data: Shape) -> None:
        super().__init__()
        self.first, self.told = nn.Linear(LATENT, STYLE), nn.Embedding(max(1, data.classes), STYLE)
        nn.init.ones_(self.first.bias)
        self.size, pixels = (data.channels, data.height, data.width), data.channels * data.height * data.width
        self.each = nn.ModuleList(nn.Linear(STYLE, pixels // LAYERS) for _ in range(LAYERS))
        for layer in self.each:
            nn.init.normal_(layer.weight, std=0.05)
        self.noise = NoiseInjection()
        self.register_buffer("mean_w", torch.ones(STYLE))

    def mapping(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        w = self.first(z)
        return w if condition is None else w + self.told(condition)

    def synthesis(self, ws: Tensor, noise: bool = True) -> Tensor:
        rows = [layer(w) for layer, w in zip(self.each, ws.unbind(1), strict=True)]
        return self.noise(torch.cat(rows, 1).view(-1, *self.size), noise)


class LinearCritic(nn.Module):
    def __init__(self, data: Shape) -> None:
        super().__init__()
        self.trunk, self.head = nn.Flatten(), nn.Linear(data.channels * data.height * data.width, 1)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        features = self.trunk(x)
        return Verdict(self.head(features).squeeze(1), features)


@dataclass(frozen=True)
class Styled(Tiny):
    batch: int = 8

    def game(self, data: Shape) -> StyleBased:
        return StyleBased(LinearStyles(data), LinearCritic(data), LATENT, path_length=None)


def styled(classes: int = 0, noise: float = 0.0, side: int = 8) -> LoadedGame:
    torch.manual_seed(0)
    names = tuple("abcdefgh"[:classes])
    data = Shape(1, side, side, Classes(classes, names) if classes else None)
    game = Styled().game(data).eval().requires_grad_(False)
    game.generator.noise.strength.fill_(noise)
    return LoadedGame(game, data, names, torch.device("cpu"))
