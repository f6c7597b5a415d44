"""`--open` of the commands that make pages: never a reason to fail."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from saddle import train
from saddle.cli import COMMANDS, main
from saddle.cli.browsing import open_in_browser
from saddle.cli.completion import helped
from test_resume import small


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(**small("gan", out=tmp_path_factory.mktemp("browsed") / "a run"))


@pytest.mark.parametrize("line", ["report RUN --out PAGE --open", "compare RUN --html PAGE --open"])
def test_the_page_is_shown(line: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    page = tmp_path / "a page.html"
    assert main([str(run) if word == "RUN" else str(page) if word == "PAGE" else word for word in line.split()]) == 0
    assert opened == [page.as_uri()] and "%20" in opened[0] and page.is_file()


@pytest.mark.parametrize("fault", [OSError("no display"), webbrowser.Error("could not locate runnable browser"), None])
def test_without_a_browser_it_is_said_and_nothing_fails(
    fault: Exception | None, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def no_browser(address: str) -> bool:
        if fault is not None:
            raise fault
        return False

    monkeypatch.setattr(webbrowser, "open", no_browser)
    page = tmp_path / "page.html"
    assert main(["report", str(run), "--out", str(page), "--open"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{page}\n" and said.err == f"no browser could be opened here; the page is {page}\n"
    open_in_browser("http://127.0.0.1:7860/")
    assert "the page is http://127.0.0.1:7860/" in capsys.readouterr().err


def test_open_is_an_option_of_all_that_make_pages_and_needs_one(capsys: pytest.CaptureFixture[str]) -> None:
    having = {name for name in COMMANDS if name != "completion" and any(f.name == "open" for f in helped(name, []))}
    assert having == {"report", "compare", "export", "studio"}
    assert main(["compare", "a", "b", "--open"]) == 2
    assert "--html comparison.html --open" in capsys.readouterr().err
