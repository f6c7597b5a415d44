"""What goes wrong while training is said in one sentence, and the last good checkpoint is kept."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from saddle import load, resume, train
from saddle.cli import main
from saddle.errors import Failure, Mistake
from saddle.recipes.sources import RecipeSource
from saddle.recipes.trust import TRUSTED_FILE, trust_source
from saddle.runs.log import Log, append_line
from saddle.training.checkpoint import latest_checkpoint
from saddle.training.engine import Engine
from saddle.training.match import Match
from test_resume import content, equal, small


def poison(patch: pytest.MonkeyPatch, round: int, player: str, value: float) -> None:
    """From this round on weights of the player are no numbers."""
    play = Match.play

    def playing(match: Match[Any], *between: Any) -> object:
        if match.clock.round == round:
            next(match.game.get_submodule(player).parameters()).data.fill_(value)
        return play(match, *between)

    patch.setattr(Match, "play", playing)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run to which nothing happened."""
    return train(**small("dcgan", out=tmp_path_factory.mktemp("whole") / "run", threads=1))


@pytest.mark.parametrize(("player", "says"), [
    ("critic", r"the critic's term adversarial became nan in round 7 \(56 images\); the last good checkpoint is"),
    ("generator", r"the critic's term adversarial became nan in round 7"),  # what it makes is judged first
])  # fmt: skip
def test_what_is_no_number_stops_the_run_by_name(whole: Path, tmp_path: Path, player: str, says: str):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("saddle.training.loop.READ_EVERY", 1)
        poison(patch, 7, player, float("nan"))
        with pytest.raises(Failure, match=says):
            train(**small("dcgan", out=tmp_path / "run", checkpoints=1e-9, threads=1))
    assert int(latest_checkpoint(tmp_path / "run" / "checkpoints").stem) == 56
    resume(tmp_path / "run")  # from before the poison: the run can be saved
    equal(whole, tmp_path / "run")


def test_a_gradient_without_bound_is_named_though_every_loss_is_a_number(tmp_path: Path):
    step, moves = Engine.step, count()

    def stepping(engine: Engine[Any], player: nn.Module) -> Tensor:
        if next(moves) == 5:  # the generator's second, behind the two of the rehearsal
            engine.own[player][0].grad.fill_(torch.inf)
        return step(engine, player)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "step", stepping)
        with pytest.raises(Failure, match=r"the generator's gradient became inf in round 1 .*not come to its first"):
            train(**small("dcgan", out=tmp_path / "run"))


