"""Penalties on critics whose slopes and gaps are known in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, softplus

from saddle.clock import Clock
from saddle.core import Judge, Judged, Penalty, Verdict, as_leaf
from saddle.errors import Mistake
from saddle.games.terms import critic_input, weighted_terms
from saddle.networks import Convolutional, Perceptron
from saddle.objectives import Wasserstein
from saddle.parts import Shard, use_shard
from saddle.penalties.gaps import Consistency, Drift, QuadraticPotential
from saddle.penalties.gradients import R1, R2, Divergence, Dragan, GradientPenalty, Roth
from saddle.precision import reduced_slopes
from saddle.shape import Shape

SLOPES: tuple[Penalty, ...] = (
    GradientPenalty(), GradientPenalty(one_sided=True), GradientPenalty(target=0), Dragan(), Divergence(),
    Divergence(power=3, where="samples"), R1(), R2(), Roth(),
)  # fmt: skip
GAPS: tuple[Penalty, ...] = (Consistency(), QuadraticPotential(), QuadraticPotential(distance="l2"), Drift())
BOTH = (*SLOPES, *GAPS)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


class Scored(nn.Module):
    """A critic that is a formula; it remembers what it was shown last."""

    def __init__(self, formula, *parameters: Tensor) -> None:
        super().__init__()
        self.formula, self.parameters_ = formula, nn.ParameterList(parameters)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        self.shown = x
        return Verdict(self.formula(x, *self.parameters_), x)


def judged(critic: nn.Module, real: Tensor, fake: Tensor) -> tuple[Judge, Judged, Judged]:
    judge = Judge(critic, Clock())
    return judge, judge(as_leaf(real)), judge(as_leaf(fake))


def dice(seed: int = 3, index: int = 0, count: int = 1):
    return use_shard(Shard(index, count, torch.Generator().manual_seed(seed)))


def linear(w: Tensor) -> Scored:
    return Scored(lambda x, w: x.flatten(1) @ w, w)


def images(n: int = 8) -> tuple[Tensor, Tensor]:
    real, fake = torch.randn(2, n, 3, 4, 4).double()
    return real, fake


def test_a_linear_critics_penalty_and_its_gradient():
    critic = linear(torch.randn(48).double())
    (w,) = critic.parameters()
    value = GradientPenalty()(*judged(critic, *images()))
    torch.testing.assert_close(value, (w.norm() - 1) ** 2)
    (g,) = torch.autograd.grad(value, w)
    torch.testing.assert_close(g, 2 * (w.norm() - 1) * w / w.norm())


def test_a_quadratic_critics_penalty_and_its_gradient():
    a, (x, _) = torch.tensor(0.3).double(), images()
    critic = Scored(lambda x, a: a * x.square().flatten(1).sum(1) / 2, a)
    value = GradientPenalty()(*judged(critic, x, x))  # a line from a point to itself: the slope is a|x|
    r = x.flatten(1).norm(dim=1)
    torch.testing.assert_close(value, ((0.3 * r - 1) ** 2).mean())
    (g,) = torch.autograd.grad(value, list(critic.parameters()))
    torch.testing.assert_close(g, (2 * (0.3 * r - 1) * r).mean())


def test_points_between_are_uniform_on_each_line():
    real, fake = torch.ones(40_000, 1, 1, 1).double(), torch.zeros(40_000, 1, 1, 1).double()
    critic = Scored(lambda x, a: a * x.flatten() ** 2 / 2, torch.tensor(1.5).double())
    value = GradientPenalty()(*judged(critic, real, fake)).item()
    assert value == pytest.approx(1.5**2 / 3 - 1.5 + 1, abs=0.005)  # E (a t - 1)^2


def test_each_sample_has_one_point_of_its_own():
    real, fake = images(64)
    critic = linear(torch.randn(48).double())
    GradientPenalty()(*judged(critic, real, fake))
    t = ((critic.shown - fake) / (real - fake)).flatten(1)
    torch.testing.assert_close(t, t[:, :1].expand_as(t), atol=1e-9, rtol=0)  # one for all of its pixels
    assert t.min() > 0 and t.max() < 1
    assert len(t[:, 0].unique()) == 64 and t[:, 0].std() > 0.2


def test_parts_of_a_batch_draw_the_points_of_the_whole():
    real, fake = images(8)
    shown = []
    for parts in (1, 2):
        points = []
        for i, (r, f) in enumerate(zip(real.chunk(parts), fake.chunk(parts), strict=True)):
            critic = linear(torch.ones(48).double())
            with use_shard(Shard(i, parts, torch.Generator().manual_seed(5))):
                GradientPenalty()(*judged(critic, r, f))
            points.append(critic.shown)
        shown.append(torch.cat(points))
    assert torch.equal(*shown)


@pytest.mark.parametrize(("distance", "weight", "slope"), [(1.0, 10.0, 1.05), (2.0, 10.0, 1.1), (2.0, 0.1, 11.0)])
def test_between_two_points_the_best_slope_is_above_one(distance, weight, slope):
    critic = linear(torch.tensor([0.5]).double())
    real, fake = torch.full((4, 1, 1, 1), distance).double(), torch.zeros(4, 1, 1, 1).double()
    optimizer = torch.optim.LBFGS(critic.parameters(), max_iter=30, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        args = judged(critic, real, fake)
        value = Wasserstein().critic(args[1].score, args[2].score)
        value = value + weighted_terms((GradientPenalty(weight),), *args)["GradientPenalty"]
        value.backward()
        return value

    optimizer.step(loss)
    w = next(critic.parameters()).item()
    assert w == pytest.approx(slope, abs=1e-4) and slope == 1 + distance / (2 * weight)
    gap = w * distance  # so the critic claims more than the distance, by distance^2 / (2 weight)
    assert gap - distance == pytest.approx(distance**2 / (2 * weight), abs=1e-3)


def test_a_flat_critic_is_pulled_and_not_broken():
    critic = linear(torch.zeros(48).double())
    value = GradientPenalty()(*judged(critic, *images()))
    (g,) = torch.autograd.grad(value, list(critic.parameters()))
    assert value.item() == pytest.approx(1, abs=1e-5) and g.isfinite().all()


def test_lazy_penalties_are_rare_and_as_strong():
    args = judged(linear(torch.randn(48).double()), *images())
    once, lazy = GradientPenalty(10), GradientPenalty(10, every=4)
    terms = []
    for i in range(8):
        judge = Judge(args[0].critic, Clock(round=i))
        terms.append([weighted_terms((penalty,), judge, *args[1:]) for penalty in (once, lazy)])
    assert [i for i, (_, due) in enumerate(terms) if due] == [0, 4]
    often, rarely = (sum(t.item() for due in which for t in due.values()) for which in zip(*terms, strict=True))
    assert often == pytest.approx(rarely)


def test_two_of_a_kind_are_told_apart():
    args = judged(linear(torch.randn(48).double()), *images())
    terms = weighted_terms((GradientPenalty(1), GradientPenalty(3)), *args)
    assert list(terms) == ["GradientPenalty", "GradientPenalty#2"]
    torch.testing.assert_close(terms["GradientPenalty#2"], 3 * terms["GradientPenalty"])


@pytest.mark.parametrize("penalty", BOTH, ids=repr)
def test_derivatives_by_finite_differences(penalty):
    a, b = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((6, 5), (5,)))
    real, fake = torch.randn(2, 3, 6, 1, 1).double()

    def value(a: Tensor, b: Tensor) -> Tensor:
        torch.manual_seed(1)  # the dropout's
        critic = Scored(lambda x: softplus(dropout(x.flatten(1), 0.3) @ a) @ b)
        with dice():
            return penalty(*judged(critic, real, fake))

    assert torch.autograd.gradcheck(value, (a, b))
    assert torch.autograd.gradgradcheck(value, (a, b))


@pytest.mark.parametrize("penalty", BOTH, ids=repr)
def test_what_the_game_hands_it_is_enough(penalty):
    critic = linear(torch.randn(48).double())
    judge = Judge(critic, Clock())
    real, fake = (judge(critic_input(x, (penalty,), Clock())) for x in images())
    assert real.sample.requires_grad == fake.sample.requires_grad == (penalty.input_grad == "samples")
    value = penalty(judge, real, fake)
    assert value.shape == () and value >= 0
    assert all(g.isfinite().all() for g in torch.autograd.grad(value, list(critic.parameters())))


@pytest.mark.parametrize("penalty", BOTH, ids=repr)
def test_a_pack_is_one_long_sample(penalty):
    a, b = torch.randn(96, 5).double() / 10, torch.randn(5).double()
    real, fake = images()
    values = []
    for joined in (False, True):  # by the critic, or before it sees them
        critic = Scored(lambda x: softplus(dropout(x.reshape(4, -1), 0.3) @ a) @ b)
        torch.manual_seed(1)
        with dice():
            values.append(penalty(*judged(critic, *(x.reshape(4, 6, 4, 4) if joined else x for x in (real, fake)))))
    torch.testing.assert_close(*values)


@pytest.mark.parametrize("penalty", SLOPES, ids=repr)
def test_a_patch_map_counts_by_its_mean(penalty):
    a, b, pair = torch.randn(48, 5).double() / 10, torch.randn(5, 6).double(), images()
    values = []
    for patches in (b.reshape(5, 1, 2, 3), b.mean(1)):
        critic = Scored(lambda x, patches=patches: torch.tensordot(softplus(x.flatten(1) @ a), patches, 1))
        with dice():
            values.append(penalty(*judged(critic, *pair)))
    torch.testing.assert_close(*values)


@pytest.mark.parametrize("penalty", GAPS, ids=repr)
def test_each_gap_in_a_patch_map_counts(penalty):
    b, pair = torch.randn(48, 6).double(), images()
    values = []
    for columns in ([b.reshape(48, 1, 2, 3)], b.unbind(1)):
        for w in columns:
            torch.manual_seed(1)
            critic = Scored(lambda x, w=w: torch.tensordot(dropout(x.flatten(1)), w, 1))
            values.append(penalty(*judged(critic, *pair)))
    torch.testing.assert_close(values[0], torch.stack(values[1:]).mean())


@pytest.mark.parametrize("penalty", [*SLOPES, *GAPS[1:]], ids=repr)
def test_parts_of_a_batch_average_to_the_whole(penalty):
    a, b = torch.randn(48, 5).double() / 10, torch.randn(5).double()
    critic = Scored(lambda x: softplus(x.flatten(1) @ a) @ b)
    half, fake = images(4)[0], images()[0]
    real = torch.cat([half, half])  # both parts vary alike, which Dragan's noise follows
    values = []
    for parts in (1, 2):
        for i, (r, f) in enumerate(zip(real.chunk(parts), fake.chunk(parts), strict=True)):
            with dice(5, i, parts):
                values.append(penalty(*judged(critic, r, f)))
    torch.testing.assert_close(values[0], torch.stack(values[1:]).mean())


@pytest.mark.parametrize("penalty", SLOPES, ids=repr)
@pytest.mark.parametrize("pair", [Convolutional(4, 4, normal=False), Perceptron(2, 16, 2)], ids=repr)
def test_reduced_precision_does_not_touch_slopes(penalty, pair):
    D = pair.critic(Shape(1, 16, 16))
    samples = torch.randn(2, 4, 1, 16, 16)
    grads = []
    for reduced in (False, True):
        with dice(), torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            value = penalty(*judged(D, *samples))
        grads.append([value.detach(), *torch.autograd.grad(value, list(D.parameters()), allow_unused=True)])
    for a, b in zip(*grads, strict=True):
        assert (a is None and b is None) or torch.equal(a, b)


@pytest.mark.parametrize("penalty", [GradientPenalty(), Dragan(), R1(), R2(), Roth()], ids=repr)
def test_reduced_precision_reaches_slopes_where_it_was_asked_for(penalty):
    """Nearly the same value and gradient, and not the same."""
    D = Convolutional(4, 16, normal=False).critic(Shape(1, 16, 16))
    samples = torch.randn(2, 16, 1, 16, 16)
    values, grads = [], []
    for reduced in (False, True):
        with dice(), torch.autocast("cpu", torch.bfloat16, enabled=reduced), reduced_slopes(reduced):
            value = penalty(*judged(D, *samples))
        values.append(value)
        own = torch.autograd.grad(value, list(D.parameters()), allow_unused=True)
        grads.append(torch.cat([g.flatten() for g in own if g is not None]))
    assert values[1].dtype == grads[1].dtype == torch.float32
    assert 0 < abs(values[1] / values[0] - 1) < 0.02
    assert torch.cosine_similarity(*grads, dim=0) > 0.99


@pytest.mark.parametrize("penalty", BOTH, ids=repr)
def test_a_generators_reduced_precision_is_no_obstacle(penalty):
    D = Convolutional(4, 4, normal=False).critic(Shape(1, 16, 16))
    judge = Judge(D, Clock())
    real, fake = torch.randn(2, 4, 1, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        for made in (critic_input(fake.bfloat16(), (penalty,), Clock()), fake.bfloat16().requires_grad_().square()):
            value = penalty(judge, judge(critic_input(real, (penalty,), Clock())), judge(made))
            assert value.dtype == torch.float32
            value.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in list(D.parameters())[:-1])


def test_the_gradient_penalty_sample_by_sample():
    D, (real, fake) = Convolutional(4, 4, normal=False).critic(Shape(3, 16, 16)), torch.randn(2, 5, 3, 16, 16)
    with dice(7):
        value = GradientPenalty(target=0.5)(*judged(D, real, fake))
    alone = []
    for t, x, y in zip(torch.rand(5, generator=torch.Generator().manual_seed(7)), real, fake, strict=True):
        x_hat = (t * x + (1 - t) * y)[None].requires_grad_()
        (g,) = torch.autograd.grad(D(x_hat).score.sum(), x_hat)
        alone.append((g.norm() - 0.5) ** 2)
    torch.testing.assert_close(value, torch.stack(alone).mean())


@pytest.mark.parametrize("slope", [0.5, 1.7, 3.0])
def test_one_side_of_the_target_is_free(slope):
    pair, critic = images(), linear(torch.full((48,), slope / 48**0.5).double())
    for target in (1.0, 2.0):
        both, above = (GradientPenalty(target=target, one_sided=one)(*judged(critic, *pair)) for one in (False, True))
        assert both.item() == pytest.approx((slope - target) ** 2)
        assert above.item() == pytest.approx(max(slope - target, 0) ** 2)


def test_slopes_at_samples_on_linear_and_quadratic_critics():
    pair, w = images(), torch.randn(48).double()
    for penalty in (R1(), R2()):
        torch.testing.assert_close(penalty(*judged(linear(w), *pair)), w.square().sum() / 2)
    A = torch.randn(48, 48).double()
    A = A + A.T
    cov = [x.flatten(1).T @ x.flatten(1) / len(x) for x in pair]
    bowl = Scored(lambda x: ((x.flatten(1) @ A) * x.flatten(1)).sum(1) / 2)
    for penalty, sigma in zip((R1(), R2()), cov, strict=True):
        torch.testing.assert_close(penalty(*judged(bowl, *pair)), (A @ sigma @ A).trace() / 2)


def test_a_flat_critic_is_left_alone_by_zero_centred_penalties():
    for penalty in (R1(), R2(), Roth(), GradientPenalty(target=0), Divergence()):
        critic = linear(torch.zeros(48).double())
        (g,) = torch.autograd.grad(penalty(*judged(critic, *images())), list(critic.parameters()))
        assert g.count_nonzero() == 0


def test_roth_is_a_quarter_of_both_slopes_where_scores_are_zero():
    w = torch.randn(48).double()
    critic = Scored(lambda x: (x.flatten(1) @ w) - (x.flatten(1) @ w).detach())
    roth, r1, r2 = (penalty(*judged(critic, *images())) for penalty in (Roth(), R1(), R2()))
    torch.testing.assert_close(roth, (r1 + r2) / 4)


def test_roth_is_what_noise_adds_to_the_best_critics_loss():
    """For p = N(0, 1) and q = N(1/2, 1.7), whose blurs are normal too; points at equal steps of probability."""
    steps = (torch.arange(1 << 15).double() + 0.5) / (1 << 15)
    normal = torch.special.ndtri(steps).reshape(-1, 1, 1, 1)
    p, q = torch.distributions.Normal(0.0, 1.0), torch.distributions.Normal(0.5, 1.7**0.5)
    critic = Scored(lambda x: (p.log_prob(x) - q.log_prob(x)).flatten())

    def loss(gamma: float) -> float:
        real, fake = critic((1 + gamma) ** 0.5 * normal).score, critic(0.5 + (1.7 + gamma) ** 0.5 * normal).score
        return (softplus(-real).mean() + softplus(fake).mean()).item()

    added = Roth()(*judged(critic, normal, 0.5 + 1.7**0.5 * normal)).item()
    errors = [(loss(gamma) - loss(0)) - gamma * added for gamma in (0.05, 0.1)]
    assert abs(errors[1]) < 0.1 * 0.1 * added and errors[1] / errors[0] == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize("where", ["between", "samples"])
@pytest.mark.parametrize(("distance", "k", "p", "slope"), [(1, 2, 6, 0.60836), (2, 2, 6, 0.69883), (2, 2, 2, 0.5)])
def test_the_divergences_best_slope_between_two_points(where, distance, k, p, slope):
    critic = linear(torch.tensor([slope]).double())
    real, fake = torch.full((4, 1, 1, 1), float(distance)).double(), torch.zeros(4, 1, 1, 1).double()
    args = judged(critic, real, fake)
    gap = args[1].score.mean() - args[2].score.mean()
    loss = k * Divergence(k, p, where)(*args) - gap
    (g,) = torch.autograd.grad(loss, list(critic.parameters()), retain_graph=True)
    assert abs(g.item()) < 1e-4 * distance and slope == pytest.approx((distance / (k * p)) ** (1 / (p - 1)), abs=1e-5)
    assert -loss.item() == pytest.approx(gap.item() * (1 - 1 / p), abs=1e-4)


def test_the_divergence_of_squares_at_samples_is_both_zero_centred_penalties():
    a, b = torch.randn(48, 5).double() / 10, torch.randn(5).double()
    args = judged(Scored(lambda x: softplus(x.flatten(1) @ a) @ b), *images())
    torch.testing.assert_close(Divergence(power=2, where="samples")(*args), R1()(*args) + R2()(*args))


def test_dragan_goes_a_share_of_its_own_for_each_real_towards_uniform_noise_of_half_their_spread():
    real, fake = images(2000)
    critic = linear(torch.ones(48).double() / 48)
    value = Dragan()(*judged(critic, 3 * real, fake))
    noise = (critic.shown - 3 * real) / (0.5 * 3 * real.std(correction=0))
    assert noise.min() > 0 and noise.max() < 1
    most = noise.flatten(1).amax(1)  # of 48 numbers up to alpha: next to alpha
    assert torch.histc(most, 4, 0, 1).min() > 400 and noise.mean().item() == pytest.approx(0.25, abs=0.01)
    within = noise / noise.flatten(1).mean(1)[:, None, None, None] / 2  # uniform again, once alpha is divided out
    assert within.var().item() == pytest.approx(1 / 12, rel=0.03)
    assert value.item() == pytest.approx((48**-0.5 - 1) ** 2)


class Dropped(nn.Module):
    """A linear head on inputs of which a share is kept."""

    def __init__(self, w: Tensor, keep: float) -> None:
        super().__init__()
        self.w, self.keep = nn.Parameter(w), keep

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        h = dropout(x.flatten(1), 1 - self.keep)
        return Verdict(h @ self.w, h)


@pytest.mark.parametrize("keep", [0.5, 0.8, 1.0])
def test_two_looks_under_dropout_differ_by_twice_its_variance(keep):
    w, h = torch.randn(2, 6).double()
    pair = h.expand(40_000, 6).reshape(-1, 6, 1, 1), torch.zeros(1, 6, 1, 1).double()
    variance = h.square() * (1 - keep) / keep
    for features in (0.0, 0.1):
        expected = 2 * (w.square() * variance).sum() + features * 2 * variance.mean()
        value = Consistency(features=features)(*judged(Dropped(w, keep), *pair))
        torch.testing.assert_close(value, expected, rtol=0.03, atol=0)


def test_features_of_reduced_precision_are_compared_in_full():
    looks = iter(torch.tensor([0.0, 0.0, 256.0, 0.5]).bfloat16().reshape(4, 1, 1))  # real, fake, and two looks

    class Coarse(nn.Module):
        def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
            return Verdict(torch.zeros(1), next(looks))

    value = Consistency()(*judged(Coarse(), *torch.zeros(2, 1, 1, 1, 1)))
    assert value.item() == pytest.approx(0.1 * 255.5**2)  # to bfloat16, 255.5 is 256


def test_slack_is_taken_from_each_samples_sum_of_both_distances():
    def looks(first: float, second: float, slack: float) -> float:
        scores = iter([torch.zeros(2), torch.zeros(2), torch.zeros(2), torch.tensor([first, second])])
        critic = Scored(lambda x: next(scores))  # real, fake, and two looks
        return Consistency(slack=slack)(*judged(critic, torch.ones(2, 1, 1, 1), torch.ones(2, 1, 1, 1))).item()

    assert looks(0.1, 0.5, 0.04) == pytest.approx((0 + 0.21) / 2)
    assert looks(0.1, 0.5, 0) == pytest.approx((0.01 + 0.25) / 2)


def test_the_quadratic_potentials_best_critic_on_two_points():
    def two(x: list[int]) -> Tensor:
        return torch.tensor(x).double().reshape(-1, 1, 1, 1)

    # p is 3/4 at 1, q is 3/4 at 0; all pairs of them as often as they meet
    real, fake = two([1] * 9 + [0] + [1] * 3 + [0] * 3), two([0] * 9 + [1] + [1] * 3 + [0] * 3)
    for lam, distance in ((10.0, 1.0), (3.0, 0.5)):
        best = lam * distance * (9 - 1) / (9 + 1)
        critic = linear(torch.tensor([best / distance]).double())
        args = judged(critic, real * distance, fake * distance)
        loss = QuadraticPotential(lam)(*args) + Wasserstein().critic(args[1].score, args[2].score)
        (g,) = torch.autograd.grad(loss, list(critic.parameters()))
        assert abs(g.item()) < 1e-6


@pytest.mark.parametrize(("distance", "d"), [("l1", 2.0), ("l2", 6.5**0.5)])
def test_the_quadratic_potential_where_no_real_is_a_fake(distance, d):
    fake = torch.randn(4, 1, 2, 2).double()
    real = fake + torch.tensor([[3.0, -1.0], [0.0, 4.0]]).double()
    scores = iter([torch.full((4,), 10 * d), torch.zeros(4)])  # lambda times the distance apart is the best
    args = judged(Scored(lambda x: next(scores)), real, fake)
    loss = QuadraticPotential(10, distance)(*args) + Wasserstein().critic(args[1].score, args[2].score)
    assert loss.item() == pytest.approx(-10 * d / 2)


@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_the_quadratic_potential_where_every_real_is_a_fake(distance):
    critic, same = linear(torch.randn(48).double()), images()[0]
    value = QuadraticPotential(distance=distance)(*judged(critic, same, same))
    (g,) = torch.autograd.grad(value, list(critic.parameters()))
    assert value.item() == 0 and g.count_nonzero() == 0


def test_drifts_derivative_is_twice_the_score():
    critic = Scored(lambda x, b: x.flatten() + b, torch.tensor(0.3).double())
    real, fake = torch.tensor([1.0, -4.0]).double().reshape(2, 1, 1, 1), torch.zeros(2, 1, 1, 1).double()
    value = Drift()(*judged(critic, real, fake))
    assert value.item() == pytest.approx((1.3**2 + 3.7**2) / 2)
    (g,) = torch.autograd.grad(value, list(critic.parameters()))
    assert g.item() == pytest.approx(1.3 - 3.7)


@pytest.mark.parametrize(("kind", "fields", "words"), [
    (GradientPenalty, {"target": -1.0}, "target is -1.0"),
    (Dragan, {"spread": 0.0}, "spread is 0.0"),
    (Divergence, {"power": 1.0}, "power is 1.0"),
    (Divergence, {"where": "reals"}, "between or samples, not 'reals'"),
    (Consistency, {"slack": -0.1}, "slack is -0.1"),
    (QuadraticPotential, {"scale": 0.0}, "scale is 0.0"),
    (QuadraticPotential, {"distance": "l3"}, "l1 or l2, not 'l3'"),
    (R1, {"weight": -1.0}, "R1's weight is -1.0"),
    (Drift, {"every": 0}, "due every 0 rounds"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(kind, fields, words):
    with pytest.raises(Mistake, match=words):
        kind(**fields)
