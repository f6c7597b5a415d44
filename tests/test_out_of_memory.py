"""Memory that is not there, and counts that nothing has room for: one sentence, with what fits or what needs less."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from saddle import load, measure, resume, train
from saddle.batches import Images
from saddle.cli import main
from saddle.core import Game
from saddle.errors import Mistake
from saddle.inference.loaded import LoadedGame
from saddle.out_of_memory import OutOfMemory, available_memory, catch_out_of_memory, check_capacity, format_bytes
from saddle.parts import draw_rows
from saddle.runs.settings import Settings
from saddle.runs.writing import existing_parent
from saddle.shape import Shape
from saddle.training import run_length
from saddle.training.checkpoint import latest_checkpoint
from saddle.training.engine import Engine
from saddle.training.machine import find_machine, use_threads
from saddle.training.match import Match, MatchOptions
from test_signals import asked

CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB"


FREE = "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has 15.77 GiB in all of which 1.50 GiB is free."


def full(*args: Any) -> None:
    raise torch.OutOfMemoryError(FREE if args == (FREE,) else CUDA)


LACKS = {
    "torch": (lambda: torch.empty(10**13), "36.4 TB were asked for at once, .* are free"),
    "torch, beyond counting": (lambda: torch.empty(10**12, 10**12), "memory is too small: .* are free"),
    "numpy": (lambda: np.empty(10**13), "72.8 TiB were asked for"),
    "numpy, beyond counting": (lambda: np.empty((10**13, 10**10)), "memory is too small"),
    "python": (lambda: bytearray(2**62), "memory is too small"),
    "cuda": (full, "the GPU's memory is too small: 2.00 GiB were asked for at once; ask for less"),
    "cuda, as it is told now": (
        lambda: full(FREE),
        "20.00 MiB were asked for at once, 1.50 GiB are free; ask for less",
    ),
}


@pytest.mark.parametrize("kind", LACKS)
def test_every_kind_of_missing_memory_is_one_sentence(kind: str):
    ask, says = LACKS[kind]
    with pytest.raises(OutOfMemory, match=says) as told, catch_out_of_memory():
        ask()
    assert told.value.code == 1 and "\n" not in str(told.value) and told.value.__suppress_context__


@pytest.mark.parametrize("error", [RuntimeError("another fault"), Mistake("of 3"), ValueError("x"), OSError(2, "no")])
def test_other_faults_stay_what_they_are(error: Exception):
    with pytest.raises(type(error)) as told, catch_out_of_memory():
        raise error
    assert told.value is error


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(**asked(tmp_path_factory.mktemp("memory") / "run"))


def test_networks_too_large_for_memory_are_said_to_be(tmp_path: Path):
    """Before there is a folder."""
    wide = {"networks.width": "4000000", "batch": "8"}
    with pytest.raises(OutOfMemory, match=r"smaller networks \(--networks.width, now 4,000,000\) need less$"):
        train(**asked(tmp_path / "run", options=wide))
    assert not (tmp_path / "run").exists()


def test_a_round_too_large_for_memory_names_what_needs_less_and_the_last_checkpoint(tmp_path: Path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("saddle.training.loop.READ_EVERY", 1)
        step, calls = Engine.step, iter(range(100))
        patch.setattr(Engine, "step", lambda *args: full() if next(calls) == 8 else step(*args))
        with pytest.raises(OutOfMemory) as told:
            train(**asked(tmp_path / "run", checkpoints=1e-9))
    last = latest_checkpoint(tmp_path / "run" / "checkpoints")
    parts = ("2.00 GiB", "--accumulate 2,", "--fit finds how many", "--batch 4", "--networks.width, now 4")
    for part in (*parts, f"checkpoint is {last}"):
        assert part in str(told.value)
    resume(tmp_path / "run")
    train(**asked(tmp_path / "new", accumulate=2))  # as it was told
    train(**asked(tmp_path / "fit", fit=True))


def test_sampling_and_measuring_say_it_too(run: Path, capsys: pytest.CaptureFixture[str]):
    model = load(run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model.game, "make", full)
        with pytest.raises(OutOfMemory, match=r"2\.00 GiB"):
            model.sample(3)
        patch.setattr(LoadedGame, "sample_chunk", full)
        with pytest.raises(OutOfMemory, match="a smaller -n needs less"):
            measure(run, metrics="precision", n=32)
        assert main(["sample", str(run)]) == 1
        assert capsys.readouterr().err.count("\n") == 1


class Small(Game[Images]):
    """Makes no more than so many samples at once."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.rows = most, []

    def latents(self, like: torch.Tensor) -> torch.Tensor:
        return draw_rows(torch.randn, like, 1, 1, 1)

    def make(self, latents: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        self.rows.append(len(latents))
        if len(latents) > self.most:
            full()
        return latents.tanh().expand(-1, 3, 8, 8) + (0 if condition is None else condition[:, None, None, None])


@pytest.mark.parametrize("told", [None, torch.arange(40.0)])
def test_samples_are_made_in_halves_where_memory_is_too_small_for_all_at_once(told: torch.Tensor | None):
    large, few = (LoadedGame(Small(most), Shape(3, 8, 8), (), torch.device("cpu")) for most in (64, 10))
    assert torch.equal(few.sample(40, seed=5, condition=told), large.sample(40, seed=5, condition=told))
    assert few.game.rows == [40, 20, 10, 10, 10, 10]  # too many are not tried again
    few.game.rows.clear()
    few.sample(40, condition=told)
    assert max(few.game.rows) == 10


def test_a_gpu_that_is_too_small_for_one_sample_is_told_of_the_processor(monkeypatch: pytest.MonkeyPatch):
    loaded = LoadedGame(Small(0), Shape(3, 8, 8), (), torch.device("cpu"))
    monkeypatch.setattr(loaded, "device", torch.device("meta"))  # as any that is no processor
    monkeypatch.setattr(loaded, "make_rows", full)
    with pytest.raises(OutOfMemory, match="--device cpu takes the machine's memory"):
        loaded.sample_chunk(0, 0, 1)


def test_counts_that_nothing_has_room_for_name_the_number_that_fits(run: Path, tmp_path: Path):
    free = format_bytes(available_memory() or 0).split()[1]
    with pytest.raises(Mistake, match=rf"1,000,000,000,000 samples .* TB, and .* {free} are free; -n \d+ would fit"):
        measure(run, n=10**12)
    with pytest.raises(Mistake, match=r"samples take .*; n = \d+ would fit"):
        load(run).sample(10**13)
    with pytest.raises(Mistake, match=r"--threads \d+ uses all of it"):
        train(**asked(tmp_path / "no") | {"threads": 4000})
    with pytest.raises(Mistake, match=r"--threads \d+ uses all of it"):
        resume(run, threads=4000)
    for name, count in (("pictures", 10**9), ("threads", 10**12), ("samples", 10**12)):
        with pytest.raises(Mistake, match=name):
            train(**asked(tmp_path / "no", measure="precision") | {name: count})
    assert not (tmp_path / "no").exists()
    use_threads(None)


def test_what_fits_is_not_refused():
    check_capacity(10, 100, "things", "-n", free=1000)
    with pytest.raises(Mistake, match=r"11 things take 1\.1 KB, and 1,000 bytes are free; -n 9 would fit"):
        check_capacity(11, 101, "things", "-n", free=1000)
    with pytest.raises(Mistake, match=r"0 bytes are free; not one would fit$"):
        check_capacity(1, 101, "things", "-n", free=0)
    assert (available_memory() or 10**9) > 10**7
    assert [format_bytes(n) for n in (5, 1536, 10**6, 10**9, 10**13)] == [
        "5 bytes",
        "1.5 KB",
        "977 KB",
        "954 MB",
        "9.1 TB",
    ]


def test_files_of_samples_must_fit_the_disk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                            tmp_path: Path):  # fmt: skip

    class Pictures:
        shape, conditional = (
            SimpleNamespace(points=False, channels=3, height=64, width=64, classes=0, condition=None, text=None),
            False,
        )

        def sample_chunks(self, *args: Any) -> Any:
            return iter(())

    monkeypatch.setattr("saddle.inference.load.load", lambda *args, **more: Pictures())
    (tmp_path / "manifest.json").touch()  # a run, as far as is looked at before it is loaded
    assert main(["sample", str(tmp_path), "-n", "1e12", "--out", str(tmp_path / "a" / "b")]) == 2
    assert "files take" in (said := capsys.readouterr().err) and "would fit" in said and not (tmp_path / "a").exists()
    assert existing_parent(tmp_path / "a" / "b") == tmp_path
    assert main(["sample", str(tmp_path), "-n", "3", "--out", str(tmp_path / "a" / "b")]) == 0


