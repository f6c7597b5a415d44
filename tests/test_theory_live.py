"""What the studio's walk stands on: small pieces of theory, each beside a second way to know it."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
import torch

from saddle.errors import Mistake
from saddle.theory.dirac import game_eigenvalues
from saddle.theory.dirac_gan import START_POINT, point_gradient, step_players
from saddle.theory.dirac_gan_methods import ADJUSTABLE
from saddle.theory.faulty import faulty_ring, judge_ring
from saddle.theory.gaussians import Gaussian, best_critic
from saddle.theory.supports import interval_jsd, noisy_jsd, noisy_jsd_slope
from saddle.theory.toy_game import ToyGame
from saddle.theory.toy_methods import TOY_METHODS, ToySettings


@pytest.mark.parametrize(("distance", "width"), [(0.0, 1.0), (0.25, 1.0), (1.0, 1.0), (3.0, 0.5)])
def test_the_divergence_of_intervals_is_that_of_their_histograms(distance: float, width: float) -> None:
    x = (torch.arange(8000, dtype=torch.float64) + 0.5) / 2000
    p, q = (((x > start) & (x < start + width)).double() for start in (0.0, distance))
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    jsd = (torch.xlogy(p, p) + torch.xlogy(q, q)).sum() / 2 - torch.xlogy(middle, middle).sum()
    assert interval_jsd(distance, width) == pytest.approx(jsd.item(), abs=1e-9)


def test_noise_gives_the_divergence_of_two_points_a_slope() -> None:
    assert noisy_jsd(1.0, 0.0) == pytest.approx(log(2)) and noisy_jsd_slope(1.0, 0.0) == 0
    assert noisy_jsd(0.0, 0.5) == pytest.approx(0, abs=1e-12) and noisy_jsd(50.0, 0.5) == pytest.approx(log(2))
    rise = (noisy_jsd(1.01, 0.5) - noisy_jsd(0.99, 0.5)) / 0.02
    assert noisy_jsd_slope(1.0, 0.5) == pytest.approx(rise, rel=1e-3) and rise > 0.1


def test_the_best_discriminator_is_the_share_of_the_data() -> None:
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)
    p, q = Gaussian().log_density(x), Gaussian(0.5, 1.3).log_density(x)
    assert torch.allclose(best_critic(p, q), p.exp() / (p.exp() + q.exp()))


@pytest.mark.parametrize("name", ADJUSTABLE)
@pytest.mark.parametrize("strength", [0.3, 1.5])
def test_every_method_of_the_slider_pulls_as_its_game_does(name: str, strength: float) -> None:
    method = ADJUSTABLE[name](strength)
    due = point_gradient(method.play, 0.4, -0.7)
    assert np.array(method.field(np.array(0.4), np.array(-0.7))) == pytest.approx(due, abs=1e-6)
    if method.eigenvalues:
        assert sum(game_eigenvalues(method)) == pytest.approx(sum(method.eigenvalues), abs=1e-6)


def test_a_step_in_turns_and_at_once() -> None:
    def field(theta, psi):
        return psi, -theta

    assert step_players(field, START_POINT, together=True, step=0.5) == (0.5, -1.5)
    assert step_players(field, START_POINT, together=False, step=0.5) == (0.5, -1.25)
    assert step_players(field, START_POINT, together=False, step=0.5, turns=2, bound=1.3) == (0.5, -1.3)


def test_frechet_distance_does_not_notice_every_second_mode() -> None:
    whole, half, blurred = judge_ring(faulty_ring(0, 1)), judge_ring(faulty_ring(4, 1)), judge_ring(faulty_ring(0, 10))
    assert (whole.modes, half.modes) == (8, 4) and half.frechet < 0.01 > whole.frechet
    assert half.recall < 0.6 < whole.recall and blurred.precision < 0.5 < whole.precision
    with pytest.raises(Mistake, match="8 modes of the ring cannot be missing"):
        faulty_ring(8, 1)


@pytest.mark.parametrize("name", TOY_METHODS)
def test_every_method_plays_and_shows_its_critic(name: str) -> None:
    game = ToyGame(ToySettings(name, noise=0.1), "grid")
    assert game.play(2) == 2 == game.rounds and not game.over
    landscape, by = game.landscape(5, 3), 1e-3
    assert landscape.scores.shape == (5, 5) and landscape.places.shape == landscape.slopes.shape == (9, 2)
    ahead, behind = (game.judge(landscape.places + torch.tensor([s * by, 0.0]))[0] for s in (1, -1))
    assert torch.allclose((ahead - behind) / (2 * by), landscape.slopes[:, 0], atol=0.02, rtol=0.1)
    found = game.coverage(100)
    assert found is not None and 0 <= found.modes <= 25
    game.close()


def test_a_watched_game_depends_on_its_settings_alone_and_disturbs_nobodys_chance() -> None:
    torch.manual_seed(5)
    due = torch.rand(1)
    torch.manual_seed(5)
    one, other = (ToyGame(ToySettings(), "ring") for _ in range(2))
    one.play(3)
    for _ in range(3):
        assert other.play(5, seconds=0) == 1, "one round at least, and no other when the time is up"
    assert torch.equal(one.points(10), other.points(10)) and torch.equal(torch.rand(1), due)
    with pytest.raises(Mistake, match="there is no method wgan-pg of the toys; did you mean wgan-gp"):
        ToySettings("wgan-pg").recipe()
