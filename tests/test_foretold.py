"""What of a measurement is senseless is refused before pictures are decoded; what is typed wrong before anything is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_files import pictures
from saddle.cli import main, sweeping
from saddle.data.cache import entry
from saddle.errors import Mistake
from saddle.extras import install, installing
from saddle.measuring.evaluation import foretell
from saddle.measuring.inputs import SampleInfo
from saddle.measuring.measure_inputs import otherwise
from saddle.measuring.metric_table import LAYERS, check_features, names_classes
from saddle.metrics.features.inception import FEATURE_LAYERS
from saddle.shape import Classes, Shape
from saddle.sweeps.plan import parse_vary, separated

GREY, COLOUR, LARGE = Shape(1, 28, 28, Classes(10)), Shape(3, 32, 32), Shape(3, 512, 512, Classes(10))


@pytest.fixture
def undecoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pictures that nobody may read whole."""
    pictures(tmp_path / "photos", 12)
    monkeypatch.setattr(entry, "write_pixels", lambda *given: pytest.fail("pictures were decoded"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def test_the_layers_that_may_be_named_are_those_that_there_are() -> None:
    assert tuple(FEATURE_LAYERS) == LAYERS


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ("inception:77", "no layer of 77 values; there are 64, 192, 768, 1280, 2023, 2048"),
        ("inception:pool", "named by its dimension"),
        ("random:64", "have no layers"),
        ("nonsense", "there are no features nonsense"),
        ("hf:", "write hf:OWNER/NAME"),
        (".", "is no file with Inception's weights, nor a folder"),
        ("notes.txt", r"a file of pytorch-fid .* was expected"),
        ("notes.txt:768", r"a file of pytorch-fid .* was expected"),
        ("weights.pth", "there is no file weights.pth"),
    ],
)
def test_senseless_features_are_refused_by_name(
    features: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("no weights")
    with pytest.raises(Mistake, match=words):
        check_features(features)


@pytest.mark.parametrize(
    ("wanted", "features", "shape", "words"),
    [
        ("fid,is", "random", GREY, "is cannot be measured.*features random give none"),
        ("is", "inception:64", GREY, "features inception:64 give none"),
        ("modes", "auto", COLOUR, "has no labels, or is over 64 pixels"),
        ("readable", "auto", LARGE, "has no labels, or is over 64 pixels"),
        ("fid,swd", "random", Shape(3, 8, 64), "patches are taken from images of 16 pixels or more, not 8x64"),
        ("fid", "classifier", COLOUR, "needs labels of at least two classes"),
        (None, "classifier", COLOUR, "needs labels of at least two classes"),
        ("quality", "auto", GREY, "readable is for those"),
        ("msssim", "auto", Shape(1, 8, 8), "at least 11 pixels"),
        ("birthday", "auto", COLOUR, "it needs 200 samples"),
        ("fid", "random", Shape(2, 1, 1), "features identity takes them"),
    ],
)
def test_the_shape_of_data_tells_what_cannot_be_measured(
    wanted: str | None, features: str, shape: Shape, words: str
) -> None:
    with pytest.raises(Mistake, match=words):
        foretell(wanted, features, SampleInfo("photos", shape, 100), 100)


def test_what_can_be_measured_is_let_pass() -> None:
    toy = Shape(2, 1, 1)
    for wanted, features, shape in (("fid,is", "auto", GREY), ("fid,kid", "random", LARGE), ("is", "classifier", GREY),
                                    ("modes,swd", "auto", toy), ("swd,parzen", "auto", COLOUR)):  # fmt: skip
        foretell(wanted, features, SampleInfo("ring", shape, 1000), 1000)
    assert names_classes("inception") and names_classes("inception:2048") and names_classes("classifier")


@pytest.mark.parametrize(
    "line",
    [
        "measure photos --against photos --features inception:77",
        "measure photos --against photos --features random --metrics fid,is",
        "measure photos --against photos --metrics fid -n 5",
        "measure photos --against photos --metrics ppl",
        "measure photos --against photos --metrics fid --per-class",
        "measure photos --against photos --metrics fid --json photos",
        "measure photos --against photos --metrics fid --device cuda:99",
        "train --data photos --images 32 --measure is --features random",
        "train --data photos --images 32 --measure fid --features classifier",
        "train --data photos --images 32 --measure fid --features inception:77",
        "train --data photos --images 32 --measure fid --samples 5",
        "sweep dcgan --data photos --images 32 --measure fid,is --features random --seeds 2",
    ],
)
def test_no_picture_is_decoded_for_what_is_refused(
    line: str, undecoded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("saddle: ")
    assert not Path("runs").exists() or not any(Path("runs").glob("*/manifest.json"))


def test_commas_between_values_to_try_name_the_semicolon(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "dcgan", "--vary", "size=16,100", "--images", "32"]) == 2
    said = capsys.readouterr().err
    assert "size is '16,100'" in said and "--vary 'size=16;100'" in said
    with pytest.raises(Mistake, match=r"^batch is odd$"), separated(parse_vary(["batch=16;32"])):
        raise Mistake("batch is odd")


def test_an_extra_is_installed_as_saddle_was() -> None:
    assert installing(None, "search") == "pip install 'saddle[search]'"
    here = Path.cwd().as_uri()
    assert installing(f'{{"url": "{here}", "dir_info": {{"editable": true}}}}', "x") == "pip install -e '.[x]'"
    assert installing(f'{{"url": "{here}/a%20b", "dir_info": {{}}}}', "x") == f"pip install '{Path.cwd()}/a b[x]'"
    git = '{"url": "https://host/s.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}'
    assert installing(git, "x") == "pip install 'saddle[x] @ git+https://host/s.git@abc'"
    assert install("search").startswith("pip install ") and "[search]" in install("search")


def test_measuring_quietly_gives_the_figures_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", 0), ("b", 1)):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(seed).normal(size=(2000, 2)).astype(np.float32))
    line = ["measure", str(tmp_path / "a.npy"), "--against", str(tmp_path / "b.npy"), "--metrics", "swd,1nn"]
    assert main([*line, "-n", "2000"]) == 0
    loud = capsys.readouterr()
    assert "reading 2,000 of" in loud.err
    assert main([*line, "-n", "2000", "--quiet"]) == 0
    quiet = capsys.readouterr()
    assert quiet.err == "" and quiet.out == loud.out


def test_a_sweep_trusts_the_runs_that_it_goes_on_with_where_it_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Asked(Exception):
        pass

    def trusted(paths: list[Path], trust: bool) -> None:
        raise Asked(paths, trust)

    (run := tmp_path / "01-a-seed-0").mkdir()
    (run / "manifest.json").touch()
    monkeypatch.setattr("saddle.cli.sweeping.trust_runs", trusted)
    for more, trust in (([], False), (["--trust"], True)):
        with pytest.raises(Asked) as asked:
            sweeping.sweep(["dcgan", "--seeds", "2", "--out", str(tmp_path), *more])
        assert asked.value.args == ([run], trust)


def test_a_quiet_comparison_is_the_comparison_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("saddle.reports.reading.open_runs", lambda paths: [])
    monkeypatch.setattr("saddle.reports.compare.Comparison.text", lambda self, width: "a table")
    assert main(["compare", "a", "b"]) == 0 and "--html FILE adds" in capsys.readouterr().out
    assert main(["compare", "a", "b", "--quiet"]) == 0 and capsys.readouterr().out == "a table\n"


def test_features_that_a_run_was_measured_through_are_not_left_in_silence() -> None:
    assert otherwise("run", "auto", "auto") == "" == otherwise("run", "random", "identity")
    assert otherwise("run", "random", "auto").endswith("name them to get figures of the same kind")
    assert "there is no file gone.pth" in otherwise("run", "gone.pth", "auto")
