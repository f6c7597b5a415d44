"""Objectives against quadrature, closed forms and the identities of the theory."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.special import ndtri

from saddle.core import Shape
from saddle.networks import Perceptron
from saddle.objectives import OBJECTIVES, Minimax, NonSaturating, Wasserstein

N = 4000
BELL = ndtri((torch.arange(N, dtype=torch.float64) + 0.5) / N)  # N(0, 1) as N points of equal weight
REAL, FAKE = BELL, 0.5 + 1.3 * BELL  # the reference pair: N(0, 1) and N(0.5, 1.3^2)
JSD = 0.037369  # of that pair, in nats


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def ratio(x: Tensor) -> Tensor:
    """log p/q of the reference pair: the best critic's logit."""
    return log(1.3) - x**2 / 2 + ((x - 0.5) / 1.3) ** 2 / 2


def slope(loss, scores: Tensor) -> Tensor:
    """What the loss of a batch pulls each score by, times the batch."""
    scores = scores.clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(scores), scores)
    return g * len(scores)


def test_slopes_of_the_generators_losses_in_the_logit():
    f = torch.linspace(-30, 30, 121).double()
    torch.testing.assert_close(slope(lambda f: Minimax().generator(f, f), f), -f.sigmoid())
    torch.testing.assert_close(slope(lambda f: NonSaturating().generator(f, f), f), -(-f).sigmoid())
    torch.testing.assert_close(slope(lambda f: Wasserstein().generator(f, f), f), -torch.ones_like(f))


def test_the_first_game_is_of_one_value():
    r, f = torch.randn(2, 50).double()
    V = r.sigmoid().log().mean() + (1 - f.sigmoid()).log().mean()
    torch.testing.assert_close(Minimax().critic(r, f), -V)
    torch.testing.assert_close(Minimax().generator(r, f), (1 - f.sigmoid()).log().mean())
    torch.testing.assert_close(NonSaturating().critic(r, f), -V)
    torch.testing.assert_close(NonSaturating().generator(r, f), -f.sigmoid().log().mean())


def pull(objective, theta: float) -> float:
    """The generator's expected gradient in theta at the best critic: p = N(0, 1), q = N(theta, 1), G(z) = z + theta."""
    z = ndtri((torch.arange(400_000, dtype=torch.float64) + 0.5) / 400_000)
    moved = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    f = theta**2 / 2 - theta * (z + moved)  # log p/q, the critic fixed at theta
    return torch.autograd.grad(objective.generator(f, f), moved)[0].item()


def divergence_slope(theta: float) -> float:
    """d JSD(N(0, 1), N(theta, 1)) / d theta by quadrature."""
    x = torch.linspace(-12, 12 + theta, 20_001, dtype=torch.float64)
    moved = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    p, q = (torch.exp(-((x - m) ** 2) / 2) / (2 * torch.pi) ** 0.5 for m in (0, moved))
    m = (p + q) / 2
    jsd = torch.trapezoid(torch.xlogy(p, p / m) + torch.xlogy(q, q / m), x) / 2
    return torch.autograd.grad(jsd, moved)[0].item()


def test_generators_gradients_at_the_best_critic_at_one():
    assert pull(NonSaturating(), 1.0) == pytest.approx(0.602027, abs=2e-5)
    assert pull(Minimax(), 1.0) == pytest.approx(0.397973, abs=2e-5)
    assert divergence_slope(1.0) == pytest.approx(0.198986, abs=1e-6)


@pytest.mark.parametrize("theta", [0.3, 1.0, 2.5])
def test_saturating_descends_two_jsd_and_non_saturating_kl_minus_that(theta):
    jsd = divergence_slope(theta)
    assert pull(Minimax(), theta) == pytest.approx(2 * jsd, abs=5e-5)
    assert pull(NonSaturating(), theta) == pytest.approx(theta - 2 * jsd, abs=5e-5)  # KL(q|p) = theta^2 / 2


def test_only_the_saturating_gradient_vanishes_far_away():
    assert pull(Minimax(), 8.0) < 1e-2 < 7 < pull(NonSaturating(), 8.0)


