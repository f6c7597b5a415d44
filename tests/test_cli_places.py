"""Where saddle is used: folders whose names are no text, homes that are not there, places that may not be written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saddle.cli import main
from saddle.data.array_dataset import ArrayDataset
from saddle.data.progress import hide_progress
from saddle.errors import quote_for_shell
from saddle.metrics.classifier import train_classifier

ODD = "caf\udce9\n\x1b[31m\u202e"  # bytes that are no UTF-8, a line's end, signs that change a terminal
SMALL = ("--size", "8", "--networks.width", "4", "--networks.width-label", "4", "--networks.maxout", "4",
         "--batch", "4", "--images", "8", "--pictures", "1")  # fmt: skip
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def say(*words: str) -> tuple[int, str, str]:
        code, (out, complaint) = main(list(words)), capsys.readouterr()
        assert all(sign == "\n" or sign.isprintable() for sign in out + complaint), (out, complaint)
        return code, out, complaint

    return say


def pictures(folder: Path, ending: str = ".png") -> None:
    folder.mkdir(parents=True)
    for i in range(4):
        Image.new("L", (8, 8), 20 * i).save(folder / f"{i}{ending}")


def test_names_that_are_no_text_are_trained_on_sampled_measured_and_reported(say: Say) -> None:
    for name in ("a", ODD):
        pictures(Path(ODD, "data", name), f"{ODD}.png")
    run = f"{ODD}/run"
    code, out, _ = say("train", "cgan-dense", "--data", f"{ODD}/data", "--out", run, *SMALL)
    assert (
        code == 0
        and f"saddle sample {quote_for_shell(run)} " in out
        and r"The run lies in caf\udce9\n\x1b[31m\u202e/run" in out
    )
    assert json.loads(Path(run, "manifest.json").read_text("utf-8"))["settings"]["data"].endswith(f"{ODD}/data")
    assert say("sample", run)[:2] == (0, "caf\\udce9\\n\\x1b[31m\\u202e/run/samples-0.png\n")
    assert say("measure", run, "--metrics", "parzen", "-n", "8")[0] == 0
    for command in (["report", run], ["resume", run], ["diff", run, run], ["doctor", f"{ODD}/data"]):
        code, out, complaint = say(*command)
        assert code == 0, complaint


@pytest.mark.parametrize("words", [("train", "gan", "--data", "data", *SMALL[:2]), ("doctor", "data")])
def test_a_cache_that_cannot_be_written_is_named_with_the_variable(words: tuple[str, ...], say: Say,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    pictures(Path("data"))
    Path("file").write_text("")
    monkeypatch.setenv("SADDLE_CACHE", "file/cache")
    code, _, complaint = say(*words)
    assert code == 0 or (code == 2 and complaint.count("\n") == 1 and "SADDLE_CACHE" in complaint)


def test_a_place_for_a_run_that_cannot_be_made_is_named(say: Say) -> None:
    pictures(Path("data"))
    Path("file").write_text("")
    code, _, complaint = say("train", "gan", "--data", "data", "--out", "file/run", *SMALL[:2], "--batch", "4")
    assert (code, complaint.count("\n")) == (2, 1) and f"file/run: {Path('file').resolve()} is no folder" in complaint


@pytest.mark.parametrize("data", ["glyphs", "data", "data.npy"])
def test_a_size_that_no_network_takes_is_refused_before_pictures_are_read(
    data: str, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(Path("data"))
    np.save("data.npy", np.zeros((4, 8, 8), np.uint8))
    monkeypatch.setenv("SADDLE_CACHE", "cache")
    for place in ("saddle.data.glyphs.draw_glyphs", "saddle.data.cache.entry.write_pixels"):
        monkeypatch.setattr(place, lambda *given, **more: pytest.fail("pictures are read"))
    code, _, complaint = say("train", "dcgan", "--data", data, "--size", "100", "--batch", "4")
    assert code == 2 and "can be halved" in complaint and not list(Path("cache").glob("*data*"))
    assert say("show", "dcgan", "--data", data, "--size", "64", "--no-speed")[0] == 0


@pytest.mark.parametrize("data", ["glyphs", "ring"])
def test_what_is_drawn_is_not_drawn_for_ever(data: str, say: Say) -> None:
    recipe = "r3gan-toy" if data == "ring" else "gan"
    assert "times at most" in say("train", recipe, "--data", data, "--limit", "1e11")[2]


def test_no_home_is_no_error_where_none_is_needed_and_a_sentence_where_one_is(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*args: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    pictures(Path("data"))
    for name in ("SADDLE_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.setattr(Path, "expanduser", nowhere)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    code, _, complaint = say("doctor", "data")
    assert code == 0
    code, _, complaint = say(
        "train", "gan", "--data", "data", "--out", "run", *SMALL[:4], "--images", "8", "--batch", "4"
    )
    assert (code, complaint.count("\n")) == (2, 1) and "SADDLE_CACHE" in complaint


@pytest.mark.parametrize(("quiet", "bars"), [(False, 1), (True, 0)])
def test_a_classifier_that_is_trained_shows_how_far_it_has_come_but_not_in_quiet(
    quiet: bool, bars: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("rich.progress.Progress.advance", lambda bar, task, done: steps.append(done))
    samples = np.zeros((8, 8, 8, 1), np.uint8)
    with hide_progress(quiet):
        train_classifier(ArrayDataset("few", samples, np.arange(8) % 2, ("a", "b")), epochs=2)
    assert steps == [1] * 2 * bars


@pytest.mark.parametrize(
    "words", [("--batch", "5"), ("--batch", "4", "--held-out", "3"), ("--batch", "4", "--held-out", "1")]
)
def test_more_than_the_data_have_is_refused_before_a_picture_is_decoded(
    words: tuple[str, ...], say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(Path("data"))
    monkeypatch.setenv("SADDLE_CACHE", "cache")
    monkeypatch.setattr("saddle.data.decoding.decode.decode_rows", lambda *given: pytest.fail("it was decoded"))
    code, _, complaint = say("train", "gan", "--data", "data", "--size", "8", "--out", "run", *words)
    assert code == 2 and complaint.count("\n") == 1 and ("samples" in complaint) and not Path("run").exists()
