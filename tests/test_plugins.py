"""A user's file, or an installed package, adds values, metrics and health checks to what any recipe and run can use."""

from __future__ import annotations

import importlib.metadata
import json
import shlex
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest
import torch

import saddle
from saddle import plugged
from saddle.cli import main
from saddle.errors import Failure, Mistake
from saddle.measuring.metric_table import METRICS, all_metrics
from saddle.recipes import trust
from saddle.runs.folder import RunFolder
from saddle.runs.measures import read_measurements

MINE = """\
from dataclasses import dataclass
from typing import ClassVar

from saddle.measuring.metric_input import MetricInput, MetricResult
from saddle.measuring.metric_table import Metric
from saddle.training.health.checks import HealthCheck


@dataclass(frozen=True)
class Small:
    weight: float = 1.0
    every: int = 1
    loss: ClassVar[str] = "critic"
    input_grad: ClassVar[str] = "nowhere"

    def __call__(self, judge, real, fake):
        return real.score.square().mean()


def gap(case: MetricInput) -> MetricResult:
    return MetricResult(float((case.made.features.mean() - case.real.features.mean()).abs()), "gap of the means")


mean_gap = Metric("gap of the means", "lower", gap, "pixels")
watchful = HealthCheck("it was looked at", lambda past: f"round {past[-1].round}", "look away")
"""
TINY = "--data ring --images 64 --pictures 0 --quiet --batch 16 --networks Perceptron(2,8) --threads 1"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    return tmp_path


def train(more: str = "") -> int:
    return main(["train", "dcgan", *shlex.split(f"{TINY} --out run {more}")])


