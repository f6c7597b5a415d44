"""Playing a game: when players ask to move, take every gradient, then let them all step."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from typing import Generic, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..clock import Clock
from ..core import Agree, Game, Move, Turn
from ..devices import seed_chance
from ..errors import Mistake, require
from ..parts import Shard, rank_and_size, use_shard
from ..parts.buckets import Bucket
from ..parts.buffers import SharedBuffers
from ..parts.collectives import sync_batch_norms
from ..parts.pieces import Piece, forget_wholes, gradient_norm, keeping_wholes
from ..parts.recompute import recompute_blocks
from ..precision import autocast_type, reduced_slopes
from ..recipe import Optimizing

B = TypeVar("B")
Players = tuple[nn.Module, ...]
TurnPlayers = tuple[Players, ...] | Agree  # who moves at once


class Engine(Generic[B]):
    """Drives a game's rounds. It owns the optimizers and knows nothing of any method."""

    def __init__(self, game: Game[B], optimizing: Callable[[str], Optimizing], seed: int = 0,
                 precision: torch.dtype = torch.float32, recompute: bool = False,
                 slopes: torch.dtype = torch.float32) -> None:  # fmt: skip
        self.game, self.seed = game, seed
        self.device = next(game.parameters()).device
        self.autocast = torch.autocast(autocast_type(self.device), precision, enabled=precision != torch.float32)
        self.reduced_slopes = slopes != torch.float32
        self.names = {m: n for n, m in game.named_children() if any(p.requires_grad for p in m.parameters())}
        self.own = {m: [p for p in m.parameters() if p.requires_grad] for m in self.names}
        owners = [id(p) for own in self.own.values() for p in own]
        if len(owners) != len(set(owners)):
            raise Mistake("two players share a parameter; every parameter has one owner")
        self.buffers = SharedBuffers(game)
        self.dice: list[torch.Generator] = []  # the same ones in every round, as graphs of a GPU know them
        alike = sync_batch_norms(game) if rank_and_size()[1] > 1 else []
        self.unlike = list(running_statistics(game, alike))
        if recompute:
            recompute_blocks(game)
        self.not_yet_reached = set(self.names)  # players that no move has reached yet
        self.is_last_part = True  # of those that are differentiated one after another
        self.buckets = {m: Bucket(own) for m, own in self.own.items()}
        self.ahead = rank_and_size()[1] > 1 and not recompute and all(b.pays_ahead() for b in self.buckets.values())
        self.optimizing = {m: optimizing(n) for m, n in self.names.items()}
        self.steppers = {m: [Stepper(p) for p in own] for m, own in self.own.items()}
        self.optimizers = {m: how.build([s.view for s in self.steppers[m]]) for m, how in self.optimizing.items()}

    def play(self, *batches: Iterator[B], clock: Clock,
             between: Callable[[], object] = lambda: None) -> dict[str, Tensor]:  # fmt: skip
        """Play one round; several iterators are parts of one batch, played in lockstep and stepped once.

        Returns each term of the last move of each player, and the norm of its gradient, as scalars on the device.
        `between` is called before every turn, in every process alike. What it raises abandons the round: moves that
        were made stay made, so only a state that was saved before is worth anything.
        """
        self.tune(clock)
        with keeping_wholes():
            return self.play_turns(batches, clock, self.make_shards(len(batches), clock), between)

    def tune(self, clock: Clock) -> None:
        """Let the optimizers' schedules have the values of the time."""
        for player, how in self.optimizing.items():
            how.tune(self.optimizers[player], clock)

    def play_turns(self, batches: Sequence[Iterator[B]], clock: Clock, parts: list[Shard],
                   between: Callable[[], object] = lambda: None) -> dict[str, Tensor]:  # fmt: skip
        """The round itself, once optimizers are tuned and chance is seeded."""
        rounds = [self.game.round(b, clock) for b in batches]
        report: dict[str, Tensor] = {}
        while True:
            between()
            if not any(turns := self.next_turns(rounds, parts, report)):
                break
            if len({isinstance(turn, Agree) or turn for turn in turns}) > 1:
                raise RuntimeError("parts of one batch part ways; a round may only decide from the Clock or by Agree")
            if isinstance(turns[0], Agree):
                mean = torch.stack([turn.value.detach() for turn in turns if isinstance(turn, Agree)]).mean(0)
                average_over_processes([mean])
                turns[0].tell(mean)
            else:
                movers = list(dict.fromkeys(player for players in turns[0] for player in players))
                report |= {f"{self.names[player]}/gradient": self.step(player) for player in movers}
                forget_wholes()  # whose pieces have changed
                for player in movers:
                    self.game.after_move(player)
        average_over_processes(self.unlike)
        return report

    def make_shards(self, n: int, clock: Clock) -> list[Shard]:
        """The parts of the batch that are played here, with equal dice; networks' own draws differ by process."""
        rank, world = rank_and_size()
        seed_chance(self.device, derive_seed(self.seed, clock.round, rank))
        seed = derive_seed(self.seed, clock.round)
        self.dice += [torch.Generator(self.device) for _ in range(n - len(self.dice))]
        dice = [own.manual_seed(seed) for own in self.dice[:n]]
        return [Shard(i, world * n, own, world) for i, own in zip(shard_indices(n, rank, world), dice, strict=True)]

    def next_turns(
        self, rounds: list[Iterator[Turn]], parts: list[Shard], report: dict[str, Tensor]
    ) -> list[TurnPlayers]:
        """Every part's next turn, after its share of the gradients has been taken; () at the end of the round.

        Of a move only the players are handed on: its graph goes before the next part makes its own.
        """
        turns: list[TurnPlayers] = []
        terms: dict[str, Tensor] = {}
        for i, (play, part) in enumerate(zip(rounds, parts, strict=True)):
            with (self.buffers.use_shard_buffers(i, len(parts)), use_shard(part), self.autocast,
                  reduced_slopes(self.reduced_slopes)):  # fmt: skip
                turn = next(play, ())
            if isinstance(turn, Agree):
                turns.append(Agree(turn.tell, turn.value.detach()))
            else:
                self.is_last_part = i + 1 == len(rounds)
                turns.append(self.differentiate(self.check_moves(turn), len(rounds), terms))
            del turn
        report |= terms
        return turns

    def check_moves(self, turn: Move | tuple[Move, ...]) -> tuple[Move, ...]:
        """The moves of a turn, all of them of players of the game."""
        together = turn if isinstance(turn, tuple) else (turn,)
        game = type(self.game).__name__
        require(all(isinstance(move, Move) for move in together), f"the round of {game} yields {type(turn).__name__}, "
                "but should yield a Move, several in a tuple, or an Agree")  # fmt: skip
        for player in (player for move in together for player in move.players):
            require(player in self.own, f"a move is made by {type(player).__name__}, which is no player of {game}; its "
                    f"players are {' and '.join(self.names.values())}")  # fmt: skip
        return together

    def differentiate(self, turn: tuple[Move, ...], parts: int, terms: dict[str, Tensor]) -> tuple[Players, ...]:
        """Add each move's gradient to its own players' parameters, and to nobody else's; returns who they are.

        What the last part of a batch adds may be sent while it is worked out, where one move has all of a player.
        """
        movers = [player for move in turn for player in move.players]
        for i, move in enumerate(turn):
            own, loss = [p for player in move.players for p in self.own[player]], move.loss
            if loss.requires_grad:
                ahead = [p for p in move.players if self.ahead and self.is_last_part and movers.count(p) == 1]
                with ExitStack() as stack:
                    for player in ahead:
                        stack.enter_context(self.buckets[player].sending_ahead())
                    torch.autograd.backward(share(loss, parts), inputs=own, retain_graph=i + 1 < len(turn))
            mover = "+".join(self.names[player] for player in move.players)
            for name, term in move.terms.items():
                key = f"{mover}/{name}"
                terms[key] = terms.get(key, 0) + term.detach() / parts  # a copy: the game may write into its own
            move.terms = {name: term.detach() for name, term in move.terms.items()}  # whoever holds it holds no graph
        for player in self.not_yet_reached.intersection(player for move in turn for player in move.players):
            if all(p.grad is None for p in self.own[player]):
                raise Mistake(f"{self.names[player]}'s first move does not depend on it; is something detached?")
            self.not_yet_reached.remove(player)
        return tuple(move.players for move in turn)

    def step(self, player: nn.Module) -> Tensor:
        """Average the player's gradient over processes and let it move; returns the gradient's norm."""
        gradients, pieces = self.buckets[player].average(), self.buckets[player].average_pieces()
        norm = gradient_norm(gradients, pieces) if gradients or pieces else torch.zeros((), device=self.device)
        for stepper in self.steppers[player]:
            stepper.transfer_grad()
        self.optimizers[player].step()
        for stepper in self.steppers[player]:
            stepper.view.grad = None
        return norm


