"""Measuring: of sources, of runs, while they train; what is measured stays as it is, to the bit."""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from saddle import load, measure, resume, train
from saddle.cli import main
from saddle.cli.measuring import format_figures
from saddle.clock import Clock
from saddle.data import Prepare, open_data
from saddle.data.array_dataset import ArrayDataset
from saddle.errors import Interrupted, Mistake
from saddle.measuring.evaluation import Evaluation, metric_function
from saddle.measuring.features import DeviceExtractor
from saddle.measuring.inputs import GeneratedSamples, SampleInfo, SampleSet, check_same_shape, generated_dataset
from saddle.measuring.measure import parse_measure_options
from saddle.measuring.metric_table import LABELLED_METRICS, METRIC_GROUPS, METRICS, parse_metric_names
from saddle.metrics import classifier
from saddle.metrics.estimates import bootstrap_interval
from saddle.metrics.features import inception_download
from saddle.metrics.features.plain import ClassifierFeatures, RandomFeatures
from saddle.metrics.figures import Figure, Protocol
from saddle.metrics.frechet import frechet_distance
from saddle.metrics.frechet_error import frechet_estimate
from saddle.metrics.moments import Moments
from saddle.runs.folder import RunFolder
from saddle.runs.measures import Measurement, append_measurement, measures_path, read_measurements
from saddle.runs.quality import quality_picture_path
from saddle.runs.timing import read_pace
from saddle.shape import Shape
from saddle.training.checkpoint import best_checkpoint_path, latest_checkpoint, read_checkpoint, write_checkpoint
from saddle.training.evaluator import Evaluator, describe_samples
from test_processes import TOY, saddle
from test_resume import StopAt

SMALL = {"networks.width": "4", "batch": "8", "turns.generator": "1"}
RUN: dict[str, Any] = {"recipe": "dcgan", "options": SMALL, "size": 16, "limit": 200, "images": 96, "pictures": 0,
                       "quiet": True, "ema": 40, "seed": 3, "checkpoints": 1e9}  # fmt: skip
GAUGED = {"measure": "fid,kid,recall", "features": "random", "every": 24, "samples": 48}


def values(figures: list[Figure]) -> dict[str, float]:
    return {figure.metric: figure.value for figure in figures}


def npz(path: Path, images: np.ndarray, labels: np.ndarray | None = None) -> str:
    np.savez(path, images=images, **({} if labels is None else {"labels": labels}))
    return str(path)


@pytest.fixture(scope="module")
def glyphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 digits to learn, and 150 others of the same kind."""
    data = open_data("glyphs", Prepare(size=16, limit=2400), print)
    digits = np.flatnonzero(data.labels < 10)[:550]
    images, labels = np.array(data.samples)[digits, ..., 0], data.labels[digits]
    folder = tmp_path_factory.mktemp("glyphs")
    npz(folder / "train.npz", images[:400], labels[:400])
    npz(folder / "fresh.npz", images[400:], labels[400:])
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(**RUN, out=tmp_path_factory.mktemp("run") / "r")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier that has seen little."""
    monkeypatch.setattr(classifier, "TRAINING_IMAGES", 2400)


# The table


def test_every_metric_has_its_function_and_the_nearest_name_is_told():
    for metric in METRICS.values():
        assert callable(metric_function(metric))
    assert parse_metric_names("FID, memorisation,fid") == ("fid", *METRIC_GROUPS["memorisation"])
    with pytest.raises(Mistake, match="there is no metric precison; did you mean precision"):
        parse_metric_names("fid,precison")


def test_the_standard_error_is_that_of_a_thousand_draws():
    dice = torch.Generator().manual_seed(0)
    real = torch.randn(2000, 5, generator=dice, dtype=torch.float64)
    fake = torch.randn(400, 5, generator=dice, dtype=torch.float64) * torch.tensor([1, 2, 0.5, 1, 1.5]) + 0.5
    found = frechet_estimate(Moments.of(real), Moments.of(fake), fake)
    assert found.value == pytest.approx(frechet_distance(real, fake), rel=1e-9)
    drawn = bootstrap_interval(lambda rows: frechet_distance(real, rows), fake, times=300)
    assert found.error * 2 * 1.96 == pytest.approx(drawn.high - drawn.low, rel=0.15)


def test_samples_of_fewer_than_their_dimensions_have_a_distance_too():
    dice = torch.Generator().manual_seed(0)
    real, fake = torch.randn(90, 40, generator=dice), torch.randn(20, 40, generator=dice)
    found = frechet_estimate(Moments.of(real), Moments.of(fake), fake)
    assert found.value == pytest.approx(frechet_distance(real, fake), rel=1e-9) and 0 < found.error < found.value


