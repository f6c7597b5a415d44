"""What stands beside the sheet of samples: what came of those that were picked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
import torch

from ..reports.markup import Markup, join_markup
from .cells import hint, shown
from .exploring import Picked, arithmetic, mixtures, moved, walk_at
from .models import Model
from .picking import Mode, Picks
from .sliders import directions_of, strengths_of

BESIDE: tuple[Mode, ...] = ("directions", "walk", "sum", "mix")
STEPS = 9  # of the strip under a walk
HINTS = {
    "directions": "Click a sample, then move the sliders; one step is a standard deviation of the latents.",
    "walk": "Click two samples, then walk from the first to the second with the slider.",
    "sum": "Pick samples to start from, to take away and to add; the mean of each group counts.",
    "mix": "Click two samples: the first one keeps all but some layers, which come from the second one.",
}


def empty() -> list[Any]:
    """Nothing has been picked yet."""
    return [hint(HINTS[name]) for name in BESIDE]


def result_of(mode: Mode, picked: Picked, model: Model, picks: Picks, t: float, controls: Sequence[Any]) -> list[Any]:
    """What each place beside the sheet shows now: only that of the open tool changes."""
    work = {"directions": along, "walk": walked, "sum": summed, "mix": mixed}[mode]
    return [work(picked, model, picks, t, controls) if name == mode else gr.skip() for name in BESIDE]


def along(picked: Picked, model: Model, picks: Picks, t: float, controls: Sequence[Any]) -> Markup:
    by, layers, *strengths = controls
    latents, told = picked.of(picks.one)
    before, after = moved(picked.space, latents, told, directions_of(model, by, layers), strengths_of(strengths))
    return join_markup(shown({f"sample {picks.one}": before, "moved": after}), hint(HINTS["directions"]))


def walked(picked: Picked, model: Model, picks: Picks, t: float, controls: Sequence[Any]) -> Markup:
    if len(picks.pair) < 2:
        return hint(HINTS["walk"])
    a, b = picks.pair
    share = strengths_of([t])[0]
    steps = torch.linspace(0, 1, STEPS).tolist()
    here, *way = walk_at(picked, a, b, [share, *steps])
    strip = shown({f"{at:.2f} of the way": image for at, image in zip(steps, way, strict=True)}, strip=True)
    return join_markup(shown({f"{share:.0%} of the way from sample {a} to sample {b}": here}), strip)


def summed(picked: Picked, model: Model, picks: Picks, t: float, controls: Sequence[Any]) -> Markup:
    if not picks.these:
        return hint(HINTS["sum"])

    def names(places: Sequence[int]) -> str:
        return ", ".join(map(str, places))

    (image,) = arithmetic(picked, picks.these, picks.minus, picks.plus)
    signed = (("less", picks.minus), ("plus", picks.plus))
    said = names(picks.these) + "".join(f" {sign} {names(some)}" for sign, some in signed if some)
    return shown({f"samples {said}": image})


def mixed(picked: Picked, model: Model, picks: Picks, t: float, controls: Sequence[Any]) -> Markup:
    if len(picks.pair) < 2:
        return hint(HINTS["mix"])
    a, b = picks.pair
    return shown({f"{name} layers of {b}": image for name, image in mixtures(picked, a, b).items()})