def share(t: Tensor, parts: int) -> Tensor:
    """A part's share of what is a mean over the batch."""
    return t if parts == 1 else t / parts


class Stepper:
    """A parameter as its optimizer sees it: the same memory in the order in which it lies.

    Of a weight that lies channels last, a fused step would copy all it touches there and back (a fifth of a round).
    """

    def __init__(self, parameter: nn.Parameter) -> None:
        self.parameter = parameter
        self.order = sorted(range(parameter.ndim), key=parameter.stride, reverse=True)
        self.as_it_is = self.order == [*range(parameter.ndim)]
        self.view = (parameter.view_to_step() if isinstance(parameter, Piece)
                     else nn.Parameter(parameter.detach().permute(self.order)))  # fmt: skip

    def transfer_grad(self) -> None:
        """The gradient goes from the parameter to what is stepped."""
        gradient = self.parameter.grad
        self.view.grad = gradient if gradient is None or self.as_it_is else gradient.permute(self.order)
        self.parameter.grad = None


def running_statistics(game: nn.Module, alike: Collection[nn.Module]) -> Iterator[Tensor]:
    """Those that processes see differently, each by its own samples; not of layers that are alike everywhere."""
    for layer in game.modules():
        own = layer.named_buffers(recurse=False)
        yield from (b for name, b in own if name in ("running_mean", "running_var") and layer not in alike)


def shard_indices(n: int, rank: int, world: int) -> list[int]:
    """Which parts of the whole batch a process plays that plays n: with equal turns, all processes play neighbours.

    So what is taken over processes is taken of the same samples as if one process played n parts.
    """
    return [i * world + rank for i in range(n)]


def average_over_processes(tensors: list[Tensor]) -> None:
    """Replace tensors by their mean over all processes, in one exchange."""
    _, world = rank_and_size()
    if tensors and world > 1:
        flat = torch.cat([t.detach().reshape(-1) for t in tensors])
        dist.all_reduce(flat)
        means = torch.split(flat / world, [t.numel() for t in tensors])
        for t, mean in zip(tensors, means, strict=True):
            t.detach().copy_(mean.view(t.shape))


def derive_seed(*numbers: int) -> int:
    """A seed that shares no pattern with that of the next round."""
    return int.from_bytes(hashlib.blake2b(repr(numbers).encode(), digest_size=7).digest(), "big")