class Paced:
    """A match of which each round takes some time, of which the processor was ours for a share."""

    def __init__(self, patch: pytest.MonkeyPatch, rounds: list[tuple[float, float]], batch: int = 8) -> None:
        self.wall, self.mine, self.rounds, self.batch = 0.0, 0.0, iter(rounds), batch
        self.times = 0  # that the device was waited for
        self.feeds = [SimpleNamespace(position=0)]
        self.machine = find_machine("cpu", "float32")
        patch.setattr(run_length, "synchronized_time", self.asked)
        patch.setattr(run_length, "host_time", lambda: self.wall)
        patch.setattr(run_length.time, "thread_time", lambda: self.mine)

    def asked(self, match: object) -> float:
        self.times += 1
        return self.wall

    def play(self, between: Any) -> None:
        between()
        seconds, own = next(self.rounds)
        self.wall, self.mine = self.wall + seconds, self.mine + seconds * own
        self.feeds[0].position += self.batch


def test_a_machine_that_is_busy_at_first_does_not_make_a_run_short(monkeypatch: pytest.MonkeyPatch):
    quiet = Paced(monkeypatch, [(1.0, 1.0)] * 6)
    assert run_length.measure_speed(quiet) == 8  # type: ignore[arg-type]
    soon = Paced(monkeypatch, [(4.0, 0.1)] * 4 + [(0.5, 1.0)] * 100)  # busy for sixteen seconds, then not
    assert run_length.measure_speed(soon) == pytest.approx(16)  # type: ignore[arg-type]
    ever = Paced(monkeypatch, [(4.0, 0.1), (2.0, 0.3)] * 20)
    assert run_length.measure_speed(ever) == pytest.approx(4) and ever.wall < 36  # type: ignore[arg-type]