def test_a_file_adds_a_value_and_a_metric_and_the_run_goes_on_with_its_own_copy(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train('--plugin mine.py --penalties "Small(2)" --measure mean-gap --samples 16') == 0
    facts = json.loads(Path("run/manifest.json").read_text())
    assert "Small(weight=2" in facts["recipe"] and list(facts["plugin"]) == ["mine.py"]
    assert facts["settings"]["plugin"] == str(place / "mine.py") and Path("run/plugin/mine.py").read_text() == MINE
    Path("mine.py").write_text(MINE.replace("lower", "higher"))
    assert saddle.resume("run", images="+64") and saddle.load("run").sample(2).isfinite().all()
    (again,) = saddle.measure("run", metrics="mean-gap", n=16)  # by the run's own plugin, and so in a shell
    assert again.metric == "mean-gap" and main(["measure", "run", "--metrics", "mean-gap", "-n", "16"]) == 0
    figures = [figure for line in read_measurements(RunFolder("run")) for figure in line.figures]
    assert {(figure.metric, figure.better) for figure in figures} == {("mean-gap", "lower")}
    assert "mine.py has changed since this run began (line 24" in capsys.readouterr().err
    assert all_metrics() == METRICS  # what a run brought is gone with it
    Path("mine.py").unlink()
    assert saddle.resume("run", images="+64") == Path("run")


def test_what_a_plugin_adds_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--plugin", "mine.py"]) == 0
    said = capsys.readouterr().out
    assert "Small(weight=1.0, every=1)" in said and "mean-gap" in said and "look away" in said
    assert main(["list", "Small", "--plugin", "mine.py"]) == 0 and "weight=1.0" in capsys.readouterr().out
    assert main(["list", "plugins"]) == 0 and "No installed package adds" in capsys.readouterr().out
    assert main(["list", "Small"]) == 2 and "there is no list of Small" in capsys.readouterr().err


def test_a_plugins_metric_measures_and_is_listed_and_misspelt(capsys: pytest.CaptureFixture[str]) -> None:
    (figure,) = saddle.measure(torch.rand(8, 2), against=torch.rand(9, 2), metrics="mean-gap", plugin="mine.py")
    assert figure.metric == "mean-gap" and figure.value > 0
    assert main(["measure", "--plugin", "mine.py", "--help"]) == 0
    assert "mean-gap" in capsys.readouterr().out
    assert main(["measure", "ring", "--against", "grid", "--metrics", "mean-gab", "--plugin", "mine.py"]) == 2
    assert "did you mean mean-gap?" in capsys.readouterr().err
    with pytest.raises(Mistake, match="there is no metric mean-gap"):
        saddle.measure(torch.rand(8, 2), against=torch.rand(9, 2), metrics="mean-gap")


def test_a_plugins_health_check_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saddle.training.health.monitor.PROBE_INTERVAL", 1)
    monkeypatch.setattr("saddle.training.health.monitor.probe_size", lambda batch: 8)
    assert train("--plugin mine.py") == 0
    assert "it was looked at" in Path("run/health.jsonl").read_text()


def test_a_plugin_that_a_run_brings_is_run_only_once_it_was_named_here(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train('--plugin mine.py --penalties "Small(2)"') == 0
    monkeypatch.setenv("SADDLE_CONFIG", str(place / "other"))
    monkeypatch.setattr(trust, "trusted_in_process", set())
    with pytest.raises(Mistake, match=r"run brings a plugin of its own, .*mine\.py, which was never named on this"):
        saddle.load("run")
    assert saddle.load("run", trust=True).sample(1).isfinite().all()


@pytest.mark.parametrize(("old", "new", "fault"), [
    ("mean_gap = ", "fid = ", "mine.py defines fid, which there is already"),
    ('"it was looked at"', '"the critic has won"', "defines the critic has won, which there is already"),
    ("mean_gap = ", "1 / 0  # ", "mine.py, line 24: ZeroDivisionError"),
])  # fmt: skip
def test_what_a_plugin_defines_wrongly_is_refused(
    old: str, new: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.py").write_text(MINE.replace(old, new))
    assert train("--plugin mine.py --measure 1nn --samples 16") == 2
    assert fault in capsys.readouterr().err and not Path("run").exists()


def test_a_metric_that_goes_wrong_is_told_by_its_line() -> None:
    Path("mine.py").write_text(MINE.replace("return MetricResult(", "return {}[0](", 1))
    with pytest.raises(Failure, match=r"mine\.py, line 21: KeyError: 0"):
        saddle.measure(torch.rand(8, 2), against=torch.rand(9, 2), metrics="mean-gap", plugin="mine.py")
    Path("mine.py").write_text(MINE.replace("return MetricResult(", "return (", 1))
    with pytest.raises(Mistake, match="mean-gap cannot be measured: its function gave tuple"):
        saddle.measure(torch.rand(8, 2), against=torch.rand(9, 2), metrics="mean-gap", plugin="mine.py")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that offers the same as a plugin."""
    module = sys.modules["saddle_mine"] = ModuleType("saddle_mine")
    module.__file__ = "saddle_mine.py"
    exec(MINE, vars(module))
    point = EntryPoint("mine", "saddle_mine", plugged.PLUGIN_GROUP)
    whole = importlib.metadata.entry_points
    own = lambda **wanted: (point,) if wanted == {"group": plugged.PLUGIN_GROUP} else whole(**wanted)  # noqa: E731
    monkeypatch.setattr(importlib.metadata, "entry_points", own)
    plugged.installed_plugins.cache_clear()
    yield
    plugged.installed_plugins.cache_clear()
    del sys.modules["saddle_mine"]


@pytest.mark.usefixtures("installed")
def test_an_installed_package_adds_the_same_without_being_named() -> None:
    assert train('--penalties "Small(2)" --measure mean-gap --samples 16') == 0
    assert json.loads(Path("run/manifest.json").read_text())["plugin"] == {} and not Path("run/plugin").exists()
    assert saddle.resume("run", images="+64") and saddle.load("run").sample(2).isfinite().all()


SOURCE = """\
import numpy as np

from saddle.data import Source


def ramps(part):
    if part not in (None, "test"):
        raise ValueError(f"no part {part}")
    return np.arange(40 * 256, dtype=np.uint8).reshape(40, 16, 16) + (part == "test")


slow_ramps = Source("ramps of grey; also slow-ramps:test", ramps)
"""
RAMPS = "--data slow-ramps --images 64 --pictures 0 --quiet --batch 16 --networks Perceptron(2,8) --threads 1"


def test_a_plugins_data_are_listed_trained_on_measured_and_gone_on_with(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.py").write_text(SOURCE)
    assert main(["list", "data", "--plugin", "mine.py"]) == 0
    assert "slow-ramps        ramps of grey" in capsys.readouterr().out
    line = ["train", "gan", *RAMPS.split(), "--plugin", "mine.py", "--held-out", "5"]
    assert main([*line, "--out", "run"]) == 0
    facts = json.loads(Path("run/manifest.json").read_text())
    assert facts["settings"]["data"] == facts["data"]["name"] == "slow-ramps" and facts["data"]["samples"] == 35
    Path("slow-ramps").mkdir()  # a folder that is called so is no matter to the run
    Path("mine.py").write_text(SOURCE.replace("np.arange", "1 + np.arange"))  # nor what the file says now
    assert main(["resume", "run", "--images", "+64"]) == 0
    assert main(["measure", "run", "--metrics", "swd", "-n", "16"]) == 0
    assert main(["measure", "run", "--metrics", "swd", "-n", "16", "--against", "saddle:slow-ramps:test", "--plugin",
                 "mine.py"]) == 0  # fmt: skip
    assert "slow-ramps:test" in capsys.readouterr().out
    assert main(["reproduce", "run", "--out", "again"]) == 0
    Path("slow-ramps").rmdir()
    capsys.readouterr()
    for more, said in (([], "there is no file, folder or data set slow-ramps"),
                       (["--plugin", "mine.py", "--data", "slow-ramps:val"], "mine.py, line 8: ValueError: no part"),
                       (["--plugin", "mine.py", "--data", "slow-ramp"], "did you mean slow-ramps?")):  # fmt: skip
        assert main([*["train", "gan", *RAMPS.split()], *more]) == 2
        assert said in capsys.readouterr().err
    Path("mine.py").write_text(SOURCE.replace("slow_ramps =", "glyphs ="))
    assert main(line) == 2 and "mine.py defines glyphs, which there is already" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sweep_trains_on_a_plugins_data(place: Path) -> None:
    Path("mine.py").write_text(SOURCE)
    more = "--seeds 2 --out sweep --plugin mine.py"
    assert main(["sweep", "gan", *shlex.split(f"{RAMPS} {more}")]) == 0
