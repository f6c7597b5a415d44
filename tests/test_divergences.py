"""Every f-divergence against its definition: conjugates by suprema, bounds by quadrature, critics by descent."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import pytest
import torch
from torch import Tensor

from saddle.errors import Mistake
from saddle.objectives import FDivergence

Generator = Callable[[Tensor], Tensor]


def alpha(a: float) -> Generator:
    return lambda u: (u**a - 1 - a * (u - 1)) / (a * (a - 1))


# f(u), and the divergence of the reference pair N(0, 1), N(0.5, 1.3^2); neyman's in closed form is 2.0946624
ROWS: dict[FDivergence, tuple[Generator, float]] = {
    FDivergence("total-variation"): (lambda u: (u - 1).abs() / 2, 0.202124),
    FDivergence("kl"): (lambda u: u * u.log(), 0.132187),
    FDivergence("reverse-kl"): (lambda u: -u.log(), 0.207636),
    FDivergence("pearson"): (lambda u: (u - 1) ** 2, 0.216795),
    FDivergence("neyman"): (lambda u: (1 - u) ** 2 / u, 2.094662),
    FDivergence("hellinger"): (lambda u: (u.sqrt() - 1) ** 2, 0.078900),
    FDivergence("jensen-shannon"): (lambda u: u * u.log() - (u + 1) * ((u + 1) / 2).log(), 0.074738),
    FDivergence("gan"): (lambda u: u * u.log() - (u + 1) * (u + 1).log(), -1.311556),
    FDivergence("alpha", 0.5): (alpha(0.5), 0.157799),
    FDivergence("alpha", 2.0): (alpha(2.0), 0.108397),
    FDivergence("alpha", 3.0): (alpha(3.0), 0.100147),
    FDivergence("alpha", -1.0): (alpha(-1.0), 1.047331),
    FDivergence("jeffreys"): (lambda u: (u - 1) * u.log(), 0.339822),
}
HARD = [FDivergence("alpha", a) for a in (-5.0, 0.01, 0.9, 0.99, 1.01, 1.5, 10.0)]
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name} {row.alpha or ''}".strip())
hard = pytest.mark.parametrize("row", [*ROWS, *HARD], ids=lambda row: f"{row.name} {row.alpha or ''}".strip())

P, Q = (torch.tensor(counts) for counts in ((5, 3, 1, 1), (1, 2, 3, 4)))  # two distributions over four bins, in tenths


def slope(f: Generator, u: Tensor) -> Tensor:
    """f'(u)."""
    u = u.detach().requires_grad_()
    (g,) = torch.autograd.grad(f(u).sum(), u)
    return g


def score(row: FDivergence, t: Tensor) -> Tensor:
    """The score at which T is t, by bisection; the nearest that there is if t is never reached."""
    low, high = torch.full_like(t, -1e30), torch.full_like(t, 1e30)
    for _ in range(160):
        middle = (low + high) / 2
        low, high = (torch.where(row.dual(middle).t < t, *ends) for ends in ((middle, low), (high, middle)))
    return (low + high) / 2


@rows
def test_conjugates_are_suprema(row):
    f, _ = ROWS[row]
    log_u = torch.linspace(-24, 24, 48_001).double()
    for v in torch.tensor([-3.0, -2.2, -1.0, 0.0, 0.7, 2.5]).double():
        t, conjugate = row.dual(v)
        values = log_u.exp() * t - f(log_u.exp())  # ut - f(u); then once more, finely, around the best u
        near = (log_u[values.argmax()] + torch.linspace(-1e-3, 1e-3, 2001).double()).exp()
        torch.testing.assert_close((near * t - f(near)).max(), conjugate, atol=1e-7, rtol=1e-7)


@rows
def test_the_best_critic_of_the_reference_pair_attains_the_divergence(row):
    f, divergence = ROWS[row]
    x = torch.linspace(-25, 25, 4001).double()
    p, q = (torch.exp(-(((x - m) / s) ** 2) / 2) / (s * (2 * torch.pi) ** 0.5) for m, s in ((0.0, 1.0), (0.5, 1.3)))
    integrand = q * f(p / q)
    assert torch.trapezoid(integrand, x).item() == pytest.approx(divergence, abs=1e-5)
    near = x.abs() < 9.5  # beyond, the best scores of heavy tails are no numbers any more
    t, conjugate = row.dual(score(row, slope(f, (p / q)[near])))
    torch.testing.assert_close(p[near] * t - q[near] * conjugate, integrand[near], atol=1e-9, rtol=1e-6)


