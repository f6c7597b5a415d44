"""AC-GAN's known bias: of classes that overlap it is drawn to what is easily named."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from saddle.clock import Clock
from saddle.core import Judge, Verdict, as_leaf
from saddle.networks import Perceptron
from saddle.networks.ac_gan import Classifying
from saddle.penalties import Classification
from saddle.shape import Classes, Shape

MEANS = torch.tensor([-1.5, 0.0, 1.5])  # of three unit normals, each a class
POINT = Shape(2, 1, 1, Classes(3))


class Bayes(nn.Module):
    """The best critic where the samples are right: nothing to tell apart, and every class named by its odds."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        x = x.flatten(1)[:, 0]
        return Verdict(torch.zeros_like(x), (), -(x[:, None] - MEANS).square() / 2)


def test_the_class_term_pulls_the_classes_of_a_perfect_sampler_apart():
    """By the mean of y moves E[-log C(y|x)] at the rate E[sum_k C_k(x) mean_k] - mean_y, which is zero for no class."""
    y = torch.arange(3).repeat_interleave(20_000)
    noise, own = torch.randn(len(y), generator=torch.Generator().manual_seed(0)), MEANS.clone().requires_grad_()
    judge = Judge(Bayes(), Clock(), y)
    x = (own[y] + noise).view(-1, 1, 1, 1)
    loss = Classification()(judge, judge(as_leaf(x.detach())), judge(x))
    (pull,) = torch.autograd.grad(loss, own)
    odds = judge(x.detach()).logits.softmax(1)
    expected = torch.stack([(odds[y == k] @ MEANS - MEANS[k]).mean() / 3 for k in range(3)])
    torch.testing.assert_close(pull, expected, atol=1e-5, rtol=0)
    assert pull[0] > 0.1 and pull[2] < -0.1 and pull[1].abs() < 0.01  # descending, the outer ones leave


def test_the_class_head_comes_to_the_best_accuracy_there_is():
    """Of unit normals 1.5 apart: (2 P(z < .75) + P(|z| < .75)) / 3, whatever the critic makes of real and made."""
    torch.manual_seed(0)
    critic = Classifying(Perceptron(2, 32, 1)).critic(POINT)
    optimizer = torch.optim.Adam(critic.parameters(), 3e-3)
    for _ in range(300):
        x, y = overlapping(256)
        judge = Judge(critic, Clock(), y)
        optimizer.zero_grad()
        Classification()(judge, judge(x), judge(x)).backward()
        optimizer.step()
    x, y = overlapping(20_000)
    below = float(torch.special.ndtr(torch.tensor(0.75)))
    with torch.no_grad():
        right = float((critic(x, y).logits.argmax(1) == y).float().mean())
    assert abs(right - (4 * below - 1) / 3) < 0.01


def overlapping(n: int) -> tuple[Tensor, Tensor]:
    """Points whose first coordinate tells of the class, and whose second tells nothing."""
    y, points = torch.randint(3, (n,)), torch.randn(n, 2)
    points[:, 0] += MEANS[y]
    return points.view(n, 2, 1, 1), y
