"""All that a generator makes of latents of two numbers, as one picture: `saddle sample RUN --grid N`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from latent_games import linear
from saddle import load, train
from saddle.errors import Mistake
from saddle.latent import LatentSpace, quantile_grid
from saddle.layers.priors import Normal, Uniform
from saddle.runs.sheets import make_grid
from typed import Say


class Draws:
    """A prior that does not tell its quantiles."""

    def __call__(self, like: Tensor, size: int) -> Tensor:
        return Normal()(like, size)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs whose latents are two numbers, of glyphs and of points, and one with three."""
    folder = tmp_path_factory.mktemp("grid")
    small = {"images": 64, "quiet": True, "device": "cpu", "pictures": 0, "limit": 64}
    few = {"networks.widths": "(8,)", "batch": "16"}
    train("vae-plane", out=folder / "plane", options=few, size=16, **small)
    train("vae-dense", out=folder / "three", options={**few, "networks.latent": "3"}, size=16, **small)
    train("vae-toy", out=folder / "toy", options=few, **small)
    cgan = {"networks.base.latent": "2", "networks.base.width": "4", "batch": "16"}
    train("cgan", out=folder / "classes", options=cgan, size=16, **small)
    return folder


@pytest.mark.parametrize("prior", [Normal(), Uniform(0.5)])
def test_a_quantile_is_below_which_so_many_draws_lie(prior):
    shares = torch.tensor([0.1, 0.5, 0.975], dtype=torch.float64)
    torch.manual_seed(0)
    draws = prior(torch.zeros(100_000, 1), 1)
    below = (draws < prior.quantile(shares)).double().mean(0)
    assert ((below - shares).abs() < 5 * (shares * (1 - shares) / 100_000).sqrt()).all()


def test_a_grid_is_of_even_shares_the_first_to_the_right_the_second_upwards():
    at = torch.special.ndtri(torch.tensor([1 / 6, 1 / 2, 5 / 6], dtype=torch.float64)).float()
    grid = quantile_grid(LatentSpace(linear(latent=2)), 3).view(3, 3, 2)
    torch.testing.assert_close(grid[..., 0], at.expand(3, 3))
    torch.testing.assert_close(grid[..., 1], at.flip(0)[:, None].expand(3, 3))
    uniform = quantile_grid(LatentSpace(linear(latent=2, prior=Uniform())), 4).view(4, 4, 2)
    torch.testing.assert_close(uniform[0, :, 0], torch.tensor([-0.75, -0.25, 0.25, 0.75]))


def test_a_sheet_of_the_grid_has_as_many_columns_as_rows_whatever_the_pictures_form():
    wide = make_grid(torch.zeros(9, 1, 4, 16), 3)
    assert wide.width > 3 * wide.height


def test_the_sheet_is_what_python_makes(home: Path, say: Say, tmp_path: Path):
    assert say("sample H/plane --grid 5 --out grid.png") == (0, "grid.png\n", "")
    space = LatentSpace(load(home / "plane"))
    known = make_grid(space.make_all(quantile_grid(space, 5)), 5)
    with Image.open(tmp_path / "grid.png") as drawn:
        assert np.array_equal(np.asarray(drawn), np.asarray(known))
    assert say("sample H/plane --grid 2")[1] == f"{home / 'plane' / 'grid-2.png'}\n"
    assert say("sample H/plane --grid 2 --no-average")[1] == f"{home / 'plane' / 'grid-2-raw.png'}\n"
    assert say("sample H/classes --grid 2 --label A")[1] == f"{home / 'classes' / 'grid-A-2.png'}\n"


@pytest.mark.parametrize(("typed", "says"), [
    ("sample H/three --grid 5", "a grid shows latents of two numbers, but those of this run are 3"),
    ("sample H/toy --grid 5", "makes points, but latents are looked at and searched by images"),
    ("sample H/classes --grid 5", "makes samples of classes, and a grid shows one of them; name it with --label"),
    ("sample H/plane --grid 1", "grid is 1, but should be 2 to 64"),
    ("sample H/plane --grid 5 -n 3", "a grid shows what latents become, and -n something else; give one of them"),
    ("sample H/plane --grid 5 --text cat", "and text something else"),
    ("sample H/plane --grid 5 --label A", "(A), but this generator was not trained on labels; leave label out"),
    ("sample H/plane --grid 5 --out a.jpg", "a sheet is a PNG, but a.jpg does not end in .png"),
])  # fmt: skip
def test_what_has_no_such_picture_is_refused_with_a_way_out(typed: str, says: str, say: Say):
    code, out, err = say(typed)
    assert (code, out) == (2, "") and says in err and err.count("\n") == 1


def test_the_ways_out_can_be_gone(say: Say):
    train_few = "--images 32 --limit 32 --size 16 --batch 16 --quiet --pictures 0"
    assert say(f"train vae-plane {train_few} --out plane")[0] == 0
    assert say(f"train vae-dense --networks.latent 2 {train_few} --out dense")[0] == 0
    assert say(f"train vae {train_few} --networks.latent 2 --networks.width 4 --out other")[0] == 0
    assert say("sample other --grid 3")[0] == say("sample plane --grid 3")[0] == say("sample dense --grid 3")[0] == 0


def test_a_prior_that_does_not_tell_its_quantiles_is_refused():
    with pytest.raises(Mistake, match="but this run has none with a method quantile, as"):
        quantile_grid(LatentSpace(linear(latent=2, prior=Draws())), 3)
