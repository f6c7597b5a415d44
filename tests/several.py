"""Processes of one run on this machine, as torchrun would start them; forked of a server that has imported torch."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from saddle.training import loop
from saddle.training.match import Match

START = "forkserver" if "forkserver" in mp.get_all_start_methods() else "spawn"
SECONDS = 300.0  # a process that takes longer hangs


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def write_killed_job(script: Path, line: list[str], mark: Path, rank: int, round: int,
                     read_every: int = loop.READ_EVERY) -> None:  # fmt: skip
    """A program that types a line, and of which one process is killed in a round, once: where there is no mark yet."""
    script.write_text(f"""
import os, signal, sys
from pathlib import Path
from saddle.cli import main
from saddle.training import loop
from saddle.training.match import Match
loop.READ_EVERY = {read_every}
mark, play = Path({str(mark)!r}), Match.play
def playing(match, *between):
    if match.clock.round == {round} and os.environ["RANK"] == "{rank}" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return play(match, *between)
Match.play = playing
sys.exit(main({line!r}))
""")


class Codes(list[int]):
    """Exit codes of processes, and what all of them said."""

    said = ""


def several(count: int, work: Callable[..., int | None], *given: Any) -> Codes:
    """The exit codes of so many processes that do `work(*given)` together; minus a signal's number if it ended one."""
    context: Any = mp.get_context(START)
    if START == "forkserver":
        context.set_forkserver_preload(["saddle.sessions", "saddle.cli.training"])
    port = free_port()
    with tempfile.NamedTemporaryFile() as said:
        started = [context.Process(target=begin, args=(i, count, port, said.name, work, given)) for i in range(count)]
        for process in started:
            process.start()
        for process in started:
            process.join(SECONDS)
        hang = [process for process in started if process.exitcode is None]
        for process in hang:
            process.kill()
        codes = Codes(int(process.exitcode or 0) for process in started)
        codes.said = said.read().decode()
    print(codes.said)
    assert not hang, f"{len(hang)} of {count} processes hang"
    return codes


def begin(rank: int, count: int, port: int, said: str, work: Callable[..., int | None], given: Sequence[Any]) -> None:
    import torch

    from saddle.uncompiled import leave_compiler_out

    leave_compiler_out()
    output = os.open(said, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)

    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1",
                   "MASTER_PORT": str(port)}  # fmt: skip
    os._exit(work(*given) or 0)


def command(words: Sequence[str], number: int = 0, round: int = 0, rank: int = 0) -> int:
    """The command line, to which a signal comes before a round, in one of the processes alone."""
    from saddle.cli import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "READ_EVERY", 2)  # rounds; what is saved does not hang on it
        if number and os.environ["RANK"] == str(rank):
            send_before(patch, round, number)
        return main(list(words))


def send_before(patch: pytest.MonkeyPatch, round: int, number: int) -> None:
    play = Match.play

    def playing(match: Match[Any], *between: Any) -> object:
        if match.clock.round == round:
            os.kill(os.getpid(), number)
            signal.getsignal(number)  # a place where Python hears of it
        return play(match, *between)

    patch.setattr(Match, "play", playing)
