"""Instance noise: its law, that it is inside every look, and that samples stay as they are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from saddle.clock import Clock
from saddle.core import Judge, Verdict, as_leaf
from saddle.errors import Mistake
from saddle.layers.views import Noise
from saddle.optim import Linear
from saddle.parts import Shard, use_shard
from saddle.penalties.gradients import R1


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


class Bowl(nn.Module):
    """Half a square; it remembers what it saw."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        self.seen = x
        return Verdict(x.square().flatten(1).sum(1) / 2, x)


@pytest.mark.parametrize(("kind", "fourth"), [("normal", 3.0), ("uniform", 1.8)])
def test_noise_has_the_stated_variance_and_law(kind, fourth):
    x = torch.randn(4000, 2, 4, 4)
    noise = Noise(0.3, kind)(x, Clock()) - x
    assert noise.mean().abs() < 0.003
    assert noise.std().item() == pytest.approx(0.3, rel=0.01)
    assert (noise / 0.3).pow(4).mean().item() == pytest.approx(fourth, rel=0.03)  # the kurtosis tells them apart
    assert torch.corrcoef(noise[:, 0, 0].T).fill_diagonal_(0).abs().max() < 0.08  # each pixel has its own


def test_noise_is_annealed_by_the_clock():
    x, noise = torch.zeros(8, 1, 16, 16), Noise(Linear(0.5, until=0.5))
    spread = [noise(x, Clock(share=share)).std().item() for share in (0.0, 0.25, 0.5, 1.0)]
    assert spread == pytest.approx([0.5, 0.25, 0, 0], rel=0.05)


def test_every_look_has_fresh_noise_and_the_sample_has_none():
    x, critic = torch.randn(4, 1, 8, 8), Bowl()
    judge, seen = Judge(critic, Clock(), views=(Noise(0.1),)), []
    for _ in range(2):
        assert judge(x).sample is x
        seen.append(critic.seen)
    assert (seen[0] != seen[1]).all()


def test_slopes_are_those_at_the_noisy_point():
    x, critic = torch.randn(4, 1, 8, 8), Bowl()
    judge = Judge(critic, Clock(), views=(Noise(0.5),))
    real = judge(as_leaf(x))
    torch.testing.assert_close(R1()(judge, real, real), critic.seen.square().flatten(1).sum(1).mean() / 2)


def test_two_views_add_their_variances():
    critic = Bowl()
    Judge(critic, Clock(), views=(Noise(0.3), Noise(0.4, "uniform")))(torch.zeros(1000, 1, 8, 8))
    assert critic.seen.std().item() == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_parts_of_a_batch_have_the_noise_of_the_whole(kind):
    x, noise = torch.randn(8, 1, 4, 4), Noise(0.1, kind)
    seen = []
    for parts in (1, 2):
        for i, rows in enumerate(x.chunk(parts)):
            with use_shard(Shard(i, parts, torch.Generator().manual_seed(5))):
                seen.append(noise(rows, Clock()))
    assert torch.equal(seen[0], torch.cat(seen[1:]))


def test_a_generators_reduced_precision_does_not_give_its_noise_away():
    x = torch.zeros(4, 1, 4, 4)
    looks = []
    for sample in (x, x.bfloat16()):
        with use_shard(Shard(rng=torch.Generator().manual_seed(5))):
            looks.append(Noise(0.1)(sample, Clock()))
    assert torch.equal(*looks)


def test_noise_gives_two_points_apart_a_finite_divergence():
    """The best critic of two points sees them perfectly; of two blurs it errs, and its slope is distance / std^2."""
    distance, std = 1.0, 0.7
    score = nn.Linear(1, 1).double()
    real, fake = (torch.full((20_000, 1, 1, 1), at).double() for at in (distance, 0.0))
    with torch.no_grad():
        score.weight.fill_(distance / std**2)
        score.bias.fill_(-(distance**2) / (2 * std**2))
    noise = Noise(std)
    seen = [noise(x, Clock()).flatten(1) for x in (real, fake)]
    loss = nn.functional.softplus(-score(seen[0])).mean() + nn.functional.softplus(score(seen[1])).mean()
    gradients = torch.autograd.grad(loss, list(score.parameters()))
    assert all(g.abs() < 0.01 for g in gradients)  # it is the best one


@pytest.mark.parametrize(("fields", "words"), [
    ({"std": -0.1}, "std is -0.1"), ({"std": float("nan")}, "std is nan"), ({"kind": "cauchy"}, "not 'cauchy'"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(fields, words):
    with pytest.raises(Mistake, match=words):
        Noise(**fields)