def test_small_rounds_are_not_waited_for_one_by_one(monkeypatch: pytest.MonkeyPatch):
    quick = Paced(monkeypatch, [(0.002, 1.0)] * 600)
    stretch = run_length.play_stretch(quick)  # type: ignore[arg-type]
    assert stretch.images == 8 * 500 and stretch.seconds == pytest.approx(1)
    assert quick.times <= 14  # of 500 rounds: at its ends, and as the number of rounds doubles


def test_a_round_that_takes_longer_than_the_measurement_of_speed_is_left(monkeypatch: pytest.MonkeyPatch):
    patient = Paced(monkeypatch, [])

    def playing(between: Any) -> None:
        while True:
            patient.wall, patient.mine = patient.wall + 1, patient.mine + 1
            patient.feeds[0].position += 8
            between()

    patient.play = playing  # type: ignore[method-assign]
    assert run_length.measure_speed(patient) == 8 and patient.wall < 25  # type: ignore[arg-type]


def test_a_run_that_was_done_long_before_its_minutes_says_how_it_is_prolonged():
    said = run_length.describe_short_run(Settings(minutes=2), 928, 12.0, "my runs/001")
    assert said is not None and "928 images took 12 s, not 2 minutes" in said
    assert "saddle resume 'my runs/001' --images +8352`" in said
    assert run_length.describe_short_run(Settings(minutes=2), 928, 100.0, "run") is None
    assert run_length.describe_short_run(Settings(images=928), 928, 1.0, "run") is None


def test_the_parts_of_a_batch_must_fit(monkeypatch: pytest.MonkeyPatch):
    from saddle.networks import Convolutional
    from saddle.recipes.dcgan import DCGAN
    from test_memory import pictures

    recipe, data = DCGAN(Convolutional(latent=4, width=1), batch=64), pictures(16, 64)
    free = 64 * 16 * 16 * 3 * 12 // 2
    monkeypatch.setattr("saddle.training.machine.available_memory", lambda: free)
    with pytest.raises(Mistake, match=r"64 samples of a batch .* a batch of 30 would fit"):
        Match(recipe, data, 100, find_machine("cpu", "float32"), MatchOptions())
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")  # processes, each of which takes as much
    with pytest.raises(Mistake, match=r"a batch of 10 would fit"):
        Match(recipe, data, 100, find_machine("cpu", "float32"), MatchOptions(accumulate=2))
    monkeypatch.delenv("LOCAL_WORLD_SIZE")
    Match(recipe, data, 100, find_machine("cpu", "float32"), MatchOptions(accumulate=2))


@pytest.mark.slow
def test_a_limit_on_memory_ends_in_one_sentence(tmp_path: Path):
    words = "train gan --networks.width 2000000 --size 32 --out"
    command = f"ulimit -v 8000000; exec {sys.executable} -m saddle {words} {tmp_path / 'run'}"
    done = subprocess.run(["bash", "-c", command], env=os.environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "--networks.width" in done.stderr
