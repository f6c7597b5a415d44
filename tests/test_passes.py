"""Rows of several requests in one pass: the bits of each are its own, whatever stands beside it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from narrow import shape, small
from saddle.games import Adversarial
from saddle.inference.chance import Rows, mixed_chance, own_chance
from saddle.inference.loaded import LoadedGame
from saddle.inference.passes import Passes, Row, fitting_passes, joined, sampling, scoring, translating
from saddle.parts import CURRENT_SHARD, UnmixableRows, draw_rows
from saddle.shape import Picture, Shape
from toys import LATENT, Critic

CPU = torch.device("cpu")
NAMES = ["dcgan", "gan", "stylegan2", "biggan", "vae", "infogan", "gat", "adversarial-flow", "r3gan-laptop", "seqgan"]


def loaded_game(name: str) -> LoadedGame:
    torch.manual_seed(0)
    data = shape(name)
    game = small(name).game(data).eval().requires_grad_(False)
    return LoadedGame(game, data, tuple("abc") if data.classes else (), CPU)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_has_the_bits_that_it_has_alone_and_in_sample_itself(name: str):
    loaded = loaded_game(name)
    loaded.rows = 8
    told = torch.tensor(1) if loaded.shape.classes else None
    passes = fitting_passes(loaded, sampling(loaded), Row(0, 0, None, told), 8)
    assert passes.mixed and passes.rows == 8
    wanted = [Row(5, 61 + i, None, told) for i in range(5)] + [Row(9, 3, None, told), Row(5, 0, None, told)]
    together = passes.run(wanted)
    for row, made in zip(wanted, together, strict=True):
        assert torch.equal(passes.run([row])[0], made), name
    label = 1 if loaded.shape.classes and loaded.is_conditional else None
    if label is not None or not loaded.shape.classes:
        eight = torch.stack(passes.run([Row(5, i, None, told) for i in range(8)]))
        assert torch.equal(eight, loaded.sample(8, 5, label))


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "cut"])
def test_a_translation_has_the_bits_that_it_has_alone(name: str):
    loaded = loaded_game(name)
    assert isinstance(loaded.shape.condition, Picture)
    pictures = 2 * torch.rand(4, *loaded.shape.condition.shape[:3]) - 1
    passes = fitting_passes(loaded, translating(loaded), Row(0, 0, pictures[0]), 4)
    assert passes.rows == 4 and passes.mixed
    wanted = [Row(i, 0, one) for i, one in enumerate(pictures)]
    for row, made in zip(wanted, passes.run(wanted), strict=True):
        assert torch.equal(passes.run([row])[0], made)


@pytest.mark.parametrize("name", ["dcgan", "vae", "bigan"])
def test_a_score_has_the_bits_that_it_has_alone(name: str):
    loaded = loaded_game(name)
    pictures = 2 * torch.rand(4, *loaded.shape[:3]) - 1
    told = torch.tensor(0)
    passes = fitting_passes(loaded, scoring(loaded), Row(0, 0, pictures[0], told), 4)
    wanted = [Row(i, i, one, told) for i, one in enumerate(pictures)]
    for row, made in zip(wanted, passes.run(wanted), strict=True):
        assert torch.equal(passes.run([row])[0], made)


def test_the_number_of_rows_hangs_on_the_networks_alone():
    few, many = loaded_game("biggan"), loaded_game("dcgan")
    found = [fitting_passes(one, sampling(one), Row(0, 0, None, torch.tensor(0))).rows for one in (few, many, few)]
    assert found[0] == found[2] and all(1 <= n <= one.rows for n, one in zip(found, (few, many, few), strict=True))


def test_rows_that_follow_each_other_draw_their_block_once():
    rows = [Row(1, i) for i in (62, 63, 64, 65)] + [Row(2, 66), Row(1, 66), Row(1, 68)]
    assert joined(rows) == [Rows(1, 62, 2), Rows(1, 64, 2), Rows(2, 66, 1), Rows(1, 66, 1), Rows(1, 68, 1)]


def test_what_a_game_draws_is_what_each_row_draws_beside_others_of_its_seed():
    def drawn(n: int) -> list[Tensor]:
        like = torch.zeros(n, 3)
        return [draw_rows(torch.randn, like, 5), torch.randn_like(like), draw_rows(torch.rand, like)]

    apart = []
    for some in (Rows(3, 60, 2), Rows(4, 130, 1), Rows(3, 64, 3)):
        with own_chance(CPU, *some):
            apart.append(drawn(some.n))
    with mixed_chance(CPU, [Rows(3, 60, 2), Rows(4, 130, 1), Rows(3, 64, 3)]):
        together = drawn(6)
    for i, whole in enumerate(together):
        assert torch.equal(torch.cat([parts[i] for parts in apart]), whole)


class Shared(nn.Module):
    """A generator that draws one noise for all samples."""

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return z[:, :1, None, None].expand(-1, 1, 4, 4) + torch.randn(1, 1, 4, 4)


class Whole(nn.Module):
    """A generator that looks where in the whole batch it is."""

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return z[:, :1, None, None].expand(-1, 1, 4, 4) + CURRENT_SHARD.get().rows(len(z))[0]


@pytest.mark.parametrize("generator", [Shared(), Whole()])
def test_rows_of_other_seeds_are_refused_where_all_of_a_seed_share_something(generator: nn.Module):
    game = Adversarial(generator, Critic(), LATENT).eval().requires_grad_(False)
    loaded = LoadedGame(game, Shape(1, 4, 4), (), CPU)
    with pytest.raises(UnmixableRows):
        Passes(loaded, sampling(loaded), 4).run([Row(1, 0), Row(2, 0)])
    passes = fitting_passes(loaded, sampling(loaded), Row(0, 0), 4)
    assert not passes.mixed or passes.rows == 1
    made = passes.run([Row(3, 0)])
    assert torch.equal(made[0], passes.run([Row(3, 0), Row(3, 1)][: passes.rows])[0])


class Crowded(nn.Module):
    """A generator whose samples hang on who stands beside them."""

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return (z - z.mean(0))[:, :1, None, None].expand(-1, 1, 4, 4)


def test_rows_are_made_one_by_one_where_neighbours_change_them():
    game = Adversarial(Crowded(), Critic(), LATENT).eval().requires_grad_(False)
    loaded = LoadedGame(game, Shape(1, 4, 4), (), CPU)
    assert fitting_passes(loaded, sampling(loaded), Row(0, 0), 8).rows == 1
