"""A game being played: the networks, the engine, the data and the clock; all that a checkpoint holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from ..averaging import Averaging, chosen_averaging
from ..batches import Batch, batch_shape
from ..blame import blame_user_code
from ..capabilities import sheet_columns
from ..clock import Clock
from ..core import Game, Memory
from ..data.dataset import Dataset
from ..data.feed import Feed
from ..data.held_out import held_out_of
from ..data.streams import most_in_batch
from ..devices import check_fits_device, fork_chance
from ..errors import Failure, Mistake, require
from ..notices import Notes
from ..out_of_memory import catch_out_of_memory, check_capacity
from ..parts import CURRENT_SHARD, Shard, use_shard
from ..parts.recompute import check_has_blocks, find_blocks
from ..recipe import Recipe, Stage
from ..runs.settings import Fast
from ..stages import clock_at, plan_stages, stage_index
from .compiling import compile_players
from .ema import EMA, eval_no_grad
from .engine import Engine, derive_seed, shard_indices
from .machine import Machine, free_for_process, process_rank, world_size
from .memory_advice import suggest_smaller_batches, suggest_smaller_networks
from .power_ema import PowerEMA
from .replay.choice import make_replays
from .sharding import Sharding, check_optimizers

B = TypeVar("B")
CheckpointFacts = dict[str, Any]  # of JSON
CLOCK_FACTS = ("round", "images", "share")  # of the clock that a checkpoint keeps: the stages tell the rest


class MatchOptions(NamedTuple):
    """What of the run's settings reaches the match."""

    seed: int = 0
    accumulate: int = 1
    ema: int | None = None  # half-life in images, 0 for none; the recipe's average if not given
    recompute: bool = False  # are blocks worked out again for their slopes, where their activations would be kept?
    fast: Fast = "auto"  # are rounds captured and replayed, where that can be? compile: and players compiled?
    snapshots: int = 0  # of averages whose length is chosen later; of none are there such averages
    start: Mapping[str, Tensor] = MappingProxyType({})  # what the game begins with in place of what chance gives it
    frozen: Collection[str] = ()  # names of the game's parameters that stay as they are
    shard: bool = False  # are large weights divided among the processes?


