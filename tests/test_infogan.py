"""InfoGAN: codes that are drawn, what the bound is, whom it reaches, and what is made of chosen codes."""

from __future__ import annotations

import math
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from saddle import load, train
from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Move
from saddle.errors import Mistake
from saddle.games import InfoGAN
from saddle.layers.latent_codes import LatentCodes
from saddle.networks import Convolutional, Inferring, Perceptron
from saddle.optim import Adam
from saddle.recipes.infogan import InfoGAN as Recipe
from saddle.recipes.versus import Versus
from saddle.shape import Shape
from saddle.training.engine import Engine
from test_encoders import movers, reached
from typed import Say

SMALL = Shape(1, 16, 16)
CODES = LatentCodes(categories=3, numbers=2)
NETS = Inferring(Convolutional(latent=5, width=4, normal=False), CODES, hidden=8)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def infogan(**weights: float) -> InfoGAN:
    return InfoGAN(NETS.generator(SMALL), NETS.critic(SMALL), NETS.latent, **weights)


def moves(game: InfoGAN) -> list[Move]:
    labelled = Images(torch.randn(6, *SMALL[:3]), torch.arange(6))
    return [turn for turn in game.round(iter([labelled]), Clock()) if isinstance(turn, Move)]


def test_codes_are_a_category_each_as_often_and_numbers_from_minus_one_to_one():
    category, numbers = CODES.split(CODES.draw(torch.empty(30_000, 1)))
    assert torch.equal(category.sum(1), torch.ones(30_000)) and set(category.unique().tolist()) == {0.0, 1.0}
    assert (category.mean(0) - 1 / 3).abs().max() < 0.01
    assert numbers.abs().max() <= 1 and abs(numbers.var().item() - 1 / 3) < 0.01 and numbers.mean().abs() < 0.01


def test_what_q_does_not_know_is_minus_a_normal_and_a_categorical_log_probability():
    answer, codes = torch.randn(7, CODES.size), CODES.draw(torch.empty(7, 1))
    category = torch.distributions.Categorical(logits=answer[:, :3]).log_prob(codes[:, :3].argmax(1))
    numbers = torch.distributions.Normal(answer[:, 3:], 1.0).log_prob(codes[:, 3:]).sum(1)
    for found, wanted in zip(CODES.surprise(answer, codes), (-category.mean(), -numbers.mean()), strict=True):
        torch.testing.assert_close(found, wanted)


def test_q_that_knows_the_codes_attains_the_bound_and_one_that_knows_nothing_has_none():
    """H(c) = log k of the category at first, and nought of it left when Q is sure: I(c; x) = H(c)."""
    codes = CODES.draw(torch.empty(50, 1))
    sure = torch.cat([100 * codes[:, :3], codes[:, 3:]], 1)
    blind = torch.zeros_like(codes)
    assert CODES.surprise(blind, codes)[0] == pytest.approx(math.log(3)) and CODES.surprise(sure, codes)[0] < 1e-6
    assert CODES.surprise(sure, codes)[1] == pytest.approx(math.log(2 * math.pi))  # of two numbers, of deviation one
    assert torch.equal(CODES.most_probable(sure), codes)


def test_the_bound_is_in_both_losses_and_reaches_generator_trunk_and_q():
    game = infogan()
    of_critic, of_generator = moves(game)
    for move, mover in ((of_critic, "critic"), (of_generator, "generator")):
        assert movers(move, game) == [({mover}, {"adversarial", "category", "numbers"})]
        for term in move.terms.values():
            assert reached(term, game) == {mover}
    q, trunk = list(game.critic.q.parameters()), list(game.critic.inside.trunk.parameters())
    for name in ("category", "numbers"):
        slopes = torch.autograd.grad(of_critic.terms[name], [*q, *trunk], retain_graph=True, allow_unused=True)
        assert all(slope is not None and slope.abs().max() > 0 for slope in slopes)
    head = torch.autograd.grad(of_critic.terms["category"], [*game.critic.inside.head.parameters()], allow_unused=True)
    assert all(slope is None for slope in head)  # Q says nothing of how real a sample is


def test_the_weights_are_those_of_the_two_bounds():
    one, other = (dict(moves(infogan(**weights))[0].terms) for weights in
                  ({"discrete": 1.0, "continuous": 1.0}, {"discrete": 3.0, "continuous": 0.0})
                  if torch.manual_seed(1))  # fmt: skip
    torch.testing.assert_close(other["category"], 3 * one["category"])
    assert other["numbers"] == 0 < one["numbers"]


def test_labels_of_the_data_are_not_looked_at():
    found = []
    for labels in (None, torch.arange(6)):
        torch.manual_seed(1)
        game = infogan()
        batch = Images(torch.ones(6, *SMALL[:3]), labels)
        found.append([move.loss for move in game.round(iter([batch]), Clock()) if isinstance(move, Move)])
    assert found[0] == found[1]