@rows
def test_descent_over_free_scores_ends_in_the_divergence(row):
    f, _ = ROWS[row]
    s = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([s], max_iter=60, line_search_fn="strong_wolfe", tolerance_change=1e-14)

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = row.critic(s.repeat_interleave(P), s.repeat_interleave(Q))
        value.backward()
        return value

    optimizer.step(loss)
    p, q = P.double() / 10, Q.double() / 10
    assert -loss().item() == pytest.approx((q * f(p / q)).sum().item(), abs=1e-5)
    torch.testing.assert_close(row.dual(s.detach()).t, slope(f, p / q), atol=1e-4, rtol=1e-3)
    assert torch.equal(s > 0, p > q)  # the sign tells real from made


@rows
def test_the_generators_exact_loss_descends_the_divergence(row):
    f, _ = ROWS[row]
    p = P.double() / 10
    q = (Q.double() / 10).requires_grad_()
    (due,) = torch.autograd.grad((q * f(p / q)).sum(), q)
    best = score(row, slope(f, p / q))
    losses = torch.stack([row.generator(s, s) for s in best])  # of a fake in each bin: d/dq of sum q (-f*)
    torch.testing.assert_close(losses, due, atol=1e-6, rtol=1e-6)


@hard
def test_at_a_score_of_zero_the_best_guess_is_that_p_is_q(row):
    zero = torch.zeros(3).double()
    at_chance = 2 * log(2) if row.name == "gan" else 0.0
    assert row.critic(zero, zero).item() == pytest.approx(at_chance, abs=1e-12)
    t = row.dual(zero).t
    if row in ROWS and row.name != "total-variation":  # whose f has a corner there
        torch.testing.assert_close(t, slope(ROWS[row][0], torch.ones_like(zero)), atol=1e-12, rtol=0)
    v = zero.clone().requires_grad_()
    dt, dc = (torch.autograd.grad(part.sum(), v, retain_graph=True)[0] for part in row.dual(v))
    torch.testing.assert_close(dt, dc)  # df*/dt = u = 1


@hard
def test_scores_of_any_size_have_finite_losses_and_slopes_that_rise(row):
    v = torch.tensor([-1e8, -1e4, -100, -30, -21, -20, -19, -3, 0, 3, 19, 20, 21, 30, 100, 1e4, 1e8])
    v = v.requires_grad_()
    for part in row.dual(v):
        (g,) = torch.autograd.grad(part.sum(), v, retain_graph=True)
        assert part.isfinite().all() and g.isfinite().all()
        assert (g >= 0).all() and (part.diff() >= 0).all()
    wide = row.dual(v.detach().double())
    for part, exact in zip(row.dual(v.detach()), wide, strict=True):
        torch.testing.assert_close(part.double(), exact, atol=1e-5, rtol=2e-5)


# f* as a function of t, as the paper's table has it
CONJUGATES: dict[FDivergence, Generator] = {
    FDivergence("kl"): lambda t: (t - 1).exp(),
    FDivergence("reverse-kl"): lambda t: -1 - (-t).log(),
    FDivergence("neyman"): lambda t: 2 - 2 * (1 - t).sqrt(),
    FDivergence("alpha", 3.0): lambda t: ((1 + 2 * t).relu() ** 1.5 - 1) / 3,
    FDivergence("alpha", -1.0): lambda t: 1 - (1 - 2 * t).sqrt(),
}


@pytest.mark.parametrize("row", CONJUGATES, ids=lambda row: row.name)
def test_beyond_the_limit_of_exponentials_the_two_integrands_are_still_a_pair(row):
    rising = row.name == "kl" or row == FDivergence("alpha", 3.0)  # without an end that t would be rounded to
    v = torch.cat([torch.linspace(-1e6, -15, 50), torch.linspace(-15, 12, 50), torch.linspace(15, 1e6, 50)]).double()
    t, conjugate = row.dual(v if rising else v.clamp(max=12))
    torch.testing.assert_close(conjugate, CONJUGATES[row](t), atol=1e-5, rtol=1e-9)


