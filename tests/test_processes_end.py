"""A process of several that ends, or that finds a mistake: the others say one sentence, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch.distributed as dist

from saddle.cli import main
from saddle.errors import Failure, Mistake
from saddle.training.checkpoint import latest_checkpoint
from saddle.training.machine import MissingProcess, catch_missing_process, is_first_to_say, is_said
from several import free_port
from test_processes import TOY


@pytest.mark.parametrize("says", ["[gloo/transport/tcp/pair.cc:537] Read error: reset by peer.", "NCCL error"])
def test_what_fails_for_want_of_another_process_says_so(says: str):
    with pytest.raises(MissingProcess, match="another process of this run has ended"), catch_missing_process():
        raise RuntimeError(says)
    with pytest.raises(RuntimeError, match="mine"), catch_missing_process():
        raise RuntimeError("mine")
    with pytest.raises(Failure, match="gloo"), catch_missing_process():
        raise Failure("of gloo")


def test_of_several_processes_one_says_what_all_of_them_have():
    store = dist.HashStore()
    assert [is_first_to_say(store, "the same") for _ in range(3)] == [True, False, False] and is_first_to_say(
        store, "another"
    )


def test_that_a_process_is_missing_goes_without_saying_where_it_said_why():
    store, missing = dist.HashStore(), MissingProcess("another process of this run has ended")
    assert not is_said(store, missing)
    assert not is_said(dist.PrefixStore("a", store), Mistake("a fault")) and is_said(
        dist.PrefixStore("a", store), missing
    )


@pytest.mark.parametrize(("local", "said", "speaks"), [
    ("0", None, True), ("1", None, False), ("1", False, True), ("0", True, False)])  # fmt: skip
@pytest.mark.parametrize("kind", [Mistake, Failure])
def test_who_speaks(kind: type[Mistake | Failure], local: str, said: bool | None, speaks: bool,
                    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # fmt: skip
    def obeying(words: list[str]) -> None:
        error = kind("there is a fault")
        error.said = said
        raise error

    monkeypatch.setenv("LOCAL_RANK", local)
    monkeypatch.setattr("saddle.cli.dispatch", obeying)
    assert main([]) == (2 if kind is Mistake else 1)
    assert capsys.readouterr().err == "saddle: there is a fault\n" * speaks


def beside(tmp_path: Path, *words: str) -> list[subprocess.Popen[str]]:
    """Two processes of one run, as torchrun would start them."""
    port = str(free_port())
    started = []
    for own in ("0", "1"):
        env = os.environ | {"OMP_NUM_THREADS": "1", "RANK": own, "LOCAL_RANK": own, "WORLD_SIZE": "2",
                            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}  # fmt: skip
        started.append(subprocess.Popen([sys.executable, "-m", "saddle", *words], env=env, text=True, cwd=tmp_path,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE))  # fmt: skip
    return started


@pytest.mark.slow
def test_a_process_that_dies_ends_the_others_with_one_sentence(tmp_path: Path):
    run = tmp_path / "run"
    words = [*TOY, "--out", str(run), "--checkpoints", "0.5", "--quiet"]
    words[words.index("--images") + 1] = "10M"
    one, two = beside(tmp_path, *words)
    for _ in range(600):
        time.sleep(0.1)
        if run.exists() and latest_checkpoint(run / "checkpoints"):
            break
    two.kill()
    said = one.communicate(timeout=60)[1]
    two.communicate()
    assert one.returncode == 75 and said.count("\n") == 1 and "Traceback" not in said
    assert "another process of this run has ended" in said and f"resume {run}` goes on from there" in said


@pytest.mark.slow
def test_a_mistake_of_all_processes_is_said_once(tmp_path: Path):
    words = list(TOY)
    words[words.index("--batch") + 1] = "15"
    started = beside(tmp_path, *words)
    both = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [2, 2]
    assert sorted(both) == ["", "saddle: a batch of 15 cannot be cut into 2 equal parts, for processes and "
                                "--accumulate; give --batch 16\n"]  # fmt: skip
