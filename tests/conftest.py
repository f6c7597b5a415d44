"""What all tests share: where the real images lie, which device is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: as many tests run at once as there are cores

import torch

from browser import chromium, visit  # noqa: F401 - fixtures
from saddle.runs.curves import plot_log
from saddle.runs.measures import measures_path
from saddle.runs.quality import plot_quality, quality_picture_path
from saddle.training import evaluator, loop
from saddle.training.machine import find_machine
from typed import Say, typing_at


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="where the tests that train do so: cpu or cuda")


LONG_FILES = ("test_theory.py", "test_processes.py", "test_resume.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests come first, so that of several processes none is left alone with one at the end."""
    items.sort(key=lambda item: item.path.name not in LONG_FILES)


def pytest_itemcollected(item: pytest.Item) -> None:
    if "chromium" in getattr(item, "fixturenames", ()):
        item.add_marker("browser")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing that tests decode lands in the user's own cache, or comes from it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SADDLE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("SADDLE_CONFIG", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session", autouse=True)
def copied_curves() -> Iterator[None]:
    """In place of the pictures at a run's end, what they are drawn of: drawing takes most of so short a run's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "plot_log", copyfile)
        patch.setattr(evaluator, "plot_quality", lambda run: copyfile(measures_path(run), quality_picture_path(run)))
        yield


@pytest.fixture
def drawn_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are about these pictures."""
    monkeypatch.setattr(loop, "plot_log", plot_log)
    monkeypatch.setattr(evaluator, "plot_quality", plot_quality)


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> torch.device:
    """Where to train, prepared as a training prepares it: a GPU that repeats its bits."""
    return find_machine(request.config.getoption("--device")).device


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images that SADDLE_DATA names; without it the test is skipped."""
    folder = os.environ.get("SADDLE_DATA")
    if not folder:
        pytest.skip("real images are not here: the environment variable SADDLE_DATA names no folder")
    return Path(folder)


@pytest.fixture
def double() -> Iterator[None]:
    """Numbers of double precision, drawn from one seed."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def say(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Types commands in a folder of its own, with H for the runs that a module's `home` has made."""
    monkeypatch.chdir(tmp_path)
    return typing_at(home, capsys)
