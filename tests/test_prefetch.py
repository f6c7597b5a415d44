"""Batches taken ahead in a thread: the same bits, errors in their own round, no thread left; how long was waited."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from data_files import noise, pictures
from saddle import resume, train
from saddle.batches import Images
from saddle.cli import main
from saddle.data import ArrayDataset, Dataset, Feed, Prepare, feed, open_data
from saddle.data.dataset import Reading, reading_of
from saddle.data.held_out import hold_out
from saddle.data.order import RandomWords
from saddle.data.own_dataset import OwnDataset
from saddle.data.sides import make_sides
from saddle.errors import Failure, Interrupted
from saddle.reports.reading import open_runs
from saddle.reports.report import cards_html
from saddle.runs.timing import read_pace
from saddle.shape import Column
from saddle.training import data_waits
from saddle.training.data_waits import describe_waiting
from test_on_the_fly import bits
from test_resume import StopAt


@dataclass(frozen=True, eq=False)
class Slow:
    """Samples that lie as far away as they say, one of which may be broken."""

    samples: ArrayDataset
    reading: Reading = "cache"
    broken: int = -1
    seconds: float = 0.0
    threads: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.samples, name)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def columns(self) -> Mapping[str, Column]:
        return self.samples.columns

    def take(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Mapping[str, Tensor]:
        self.threads.append(threading.current_thread().name)
        time.sleep(self.seconds)
        if self.broken in index:
            raise Failure(f"sample {self.broken} is broken")
        return self.samples.take(index, chance, columns)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread reads ahead from the first batch on."""
    monkeypatch.setattr(feed, "SLOW_BATCHES", 0)


def numbered(n: int = 48) -> ArrayDataset:
    return ArrayDataset("set", noise(n, 8, 8, 3), np.arange(n), tuple(map(str, range(n))), flip=True)


def feeders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("saddle-feed")]


def no_thread_is_left() -> bool:
    gc.collect()
    until = time.monotonic() + 5
    while feeders() and time.monotonic() < until:
        time.sleep(0.01)
    return not feeders()


def images(batches: Iterator[Images], count: int) -> Tensor:
    return torch.cat([next(batches).image for _ in range(count)])


def test_a_thread_takes_what_would_have_been_taken_wherever_the_feed_goes() -> None:
    far, near = (Feed(Slow(numbered(), reading), Images, 8, 3, "cpu") for reading in ("cache", "memory"))
    assert torch.equal(images(far, 13), images(near, 13)) and len(feeders()) == 1
    far.position = near.position = 40  # what is ahead is dropped
    assert torch.equal(images(far, 3), images(near, 3))
    parts = [Feed(Slow(numbered()), Images, 8, 3, "cpu", part, 2, 40) for part in range(2)]
    near.position = 40
    assert torch.equal(torch.cat([next(part).image for part in parts]), next(near).image)
    for each in (far, *parts):
        each.close()
    del each
    assert no_thread_is_left()
    assert torch.equal(next(far).image, next(Feed(numbered(), Images, 8, 3, "cpu", position=64)).image)


def test_what_goes_wrong_ahead_is_told_by_the_batch_that_wanted_it() -> None:
    clean = Feed(numbered(), Images, 8, 0, "cpu")
    order = [next(clean).condition for _ in range(6)]
    assert order[4] is not None
    source = Slow(numbered(), broken=int(order[4][0]))
    batches = Feed(source, Images, 8, 0, "cpu")
    assert len([next(batches) for _ in range(4)]) == 4 and len(source.threads) >= 4
    for _ in range(2):  # it stays where it is
        with pytest.raises(Failure, match=f"sample {source.broken} is broken"):
            next(batches)
    batches.position += 8
    assert torch.equal(next(batches).image, next(Feed(numbered(), Images, 8, 0, "cpu", position=40)).image)


