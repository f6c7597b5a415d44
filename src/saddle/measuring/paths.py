"""Figures that read the generator itself."""

from __future__ import annotations

import torch

from ..layers.priors import Normal
from ..metrics.estimates import mean_of
from ..metrics.inversion import inference_error
from ..metrics.path import path_length, squared
from .case import Case, Number

PAIRS = 1_000
GIVEN, RESTARTS, STEPS = 64, 2, 50  # data that are looked for, latents begun from, steps of L-BFGS


def length(case: Case) -> Number:
    """Of the values themselves: every other extractor rounds to bytes, in which a step this small is lost."""
    maker = case.generator
    ends = maker.latents(PAIRS, case.seed), maker.latents(PAIRS, case.seed + 1)
    curved = isinstance(getattr(maker.loaded.game, "prior", None), Normal)
    found = path_length(maker, squared(lambda images: images.flatten(1)), ends, spherical=curved, seed=case.seed)
    return Number.of(found.value, found.error, "path length (values)", samples=PAIRS, references=0)


def inversion(case: Case) -> Number:
    maker = case.generator
    given = case.real.images(GIVEN).to(maker.loaded.device)
    starts = torch.stack([maker.latents(len(given), case.seed + i) for i in range(RESTARTS)])
    errors = inference_error(maker, given, starts, STEPS)
    value, error, _ = mean_of(errors)
    title = f"IvOM ({STEPS} steps, {RESTARTS} starts)"
    return Number.of(value, error, title, samples=len(given), references=len(given))
