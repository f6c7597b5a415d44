"""The precision and memory layout of a run that leaves them open: what its own convolutions are fastest in here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..errors import Mistake
from ..layers.init import SkipRandomInit
from ..parts import without_process_group
from ..recipe import Recipe
from ..shape import Shape
from ..training.conv_probe import Convolution, Fastest, Form
from ..training.engine import Engine
from ..training.machine import Machine, broadcast_text, preserved_globals, process_rank
from ..training.match import check_is_game
from ..training.probe_cache import cached_fastest
from .rehearsal import RepeatedBatch, fewer_samples, random_batch
from .round_cost import last_stage

LEAST_OPERATIONS = 1e9  # of a round's convolutions, below which it is over sooner than half a second of measuring pays
Probe = Callable[[Mapping[Convolution, int]], Fastest]


def choose_machine(where: Machine, precision: str, recipe: Recipe[Any], data: Shape, parts: int = 1,
                   probe: Probe = cached_fastest) -> Machine:  # fmt: skip
    """A processor with what is fastest there, of several processes as the first finds; any other machine as it is.

    `precision`: what was asked for; only "auto" leaves it open. `parts`: in how many a batch is played.
    """
    if where.device.type != "cpu" or precision != "auto":
        return where
    text = json.dumps(find_choice(recipe, data, parts, probe)) if process_rank() == 0 else None
    reduced, channels_last, why = json.loads(broadcast_text(text))
    return Machine(where.device, torch.bfloat16 if reduced else torch.float32, why, channels_last)


def find_choice(recipe: Recipe[Any], data: Shape, parts: int, probe: Probe) -> tuple[bool, bool, str]:
    """Bfloat16? Channels last? And why."""
    counts = find_convolutions(recipe, data, parts)
    if not counts:
        return False, True, "float32, as there are no convolutions to be faster in another"
    if sum(one.operations * n for one, n in counts.items()) < LEAST_OPERATIONS:
        return False, True, "float32, as its convolutions are small"
    (dtype, channels_last), gain = probe(counts)
    return dtype == torch.bfloat16, channels_last, describe_choice(Form(dtype, channels_last), gain)


def describe_choice(form: Form, gain: float) -> str:
    layout = "" if form.channels_last else ", channels first"
    if form.precision == torch.bfloat16:
        return f"bfloat16: {gain:.1f} times faster here on this recipe's convolutions{layout}"
    slower = f"{gain:.2g} times as fast" if gain else "far slower"
    return f"float32: bfloat16 would be {slower} here on this recipe's convolutions{layout}"


class AllMoved(Exception):
    """Every player has moved once."""


class ForwardEngine(Engine[Any]):
    """Plays a round until every player has moved; gradients are not taken, and nobody moves."""

    def differentiate(self, turn: Any, parts: int, terms: Any) -> Any:
        self.not_yet_reached -= {player for move in turn for player in move.players}
        if not self.not_yet_reached:
            raise AllMoved
        return tuple(move.players for move in turn)

    def step(self, player: torch.nn.Module) -> torch.Tensor:
        return torch.zeros(())


def find_convolutions(recipe: Recipe[Any], data: Shape, parts: int = 1) -> dict[Convolution, int]:
    """The convolutions that a round of the last stage does forwards, until every player has moved, and how often.

    They are not done, so that a round of few samples takes a moment; the precision of each is what it would have been.
    None of a game that fails on what they do not tell before it comes to any.
    """
    stage, clock = last_stage(recipe, data)
    whole = max(1, stage.batch // parts)
    with preserved_globals(), without_process_group():
        with SkipRandomInit():
            game = check_is_game(recipe.game(data), recipe)
        if not any(p.ndim > 3 for p in game.parameters()):
            return {}
        engine = ForwardEngine(game, stage.steps or recipe.steps, precision=torch.bfloat16)
        game.clock = clock
        for few in sorted({min(2, whole), fewer_samples(whole)}):  # the second where packs of samples are asked for
            batch, finder = random_batch(recipe.batch_type, stage.data, few, engine.device), ConvolutionFinder()
            with suppress(RuntimeError, Mistake), finder:
                try:
                    engine.play(RepeatedBatch(batch), clock=clock)
                except AllMoved:
                    break
    return {one._replace(input=(one.input[0] * whole // few, *one.input[1:])): n for one, n in finder.counts.items()}


class ConvolutionFinder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the convolutions in here, and gives zeros in place of what they would take long to calculate."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[Convolution] = Counter()

    def __torch_dispatch__(self, function: Any, types: object, args: tuple[Any, ...] = (),
                           kwargs: Mapping[str, Any] | None = None) -> Any:  # fmt: skip
        if function is torch.ops.aten.convolution.default:
            x, weight, _, stride, padding, dilation, transposed, output_padding, groups = args
            one = Convolution(tuple(x.shape), tuple(weight.shape), tuple(stride), tuple(padding), tuple(dilation),
                              transposed, tuple(output_padding), groups, x.dtype != torch.float32)  # fmt: skip
            self.counts[one] += 1
            return x.new_zeros(x.shape[0], *one.output_size)
        if function is torch.ops.aten.convolution_backward.default:
            y, x, weight, _, *_, (to_x, to_weight, to_bias) = args
            return (torch.zeros_like(x) if to_x else None, torch.zeros_like(weight) if to_weight else None,
                    y.new_zeros(y.shape[1]) if to_bias else None)  # fmt: skip
        return function(*args, **(kwargs or {}))
