"""What the README says to type works as it is written, but for its length."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import saddle
from saddle import resolved, sessions
from saddle.cli import main
from saddle.errors import Mistake

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
LINES = [line for block in re.findall(r"```\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
TYPED = [re.split(r" {2,}", line)[0] for line in LINES]
COMMANDS = [typed.partition("saddle ")[2] for typed in TYPED if typed.startswith(("saddle ", "torchrun "))]
SHORT = {"images": 64, "limit": 64, "pictures": 0, "quiet": True, "threads": 1}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_setting_up_and_the_first_training_are_one_line_each_at_the_top() -> None:
    assert TYPED[:2] == ["pip install -c constraints.txt -e . && saddle train dcgan",
                         "pip install -c constraints.txt -e '.[test]' && pytest -n auto"]  # fmt: skip


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("train ")])
def test_every_training_has_a_recipe_and_options_that_there_are(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.py").write_text(PYTHON[1])
    Path("photos").mkdir()
    for n in range(4):  # that the doctor can look at
        Image.new("RGB", (64, 64), (n, 2 * n, 40)).save(f"photos/{n}.png")
    asked: list[str] = []

    def train(recipe: str, *, options: dict[str, str], out: Path | None, resume: str | None, **settings: Any) -> Path:
        resolved.resolve_recipe(recipe, options, resolved.parse_settings(settings.pop("data", None), settings))
        asked.append(recipe)
        return Path("runs/1")

    monkeypatch.setattr(sessions, "train", train)
    assert main(shlex.split(command)) == 0 and asked


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.split()[0] in ("list", "show", "diff")])
def test_every_page_is_printed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(command)) == 0 and capsys.readouterr().out


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.split()[0] in ("resume", "sample", "doctor")])
def test_what_needs_a_run_or_data_asks_for_just_that(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(command)) == 2
    complaint = capsys.readouterr().err
    assert f"there is no run {command.split()[1]}" in complaint or "there is no file or folder photos/" in complaint


def test_the_python_lines_run(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sessions.train

    def train(recipe: str, *, minutes: float, **settings: Any) -> Path:
        return whole(recipe, options={"networks.width": "4"}, **SHORT, **settings)

    monkeypatch.setattr(sessions, "train", train)
    names: dict[str, Any] = {}
    exec(PYTHON[0], names)
    assert names["images"].shape == (64, 1, 32, 32) and names["images"].abs().max() <= 1


def test_the_recipe_of_ones_own_trains_goes_on_and_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.py").write_text(PYTHON[1])
    small = {"networks.width": "8", "networks.maxout": "8"}
    run = saddle.train("./mine.py:MyGAN", options=small, size=16, out="run", **SHORT)
    assert torch.isfinite(saddle.load(run).sample(2)).all() and saddle.resume(run) == run
    assert main(["show", "./mine.py:MyGAN"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("./mine.py:MyGAN: me 2026\n\nFields\n")  # a paper without a number, a class without words
    Path("mine.py").write_text(PYTHON[1].replace("batch: int = 32", "batch: int = 16"))
    with pytest.raises(Mistake, match=r"now 'batch: int = 16'\); `saddle resume run --code copy`"):
        saddle.resume(run)
