"""Gradients in a flat bucket are the plain mean's to the bit, in as few exchanges as there are moves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from saddle.optim import Adam
from saddle.parts import buckets
from saddle.parts.buckets import Bucket, lying_as
from saddle.training import engine
from saddle.training.engine import Engine, average_over_processes, shard_indices
from saddle.uncompiled import is_compiler_left_out
from several import several
from test_processes import GAMES, labelled
from toys import Batches, adversarial, play

ROUNDS = 3
TURNS = {"plain": 2, "statistics": 2, "wgan-gp": 6}  # moves in a round


def plainly(bucket: Bucket) -> list[Tensor]:
    """As it was before there were buckets, and as one would write it."""
    own = [p.grad for p in reversed(bucket.parameters) if p.grad is not None]
    average_over_processes(own)
    return own


def ahead(bucket: Bucket) -> bool:
    """In chunks of some numbers, where no GPU is."""
    bucket.chunk_bytes = 256
    return True


def state(name: str) -> dict[str, Tensor]:
    torch.manual_seed(0)
    game = GAMES[name]()
    rank, world = dist.get_rank(), dist.get_world_size()
    batches = [Batches(labelled, i, world, rows=16) for i in shard_indices(1, rank, world)]
    play(Engine(game, lambda player: Adam(1e-3)), batches, 0, ROUNDS)
    return game.state_dict()


def compare(folder: str) -> None:
    """In each of two processes: the states, and how many exchanges there were outside of the layers."""
    rank = int(os.environ["RANK"])
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    assert is_compiler_left_out(), "which takes each process more than a second"
    for name in TURNS:
        calls: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            count(patch, calls)
            mine = state(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Bucket, "pays_ahead", ahead)
            early = state(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Bucket, "average", plainly)
            plain = state(name)
        torch.save((mine, early, plain, calls), f"{folder}/{name}-{rank}")
    dist.barrier()
    dist.destroy_process_group()


def count(patch: pytest.MonkeyPatch, calls: list[str]) -> None:
    reduce: Callable[..., Any] = dist.all_reduce
    for module in (buckets, engine):
        own = type("Counted", (), {"all_reduce": staticmethod(lambda *given, of=module.__name__, **more: (
            calls.append(of), reduce(*given, **more))[1])})  # fmt: skip
        patch.setattr(module, "dist", own)


def test_two_processes_have_the_plain_means_bits_in_one_exchange_for_each_move(tmp_path: Path):
    assert several(2, compare, str(tmp_path)) == [0, 0]
    for name in TURNS:
        (one, *others), (again, *_) = (torch.load(tmp_path / f"{name}-{rank}") for rank in (0, 1))
        for other in (*others[:2], again):
            assert all(torch.equal(other[key], value) for key, value in one.items()), name
        assert others[2].count("saddle.parts.buckets") == TURNS[name] * ROUNDS, name
        assert others[2].count("saddle.training.engine") == 0, name  # statistics of batches are alike already


def test_one_process_sends_nothing_and_keeps_no_bucket():
    game = adversarial()
    made = Engine(game, lambda player: Adam(1e-3))
    play(made, [Batches(labelled, 0, 1, rows=16)], 0, 2)
    assert not any(bucket.flat for bucket in made.buckets.values())


def test_a_gradient_lies_in_the_bucket_as_its_parameter_does():
    p = nn.Parameter(torch.arange(120.0).view(2, 3, 4, 5).to(memory_format=torch.channels_last))
    view = lying_as(torch.arange(120.0), p)
    assert view.shape == p.shape and view.stride() == p.stride() and view.untyped_storage().nbytes() == 480


def test_what_has_no_gradient_is_not_moved_and_chunks_hold_all_the_others():
    parameters = [nn.Parameter(torch.ones(n)) for n in (3, 4, 5)]
    bucket = Bucket(parameters, chunk_bytes=30)
    bucket.lay_out()
    assert [[len(p) for p in chunk.parameters] for chunk in bucket.chunks] == [[5, 4], [3]]
    assert [chunk.flat.numel() for chunk in bucket.chunks] == [9, 3]
    parameters[1].grad = torch.ones(4)
    assert [len(gradient) for gradient in bucket.average()] == [4]
