"""How latents are drawn, as facts that anybody can follow without saddle."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..layers.latent_codes import LatentCodes
from ..layers.priors import Gumbel, Normal, Uniform
from ..parts import supply_draws

Law = dict[str, Any]
NORMAL: Law = {"distribution": "normal", "mean": 0.0, "std": 1.0}
MEASURED = 1024  # latents by which a law is told that has no name here


def describe_latents(game: Any, example: Tensor) -> Law:
    """How a game's latents (n, ...) are drawn: one distribution for all numbers, or one for each of some parts."""
    prior, codes = getattr(game, "prior", None), getattr(game, "codes", None)
    if isinstance(codes, LatentCodes):
        numbers = {"numbers": codes.numbers, "distribution": "uniform", "low": -1.0, "high": 1.0}
        parts = [{"numbers": example.shape[1] - codes.size, **describe_prior(prior)},
                 {"numbers": codes.categories, "distribution": "one-hot"}, numbers]  # fmt: skip
        return {"distribution": "parts", "parts": [part for part in parts if part["numbers"]]}
    if law := describe_prior(prior):
        return law
    return law_of_draw(game, example) or measured_law(game, example)


def describe_prior(prior: object) -> Law:
    """A prior of saddle's; of any other nothing."""
    match prior:
        case Normal():
            return dict(NORMAL)
        case Uniform(bound):
            return {"distribution": "uniform", "low": -bound, "high": bound}
        case Gumbel():
            return {"distribution": "gumbel", "location": 0.0, "scale": 1.0}
    return {}


def law_of_draw(game: Any, example: Tensor) -> Law:
    """The law of latents that are what was drawn, as it was drawn; nothing where more was done to it."""
    drawn: list[tuple[object, Tensor]] = []

    def supply(sampler: Any, like: Tensor, row: tuple[int, ...]) -> Tensor:
        drawn.append((sampler, sampler(len(like), *row, generator=torch.Generator().manual_seed(0))))
        return drawn[-1][1]

    with supply_draws(supply):
        latents = game.latents(torch.zeros(1, *example.shape[1:]))
    if len(drawn) != 1 or not torch.equal(drawn[0][1], latents.cpu()):
        return {}
    uniform = {"distribution": "uniform", "low": 0.0, "high": 1.0}
    return {torch.randn: dict(NORMAL), torch.rand: uniform}.get(drawn[0][0], {})  # type: ignore[call-overload,no-any-return]


def measured_law(game: Any, example: Tensor) -> Law:
    """Of latents of an own distribution what 1,024 of them tell."""
    drawn = game.latents(torch.zeros(MEASURED, *example.shape[1:])).float()
    facts = {"mean": drawn.mean(), "std": drawn.std(), "low": drawn.min(), "high": drawn.max()}
    return {"distribution": "own", **{name: float(number) for name, number in facts.items()}}
