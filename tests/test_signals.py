"""Asked to stop, everything ends soon, with one sentence, and nothing that was begun is lost or half there."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

from saddle import resume, train
from saddle.cli import COMMANDS, main
from saddle.early import guarded
from saddle.errors import Interrupted, Mistake
from saddle.games import Turns
from saddle.inference.loaded import LoadedGame
from saddle.optim import Burst
from saddle.runs.folder import RunFolder
from saddle.runs.measures import read_measurements
from saddle.training import loop
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint, read_checkpoint_facts
from saddle.training.engine import Engine
from saddle.training.signals import (
    AT_ONCE,
    HANGUP,
    STOPS,
    ForcedStop,
    Signals,
    WorkAbandoned,
    check_abandoned,
    stop_on_signal,
)
from test_resume import small


def asked(out: Path, **more: Any) -> dict[str, Any]:
    return small("wgan-gp-toy", out=out, threads=1) | {"pictures": 0, "options": OPTIONS, "images": 96, **more}


OPTIONS = {"networks.width": "4", "batch": "8", "turns.critic": "1"}
MEASURED = {"measure": "precision", "samples": 128, "every": 48}


@pytest.fixture(autouse=True)
def heeded_signals() -> Iterator[None]:
    """As a shell gives them to what runs in front: in the background, and under nohup, some are ignored."""
    before = {number: signal.getsignal(number) for number in STOPS}
    for number in STOPS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody stopped, and measured three times, each by two parts."""
    return train(**asked(tmp_path_factory.mktemp("whole") / "run", **MEASURED))


def equal(a: Path, b: Path) -> None:
    """The last checkpoint to the bit, but for what measuring has found, and the log."""
    (one, first), (two, second) = (read_checkpoint(latest_checkpoint(run / "checkpoints")) for run in (a, b))
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
    assert all(first[key] == second[key] for key in second if key != "identity")
    assert (a / "log.jsonl").read_bytes() == (b / "log.jsonl").read_bytes()


