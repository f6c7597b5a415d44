"""A class that is left out of training: no sample, no label, no name of it is anywhere in the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from saddle import load, measure, train
from saddle.cli import main
from saddle.data import Prepare, open_data
from saddle.data.dataset import class_names, read_labels
from saddle.data.in_memory import open_given
from saddle.errors import Mistake
from saddle.notices import notify_nobody
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest

RECIPES_FILE = Path(__file__).parent / "capable.py"
IMAGES = np.arange(40, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
LABELS = np.arange(40) % 4


@pytest.fixture
def data(tmp_path: Path) -> str:
    np.savez(tmp_path / "d.npz", images=IMAGES, labels=LABELS)
    return str(tmp_path / "d.npz")


@pytest.mark.parametrize(("left_out", "kept"), [("2", "013"), ("0,3", "12"), (" 3 , 1 ", "02")])
@pytest.mark.parametrize("decode", ["once", "on-the-fly"])
def test_the_samples_of_all_other_classes_stay_with_their_labels(data: str, left_out: str, kept: str, decode):
    whole = open_data(data, Prepare(range="0..255"), notify_nobody)
    some = open_data(data, Prepare(range="0..255", leave_out=left_out, decode=decode), notify_nobody)
    rows = np.flatnonzero(np.isin(LABELS, [int(name) for name in kept]))
    assert class_names(some) == tuple(kept) and some.shape.classes == len(kept) and len(some) == len(rows)
    labels = read_labels(some)
    assert labels is not None and [int(kept[i]) for i in labels] == LABELS[rows].tolist()
    index, words = np.arange(len(some)), np.zeros(len(some), np.uint64)
    taken = some.take(index, words, ("image",))["image"]
    assert torch.equal(taken, whole.take(rows, np.zeros(len(rows), np.uint64), ("image",))["image"])
    assert some.fingerprint != whole.fingerprint


def test_a_limit_counts_what_is_left(data: str):
    assert len(open_data(data, Prepare(leave_out="0", limit=20), notify_nobody)) == 20


def test_data_given_in_python_leave_classes_out_too():
    some = open_given({"image": IMAGES, "label": LABELS}, Prepare(leave_out="1"), notify_nobody, "given")
    assert class_names(some) == ("0", "2", "3") and len(some) == 30
    with pytest.raises(Mistake, match="with images and labels alone, but given has source"):
        open_given({"image": IMAGES, "label": LABELS, "source": IMAGES}, Prepare(leave_out="1"), notify_nobody, "given")


@pytest.mark.parametrize(("left_out", "words"), [("7", "the data have no class 7 to leave out; there are 0, 1, 2, 3"),
                                                 ("0,1,2,3", "nothing is left of the data when 0, 1, 2, 3 is left out"),
                                                 (",", "leave-out names no class")])  # fmt: skip
def test_what_cannot_be_left_out_is_refused(data: str, left_out: str, words: str):
    with pytest.raises(Mistake, match=words):
        open_data(data, Prepare(leave_out=left_out), notify_nobody)


def test_without_classes_none_is_left_out(data: str, tmp_path: Path):
    np.save(tmp_path / "plain.npy", IMAGES)
    with pytest.raises(Mistake, match="the data have no classes, of which 3 could be left out"):
        open_data(str(tmp_path / "plain.npy"), Prepare(leave_out="3"), notify_nobody)
    with pytest.raises(Mistake, match="labels and source do not apply"):
        open_data("ring", Prepare(leave_out="3"), notify_nobody)


def test_a_run_tells_what_it_left_out_and_is_resumed_and_measured_without(data: str, tmp_path: Path, capsys):
    run = tmp_path / "run"
    recipe = f"{RECIPES_FILE}:GAN"
    assert main(["train", recipe, "--data", data, "--leave-out", "2", "--images", "64", "--pictures", "0", "--quiet",
                 "--out", str(run)]) == 0  # fmt: skip
    manifest = Manifest.read(RunFolder.find(run))
    assert manifest.settings.leave_out == "2" and manifest.data["classes"] == ["0", "1", "3"]
    assert manifest.data["samples"] == 30 and load(run).classes == ("0", "1", "3")
    assert main(["resume", str(run), "--images", "+64"]) == 0
    assert measure(run, metrics="kid", features="identity", n=32)
    capsys.readouterr()
    with pytest.raises(Mistake, match=r"leave_out is 2 in .*, but 3 in this command"):
        train(recipe, data, out=run, leave_out="3", resume="auto", images=64, pictures=0, quiet=True)


def test_a_source_is_measured_without_a_class_if_that_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A run that has never seen a class is compared with all that is named, unless that is left out there too."""
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16), np.uint8)
    np.savez(tmp_path / "d.npz", images=images, labels=LABELS)
    train(f"{RECIPES_FILE}:GAN", str(tmp_path / "d.npz"), out=tmp_path / "run", leave_out="2", images=64, pictures=0,
          quiet=True, device="cpu")  # fmt: skip
    np.savez(tmp_path / "other.npz", images=images[::-1], labels=LABELS[::-1])
    for options, count in (([], 40), (["--leave-out", "1,2"], 20)):
        words = ["measure", str(tmp_path / "run"), "--against", str(tmp_path / "other.npz"), *options]
        assert main([*words, "--metrics", "kid", "--features", "identity", "-n", "32", "--quiet"]) == 0
        assert f"against {count} of" in capsys.readouterr().out
