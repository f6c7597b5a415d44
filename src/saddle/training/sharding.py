"""A match whose large weights are divided among processes: what it holds put together, cut, and whole for a while.

Checkpoints stay what they are, one file of whole tensors, so any number of processes goes on from one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..core import Game
from ..errors import require
from ..optim import Clipped
from ..optim.device_steps import DeviceAdam, DeviceSGD
from ..optim.optimizers import add_orthogonal_grad
from ..parts.pieces import Form, Piece, divide_weights, put_together
from .ema import EMA
from .engine import Engine
from .machine import process_rank, world_size

# whose step of a number hangs on that number alone, its slope, and what is remembered of the two
ELEMENTWISE = (torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.SGD, DeviceAdam, DeviceSGD)


def check_several(shard: bool) -> None:
    """Refuse to divide anything among one process."""
    require(not shard or world_size() > 1, "--shard divides networks among processes, and this is one alone; start "
            "several, as with `torchrun --nproc-per-node 2 -m saddle train ... --shard`, or leave --shard out, which "
            "is --no-shard where a run goes on")  # fmt: skip


def check_optimizers(engine: Engine[object]) -> None:
    """Refuse optimizers that look at more of a weight than the number that they step, but for those who gather it."""
    for player, optimizer in engine.optimizers.items():
        hooks = optimizer._optimizer_step_pre_hooks.values()
        known = all(
            hook is add_orthogonal_grad or isinstance(getattr(hook, "__self__", None), Clipped) for hook in hooks
        )
        plain = type(optimizer) in ELEMENTWISE and known
        kind, name = type(engine.optimizing[player]).__name__, engine.names[player]
        require(plain, f"{kind}, by which the {name} steps, may look at whole weights or gradients, and with --shard "
                       "each process has pieces of them; take Adam, RMSprop or SGD, or leave --shard out")  # fmt: skip


class Sharding:
    """Divides a game's weights at once; then knows by the names in a checkpoint what is divided, and how."""

    def __init__(self, game: Game[object]) -> None:
        check_several(True)
        divide_weights(game)
        self.game = game
        self.forms = {name: p.form for name, p in game.named_parameters(remove_duplicate=False) if isinstance(p, Piece)}

    def collect(self, tensors: Mapping[str, Tensor], engine: Engine[object]) -> dict[str, Tensor]:
        """Of a checkpoint's tensors what is divided is put together, one after another, in the first process's memory.

        To be called by all processes at once; the others get what they have whole.
        """
        found = dict(tensors)
        for name, t in tensors.items():
            if form := self.form_of(name, t, engine):
                flat = gather_to_first(t)
                if flat is None:
                    del found[name]
                else:
                    found[name] = form.join_lying(flat) if is_optimizers(name) else form.join(flat)
        return found

    def cut(self, tensors: Mapping[str, Tensor], engine: Engine[object]) -> dict[str, Tensor]:
        """Of a checkpoint's whole tensors this process's share."""
        return {name: self.cut_one(name, t, engine) for name, t in tensors.items()}

    def cut_one(self, name: str, t: Tensor, engine: Engine[object]) -> Tensor:
        form = self.form_of(name, t, engine)
        if form is None:
            return t
        return form.cut_lying(t, process_rank()) if is_optimizers(name) else form.cut(t, process_rank())

    def form_of(self, name: str, t: Tensor, engine: Engine[object]) -> Form | None:
        """How a checkpoint's tensor of this name is divided; None of one that is not."""
        kind, _, rest = name.partition(".")
        if kind == "optimizer":  # optimizer.PLAYER.NUMBER.WHAT
            player, number, _ = rest.split(".", 2)
            own = {named: engine.own[module] for module, named in engine.names.items()}[player][int(number)]
            return own.form if isinstance(own, Piece) and t.ndim else None
        return self.forms.get(rest.split(".", 2)[-1] if kind == "power" else rest)  # power.0.05.NAME

    def as_whole(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A game's state as it is where nothing is divided: of what is, shape and type alone."""
        return {name: torch.empty(self.forms[name].shape, dtype=t.dtype, device="meta") if name in self.forms else t
                for name, t in state.items()}  # fmt: skip

    @contextmanager
    def whole(self, ema: EMA | None) -> Iterator[None]:
        """The game is whole in here, and its average, so that any process may play by itself; nothing is to change.

        To be entered by all processes at once, and by each to be left when it likes.
        """
        places = [(module._parameters, name, p) for module in self.game.modules()
                  for name, p in module._parameters.items() if isinstance(p, Piece)]  # fmt: skip
        wholes: dict[Tensor, nn.Parameter] = {}
        live, mean = (ema.live, ema.mean) if ema else ({}, {})
        with torch.no_grad():
            for _, _, p in places:
                if p not in wholes:
                    wholes[p] = nn.Parameter(put_together(p, p.form), p.requires_grad)
            means = {name: put_together(mean[name], p.form) if isinstance(p, Piece) else mean[name]
                     for name, p in live.items()}  # fmt: skip
        try:
            for own, name, p in places:
                own[name] = wholes[p]
            if ema:
                ema.live, ema.mean = {name: wholes.get(p, p) for name, p in live.items()}, means
            yield
        finally:
            for own, name, p in places:
                own[name] = p
            if ema:
                ema.live, ema.mean = live, mean


def is_optimizers(name: str) -> bool:
    """Is this what an optimizer remembers, who sees a weight as it lies?"""
    return name.startswith("optimizer.")


def gather_to_first(piece: Tensor) -> Tensor | None:
    """All pieces one behind the other, on the processor of the first process; None in the others."""
    got = [torch.empty_like(piece) for _ in range(world_size())] if process_rank() == 0 else None
    dist.gather(piece.contiguous(), got)
    return torch.cat([one.cpu() for one in got]) if got is not None else None
