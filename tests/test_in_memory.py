"""Arrays, tensors, columns and data sets from a program: trained on as files are, and known by their content."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_files import noise
from saddle import load, measure, resume, train
from saddle.batches import Images, Pairs, Unpaired
from saddle.cli import main
from saddle.data import ArrayDataset, Dataset, Feed, Prepare, open_data
from saddle.data.dataset import main_shape
from saddle.data.in_memory import IN_MEMORY, open_given
from saddle.data.sides import make_sides
from saddle.data.toys import sample_toy
from saddle.errors import Mistake
from saddle.reproduction import reproduce
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.shape import Classes, Column, Picture, Shape, Text

IMAGES, LABELS = noise(40, 16, 16, 3), np.arange(40) % 3
COLUMNS = {"image": IMAGES, "label": LABELS}


def opened(given: object, said: list[str] | None = None, **options: Any) -> Dataset:
    return open_given(given, Prepare(**options), print if said is None else said.append, "mine")


def same(a: Dataset, b: Dataset) -> None:
    assert (a.fingerprint, len(a), a.columns) == (b.fingerprint, len(b), b.columns)
    one, two = (next(Feed(data, Images, 4, 0, "cpu")) for data in (a, b))
    assert torch.equal(one.image, two.image) and (one.condition is None) == (two.condition is None)
    assert one.condition is None or (two.condition is not None and torch.equal(one.condition, two.condition))


@pytest.mark.parametrize("options", [
    {}, {"size": 8, "flip": True}, {"size": 8, "crop": "random"}, {"channels": 1, "limit": 20}, {"labels": "none"},
    {"size": "8x12", "crop": "random"},
])  # fmt: skip
def test_what_is_given_is_what_a_file_of_it_holds(options: dict[str, Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    file = open_data(str(tmp_path / "a.npz"), Prepare(**options), print, cache=tmp_path / "cache")
    same(opened(COLUMNS, **options), file)


def test_layouts_ranges_and_names_of_classes() -> None:
    whole, tensor = opened(IMAGES), torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
    same(opened(tensor), whole)
    said: list[str] = []
    same(opened(tensor / 127.5 - 1, said), whole)
    assert "[-1, 1]" in said[0]
    same(opened(tensor.double() / 255, range="0..1"), whole)
    named = opened({"image": tensor.requires_grad_() if tensor.is_floating_point() else tensor,
                    "label": np.array(["c", "a", "b"])[LABELS]})  # fmt: skip
    assert isinstance(named, ArrayDataset) and named.classes == ("a", "b", "c")
    assert opened(IMAGES[..., 0]).shape == Shape(1, 16, 16)
    points = opened({"image": sample_toy("ring", 30).reshape(30, 2), "label": np.arange(30) % 2})
    assert points.shape == Shape(2, 1, 1, Classes(2)) and points.fingerprint
    assert isinstance(whole, ArrayDataset) and np.shares_memory(whole.samples, IMAGES)


def test_further_columns_go_with_their_samples() -> None:
    tokens = np.random.default_rng(0).integers(0, 50, (40, 6))
    data = opened({"source": IMAGES[..., :1], "target": IMAGES, "caption": tokens, "kind": LABELS}, size=8, limit=20)
    assert data.columns == {"target": Picture(Shape(3, 8, 8)), "source": Picture(Shape(1, 8, 8)), "caption":
                            Text(6, int(tokens.max()) + 1), "kind": Classes(3)}  # fmt: skip
    batch = next(Feed(data, Pairs, 5, 0, "cpu"))
    assert batch.source.shape == (5, 1, 8, 8) and batch.target.shape == (5, 3, 8, 8)
    grey = opened({"source": IMAGES[..., :1], "target": IMAGES[..., :1]}, flip=True, size=8, crop="random")
    batch = next(Feed(grey, Pairs, 20, 0, "cpu"))
    assert torch.equal(batch.source, batch.target)
    prints = {opened({"source": IMAGES[..., :1], "target": rows}).fingerprint for rows in (IMAGES, IMAGES[::-1])}
    assert len(prints) == 2


def test_two_sides_are_of_different_samples_and_known_by_the_content_of_both() -> None:
    data = opened({"a": IMAGES[:30], "b": IMAGES[..., :1]}, size=8)
    assert data.columns == {"a": Picture(Shape(3, 8, 8)), "b": Picture(Shape(1, 8, 8))} and len(data) == 40
    batch = next(Feed(data, Unpaired, 5, 0, "cpu"))
    assert batch.a.shape == (5, 3, 8, 8) and batch.b.shape == (5, 1, 8, 8)
    other = opened({"a": IMAGES[:30], "b": IMAGES[::-1, ..., :1]}, size=8)
    own = [make_sides("sides", a=ArrayDataset("", IMAGES), b=ArrayDataset("", b)) for b in (IMAGES, IMAGES[1:])]
    assert data.fingerprint != other.fingerprint and own[0].fingerprint != own[1].fingerprint


class Own:
    """A data set of somebody's own, drawn when it is asked for."""

    name, fingerprint = "own", "of-own"
    columns: Mapping[str, Column] = {"image": Picture(Shape(1, 16, 16))}
    shape = main_shape(columns)

    def __len__(self) -> int:
        return 50

    def take(self, index: np.ndarray, chance: np.ndarray, columns: Collection[str]) -> dict[str, torch.Tensor]:
        ramp = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
        return {"image": ramp + torch.from_numpy(index).to(torch.uint8).view(-1, 1, 1, 1)}


