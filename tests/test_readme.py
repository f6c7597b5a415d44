"""The README is short, and what it says to type works as it is written, but for its length."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from documents import FENCE, python_blocks, read, train_briefly

README = read("README.md")


def sentences(text: str) -> list[str]:
    """What is said in sentences, without blocks, pictures, headings, and where links lead."""
    prose = re.sub(r"!\[[^]]*\]\([^)]*\)", "", FENCE.sub("", text))
    prose = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", prose)
    paragraphs = re.split(r"\n{2,}|\n(?=- |\|)|\|", prose)
    return [said for part in paragraphs if not part.startswith("#") for said in re.split(r"(?<=[.?!])\s+", part)]


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 90
    assert [said for said in sentences(README) if len(said.split()) > 25] == []


def test_setting_up_and_the_first_training_are_one_line_each_at_the_top() -> None:
    assert [block[2] for block in FENCE.finditer(README) if not block[1]] == [
        "pip install -c constraints.txt -e . && saddle train dcgan\n",
        "pip install -c constraints.txt -e '.[test]' && pytest -n auto\n",
    ]


def test_it_has_three_pictures_and_one_table() -> None:
    assert len(re.findall(r"^!\[[^]]+\]\(docs/pictures/\S+\)$", README, re.MULTILINE)) == 3
    assert len(re.findall(r"^\|---", README, re.MULTILINE)) == 1


@pytest.mark.parametrize("page", ["README.md", "docs/commands.md"])
def test_the_python_lines_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_briefly(monkeypatch, tmp_path)
    names: dict[str, Any] = {}
    (block,) = python_blocks(page)
    exec(block, names)
    assert names["images"].shape == (64, 1, 32, 32) and names["images"].abs().max() <= 1
