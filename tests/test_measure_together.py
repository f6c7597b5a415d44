"""Figures that the processes of torchrun take together: those of one process, written and said by one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from saddle import train
from saddle.cli import main
from saddle.runs.folder import RunFolder
from saddle.runs.measures import read_measurements
from several import command, several


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a few rounds on noise."""
    place = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    np.savez(place / "noise.npz", images=rng.integers(0, 256, (200, 16, 16, 3), np.uint8))
    return train("dcgan", str(place / "noise.npz"), options={"networks.width": "2", "batch": "8"}, images=16,
                 pictures=0, quiet=True, threads=1, out=place / "r")  # fmt: skip


def test_two_processes_take_the_figures_of_one_and_one_writes_them(run: Path, tmp_path: Path) -> None:
    how = ["--features", "random", "--metrics", "fid,swd", "-n", "150", "--device", "cpu"]
    alone, shared = (Path(shutil.copytree(run, tmp_path / name)) for name in ("alone", "shared"))
    assert main(["measure", str(alone), *how, "--json", str(tmp_path / "one.json")]) == 0
    codes = several(2, command, ["measure", str(shared), *how, "--json", str(tmp_path / "two.json")])
    assert codes == [0, 0] and codes.said.count("intervals of 95 %") == 1
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    for ours, theirs in zip(one, two, strict=True):
        assert theirs["value"] == pytest.approx(ours["value"], rel=1e-4)
        assert {**theirs, "value": 0, "low": 0, "high": 0} == {**ours, "value": 0, "low": 0, "high": 0}
    assert [len(read_measurements(RunFolder(place))) for place in (alone, shared)] == [1, 1]


def test_what_cannot_be_measured_is_said_once_and_ends_all(run: Path) -> None:
    codes = several(2, command, ["measure", str(run), "--metrics", "fit"])
    assert codes == [2, 2] and codes.said.count("did you mean fid?") == 1
