"""The walk as a document for each language, with the pictures as they are before anybody moves them.

`python -m saddle.studio.walk.page docs` writes all of it: walk.md, zh/walk.md and their pictures.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

from ..drawing import standalone
from .steps import LANGUAGES, STEPS, Step, texts

PAGES = {"en": "walk.md", "zh": "zh/walk.md"}
PICTURES = "pictures/walk"


def write_page(language: str) -> str:
    """The document in Markdown."""
    words = texts(language)
    others = " · ".join(f"[{name}]({up(language)}{PAGES[other]})" for other, name in LANGUAGES.items()
                        if other != language)  # fmt: skip
    parts = [f"# {words['title']}", others, words["lead"]]
    for number, step in enumerate(STEPS, 1):
        parts += step_parts(language, number, step)
    return "\n\n".join(parts) + "\n"


def step_parts(language: str, number: int, step: Step) -> list[str]:
    words = texts(language)
    said = words["steps"][step.key]
    figures = ", ".join(f"{symbol} = {value}" for symbol, value in step.shown().figures) if step.repeatable else ""
    commands = " · ".join(f"`{command}`" for command in step.commands)
    return [
        f"## {number}. {said['title']}", said["text"], f"```text\n{step.equation}\n```",
        f"![{said['title']}]({up(language)}{PICTURES}/{step.key}.svg)", *([figures] if figures else []),
        f"**{said['question']}**",
        f"<details><summary>{escape(words['words']['answer'])}</summary>\n\n{said['answer']}\n\n</details>",
        f"{words['words']['commands']}: {commands}",
    ]  # fmt: skip


def up(language: str) -> str:
    """From a language's page to the folder of documents."""
    return "../" * PAGES[language].count("/")


def write_all(folder: Path) -> None:
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    for step in STEPS:
        (folder / PICTURES / f"{step.key}.svg").write_text(standalone(step.shown().drawings), encoding="utf-8")
    for language, name in PAGES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(write_page(language), encoding="utf-8")


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
