"""The gradient penalty on critics whose slopes are known in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from saddle.core import Clock, Judge, Judged, Shape, Verdict, leaf, weigh
from saddle.networks import Convolutional
from saddle.objectives import Wasserstein
from saddle.parts import Part, playing
from saddle.penalties import GradientPenalty


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
    return judge, judge(leaf(real)), judge(fake)


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
            with playing(Part(i, parts, torch.Generator().manual_seed(5))):
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
        value = value + weigh((GradientPenalty(weight),), *args)["GradientPenalty"]
        value.backward()
        return value

    optimizer.step(loss)
    w = next(critic.parameters()).item()
    assert w == pytest.approx(slope, abs=1e-4) and slope == 1 + distance / (2 * weight)
    gap = w * distance  # so the critic claims more than the distance, by distance^2 / (2 weight)
    assert gap - distance == pytest.approx(distance**2 / (2 * weight), abs=1e-3)


def test_second_derivatives_by_finite_differences():
    a, b = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((6, 5), (5,)))
    real, fake = torch.randn(2, 3, 6, 1, 1).double()

    def penalty(a: Tensor, b: Tensor) -> Tensor:
        critic = Scored(lambda x: softplus(x.flatten(1) @ a) @ b)
        with playing(Part(dice=torch.Generator().manual_seed(3))):
            return GradientPenalty()(*judged(critic, real, fake))

    assert torch.autograd.gradcheck(penalty, (a, b))
    assert torch.autograd.gradgradcheck(penalty, (a, b))


def test_a_flat_critic_is_pulled_and_not_broken():
    critic = linear(torch.zeros(48).double())
    value = GradientPenalty()(*judged(critic, *images()))
    (g,) = torch.autograd.grad(value, list(critic.parameters()))
    assert value.item() == pytest.approx(1, abs=1e-5) and g.isfinite().all()


def test_packs_are_joined_by_a_line_of_packs():
    w = torch.randn(2 * 48).double()
    critic = Scored(lambda x: x.reshape(len(x) // 2, -1) @ w)
    real, fake = images()
    torch.testing.assert_close(GradientPenalty()(*judged(critic, real, fake)), (w.norm() - 1) ** 2)
    t = ((critic.shown - fake) / (real - fake)).reshape(4, -1)
    torch.testing.assert_close(t, t[:, :1].expand_as(t), atol=1e-9, rtol=0)  # one for all samples of the pack


def test_a_patch_maps_slope_is_that_of_its_mean():
    w = torch.randn(5, 48).double()
    critic = Scored(lambda x: (x.flatten(1) @ w.T).reshape(len(x), 1, 1, 5))
    torch.testing.assert_close(GradientPenalty()(*judged(critic, *images())), (w.mean(0).norm() - 1) ** 2)


def test_reduced_precision_does_not_touch_it():
    D = Convolutional(4, 4, normal=False).critic(Shape(1, 16, 16))
    real, fake = torch.randn(2, 4, 1, 16, 16)
    grads = []
    for reduced in (False, True):
        with (
            playing(Part(dice=torch.Generator().manual_seed(3))),
            torch.autocast("cpu", torch.bfloat16, enabled=reduced),
        ):
            value = GradientPenalty()(*judged(D, real, fake))
        grads.append([value.detach(), *torch.autograd.grad(value, list(D.parameters()), allow_unused=True)])
    for a, b in zip(*grads, strict=True):
        assert (a is None and b is None) or torch.equal(a, b)


def test_lazy_penalties_are_rare_and_as_strong():
    args = judged(linear(torch.randn(48).double()), *images())
    once, lazy = GradientPenalty(10), GradientPenalty(10, every=4)
    terms = []
    for i in range(8):
        judge = Judge(args[0].critic, Clock(round=i))
        terms.append([weigh((penalty,), judge, *args[1:]) for penalty in (once, lazy)])
    assert [i for i, (_, due) in enumerate(terms) if due] == [0, 4]
    often, rarely = (sum(t.item() for due in which for t in due.values()) for which in zip(*terms, strict=True))
    assert often == pytest.approx(rarely)


def test_two_of_a_kind_are_told_apart():
    args = judged(linear(torch.randn(48).double()), *images())
    terms = weigh((GradientPenalty(1), GradientPenalty(3)), *args)
    assert list(terms) == ["GradientPenalty", "GradientPenalty#2"]
    torch.testing.assert_close(terms["GradientPenalty#2"], 3 * terms["GradientPenalty"])
