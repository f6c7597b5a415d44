"""R1 and R2 by a point nearby, where its expectation, its variance and its bias are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from saddle.clock import Clock
from saddle.core import Judge, Verdict, as_leaf
from saddle.data.toys import toy_modes
from saddle.errors import Mistake
from saddle.games import Adversarial
from saddle.layers.spectral import add_spectral_norms
from saddle.layers.views import Noise
from saddle.metrics.modes import count_mixture_modes
from saddle.networks import Convolutional, Perceptron
from saddle.parts import Shard, use_shard
from saddle.penalties import R1, R2
from saddle.penalties.gradients import weight_by_size
from saddle.recipes.r3gan import falling, toy
from saddle.shape import Shape
from saddle.theory.modes import sample_points, train_on_toy


class Formula(nn.Module):
    """A critic that is a formula of flat samples."""

    def __init__(self, formula: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.formula, self.bias = formula, nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        return Verdict(self.formula(x.flatten(1)) + self.bias, x)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def images(flat: Tensor) -> Tensor:
    return flat[:, :, None, None]


def twice(penalty: R1, critic: nn.Module, x: Tensor, **how: object) -> Tensor:
    """The mean squared change, which is twice R1, at these images."""
    judge = Judge(critic, Clock(), **how)  # type: ignore[arg-type]
    return 2 * penalty(judge, judge(x), judge(x.flip(0)))


def excess(formula: Callable[[Tensor], Tensor], slope: Tensor, x: Tensor, distance: float) -> tuple[float, float]:
    """By how much it exceeds (g e)^2 with the same e, and the standard error: the bias, without most of the chance."""
    with use_shard(Shard(rng=torch.Generator().manual_seed(3))):
        value = twice(R1(nearby=distance), Formula(formula), images(x))
    e = torch.randn(*x.shape, generator=torch.Generator().manual_seed(3), dtype=x.dtype)
    line = (slope * e).sum(1).square()
    each = ((formula(x + distance * e) - formula(x)) / distance).square() - line
    assert value.item() == pytest.approx((each + line).mean().item())
    return each.mean().item(), each.std().item() / len(x) ** 0.5


def test_a_linear_critic_has_its_squared_slope_for_any_distance_with_twice_its_square_as_variance():
    w = torch.tensor([0.5, -1.0, 2.0]).double()
    for distance in (0.01, 3.0):
        critic = Formula(lambda x: x @ w + 1)
        x = torch.zeros(500, 3, 1, 1).double()
        drawn = torch.stack([twice(R1(nearby=distance), critic, x).detach() for _ in range(500)])
        slope = w.square().sum()
        assert abs(drawn.mean() - slope) < 4 * slope * (2 / 250_000) ** 0.5
        assert (500 * drawn.var() / slope**2).item() == pytest.approx(2, rel=0.25)


def test_curvature_adds_what_its_closed_form_says():
    A = torch.randn(6, 6).double()
    A, b, x = A + A.T, torch.randn(6).double(), torch.randn(1, 6).double().expand(100_000, -1)
    for distance in (0.3, 1.0):
        more, error = excess(lambda x: ((x @ A) * x).sum(1) / 2 + x @ b, x[:1] @ A + b, x, distance)
        trace, square = A.trace(), (A @ A).trace()
        assert abs(more - (distance**2 / 4 * (2 * square + trace**2)).item()) < 4 * error


def test_a_bend_takes_away_and_a_wave_gives_what_their_closed_forms_say():
    x = (2 * torch.rand(1_000_000, 1) - 1).double()
    more, error = excess(lambda x: leaky_relu(x, 0.2)[:, 0], torch.where(x > 0, 1.0, 0.2), x, 0.05)
    assert abs(more + math.sqrt(2 / math.pi) / 3 * 0.5 * 0.05 * 0.8**2) < 4 * error < 1.5e-3
    x, s = torch.full((200_000, 1), 0.4).double(), 0.05
    more, error = excess(lambda x: (3 * x).sin()[:, 0], 3 * (3 * x[:1]).cos(), x, s)
    mean, mean_square = math.sin(1.2) * math.exp(-4.5 * s * s), (1 - math.cos(2.4) * math.exp(-18 * s * s)) / 2
    exact = (mean_square - 2 * math.sin(1.2) * mean + math.sin(1.2) ** 2) / s**2
    assert abs(more - (exact - 9 * math.cos(1.2) ** 2)) < 4 * error and exact > 9 * math.cos(1.2) ** 2


def test_the_gradient_goes_through_both_scores():
    w = torch.tensor([0.5, -1.0, 2.0], requires_grad=True)
    e = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(3))
    with use_shard(Shard(rng=torch.Generator().manual_seed(3))):
        (g,) = torch.autograd.grad(twice(R1(nearby=0.1), Formula(lambda x: x @ w), torch.ones(200_000, 3, 1, 1)), w)
    torch.testing.assert_close(g, 2 * ((e @ w.detach())[:, None] * e).mean(0), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(g, 2 * w.detach(), rtol=0.05, atol=0.05)
    v = torch.tensor(1.5, requires_grad=True)  # D = v x^2: only the difference of both scores has this slope
    with use_shard(Shard(rng=torch.Generator().manual_seed(3))):
        (g,) = torch.autograd.grad(
            twice(R1(nearby=0.1), Formula(lambda x: v * (x**2).sum(1)), torch.ones(9, 3, 1, 1)), v
        )
    e = torch.randn(9, 3, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(g, 2 * 1.5 * ((2 * e + 0.1 * e**2).sum(1) ** 2).mean(), rtol=1e-3, atol=1e-3)


def test_reals_and_fakes_have_their_own_and_small_distances_come_to_the_slope():
    critic, real, fake = (
        Perceptron(width=16, depth=2).critic(Shape(2, 1, 1)).double(),
        *torch.randn(2, 64, 2, 1, 1).double(),
    )
    judge = Judge(critic, Clock())
    for near, exact in ((R1(nearby=1e-3), R1()), (R2(nearby=1e-3), R2())):
        drawn = torch.stack([near(judge, judge(real), judge(fake)).detach() for _ in range(100)])
        true = exact(judge, judge(as_leaf(real)), judge(as_leaf(fake))).item()
        assert abs(drawn.mean().item() - true) < 4 * drawn.std().item() / 10 + 0.01 * true


def test_a_share_is_spread_over_the_batch_and_has_the_same_expectation():
    def seen(n: int, share: float) -> list[int]:
        found: list[int] = []
        judge = Judge(Formula(lambda x: found.append(len(x)) or x[:, 0]), Clock())
        at = judge(torch.zeros(n, 2, 1, 1))
        R1(nearby=0.1, share=share)(judge, at, at)
        return found[1:]

    assert seen(8, 0.25) == [2] and seen(10, 0.25) == [2] and seen(8, 1.0) == [8] and seen(5, 0.5) == [2]
    with pytest.raises(Mistake, match=r"^a share of 0.1 of 5 samples is none; give share=0.2 or more$"):
        seen(5, 0.1)
    assert seen(5, 0.2) == [1]
    w = torch.tensor([0.5, -1.0, 2.0]).double()
    x = torch.zeros(4000, 3, 1, 1).double()
    drawn = torch.stack([twice(R1(nearby=0.1, share=0.25), Formula(lambda x: x @ w), x) for _ in range(50)])
    assert abs(drawn.mean() - 5.25) < 4 * 5.25 * (2 / 50_000) ** 0.5


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_parts_of_a_batch_come_to_what_the_whole_does(share):
    critic, x = Perceptron(width=8, depth=1).critic(Shape(2, 1, 1)).double(), torch.randn(8, 2, 1, 1).double()
    parts = []
    for count in (1, 2):
        for i in range(count):
            with use_shard(Shard(i, count, torch.Generator().manual_seed(5))):
                mine = x.chunk(count)[i]
                parts.append(twice(R1(nearby=0.1, share=share), critic, mine, views=(Noise(0.1),)))
    assert ((parts[1] + parts[2]) / 2).item() == pytest.approx(parts[0].item())


def test_labels_go_with_the_samples_that_are_taken():
    class Told(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
            assert condition is not None
            return Verdict(self.w * x.flatten(1)[:, 0] * condition, x)

    labels = torch.tensor([0, 3] * 4)
    assert twice(R1(nearby=0.1, share=0.5), Told(), torch.zeros(8, 2, 1, 1), condition=labels.flip(0)) == 0
    assert twice(R1(nearby=0.1, share=0.5), Told(), torch.zeros(8, 2, 1, 1), condition=labels) > 0


def test_what_is_drawn_or_written_in_a_pass_is_the_same_in_both():
    torch.manual_seed(1)
    x = torch.randn(512, 6, 1, 1)
    w = torch.randn(6)
    slope = w.square().sum().item()
    for critic, views in ((Formula(lambda x: nn.functional.dropout(x, 0.5) @ w), ()),
                          (Formula(lambda x: x @ w), (Noise(1.0),))):  # fmt: skip
        assert twice(R1(nearby=0.01), critic, x, views=views).item() < 4 * slope  # and not a variance by 1e-4
    critic = add_spectral_norms(Perceptron(width=8, depth=1).critic(Shape(6, 1, 1)))
    with torch.no_grad():
        for p in critic.parameters():
            p.normal_()  # whose power method is far from its end
    assert twice(R1(nearby=0.001), critic.train(), x).item() < 4
    norm = [b.clone() for b in critic.buffers()]
    critic(x)
    after_one = [b.clone() for b in critic.buffers()]
    for b, then in zip(critic.buffers(), norm, strict=True):
        b.copy_(then)
    judge = Judge(critic, Clock())
    at = judge(x)._replace(score=torch.zeros(512))
    for b, then in zip(critic.buffers(), norm, strict=True):
        b.copy_(then)
    R1(nearby=0.01)(judge, at, at)
    torch.testing.assert_close(list(critic.buffers()), after_one)  # one step of it, not two


def test_single_precision_is_enough_and_bfloat16_is_not_used():
    critic, x = Perceptron(width=256, depth=2).critic(Shape(3, 32, 32)), torch.rand(64, 3, 32, 32) * 2 - 1

    def value(autocast: bool, double: bool) -> float:
        as_is = (lambda t: t.double()) if double else (lambda t: t)
        with use_shard(Shard(rng=torch.Generator().manual_seed(7))), torch.autocast("cpu", torch.bfloat16, autocast):
            e_of_float32 = R1(nearby=0.01)
            judge = Judge(as_is(critic), Clock())
            at = judge(as_is(x))
            return e_of_float32(judge, at, at).item()

    full, low = value(False, False), value(True, False)
    assert low == full > 0
    e = torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(7)).double()
    critic.double()
    change = (critic(x.double() + 0.01 * e).score - critic(x.double()).score) / 0.01
    assert full == pytest.approx(change.square().mean().item() / 2, rel=1e-3)


def test_what_does_not_go_with_it_is_refused_with_what_does():
    for wrong, said in (({"nearby": -1.0}, "should be 0 or 0.0001 or more.*; give nearby=0.01$"),
                        ({"nearby": 1e-5}, "single precision"), ({"nearby": math.inf}, "R1's nearby is inf"),
                        ({"share": 0.5}, "give nearby=0.01 too, or leave share out$"),
                        ({"nearby": 0.1, "share": 0.0}, "R1's share is 0.0")):  # fmt: skip
        with pytest.raises(Mistake, match=said):
            R1(**wrong)
    assert R1(nearby=0.01, share=0.5).input_grad == "elsewhere" and R1().input_grad == "samples"
    pair, data = Convolutional(8, 8), Shape(1, 16, 16)
    with pytest.raises(Mistake, match=r"normal=False\)$"):
        Adversarial(pair.generator(data), pair.critic(data), 8, penalties=(R1(nearby=0.01),))
    plain = replace(pair, normal=False)
    assert Adversarial(plain.generator(data), plain.critic(data), 8, penalties=(R1(nearby=0.01),))


def test_a_weight_by_size_meets_the_authors_five():
    theirs = {32: (0.05, 0.5), 64: (2, 1), 256: (150,)}
    for side, gammas in theirs.items():
        ours = 1.5 * weight_by_size(torch.zeros(1, 3, side, side))
        assert all(1 / 3.4 < ours / gamma < 3.4 for gamma in gammas)
        assert ours == pytest.approx(math.prod(gammas) ** (1 / len(gammas)), rel=0.07)
    assert weight_by_size(torch.zeros(1, 3, 64, 64)) == 1 == weight_by_size(torch.zeros(1, 1, 32, 128))
    x = as_leaf(torch.randn(4, 3, 64, 32))
    judge = Judge(Perceptron(width=8, depth=1).critic(Shape(3, 64, 32)), Clock())
    at = judge(x)
    torch.testing.assert_close(R1(by_size=True)(judge, at, at), R1()(judge, at, at) * 10**-0.5)
    point = judge.critic, Judge(Perceptron(width=8, depth=1).critic(Shape(2, 1, 1)), Clock())
    with pytest.raises(Mistake, match="by_size=False"):
        R1(by_size=True)(point[1], spot := point[1](as_leaf(torch.zeros(3, 2, 1, 1))), spot)


@pytest.mark.slow
@pytest.mark.parametrize("how", [{}, {"nearby": 0.01}, {"nearby": 0.01, "share": 0.25}], ids=str)
def test_all_modes_of_the_ring_are_caught_either_way(how):
    recipe = replace(toy, penalties=(R1(falling, **how), R2(falling, **how)))
    points = sample_points(train_on_toy(recipe, "ring", 600, 0))
    assert count_mixture_modes(points, *toy_modes("ring")).modes == 8
