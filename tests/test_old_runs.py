"""Runs of 0.1.0 open: they are loaded and measured, and go on to what they would have learned."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest
import torch

from saddle import load, resume
from saddle.cli import main
from saddle.recipes.old_names import OLD_MODULES, OLD_NAMES, with_old_names

OLD = Path(__file__).parent / "old_runs"
RUNS = sorted(path.name for path in OLD.iterdir())


@pytest.fixture
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD / request.param, tmp_path / request.param))


@pytest.mark.parametrize("old", RUNS, indirect=True)
def test_it_goes_on_as_it_would_have(old: Path) -> None:
    """To the bit on the machine that made them; elsewhere sums are taken in another order.

    After some rounds that can turn a decision, such as which way ADA's strength goes.
    """
    expected = [json.loads(line) for line in (old / "expected.jsonl").read_text().splitlines()]
    resume(old, trust=True, quiet=True)
    lines = [json.loads(line) for line in (old / "log.jsonl").read_text().splitlines()]
    then = lines[expected[0]["round"] :][: len(expected)]
    assert len(expected) == 20 and [line.keys() for line in then] == [line.keys() for line in expected]
    for place, (now, before) in enumerate(zip(then, expected, strict=True)):
        assert now == pytest.approx(before, rel=1e-3 if place < 12 else 0.2, abs=1e-4)


@pytest.mark.parametrize("old", RUNS, indirect=True)
def test_it_is_loaded_sampled_and_reported(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = load(old, trust=True).sample(3, seed=1)
    assert made.isfinite().all() and torch.equal(made, load(old, trust=True).sample(3, seed=1))
    assert main(["report", str(old), "--trust"]) == 0 and main(["diff", str(old), str(old)]) == 0


def test_every_old_name_stands_for_something_that_there_is() -> None:
    assert all(import_module(now) for now in OLD_MODULES.values())
    missing = [f"{module}.{old}" for module, names in OLD_NAMES.items() for old in names
               if not hasattr(with_old_names(import_module(module)), old)]  # fmt: skip
    assert not missing
