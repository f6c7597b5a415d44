"""A mixture of Gaussians by gradients and by EM: densities and steps against closed forms, and what is found."""

from __future__ import annotations

import math
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from saddle import load, train
from saddle.batches import Images
from saddle.clock import Clock
from saddle.data.toys import sample_toy, toy_modes
from saddle.games import ExpectationMaximization, MaximumLikelihood
from saddle.layers.mixture import RIDGE, Mixture, maximise
from saddle.metrics.modes import count_mixture_modes
from saddle.networks import NormalMixture
from saddle.optim import SGD
from saddle.shape import Shape
from saddle.theory.likelihood import begin_mixture, step_em
from saddle.training.engine import Engine

PLANE = Shape(2, 1, 1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def ring(n: int) -> Tensor:
    return torch.from_numpy(sample_toy("ring", n, 0)).double().view(n, 2, 1, 1)


def some_mixture(k: int = 3, d: int = 2) -> Mixture:
    factors = torch.randn(k, d, d, dtype=torch.float64).tril(-1) + torch.diag_embed(torch.rand(k, d).double() + 0.3)
    return Mixture(torch.randn(k).double().log_softmax(0), torch.randn(k, d).double(), factors)


def em_game(k: int, start: Mixture | None = None) -> ExpectationMaximization:
    """EM from a mixture of the points' moments, or from where the recipe begins."""
    game = ExpectationMaximization(NormalMixture(k).moments(PLANE), NormalMixture.latent)
    if start:
        outer = start.means[:, :, None] * start.means[:, None] + start.factors @ start.factors.mT
        known = torch.cat((torch.ones(k, 1), start.means, outer.flatten(1)), 1)
        game.generator.moments.data = start.log_weights.exp()[:, None] * known
    return game


def play(game: MaximumLikelihood, x: Tensor, rounds: int, lr: float = 1.0) -> list[float]:
    """Log likelihoods before each round of all points."""
    engine = Engine(game, lambda player: SGD(lr))
    return [-engine.play(repeat(Images(x)), clock=Clock(i))["generator/error"].item() for i in range(rounds)]


def test_a_density_is_that_of_torchs_mixture():
    mixture, x = some_mixture(4, 3), torch.randn(50, 3, dtype=torch.float64)
    known = MixtureSameFamily(Categorical(logits=mixture.log_weights),
                              MultivariateNormal(mixture.means, scale_tril=mixture.factors))  # fmt: skip
    torch.testing.assert_close(mixture.log_density(x), known.log_prob(x))
    torch.testing.assert_close(mixture.shares(x).sum(1), torch.ones(50, dtype=torch.float64))


def test_samples_are_of_the_mixture():
    """Moments of 200,000 draws, within five standard errors; each component as often as its weight says."""
    mixture, n = some_mixture(), 200_000
    x, weights = mixture.draw(torch.randn(n, 3, dtype=torch.float64)), mixture.log_weights.exp()
    mean = weights @ mixture.means
    spread = mixture.factors @ mixture.factors.mT + mixture.means[:, :, None] * mixture.means[:, None]
    covariance = torch.einsum("k,kij->ij", weights, spread) - mean[:, None] * mean
    assert ((x.mean(0) - mean).abs() < 5 * (covariance.diagonal() / n).sqrt()).all()
    torch.testing.assert_close(x.T.cov(), covariance, rtol=0.02, atol=0.02)
    apart = Mixture(mixture.log_weights, torch.tensor([[0.0, 0], [50, 0], [0, 50]]).double(), mixture.factors)
    found = torch.cdist(apart.draw(torch.randn(n, 3, dtype=torch.float64)), apart.means).argmin(1).bincount() / n
    assert ((found - weights).abs() < 5 * (weights * (1 - weights) / n).sqrt()).all()


def test_the_gradient_is_shares_times_what_is_apart():
    """Of -mean log p, in each mean: sum of share * covariance^-1 (mean - x) over points (methods 2.3)."""
    game, x = MaximumLikelihood(NormalMixture(5).generator(PLANE), 3), ring(200).float()
    (move,) = game.round(repeat(Images(x)), Clock())
    (slope,) = torch.autograd.grad(move.loss, [game.generator.means])
    mixture, due = game.generator.mixture(), torch.zeros(5, 2)
    for k in range(5):
        precision = torch.linalg.inv(mixture.factors[k] @ mixture.factors[k].T)
        for point, share in zip(x.flatten(1), mixture.shares(x.flatten(1))[:, k], strict=True):
            due[k] += share * precision @ (mixture.means[k] - point) / len(x)
    torch.testing.assert_close(slope, due)


def test_a_move_at_rate_one_is_a_step_of_em_and_none_loses_likelihood():
    x = ring(1000)
    start = begin_mixture(x.view(-1, 2), 8)
    game, expected = em_game(8, start), start
    found = play(game, x, 1)
    expected = step_em(start, x.view(-1, 2), RIDGE)
    for own, due in zip(game.generator.mixture(), expected, strict=True):
        torch.testing.assert_close(own, due, rtol=1e-9, atol=1e-9)
    found += play(game, x, 30)
    assert min(b - a for a, b in pairwise(found)) > -1e-9 and found[-1] > found[0] + 1


def test_one_component_takes_mean_and_covariance_of_the_points_at_once():
    x = ring(500)
    play(game := em_game(1), x, 1)
    mixture, points = game.generator.mixture(), x.view(-1, 2)
    torch.testing.assert_close(mixture.means[0], points.mean(0), rtol=0, atol=1e-12)
    covariance = points.T.cov(correction=0) + RIDGE * torch.eye(2, dtype=torch.float64)
    torch.testing.assert_close(mixture.factors[0] @ mixture.factors[0].T, covariance, rtol=0, atol=1e-12)


def test_eight_components_from_far_apart_points_find_the_rings_centres():
    """The best of four starts, each to three standard errors of a mean in both directions."""
    x, modes = ring(2000), toy_modes("ring")
    best = max((play_from(x) for _ in range(4)), key=lambda one: one[0])[1]
    apart = torch.cdist(torch.from_numpy(modes.centres), best.means).min(1).values
    assert apart.max() < 3 * modes.std / math.sqrt(2000 / 8) * math.sqrt(2)


def play_from(x: Tensor) -> tuple[float, Mixture]:
    play(game := em_game(8, begin_mixture(x.view(-1, 2), 8)), x, 20)
    return game.score(x).mean().item(), game.generator.mixture()


def test_at_a_lower_rate_moments_follow_by_that_share():
    x = ring(300)
    game = em_game(4)
    before, expected = game.generator.moments.detach().clone(), game.generator.expect(x)[1]
    play(game, x, 1, lr=0.25)
    torch.testing.assert_close(game.generator.moments.data, before + 0.25 * (expected - before))


def test_a_component_without_points_stays_without_and_harms_nobody():
    lost = torch.zeros(1, 7, dtype=torch.float64)
    mixture = maximise(torch.cat((em_game(2).generator.moments.detach(), lost)))
    assert all(part.isfinite().all() for part in mixture) and mixture.log_weights[2] < -500
    assert mixture.log_density(ring(10).view(-1, 2)).isfinite().all()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize(("name", "rounds"), [
    ("gaussian-mixture-em", 150), pytest.param("gaussian-mixture", 500, marks=pytest.mark.slow),
])  # fmt: skip
def test_a_recipe_finds_the_ring(name: str, rounds: int, tmp_path: Path):
    """All modes evenly, and nearly as many points at them as the data have, which is 98.9 %."""
    run = train(name, out=tmp_path / "run", images=256 * rounds, pictures=0, quiet=True, device="cpu")
    found = count_mixture_modes(load(run).sample(2500), *toy_modes("ring"))
    assert found.modes == 8 and found.high_quality > 0.9 and found.reverse_kl < 0.02


@pytest.mark.parametrize("n", [1, 256])
def test_em_stays_a_mixture_where_most_components_have_no_point(n: int):
    """A rate of 1 leaves rounding of the moments before, which is all that such a component has."""
    game = em_game(200)
    assert all(math.isfinite(found) for found in play(game, ring(n), 8))
    mixture = game.generator.mixture()
    assert torch.linalg.eigvalsh(mixture.factors @ mixture.factors.mT).min() > 0.9 * RIDGE
    assert mixture.log_weights.exp().sum().item() == pytest.approx(1)


def test_what_rounding_leaves_of_a_component_has_no_say():
    kept = em_game(3).generator.moments.data
    noise = torch.tensor([[1e-17, -3e-17, 2e-17, -1e-17, 0, 0, 1e-17]], dtype=torch.float64)
    x = ring(50).flatten(1)
    for left in (noise, -noise):
        torch.testing.assert_close(maximise(torch.cat((kept, left))).log_density(x), maximise(kept).log_density(x))


@pytest.mark.parametrize(("typed", "says"), [
    ("--optimizer SGD(3.0)", "its rate is never above 1"),
    ("--optimizer.lr Linear(0.5,2.0)", "its rate is never above 1"),
    ("--optimizer.momentum 0.9", "it has no momentum; give --optimizer 'SGD(1.0)'"),
    ("--optimizer Adam()", "should be SGD"),
])  # fmt: skip
def test_steps_that_are_no_means_of_moments_are_refused(typed: str, says: str, say: Any):
    code, _, err = say(f"train gaussian-mixture-em --images 256 {typed}")
    assert code == 2 and says in err and err.count("\n") == 1
    assert say("train gaussian-mixture-em --images 256 --optimizer SGD(1.0) --quiet --out em")[0] == 0


def test_the_density_of_a_mixture_is_not_called_a_critics_opinion(say: Any, tmp_path: Path):
    assert say("train gaussian-mixture-em --images 256 --quiet --out em")[0] == 0
    code, _, err = say("score em ring --limit 50")
    assert code == 0 and "critic" not in err


def test_pictures_are_refused_and_the_advice_can_be_typed(say: Any):
    code, _, err = say("train gaussian-mixture --data glyphs --images 256 --out pictures")
    assert code == 2 and "NormalMixture is for points, as --data ring has them" in err and err.count("\n") == 1
    assert say("train gaussian-mixture --data ring --images 256 --out points --quiet")[0] == 0
    assert say("sample points --out points.png")[0] == 0
