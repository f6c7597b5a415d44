"""A sample depends on weights, seed, place and label alone, also where a generator draws noise of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, dropout2d, scaled_dot_product_attention

from saddle.errors import Mistake
from saddle.games import Adversarial
from saddle.inference.chance import RowsDraw
from saddle.inference.loaded import LoadedGame
from saddle.shape import Shape
from toys import LATENT, Critic

CPU = torch.device("cpu")


class Noisy(nn.Module):
    """A generator with statistics, a noise input and dropout that is kept in sampling."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(LATENT, 16), nn.BatchNorm1d(16), nn.Linear(16, 16)
        self.seen: list[int] = []

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        self.seen.append(len(z))
        h = dropout(self.norm(self.first(z)), 0.3, training=True)
        return self.last(h + 0.5 * torch.randn_like(h)).view(-1, 1, 4, 4)


def noisy() -> LoadedGame:
    torch.manual_seed(0)
    game = Adversarial(Noisy(), Critic(), LATENT).eval().requires_grad_(False)
    return LoadedGame(game, Shape(1, 4, 4), (), CPU)


def test_noise_of_a_generators_own_is_that_of_each_samples_place():
    model = noisy()
    whole = model.sample(70, seed=3)
    assert model.game.generator.seen == [64, 6]  # n samples cost n
    for n in (1, 2, 5, 64, 69):
        torch.testing.assert_close(model.sample(n, seed=3), whole[:n])
    assert len({tuple(row) for row in whole.flatten(1).tolist()}) == 70
    assert not torch.equal(model.sample(4, seed=4), whole[:4])


def test_sixteen_threads_get_what_each_gets_alone_and_leave_no_trace():
    model, requests = noisy(), [(1 + i % 7, i % 11) for i in range(16 * 50)]
    before = {key: t.clone() for key, t in model.game.state_dict().items()}
    alone = {request: model.sample(*request) for request in set(requests)}
    chance = torch.get_rng_state()
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda request: model.sample(*request), requests))
    assert all(torch.equal(made, alone[request]) for request, made in zip(requests, together, strict=True))
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(t, before[key]) for key, t in model.game.state_dict().items())
    assert not any(module.training for module in model.game.modules())


WAYS: dict[str, Callable[[Tensor], Tensor]] = {
    "randn": lambda x: torch.randn(len(x), 3),
    "randn_like": torch.randn_like,
    "rand": lambda x: torch.rand(len(x), 2, dtype=torch.float64),
    "rand_like": torch.rand_like,
    "randint": lambda x: torch.randint(100, (len(x), 8)),
    "randint from": lambda x: torch.randint(-50, 50, (len(x), 8)),
    "normal_": lambda x: torch.empty_like(x).normal_(1.0, 2.0),
    "exponential_": lambda x: torch.empty_like(x).exponential_(),
    "dropout": lambda x: dropout(x, 0.5),
    "dropout2d": lambda x: dropout2d(x[:, :, None, None].expand(-1, -1, 2, 2), 0.5),
    "bernoulli": lambda x: torch.bernoulli(torch.full_like(x, 0.5)),
    "multinomial": lambda x: torch.multinomial(x, 4),
    "bernoulli_": lambda x: torch.empty_like(x).bernoulli_(torch.full_like(x, 0.5)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_row_draws_by_its_place_however_many_others_there_are(way):
    def drawn(first: int, n: int, seed: int = 0) -> Tensor:
        with RowsDraw(CPU, seed, first, n):
            return WAYS[way](torch.ones(n, 8))

    chance, whole = torch.get_rng_state(), drawn(0, 9)
    assert torch.equal(drawn(2, 3), whole[2:5]) and torch.equal(drawn(8, 1), whole[8:])
    assert not torch.equal(drawn(0, 9, seed=1), whole) and not torch.equal(whole[0], whole[1])
    assert torch.equal(torch.get_rng_state(), chance)


def test_what_has_no_row_for_each_sample_is_the_seeds():
    def drawn(first: int, n: int) -> list[Tensor]:
        with RowsDraw(CPU, 5, first, n):
            return [torch.randn(1, 1, 4, 4), torch.multinomial(torch.ones(9), 4)]

    for a, b in zip(drawn(0, 3), drawn(8, 2), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(Mistake, match="which cannot be repeated; draw by"), RowsDraw(CPU, 5, 0, 3):
        torch.randperm(7)


def test_fused_attention_draws_nothing_unless_it_drops_something():
    q = torch.randn(3, 2, 5, 8)
    with RowsDraw(CPU, 5, 0, 3):
        found = scaled_dot_product_attention(q, q, q)
    torch.testing.assert_close(found, (q @ q.mT / 8**0.5).softmax(-1) @ q)