def test_a_users_program_and_what_lies_in_memory_are_asked_in_the_training_s_thread() -> None:
    here = threading.current_thread().name
    for reading, apart in (("memory", False), ("own", False), ("cache", True), ("files", True)):
        source = Slow(numbered(), reading)  # type: ignore[arg-type]
        next(Feed(source, Images, 8, 0, "cpu"))
        assert (source.threads[0] != here) is apart
    held = hold_out(OwnDataset(Slow(numbered())), 8)
    assert reading_of(held) == "own" and not Feed(held, Images, 8, 0, "cpu").worth_a_thread()
    assert reading_of(hold_out(numbered(), 8)) == "memory"
    assert reading_of(make_sides("two", a=numbered(), b=Slow(numbered(), "files"))) == "files"  # type: ignore[arg-type]


def test_a_cache_gets_a_thread_once_it_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    fast, slow = Slow(numbered()), Slow(numbered(), seconds=1.5 * feed.SLOW_SECONDS)
    batches = Feed(slow, Images, 8, 0, "cpu")
    assert torch.equal(images(batches, 7), images(Feed(fast.samples, Images, 8, 0, "cpu"), 7))
    here = threading.current_thread().name
    assert [name == here for name in slow.threads[:4]] == [True] * 3 + [False]
    monkeypatch.setattr(feed, "SLOW_SECONDS", 60)
    images(Feed(fast, Images, 8, 0, "cpu"), 7)
    assert set(fast.threads) == {here}


def test_a_run_is_the_same_to_the_bit_and_leaves_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / "photos", 24, side=16)
    options = {"batch": "8", "networks.width": "4", "fade": "16", "stable": "16", "last": "32"}  # grows from 4 to 8
    how: dict[str, Any] = {"data": str(tmp_path / "photos"), "size": 8, "images": 64, "pictures": 0, "device": "cpu",
                           "quiet": True, "options": options}  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(feed, "SLOW_BATCHES", 1 << 60)
        whole = train("pggan", out=tmp_path / "plain", **how)
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 3)
        with pytest.raises(Interrupted):
            train("pggan", out=tmp_path / "run", **how)
    assert no_thread_is_left()
    resume(tmp_path / "run")
    assert bits(whole) == bits(tmp_path / "run") and no_thread_is_left()


def test_waiting_is_timed_told_and_shown_and_the_advice_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(tmp_path / "photos", 24, side=16)
    monkeypatch.setattr(data_waits, "NOTED_SECONDS", 0.01)
    slowly = "saddle.data.on_the_fly.decode_rows"
    from saddle.data.on_the_fly import decode_rows

    monkeypatch.setattr(slowly, lambda *words: (time.sleep(0.02), decode_rows(*words))[1])
    line = ["train", "gan", "--data", str(tmp_path / "photos"), "--size", "16", "--images", "96", "--batch", "8",
            "--pictures", "0", "--quiet", "--device", "cpu", "--networks.width", "8"]  # fmt: skip
    assert main([*line, "--out", str(tmp_path / "live"), "--decode", "on-the-fly"]) == 0
    said = capsys.readouterr().err
    assert "training waited for" in said and "--decode once" in said
    pace = read_pace(tmp_path / "live/timing.jsonl")
    assert pace.waited is not None and 0.02 < pace.waited[-1] <= pace.seconds[-1] and 0.02 < pace.idle <= 1
    (run,) = open_runs([tmp_path / "live"])
    assert f"{pace.idle:.0%}</b><small>waiting for data" in str(cards_html(run))
    assert main([*line, "--out", str(tmp_path / "kept"), "--decode", "once"]) == 0
    assert "--decode once" not in capsys.readouterr().err


def test_what_is_said_of_waiting_fits_where_the_data_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path))
    said = {kind: describe_waiting(Slow(numbered(), kind), 30, 100) for kind in ("memory", "cache", "files", "own")}  # type: ignore[arg-type]
    assert said["memory"] is None and f"in {tmp_path}; let the variable SADDLE_CACHE" in str(said["cache"])
    assert "waited for set 30% of its time" in str(said["files"]) and "a method begin" in str(said["own"])
    assert describe_waiting(Slow(numbered()), 1.9, 100) is None and describe_waiting(Slow(numbered()), 0.9, 1) is None
    data: Dataset = open_data("grid", Prepare(limit=100), print)
    batches = Feed(data, Images, 10, 0, "cpu")
    next(batches)
    assert batches.waited == 0  # points are in memory