class Match(Generic[B]):
    """Built from a recipe, the data and a number of images to play for; then `play` round after round."""

    def __init__(
        self, recipe: Recipe[B], data: Dataset, images: int, machine: Machine, how: MatchOptions = MatchOptions()
    ) -> None:
        self.recipe, self.data, self.total, self.machine, self.options = recipe, data, images, machine, how
        self.notes = Notes()
        self.batch_type: type[B] = recipe.batch_type
        self.shape = batch_shape(recipe.batch_type, data.columns, data.name)
        torch.manual_seed(derive_seed(how.seed))
        with catch_out_of_memory(suggest_smaller_networks(recipe, self.shape)), blame_user_code(Mistake, recipe):
            game = check_is_game(recipe.game(self.shape), recipe)
            check_fits_device(game, machine.device)
            take_start(game, how.start, how.frozen)
            # divided before the device has to hold them whole
            self.sharding = Sharding(place_game(game, machine, torch.device("cpu"))) if how.shard else None
            self.game = place_game(game, machine)
            average = check_averaging(chosen_averaging(recipe.average, how.ema), recipe)
            self.ema = EMA(self.game, average) if average else None
            self.power_ema = PowerEMA(self.game) if how.snapshots else None
        if how.recompute:
            check_has_blocks(self.game)
        self.feeds: list[Feed[B]] = []
        self.waited_before = 0.0  # seconds that earlier stages waited for their data
        with blame_user_code(Mistake, recipe):
            self.stages = plan_stages(recipe, self.shape, images)
            self.tell_time(0, 0)
            self.begin_stage()
            for later in self.stages[1:]:
                self.make_feeds(later)  # refuses now what would fail then
        self.check_memory()

    def check_memory(self) -> None:
        """Refuse a batch whose samples alone, the real, the made and a gradient of theirs, memory cannot hold."""
        free = free_for_process(self.machine.device)
        for stage in self.stages:
            channels, height, width = stage.data[:3]
            each = 3 * 4 * channels * height * width
            at_once = max(1, stage.batch // (self.options.accumulate * world_size()))
            check_capacity(at_once, each, "samples of a batch with what is made of them", "a batch of", free)

    def tell_time(self, round: int, images: int) -> None:
        """Put the clock, and the game's, to so many rounds and images of a run of this length."""
        self.clock = self.game.clock = clock_at(self.stages, self.total, round, images)

    def begin_stage(self) -> None:
        """Begin the stage that the clock stands in, with fresh optimizers."""
        self.stage = self.stage_at(self.clock.images)
        self.engine = make_engine(self.game, self.recipe, self.stage, self.machine, self.options)
        if self.sharding:
            check_optimizers(self.engine)
        self.close()
        self.waited_before, self.feeds = self.waited, self.make_feeds(self.stage)
        self.game.held_out = self.make_held_out(self.stage)
        how = self.options
        asked, device = how.fast == "compile", self.machine.device
        self.compiled = compile_players(self.game, asked, device, how.recompute, self.notes.add)
        self.replays = make_replays(self.engine, how.fast != "off", how.accumulate, how.recompute, self.notes.add)

    def make_feeds(self, stage: Stage) -> list[Feed[B]]:
        """A stage's batches from the clock's images on, one feed for each part that is played here."""
        n, parts = self.options.accumulate, self.options.accumulate * world_size()
        return [
            Feed(self.data, self.batch_type, stage.batch, self.options.seed, self.machine.device, i, parts,
                 self.clock.images, stage.data, self.machine.channels_last)
            for i in shard_indices(n, process_rank(), world_size())
        ]  # fmt: skip

    def make_held_out(self, stage: Stage) -> Callable[[], B] | None:
        """What gives this part's share of a batch that is kept out of training; which, the images shown tell."""
        held = held_out_of(self.data)
        asking = any(isinstance(part, Memory) and part.asks_held_out for part in self.game.children())
        require(held is not None or not asking, "ADA(signal='held-out') hears of samples kept out of training, and "
                "there are none; give --held-out 500, or leave signal out")  # fmt: skip
        if held is None or not asking:
            return None
        feed = Feed(held, self.batch_type, 1, self.options.seed, self.machine.device, shape=stage.data)
        parts = self.options.accumulate * world_size()
        each = min(stage.batch, most_in_batch(held, cast(type[Batch], self.batch_type))) // parts
        require(each > 0, f"a batch in {parts} parts needs {parts} held-out samples or more; give --held-out {parts}")
        return lambda: feed.batch_at(self.clock.images + CURRENT_SHARD.get().index * each + np.arange(each))

    def stage_at(self, images: int) -> Stage:
        return self.stages[stage_index(self.stages, images)]

    def suggest_smaller_batches(self) -> str:
        """What a new run could be told, if this one finds memory too small."""
        blocks = not self.options.recompute and any(find_blocks(network) for network in self.game.children())
        return suggest_smaller_batches(self.recipe, self.shape, self.options.accumulate, blocks)

    @property
    def waited(self) -> float:
        """Seconds that training has waited for data."""
        return self.waited_before + sum(feed.waited for feed in self.feeds)

    @property
    def over(self) -> bool:
        return self.clock.images >= self.total

    def prepare(self) -> None:
        """Before the first round: the game may look at the data, at the same batches in every process."""
        stage, kind = self.stage, cast(type[Batch], self.batch_type)
        feed = Feed(self.data, self.batch_type, stage.batch, self.options.seed, self.machine.device, shape=stage.data)
        with blame_user_code(Failure, self.recipe):
            self.game.prepare(islice(feed, most_in_batch(self.data, kind) // stage.batch))
        feed.close()

    def play(self, between: Callable[[], object] = lambda: None) -> tuple[Clock, dict[str, Tensor]]:
        """Play one round; returns when it was played and what it reports. `between`: see `Engine.play`."""
        clock = self.clock
        with blame_user_code(Failure, self.recipe), self.compiled.at_work() if self.compiled else nullcontext():
            report = (self.replays or self.engine).play(*self.feeds, clock=clock, between=between)
            report |= {name: value.detach().clone() for name, value in self.game.logged_scalars().items()}
        images = self.feeds[0].position
        if images == clock.images:
            raise Failure(f"a round of {type(self.game).__name__} showed no image to a critic; it would never end")
        self.tell_time(clock.round + 1, images)
        if self.ema:
            self.ema.update(images - clock.images, self.clock)
        if self.power_ema and self.stage.data == self.shape:  # of a smaller size it is the average of another network
            self.power_ema.update(images - clock.images)
        if images >= self.stage.until and self.stage is not self.stages[-1]:
            self.begin_stage()
        return clock, report

    def show(self, batch: B, index: int = 0, count: int = 1) -> Mapping[str, Tensor]:
        """The game's columns for a contact sheet, always from the same latents; nothing of the match changes.

        `batch` may be one of `count` equal parts of the whole one.
        """
        dice = torch.Generator(self.machine.device).manual_seed(derive_seed(self.options.seed, -1))
        with fork_chance(self.machine.device), eval_no_grad(self.game), use_shard(Shard(index, count, dice)):
            torch.manual_seed(derive_seed(self.options.seed, -1, *([index] if index else [])))
            with self.ema.applied() if self.ema else nullcontext(), blame_user_code(Failure, self.recipe):
                columns = sheet_columns(self.game, cast(Batch, batch))
        return columns

    def state(self) -> tuple[dict[str, Tensor], CheckpointFacts]:
        """All that a resumed match needs: tensors, and facts for JSON. Of several processes all call it at once."""
        tensors = {f"game.{key}": t for key, t in self.game.state_dict().items()}
        if self.ema:
            tensors |= {f"average.{key}": t for key, t in self.ema.mean.items()}
        groups: dict[str, Any] = {}
        for player, optimizer in self.engine.optimizers.items():
            name, state = self.engine.names[player], optimizer.state_dict()
            groups[name] = state["param_groups"]
            tensors |= {f"optimizer.{name}.{i}.{k}": t for i, kept in state["state"].items() for k, t in kept.items()
                        if isinstance(t, Tensor)}  # fmt: skip
        clock = {name: getattr(self.clock, name) for name in CLOCK_FACTS}
        facts: CheckpointFacts = {"clock": clock, "groups": groups}
        if self.power_ema:
            tensors |= {f"power.{key}": t for key, t in self.power_ema.state().items()}
            facts["power"] = self.power_ema.images
        return self.collect(tensors), facts

    def collect(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors under their names in a checkpoint, whole in the first process; all call it at once, or nobody."""
        return self.sharding.collect(tensors, self.engine) if self.sharding else tensors

    def whole(self, average: bool = False) -> AbstractContextManager[None]:
        """All processes enter this before one of them looks at the game by itself, whose weights may be divided.

        `average`: at its averaged weights, too.
        """
        return self.sharding.whole(self.ema if average else None) if self.sharding else nullcontext()

    def game_state(self) -> dict[str, Tensor]:
        """What a checkpoint of this game holds, to compare; of what is divided shapes and types alone."""
        state = self.game.state_dict()
        return self.sharding.as_whole(state) if self.sharding else state

    def close(self) -> None:
        """Read no data ahead any more."""
        for feed in self.feeds:
            feed.close()

    def restore(self, tensors: Mapping[str, Tensor], facts: CheckpointFacts) -> None:
        """Stand exactly where `state` was taken."""
        then = Clock(**facts["clock"])
        self.tell_time(then.round, then.images)  # of the length that the run has now
        self.begin_stage()
        self.revert(tensors, facts)

    def revert(self, tensors: Mapping[str, Tensor], facts: CheckpointFacts) -> None:
        """Players, optimizers and average as they were where `state` was taken, in this stage; the clock goes on."""
        tensors = self.sharding.cut(tensors, self.engine) if self.sharding else tensors
        self.game.load_state_dict(strip_prefix(tensors, "game."))
        if self.ema:
            self.ema.restore(strip_prefix(tensors, "average."))
        if self.power_ema:
            self.power_ema.restore(strip_prefix(tensors, "power."), facts["power"])
        for player, optimizer in self.engine.optimizers.items():
            name = self.engine.names[player]
            load_optimizer(optimizer, facts["groups"][name], strip_prefix(tensors, f"optimizer.{name}."))
        if self.replays:
            self.replays.forget()


def make_engine(game: Game[B], recipe: Recipe[B], stage: Stage, where: Machine, how: MatchOptions) -> Engine[B]:
    """What plays a stage's rounds on the machine."""
    return Engine(game, stage.steps or recipe.steps, how.seed, where.precision, how.recompute, where.slopes)


def place_game(game: Game[Any], machine: Machine, device: torch.device | None = None) -> Any:
    """The same game on the machine's device, or another, in the layout that it is fastest with there.

    Torch types no `to` with a layout.
    """
    layout = torch.channels_last if machine.channels_last else torch.contiguous_format
    return game.to(device or machine.device, memory_format=layout)  # type: ignore[call-overload]


def take_start(game: Game[Any], start: Mapping[str, Tensor], frozen: Collection[str]) -> None:
    """Put what a game begins with into it, and let nobody move what is frozen."""
    game.load_state_dict(start, strict=False)
    own = dict(game.named_parameters())
    for name in frozen:
        own[name].requires_grad_(False)


def check_is_game(game: object, recipe: Recipe[Any]) -> Game[Any]:
    """What a recipe's `game` has made, if it is one, and all of its parameters have a size."""
    if not isinstance(game, Game):
        raise Mistake(f"{type(recipe).__name__}.game returned {type(game).__name__}, but should return a Game, such as "
                      "saddle.games.Adversarial")  # fmt: skip
    lazy = next((name for name, p in game.named_parameters() if is_lazy(p)), None)
    require(lazy is None, f"{lazy} of {type(recipe).__name__}'s game has no size before a batch is seen, so give its "
            "layer sizes, as Linear(64, 1) for LazyLinear(1), from what game(data) is told")  # fmt: skip
    return game


def check_averaging(average: object, recipe: Recipe[Any]) -> Averaging | None:
    """What a recipe's `average` is, if it is one."""
    if average is not None and not isinstance(average, Averaging):
        raise Mistake(f"{type(recipe).__name__}.average is {average!r}, but should be how an average follows, such as "
                      "HalfLife(10_000), or None")  # fmt: skip
    return average


def load_optimizer(
    optimizer: torch.optim.Optimizer, groups: list[dict[str, Any]], tensors: Mapping[str, Tensor]
) -> None:
    """Give an optimizer its memory back; laid out as its parameters are, which fused steps rely on."""
    own = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, t in tensors.items():
        index, name = key.split(".", 1)
        p = own[int(index)]
        kept = torch.empty_like(p, requires_grad=False).copy_(t) if t.shape == p.shape else t.clone()
        state.setdefault(int(index), {})[name] = kept
    # of a run on another device: how it steps there is the device's own business
    how = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    kept_here = [{key: own[key] for key in ("fused", "foreach", "capturable") if key in own} for own in how]
    groups = [own | saved | here for own, saved, here in zip(how, groups, kept_here, strict=True)]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def strip_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
