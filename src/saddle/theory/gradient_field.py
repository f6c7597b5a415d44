"""Where a game pulls its players, read off the very moves that it yields."""

from __future__ import annotations

from itertools import repeat

import torch
from torch import Tensor, nn

from ..batches import Images
from ..clock import Clock
from ..core import Agree, Game, Move


def gradient_field(game: Game[Images], batch: Images) -> dict[nn.Parameter, Tensor]:
    """Minus each move's gradient, for its own players' weights, in a round during which nobody steps."""
    found = {p: torch.zeros_like(p) for p in game.parameters() if p.requires_grad}
    for turn in game.round(repeat(batch), Clock()):
        if isinstance(turn, Agree):
            turn.tell(turn.value.detach())
            continue
        for move in (turn,) if isinstance(turn, Move) else turn:
            own = [p for player in move.players for p in player.parameters() if p.requires_grad]
            for p, g in zip(own, torch.autograd.grad(move.loss, own, retain_graph=True), strict=True):
                found[p] = found[p] - g
    return found
