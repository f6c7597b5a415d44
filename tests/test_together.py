"""How processes of one run meet, ask one another and wait; how often they save; what schedulers may say again."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist

from saddle.training import checkpoint_pace, together
from saddle.training.checkpoint_pace import CheckpointPace
from saddle.training.machine import MissingProcess, process_group
from saddle.training.signals import USERS, ForcedStop, Signals
from saddle.training.together import Votes, Waiting, meet
from several import several


class Time:
    """A clock that stands where it was put."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(checkpoint_pace, "time", clock)
    monkeypatch.setattr(together, "time", clock)
    return clock


def test_a_checkpoint_that_takes_long_is_taken_seldom(clock: Time):
    """Cheap ones as often as was asked for; of 3 s one in 150 s, which is 2 % of the time. Each is said once."""
    pace = CheckpointPace(60.0)
    assert list(pace.weigh(0.9)) == [] and pace.between == 60
    (said,) = pace.weigh(3.0)
    assert pace.between == 150 and "takes 3.0 s, so one is taken every 150 s: 2% of the time" in said
    assert list(pace.weigh(3.1)) == []
    pace.saved()
    clock.now = 154.0
    assert not pace.due()
    clock.now = 156.0
    assert pace.due()


def test_a_round_is_left_in_time_for_a_checkpoint():
    pace = CheckpointPace(60.0, 20.0)
    assert pace.patience == 10
    list(pace.weigh(7.0))
    assert pace.patience == 6
    assert any("--grace 60s gives it more" in said for said in pace.weigh(30.0)) and pace.patience == 0


def test_votes_are_as_seldom_as_the_slowest_process_lets_them_be(clock: Time, monkeypatch: pytest.MonkeyPatch):
    """Ten places of 10 ms here, where another process takes 25 ms for each: the next vote is after 20 places."""
    monkeypatch.setattr(together, "world_size", lambda: 2)
    monkeypatch.setattr(together, "all_reduce_max", lambda *flags: [*flags[:-1], max(flags[-1], 25)])
    votes = Votes(0.5)
    assert votes.due()
    votes.every = 10
    clock.now = 0.0
    votes.places = 0
    assert [votes.due() for _ in range(10)] == [False] * 9 + [True]
    clock.now = 0.1
    assert votes.hold(1, 0) == [1, 0] and votes.every == 20 and not votes.due()


def test_one_process_holds_no_votes():
    votes = Votes()
    assert not any(votes.due() for _ in range(100)) and votes.hold(0, 1) == [0, 1]


def long_work(folder: str) -> int:
    """The first process works alone for a while; the second enters no collective before that is done."""
    with pytest.MonkeyPatch.context() as patch, process_group() as (rank, _):
        barrier, done = together.barrier, Path(folder, "done")

        def entering() -> None:
            Path(folder, f"entered {rank} {done.exists()}").touch()
            barrier()

        patch.setattr(together, "barrier", entering)
        if rank == 0:
            time.sleep(0.5)
            done.touch()
        together.wait_for_first()
    return 0


def test_who_waits_for_the_first_process_waits_in_no_collective(tmp_path: Path):
    assert several(2, long_work, str(tmp_path)) == [0, 0]
    assert {path.name for path in tmp_path.iterdir()} == {"done", "entered 0 True", "entered 1 True"}


def test_who_waits_for_a_process_that_has_failed_ends(monkeypatch: pytest.MonkeyPatch):
    store = dist.HashStore()
    together.part(store, 0, 1, 2)
    monkeypatch.setattr(together, "world_size", lambda: 2)
    monkeypatch.setattr(together, "process_rank", lambda: 1)
    waiting = Waiting()
    waiting.begin(store)
    with pytest.raises(MissingProcess, match="another process of this run has ended") as ended:
        waiting.wait_for_first()
    assert ended.value.code == 2  # as the first one's


@pytest.fixture
def agents_store(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The one store of a torchrun agent over all restarts."""
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    return dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60))


def test_processes_that_were_started_again_meet_each_other_and_nobody_that_was_killed(agents_store: Any):
    """Twice the same two, and a third meeting with one more: each finds what its first process has written."""
    found = []
    for attempt, world in enumerate((2, 2, 3)):
        clients = [dist.TCPStore("127.0.0.1", agents_store.port, is_master=False, wait_for_workers=False)
                   for _ in range(world)]  # fmt: skip
        with ThreadPoolExecutor(world) as threads:
            met = list(threads.map(meet, clients, range(world), [world] * world))
        met[0].set("address", str(attempt))
        found.append([store.get("address").decode() for store in met])
    assert found == [["0"] * 2, ["1"] * 2, ["2"] * 3]


def test_processes_of_no_agent_meet_where_they_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TORCHELASTIC_USE_AGENT_STORE", raising=False)
    store = dist.HashStore()
    assert meet(store, 1, 2) is store


@pytest.mark.skipif(len(USERS) < 2, reason="this system has no such signals")
def test_what_a_scheduler_adds_to_its_warning_ends_nothing_at_once():
    """SIGUSR1 some time before the end, and SIGTERM at the end; Ctrl-C is somebody's who is in haste."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in USERS}
    signals = Signals()
    try:
        with signals.remember_signals():
            signal.raise_signal(signal.SIGUSR1)
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGUSR2)
            assert signals.number == signal.SIGUSR1
            with pytest.raises(ForcedStop):
                signal.raise_signal(signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.skipif(not USERS, reason="this system has no such signals")
def test_what_a_program_does_at_a_signal_of_users_it_does_as_before():
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
    signals = Signals()
    try:
        with signals.remember_signals():
            os.kill(os.getpid(), signal.SIGUSR1)
            assert heard == [signal.SIGUSR1] and not signals.number
    finally:
        signal.signal(signal.SIGUSR1, before)
