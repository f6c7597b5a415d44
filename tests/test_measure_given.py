"""What may be measured, what is refused before the work, and what a number says of how it came about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from saddle import load, measure, resolved, train
from saddle.cli import main
from saddle.data.array_dataset import ArrayDataset
from saddle.data.toys import sample_toy
from saddle.errors import Mistake
from saddle.inference.loaded import LoadedGame
from saddle.measuring import evaluation, measure_inputs, reference
from saddle.measuring import measure as measuring
from saddle.metrics.figures import Figure, Protocol
from saddle.runs.folder import RunFolder
from saddle.runs.measures import read_measurements
from saddle.shape import Shape

TOY: dict[str, Any] = {"recipe": "wgan-gp-toy", "data": "ring", "options": {"batch": "16", "networks.width": "8"},
                       "images": 64, "pictures": 0, "quiet": True, "limit": 400, "checkpoints": 1e9}  # fmt: skip
FEW = {"n": 60, "references": 200, "metrics": "swd,kid"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(**TOY, out=tmp_path_factory.mktemp("run") / "toy")


def pixels(n: int, seed: int = 0, side: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def heard(*sides: Any, **options: Any) -> tuple[list[Figure], list[str]]:
    said: list[str] = []
    return measure(*sides, say=said.append, **options), said


# What may stand on either side


def test_arrays_tensors_and_data_sets_are_measured_alike():
    ours, theirs = pixels(40), pixels(50, 1)
    ask = {"metrics": "kid,1nn", "features": "random"}
    (kid, one), said = heard(ours, theirs, **ask)
    assert one.value > 0 and kid.protocol.reference == "data in memory" and len(kid.protocol.fingerprint) == 32
    assert said == []  # bytes leave nothing to guess
    as_tensor = torch.from_numpy(ours).permute(0, 3, 1, 2)
    floats, told = heard(as_tensor / 127.5 - 1, theirs / 255, **ask)
    assert [figure.value for figure in floats] == pytest.approx([kid.value, one.value], abs=1e-6)
    assert "[-1, 1]" in told[0] and "[0, 1]" in told[1]
    again = measure(as_tensor, ArrayDataset("mine", theirs), **ask)
    assert [figure.value for figure in again] == [kid.value, one.value] and again[0].protocol.reference == "mine"
    assert again[0].protocol.fingerprint == kid.protocol.fingerprint  # content, not name
    other = measure(ours, pixels(50, 2), **ask)[0].protocol
    assert other.differs(kid.protocol) == ["fingerprint"]


def test_points_in_memory_and_in_a_file(tmp_path: Path, capsys: Any):
    points = sample_toy("ring", 500, 7).reshape(-1, 2)
    np.save(tmp_path / "points.npy", points)
    (modes, quality, _, swd, _), _ = heard(points, "ring")
    assert modes.value == 8 and quality.value > 0.95 and swd.protocol.samples == 500
    assert measure(torch.from_numpy(points).reshape(-1, 2, 1, 1), "ring", metrics="modes,swd") == [modes, swd]
    assert main(["measure", str(tmp_path / "points.npy"), "--against", "ring", "--metrics", "modes"]) == 0
    assert "modes of 8" in capsys.readouterr().out
    assert [figure.metric for figure in measure("ring", points, n=50)] == ["swd", "1nn"]  # of those no modes are known


def test_named_sources_are_brought_to_the_size_of_samples_in_memory(tmp_path: Path):
    np.save(tmp_path / "grey.npy", pixels(40, 1, side=24)[..., 0])
    (figure,) = measure(pixels(30), tmp_path / "grey.npy", references=20, metrics="kid", features="random")
    assert figure.protocol.references == 20


def test_a_run_is_compared_with_samples_of_a_run_not_with_its_pictures(run: Path, tmp_path: Path):
    against, own = measure(run, run, **FEW)[0], measure(run, **FEW)[0]
    assert against.protocol.reference == "toy at 80 images" and against.protocol.references == 200
    assert against.value < own.value  # two draws of one generator are nearer than the data; other latents, no copies
    assert against.value > 0
    assert measure(run, run, **FEW)[0] == against
    (points,) = measure("ring", run, n=60, references=200, metrics="swd")
    assert points.protocol.reference == "toy at 80 images" and points.protocol.generator == ""
    with pytest.raises(Mistake, match="toy at 80 images has points"):
        measure(pixels(20), run)
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "manifest.json").write_text((run / "manifest.json").read_text())
    for sides in ((bare,), (run, bare), ("ring", bare)):
        with pytest.raises(Mistake, match=r"bare has no checkpoint yet; `saddle resume .*bare` trains it$"):
            measure(*sides)


# What is refused, and when


def test_what_cannot_be_given_is_one_sentence(run: Path):
    for sentence, sides, options in (
        ("n is 'x', but should be a whole number", ("ring", "ring"), {"n": "x"}),
        ("per_class is 3, but should be", ("ring", "ring"), {"per_class": 3}),
        ("resize is 'cubic', but should be", ("ring", "ring"), {"resize": "cubic"}),
        ("a mapping of columns such as image and label to some, .* its columns are none", ({}, "ring"), {}),
        ("or a saddle.data.Dataset, not this int", ("ring", 5), {}),
        (r"has the shape \(3, 4, 5, 6, 7\)", (np.zeros((3, 4, 5, 6, 7)), "ring"), {}),
        ("holds nothing", (np.zeros((0, 2)), "ring"), {}),
        (
            "fid cannot be measured: it needs 10 samples or more on both sides, and there are 9 against 40",
            (pixels(9), pixels(40)),
            {"metrics": "fid", "features": "random"},
        ),
        ("holds a value that is no number", (np.full((9, 2), np.nan), "ring"), {}),
        ("has samples of 16 x 16 x 3 and .* of 20 x 20 x 3; both", (pixels(20), pixels(20, side=20)), {}),
        ("what is measured is no run; name what to compare it with", (pixels(20),), {}),
    ):
        with pytest.raises(Mistake, match=sentence):
            measure(*sides, **options)


def test_a_slip_costs_no_work(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nothing is sampled for figures that cannot be had, or for files that cannot be written."""
    monkeypatch.setattr(LoadedGame, "sample", lambda *_: pytest.fail("samples were made"))
    (tmp_path / "file").write_text("")
    before = read_measurements(RunFolder(run))
    for sentence, options in {
        "nothing can be written to .*x.json: .*file is no folder": {"json": tmp_path / "file" / "x.json"},
        "is a folder; name a file in it": {"json": tmp_path},
        "nothing can be written to .*p.png": {"picture": str(tmp_path / "file" / "p.png")},
        "points are not looked at in pairs": {"picture": tmp_path / "p.png"},
        "readable cannot be measured: this metric needs class names, and ring has none": {"metrics": "swd,readable"},
        "n is 9, but fid needs 10 or more": {"metrics": "fid", "n": 9},
        "references is 9, but fid needs 10 or more": {"metrics": "fid", "references": 9},
        "fid cannot be measured: features random are of pictures, and ring has points": {
            "metrics": "swd,fid",
            "features": "random",
        },
        "msssim cannot be measured: structural similarity needs": {"metrics": "swd,msssim"},
        "figures per class need labels": {"per_class": True},
    }.items():
        with pytest.raises(Mistake, match=sentence):
            measure(run, **options)
    assert read_measurements(RunFolder(run)) == before and sorted(tmp_path.iterdir()) == [tmp_path / "file"]