def fit(critic: nn.Module, real: Tensor, fake: Tensor, steps: int, objective=NonSaturating()) -> Tensor:
    """The loss of a critic of one number that was trained to the end on points of equal weight."""
    inputs = [x.reshape(-1, 1, 1, 1) for x in (real, fake)]
    optimizer = torch.optim.LBFGS(critic.parameters(), max_iter=steps, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = objective.critic(*(critic(x).score for x in inputs))
        value.backward()
        return value

    optimizer.step(loss)
    return loss().detach()


def test_a_trained_critic_is_the_log_ratio_of_the_reference_pair():
    D = Perceptron(1, 24, 2).critic(Shape(1, 1, 1)).double()
    assert fit(D, REAL, FAKE, 150).item() == pytest.approx(1.311556, abs=0.005)  # 2 log 2 - 2 JSD
    with torch.no_grad():
        r, f = (D(x.reshape(-1, 1, 1, 1)).score for x in (REAL, FAKE))
        x = torch.linspace(-3, 3, 601).double()
        logit, true = D(x.reshape(-1, 1, 1, 1)).score, ratio(x)
    accuracy = ((r > 0).double().mean() + (f < 0).double().mean()) / 2
    assert accuracy.item() == pytest.approx(0.601062, abs=0.005)  # (1 + TV) / 2
    assert 1 - ((logit - true) ** 2).mean() / true.var() > 0.99


def test_the_best_critics_loss_is_the_divergence():
    for objective in (Minimax(), NonSaturating()):
        best = objective.critic(ratio(REAL), ratio(FAKE)).item()
        assert best == pytest.approx(2 * log(2) - 2 * JSD, abs=1e-4)
        for a, b in ((0.9, 0.0), (1.1, 0.0), (1.0, -0.05), (1.0, 0.05)):
            assert objective.critic(a * ratio(REAL) + b, a * ratio(FAKE) + b).item() > best


def test_a_critic_of_equals_learns_to_say_nothing():
    D = Perceptron(1, 16, 1).critic(Shape(1, 1, 1)).double()
    assert fit(D, REAL, REAL.flip(0), 100).item() == pytest.approx(2 * log(2), abs=1e-6)
    assert D(REAL.reshape(-1, 1, 1, 1)).score.abs().max() < 0.01


def test_a_target_below_one_is_cross_entropy_with_soft_targets():
    r, f = torch.randn(2, 50).double()
    for target in (1.0, 0.9, 0.5):
        soft = cross_entropy(r, torch.full_like(r, target)) + cross_entropy(f, torch.zeros_like(f))
        torch.testing.assert_close(NonSaturating(target).critic(r, f), soft)


def test_smoothing_bounds_the_best_score():
    far = torch.tensor([-100.0]).double()
    real = torch.tensor([log(9)], requires_grad=True, dtype=torch.float64)  # where there are no fakes at all
    (g,) = torch.autograd.grad(NonSaturating(0.9).critic(real, far), real)
    assert abs(g.item()) < 1e-12
    assert slope(lambda r: NonSaturating().critic(r, far), real.detach()).item() < -0.09  # it would rise for ever


def test_wasserstein_is_the_distance_of_means_along_its_critic():
    loss = Wasserstein()
    assert loss.critic(-REAL, -(REAL + 3)).item() == pytest.approx(-3)  # the best 1-Lipschitz critic of a shift
    r, f = torch.randn(2, 50).double()
    torch.testing.assert_close(loss.critic(r + 7, f + 7), loss.critic(r, f))  # the height of the score means nothing
    torch.testing.assert_close(loss.critic(r, f), -r.mean() + f.mean())
    torch.testing.assert_close(loss.generator(r, f), -f.mean())


@pytest.mark.parametrize("kind", OBJECTIVES, ids=lambda kind: kind.__name__)
def test_losses_and_their_slopes_stay_finite(kind):
    for size in (1e4, -1e4):
        s = torch.tensor([size, -size, 0.0], requires_grad=True)
        loss = kind().critic(s, s.flip(0)) + kind().generator(s, s)
        (g,) = torch.autograd.grad(loss, s)
        assert loss.isfinite() and g.isfinite().all()


@pytest.mark.parametrize("kind", OBJECTIVES, ids=lambda kind: kind.__name__)
def test_both_players_want_what_their_names_say(kind):
    s = torch.randn(20).double()
    assert (slope(lambda r: kind().critic(r, s), s) < 0).all()  # the critic: reals up
    assert (slope(lambda f: kind().critic(s, f), s) > 0).all()  # and fakes down
    assert (slope(lambda f: kind().generator(s, f), s) < 0).all()  # the generator: fakes up


@pytest.mark.parametrize("kind", OBJECTIVES, ids=lambda kind: kind.__name__)
def test_maps_of_scores_count_like_samples(kind):
    r, f = torch.randn(2, 6, 1, 4, 4).double()
    torch.testing.assert_close(kind().critic(r, f), kind().critic(r.flatten(), f.flatten()))
    torch.testing.assert_close(kind().generator(r, f), kind().generator(r.flatten(), f.flatten()))