def at_call(patch: pytest.MonkeyPatch, owner: Any, name: str, call: int, *numbers: int) -> None:
    """These signals come while a method is called for the so-and-so-manieth time."""
    method, calls = getattr(owner, name), count()

    def calling(*args: Any, **more: Any) -> Any:
        if next(calls) == call:
            for number in numbers:
                signal.raise_signal(number)
        return method(*args, **more)

    patch.setattr(owner, name, calling)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_long_round_is_left_between_two_turns_and_played_again(whole: Path, tmp_path: Path, number: int):
    """Its first moves are made when the signal comes; nothing of them is in what is saved."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "READ_EVERY", 1)
        at_call(patch, Engine, "step", 2 + 2 * 5, number)  # of the critic, in the sixth round after the rehearsal
        says = "a round that is long was left, and is not saved; the last good"
        with pytest.raises(Interrupted, match=says) as ended:
            train(**asked(tmp_path / "run", checkpoints=1e-9, grace="1e-9s"))
    assert ended.value.code == 128 + number and f"saddle resume {tmp_path / 'run'}" in str(ended.value)
    assert read_checkpoint_facts(latest_checkpoint(tmp_path / "run" / "checkpoints"))["clock"]["round"] == 5
    resume(tmp_path / "run")
    equal(whole, tmp_path / "run")


def test_a_round_that_never_ends_is_left(tmp_path: Path):
    with pytest.MonkeyPatch.context() as patch:
        at_call(patch, Engine, "step", 40, signal.SIGINT)
        with pytest.raises(Interrupted, match="not come to its first checkpoint"):
            train(**asked(tmp_path / "run", options=OPTIONS | {"turns.critic": "100000"}, grace=1e-9))


def test_a_second_signal_ends_at_once(whole: Path, tmp_path: Path):
    with pytest.MonkeyPatch.context() as patch:
        at_call(patch, Engine, "step", 5, signal.SIGINT, signal.SIGTERM)
        with pytest.raises(Interrupted, match="ended at once; it had not come to its first checkpoint") as ended:
            train(**asked(tmp_path / "run"))
    assert ended.value.code == 143
    equal(whole, resume(tmp_path / "run"))


@pytest.mark.skipif(HANGUP is None, reason="no terminal hangs up on this system")
def test_a_terminal_that_goes_is_told_once_however_often_it_is_said(tmp_path: Path):
    with pytest.MonkeyPatch.context() as patch:
        at_call(patch, Engine, "step", 5, HANGUP, HANGUP, HANGUP)
        with pytest.raises(Interrupted, match="and saved") as ended:
            train(**asked(tmp_path / "run"))
    assert ended.value.code == 129


def test_a_sigterm_that_is_passed_on_is_the_same_one(monkeypatch: pytest.MonkeyPatch):
    """Whoever ends all processes of a job, as systemd and Slurm do, ends torchrun with them, which passes it on."""
    signals = Signals()
    with signals.remember_signals():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert signals.number == signal.SIGTERM
        monkeypatch.setattr(signals, "since", signals.since - AT_ONCE)
        with pytest.raises(ForcedStop):
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("call", [0, 3, 5])
def test_a_measurement_that_was_left_is_taken_when_the_run_goes_on(whole: Path, tmp_path: Path, call: int):
    """The first, the one on the way and the last one; the figures are those of the run that nobody stopped."""
    with pytest.MonkeyPatch.context() as patch:
        at_call(patch, LoadedGame, "sample_chunk", call, signal.SIGINT)
        with pytest.raises(Interrupted, match="and saved"):
            train(**asked(tmp_path / "run", **MEASURED))
    at, run = [line.images for line in read_measurements(RunFolder(tmp_path / "run"))], resume(tmp_path / "run")
    assert at == [0, 48][: call // 2]
    equal(whole, run)
    told = [[(line.images, line.figures) for line in read_measurements(RunFolder(place))] for place in (whole, run)]
    assert told[0] == told[1] and [images for images, _ in told[0]] == [0, 48, 96]


def test_handlers_are_as_they_were_and_threads_may_work_without_any():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    signals = Signals()
    with signals.remember_signals():
        check_abandoned()  # nobody has asked
        signal.raise_signal(signal.SIGTERM)
        assert signals.number == signal.SIGTERM and signals.waiting > 0
        check_abandoned()  # this is no place to leave
        with pytest.raises(WorkAbandoned), signals.abandonable():
            check_abandoned()
        with pytest.raises(ForcedStop):
            signal.raise_signal(signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    left: list[str] = []

    def elsewhere() -> None:
        with Signals().remember_signals(), stop_on_signal():
            left.append("done")

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert left == ["done"]


@pytest.mark.skipif(HANGUP is None, reason="no terminal hangs up on this system")
def test_what_nohup_has_started_does_not_hear_the_terminal_go():
    before = signal.signal(HANGUP, signal.SIG_IGN)
    try:
        with stop_on_signal(), Signals().remember_signals():
            signal.raise_signal(HANGUP)
    finally:
        signal.signal(HANGUP, before)


def test_what_a_signal_ends_is_not_disturbed_while_it_tidies_up():
    tidied: list[str] = []

    def working() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            tidied.append("done")

    with pytest.raises(ForcedStop) as ended, stop_on_signal():
        working()
    assert ended.value.number == signal.SIGINT and tidied


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of one that a signal finds being imported, which takes it for something else."""
    body = "import signal\ntry:\n    signal.raise_signal(signal.SIGINT)\nexcept BaseException:\n    1 / 0\nwhole = 1\n"
    (tmp_path / "interrupted.py").write_text(body)
    monkeypatch.syspath_prepend(tmp_path)
    yield "interrupted"
    sys.modules.pop("interrupted", None)


def test_no_import_is_broken_by_a_signal(module: str):
    def working() -> None:
        import_module(module)
        time.sleep(5)

    with pytest.raises(ForcedStop), stop_on_signal():
        working()
    assert sys.modules[module].whole


def test_a_process_of_ones_own_ends_in_an_import(module: str):
    left: list[int] = []
    with stop_on_signal(lambda number, frame: left.append(number)):
        import_module(module)
    assert left == [signal.SIGINT]


def test_a_process_says_one_word_before_there_is_any_work_and_none_after_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    codes: list[int] = []
    monkeypatch.setattr("os._exit", codes.append)

    def working() -> int:
        signal.raise_signal(signal.SIGTERM)
        return 3

    before = {number: signal.getsignal(number) for number in STOPS}
    try:
        assert guarded(working) == 3
        signal.raise_signal(signal.SIGINT)
    finally:
        for number, old in before.items():
            signal.signal(number, old)
    assert codes == [143, 3] and capfd.readouterr().err == "saddle: interrupted\n"


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_ends_at_once_with_a_word_and_its_code(
    command: str, number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    import saddle.cli

    def obeying(words: list[str]) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr(saddle.cli, "dispatch", obeying)
    assert main([command]) == 128 + number
    assert capsys.readouterr().err == "saddle: interrupted\n"


@pytest.mark.parametrize("moves", [1e30, 100_001, Burst(high=1e9, low=1, first=1)])
def test_more_moves_in_a_round_than_a_run_can_make_are_refused(moves: Any):
    for who in ("critic", "generator"):
        with pytest.raises(Mistake, match=f"moves of the {who} in a round are more than a run can make; 100,000 are"):
            Turns(**{who: moves})
