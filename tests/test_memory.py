"""What is only looked at takes little memory: samples, looks, sheets and measurements go through a few at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from saddle import load, train
from saddle.batches import Images
from saddle.core import Game
from saddle.data.array_dataset import ArrayDataset
from saddle.inference.loaded import LoadedGame
from saddle.measuring.makers import GeneratorHandle
from saddle.metrics.features import extract_features
from saddle.networks import Convolutional
from saddle.parts import draw_rows
from saddle.recipes import find_recipe
from saddle.recipes.dcgan import DCGAN
from saddle.recipes.round_cost import CostCounter, meta_game
from saddle.runs.folder import RunFolder
from saddle.shape import Shape
from saddle.training.callbacks.base import Callback
from saddle.training.contact_sheets import ContactSheets
from saddle.training.game_notes import describe_large_networks
from saddle.training.health.probe import Probe
from saddle.training.machine import find_machine
from saddle.training.match import Match, MatchOptions
from saddle.training.memory_advice import suggest_smaller_networks
from saddle.training.rows import rows_at_once
from test_resume import small
from typed import Say

CPU = torch.device("cpu")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


class Largest(TorchDispatchMode):
    """Notices the largest memory that one tensor takes in here, in bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else (made,):
            if isinstance(one, Tensor):
                self.bytes = max(self.bytes, one.untyped_storage().nbytes())
        return made


