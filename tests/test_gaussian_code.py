"""Normal codes: a divergence in closed form, and draws that gradients pass through."""

from __future__ import annotations

import torch
from torch.distributions import Normal, kl_divergence

from saddle.layers.gaussian_code import gaussian_kl, reparameterise, split_gaussian
from saddle.parts import Shard, use_shard


def test_divergence_from_the_prior_is_that_of_torch():
    mean, log_variance = torch.randn(2, 5, 3, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).flatten(1).sum(1)
    torch.testing.assert_close(gaussian_kl(mean, log_variance), expected)
    assert (expected > 0).all() and (gaussian_kl(*torch.zeros(2, 1, 4)) == 0).all()


def test_an_answer_is_mean_and_log_variance_in_full_precision():
    mean, log_variance = split_gaussian(torch.tensor([[1.0, 2.0, -99.0, 99.0]], dtype=torch.bfloat16))
    assert mean.tolist() == [[1, 2]] and log_variance.tolist() == [[-10, 10]] and mean.dtype == torch.float32


def test_gradients_of_a_draw_are_finite_differences_of_the_same_noise():
    def draw(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
        with use_shard(Shard(rng=torch.Generator().manual_seed(1))):
            return reparameterise(mean, log_variance)

    code = torch.randn(2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(draw, tuple(code))
    with torch.no_grad():
        many = draw(torch.full((40_000, 1), 2.0), torch.full((40_000, 1), 0.25).log())
    assert abs(many.mean() - 2) < 0.01 and abs(many.std() - 0.5) < 0.01
