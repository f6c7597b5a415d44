"""How a recipe, its own data and what a user says come together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import saddle.training.checkpoint as checkpoints
from saddle import resume, train
from saddle.errors import Mistake
from saddle.recipes import RECIPES
from saddle.recipes.dcgan import DCGAN
from saddle.resolved import resolve_recipe
from saddle.runs.folder import RunFolder
from saddle.runs.settings import Settings


def chosen(options: dict[str, str], data: str | None = None) -> DCGAN:
    value = resolve_recipe("dcgan", options, Settings(data=data))[1]
    assert isinstance(value, DCGAN)
    return value


def test_a_recipe_is_quick_on_its_own_data_and_the_papers_on_any_other():
    assert chosen({}) == chosen({}, "glyphs") == chosen(dict(RECIPES["dcgan"].quick), "mnist") != DCGAN()
    assert chosen({}, "mnist") == DCGAN()


def test_what_a_user_says_goes_before_what_a_recipe_has_for_its_own_data():
    assert chosen({"batch": "64"}).batch == 64 and chosen({"batch": "64"}).turns.generator == 2
    assert chosen({"optimizer": "Adam(1e-5)"}).optimizer.lr == 1e-5
    assert chosen({"turns.critic": "3"}).turns == chosen({"turns": "Turns(3, 2)"}).turns


def test_a_value_is_taken_as_it_is():
    assert resolve_recipe(DCGAN(batch=8), {}, Settings())[1] == DCGAN(batch=8)


TOY: dict[str, Any] = {"recipe": "wgan-gp-toy", "options": {"networks.width": "8", "batch": "16"}, "limit": 64,
                       "images": 160, "pictures": 0, "quiet": True, "threads": 1}  # fmt: skip


def test_training_leaves_torch_as_it_was(tmp_path: Path):
    """Chance and threads, whether the run ends well or not."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        torch.manual_seed(7)
        state = torch.get_rng_state()
        run = train(**TOY, out=tmp_path / "run")
        resume(run)
        with pytest.raises(Mistake, match="already holds a run"):
            train(**TOY, out=run)
        with pytest.raises(Mistake, match="a batch of 16 cannot be cut into 3 equal parts"):
            train(**TOY, accumulate=3, out=tmp_path / "other")
        assert torch.get_num_threads() == 3 and torch.equal(torch.get_rng_state(), state)
    finally:
        torch.set_num_threads(before)


def test_a_resumed_run_reads_its_checkpoint_once_and_under_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = train(**TOY, out=tmp_path / "run")
    read, seen = checkpoints.read_checkpoint, []

    def reading(path: Path) -> checkpoints.Checkpoint:
        with pytest.raises(Mistake, match="being trained by another process"), RunFolder(run).lock():
            pass
        seen.append(path)
        return read(path)

    monkeypatch.setattr(checkpoints, "read_checkpoint", reading)
    resume(run)
    assert len(seen) == 1