class Painter(Game[Images]):
    """Each picture is one shade, its latent, and noise of the network's own making."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[int] = []

    def latents(self, like: Tensor) -> Tensor:
        self.rows.append(len(like))
        shade = draw_rows(torch.randn, like, 1, 1, 1)
        return (shade + 0.01 * draw_rows(torch.randn, like, 1, 1, like.shape[3])).expand(like.shape)

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return latents.tanh()


def pictures(side: int, n: int) -> ArrayDataset:
    samples = np.random.default_rng(0).integers(0, 256, (n, side, side, 3), np.uint8)
    return ArrayDataset("noise", samples, np.arange(n) % 3, tuple("abc"), "noise")


@pytest.mark.parametrize(("side", "rows"), [(1, 64), (16, 64), (28, 64), (64, 16), (128, 4), (256, 1), (1024, 1)])
def test_how_many_samples_are_made_at_once_hangs_on_their_size_alone(side: int, rows: int):
    assert rows_at_once(Shape(2 if side == 1 else 3, side, side), CPU) == rows
    assert rows_at_once(Shape(3, side, side), torch.device("cuda")) == {1: 64, 1024: 1}.get(side, min(64, 4 * rows))
    assert rows_at_once(Shape(3, 8, 8), CPU, batch=6) == 4 and rows_at_once(Shape(2, 1, 1), CPU, batch=6) == 64


def test_a_sample_is_the_same_in_whatever_part_of_its_block_it_is_made():
    """The chance of a block of 64 is drawn as one, as it was when all 64 were made at once."""
    shape, made = Shape(3, 8, 8), []
    for batch in (64, 16, 2, 1):
        loaded = LoadedGame(game := Painter(), shape, (), CPU, batch=batch)
        made.append(loaded.sample(100, seed=3))
        assert game.rows == [min(batch, 100 - place) for place in range(0, 100, batch)]
        assert torch.equal(loaded.sample(5, seed=3), made[-1][:5])
    assert all(torch.equal(one, made[0]) for one in made[1:])
    assert len({float(one) for one in made[0][:, 0, 0, 0]}) == 100


def test_one_large_sample_costs_one():
    game = Painter()
    LoadedGame(game, Shape(3, 128, 128), (), CPU).sample(1)
    assert game.rows == [1]


def test_samples_to_measure_are_bytes_as_soon_as_they_are_made():
    shape, n = Shape(3, 64, 64), 48
    with Largest() as largest:
        data = GeneratorHandle("it", LoadedGame(Painter(), shape, (), CPU)).samples(n, 0)
    assert data.samples.dtype == np.uint8 and data.samples.shape == (n, 64, 64, 3)
    assert largest.bytes <= 16 * 4 * 3 * 64 * 64  # sixteen rows of float32


def test_looking_and_showing_hold_no_more_than_is_trained_on_at_once(tmp_path: Path):
    """Of 300 pictures that tell of the data, 64 that are looked at, and 64 on a sheet."""
    folder = RunFolder(tmp_path / "run")
    for place in (folder.path, folder.sheets):
        place.mkdir(parents=True)
    recipe = DCGAN(Convolutional(latent=4, width=1), batch=4)
    match = Match(recipe, pictures(64, 300), 100, find_machine("cpu", "float32"), MatchOptions(seed=1))
    with Largest() as largest:
        ContactSheets(match, folder, 1, Callback()).begin()
        match.play()
        sight = Probe(match).take_snapshot()
    with Largest() as played:
        match.play()
    assert sight is not None and sum(sight.clusters) == 64 and sight.ranking is not None
    assert {path.name for path in folder.sheets.iterdir()} == {"real.png", "0000000000.png"}
    sheet = 64 * 3 * 64 * 64  # its bytes
    assert largest.bytes <= max(played.bytes, sheet)


class Flat:
    """The pixels themselves as features."""

    name, dimension, sha256, resize = "flat", 3 * 16 * 16, "", "none"

    def __call__(self, images: Tensor) -> Tensor:
        return images.flatten(1) * 2


def test_features_come_into_one_piece_of_memory():
    n, some = 512, 16
    with CostCounter() as counter:
        found = extract_features(Flat(), (torch.full((some, 3, 16, 16), i / n) for i in range(n // some)), count=n)
    assert found.shape == (n, Flat.dimension) and torch.equal(found[::some, 0] * n, torch.arange(n / some) * 2)
    assert counter.peak < 1.2 * n * Flat.dimension * 4


def test_channels_that_double_without_end_are_warned_of_with_what_stops_them(say: Say):
    data, recipe = Shape(3, 1024, 1024), DCGAN()
    (told,) = describe_large_networks(meta_game(recipe, data), recipe, data)
    assert told.startswith("warning: at 1024 pixels the generator learns 729 million numbers and the critic learns 716")
    assert "--networks.widest 512" in told and "--networks.widest 512" in suggest_smaller_networks(recipe, data)
    code, page, error = say("show dcgan --size 1024 --channels 3 --no-speed --networks.widest 512")
    assert code == 0, error
    convolutions = 100 * 512 + 4 * 512 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3
    assert f"{16 * convolutions + 2 * (5 * 512 + 256 + 128 + 64):,} parameters" in page
    inside, _ = find_recipe("infogan")
    (told,) = describe_large_networks(meta_game(inside, data), inside, data)
    assert "--networks.base.widest 512" in told
    for fine in (Shape(3, 256, 256), Shape(3, 64, 64)):
        assert not [*describe_large_networks(meta_game(recipe, fine), recipe, fine)]


def test_threads_share_a_loaded_game_and_leave_it_as_it_was(tmp_path: Path):
    model = load(train(**small("dcgan", out=tmp_path / "run")))
    before = {key: t.clone() for key, t in model.game.state_dict().items()}
    alone = [model.sample(3, seed=i % 5) for i in range(16 * 10)]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda i: model.sample(3, seed=i % 5), range(16 * 10)))
        z = torch.randn(6, model.game.latent)
        whole = model.game.generator(z)
        rows = list(pool.map(lambda i: model.game.generator(z[i : i + 1]), range(6)))
    assert all(map(torch.equal, alone, together))
    torch.testing.assert_close(torch.cat(rows), whole)
    assert not whole.requires_grad and not any(module.training for module in model.game.modules())
    assert all(torch.equal(t, before[key]) for key, t in model.game.state_dict().items())