@hard
def test_second_derivatives(row):
    v = torch.tensor([-4.0, -1.7, -0.3, 0.2, 1.4, 3.0], dtype=torch.float64, requires_grad=True)
    if row.name == "alpha" and row.alpha > 1:
        v = v.detach().clamp(min=-0.8 / (row.alpha - 1)).requires_grad_()  # where f* has no corner
    assert torch.autograd.gradcheck(row.dual, v)
    assert torch.autograd.gradgradcheck(row.dual, v)


@pytest.mark.parametrize("a", [1.5, 3.0])
def test_where_a_conjugate_is_flat_its_second_derivative_is_zero(a):
    v = torch.tensor([-1e3, -5.0], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(FDivergence("alpha", a).dual(v).conjugate.sum(), v, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), v)
    assert not g.any() and not h.any()


def test_relatives_among_the_rows():
    p, q = torch.randn(2, 200).double()
    at = {name: FDivergence(name).critic(p, q) for name in ("gan", "jensen-shannon")}
    assert (at["gan"] - at["jensen-shannon"]).item() == pytest.approx(log(4))
    v = torch.linspace(-4, 3, 50).double()
    for a, name, factor in ((0.5, "hellinger", 2.0), (2.0, "pearson", 0.5), (-1.0, "neyman", 0.5)):
        row, base = FDivergence("alpha", a), FDivergence(name)
        t = base.dual(v).t  # the critic of one is that of the other times the factor
        torch.testing.assert_close(row.dual(score(row, factor * t)).conjugate, factor * base.dual(v).conjugate)
    v = torch.linspace(-3, 3, 50).double()
    for a, name in ((1 - 1e-5, "kl"), (1 + 1e-5, "kl"), (1e-5, "reverse-kl")):
        near, limit = FDivergence("alpha", a).dual(v), FDivergence(name).dual(v)
        if name == "kl":  # whose f has one more u log u - u + 1: the integrands differ by one
            torch.testing.assert_close(near.t, limit.t - 1, atol=1e-3, rtol=1e-3)
            torch.testing.assert_close(near.conjugate, limit.conjugate - 1, atol=1e-3, rtol=1e-3)
        else:
            t = limit.t + 1
            torch.testing.assert_close(FDivergence("alpha", a).dual(score(FDivergence("alpha", a), t)).conjugate,
                                       limit.conjugate + 1, atol=1e-3, rtol=1e-3)  # fmt: skip


@hard
def test_both_players_want_what_their_names_say(row):
    s = torch.linspace(-1.5, 1.5, 21).double()
    for objective in (row, FDivergence(row.name, row.alpha, alternative=True)):
        r, f, g = (s.clone().requires_grad_() for _ in range(3))
        pulls = torch.autograd.grad(objective.critic(r, f) + objective.generator(s, g), (r, f, g))
        assert (pulls[0] < 0).all() and (pulls[1] >= 0).all() and (pulls[2] <= 0).all()
        assert pulls[1].any() and pulls[2].any()


def test_the_alternative_does_not_saturate():
    f = torch.tensor([-12.0], dtype=torch.float64, requires_grad=True)
    slopes = [torch.autograd.grad(FDivergence("gan", alternative=way).generator(f, f), f)[0].item() for way in (0, 1)]
    assert slopes[0] == pytest.approx(0, abs=1e-5) and slopes[1] == pytest.approx(-1, abs=1e-5)


@pytest.mark.parametrize(("args", "says"), [
    (("kullback",), "there is no f-divergence kullback"),
    (("pearsn",), "did you mean pearson"),
    (("alpha",), "alpha is None; give the row alpha a number"),
    (("alpha", 1.0), "neither 0 .* nor 1"),
    (("alpha", float("nan")), "alpha is nan"),
    (("kl", 2.0), "kl has no alpha"),
])  # fmt: skip
def test_mistakes(args, says):
    with pytest.raises(Mistake, match=says):
        FDivergence(*args)
