"""Whether an engine's rounds can be replayed: told once, with the reason where they cannot be."""

from __future__ import annotations

from typing import Any

import torch

from ...core import Game, Memory
from ...notices import Notify
from ...parts import rank_and_size
from ..engine import Engine
from .cuda_graphs import CudaGraphs
from .device_rates import why_no_device_rates
from .rounds import Graphs, Replays


def make_replays(engine: Engine[Any], fast: bool, parts: int, recompute: bool, say: Notify) -> Replays[Any] | None:
    """What plays the engine's rounds by replays; None where the engine itself plays them, which is said on a GPU."""
    if (graphs := find_graphs(engine.device)) is None:
        return None
    why_not = why_no_replays(engine, fast, parts, recompute)
    say(f"rounds are not replayed as CUDA graphs: {why_not}" if why_not else "rounds are replayed as CUDA graphs")
    return None if why_not else Replays(engine, graphs, say)


def find_graphs(device: torch.device) -> Graphs | None:
    """What captures rounds there; only CUDA GPUs have such."""
    return CudaGraphs(device) if device.type == "cuda" else None


def why_no_replays(engine: Engine[Any], fast: bool, parts: int, recompute: bool) -> str:
    """What is known from the beginning to keep rounds from being captured; empty if nothing is."""
    game, optimizers = engine.game, engine.optimizers.values()
    steps = next(filter(None, map(why_no_device_rates, optimizers)), "")
    reasons = {
        "--fast off asks for rounds played as ever": not fast,
        "several processes exchange gradients in a round": rank_and_size()[1] > 1,
        "--accumulate draws again what was drawn, which no graph can": parts > 1,
        "--recompute draws again what was drawn, which no graph can": recompute,
        "a round reads samples that are kept out of training": asks_held_out(game),
        f"{type(game).__name__} does not say that rounds are alike": type(game).phase is Game.phase,
        steps: bool(steps),
    }
    return next((why for why, holds in reasons.items() if holds), "")


def asks_held_out(game: Game[Any]) -> bool:
    return any(isinstance(part, Memory) and part.asks_held_out for part in game.children())
