"""A game being played: the networks, the engine, the data and the clock; all that a checkpoint holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from ..blame import blamed
from ..core import Clock, Game, Mistake, Recipe, Stage
from ..data.dataset import Dataset
from ..data.feed import Feed
from ..errors import Failure
from ..memory import enough, fits
from ..parts import Part, playing
from .average import Average, resting
from .engine import Engine, mix, places
from .lighter import smaller_networks
from .machine import Machine, processes, rank

B = TypeVar("B")
Facts = dict[str, Any]  # of JSON


class How(NamedTuple):
    """What of the run's settings reaches the match."""

    seed: int = 0
    accumulate: int = 1
    ema: int = 10_000  # half-life in images, 0 for none


class Match(Generic[B]):
    """Built from a recipe, the data and a number of images to play for; then `play` round after round."""

    def __init__(self, recipe: Recipe[B], data: Dataset, images: int, machine: Machine, how: How = How()) -> None:
        self.recipe, self.data, self.total, self.machine, self.how = recipe, data, images, machine, how
        torch.manual_seed(mix(how.seed))
        with enough(smaller_networks(recipe, data.shape)), blamed(Mistake, recipe):
            game = playable(recipe.game(data.shape), recipe)
            self.game = game.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.average = Average(self.game, how.ema) if how.ema else None
        self.clock = Clock()
        with blamed(Mistake, recipe):
            self.stages = recipe.stages(data.shape, images)
            self.open()
        self.room()

    def room(self) -> None:
        """Refuse a batch whose samples alone, the real, the made and a gradient of theirs, memory cannot hold."""
        channels, height, width = self.data.shape[:3]
        each, gpu = 3 * 4 * channels * height * width, self.machine.device.type == "cuda"
        free = torch.cuda.mem_get_info(self.machine.device)[0] if gpu else None
        at_once = max(1, max(stage.batch for stage in self.stages) // (self.how.accumulate * processes()))
        fits(at_once, each, "samples of a batch with what is made of them", "a batch of", free)

    def open(self) -> None:
        """Begin the stage that the clock stands in, with fresh optimizers."""
        self.stage = self.stage_at(self.clock.images)
        self.engine = Engine(self.game, self.recipe.steps, self.how.seed, self.machine.precision)
        n, parts = self.how.accumulate, self.how.accumulate * processes()
        self.feeds = [
            Feed(self.data, self.stage.batch, self.how.seed, self.machine.device, i, parts,
                 self.clock.images, self.stage.data)
            for i in places(n, rank(), processes())
        ]  # fmt: skip

    def stage_at(self, images: int) -> Stage:
        return next((stage for stage in self.stages if images < stage.until), self.stages[-1])

    @property
    def over(self) -> bool:
        return self.clock.images >= self.total

    def play(self, between: Callable[[], object] = lambda: None) -> tuple[Clock, dict[str, Tensor]]:
        """Play one round; returns when it was played and what it reports. `between`: see `Engine.play`."""
        clock = self.clock
        with blamed(Failure, self.recipe):
            report = self.engine.play(*self.feeds, clock=clock, between=between)
            report |= {name: value.detach().clone() for name, value in self.game.gauges().items()}
        images = self.feeds[0].position
        if images == clock.images:
            raise Failure(f"a round of {type(self.game).__name__} showed no image to a critic; it would never end")
        self.clock = Clock(clock.round + 1, images, min(images / self.total, 1.0))
        if self.average:
            self.average.follow(images - clock.images, images)
        if images >= self.stage.until and self.stage is not self.stages[-1]:
            self.open()
        return clock, report

    def show(self, batch: B, index: int = 0, count: int = 1) -> Mapping[str, Tensor]:
        """The game's columns for a contact sheet, always from the same latents; nothing of the match changes.

        `batch` may be one of `count` equal parts of the whole one.
        """
        cuda = [self.machine.device] if self.machine.device.type == "cuda" else []
        dice = torch.Generator(self.machine.device).manual_seed(mix(self.how.seed, -1))
        with torch.random.fork_rng(cuda), resting(self.game), playing(Part(index, count, dice)):
            torch.manual_seed(mix(self.how.seed, -1, *([index] if index else [])))
            with self.average.worn() if self.average else nullcontext(), blamed(Failure, self.recipe):
                columns: Mapping[str, Tensor] = self.game.show(batch)
        return columns

    def state(self) -> tuple[dict[str, Tensor], Facts]:
        """All that a resumed match needs: tensors, and facts for JSON."""
        tensors = {f"game.{key}": t for key, t in self.game.state_dict().items()}
        if self.average:
            tensors |= {f"average.{key}": t for key, t in self.average.mean.items()}
        groups: dict[str, Any] = {}
        for player, optimizer in self.engine.optimizers.items():
            name, state = self.engine.names[player], optimizer.state_dict()
            groups[name] = state["param_groups"]
            tensors |= {f"optimizer.{name}.{i}.{k}": t for i, kept in state["state"].items() for k, t in kept.items()
                        if isinstance(t, Tensor)}  # fmt: skip
        return tensors, {"clock": self.clock._asdict(), "groups": groups}

    def restore(self, tensors: Mapping[str, Tensor], facts: Facts) -> None:
        """Stand exactly where `state` was taken."""
        clock = Clock(**facts["clock"])
        self.clock = clock._replace(share=min(clock.images / self.total, 1.0))  # of the length that the run has now
        self.open()
        self.revert(tensors, facts)

    def revert(self, tensors: Mapping[str, Tensor], facts: Facts) -> None:
        """Players, optimizers and average as they were where `state` was taken, in this stage; the clock goes on."""
        self.game.load_state_dict(part(tensors, "game."))
        if self.average:
            self.average.restore(part(tensors, "average."))
        for player, optimizer in self.engine.optimizers.items():
            name = self.engine.names[player]
            seat(optimizer, facts["groups"][name], part(tensors, f"optimizer.{name}."))


def playable(game: object, recipe: Recipe[Any]) -> Game[Any]:
    """What a recipe's `game` has made, if it is one."""
    if not isinstance(game, Game):
        raise Mistake(f"{type(recipe).__name__}.game returned {type(game).__name__}, but should return a Game, such as "
                      "saddle.games.Adversarial")  # fmt: skip
    return game


def seat(optimizer: torch.optim.Optimizer, groups: list[dict[str, Any]], tensors: Mapping[str, Tensor]) -> None:
    """Give an optimizer its memory back; laid out as its parameters are, which fused steps rely on."""
    own = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, t in tensors.items():
        index, name = key.split(".", 1)
        p = own[int(index)]
        kept = torch.empty_like(p, requires_grad=False).copy_(t) if t.shape == p.shape else t.clone()
        state.setdefault(int(index), {})[name] = kept
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
