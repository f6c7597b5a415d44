"""The words: what time it is, what a critic says, what a player minimises, what a game is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn
from torch.fx.immutable_collections import immutable_dict

from .clock import Clock, Number, check_range
from .errors import require
from .precision import differentiable_twice

B = TypeVar("B")
P = TypeVar("P")
Ready = TypeVar("Ready", covariant=True)


class Verdict(NamedTuple):
    """What `critic(sample, condition)` answers; a critic, or generator, with no use for a condition ignores it."""

    score: Tensor  # (n, ...), higher is more real: one a sample, a map for patches, n/m rows for packs of m
    features: Tensor  # what the score was read from; an autoencoding critic's code
    logits: Tensor | None = None  # (n, classes), when the critic also names the class
    more: Mapping[str, Tensor] = immutable_dict()  # whatever else it answers, by name: scores at scales, codes


def required_conditions(network: nn.Module) -> set[str]:
    """What a network cannot do without beside its input, "label" or "opponent"; a module says so as `needs`."""
    said = (getattr(module, "needs", None) for module in network.modules())
    return {need for need in said if need}


def is_energy(critic: nn.Module) -> bool:
    """Are a critic's scores minus an energy, never above 0? Such a critic says so as `energy`."""
    return bool(getattr(critic, "energy", False))


@runtime_checkable
class Rebuilds(Protocol):
    """A critic that makes samples again, to score them by the error; None where a critic inside it does not."""

    def rebuild(self, x: Tensor, condition: Tensor | None = None) -> Tensor | None: ...


def rebuild(critic: nn.Module, x: Tensor, condition: Tensor | None = None) -> Tensor | None:
    """What a critic makes again of samples (n, channels, height, width), each by itself; None if it does not."""
    return critic.rebuild(x, condition) if isinstance(critic, Rebuilds) else None


class Judged(NamedTuple):
    """Samples with the verdict on them."""

    sample: Tensor
    score: Tensor
    features: Tensor
    logits: Tensor | None
    more: Mapping[str, Tensor] = immutable_dict()

    def detach(self) -> Judged:
        """The same values without a graph."""
        logits = None if self.logits is None else self.logits.detach()
        more = {name: t.detach() for name, t in self.more.items()}
        return Judged(self.sample.detach(), self.score.detach(), self.features.detach(), logits, more)


class View(Protocol):
    """What a critic sees of a sample: noise, augmentation. The sample itself, and slopes there, stay as they are."""

    def __call__(self, sample: Tensor, clock: Clock) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class Judge:
    """A critic at work: the views act inside, on every call; where slopes can be asked for, in their precision."""

    critic: nn.Module
    clock: Clock
    condition: Tensor | None = None  # what else it is told: a label, a caption, a code, an opponent
    views: tuple[View, ...] = ()

    def __call__(self, sample: Tensor) -> Judged:
        with differentiable_twice(sample) if sample.is_leaf and sample.requires_grad else nullcontext():
            seen = sample
            for view in self.views:
                seen = view(seen, self.clock)
            answer = self.critic(seen, self.condition)
        require(not isinstance(answer, Tensor), "a critic answers with Verdict(score, features), not with a tensor; of "
                "one that gives scores alone, features may be what it was asked about: Verdict(score, x)")  # fmt: skip
        verdict = Verdict(*answer)
        return Judged(sample, *verdict._replace(score=upcast(verdict.score)))  # losses are never taken of bfloat16


class Objective(Protocol):
    """How scores become losses: means over batch and patch map; both players minimise."""

    @property
    def paired(self) -> bool: ...  # does the generator's loss read real scores too?
    def critic(self, real: Tensor, fake: Tensor) -> Tensor: ...
    def generator(self, real: Tensor, fake: Tensor) -> Tensor: ...


LossSide = Literal["critic", "generator", "either"]  # whose loss something is a term of
InputGrad = Literal["nowhere", "samples", "elsewhere"]  # at the judged samples themselves, or at points of its own


class WeightedTerm(Protocol):
    """What `sensible` reads: a penalty, or what becomes one in a game."""

    @property
    def weight(self) -> Number: ...
    @property
    def every(self) -> int: ...


@runtime_checkable
class Penalty(Protocol):
    """A further term of either player's loss, unweighted; for the generator's, `fake` keeps its graph."""

    @property
    def weight(self) -> Number: ...
    @property
    def every(self) -> int: ...  # lazy: due every n rounds, and then n times the weight
    @property
    def loss(self) -> LossSide: ...
    @property
    def input_grad(self) -> InputGrad: ...  # where it asks for the score's slope with respect to the sample
    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor: ...


def check_penalty(penalty: WeightedTerm) -> None:
    """Refuse a weight below zero and a penalty that is never due."""
    name = type(penalty).__name__
    check_range(penalty.weight, f"{name}'s weight")
    require(penalty.every >= 1, f"{name} is due every {penalty.every} rounds, but should be every 1 or more")


class Memory(nn.Module):
    """A penalty or view in play that remembers something, in buffers."""

    asks_held_out: bool = False  # does it hear how samples kept out of training are scored?

    def observe(self, real: Judged, fake: Judged) -> Tensor:
        """What it wants to know of the batch just judged: means, so that parts of a batch can be averaged."""
        raise NotImplementedError

    def update(self, mean: Tensor) -> None:
        """Take in what was noticed, averaged over the whole batch."""
        raise NotImplementedError

    def held_out_due(self, clock: Clock) -> bool:
        """Does it want to hear of samples kept out of training in this round?"""
        return False

    def update_held_out(self, mean: Tensor) -> None:
        """Take in their mean score over the whole batch."""
        raise NotImplementedError

    def logged(self) -> Mapping[str, Tensor]:
        """What of it a log shows: scalars, by name."""
        return {}


