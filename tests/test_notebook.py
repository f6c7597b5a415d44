"""A run in a notebook: it is followed in one output, and shows itself."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saddle import load, train
from saddle.runs.path import RunPath
from saddle.training.callbacks.notebook import NotebookDisplay, in_notebook
from test_resume import small

pytest.importorskip("IPython")


class Publisher:
    """What a notebook's page would be sent, in place of its socket."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bool]] = []

    def publish(self, data: dict[str, str], metadata: Any = None, *, update: bool = False, **_: Any) -> None:
        self.sent.append((data["text/html"], update))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, bool]]]:
    """The outputs of a notebook that this process is the kernel of."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    publisher = Publisher()
    monkeypatch.setattr(shell, "display_pub", publisher)
    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    yield publisher.sent
    InteractiveShell.clear_instance()


def test_without_a_notebook_nothing_is_different() -> None:
    assert not in_notebook()


def test_a_training_is_followed_in_one_output(page: list[tuple[str, bool]], tmp_path: Path) -> None:
    assert in_notebook()
    run = train(**small("gan", out=tmp_path / "run") | {"quiet": False, "images": 320})
    first, *later = page
    assert not first[1] and later and all(update for _, update in later), "one output, drawn anew"
    assert "<progress" in first[0] and "data:image/png;base64," in later[-1][0] and "100%" in later[-1][0]
    assert "critic" in later[-1][0] and "http:" not in later[-1][0], "nothing is asked of another machine"
    run.show()
    shown, update = page[-1]
    assert not update and "finished" in shown and shown.count("<img") >= 2


def test_names_are_text_and_no_markup(page: list[tuple[str, bool]], tmp_path: Path) -> None:
    run = train(**small("gan", out=tmp_path / "<img src=x onerror=alert(1)>") | {"quiet": False})
    run.show()
    assert page and not any("<img src=x" in sent for sent, _ in page)


def test_it_is_a_path_wherever_one_is_taken(tmp_path: Path) -> None:
    run = train(**small("gan", out=tmp_path / "run"))
    assert isinstance(run, RunPath) and run == tmp_path / "run" and hash(run) == hash(Path(run))
    again = pickle.loads(pickle.dumps(run))
    assert again == run and isinstance(again, RunPath)
    assert load(run).sample(2).shape[0] == 2 and (run / "manifest.json").is_file()


def test_a_folder_that_is_no_run_any_more_says_so(tmp_path: Path) -> None:
    assert "holds no run" in RunPath(tmp_path)._repr_html_()


def test_lines_are_shown_as_text(tmp_path: Path) -> None:
    sheet = tmp_path / "0000000001.txt"
    sheet.write_text("a <b> c")
    from saddle.training.callbacks.notebook import show_sheet

    assert show_sheet(sheet) == "<pre>a &lt;b&gt; c</pre>" and show_sheet(None) == ""
    NotebookDisplay().on_end()
