"""The steps of the walk: what both languages share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from . import pictures
from .pictures import Shown

LANGUAGES = {"en": "English", "zh": "中文"}


@dataclass(frozen=True)
class Slider:
    """What a visitor moves; its name in words is in the texts, under the same key."""

    key: str
    low: float
    high: float
    step: float
    start: float


@dataclass(frozen=True)
class Step:
    key: str
    commands: tuple[str, ...]  # that show the same with saddle alone
    sliders: tuple[Slider, ...]
    draw: Callable[..., Shown]
    repeatable: bool = True  # is the picture the same on every machine? A training's is not, to the last digit

    @property
    def equation(self) -> str:
        return str(read("equations")[self.key])

    def shown(self) -> Shown:
        """The picture before anybody moved anything."""
        return self.draw(*(slider.start for slider in self.sliders))


STEPS = (
    Step("likelihood", ("saddle theory kl", "saddle theory likelihood"),
         (Slider("mean", -5, 5, 0.1, 3.0), Slider("std", 0.5, 5, 0.1, 1.0)), pictures.likelihood),
    Step("critic", ("saddle theory optimal",),
         (Slider("mean", -3, 3, 0.1, 1.5), Slider("std", 0.5, 3, 0.1, 1.0)), pictures.critic),
    Step("flat", ("saddle theory vanishing",),
         (Slider("distance", 0, 3, 0.05, 1.5), Slider("width", 0, 2, 0.05, 0.5)), pictures.flat),
    Step("noise", ("saddle theory frozen",),
         (Slider("distance", 0, 3, 0.05, 1.5), Slider("sigma", 0, 2, 0.05, 0.6)), pictures.noise),
    Step("collapse", ("saddle theory modes",),
         (Slider("pace", 0.05, 1, 0.05, 0.05), Slider("gamma", 0.05, 0.5, 0.05, 0.1)), pictures.collapse,
         repeatable=False),
    Step("penalty", ("saddle theory dirac",),
         (Slider("gamma", 0, 2, 0.05, 0.3), Slider("rate", 0.02, 0.5, 0.02, 0.1)), pictures.penalty),
    Step("judge", ("saddle list metrics",),
         (Slider("missing", 0, 7, 1, 4), Slider("blur", 0, 10, 0.5, 1.0)), pictures.judge),
)  # fmt: skip


def texts(language: str) -> dict[str, Any]:
    """Every sentence of the walk in a language of LANGUAGES, by step; of no other, whatever a page sent."""
    return read(language if language in LANGUAGES else next(iter(LANGUAGES)))


@cache
def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))
    return found
