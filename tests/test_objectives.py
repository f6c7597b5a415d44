"""Objectives against quadrature, closed forms and the identities of the theory."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import softplus
from torch.special import ndtri

from saddle.core import Objective
from saddle.errors import Mistake
from saddle.networks import Perceptron
from saddle.objectives import (
    OBJECTIVES,
    PEARSON,
    CriticAlone,
    Energy,
    FDivergence,
    Flipped,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Relativistic,
    Wasserstein,
)
from saddle.shape import Shape

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
    s = torch.linspace(0.1, 0.9, 20).double()  # within margins, and between targets
    assert (slope(lambda r: kind().critic(r, s), s) < 0).all()  # the critic: reals up
    assert (slope(lambda f: kind().critic(s, f), s) > 0).all()  # and fakes down
    pulls = slope(lambda f: kind().generator(s, f), s)
    assert (pulls == 0).all() if kind is CriticAlone else (pulls < 0).all()  # the generator: fakes up


@pytest.mark.parametrize("kind", OBJECTIVES, ids=lambda kind: kind.__name__)
def test_maps_of_scores_count_like_samples(kind):
    r, f = torch.randn(2, 6, 1, 4, 4).double()
    torch.testing.assert_close(kind().critic(r, f), kind().critic(r.flatten(), f.flatten()))
    torch.testing.assert_close(kind().generator(r, f), kind().generator(r.flatten(), f.flatten()))


# Two distributions over four bins, as counts of ten. A critic here is a table of four scores, free to be anything.
P, Q = torch.tensor((5, 3, 1, 1)), torch.tensor((1, 2, 3, 4))
p, q = P.double() / 10, Q.double() / 10
TV = (p - q).abs().sum().item() / 2


def on_bins(objective: Objective, scores: Tensor, real: Tensor = P, fake: Tensor = Q) -> Tensor:
    return objective.critic(scores.repeat_interleave(real), scores.repeat_interleave(fake))


def best(objective: Objective, real: Tensor = P, fake: Tensor = Q) -> tuple[Tensor, float]:
    """The best table, by descent, and its loss."""
    s = torch.tensor([0.3, -0.2, 0.1, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([s], max_iter=300, line_search_fn="strong_wolfe", tolerance_change=1e-15)

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = on_bins(objective, s, real, fake)
        value.backward()
        return value

    optimizer.step(loss)
    return s.detach(), loss().item()


def squares(a: float, b: float) -> Tensor:
    return (b * p + a * q) / (p + q)


CROSS = 2 * log(2) - 2 * ((p * (2 * p / (p + q)).log()).sum() + (q * (2 * q / (p + q)).log()).sum()).item() / 2
BEST = {
    Minimax(): (p / q).log(),
    NonSaturating(): (p / q).log(),
    NonSaturating(0.9): (0.9 * p / (p + q)).logit(),
    Minimax(0.9): (0.9 * p / (p + q)).logit(),
    Flipped(NonSaturating(), 0.1): ((0.9 * p + 0.1 * q) / (p + q)).logit(),
    LeastSquares(): squares(0, 1),
    PEARSON: squares(-1, 1),
    LeastSquares(0.5, 3, 2, scale=1): squares(0.5, 3),
    Flipped(LeastSquares(), 0.1): squares(0.1, 0.9),
}


@pytest.mark.parametrize("objective", BEST, ids=repr)
def test_the_best_critic(objective):
    scores, loss = best(objective)
    torch.testing.assert_close(scores, BEST[objective], atol=1e-5, rtol=0)
    if objective in (Minimax(), NonSaturating()):
        assert loss == pytest.approx(CROSS, abs=1e-9)  # 2 log 2 - 2 JSD


def test_at_the_best_critic_the_targets_make_a_divergence():
    for objective, wide in ((LeastSquares(), None), (PEARSON, ((p - q) ** 2 / (p + q)).sum().item())):
        a, b, c = objective.a, objective.b, objective.c
        s = squares(a, b)
        loss = 2 * (objective.generator(s, s.repeat_interleave(P)) + objective.generator(s, s.repeat_interleave(Q)))
        formula = (((b - c) * (p + q) - (b - a) * q) ** 2 / (p + q)).sum()
        assert loss.item() == pytest.approx(formula.item(), abs=1e-12)
        assert wide is None or loss.item() == pytest.approx(wide, abs=1e-12)  # Pearson's, of p + q from 2 q
    for objective, known in ((PEARSON, 0.138074), (LeastSquares(), 0.534518)):  # of the reference pair
        a, b = objective.a, objective.b
        odds = [ratio(x).sigmoid() for x in (REAL, FAKE)]
        r, f = (b * odd + a * (1 - odd) for odd in odds)
        assert 2 * (objective.generator(r, r) + objective.generator(f, f)).item() == pytest.approx(known, abs=1e-4)


def lowest(objective: Objective, grid: Tensor) -> Tensor:
    """The loss of the best table whose scores are on a grid: bins by themselves, since no term has two of them."""
    zero = torch.zeros(1).double()
    middle = objective.critic(zero, zero)
    alone = torch.stack([torch.stack([objective.critic(s, zero), objective.critic(zero, s)]) for s in grid[:, None]])
    return middle + ((alone - middle) @ torch.stack([p, q])).min(0).values.sum()


def test_a_margin_makes_of_the_critics_loss_a_total_variation():
    grid = torch.linspace(-5, 5, 201, dtype=torch.float64)
    assert lowest(Hinge(), grid).item() == pytest.approx(2 * (1 - TV), abs=1e-9)
    assert on_bins(Hinge(), (p - q).sign()).item() == pytest.approx(2 * (1 - TV), abs=1e-9)
    for margin in (1.0, 3.0):  # energies are 0 or more
        assert lowest(Energy(margin), grid[grid <= 0]).item() == pytest.approx(margin * (1 - TV), abs=1e-9)
    best_hinge = Hinge().critic(ratio(REAL).sign(), ratio(FAKE).sign()).item()
    assert best_hinge == pytest.approx(1.595752, abs=1e-3)  # of the reference pair


def test_a_margin_is_each_samples_own():
    for objective, margin in ((Hinge(), 1.0), (Energy(2.0), 2.0)):
        f = torch.tensor([-margin - 9, -margin + 0.1, 0.0]).double()  # their mean is beyond it, two of them are not
        pulls = slope(lambda fake, o=objective, r=f: o.critic(r, fake), f)
        torch.testing.assert_close(pulls, torch.tensor([0.0, 1.0, 1.0]).double())
        pulls = slope(lambda fake, o=objective, r=f: o.generator(r, fake), f)
        torch.testing.assert_close(pulls, -torch.ones(3).double())  # the generator has no margin


def test_losses_at_chance():
    zero, half = torch.zeros(2, 1, 3, 3), torch.full((2, 1, 3, 3), 0.5)
    for objective, score, loss in (
        (Minimax(), zero, 2 * log(2)), (NonSaturating(), zero, 2 * log(2)), (Hinge(), zero, 2.0),
        (LeastSquares(), half, 0.25), (LeastSquares(scale=1), half, 0.5), (PEARSON, zero, 1.0),
        (Wasserstein(), zero, 0.0), (FDivergence(), zero, 0.0), (Relativistic(), half, log(2)),
        (Relativistic(average=True), half, log(2)),
        (Flipped(), zero, 2 * log(2)), (Flipped(Relativistic()), half, log(2)),
    ):  # fmt: skip
        assert objective.critic(score, score).item() == pytest.approx(loss, abs=1e-6), objective


def test_relativistic_losses_are_the_papers():
    r, f = torch.randn(2, 9).double()
    R, F = r.mean(), f.mean()
    rs, ras = Relativistic(), Relativistic(average=True)
    torch.testing.assert_close(rs.critic(r, f), softplus(f - r).mean())
    torch.testing.assert_close(rs.generator(r, f), softplus(r - f).mean())
    torch.testing.assert_close(ras.critic(r, f), (softplus(F - r) + softplus(f - R)).mean() / 2)
    torch.testing.assert_close(ras.generator(r, f), (softplus(R - f) + softplus(r - F)).mean() / 2)
    rals = Relativistic(LeastSquares(-1, 1, 1, scale=1), average=True)
    torch.testing.assert_close(rals.critic(r, f), ((r - F - 1) ** 2 + (f - R + 1) ** 2).mean() / 2)
    torch.testing.assert_close(rals.generator(r, f), ((f - R - 1) ** 2 + (r - F + 1) ** 2).mean() / 2)
    hinge = Relativistic(Hinge(), average=True)
    torch.testing.assert_close(hinge.critic(r, f), ((1 - r + F).relu() + (1 + f - R).relu()).mean() / 2)
    torch.testing.assert_close(hinge.generator(r, f), ((1 - f + R).relu() + (1 + r - F).relu()).mean() / 2)


MIRRORED = [NonSaturating(), LeastSquares(-1, 1, 1), Hinge(), FDivergence("hellinger", alternative=True)]
BASES = [*MIRRORED, Minimax(0.9), LeastSquares(), FDivergence("kl"), FDivergence("jeffreys"), Flipped()]


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("base", BASES, ids=repr)
def test_comparisons_know_no_height(base, average):
    compared, (r, f) = Relativistic(base, average), torch.randn(2, 9).double()
    for loss in (compared.critic, compared.generator):
        torch.testing.assert_close(loss(r + 7, f + 7), loss(r, f))
    torch.testing.assert_close(compared.generator(r, f), compared.critic(f, r))
    if base in MIRRORED:
        torch.testing.assert_close(compared.critic(-f, -r), compared.critic(r, f))


@pytest.mark.parametrize("base", BASES, ids=repr)
def test_a_compared_loss_is_least_where_reals_are_above_fakes(base):
    """On the difference t of a pair it is convex and falls at 0, so that the best critic puts reals above fakes."""
    t = torch.linspace(-4, 4, 81, dtype=torch.float64)
    loss = torch.stack([Relativistic(base).critic(x[None], torch.zeros(1).double()) for x in t])
    assert (loss.diff().diff() > -1e-12).all() and loss[41] < loss[40]


def test_a_wasserstein_critic_compares_already():
    r, f = torch.randn(2, 9).double()
    torch.testing.assert_close(Relativistic(Wasserstein()).critic(r, f), Wasserstein().critic(r, f))


def test_pairs_and_means_are_compared_alike_when_all_scores_are_equal():
    r, f = torch.full((4,), 0.7).double(), torch.full((4,), -0.4).double()
    for base in BASES:
        pair, mean = Relativistic(base), Relativistic(base, average=True)
        torch.testing.assert_close(pair.critic(r, f), mean.critic(r, f))
        # of a lone pair the base is half as much as it would be of the two differences
        torch.testing.assert_close(pair.critic(r, f), base.critic(r - f, f - r) / 2)


def every_pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return a.repeat_interleave(len(b)), b.repeat(len(a))


class Coupled:
    """An objective on all pairs of reals and fakes."""

    paired = True

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        return Relativistic().critic(*every_pair(real, fake))


def test_the_best_comparison_tells_how_far_apart_two_distributions_are():
    assert best(Coupled(), P, P)[1] == pytest.approx(log(2), abs=1e-9)
    assert 0 < best(Coupled(), P, Q)[1] < log(2) - 0.05
    assert best(Coupled(), torch.tensor((5, 5, 0, 0)), torch.tensor((0, 0, 4, 6)))[1] < 1e-3


@pytest.mark.parametrize(("base", "says"), [
    (Relativistic(), r"compares scores already; give Relativistic\(\)$"),
    (Flipped(Relativistic()), "compares scores already"),
    (Energy(1.0), r"cannot compare energies.* give Relativistic\(Hinge\(\)\)"),
    (Flipped(Energy(1.0)), "cannot compare energies"),
    (CriticAlone(), r"give CriticAlone\(Relativistic\(\)\)"),
], ids=str)  # fmt: skip
def test_what_cannot_be_compared_is_refused(base, says):
    with pytest.raises(Mistake, match=says):
        Relativistic(base)


@pytest.mark.parametrize("base", [NonSaturating(), LeastSquares(), Hinge(), FDivergence(), Relativistic()], ids=repr)
def test_flips_are_the_mean_over_labels_told_wrong(base):
    n, rate = 20_000, 0.15
    r, f = torch.randn(2, n).double()
    wrong = torch.rand(n) < rate  # the label of a pair's real and fake, or of both, for a base that compares
    told = base.critic(torch.where(wrong, f, r), torch.where(wrong, r, f))
    assert Flipped(base, rate).critic(r, f).item() == pytest.approx(told.item(), abs=0.02)
    torch.testing.assert_close(Flipped(base, 0.0).critic(r, f), base.critic(r, f))
    torch.testing.assert_close(Flipped(base, rate).generator(r, f), base.generator(r, f))
    assert Flipped(base, rate).paired is base.paired


def test_a_critic_alone_plays_its_base():
    r, f = torch.randn(2, 9).double()
    for base in (NonSaturating(), Hinge(), Relativistic()):
        torch.testing.assert_close(CriticAlone(base).critic(r, f), base.critic(r, f))


def test_flips_bound_the_best_score():
    rate = 0.05
    scores, _ = best(Flipped(rate=rate), torch.tensor((5, 5, 0, 0)), torch.tensor((0, 0, 5, 5)))
    bound = log((1 - rate) / rate)
    assert bound == pytest.approx(2.944, abs=1e-3)
    torch.testing.assert_close(scores, torch.tensor([bound, bound, -bound, -bound]).double(), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("make", "says"), [
    (lambda: LeastSquares(1, 0, 0), "a=1 and b=0 for the critic, c=0 for the generator; .* a below b and c"),
    (lambda: LeastSquares(-1, 1, -1), "a below b and c"),
    (lambda: LeastSquares(b=float("nan")), "finite"),
    (lambda: LeastSquares(scale=0), "scale is 0"),
    (lambda: Energy(0), "margin is 0"),
    (lambda: Flipped(rate=0.5), "rate is 0.5, but should be in"),
    (lambda: NonSaturating(1.1), "target is 1.1"),
])  # fmt: skip
def test_mistakes(make, says):
    with pytest.raises(Mistake, match=says):
        make()