@contextmanager
def full_disk(left: int) -> Iterator[None]:
    """No file may come to more bytes: a limit on a file's size stands in for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert before[0] == resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_costs_nothing_that_was_saved(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """When there is room again the run goes on to what it would have been."""
    fields = "--networks.width 4 --batch 8 --turns.generator 1 --size 16 --images 96 --limit 64 --pictures 3 --seed 3"
    rest = f"--ema 40 --threads 1 --quiet --out {tmp_path / 'run'}"
    capsys.readouterr()
    with full_disk(40_000):
        assert main(["train", "dcgan", *fields.split(), *rest.split()]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "could not be written" in said and "File too large" in said
    assert "it had not come to its first checkpoint" in said
    assert not list((tmp_path / "run" / "checkpoints").iterdir())
    resume(tmp_path / "run")
    equal(whole, tmp_path / "run")


def write_to_log(path: Path, text: str) -> None:
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    with closing(Log(path, sum(len(line) for line in lines if line.endswith(b"\n")))) as log:  # as a checkpoint says
        log.write(text=text)


def trust(path: Path, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SADDLE_CONFIG", str(path.parent))
        patch.setattr("saddle.recipes.trust.trusted_in_process", set())
        trust_source(RecipeSource(path.parent, {f"{text}.py": text.encode()}))


def append_text(path: Path, text: str) -> None:
    append_line(path, {"text": text})


@pytest.mark.parametrize(("name", "write"), [("measures.jsonl", append_text), ("log.jsonl", write_to_log),
                                             (TRUSTED_FILE, trust)])  # fmt: skip
def test_a_line_that_a_full_disk_cuts_is_not_there(tmp_path: Path, name: str, write: Callable[[Path, str], None]):
    path = tmp_path / name
    write(path, "first")
    before = path.read_bytes()
    with full_disk(len(before) + 5), suppress(Failure):
        write(path, "second")
    assert path.read_bytes() == before
    path.write_bytes(before + b"torn")  # by a process that was killed
    write(path, "third")
    lines = path.read_bytes().splitlines(keepends=True)
    assert lines[0] == before and b"third" in lines[-1] and b"torn" not in lines[-1] and lines[-1].endswith(b"\n")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(**small("wgan-gp-toy", out=tmp_path_factory.mktemp("trained") / "run"))


def checkpoint(run: Path) -> Path:
    path = latest_checkpoint(run / "checkpoints")
    assert path is not None
    return path


def test_a_damaged_checkpoint_is_refused(trained: Path):
    path = checkpoint(trained)
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-100])
        for use in (load, resume):
            with pytest.raises(Mistake, match=f"{path.name} is damaged"):
                use(trained)
        flipped = bytearray(whole)
        flipped[-50] ^= 1
        path.write_bytes(flipped)
        for use in (load, resume):
            with pytest.raises(Mistake, match="does not match its checksum"):
                use(trained)
    finally:
        path.write_bytes(whole)
    assert content(trained)["tensors"]


def test_a_foreign_checkpoint_is_refused(trained: Path):
    path = checkpoint(trained)
    whole = path.read_bytes()
    try:
        save_file({"weight": torch.zeros(3)}, path)
        with pytest.raises(Mistake, match="no checkpoint of saddle's"):
            load(trained)
        path.write_bytes(b"PK\x03\x04 a pickle of somebody's")
        with pytest.raises(Mistake, match="damaged, or no checkpoint"):
            resume(trained)
    finally:
        path.write_bytes(whole)


def test_a_checkpoint_of_another_run_is_refused(trained: Path, tmp_path: Path):
    other = train(**small("wgan-gp-toy", out=tmp_path / "run") | {"options": {"networks.width": "8", "batch": "16"}})
    shutil.copy(checkpoint(trained), checkpoint(other))
    with pytest.raises(Mistake, match="is a checkpoint of another run"):
        load(other)
    with pytest.raises(Mistake, match="the recipe's networks is"):
        resume(other)


def test_samples_depend_on_the_seed_and_their_place_alone(trained: Path):
    model = load(trained)
    assert torch.equal(model.sample(3, seed=4), model.sample(3, seed=4))
    torch.testing.assert_close(model.sample(70, seed=4)[:3], model.sample(3, seed=4))  # made of other batches
    assert not torch.equal(model.sample(3, seed=4), model.sample(3, seed=5))
    assert not torch.equal(model.sample(3, seed=10**30), model.sample(3, seed=10**30 + 1))
    assert not torch.equal(model.sample(3), load(trained, average=False).sample(3))
    with pytest.raises(Mistake, match="this run's data had no labels"):
        model.sample(3, label="cat")


def test_what_a_generator_does_not_take_is_refused(tmp_path: Path):
    model = load(train(**small("dcgan", out=tmp_path / "run")))
    with pytest.raises(Mistake, match="not trained on labels"):
        model.sample(3, label="A")
    with pytest.raises(Mistake, match="there is no label 'ß'; there are 0, 1"):
        model.sample(3, label="ß")


@pytest.mark.parametrize(("settings", "says"), [
    ({"size": 30}, "--size 32"), ({"limit": 5}, "which has 5 samples; give --batch 5"),
    ({"accumulate": 3}, "give --accumulate 2"), ({"minutes": 1.0}, "both say how long"), ({"images": -5}, "above 0"),
    ({"device": "abacus"}, "there is no device 'abacus'"), ({"sise": 3}, "did you mean size"),
    ({"data": "minst"}, "did you mean mnist"), ({"recipe": "dcgam"}, "did you mean dcgan"),
])  # fmt: skip
def test_a_run_that_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, settings: dict[str, Any], says: str
):
    with pytest.raises(Mistake, match=says):
        train(**small("dcgan", out=tmp_path / "run", **settings) if "minutes" in settings or "sise" in settings
              else small("dcgan", out=tmp_path / "run") | settings)  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_a_run_that_diverges_proposes_a_rate_at_which_it_does_not(tmp_path: Path):
    how: dict[str, Any] = {"images": 80, "pictures": 0, "device": "cpu", "quiet": True}
    steep = {"objective": "LeastSquares()", "networks": "Perceptron(width=8)", "batch": "8", "optimizer": "SGD(1.0)",
             "turns": "Turns()", "prior": "Normal()"}  # fmt: skip
    with pytest.raises(Failure, match=r"became .* in round \d.*; it had not come .*, with --optimizer.lr 0\.1$"):
        train("gan", "ring", options=steep, out=tmp_path / "steep", **how)
    train("gan", "ring", options=steep | {"optimizer": "SGD(1.0)", "optimizer.lr": "0.1"}, out=tmp_path / "run", **how)
