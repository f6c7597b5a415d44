"""Health checks: each speaks at its fault and not at what healthy runs reach, and looking changes nothing."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor

from saddle.batches import Images
from saddle.clock import Clock
from saddle.data.array_dataset import ArrayDataset
from saddle.data.feed import Feed
from saddle.data.held_out import hold_out
from saddle.errors import Failure, Mistake
from saddle.games import Adversarial
from saddle.networks import Convolutional, SpectralConvolutional
from saddle.recipes.dcgan import DCGAN
from saddle.runs.findings import Finding, health_path, read_findings
from saddle.runs.folder import RunFolder
from saddle.runs.log import read_log
from saddle.training.callbacks.base import Callback, Callbacks, RunPlan
from saddle.training.callbacks.display import LineDisplay, LiveDisplay
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint, read_latest_checkpoint
from saddle.training.health import monitor
from saddle.training.health.checks import HEALTH_CHECKS, HEALTH_PATIENCE, HEALTH_WINDOW, Observation, find_changes
from saddle.training.health.collapse import Collapsed
from saddle.training.health.probe import (
    Probe,
    ProbeBatch,
    Snapshot,
    coarse_rows,
    find_extremes,
    preserved_buffers,
    roc_auc,
)
from saddle.training.loop import Loop
from saddle.training.machine import find_machine
from saddle.training.match import Match, MatchOptions

WELL = Snapshot(0.8, 0.0, 1.3, 0.0, (4,) * 16, (1 / 16,) * 16, ranking=0.95, gap=3.0, recall=0.52)
RECIPE = DCGAN(Convolutional(latent=8, width=8), batch=16)


def past(n: int = 16, last: int = HEALTH_WINDOW, slope: float = 2.0, **seen: Any) -> list[Observation]:
    """A healthy past, of which the last readings differ."""
    ill = WELL._replace(**seen)
    return [Observation(i, 4096 * i, {"generator": 2.0, "critic": 5.0}, WELL) for i in range(n - last)] + [
        Observation(i, 4096 * i, {"generator": slope, "critic": 5.0}, ill) for i in range(n - last, n)
    ]


def speaking(past: list[Observation]) -> list[str]:
    return [change.check.name for change in find_changes(past, [])]


HALF = (8,) * 8 + (0,) * 8
FAULTS: dict[str, list[Observation]] = {
    "the generator has collapsed": past(diversity=0.03, duplicates=0.9),
    "modes are missing": past(24, 12, clusters=HALF),
    "the critic has won": past(ranking=1.0, slope=0.01),
    "the critic overfits": past(24, 12, recall=0.72),
    "the scores diverge": past(gap=2600.0),
    "pictures are saturated": past(saturated=0.7),
    "the translator copies its input": past(copied=0.04, negative=5.0),
    "colours are inverted": past(copied=1.0, negative=0.2),
    "augmentation has come too far": [r._replace(logged_scalars={"ADA/p": 0.7 + r.round / 50}) for r in past(24)],
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_check_speaks_at_its_fault_alone(name: str):
    assert speaking(FAULTS[name]) == [name]
    (change,) = find_changes(FAULTS[name], [])
    assert change.evidence and change.check.advice and any(c.isdigit() for c in change.evidence)


def test_swings_between_fooled_and_right_are_circles():
    swings = [r._replace(snapshot=WELL._replace(ranking=0.9 if r.round % 4 < 2 else 0.1)) for r in past(24)]
    assert speaking(swings) == ["the players go round in circles"]


HEALTHY: dict[str, list[Observation]] = {  # the furthest that healthy runs went: docs/health.md
    "as usual": past(),
    "augmentation that has found its strength": [r._replace(logged_scalars={"ADA/p": 0.7}) for r in past()],
    "augmentation while the critic leads": [r._replace(logged_scalars={"ADA/p": 0.9 - r.round % 8 / 50})
                                            for r in past(24)],
    "a critic that wins mildly": past(ranking=1.0, gap=50.0, slope=0.6),
    "a beginner on data that are near to grey": past(last=16, diversity=0.1, distance=0.9, clusters=(64,) + (0,) * 15),
    "a beginner": past(last=16, diversity=0.1, distance=5.6, clusters=(64,) + (0,) * 15, ranking=1.0),
    "untrained networks more diverse than their first pictures": [
        *past(8, 8, diversity=1.1, distance=5.0), *past(8, 8, diversity=0.2, distance=4.0)],
    "one mode found after another": [
        r._replace(snapshot=WELL._replace(clusters=HALF, diversity=0.3 + 0.02 * r.round)) for r in past(32)],
    "the look of another stage, of other parts": past(24, 12, clusters=HALF[4:12], shares=(1 / 8,) * 8),
    "a player without a gradient's report": [r._replace(gradients={}) for r in past(ranking=1.0)],
    "a translator that changes little where little is to change": past(copied=0.95, negative=1.0),
    "points": past(saturated=None), "no critic": past(ranking=None, gap=None, recall=None),
    "no samples": [r._replace(snapshot=None) for r in past()],
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_past_is_silent(name: str):
    assert all(not find_changes(HEALTHY[name][: n + 1], []) for n in range(len(HEALTHY[name])))


def test_a_finding_takes_patience_comes_once_and_clears():
    name = "pictures are saturated"
    story = past(12, 0) + past(HEALTH_PATIENCE, HEALTH_PATIENCE, saturated=0.7) + past(HEALTH_PATIENCE, 0)
    told: list[tuple[int, str]] = []
    open_: list[str] = []
    for n in range(1, len(story) + 1):
        for change in find_changes(story[:n], open_):
            told.append((n, "begins" if change.evidence else "clears"))
            open_ = [name] if change.evidence else []
    assert told == [(12 + HEALTH_PATIENCE, "begins"), (12 + 2 * HEALTH_PATIENCE, "clears")]


def test_collapse_after_diversity_is_found_before_it_is_total():
    assert speaking(past(diversity=0.3)) == ["the generator has collapsed"]
    assert "after 0.8" in str(find_changes(past(diversity=0.3), [])[0].evidence)


@cache
def data(n: int = 256) -> ArrayDataset:
    """Soft pictures: a ramp of a random slope and shade."""
    dice = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    pictures = [dice.integers(0, 256) + dice.normal() * 5 * (x - 8) + dice.normal() * 5 * (y - 8) for _ in range(n)]
    samples = np.clip(np.stack(pictures), 0, 255).astype(np.uint8)[..., None]
    return ArrayDataset("ramps", samples, np.arange(n) % 4, tuple("abcd"), "ramps")


def match(recipe: DCGAN = RECIPE, images: int = 512, of: ArrayDataset | None = None, shard: bool = False) -> Match[Any]:
    how = MatchOptions(seed=1, ema=100, shard=shard)
    return Match(recipe, data() if of is None else of, images, find_machine("cpu", "float32"), how)


def sighted(looker: Probe, fake: Tensor) -> Snapshot:
    return looker.make_snapshot([ProbeBatch(coarse_rows(some), find_extremes(some)) for some in fake.split(24)])


def test_the_data_itself_is_in_perfect_health():
    """Reals in the place of fakes: as diverse as the data, as near to it, in all its cells."""
    played = match()
    looker = Probe(played)
    real = next(looker.feed(played.data, 64, 64, 9)).image
    sight = sighted(looker, real)
    assert sight.diversity == pytest.approx(1, abs=0.15) and sight.distance < 1.2 and sight.duplicates < 0.05
    assert sight.saturated is not None and sight.saturated < 0.05
    assert sum(sight.clusters) == 64 and sum(sight.shares) == pytest.approx(1, abs=0.01)


def test_faults_of_pictures_are_seen():
    looker = Probe(played := match())
    real = next(looker.feed(played.data, 64, 64, 9)).image
    same, black = sighted(looker, real[:1].expand(64, -1, -1, -1)), sighted(looker, torch.full_like(real, -1))
    assert same.diversity == 0 and same.duplicates == 1 and max(same.clusters) == 64
    assert black.saturated == pytest.approx(1)
    noise = torch.rand_like(real) * 2 - 1
    assert sighted(looker, noise).distance > 1.5


def test_samples_that_are_no_number_are_not_looked_at():
    looker = Probe(m := match())
    m.game.get_submodule("generator").register_forward_hook(lambda module, given, made: made * float("nan"))
    assert looker.take_snapshot() is None


def test_a_ranking_is_the_share_of_right_pairs():
    real, fake = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 2.0])
    pairs = [(r > f) + 0.5 * (r == f) for r in real.tolist() for f in fake.tolist()]
    assert roc_auc(real, fake) == pytest.approx(sum(pairs) / 6)
    assert roc_auc(fake, real) == pytest.approx(1 - roc_auc(real, fake))


def state(m: Match[Any]) -> dict[str, Tensor]:
    return {key: t.clone() for key, t in m.state()[0].items()}


@pytest.mark.parametrize("networks", [Convolutional(latent=8, width=4), SpectralConvolutional(latent=8, width=4)])
def test_a_look_moves_nothing(networks: Any):
    """Neither weights nor running means nor spectral vectors nor what chance brings next."""
    m = match(DCGAN(networks, batch=16))
    m.play()
    looker, before, dice = Probe(m), state(m), torch.get_rng_state()
    own = dict(m.game.named_buffers())
    sight = looker.take_snapshot()
    assert looker.take_snapshot() == sight  # and it repeats itself
    assert torch.equal(torch.get_rng_state(), dice) and m.game.training
    assert all(torch.equal(value, before[key]) for key, value in state(m).items())
    assert all(buffer is own[name] for name, buffer in m.game.named_buffers())


def test_buffers_that_a_pass_replaces_are_put_back():
    layer = torch.nn.BatchNorm2d(2)
    kept = layer.running_mean
    with preserved_buffers(layer):
        layer.running_mean = torch.ones(2)
    assert layer.running_mean is kept and not kept.any()


class Heard(Callback):
    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.gone: list[str] = []

    def on_finding(self, finding: Finding) -> None:
        self.findings.append(finding)

    def on_finding_cleared(self, check: str, images: int) -> None:
        self.gone.append(check)


def loop(folder: Path, m: Match[Any], watch: Callback | None = None, **more: Any) -> Loop:
    made = RunFolder(folder) if folder.exists() else RunFolder.create(folder, "run")
    ready = Loop(m, made, {}, pictures=0, watch=watch, **{"checkpoints": 1e9, **more})
    ready.restore(read_latest_checkpoint(made.checkpoints))
    return ready


def last(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    path = latest_checkpoint(folder / "checkpoints")
    assert path
    return read_checkpoint(path)


def test_a_run_with_looks_equals_one_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ends = []
    for name, every in (("rare", 10**6), ("often", 1)):
        monkeypatch.setattr(monitor, "PROBE_INTERVAL", every)
        loop(tmp_path / name, match()).go()
        ends.append((last(tmp_path / name)[0], (tmp_path / name / "log.jsonl").read_bytes()))
    (one, log), (two, same) = ends
    assert log == same and one.keys() == two.keys()
    assert all(torch.equal(value, two[key]) for key, value in one.items())
    assert len(last(tmp_path / "often")[1]["health"]["past"]) == 8
    assert not last(tmp_path / "rare")[1]["health"]["past"]


class Ticking:
    """A time of day at which each question comes a while later than the last."""

    def __init__(self, step: float) -> None:
        self.time, self.step = 0.0, step

    def __call__(self) -> float:
        self.time += self.step
        return self.time


@pytest.mark.parametrize("decides", [False, True])
def test_looks_are_rarer_where_they_take_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decides: bool):
    """Nothing that trains hangs on it; where a look may end a run, none is left out."""
    monkeypatch.setattr(monitor, "PROBE_INTERVAL", 1)
    how, looks, ends = {"on_collapse": "stop" if decides else "go-on"}, [], []
    for name, step in (("idle", 0.0), ("busy", 1.0)):  # a look takes a step, and so does the time until the next one
        monkeypatch.setattr(monitor, "now", Ticking(step))
        loop(tmp_path / name, match(), **how).go()
        ends.append((last(tmp_path / name)[0], (tmp_path / name / "log.jsonl").read_bytes()))
        looks.append(len(last(tmp_path / name)[1]["health"]["past"]))
    (one, log), (two, same) = ends
    assert log == same and all(torch.equal(value, two[key]) for key, value in one.items())
    assert looks == ([8, 8] if decides else [8, 3])  # two seconds, and one that could not be known to be too many


def constant(m: Match[Any], start: int, stop: int = 10**9) -> Match[Any]:
    """Between these images the generator gives one picture for all latents."""
    game = m.game
    assert isinstance(game, Adversarial)
    own = type(game).make

    def make(latents: Tensor, condition: Tensor | None = None) -> Tensor:
        made = own(game, latents, condition)
        return made[:1].expand_as(made) if start <= m.clock.images < stop else made

    game.make = make  # type: ignore[method-assign]
    return m


def test_a_planted_collapse_is_found_once_written_and_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(monitor, "PROBE_INTERVAL", 1)
    monkeypatch.setattr(
        "saddle.training.health.checks.HEALTH_CHECKS", HEALTH_CHECKS[:1]
    )  # the run is too short for the others
    loop(tmp_path / "run", constant(match(images=1216), 512, 832), heard := Heard()).go()
    (finding,) = heard.findings
    assert (
        finding.check == "the generator has collapsed" and finding.grave and "100% of the samples" in finding.evidence
    )
    assert 512 < finding.images <= 512 + 64 * (HEALTH_PATIENCE + 1) and heard.gone == [finding.check]
    (written,) = read_findings(tmp_path / "run")
    assert {key: written[key] for key in finding._asdict()} == finding._asdict()
    assert 832 < written["until"] <= 832 + 64 * (HEALTH_PATIENCE + 1)


def test_on_collapse_stop_saves_and_a_resumed_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(monitor, "PROBE_INTERVAL", 1)
    folder = tmp_path / "run"
    with pytest.raises(Collapsed, match=r"collapsed.*stopped at \d+ of 1024 images and saved; `saddle resume"):
        loop(folder, constant(match(images=1024), 128), on_collapse="stop").go()
    assert Collapsed.code == 1 and last(folder)[1]["clock"]["images"] < 1024
    loop(folder, constant(match(images=1024), 128), on_collapse="stop").go()
    assert last(folder)[1]["clock"]["images"] == 1024 and len(read_findings(folder)) == 1


def test_a_resumed_run_remembers_what_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(monitor, "PROBE_INTERVAL", 2)
    loop(tmp_path / "whole", constant(match(), 0)).go()
    halted = loop(tmp_path / "halted", constant(match(), 0))
    play, rounds = halted.match.play, iter(range(19))

    def stopping(between: Any) -> tuple[Clock, dict[str, Tensor]]:
        if next(rounds) == 18:
            halted.checkpoint()
            halted.saved.log.write(
                torn=True
            ) if halted.saved.log else None  # written after the checkpoint: worth nothing
            raise KeyboardInterrupt
        return play(between)

    halted.match.play = stopping  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        halted.go()
    loop(tmp_path / "halted", constant(match(), 0)).go()
    assert last(tmp_path / "whole")[1] == last(tmp_path / "halted")[1]
    for name in ("log.jsonl", "health.jsonl"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "halted" / name).read_bytes()


def test_what_is_no_number_is_a_finding_too(tmp_path: Path):
    m = match()
    next(m.game.get_submodule("critic").parameters()).data.fill_(float("nan"))
    with pytest.raises(Failure, match="became nan in round 0"):
        loop(tmp_path / "run", m, heard := Heard()).go()
    (finding,) = read_findings(tmp_path / "run")
    assert finding["check"] == "NaN or infinite" and finding["grave"] and "became nan in round 0" in finding["evidence"]
    assert [f.check for f in heard.findings] == ["NaN or infinite"]


def test_held_out_samples_never_train_and_keep_their_labels():
    whole = data(200)
    kept = hold_out(whole, 40)
    assert len(kept) == 160 and kept.held_out and len(kept.held_out) == 40  # type: ignore[attr-defined]
    seen = next(Feed(kept, Images, 160, 3, "cpu")), next(Feed(kept.held_out, Images, 40, 3, "cpu"))  # type: ignore[attr-defined]
    rows = [{(x.numpy().tobytes(), int(c)) for x, c in zip(*part, strict=True)} for part in seen]
    (all_,) = [next(Feed(whole, Images, 200, 0, "cpu"))]
    assert not rows[0] & rows[1] and rows[0] | rows[1] == {
        (x.numpy().tobytes(), int(c)) for x, c in zip(*all_, strict=True)}  # fmt: skip
    assert kept.fingerprint != whole.fingerprint and hold_out(whole, 0) is whole
    with pytest.raises(Mistake, match="held-out is 101, but of 200 samples 0 to 100 can be held out"):
        hold_out(whole, 101)


def test_a_critic_that_has_learned_its_samples_by_heart_is_seen():
    m = match(of=hold_out(data(160), 80))
    own = {x.numpy().tobytes() for x in next(Feed(m.data, Images, 80, 0, "cpu")).image}

    def learned(x: Tensor, condition: Tensor | None = None) -> Any:
        score = torch.tensor([float(row.contiguous().numpy().tobytes() in own) for row in x])
        return score, score, None

    m.game.critic.forward = learned  # type: ignore[union-attr, assignment, method-assign]
    sight = Probe(m).take_snapshot()
    assert sight.recall == 1 and sight.ranking == 1


def test_displays_say_a_finding_and_the_live_one_keeps_it_in_sight(tmp_path: Path):
    out, lines = io.StringIO(), io.StringIO()
    live = LiveDisplay(Console(file=out, force_terminal=True, width=160, highlight=False))
    both = Callbacks(live, LineDisplay(lines))
    both.on_begin(RunPlan("run", 100, 0, 8, tmp_path))
    both.on_finding(Finding("the critic has won", 3, 24, "100% right", "slow it down", False))
    said = "health, at 24 images: the critic has won: 100% right; slow it down\n"
    assert said in lines.getvalue()
    shown = Console(file=io.StringIO(), width=160)
    shown.print(live.draw())
    assert "health" in (text := shown.file.getvalue()) and "the critic has won" in text  # type: ignore[attr-defined]
    both.on_finding_cleared("the critic has won", 64)
    assert (
        "at 64 images: the critic has won no more" in lines.getvalue() and live.progress and not live.progress.findings
    )
    both.on_end()


def test_findings_of_a_run_without_any(tmp_path: Path):
    assert read_findings(tmp_path) == []
    loop(tmp_path / "run", match(images=64)).go()
    assert health_path(tmp_path / "run").read_bytes() == b"" and read_log(tmp_path / "run" / "log.jsonl")
    assert json.loads(json.dumps(last(tmp_path / "run")[1]["health"])) == last(tmp_path / "run")[1]["health"]
