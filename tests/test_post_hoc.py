"""Averages whose length is chosen after training: their profiles, their sums, and the command that makes them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from growing import Growing
from narrow import small
from saddle import load, measure, resume, train
from saddle.batches import Images
from saddle.cli import main
from saddle.clock import Clock
from saddle.core import Game, Turn
from saddle.data.array_dataset import ArrayDataset
from saddle.errors import Interrupted, Mistake
from saddle.inference.loaded import LoadedGame
from saddle.inference.named_weights import list_weights, read_named_weights
from saddle.inference.post_hoc import Reconstruction, average, reconstruct
from saddle.inference.settled import settle_spectral_norm, settle_statistics
from saddle.layers import add_spectral_norms
from saddle.measuring.choose_average import choose_average
from saddle.runs.folder import RunFolder
from saddle.runs.measures import read_measurements
from saddle.shape import Shape
from saddle.training.callbacks.base import Callback
from saddle.training.checkpoint import latest_checkpoint, list_checkpoints, read_checkpoint
from saddle.training.machine import Machine
from saddle.training.match import Match, MatchOptions
from saddle.training.power_ema import (
    KEPT_STDS,
    PowerEMA,
    Profile,
    combine_profiles,
    exponent_of,
    share_of_now,
    std_of,
)
from saddle.training.snapshots import SnapshotStore, list_snapshots, snapshot_paths
from test_resume import StopAt

CPU = Machine(torch.device("cpu"), torch.float32, "")
ROUNDS = 48
RUN: dict[str, Any] = {"recipe": "r1-toy", "data": "ring", "images": 8 * ROUNDS, "snapshots": 16, "threads": 1,
                       "quiet": True, "pictures": 0, "held_out": 100,
                       "options": {"networks.width": "8", "batch": "8", "optimizer.lr": "0.01"}}  # fmt: skip
ERRORS = {  # of the profile at the end, in per cent, with both kept widths at 8, 16, 32 and 64 moments
    0.02: (24.67, 11.96, 3.967, 1.083), 0.03: (10.09, 3.865, 1.114, 0.2897), 0.07: (1.348, 0.3787, 0.0976, 0.0246),
    0.15: (3.334, 0.8991, 0.2298, 0.0578), 0.2: (7.79, 2.333, 0.6458, 0.1713),
}  # fmt: skip


def moments(n: int, apart: int = 1000) -> list[Profile]:
    return [Profile(apart * (i + 1), std) for i in range(n) for std in KEPT_STDS]


@pytest.mark.parametrize(("std", "exponent"), [
    (0.01, 96.9949), (0.05, 16.9722), (0.1, 6.9372), (0.15, 3.5579), (0.2, 1.8262), (0.25, 0.7198),
])  # fmt: skip
def test_a_relative_width_names_a_power(std: float, exponent: float):
    assert exponent_of(std) == pytest.approx(exponent, abs=1e-4) and std_of(exponent_of(std)) == pytest.approx(std)


@pytest.mark.parametrize("steps", [[64] * 200, [64] * 30 + [16] * 100 + [128] * 20 + [7]])
def test_each_steps_weight_is_the_difference_of_two_powers(steps: list[int]):
    """Also of steps of unequal length: what is left of each telescopes."""
    power, ends = exponent_of(0.1), np.cumsum(steps)
    shares = [share_of_now(power, int(end), step) for end, step in zip(ends, steps, strict=True)]
    left = np.cumprod([1 - share for share in [*shares[1:], 0.0]][::-1])[::-1]
    powers = (np.array([0, *ends]) / ends[-1]) ** (power + 1)
    assert np.abs(shares * left - np.diff(powers)).max() < 1e-15


class One(Game[Images]):
    """A generator that is one number."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Linear(1, 1, bias=False, dtype=torch.float64)

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        raise NotImplementedError


def followed(values: list[float], step: int) -> dict[float, float]:
    game = One()
    power = PowerEMA(game, (0.05, 0.1, 0.2))
    for value in values:
        nn.init.constant_(game.generator.weight, value)
        power.update(step)
    return {std: float(mean["generator.weight"]) for std, mean in power.means.items()}


