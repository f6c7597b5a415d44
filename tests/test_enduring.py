"""Whoever looks on may go: the work goes on."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from errno import EIO
from pathlib import Path

import pytest

from saddle.clock import Clock
from saddle.errors import Mistake, quote_for_shell
from saddle.runs.folder import SOURCE_FOLDER, RunFolder
from saddle.training.callbacks.base import Callback, QuietDisplay, RunPlan
from saddle.training.callbacks.display import LineDisplay, LiveDisplay


class Gone(io.StringIO):
    """A terminal that was closed, or a pipe that nobody reads."""

    def write(self, text: str) -> int:
        raise OSError(EIO, "Input/output error")

    def isatty(self) -> bool:
        return True


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", Gone())
        patch.setattr("sys.stderr", Gone())
        yield


@pytest.mark.parametrize("kind", [LineDisplay, LiveDisplay, QuietDisplay])
def test_a_run_plays_on_when_its_terminal_has_gone(kind: type[Callback], gone: None, tmp_path: Path):
    watch = kind()
    watch.on_begin(RunPlan("a run", 10, 0, 1, tmp_path))
    watch.on_progress(Clock(1, 8, 0.8), {"critic/adversarial": 1.0}, 3.0)
    watch.on_message("a word")
    watch.on_end()


@pytest.mark.parametrize("path", ["-run", "--out", "-a b"])
def test_a_path_that_begins_with_a_dash_is_printed_as_no_option(path: str):
    assert quote_for_shell(path).lstrip("'").startswith("./-") and quote_for_shell(Path(path)) == quote_for_shell(path)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder.create(tmp_path / "run", "any")
    (folder.path / SOURCE_FOLDER / "more").mkdir(parents=True)
    for path in (
        folder.manifest,
        folder.path / SOURCE_FOLDER / "mine.py",
        folder.path / SOURCE_FOLDER / "more" / "net.py",
    ):
        path.write_text(path.name)
    folder.remember_contents()
    return folder


def test_the_source_of_ones_own_recipe_is_put_back_too(run: RunFolder):
    shutil.rmtree(run.path)
    assert "mine.py was deleted while the run played" in " ".join(run.restore_deleted())
    assert (run.path / SOURCE_FOLDER / "more" / "net.py").read_text() == "net.py" and run.restore_deleted() == []


def test_a_link_that_takes_a_folders_place_is_not_written_through(run: RunFolder, tmp_path: Path):
    run.sheets.rmdir()
    run.sheets.symlink_to(tmp_path)
    with pytest.raises(Mistake, match="sheets is a link, which is not followed"):
        run.restore_deleted()
