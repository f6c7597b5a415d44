"""What a page lets people change about samples: latents and where they come from, classes, captions, directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...capabilities import Generates, MakesStyles, style_options
from ...errors import Mistake
from ...inference.loaded import LoadedGame
from ...inference.networks import needs_label
from ...inference.texts import text_codes
from ...latent.directions import Direction
from ...latent.factors import closed_form_directions, principal_directions
from ...latent.space import LatentSpace, Typical
from ...latent.styles import StyleSpace
from ...layers.priors import truncate_normal
from ...shape import Classes, Text
from .network import PageNetwork
from .packing import pack_floats

DIRECTIONS, REACH = 6, 3.0  # sliders, and how many standard deviations each goes either way
FEW = 8  # numbers of a latent that have a slider each
MAX_CAPTIONS = 200
DRAWN, BANK = 64, 1 << 18  # latents that a page cannot draw itself, and their numbers at most
THRESHOLDS = {"low": 0.1, "high": 4.0, "value": 4.0, "step": 0.05}  # of truncated latents; at the high end none is
PSI = {"low": 0.0, "high": 1.5, "value": 1.0, "step": 0.05}  # of truncated styles


def describe_generator(loaded: LoadedGame, network: PageNetwork) -> dict[str, Any]:
    """How a page makes samples of a run that makes them out of chance, for classes or for training captions."""
    latent = network.interface.inputs[0]
    law = describe_law(network)
    truncation = {"of": "styles", **PSI} if "truncation" in network.names else None
    if truncates_latents(loaded, network):
        truncation = {"of": "latents", **THRESHOLDS}
    return {"latent": list(latent.row), "law": law, "truncation": truncation, **describe_condition(loaded),
            **describe_directions(loaded, law)}  # fmt: skip


def describe_law(network: PageNetwork) -> list[dict[str, Any]]:
    """The parts of a latent and how each is drawn; of one that a page cannot draw, some that were drawn here."""
    latent = network.interface.inputs[0]
    law, size = dict(latent.facts), latent.draw(1, 0).numel()
    parts = law["parts"] if law["distribution"] == "parts" else [{"numbers": size, **law}]
    if all(part["distribution"] in ("normal", "uniform", "one-hot") for part in parts):
        return parts
    rows = latent.draw(max(1, min(DRAWN, BANK // size)), 0)
    return [{"numbers": size, "distribution": "drawn", "rows": pack_floats(rows)}]


def describe_condition(loaded: LoadedGame) -> dict[str, Any]:
    """What samples may be asked for."""
    facts: dict[str, Any] = {"classes": [], "captions": []}
    match loaded.shape.condition:
        case Classes(n) if needs_label(loaded):
            return facts | {"classes": list(loaded.classes or map(str, range(n)))}
        case Text(captions=counts) as made_for:
            texts = sorted(counts, key=lambda text: -counts[text])[:MAX_CAPTIONS]
            codes = text_codes(loaded.game, texts, made_for).float()
            known = [{"text": text, "code": pack_floats(row)} for text, row in zip(texts, codes, strict=True)]
            return facts | {"captions": known}
    return facts


def truncates_latents(loaded: LoadedGame, network: PageNetwork) -> bool:
    """Has the game a truncation of its own left open, which is that of its latents, of normal numbers?"""
    interface, game = network.interface, loaded.game
    if "truncation" in interface.names or interface.style.get("truncation") not in (None, 1.0):
        return False
    if not isinstance(game, Generates) or "truncation" not in style_options(type(game), Generates):
        return False
    latents, *others = (value.to(loaded.device) for value in interface.example(2, 0))
    if len(others) > 1:  # it draws by itself, too
        return False
    make: Any = game.make
    with torch.no_grad():
        return torch.allclose(make(latents, *others, truncation=0.5), make(truncate_normal(latents, 0.5), *others),
                              atol=1e-5)  # fmt: skip


def describe_directions(loaded: LoadedGame, law: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sliders: numbers of a code, each number of a short latent, else the directions in which most changes."""
    if len(law) > 1:
        return describe_codes(law)
    try:
        label = loaded.classes[0] if loaded.classes and loaded.shape.classes and needs_label(loaded) else None
        styled = isinstance(loaded.game, MakesStyles)
        space = StyleSpace(loaded, label) if styled else LatentSpace(loaded, label)
        found = find_directions(space)
    except Mistake:  # no space of latents is known of what captions tell, and some networks read latents by no matrix
        return {"moves": "latent", "directions": [], "bounds": None}
    bounds = None if styled else describe_bounds(law[0], space.typical)
    return {"moves": "shift" if styled else "latent", "directions": pack_directions(found, REACH), "bounds": bounds}


def describe_codes(law: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A slider for each number behind a category; it stays in the range that it is drawn from."""
    size = sum(part["numbers"] for part in law)
    units, ends, found = torch.eye(size), torch.full((size,), torch.inf), []
    first = size - law[-1]["numbers"]
    if law[-1]["distribution"] == "uniform":
        ends[first:] = law[-1]["high"]
        found = [Direction(unit, f"code {i + 1}") for i, unit in enumerate(units[first:])]
    return {"moves": "latent", "directions": pack_directions(found, 2 * float(ends[-1])) if found else [],
            "bounds": pack_bounds(-ends, ends)}  # fmt: skip


def find_directions(space: LatentSpace) -> list[Direction]:
    """Principal ones of styles; of short latents each number; else those in which the first layer changes most."""
    size = space.draw(1, 0)[0].numel()
    if isinstance(space, StyleSpace):
        found = principal_directions(space, min(DIRECTIONS, space.draw_w(1, 0).shape[1]))
        return [Direction(one.vector[0], f"direction {i + 1}") for i, one in enumerate(found)]  # alike in all layers
    if size <= FEW:
        return [Direction(unit * space.typical.deviation, f"number {i + 1}") for i, unit in enumerate(torch.eye(size))]
    found = closed_form_directions(space, min(DIRECTIONS, size))
    return [Direction(one.vector, f"direction {i + 1}") for i, one in enumerate(found)]


def pack_directions(found: Sequence[Direction], reach: float) -> list[dict[str, Any]]:
    return [{"name": one.name, "vector": pack_floats(one.vector), "reach": reach} for one in found]


def describe_bounds(law: Mapping[str, Any], typical: Typical) -> dict[str, str] | None:
    """Between which ends each number stays, where latents are bounded."""
    if law["distribution"] == "uniform":
        return pack_bounds(torch.full_like(typical.low, law["low"]), torch.full_like(typical.high, law["high"]))
    return pack_bounds(typical.low, typical.high) if typical.bounded else None


def pack_bounds(low: Tensor, high: Tensor) -> dict[str, str]:
    return {"low": pack_floats(low), "high": pack_floats(high)}
