"""Players whose passes torch's compiler takes, in rounds alone: those that nothing differentiates twice.

What the compiler makes has a slope, but no slope of a slope. Draws stay torch's own, so that numbers differ by rounding
alone. Samples and sheets are made as ever: each would be compiled anew, for its own mode and number of rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from ..core import Game
from ..notices import Notify
from ..parts import rank_and_size

COMPILERS = ("c++", "g++", "clang++")
OWN_FAULTS = ("torch._dynamo", "torch._inductor", "torch._functorch")  # whose modules errors of the compiler come from


class CompiledPlayers:
    """Some players, with what the compiler makes of their passes; one that it cannot take is left out, and told."""

    def __init__(self, players: dict[str, nn.Module], say: Notify, **how: Any) -> None:
        self.players, self.say, self.how = players, say, how
        self.forwards = {name: self.compiled(name, module) for name, module in players.items()}

    def compiled(self, name: str, module: nn.Module) -> Callable[..., Any]:
        plain, fast = module.forward, None

        def forward(*args: Any, **options: Any) -> Any:
            nonlocal fast
            if name not in self.forwards:
                return plain(*args, **options)
            try:
                if fast is None:  # the compiler is not there before it is needed
                    fast = torch.compile(plain, dynamic=False, **self.how)
                return fast(*args, **options)
            except RuntimeError as fault:
                if not type(fault).__module__.startswith(OWN_FAULTS):
                    raise
                del self.forwards[name]
                self.say(f"{name} is not compiled: {' '.join(str(fault).split())[:200]}")
                return plain(*args, **options)

        return forward

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """In here these players' passes are compiled ones."""
        taken = [(self.players[name], forward) for name, forward in self.forwards.items()]
        for module, forward in taken:
            module.forward = forward
        try:
            yield
        finally:
            for module, _ in taken:
                del module.forward


def compile_players(game: Game[Any], asked: bool, device: torch.device, recompute: bool, say: Notify
                    ) -> CompiledPlayers | None:  # fmt: skip
    """What is compiled of a game, told with what is not; None for nothing, with the reason if it was asked for."""
    if not asked:
        return None
    names = {module: name for name, module in game.named_children()}
    once = {names[player]: player for player in game.differentiated_once()}
    if why_not := why_not_compiled(game, once, device, recompute):
        say(f"nothing is compiled: {why_not}")
        return None
    twice = [name for name, part in game.named_children() if name not in once and [*part.parameters()]]
    left = f"; not {' and '.join(twice)}, which may be differentiated twice" if twice else ""
    say(f"compiled in rounds: {' and '.join(once)}{left}")
    return CompiledPlayers(once, say, options={"fallback_random": True})


def why_not_compiled(game: Game[Any], once: dict[str, nn.Module], device: torch.device, recompute: bool) -> str:
    """What keeps all of it from being compiled; empty if nothing does."""
    reasons = {
        "--recompute works passes out again": recompute,
        "several processes share statistics in a pass": rank_and_size()[1] > 1,
        f"{type(game).__name__} names no player that nothing differentiates twice": not once,
        "there is no C++ compiler here (g++ or clang++)": device.type == "cpu"
        and not any(map(shutil.which, COMPILERS)),
        "Triton is not installed": device.type == "cuda" and find_spec("triton") is None,
        f"torch's compiler is not tried on {device.type}": device.type not in ("cpu", "cuda"),
    }
    return next((why for why, holds in reasons.items() if holds), "")