@runtime_checkable
class Remembers(Protocol[Ready]):
    """A value that needs a memory: a frozen description in a recipe, a module of its own in each game.

    It is a Remembers[Penalty] if its `memory` gives a Memory that is a penalty, a Remembers[View] if that is a view.
    """

    def memory(self) -> Ready: ...


Penalties = tuple[Penalty | Remembers[Penalty], ...]
Views = tuple[View | Remembers[View], ...]
Constraint = Callable[[nn.Module], None]  # what is done to a player after each of its moves


class Move:
    """What some players minimise at this moment, term by term; each is one number."""

    def __init__(self, *players: nn.Module, **terms: Tensor) -> None:
        wrong = next((type(one).__name__ for one in players if not isinstance(one, nn.Module)), "")
        require(not wrong, f"a move is made by {wrong}, but should be made by networks of the game, one or several, as "
                "Move(self.encoder, self.decoder, error=error)")  # fmt: skip
        for name, term in terms.items():
            found = f"of shape {tuple(term.shape)}" if isinstance(term, Tensor) else type(term).__name__
            require(found == "of shape ()", f"the term {name} of a move is {found}, but should be one number, a "
                    "tensor of shape (), such as a mean over the batch")  # fmt: skip
        self.players, self.terms = players, terms

    @property
    def loss(self) -> Tensor:
        """The sum of the terms, a scalar."""
        first, *others = self.terms.values()
        return torch.stack([first, *others]).sum() if others else first


@dataclass(frozen=True)
class Agree:
    """Tell someone the mean of a value over the whole batch, once: all decisions and memories live on these."""

    tell: Callable[[Tensor], object]
    value: Tensor


Turn = Move | tuple[Move, ...] | Agree  # moves in one tuple are simultaneous


class Game(nn.Module, Generic[B]):
    """Networks that play against, or with, each other. Children with a trainable parameter are the players.

    What it can do once it is trained it says by having the methods of `capabilities`.
    """

    makers: ClassVar[tuple[str, ...]] = ("generator",)  # averaged, sampled, exported
    clock: Clock = Clock()  # what time it is, also where samples are made; whoever plays or loads a game sets it
    held_out: Callable[[], B] | None = None  # a batch kept out of training, if there is one; whoever plays sets it

    def round(self, batches: Iterator[B], clock: Clock) -> Iterator[Turn]:
        """Yield the turns of one round. Code after a `yield` runs once those players have moved.

        It runs for each part of a batch, while others may hold a graph: weights are changed in `after_move` alone.
        """
        raise NotImplementedError

    def prepare(self, batches: Iterator[B]) -> None:
        """What is learned of the data before a run's first round: batches of once through, in each process the same."""

    def after_move(self, player: nn.Module) -> None:
        """What is done to a player after each of its moves: once, when all parts have moved and before any goes on."""

    def phase(self, clock: Clock) -> Hashable | None:
        """Equal phases run equal operations, one CUDA graph each; None: do not capture."""
        return None

    def differentiated_once(self) -> tuple[nn.Module, ...]:
        """Children no gradient of whose gradients is ever asked for: torch's compiler can take those alone."""
        return ()

    def logged_scalars(self) -> Mapping[str, Tensor]:
        """What a log shows beside the moves' terms: scalars of all that remembers, as ADA/p; of a second, ADA#2/p."""
        own = [part for part in self.children() if isinstance(part, Memory)]
        return {f"{name}/{key}": value for name, part in named_parts(own) for key, value in part.logged().items()}

    def show(self, batch: B) -> Mapping[str, Tensor]:
        """Named columns for a contact sheet; none: what it can do, by its capabilities."""
        return {}

    def adopt(self, slot: str, parts: Iterable[P | Remembers[P]]) -> tuple[P, ...]:
        """Parts made ready to play here; those that remember something become modules of this game."""
        ready = tuple(p.memory() if isinstance(p, Remembers) else p for p in parts)
        for i, part in enumerate(ready):
            if isinstance(part, nn.Module):
                self.add_module(f"{slot}_{i}", part)
        return ready


def part_name(part: object) -> str:
    """A penalty or a view by the name that a recipe writes: a memory by that of what it was made of."""
    return type(part).__name__.removesuffix("Memory")


def named_parts(parts: Iterable[P]) -> Iterator[tuple[str, P]]:
    """Each part with its name; the second of a kind is called by its number, as R1#2."""
    seen: Counter[str] = Counter()
    for part in parts:
        seen[kind := part_name(part)] += 1
        yield kind if seen[kind] == 1 else f"{kind}#{seen[kind]}", part


def upcast(t: Tensor) -> Tensor:
    """The same, with its graph, in at least full precision: what networks make may come in bfloat16."""
    return t.to(torch.promote_types(t.dtype, torch.float32))


def as_leaf(sample: Tensor) -> Tensor:
    """Samples cut from whatever made them, where slopes can be asked for."""
    return upcast(sample.detach()).requires_grad_()


def per_score(t: Tensor, score: Tensor) -> Tensor:
    """One row for each score's row, (len(score), -1): right for patches and packs, where flatten(1) is not."""
    return t.reshape(score.shape[0], -1)


@contextmanager
def frozen(*players: nn.Module) -> Iterator[None]:
    """No gradients for these while a forward runs: their activations are not kept."""
    own = [p for player in players for p in player.parameters() if p.requires_grad]
    try:
        for p in own:
            p.requires_grad_(False)
        yield
    finally:
        for p in own:
            p.requires_grad_()
