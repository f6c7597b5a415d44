"""The smallest games and data: four pixels a side, eight rows a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Verdict
from saddle.games import Adversarial
from saddle.layers import NoiseInjection
from saddle.optim import Adam
from saddle.training.engine import Engine

PIXELS, LATENT, ROWS = 16, 4, 8


class Maker(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(LATENT, 16), nn.LeakyReLU(0.2), nn.Linear(16, PIXELS), nn.Unflatten(1, (1, 4, 4)))

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(z)


class StyleMaker(nn.Module):
    """Three layers with styles of five numbers, and with noise of their own."""

    mean_w: Tensor
    layers = 3

    def __init__(self) -> None:
        super().__init__()
        self.first, self.noise = nn.Linear(LATENT, 5), NoiseInjection()
        self.each = nn.ModuleList(nn.Linear(5, PIXELS) for _ in range(self.layers))
        self.register_buffer("mean_w", torch.zeros(5))

    def mapping(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.first(z).tanh()

    def synthesis(self, ws: Tensor, noise: bool = True) -> Tensor:
        h = torch.ones(len(ws), PIXELS, dtype=ws.dtype)
        for layer, w in zip(self.each, ws.unbind(1), strict=True):
            h = (h * (1 + layer(w))).tanh()
        return self.noise(h.view(-1, 1, 4, 4), noise)


class Critic(nn.Module):
    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 16), nn.LeakyReLU(0.2), nn.Dropout(dropout))
        self.head = nn.Linear(16, 1)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        h = self.trunk(x)
        return Verdict(self.head(h).squeeze(1), h)


def images(n: int) -> Images:
    return Images(torch.randn(n, 1, 4, 4) * 0.3 + 0.5)


class Batches:
    """Rows of the batch at each position: a pure function of the position, so that any part can be resumed."""

    def __init__(self, make: Callable[[int], Images] = images, part: int = 0, parts: int = 1, rows: int = ROWS,
                 device: torch.device = torch.device("cpu")) -> None:  # fmt: skip
        self.make, self.position, self.n, self.device = make, 0, rows, device
        self.rows = slice(part * rows // parts, (part + 1) * rows // parts)

    def __iter__(self) -> Iterator[Images]:
        return self

    def __next__(self) -> Images:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.position)
            batch = self.make(self.n)
        self.position += 1
        return Images(*(None if t is None else t[self.rows].to(self.device) for t in batch))


def adversarial(dropout: float = 0.0, **slots: Any) -> Adversarial:
    return Adversarial(Maker(), Critic(dropout), LATENT, **slots)


def engine(game: nn.Module, lr: float = 1e-2, kind: type[Engine[Any]] = Engine, **more: Any) -> Engine[Any]:
    return kind(game, lambda player: Adam(lr, (0.5, 0.9)), **more)


def play(engine: Engine[Any], batches: list[Batches], start: int, stop: int, of: int = 6) -> dict[str, Tensor]:
    report: dict[str, Tensor] = {}
    for r in range(start, stop):
        report = engine.play(*batches, clock=Clock(r, r * ROWS, r / of))
    return report
