"""A run that was stopped, or killed, and resumed equals the run that was not, bit for bit."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import narrow
from saddle import load, resume, train
from saddle.clock import Clock
from saddle.data.array_dataset import ArrayDataset
from saddle.data.dataset import Dataset
from saddle.data.in_memory import open_given
from saddle.data.prepare import Prepare
from saddle.data.toys import sample_toy
from saddle.errors import Interrupted, Mistake
from saddle.recipes import RECIPES, find_recipe
from saddle.recipes.kinds import find_value_types
from saddle.recipes.revive import parse_recipe
from saddle.runs.folder import RunFolder
from saddle.training.callbacks.base import Callback
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint, save_checkpoint
from saddle.training.machine import Machine
from saddle.training.match import Match, MatchOptions

SIZES = {"dcgan-28": 28, "wgan-gp-mnist": 28, "wgan-gp-cifar": 32}
SMALL = {
    "gan": {"networks.width": "16", "batch": "8"},
    "dcgan": {"networks.width": "4", "batch": "8", "turns.generator": "1"},
    "dcgan-28": {"networks.width": "4", "batch": "8"},
    "wgan-gp": {"networks.width": "4", "batch": "8"},
    "wgan-gp-toy": {"networks.width": "16", "batch": "16"},
    "wgan-gp-mnist": {"networks.width": "4", "batch": "8"},
    "wgan-gp-cifar": {"networks.width": "4", "batch": "4"},
}


def small(name: str, **more: Any) -> dict[str, Any]:
    """Settings of a run of about twelve rounds at a small width."""
    size = None if name == "wgan-gp-toy" else SIZES.get(name, 16)
    batch = int(SMALL[name]["batch"])
    steps = 5 if name.startswith("wgan-gp") else 1
    return {"recipe": name, "options": SMALL[name], "size": size, "images": 12 * steps * batch, "limit": 64,
            "pictures": 3, "quiet": True, "seed": 3, "ema": 40, **more}  # fmt: skip


class StopAt:
    """Sends this process a signal while a drawn round is played."""

    def __init__(self, patch: pytest.MonkeyPatch, round: int, number: int = signal.SIGTERM) -> None:
        play = Match.play

        def playing(match: Match[Any], *between: Any) -> tuple[Clock, dict[str, torch.Tensor]]:
            if match.clock.round == round:
                signal.raise_signal(number)
            return play(match, *between)

        patch.setattr(Match, "play", playing)


def content(run: Path) -> dict[str, Any]:
    """All that must be equal: every tensor and fact of the last checkpoint, the log, the pictures."""
    path = latest_checkpoint(run / "checkpoints")
    assert path is not None
    tensors, facts = read_checkpoint(path)
    files = [run / "log.jsonl", *sorted((run / "sheets").iterdir()), run / "curves.png", run / "progress.png"]
    return {"tensors": tensors, "facts": facts, "files": {str(f.relative_to(run)): f.read_bytes() for f in files}}


def equal(a: Path, b: Path) -> None:
    one, two = content(a), content(b)
    assert one["facts"] == two["facts"]
    assert one["tensors"].keys() == two["tensors"].keys()
    for key, value in one["tensors"].items():
        assert torch.equal(value, two["tensors"][key]), key
    assert one["files"].keys() == two["files"].keys()
    for name, data in one["files"].items():
        assert data == two["files"][name], name
    assert torch.equal(load(a).sample(5, seed=2), load(b).sample(5, seed=2))


@pytest.mark.parametrize("name", SMALL)
def test_a_stopped_run_goes_on_to_the_same_bits(name: str, tmp_path: Path, device: torch.device):
    whole, halted = tmp_path / "whole", tmp_path / "halted"
    train(**small(name, out=whole, device=str(device)))
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, random.Random(name).randrange(1, 12))
        with pytest.raises(Interrupted, match="goes on exactly here") as stopped:
            train(**small(name, out=halted, device=str(device)))
    assert stopped.value.code == 143
    resume(halted)
    equal(whole, halted)


def dataset(name: str) -> Dataset:
    """Noise that a recipe plays with, with labels where there are classes."""
    data = narrow.shape(name)
    if given := narrow.pictures_for(name, 32):
        return open_given(given, Prepare(), print, "noise")
    dice = np.random.default_rng(0)
    if data.points:
        return ArrayDataset("points", sample_toy("ring", 32), fingerprint="0")
    pixels = dice.integers(0, 256, (32, data.height, data.width, data.channels), dtype=np.uint8)
    return ArrayDataset("noise", pixels, dice.integers(data.classes, size=32), ("a", "b", "c"), "0")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_goes_on_from_a_checkpoint_to_the_same_bits(name: str, tmp_path: Path, device: torch.device):
    recipe, data, rounds = narrow.small(name), dataset(name), 4
    stop = random.Random(name).randrange(1, rounds)

    def match(value: Any) -> Match[Any]:
        return Match(value, data, 10**4, Machine(device, torch.float32, ""), MatchOptions(seed=3, ema=20))

    def go(match: Match[Any], until: int) -> dict[str, torch.Tensor]:
        while match.clock.round < until:
            _, report = match.play()
        return report

    whole = match(recipe)
    go(whole, stop)
    path = save_checkpoint(tmp_path, *whole.state())
    one = go(whole, rounds)
    resumed = match(parse_recipe(repr(recipe), find_value_types(find_recipe(name)[1])))
    resumed.restore(*read_checkpoint(path))
    two = go(resumed, rounds)
    (tensors, facts), (again, same) = whole.state(), resumed.state()
    assert json.dumps(facts) == json.dumps(same) and tensors.keys() == again.keys() and one.keys() == two.keys()
    assert [key for key in tensors if not torch.equal(tensors[key], again[key])] == []
    assert [key for key in one if not torch.equal(one[key], two[key])] == []
    resumed.revert(*read_checkpoint(path))
    back, facts = resumed.state()
    kept = read_checkpoint(path).tensors
    assert back.keys() == kept.keys() and all(torch.equal(t, kept[key]) for key, t in back.items())
    assert facts["clock"] == same["clock"]  # which goes on


def test_pictures_and_checkpoints_change_no_weight(tmp_path: Path):
    plain = train(**small("dcgan", out=tmp_path / "plain", pictures=0, checkpoints=1e9))
    busy = train(**small("dcgan", out=tmp_path / "busy", pictures=12, checkpoints=1e-9))
    one, two = (read_checkpoint(p).tensors for run in (plain, busy) if (p := latest_checkpoint(run / "checkpoints")))
    assert all(torch.equal(value, two[key]) for key, value in one.items())


def test_parts_of_a_batch_resume_too(tmp_path: Path):
    whole, halted = tmp_path / "whole", tmp_path / "halted"
    train(**small("wgan-gp", out=whole, accumulate=2))
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 7, signal.SIGINT)
        with pytest.raises(Interrupted) as stopped:
            train(**small("wgan-gp", out=halted, accumulate=2))
    assert stopped.value.code == 130
    resume(halted)
    equal(whole, halted)


COMMAND = "import json, sys; from saddle import train; train(**json.loads(sys.argv[1]))"


def launch(**settings: Any) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", COMMAND, json.dumps(settings)]
    return subprocess.Popen(words, env=os.environ | {"OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize("name", [
    "dcgan", *(pytest.param(name, marks=pytest.mark.slow) for name in ("wgan-gp-toy", "gan")),
])  # fmt: skip
def test_a_killed_run_goes_on_to_the_same_bits(name: str, tmp_path: Path):
    """kill -9 after the first checkpoint; what it had begun to write is worth nothing, the checkpoint everything.

    It goes on in another process, this one.
    """
    settings = small(name, threads=1, checkpoints=0.2)
    settings["images"] *= 8
    killed = launch(**settings, out=str(tmp_path / "killed"))
    while not (done := latest_checkpoint(tmp_path / "killed" / "checkpoints")) and killed.poll() is None:
        time.sleep(0.005)
    killed.kill()
    assert done and killed.wait() == -signal.SIGKILL, "it ended before it could be killed"
    resume(tmp_path / "killed")
    equal(train(**settings, out=tmp_path / "whole"), tmp_path / "killed")


def test_a_run_killed_before_its_first_checkpoint_starts_again(tmp_path: Path):
    whole = train(**small("dcgan", out=tmp_path / "whole"))
    killed = train(**small("dcgan", out=tmp_path / "killed"))
    for path in (killed / "checkpoints").iterdir():
        path.unlink()
    resume(killed)
    equal(whole, killed)


class Heard(Callback):
    def __init__(self) -> None:
        self.sentences: list[str] = []

    def on_message(self, sentence: str) -> None:
        self.sentences.append(sentence)


def test_another_number_of_threads_warns(tmp_path: Path):
    threads = torch.get_num_threads()
    run = train(**small("wgan-gp-toy", out=tmp_path / "run", threads=1))
    try:
        resume(run, threads=2, watch=(heard := Heard()))
    finally:
        torch.set_num_threads(threads)
    assert heard.sentences[1:] == ["warning: this run had threads 1, now 2: it goes on, but not to the same bits"]


def rewrite(run: Path, old: str, new: str) -> None:
    manifest = RunFolder(run).manifest
    text = manifest.read_text()
    assert old in text
    manifest.write_text(text.replace(old, new))


@pytest.mark.parametrize(("old", "new", "says"), [
    ("width=4", "width=8", "the recipe's networks is"), ("batch=8", "batch=16", "the recipe's batch is batch"),
    ('"seed": 3', '"seed": 4', "seed is 3 in the checkpoint, but 4"),
    ('"images": 96', '"images": 960', "images is 96 in the checkpoint"),
])  # fmt: skip
def test_resuming_under_a_changed_recipe_is_refused(tmp_path: Path, old: str, new: str, says: str):
    run = train(**small("dcgan", out=tmp_path / "run"))
    rewrite(run, old, new)
    with pytest.raises(Mistake, match=says.replace("batch is batch", "batch is 8 in the checkpoint")):
        resume(run)


def test_one_folder_holds_one_run(tmp_path: Path):
    run = train(**small("wgan-gp-toy", out=tmp_path / "run"))
    before = content(run)["files"]
    with pytest.raises(Mistake, match="already holds a run; `saddle resume"):
        train(**small("wgan-gp-toy", out=run))
    assert content(run)["files"] == before
    with RunFolder(run).lock(), pytest.raises(Mistake, match="being trained by another process"):
        resume(run)
    one, two = (RunFolder.create(RunFolder.claim(tmp_path / "new"), "") for _ in range(2))  # by two that start at once
    with one.lock():
        with pytest.raises(Mistake, match="being trained by another process"), two.lock():
            pass
        one.check_not_taken()
        one.manifest.write_text("{}")
    with two.lock(), pytest.raises(Mistake, match="just been taken by another run"):
        two.check_not_taken()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("words")
    with pytest.raises(Mistake, match="no empty folder"):
        train(**small("wgan-gp-toy", out=tmp_path / "mine"))
