"""What a scheduler does to several processes: it tells one of them to stop, kills one, and starts fewer or more."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch

from saddle.cli import main
from saddle.errors import Mistake
from saddle.runs.settings import Settings
from saddle.seconds import written_seconds
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint
from several import command, several
from test_same_command import shown

TOY = ["train", "wgan-gp-toy", "--networks.width", "16", "--batch", "16", "--limit", "512", "--device", "cpu",
       "--precision", "float32", "--pictures", "0", "--seed", "5", "--threads", "1", "--turns.critic", "1", "--quiet",
       "--resume", "auto", "--images", "320"]  # fmt: skip


@pytest.fixture(scope="module")
def in_peace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty rounds by two processes whom nobody disturbs."""
    run = tmp_path_factory.mktemp("peace") / "run"
    assert several(2, command, [*TOY, "--out", str(run)]) == [0, 0]
    return run


def same_bits(one: Path, other: Path) -> None:
    a, b = (read_checkpoint(latest_checkpoint(run / "checkpoints")) for run in (one, other))
    assert a.tensors.keys() == b.tensors.keys() and all(
        torch.equal(a.tensors[key], b.tensors[key]) for key in a.tensors
    )
    assert (one / "log.jsonl").read_bytes() == (other / "log.jsonl").read_bytes()


def test_what_one_process_is_told_all_of_them_do(in_peace: Path, tmp_path: Path):
    """It comes to the second alone; both save and leave in the same round, and the same command goes on."""
    line = [*TOY, "--out", str(tmp_path / "run"), "--grace", "60s"]
    assert several(2, command, line, signal.SIGUSR2, 7, 1) == [128 + signal.SIGUSR2] * 2
    assert 0 < shown(tmp_path / "run") < 320
    assert several(2, command, line) == [0, 0]
    same_bits(in_peace, tmp_path / "run")


def test_the_same_command_goes_on_after_the_first_process_was_killed(in_peace: Path, tmp_path: Path):
    line = [*TOY, "--out", str(tmp_path / "run"), "--checkpoints", "1e-6"]
    assert several(2, command, line, signal.SIGKILL, 9, 0) == [-signal.SIGKILL, 75]
    assert 0 < shown(tmp_path / "run") < 320
    assert several(2, command, line) == [0, 0]
    same_bits(in_peace, tmp_path / "run")


def test_fewer_or_more_processes_go_on_as_one_would_have(tmp_path: Path):
    """Two processes, then one, then four: the weights of one process to rounding."""
    one, changing = [*TOY, "--out", str(tmp_path / "one")], [*TOY, "--out", str(tmp_path / "changing")]
    assert main(one) == 0
    assert several(2, command, changing, signal.SIGUSR1, 5, 1) == [138] * 2
    codes = several(1, command, changing, signal.SIGUSR1, 11)
    assert codes == [138] and "was played by 2 processes, now by 1" in codes.said
    assert several(4, command, changing) == [0] * 4
    a, b = (read_checkpoint(latest_checkpoint(tmp_path / run / "checkpoints")) for run in ("one", "changing"))
    assert a.facts["clock"] == b.facts["clock"]
    for key, value in a.tensors.items():
        torch.testing.assert_close(b.tensors[key], value, rtol=0, atol=1e-5, msg=key)


def test_a_length_of_time_is_written_as_people_do():
    assert [written_seconds(text, "grace") for text in ("20s", "2m", "1.5h", 20, "0.5")] == [20, 120, 5400, 20, 0.5]
    for wrong in ("soon", "-1s", True, "1d", ""):
        with pytest.raises(Mistake, match="a length of time: 20s, 2m or 1h"):
            written_seconds(wrong, "grace")
    with pytest.raises(Mistake, match=r"grace is .*above 0"):
        Settings(grace="0s")
    assert Settings(grace="2m") == Settings(grace=120)
