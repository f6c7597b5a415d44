"""A picture's answer is its own: the same alone, in a batch of eight, and whatever stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from capable import AE, BatchNormed, NormalCodes, VariationalAE
from narrow import shape, small
from saddle import load, train
from saddle.capabilities import Compares, Encodes, Judges, Reconstructs
from saddle.core import Game
from saddle.inference.anomaly import AnomalyScore, anomaly_terms
from saddle.inference.loaded import LoadedGame
from saddle.recipes.capable import recipes_that
from saddle.runs.sheets import make_contact_sheet, to_sheet_bytes
from saddle.shape import Shape
from saddle.training import contact_sheets

NAMES = sorted({*recipes_that(Encodes), *recipes_that(Reconstructs)})
N = 8


def loaded(game: Game[Any], data: Shape) -> LoadedGame:
    """A game whose batch normalisations have seen other batches than they will be asked about."""
    game.train()
    with torch.no_grad():
        for seed in range(3):
            dice = torch.Generator().manual_seed(seed)
            x = (torch.rand(N, *data[:3], generator=dice) * (seed + 1) / 3) * 2 - 1
            if isinstance(game, Reconstructs):
                game.reconstruct(x)
    return LoadedGame(game.eval().requires_grad_(False), data, (), torch.device("cpu"))


def assert_alone_as_together(model: LoadedGame, data: Shape) -> None:
    x = torch.rand(N, *data[:3], generator=torch.Generator().manual_seed(9)) * 2 - 1
    game, answers = model.game, {}
    if isinstance(game, Encodes):
        answers["encode"] = model.encode
    if isinstance(game, Reconstructs):
        answers["reconstruct"] = model.reconstruct
        if isinstance(game, Compares | Judges):
            answers["score"] = lambda images: anomaly_terms(model, images, AnomalyScore("both"))
    assert answers
    for name, answer in answers.items():
        together: Tensor = answer(x)
        for i in (0, N - 1):
            alone = answer(x[i : i + 1])
            difference = float((alone - together[i : i + 1]).abs().max() / together.abs().max().clamp(min=1))
            assert difference < 4e-6, f"{name}: alone and in a batch of {N} differ by {difference:.2g}"


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_answers_each_picture_by_itself(name: str):
    torch.manual_seed(0)
    assert_alone_as_together(loaded(small(name).game(shape(name)), shape(name)), shape(name))


@pytest.mark.parametrize("make", [AE().game, NormalCodes, BatchNormed])
def test_a_game_of_ones_own_does_too(make: Any):
    torch.manual_seed(0)
    data = Shape(1, 4, 4)
    assert_alone_as_together(loaded(make(data), data), data)


def test_codes_drawn_by_chance_are_drawn_by_place_so_that_what_stands_beside_changes_none():
    model = loaded(VariationalAE().game(Shape(1, 4, 4)), Shape(1, 4, 4))
    x = torch.rand(N, 1, 4, 4) * 2 - 1
    other = x.clone()
    other[3:] = 0
    torch.testing.assert_close(model.encode(x)[:3], model.encode(other)[:3])


def test_sheet_and_load_show_the_same_with_batch_normalisation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What looked good while it trained is what is loaded: averaged weights, running statistics."""
    shown: list[Mapping[str, Tensor]] = []

    def drawn(columns: Mapping[str, Tensor], real: Tensor | None = None) -> Image.Image:
        shown.append(columns)
        return make_contact_sheet(columns, real)

    monkeypatch.setattr(contact_sheets, "make_contact_sheet", drawn)
    pixels = np.random.default_rng(0).integers(0, 256, (48, 4, 4), np.uint8)
    recipe = f"{Path(__file__).parent / 'capable.py'}:Normed"
    train(recipe, pixels, out=tmp_path / "run", images=400, pictures=1, quiet=True, device="cpu")
    real, again = shown[-1]["real"], shown[-1]["again"]
    model = load(tmp_path / "run")
    assert int((to_sheet_bytes(model.reconstruct(real / 127.5 - 1)).int() - again.int()).abs().max()) <= 1
    model.game.train()
    others = model.game.reconstruct(real / 127.5 - 1)
    assert int((to_sheet_bytes(others).int() - again.int()).abs().max()) > 8  # as statistics of the batch would show it