def test_the_average_of_a_constant_is_it_and_of_time_its_centre():
    assert followed([0.3] * 50, 64) == dict.fromkeys((0.05, 0.1, 0.2), 0.3)
    for std, mean in followed([float(64 * (i + 1)) for i in range(4000)], 64).items():
        centre = (exponent_of(std) + 1) / (exponent_of(std) + 2)
        assert mean / (64 * 4000) == pytest.approx(centre, abs=1 / 4000)


def test_another_batch_is_another_average_by_one_step_in_all():
    def end(step: int) -> float:
        return followed([np.sin(3e-3 * (i + 1) * step) for i in range(12_800 // step)], step)[0.1]

    apart = [abs(end(step) - end(step // 2)) for step in (64, 32, 16)]
    assert apart[0] < 5 * 64 / 12_800 and apart[1:] == pytest.approx([apart[0] / 2, apart[0] / 4], rel=0.1)


@pytest.mark.parametrize("std", ERRORS)
def test_two_widths_at_many_moments_come_near_any_other(std: float):
    found = [100 * combine_profiles(moments(n), Profile(1000 * n, std)).error for n in (8, 16, 32, 64)]
    assert found == pytest.approx(ERRORS[std], rel=0.05)


@pytest.mark.parametrize(("n", "place"), [(8, 3), (64, 0), (64, 127)])
def test_what_is_stored_is_put_together_of_itself(n: int, place: int):
    found = combine_profiles(moments(n), moments(n)[place])
    assert np.abs(found.weights - np.eye(2 * n)[place]).max() < 1e-8 and found.error < 1e-6


def test_sums_of_profiles_add_up_to_one_and_a_wider_mean_is_refused():
    assert combine_profiles(moments(16), Profile(15_500, 0.12)).weights.sum() == pytest.approx(1, abs=1e-12)
    with pytest.raises(Mistake, match=r"above 0 and below 0.2887, the plain mean's, not 0.3"):
        exponent_of(0.3)


@pytest.fixture(scope="module")
def way() -> list[dict[str, Tensor]]:
    """The generator's weights after each round of the run below."""
    return []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, way: list[dict[str, Tensor]]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        play = Match.play

        def playing(match: Match[Any], *between: Any) -> Any:
            played = play(match, *between)
            way.append({key: t.detach().double().clone() for key, t in match.game.named_parameters()})
            return played

        patch.setattr(Match, "play", playing)
        return train(**RUN, out=tmp_path_factory.mktemp("post") / "run")


def true_average(way: list[dict[str, Tensor]], std: float, rounds: int = ROUNDS) -> dict[str, Tensor]:
    weights = np.diff((np.arange(rounds + 1) / rounds) ** (exponent_of(std) + 1))
    return {key: sum((w * seen[key] for w, seen in zip(weights, way[-ROUNDS:], strict=False)), torch.tensor(0.0))
            for key in way[0] if key.startswith("generator")}  # fmt: skip


@pytest.mark.parametrize(("std", "images", "near"), [
    (0.1, None, 1e-6), (0.05, 192, 1e-6), (0.15, None, 0.01), (0.2, 384, 0.03),
])  # fmt: skip
def test_a_run_has_the_averages_that_its_rounds_have(run: Path, way: list[dict[str, Tensor]], std, images, near):
    """The kept widths to rounding, the others as far as their profiles reach."""
    (made,) = reconstruct(RunFolder.find(run), [std], images)
    true = true_average(way, std, (images or 8 * ROUNDS) // 8)
    spread = {key: torch.stack([seen[key] for seen in way]).std(0).norm() for key in true}
    apart = {key: float((made.weights[key] - t).norm() / spread[key]) for key, t in true.items()}
    assert len(apart) > 3 and max(apart.values()) < near


def test_its_snapshots_lie_beside_the_checkpoints_and_stay(run: Path):
    kept = list_snapshots(run / "checkpoints")
    assert [snapshot.clock["images"] for snapshot in kept] == [24 * (i + 1) for i in range(16)]
    assert all(snapshot.images == snapshot.clock["images"] for snapshot in kept)
    assert len(list_checkpoints(run / "checkpoints")) <= 2


def test_a_stopped_run_goes_on_to_the_same_averages(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    StopAt(monkeypatch, 29)
    with pytest.raises(Interrupted, match="goes on exactly here"):
        train(**RUN, out=tmp_path / "run")
    monkeypatch.undo()
    half = snapshot_paths(tmp_path / "run" / "checkpoints")
    assert 8 <= len(half) <= 10
    (tmp_path / "run/checkpoints/snapshot-000000000999.safetensors").write_bytes(b"of a later moment, thrown away")
    train(**RUN, out=tmp_path / "run", resume="auto")
    ends = [latest_checkpoint(place / "run/checkpoints") for place in (run.parent, tmp_path)]
    (one, _), (two, facts) = (read_checkpoint(path) for path in ends if path)
    assert [key for key, t in one.items() if not torch.equal(t, two[key])] == [] and facts["power"] == 8 * ROUNDS
    assert any(key.startswith("power.0.05.generator") for key in one)
    theirs = [path.read_bytes() for path in snapshot_paths(tmp_path / "run" / "checkpoints")]
    assert theirs == [path.read_bytes() for path in snapshot_paths(run / "checkpoints")]


def noise() -> ArrayDataset:
    return ArrayDataset("noise", np.random.default_rng(0).integers(0, 256, (64, 16, 16, 1), dtype=np.uint8))


def growing() -> Match[Any]:
    return Match(Growing(), noise(), 240, CPU, MatchOptions(seed=1, snapshots=4))


def test_averages_begin_where_a_growing_game_has_come_to_its_size_and_resume_there(tmp_path: Path):
    match = growing()
    seen = []
    store = SnapshotStore(match, tmp_path)
    while not match.over:
        before = match.clock
        match.play()
        if match.clock.images > 160:
            seen.append(match.game.get_parameter("generator.blocks.0.1.weight").detach().double().clone())
        if store.due(before):
            seen and store.save({})
        if match.clock.images == 200:
            kept = {key: t.clone() for key, t in match.state()[0].items()}, match.state()[1]
    assert match.power_ema and match.power_ema.images == 80 and len(seen) == 10
    weights = np.diff((np.arange(11) / 10) ** (exponent_of(0.1) + 1))
    true = sum((w * t for w, t in zip(weights, seen, strict=True)), torch.tensor(0.0))
    assert torch.allclose(match.power_ema.means[0.1]["generator.blocks.0.1.weight"].double(), true, atol=1e-6)
    assert [snapshot.images for snapshot in list_snapshots(tmp_path)] == [24, 40, 64, 80]
    again = growing()
    again.restore(*kept)
    while not again.over:
        again.play()
    (one, _), (two, _) = match.state(), again.state()
    assert [key for key, t in one.items() if not torch.equal(t, two[key])] == []


def test_a_run_that_went_back_drops_averages_of_what_was_undone(tmp_path: Path):
    match = growing()
    store, power = SnapshotStore(match, tmp_path), match.power_ema
    assert power is not None
    for images in (10, 30, 50):
        power.images = images
        match.clock = Clock(images, 160 + images, 0.0)
        store.save({})
    power.images = 30
    store.drop_undone()
    assert [snapshot.images for snapshot in list_snapshots(tmp_path)] == [10, 30]


def test_a_run_that_never_grows_up_is_refused_and_of_a_full_disk_it_is_warned(tmp_path: Path, monkeypatch):
    with pytest.raises(Mistake, match=r"snapshots are kept of .*make it longer, or leave --snapshots out"):
        train(Growing(each=1000), data="glyphs", size=16, limit=64, images=240, snapshots=4, quiet=True, threads=1,
              labels="none", out=tmp_path / "short")  # fmt: skip
    assert not (tmp_path / "short").exists()
    store = SnapshotStore(growing(), tmp_path)
    assert store.describe().startswith("4 snapshots of averages will take ")
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": 9}))
    assert store.describe().startswith("warning: 4 snapshots") and "where 9 bytes are free" in store.describe()


def say(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str, str]:
    code = main(line.split())
    return code, *capsys.readouterr()


def test_weights_that_were_averaged_are_used_by_name(run: Path, capsys: pytest.CaptureFixture[str]):
    assert say(capsys, f"average {run} --std 0.15")[1].startswith("weights std-0.15: saddle sample ")
    model = load(run, weights="std-0.15")
    assert model.weights == "std-0.15" and load(run).weights == "averaged"
    (made,) = reconstruct(RunFolder.find(run), [0.15])
    kept = dict(model.game.named_parameters())
    assert all(torch.equal(t, kept[key]) for key, t in made.weights.items() if key in kept)
    assert not torch.equal(model.sample(4), load(run).sample(4))
    assert say(capsys, f"sample {run} --weights std-0.15")[1] == f"{run / 'samples-0-std-0.15.png'}\n"
    assert say(capsys, f"report {run} --weights std-0.15")[0] == 0
    assert "by weights std-0.15, from seed 0" in (run / "report.html").read_text(encoding="utf-8")
    (figure,) = measure(run, metrics="swd", n=64, weights="std-0.15", quiet=True)
    assert figure.protocol.generator == "std-0.15"
    assert read_measurements(RunFolder.find(run))[-1].figures == (figure,)
    assert average(run, 0.15, images=100) == "std-0.15-at-100"
    assert load(run, weights="std-0.15-at-100").clock.images == 100


def test_averages_of_a_run_that_goes_on_are_called_by_their_moment(run: Path, tmp_path: Path):
    place = tmp_path / "run"
    shutil.copytree(run, place)
    for path in (place / "checkpoints").glob("weights-*"):
        path.unlink()
    average(place, 0.1)
    average(place, 0.1, images=192)
    said: list[str] = []

    class Listening(Callback):
        def on_message(self, sentence: str) -> None:
            said.append(sentence)

    resume(place, watch=Listening())  # of a run that is at its end nothing more is trained
    assert not [sentence for sentence in said if "std-0.1" in sentence]
    before = read_named_weights(RunFolder.find(place), "std-0.1")[0].tensors
    resume(place, images="+16", watch=Listening())
    assert f"the run goes on, so weights std-0.1 are called std-0.1-at-{8 * ROUNDS} from now on" in said
    assert list_weights(RunFolder.find(place)) == ["std-0.1-at-192", f"std-0.1-at-{8 * ROUNDS}"]
    with pytest.raises(Mistake, match=f"has no weights std-0.1; there are .*std-0.1-at-{8 * ROUNDS}"):
        load(place, weights="std-0.1")
    after = read_named_weights(RunFolder.find(place), f"std-0.1-at-{8 * ROUNDS}")[0].tensors
    assert all(torch.equal(t, after[key]) for key, t in before.items())
    assert average(place, 0.1) == "std-0.1" and load(place, weights="std-0.1").clock.images == 8 * ROUNDS + 16


def test_a_length_is_chosen_by_a_figure_of_what_was_held_out(run: Path, capsys: pytest.CaptureFixture[str]):
    heard: list[str] = []
    chosen = choose_average(run, "swd", n=64, say=heard.append)
    tried = {one.name: one.figure.value for one in chosen.tried}
    assert [*tried] == ["the recipe's", "0.03", "0.05", "0.07", "0.1", "0.15", "0.2"]
    assert chosen.best.figure.value == min(tried.values()) and chosen.reference == "100 samples that the run held out"
    assert any("a relative width of 0.02 is left out" in sentence for sentence in heard)
    code, said, _ = say(capsys, f"average {run} --by swd -n 64")
    assert code == 0 and said.count("<- best") == 1 and "against 100 samples that the run held out" in said
    lines = said.splitlines()
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("width")) :][: 1 + len(tried)]
    assert len({line.index("profile") for line in table if "profile" in line}) == 1, "columns stand one below the other"
    other = choose_average(run, "swd", n=64, against="grid")
    assert other.reference.endswith("of grid") and other.best.figure.protocol.reference == "grid"
    if chosen.weights:
        (again,) = measure(run, "ring", metrics="swd", n=64, weights=chosen.weights, quiet=True)
        assert again.protocol.generator == chosen.weights


@pytest.mark.parametrize(("line", "says"), [
    ("average RUN", "say how long the average is, as in --std 0.1"),
    ("average RUN --std 0.1 --by kid", "std and by both say how long the average is"),
    ("average RUN --std 0.4", "below 0.2887, the plain mean's, not 0.4"),
    ("average RUN --std 0.1 --images 10000", "images is 10,000, but .* kept averages from 0 to 384 images"),
    ("average RUN --by 1nn", "1nn has no better, so nothing can be chosen by it"),
    ("average RUN --by swd,parzen", "an average is chosen by one figure, not by swd, parzen"),
    ("average RUN --by swd --against RUN", "not by another run's samples"),
    ("average RUN --std 0.1 --against ring", "only a figure is taken against data"),
    ("sample RUN --weights std-0.9", "has no weights std-0.9; "),
    ("sample RUN --weights ../x", "weights '../x' are none of a run's"),
    ("sample RUN --weights std-0.1 --best", "both say which weights are used"),
    ("measure RUN --weights std-0.1 --no-average", "both say which weights are used"),
    ("report RUN --weights std-0.9", "has no weights std-0.9; "),
    ("measure ring --against ring --weights std-0.1", "ring is no run, so it has no named weights"),
])  # fmt: skip
def test_mistakes(run: Path, capsys: pytest.CaptureFixture[str], line: str, says: str):
    code, _, complaint = say(capsys, line.replace("RUN", str(run)))
    assert code == 2
    assert re.search(says, complaint), complaint


def test_a_poor_average_says_what_would_be_nearer():
    assert Reconstruction(0.02, 0.36, {}, {}).note.endswith("a width between 0.05 and 0.15 needs the fewest")
    assert Reconstruction(0.1, 1.07, {}, {}).note.endswith("choose a later moment")


def test_a_run_without_snapshots_says_how_they_are_kept(tmp_path: Path):
    bare = train(**(RUN | {"snapshots": 0, "images": 16}), out=tmp_path / "bare")
    assert snapshot_paths(bare / "checkpoints") == []
    with pytest.raises(Mistake, match=r"kept no snapshots of averages.*--snapshots 32` keeps them"):
        average(bare, 0.1)


def test_statistics_become_those_of_samples():
    """A batch norm's are those of 2,048 samples, whatever they were; nothing else of it changes."""
    match = Match(small("dcgan"), noise(), 64, CPU)
    game = match.game.eval().requires_grad_(False)
    model, norm = LoadedGame(game, Shape(1, 16, 16), (), CPU.device, batch=8), next(
        m for m in game.get_submodule("generator").modules() if isinstance(m, nn.BatchNorm2d))  # fmt: skip
    norm.running_mean.fill_(9.0)
    settle_statistics(model, lambda sentence: None)
    seen: list[Tensor] = []
    hook = norm.register_forward_pre_hook(lambda layer, args: seen.append(args[0]))
    model.sample(2048)
    hook.remove()
    assert not norm.training and norm.momentum == 0.1
    assert torch.allclose(norm.running_mean, torch.cat(seen).mean((0, 2, 3)), atol=1e-5)


def test_a_spectral_norm_divides_by_the_largest_value_of_new_weights():
    layer = add_spectral_norms(nn.Linear(6, 4)).eval().requires_grad_(False)
    with torch.no_grad():
        layer.parametrizations.weight.original.copy_(torch.eye(4, 6) * torch.tensor([5.0, 1, 2, 3, 4, 1]))
        layer.parametrizations.weight[0].u.copy_(torch.tensor([0.1, 0.9, 0.3, 0.3]))
    settle_spectral_norm(layer)
    assert float(torch.linalg.matrix_norm(layer.weight, 2)) == pytest.approx(1, abs=1e-2) and not layer.training