def settings(out: Path, **more: Any) -> dict[str, Any]:
    return {"recipe": "gan", "out": out, "options": {"batch": "8", "networks.width": "16"}, "images": 48, "pictures": 0,
            "quiet": True, "device": "cpu", "threads": 1} | more  # fmt: skip


@pytest.mark.parametrize(("given", "other"), [
    (COLUMNS, IMAGES), (torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 127.5 - 1, IMAGES[:39]),
    (Own(), ArrayDataset("other", IMAGES)), (sample_toy("ring", 40), sample_toy("ring", 40, 1)),
])  # fmt: skip
def test_a_run_is_trained_resumed_measured_and_sampled_and_refuses_other_content(
    given: Any, other: Any, tmp_path: Path
) -> None:
    run = train(data=given, **settings(tmp_path / "run", held_out=4))
    manifest = Manifest.read(RunFolder(run))
    assert manifest.settings.data == IN_MEMORY and manifest.data["samples"] in (36, 46) and manifest.data["fingerprint"]
    with pytest.raises(Mistake, match=r"the data in (memory|other) is other than what this run was begun with"):
        resume(run, data=other, images="+16")
    assert resume(run, data=given, images="+16") == run
    assert train(data=given, resume="auto", **settings(run, held_out=4)) == run
    (figure,) = measure(run, data=given, metrics="swd", n=16, device="cpu")
    assert figure.value > 0 and load(run).sample(2).isfinite().all()
    with pytest.raises(Mistake, match="so only there can they be given again"):
        measure(run, metrics="swd", n=16)


def test_the_command_line_takes_a_file_of_the_same_and_else_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", images=IMAGES, labels=LABELS)
    Path(IN_MEMORY).mkdir()  # is a folder of that name, and no more
    run = train(data=COLUMNS, **settings(Path("run")))
    assert reproduce(run, data=COLUMNS).lines
    for line in ("resume run --images +16", "measure run --metrics swd -n 16", "reproduce run --out again",
                 'train gan --quiet --data "in memory"'):  # fmt: skip
        assert main(shlex.split(line)) == 2
        assert "saddle: these data were given in Python, so only there can they be given" in capsys.readouterr().err
    for line in ("sample run", "report run", "resume run --images +16 --data a.npz", "measure run --metrics swd -n 16"):
        assert main(shlex.split(line)) == 0
    assert Manifest.read(RunFolder("run")).settings.data == str(tmp_path / "a.npz")


def test_what_cannot_be_given_is_one_sentence(tmp_path: Path) -> None:
    for sentence, given, options in (
        (r"should be an array or tensor, .*, or a saddle.data.Dataset, not this list", [1, 2], {}),
        (r"its columns are label", {"label": LABELS}, {}),
        (r"has 40 rows of image, but 39 of label", {"image": IMAGES, "label": LABELS[1:]}, {}),
        (r"whole numbers were expected", {"image": IMAGES, "label": LABELS + 0.5}, {}),
        (r"pictures, classes or tokens, from 0 up, were expected", {"image": IMAGES, "words": np.zeros((40, 3))}, {}),
        (r"which of them are black and white cannot be told", IMAGES.astype(np.float32) - 400, {}),
        (r"own is a Dataset, whose samples are what they are: size", Own(), {"size": 8}),
        (r"has points, not pictures", sample_toy("ring", 40), {"flip": True}),
        (r"a table of labels goes with files of pictures", IMAGES, {"labels": "a.csv"}),
        (r"holds nothing", IMAGES[:0], {}),
        (r"holds nothing", np.array(3), {}),
        (r"a dense tensor of plain numbers, not torch.sparse_coo", torch.eye(4).to_sparse(), {}),
        (r"a dense tensor of plain numbers, not .* on meta", torch.empty(40, 3, 16, 16, device="meta"), {}),
        (r"has points, which have labels, but no words", {"image": noise(9, 2) / 255, "words": noise(9, 3)}, {}),
    ):
        with pytest.raises(Mistake, match=sentence):
            train(data=given, **settings(tmp_path / "run", **options))  # type: ignore[arg-type]
    nameless = Own()
    nameless.fingerprint = ""
    with pytest.raises(Mistake, match="own has no fingerprint, by which a run knows its data"):
        train(data=nameless, **settings(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_either_side_of_a_measurement_has_labels() -> None:
    ours, theirs = {"image": IMAGES, "label": LABELS}, {"image": noise(40, 16, 16, 3, seed=1), "label": LABELS}
    figures = measure(ours, theirs, metrics="swd", per_class=True)
    assert [figure.metric for figure in figures] == ["swd", "swd[0]", "swd[1]", "swd[2]"]