def test_features_that_name_no_classes_are_known_before_images_are_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measuring, "Evaluation", lambda *_, **__: pytest.fail("the work began"))
    with pytest.raises(
        Mistake, match=r"classes cannot be measured: .* features random give none; --features classifier"
    ):
        measure(pixels(40), pixels(40, 1), metrics="fid,copies,classes", features="random")


def test_no_figure_is_lost_where_a_file_then_cannot_be_written(run: Path, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch):  # fmt: skip
    figures = measure(run, **FEW, seed=5, json=tmp_path / "deep" / "er" / "f.json")
    facts = json.loads((tmp_path / "deep" / "er" / "f.json").read_text())
    assert [Figure.read(fact) for fact in facts] == figures
    monkeypatch.setattr(measuring, "write_json", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        measure(run, **FEW, seed=6, json=tmp_path / "f.json")
    assert read_measurements(RunFolder(run))[-1].figures[0].protocol.seed == 6


@pytest.mark.parametrize("slip", [{"measure": "swd,is"}, {"measure": "kid", "samples": 1}, {"measure": "fid,msssim"}])
def test_a_run_that_cannot_be_measured_makes_no_folder(slip: dict[str, Any], tmp_path: Path):
    with pytest.raises(Mistake, match=r"cannot be measured|^samples is 1, but kid needs 2 or more$"):
        train(**TOY | slip, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


# What a number says of itself


def test_averaged_and_last_weights_have_protocols_of_their_own(run: Path, tmp_path: Path):
    averaged, last = measure(run, **FEW)[0], measure(run, **FEW, average=False)[0]
    assert averaged.protocol.generator == "averaged" and averaged.protocol.differs(last.protocol) == ["generator"]
    plain = train(**TOY | {"ema": 0, "measure": "swd", "samples": 60}, out=tmp_path / "r")
    while_trained = read_measurements(RunFolder(plain))[-1].figures[0].protocol
    assert while_trained.generator == "last" == measure(plain, n=60, metrics="swd")[0].protocol.generator
    old = averaged.facts() | {"protocol": {k: v for k, v in averaged.facts()["protocol"].items() if k != "generator"}}
    del old["note"]
    assert Figure.read(old).protocol.generator == "" and Figure.read(old).value == averaged.value
    assert load(run).sample(2).shape == (2, 2, 1, 1)


def test_a_distance_of_fewer_samples_than_dimensions_says_so():
    (fid, kid), said = heard(pixels(30), pixels(40, 1), metrics="fid,kid", features="random")
    assert "30 samples has a rank of 29 at most in 896 dimensions" in fid.note and kid.note == ""
    assert said == [f"warning: FID, random-0 features, 896-d: {fid.note}"]
    (enough,), said = heard("ring", "ring", n=60, references=90, metrics="fid")
    assert enough.note == "" == "".join(said)


def test_the_kernel_distance_records_what_it_read():
    (few,) = measure(sample_toy("ring", 100, 1), sample_toy("ring", 5000, 2), metrics="kid")
    assert (few.protocol.samples, few.protocol.references) == (100, 5000)  # five subsets: of 20, and of 1,000
    (odd,) = measure(sample_toy("ring", 103, 1), sample_toy("ring", 9000, 2), metrics="kid")
    assert (odd.protocol.samples, odd.protocol.references) == (100, 5000)
    assert Protocol() == Protocol(generator="")


# What is refused before anything costly


def never(*given: Any, **options: Any) -> Any:
    raise AssertionError("nothing is read, trained or fetched for what is refused")


@pytest.mark.parametrize("names", ["ppl-w", "kid,ppl-w-end", "swd,modes,ppl-w"])
def test_styles_are_asked_for_before_data_and_extractors(run: Path, names: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measure_inputs, "open_run_data", never)
    monkeypatch.setattr(evaluation, "check_extractor", never)
    with pytest.raises(Mistake, match=r"ppl-w.* cannot be measured: this run makes its samples without styles, which"):
        measure(run, metrics=names, n=60)


def test_a_training_is_not_begun_whose_samples_have_no_styles_to_measure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resolved, "open_training_data", never)
    with pytest.raises(Mistake, match="ppl-w cannot be measured: this run makes its samples without styles"):
        train(**TOY, measure="ppl-w")


def test_no_extractor_is_made_for_one_metric_where_another_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evaluation, "check_extractor", never)
    sides = evaluation.SampleInfo("a", Shape(1, 8, 8), 20), evaluation.SampleInfo("b", Shape(1, 8, 8), 20)
    for names, words in ((("kid", "ivom"), "ivom .* reads a generator"), (("kid", "l1"), "l1 .* compares each transl"),
                         (("kid", "birthday"), "birthday .* needs 200 samples")):  # fmt: skip
        with pytest.raises(Mistake, match=words):
            evaluation.preflight(names, None, *sides, generator=False)  # type: ignore[arg-type]


def test_a_source_that_is_not_there_is_refused_before_another_is_fetched(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SADDLE_DATA", str(tmp_path))
    for module in (measure_inputs, reference):
        monkeypatch.setattr(module, "open_measurable", never)
    monkeypatch.setattr(measure_inputs, "open_run_data", never)
    for sides in (("nosuch", "cifar10"), (str(tmp_path), "nosuch"), (run, "nosuch"), ("cifar10", "saddle:nosuch")):
        with pytest.raises(Mistake, match="nosuch"):
            measure(*sides, metrics="swd")