class Centre(nn.Module):
    """Points around one of three places, which it learns from the category."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Linear(CODES.size, 2)

    def forward(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        points: Tensor = self.places(latents[:, 1:]) + 0.05 * latents[:, :1]
        return points[:, :, None, None]


def test_categories_find_known_clusters():
    """Three clusters, which nobody names: the bound comes near log 3, and each category makes one of them."""
    places = torch.tensor([[0.0, 1.5], [-1.3, -0.75], [1.3, -0.75]])
    nets = Inferring(Perceptron(latent=1, width=64, depth=2), CODES, hidden=32)
    game = InfoGAN(Centre(), nets.critic(Shape(2, 1, 1)), latent=1)
    data = (Images((places[torch.randint(3, (64,))] + 0.05 * torch.randn(64, 2))[..., None, None])
            for _ in repeat(None))  # fmt: skip
    driver = Engine(game, lambda player: Adam(1e-2 if player == "generator" else 4e-3, (0.5, 0.999)))
    for i in range(300):
        report = driver.play(data, clock=Clock(round=i))
    assert report["generator/category"] < 0.1 * math.log(3)
    z = game.latents(torch.empty(64, 1))
    made = torch.stack([game.make(z, category=c).flatten(1).mean(0) for c in range(3)])
    apart = torch.cdist(made, places)
    assert sorted(apart.argmin(1).tolist()) == [0, 1, 2] and apart.min(1).values.max() < 0.5
    assert (game.encode(game.make(z))[:, 1:4].argmax(1) == z[:, 1:4].argmax(1)).float().mean() > 0.95


def test_samples_of_chosen_codes():
    game = infogan().eval()
    z = game.latents(torch.empty(4, 1))
    asked = z.clone()
    asked[:, 5:8], asked[:, 8] = torch.tensor([0.0, 0.0, 1.0]), 0.5
    assert torch.equal(game.make(z, category=2, numbers=(0.5,)), game.generator(asked))
    assert torch.equal(game.make(z), game.generator(z))
    columns = game.show(Images(torch.zeros(9, *SMALL[:3])))
    assert list(columns) == ["0", "1", "2"] and {len(made) for made in columns.values()} == {3}


def test_codes_of_images_are_latents_whose_noise_is_nought():
    game = infogan().eval()
    codes = game.encode(torch.randn(4, *SMALL[:3]))
    assert codes.shape == game.latents(torch.empty(4, 1)).shape and (codes[:, :5] == 0).all()
    assert game.make(codes).shape == (4, *SMALL[:3])


REFUSED = {
    "no Q": (lambda: InfoGAN(nn.Identity(), Convolutional(width=4).critic(SMALL), 5), r'give --networks "Inferring\('),
    "Q elsewhere": (lambda: Versus(networks=NETS).game(SMALL), "take the recipe infogan"),
    "a category that there is not": (lambda: infogan().make(torch.zeros(1, 10), category=3), "should be from 0 to 2"),
    "too many numbers": (lambda: infogan().make(torch.zeros(1, 10), numbers=(0.0,) * 3), "a code has 2"),
    "codes of codes": (lambda: Inferring(Inferring()), r'write --networks "Inferring\(Convolutional\(\), LatentCodes'),
    "one category": (lambda: LatentCodes(1), "categories is 1, but should be 2 or more"),
    "fewer numbers than none": (lambda: LatentCodes(2, -1), "numbers is -1, but should be 0 or more"),
    "a weight below 0": (lambda: infogan(discrete=-1.0), "discrete is -1.0, but should be 0 or more"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_go_is_refused(case):
    make, words = REFUSED[case]
    with pytest.raises(Mistake, match=words):
        make()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("infogan")
    pixels = np.random.default_rng(0).integers(0, 256, (32, 16, 16), np.uint8)
    train(Recipe(networks=NETS, batch=8), pixels, out=folder / "run", images=16, pictures=2, quiet=True, device="cpu")
    return folder


def test_codes_are_chosen_where_samples_are_asked_for(home: Path, say: Say):
    assert say("sample H/run --category 2 --numbers=0.5,-1 --out made.png")[0] == 0 and Path("made.png").exists()
    assert say("sample H/run --category 2 --numbers=0.5,-1")[1].endswith("-category-2-numbers-0.5,-1.png\n")
    code, _, said = say("sample H/run --category 7")
    assert code == 2 and "category is 7, but should be from 0 to 2" in said
    assert say("sample H/run --category 2 --out other.png")[0] == 0
    loaded = load(home / "run")
    one, same, other = (loaded.sample(4, category=category) for category in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_images_are_encoded_by_what_q_says(home: Path, say: Say):
    np.save("pictures.npy", np.zeros((4, 16, 16), np.uint8))
    assert say("encode H/run pictures.npy --to codes.npz")[0] == 0
    codes = np.load("codes.npz")["codes"]
    assert codes.shape == (4, 5 + CODES.size) and (codes[:, 5:8].sum(1) == 1).all() and (codes[:, :5] == 0).all()
