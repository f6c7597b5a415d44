"""Figures that read the generator itself."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from ..latent.styles import StyleSpace
from ..layers.priors import Normal
from ..metrics.estimates import mean_estimate
from ..metrics.features.extractor import unrounded
from ..metrics.inversion import inference_error
from ..metrics.latent_path import path_length, squared_distance_in
from ..recipe import Prior
from .metric_input import MetricInput, MetricResult

PATH_PAIRS = 1_000  # where nobody says how many; both of each pair are new
INVERTED_IMAGES, INVERSION_RESTARTS, INVERSION_STEPS = (
    64,
    2,
    50,
)  # data that are looked for, latents begun from, steps of L-BFGS


@runtime_checkable
class HasPrior(Protocol):
    """A game whose latents come from a prior of this name."""

    prior: Prior


def count_pairs(case: MetricInput) -> int:
    """Ways that a path length is the mean of: as many as samples were asked for, else 1,000, or as many as are made."""
    return case.asked or min(PATH_PAIRS, len(case.made))


def ppl(case: MetricInput) -> MetricResult:
    """Of the values themselves: every other extractor rounds to bytes, in which a step this small is lost."""
    maker, pairs = case.generator, count_pairs(case)
    ends = maker.latents(pairs, case.seed), maker.latents(pairs, case.seed + 1)
    game = maker.loaded.game
    curved = isinstance(game, HasPrior) and game.prior == Normal()
    found = path_length(
        maker, squared_distance_in(lambda images: images.flatten(1)), ends, spherical=curved, seed=case.seed
    )
    return MetricResult.of(found.value, found.error, "path length (values)", samples=pairs, references=0)


def ppl_w(case: MetricInput) -> MetricResult:
    return style_path_length(case, full=True)


def ppl_w_end(case: MetricInput) -> MetricResult:
    return style_path_length(case, full=False)


def style_path_length(case: MetricInput, full: bool) -> MetricResult:
    """Between styles of one label, through the extractor at hand, which sees what is finer than a byte: not LPIPS."""
    space, extractor, pairs = StyleSpace(case.generator.loaded), case.made.extractor, count_pairs(case)
    ends = space.draw_w(pairs, case.seed), space.draw_w(pairs, case.seed + 1, labels=case.seed)

    def make(w: Tensor) -> Tensor:
        return space.make(w[:, None].expand(-1, space.layers, -1)).to(extractor.device)

    with unrounded():
        found = path_length(make, squared_distance_in(extractor.network), ends, spherical=False, full=full,
                            batch=space.loaded.rows, seed=case.seed)  # fmt: skip
    title = f"path length w {'full' if full else 'end'} ({case.extractor_title})"
    return MetricResult.of(found.value, found.error, title, samples=pairs, references=0)


def ivom(case: MetricInput) -> MetricResult:
    maker = case.generator
    given = case.real.images(INVERTED_IMAGES).to(maker.loaded.device)
    starts = torch.stack([maker.latents(len(given), case.seed + i) for i in range(INVERSION_RESTARTS)])
    errors = inference_error(maker, given, starts, INVERSION_STEPS)
    value, error, _ = mean_estimate(errors)
    title = f"IvOM ({INVERSION_STEPS} steps, {INVERSION_RESTARTS} starts)"
    return MetricResult.of(value, error, title, samples=len(given), references=len(given))
