"""What games need that differentiate through whole players: values of the whole batch, gradients as vectors."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from ..core import Agree, Turn
from ..parts.pieces import held_weights


def batch_mean(game: nn.Module, value: Tensor) -> Generator[Turn, None, Tensor]:
    """The mean of a value over the whole batch, without a graph: `mean = yield from whole(self, value)`."""
    yield Agree(partial(setattr, game, "agreed"), value)  # only one part is told, and all of them look there
    return cast(Tensor, game.agreed)


def flat_grad(loss: Tensor, *players: nn.Module) -> Tensor:
    """A loss's gradient in all that these players learn, as one vector that keeps its graph."""
    own = [p for player in players for p in held_weights(player)]
    parts = torch.autograd.grad(loss, own, create_graph=True, materialize_grads=True)
    return torch.cat([g.reshape(-1) for g in parts])
