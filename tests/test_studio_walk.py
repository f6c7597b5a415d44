"""The walk through the theory: both languages say the same, and the documents are what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from saddle.studio.drawing import standalone
from saddle.studio.walk.page import PAGES, PICTURES, write_page
from saddle.studio.walk.steps import LANGUAGES, STEPS, texts
from saddle.studio.walk_tab import ask
from saddle.theory import DEMONSTRATIONS

DOCS = Path(__file__).parents[1] / "docs"


def test_both_languages_have_the_same_steps_sliders_and_formulas() -> None:
    english, chinese = texts("en"), texts("zh")
    assert list(english["steps"]) == list(chinese["steps"]) == [step.key for step in STEPS]
    assert english.keys() == chinese.keys()
    for part in ("words", "tabs", "buttons", "toys", "dirac"):
        assert (
            list(english[part]) == list(chinese[part]) and all(english[part].values()) and all(chinese[part].values())
        )
    for step in STEPS:
        ours, theirs = english["steps"][step.key], chinese["steps"][step.key]
        assert ours.keys() == theirs.keys() and all(ours.values()) and all(theirs.values())
        assert list(ours["sliders"]) == list(theirs["sliders"]) == [slider.key for slider in step.sliders]
        numbers = [re.findall(r"\d+\.\d+", json.dumps(said)) for said in (ours, theirs)]
        assert sorted(numbers[0]) == sorted(numbers[1]), "and the same numbers"
    assert texts("../../etc/passwd") == english and set(LANGUAGES) == set(PAGES)


def test_two_commands_of_a_step_stand_apart() -> None:
    assert "<code>saddle theory kl</code> · <code>saddle theory likelihood</code></p>" in ask("en", 0)


def test_the_walks_commands_are_there() -> None:
    named = [command.split() for step in STEPS for command in step.commands]
    assert all(w[1:] == ["list", "metrics"] or (w[1] == "theory" and w[2] in DEMONSTRATIONS) for w in named)


def numbers_in(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def test_the_documents_are_what_the_texts_make() -> None:
    for language, name in PAGES.items():
        kept, made = (DOCS / name).read_text(encoding="utf-8"), write_page(language)
        words = re.compile(r"-?\d+\.\d+")
        assert words.sub("", kept) == words.sub("", made), f"python -m saddle.studio.walk.page docs writes {name}"
        assert numbers_in(kept) == pytest.approx(numbers_in(made), abs=2e-3)
    for step in STEPS:
        kept = (DOCS / PICTURES / f"{step.key}.svg").read_text(encoding="utf-8")
        assert kept.startswith("<svg") and "http" not in kept.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("step", [step for step in STEPS if step.repeatable], ids=lambda step: step.key)
def test_the_documents_pictures_are_what_the_steps_draw(step: Any) -> None:
    kept, made = (DOCS / PICTURES / f"{step.key}.svg").read_text(encoding="utf-8"), standalone(step.shown().drawings)
    assert numbers_in(kept) == pytest.approx(numbers_in(made), abs=0.3)
