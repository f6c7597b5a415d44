"""Several processes make the samples that one measures: the same ones, to the bit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from saddle.cli import main
from saddle.inference.loaded import LoadedGame
from saddle.runs.folder import RunFolder
from saddle.runs.measures import read_measurements
from several import command, several
from test_restarts import TOY

MEASURED = [*TOY[:-1], "32", "--measure", "precision", "--samples", "150", "--every", "1000"]


def counting(words: list[str], folder: str) -> int:
    """The command, and in which process which samples were made."""
    make, made = LoadedGame.sample_chunk, []

    def sample_chunk(self: LoadedGame, seed: int, place: int, n: int, *more: Any, **style: Any) -> Tensor:
        made.append(place)
        return make(self, seed, place, n, *more, **style)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LoadedGame, "sample_chunk", sample_chunk)
        code = command(words)
    Path(folder, os.environ["RANK"]).write_text(" ".join(map(str, made)))
    return code


def broken(words: list[str]) -> int:
    """The command, whose first samples are no numbers once it has trained: the first process leaves them there."""
    make = LoadedGame.sample_chunk

    def sample_chunk(self: LoadedGame, seed: int, place: int, n: int, *more: Any, **style: Any) -> Tensor:
        made = make(self, seed, place, n, *more, **style)
        return made if place or not self.clock.images else made * torch.nan

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LoadedGame, "sample_chunk", sample_chunk)
        return command(words)


def figures(run: Path) -> list[tuple[int, Any]]:
    return [(line.images, line.figures) for line in read_measurements(RunFolder(run))]


def test_processes_share_the_samples_of_a_measurement(tmp_path: Path):
    """Before the first round the weights of one process and of two are the same; so are the figures."""
    assert main([*MEASURED, "--out", str(tmp_path / "one")]) == 0
    assert several(2, counting, [*MEASURED, "--out", str(tmp_path / "two")], str(tmp_path)) == [0, 0]
    one, two = figures(tmp_path / "one"), figures(tmp_path / "two")
    assert one[0] == two[0] and len(one) == len(two) == 2
    made = [[int(place) for place in (tmp_path / rank).read_text().split()] for rank in ("0", "1")]
    rows = made[1][0]
    assert made[0][: len(made[0]) // 2] == list(range(0, 150, 2 * rows))
    assert made[1][: len(made[1]) // 2] == list(range(rows, 150, 2 * rows))


def test_samples_that_are_left_before_their_end_leave_no_process_waiting(tmp_path: Path):
    codes = several(2, broken, [*MEASURED, "--out", str(tmp_path / "run")])
    assert codes == [0, 0] and "holds a value that is no number" in codes.said
    assert [images for images, _ in figures(tmp_path / "run")] == [0]