# Sources


def planted(folder: Path, kind: str) -> str:
    with np.load(folder / "train.npz") as file:
        images, labels = file["images"], file["labels"]
    dice = np.random.default_rng(0)
    made = {
        "copies": images[:200],
        "noise": dice.integers(0, 256, (200, 16, 16), dtype=np.uint8),
        "one digit": np.concatenate([images[labels == 3]] * 8)[:200],
    }[kind]
    return npz(folder / f"{kind}.npz", np.ascontiguousarray(made))


@pytest.mark.usefixtures("quick")
def test_each_planted_fault_is_flagged_by_its_metric(glyphs: Path):
    """With all metrics that suit small labelled grey images, which are chosen unasked."""
    train_ = str(glyphs / "train.npz")
    good, copies, noise, one = (
        values(measure(source, train_))
        for source in (str(glyphs / "fresh.npz"), *(planted(glyphs, kind) for kind in ("copies", "noise", "one digit")))
    )
    assert set(good) == set(LABELLED_METRICS)
    assert good["copies"] < 0.3 < 1 == copies["copies"] and copies["authenticity"] == 0
    assert noise["precision"] < 0.1 < 0.7 < good["precision"] and noise["coverage"] < 0.1 < 0.7 < good["coverage"]
    assert one["modes"] < 10 == good["modes"] and one["classes"] > 20 * max(good["classes"], 1)
    assert one["recall"] < 0.5 * good["recall"] and one["diversity"] < 0.8 * good["diversity"]
    assert good["fid"] < min(noise["fid"], one["fid"])


@pytest.mark.usefixtures("quick")
def test_all_other_figures_of_images_and_those_of_each_class(glyphs: Path):
    names = "swd,parzen,1nn,c2st,ndb,birthday,msssim,reverse-kl"
    same = measure(str(glyphs / "train.npz"), str(glyphs / "train.npz"), metrics=names, n=200, references=200)
    assert values(same)["swd"] < 60 and values(same)["1nn"] < 0.1 and values(same)["reverse-kl"] < 0.05
    assert values(same)["ndb"] == 0 and values(same)["birthday"] <= 0.5
    figures = measure(str(glyphs / "fresh.npz"), str(glyphs / "train.npz"), metrics="msssim,kid", per_class=True)
    kinds = [figure.metric for figure in figures]
    assert kinds[:3] == ["msssim", "msssim[0]", "msssim[1]"] and len(kinds) == 22
    alike = [figure.value for figure in figures[1:11]]
    assert sum(alike) / 10 > figures[0].value  # digits of one kind are more alike than any two


def test_points_are_measured_by_their_modes():
    figures = measure("ring", "ring", n=2000, references=2000)
    found = values(figures)
    assert found["modes"] == 8 and found["quality"] == pytest.approx(0.98889, abs=0.01) and found["reverse-kl"] < 0.01
    assert {figure.protocol.references for figure in figures} == {2000}
    with pytest.raises(Mistake, match="is cannot be measured: this metric needs class names, and ring has none"):
        measure("ring", "ring", metrics="is", n=100)


def test_data_are_read_once_and_the_protocol_says_how(glyphs: Path, monkeypatch: pytest.MonkeyPatch):
    read, seen = DeviceExtractor.extract, []
    monkeypatch.setattr(DeviceExtractor, "extract", lambda eye, side: seen.append(side.data.name) or read(eye, side))
    ask = {"metrics": "fid,precision", "features": "random"}
    first = measure(str(glyphs / "fresh.npz"), str(glyphs / "train.npz"), **ask)
    assert len(seen) == 2
    assert measure(str(glyphs / "fresh.npz"), str(glyphs / "train.npz"), **ask) == first and len(seen) == 2
    fid, precision = first
    assert (
        fid.title == "FID, random-0 features, 896-d"
        and len(fid.protocol.weights) == 64
        and fid.low < fid.value < fid.high
    )
    assert (fid.protocol.samples, fid.protocol.references) == (150, 400)
    assert (precision.protocol.samples, precision.protocol.references) == (150, 150)


