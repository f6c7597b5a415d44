"""The project's documents, and what they say to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from saddle import sessions
from saddle.cli import COMMANDS

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SHORT: dict[str, Any] = {"images": 64, "limit": 64, "pictures": 0, "quiet": True, "threads": 1}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
MENTIONED = re.compile(r"saddle (?!train )\w+ --")  # an option of a command, which alone is none
TYPED = re.compile(r"^(?:torchrun .*-m )?saddle (?P<words>.*)$")


class Told(NamedTuple):
    """A command of saddle's in a document."""

    page: str
    words: list[str]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def read(page: str) -> str:
    """A document's text, by its path from the root."""
    return (ROOT / page).read_text(encoding="utf-8")


def python_blocks(page: str) -> list[str]:
    """The Python in a document, each block behind as many lines as it stands behind there, so that errors are found."""
    text = read(page)
    return [
        "\n" * text.count("\n", 0, block.start(2)) + block[2] for block in FENCE.finditer(text) if block[1] == "python"
    ]


def train_briefly(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Stand in a folder, in which a page's trainings of minutes are short and narrow."""
    whole = sessions.train

    def train(recipe: str, *, minutes: float, **settings: Any) -> Path:
        return whole(recipe, options={"networks.width": "4"}, **SHORT, **settings)

    monkeypatch.chdir(folder)
    monkeypatch.setattr(sessions, "train", train)


def typed_lines(text: str) -> Iterator[str]:
    """The lines of a document's blocks, without what is said of them, and the commands within its sentences."""
    for language, block in FENCE.findall(text):
        if language in ("", "sh", "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                yield from re.split(r" {2,}", line.strip())[0].split(" && ")
    for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        if re.match(rf"saddle (?:{'|'.join(COMMANDS)}) ", code) and not MENTIONED.match(code):
            yield code


def told_commands(document: Path) -> list[Told]:
    """What a document says to type to saddle, each once; nothing that it leaves open by three dots."""
    page = document.relative_to(ROOT).as_posix()
    found = dict.fromkeys(match["words"] for line in typed_lines(document.read_text(encoding="utf-8"))
                          if (match := TYPED.match(line)) and "..." not in line)  # fmt: skip
    return [Told(page, shlex.split(words)) for words in found]