def test_what_cannot_be_measured_is_said_in_one_sentence(glyphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    a, b = str(glyphs / "fresh.npz"), str(glyphs / "train.npz")
    monkeypatch.delenv("SADDLE_DATA", raising=False)
    for sentence, ask in {
        "name what to compare it with": {"against": None},
        "there is no option|has no option metric; did you mean metrics": {"metric": "fid"},
        "there are no features clasifier; did you mean classifier": {"features": "clasifier"},
        "Inception's weights are not here": {"features": "inception"},
        "there is no file .*none.pth with Inception's weights": {"features": str(tmp_path / "none.pth")},
        "features random have no layers to choose from, as random:5": {"features": "random:5"},
        "features identity have no layers": {"features": "identity:abc"},
        "named by its dimension, not abc": {"features": "inception:abc"},
        "cannot be read as Inception's weights: a file of pytorch-fid": {
            "features": b.replace("train.npz", "broken.pth")
        },
        "needs class names, and features random give none; --features classifier does": {
            "features": "random",
            "metrics": "is",
        },
        "these are only images; name a run": {"metrics": "ppl"},
        "n is 4, but recall needs 6 or more": {"metrics": "recall", "features": "random", "n": 4},
        "n is 1, but kid needs 2 or more": {"metrics": "kid", "features": "random", "n": 1},
        "has samples of 16 x 16 x 1 and .* samples of 16 x 16 x 3; --channels 3 brings": {
            "against": "glyphs",
            "colour": True,
        },
    }.items():
        (glyphs / "broken.pth").write_bytes(b"no weights")
        if ask.pop("colour", False):
            with np.load(b) as file:
                ask["against"] = npz(tmp_path / "c.npz", np.repeat(file["images"][..., None], 3, 3) // [[[1, 2, 3]]])
        with pytest.raises(Mistake, match=sentence):
            measure(a, **({"against": b, "metrics": "fid"} | ask))
    with pytest.raises(Mistake, match="a sample of mine holds a value that is no number"):
        generated_dataset("mine", [torch.full((2, 1, 8, 8), torch.nan)], 2, Shape(1, 8, 8))


def test_a_download_counts_only_with_its_hash(tmp_path: Path):
    there = tmp_path / "there.pth"
    there.write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    file = inception_download.download_file(there.as_uri(), right[:8], tmp_path / "here.pth", print)
    assert file.read_bytes() == b"weights"
    with pytest.raises(Mistake, match=f"has the hash {right}, not 00000000"):
        inception_download.download_file(there.as_uri(), "0" * 8, tmp_path / "wrong.pth", print)
    with pytest.raises(Mistake, match="could not be downloaded"):
        inception_download.download_file((tmp_path / "nowhere").as_uri(), right, tmp_path / "wrong.pth", print)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here.pth", "there.pth"]


def test_the_first_few_of_a_side_are_a_fair_choice_and_always_the_same():
    data = open_data("glyphs", Prepare(size=16, limit=360), print)
    few, all_ = SampleSet(data, 90), SampleSet(data)
    assert torch.equal(few.images(torch.arange(90)), all_.images(torch.arange(90)))
    assert len(set(few.index.tolist())) == 90 and few.index.max() > 300


# Runs


def state(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((run / "checkpoints").iterdir())}


def test_a_run_is_measured_against_its_own_data_and_stays_as_it_is(run: Path, tmp_path: Path, capsys: Any):
    before = state(run)
    ask = {"n": 60, "metrics": "fid,ppl,ivom,copies", "features": "random"}
    figures = measure(run, **ask, picture=tmp_path / "p.png", json=tmp_path / "f.json")
    assert measure(run, **ask) == figures and state(run) == before
    (line,) = read_measurements(RunFolder(run))  # once, although it was measured twice
    assert line.figures == tuple(figures) and (line.images, line.round) == (96, 12) and line.seconds > 0
    assert [Figure.read(facts) for facts in json.loads((tmp_path / "f.json").read_text())] == figures
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    assert main(["measure", str(run), "-n", "60", "--metrics", "fid", "--features", "random"]) == 0
    assert f"{figures[0].value:.4g}" in (said := capsys.readouterr().out) and "lower is better" in said
    with pytest.raises(Mistake, match="has no best checkpoint: it was not measured as it was trained"):
        load(run, best=True)
    with pytest.raises(Mistake, match="a run has its own size"):
        measure(run, size=32)


def test_what_a_run_holds_is_told_again_and_measured_anew_once_anything_has_changed(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    taken: list[str] = []
    figures_of = Evaluation.figures

    def counted(self: Evaluation, names: list[str], per_class: bool) -> list[Figure]:
        taken.extend(names)
        return figures_of(self, names, per_class)

    monkeypatch.setattr(Evaluation, "figures", counted)
    shutil.copytree(run, copy := tmp_path / "r")
    (copy / "measures.jsonl").unlink(missing_ok=True)
    ask: dict[str, Any] = {"n": 20, "metrics": "fid", "features": "random", "device": "cpu"}
    said: list[str] = []
    first = measure(copy, **ask)
    assert measure(copy, **ask, say=said.append, json=tmp_path / "f.json") == first and taken == ["fid"]
    assert any("were measured before" in one for one in said) and json.loads((tmp_path / "f.json").read_text())
    both = measure(copy, **ask | {"metrics": "fid,kid"})
    assert both[0] == first[0] and taken == ["fid", "kid"]
    for change in ({"seed": 1}, {"n": 21}, {"average": False}, {"features": "identity"}, {"references": 100}):
        measure(copy, **ask | change)
        assert taken.pop() == "fid" and len(taken) == 2, change
    last = latest_checkpoint(copy / "checkpoints")
    tensors, facts = read_checkpoint(last)
    write_checkpoint(last, {name: 1.5 * t if t.is_floating_point() else t for name, t in tensors.items()}, facts)
    assert measure(copy, **ask)[0].value != first[0].value and taken == ["fid", "kid", "fid"]
    monkeypatch.setattr("saddle.measuring.held.code_digest", lambda: "another saddle")
    measure(copy, **ask)
    assert taken == ["fid", "kid", "fid", "fid"]


def test_a_path_length_is_of_as_many_ways_as_samples_were_asked_for(run: Path):
    for asked, due in ((16, 16), (40, 40)):
        (figure,) = measure(run, metrics="ppl", n=asked, quiet=True)
        assert figure.protocol.samples == due
    (figure,) = measure(run, metrics="ppl", quiet=True)
    assert figure.protocol.samples == 1000


@pytest.mark.parametrize(("samples", "images", "every", "says"), [
    (2000, 200, 20, "11 measurements of 2,000 samples each make more than the 200 images .*--samples 18 makes fewer"),
    (2000, 22_000, 2_200, ""), (2000, 21_999, 2_199, "--samples 1999 makes fewer"), (10, 20, 2, ""),
])  # fmt: skip
def test_figures_that_cost_more_than_the_run_are_told_of(samples: int, images: int, every: int, says: str):
    told = describe_samples(samples, 10, images, every)
    assert bool(told) == bool(says) and re.search(says, told)


def test_a_run_of_few_images_says_how_many_samples_its_figures_take(tmp_path: Path, capsys: Any):
    line = "train r1-toy --limit 64 --images 32 --batch 8 --networks.width 4 --pictures 0 --measure swd --samples 40"
    code = main([*line.split(), "--out", str(tmp_path / "a")])
    out, error = capsys.readouterr()
    assert code == 0 and "11 measurements of 40 samples each make more than the 32 images" in out + error
    code = main([*line.split(), "--out", str(tmp_path / "b"), "--quiet"])
    out, error = capsys.readouterr()
    assert code == 0 and "measurements of" not in out + error


def test_a_run_is_measured_against_files_of_which_options_tell_more(run: Path, tmp_path: Path):
    ask: dict[str, Any] = {"n": 20, "metrics": "fid", "features": "identity"}
    maps = np.random.default_rng(0).integers(0, 80, (20, 16, 16)).astype(np.uint8)
    np.save(tmp_path / "maps.npy", maps)
    np.save(tmp_path / "light.npy", (maps * (255 / 79)).round().astype(np.uint8))
    said: list[str] = []
    (dark,) = measure(run, against=str(tmp_path / "maps.npy"), say=said.append, **ask)
    assert any("--range 0..79" in sentence for sentence in said)
    (told,) = measure(run, against=str(tmp_path / "maps.npy"), range="0..79", **ask)
    (light,) = measure(run, against=str(tmp_path / "light.npy"), **ask)
    assert told.value == light.value != dark.value
    with pytest.raises(Mistake, match="a run has its own range"):
        measure(run, range="0..79", **ask)


@pytest.mark.usefixtures("drawn_curves")
def test_measuring_changes_no_bit_and_agrees_with_measuring_afterwards(run: Path, tmp_path: Path):
    gauged = train(**RUN, **GAUGED, out=tmp_path / "r")
    ours, theirs = (read_checkpoint(latest_checkpoint(path / "checkpoints")).tensors for path in (gauged, run))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    lines = read_measurements(RunFolder(gauged))
    assert [line.images for line in lines] == [0, 24, 48, 72, 96]
    assert quality_picture_path(RunFolder(gauged)).read_bytes().startswith(b"\x89PNG")
    later = measure(gauged, n=48, metrics="fid,kid,recall", features="random")
    for during, after in zip(lines[-1].figures, later, strict=True):
        assert after.value == pytest.approx(during.value, rel=1e-3, abs=1e-3) and after.protocol == during.protocol
    fids = [line.figures[0].value for line in lines]
    best = lines[int(np.argmin(fids))].images
    assert read_checkpoint(best_checkpoint_path(gauged / "checkpoints")).facts["clock"]["images"] == best
    again = values(measure(gauged, n=48, metrics="fid", features="random", best=True))["fid"]
    assert again == pytest.approx(min(fids), rel=1e-3)


def test_a_killed_run_measures_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = train(**RUN, **GAUGED, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        StopAt(patch, 5)
        with pytest.raises(Interrupted):
            train(**RUN, **GAUGED, out=tmp_path / "r")
    saved = (tmp_path / "r" / "measures.jsonl").read_bytes()
    with monkeypatch.context() as patch:  # as if killed after further measurements, before a checkpoint
        patch.setattr("saddle.training.loop.Loop.finish", lambda loop: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError):
            resume(tmp_path / "r")
    assert len((tmp_path / "r" / "measures.jsonl").read_bytes()) > len(saved)
    resume(tmp_path / "r")
    lines = [[(line.images, line.round, line.figures) for line in read_measurements(RunFolder(path))]
             for path in (whole, tmp_path / "r")]  # fmt: skip
    assert lines[0] == lines[1]
    ours, theirs = (
        read_checkpoint(best_checkpoint_path(path / "checkpoints")).tensors for path in (whole, tmp_path / "r")
    )
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    pace = read_pace(RunFolder(tmp_path / "r").timing)
    assert pace.at(96) >= pace.at(40) > 0


def test_a_run_stops_when_nothing_gets_better_and_then_stays_stopped(tmp_path: Path, capsys: Any):
    ask = GAUGED | {"measure": "authenticity", "patience": 2}  # 1 from the beginning: nothing is better
    folder = train(**RUN, **ask, out=tmp_path / "r")
    why = "nothing clearly better for 2 measurements; the best was at 0 images"
    stops = [line.stop for line in read_measurements(RunFolder(folder))]
    assert [line.images for line in read_measurements(RunFolder(folder))] == [0, 24, 48]
    assert stops[:2] == [None, None] and str(stops[2]) == why
    assert f"the run has ended early: {why}" in capsys.readouterr().err
    resume(folder)
    assert f"the run has ended early: {why}" in capsys.readouterr().err
    assert main(["compare", str(folder)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "48 of 96, ended early" in said and f"r ended early: {why}" in said
    assert read_checkpoint(latest_checkpoint(folder / "checkpoints")).facts["clock"]["images"] == 48
    assert len(read_measurements(RunFolder(folder))) == 3
    with pytest.raises(Mistake, match="patience is about measuring, which is not asked for"):
        train(**RUN, patience=2)
    with pytest.raises(Mistake, match="patience waits for a better 1nn, which has no better"):
        train(**RUN, measure="1nn", patience=2, out=tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_patience_ends_only_with_what_is_better_than_the_interval():
    watch = Evaluator(RunFolder("."), None, 10, patience=2)
    better = [watch.update_best(Figure("fid", "FID", value, value - 2, value + 2)) for value in (10, 9, 8.5, 7, 6.5, 6)]
    assert better == [True] * 6  # each is the best yet
    assert watch.since == 2 and watch.over  # after 7, which was below 10 - 2, none came below 7 - 2
    higher = Evaluator(RunFolder("."), None, 10, patience=9)
    assert [higher.update_best(Figure("recall", "r", v, better="higher")) for v in (0.1, 0.3, 0.2)] == [
        True,
        True,
        False,
    ]


@pytest.mark.slow
def test_two_processes_give_the_figures_of_one(tmp_path: Path):
    ask = [*TOY, "--measure", "swd,modes", "--samples", "500", "--every", "800"]
    lines = []
    for processes in (1, 2):
        saddle(processes, *ask, "--out", str(tmp_path / str(processes)))
        lines.append(read_measurements(RunFolder(tmp_path / str(processes))))
    assert [line.images for line in lines[0]] == [line.images for line in lines[1]]
    for one, two in zip(*lines, strict=True):
        assert values(list(one.figures)) == pytest.approx(values(list(two.figures)), rel=1e-3)


def test_what_was_held_out_tells_the_divergence_that_the_critic_sees(tmp_path: Path):
    folder = train(**RUN, **GAUGED | {"measure": "swd"}, held_out=40, out=tmp_path / "r")
    last = read_measurements(RunFolder(folder))[-1].figures
    assert [figure.metric for figure in last] == ["swd", "divergence"]
    assert last[1].value <= 0 and last[1].protocol.reference == "glyphs, held out"  # a logistic critic gains at most 0


def shaped(name: str, height: int, width: int, channels: int, kind: type[ArrayDataset] = ArrayDataset) -> SampleInfo:
    return SampleInfo.of(kind(name, np.zeros((4, height, width, channels), np.uint8)))


def test_sides_of_two_shapes_are_refused_with_what_helps():
    with pytest.raises(Mistake, match=r"samples of 16 x 16 x 1 .* of 32 x 24 x 3; --size 32x24 --channels 3 brings"):
        check_same_shape(shaped("a", 16, 16, 1), shaped("b", 32, 24, 3))
    with pytest.raises(Mistake, match=r"; --size 8 brings"):
        check_same_shape(shaped("a", 16, 16, 1), shaped("b", 8, 8, 1))
    with pytest.raises(Mistake, match=r"points of 2 numbers, and points cannot be compared with images$"):
        check_same_shape(shaped("a", 16, 16, 1), shaped("ring", 1, 1, 2))
    with pytest.raises(
        Mistake, match=r"a run's samples keep their shape: .* --against cifar10 --size 16 --channels 1`"
    ):
        check_same_shape(shaped("runs/1", 16, 16, 1, GeneratedSamples), shaped("cifar10", 32, 32, 3))


def test_below_the_figures_stands_of_how_many_samples():
    figures = [Figure("fid", "FID", 1.0, protocol=Protocol(samples=n, references=5000)) for n in (190, 163, 2000)]
    assert "163 to 2,000 samples against 5,000 of" in format_figures(figures)
    assert "190 samples against 5,000 of" in format_figures(figures[:1])
    alone = Figure("ppl-w", "path length", 1.0, protocol=Protocol(samples=9, reference="glyphs"))
    assert "9 samples, seed 0" in format_figures([alone])


def test_figures_that_are_not_those_of_papers_say_so_and_how_those_are_had():
    def told(*features: str) -> str:
        seen = [Figure("fid", "FID", 1.0, protocol=Protocol(features=name, samples=9)) for name in features]
        return " ".join(format_figures(seen).split())

    random = RandomFeatures().name
    assert "through random features: fit to compare runs" in told(random, "inception")
    assert "through a classifier of these data and random features" in told(random, ClassifierFeatures.name)
    assert "not the FID" in told(random) and "not the FID" not in told("inception", "")
    assert parse_measure_options({"features": "inception", "download": True}).download  # as it advises


def test_figures_that_are_no_finite_number_are_written_as_json(tmp_path: Path):
    """JSON has no Infinity: what reads strictly reads them, and they come back as they were."""
    figures = (Figure("kl", "reverse KL", math.inf, 0.5, math.inf), Figure("x", "x", -math.inf), Figure("y", "y", 2.0))
    folder = RunFolder.create(tmp_path / "r", "r")
    append_measurement(folder, Measurement(0, 0, 0.0, figures))
    line = measures_path(folder).read_text()
    facts = json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))["figures"]
    assert [(f["value"], f["high"]) for f in facts] == [("inf", "inf"), ("-inf", None), (2.0, None)]
    assert read_measurements(folder)[0].figures == figures
    assert math.isnan(Figure.read(Figure("z", "z", math.nan).facts()).value)
    watch = Evaluator(folder, None, 10)
    json.dumps(watch.state(), allow_nan=False)  # before anything was measured nothing is better than infinity
    watch.restore(Clock(), watch.state())
    assert watch.best == math.inf


def test_images_with_transparency_are_measured_by_what_the_refusal_of_them_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(0).integers(0, 256, (24, 8, 8, 4), np.uint8))
    line = ["measure", str(tmp_path / "a.npy"), "--against", str(tmp_path / "b.npy"), "--size", "8"]
    line += ["--channels", "4", "--metrics", "kid", "--features"]
    assert main([*line, "random"]) == 2
    said = re.search(r"--features (\w+) compares", capsys.readouterr().err)
    assert said and main([*line, said[1]]) == 0
