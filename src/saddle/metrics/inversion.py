"""How near can a generator come to given images? Small for those it covers (Metz et al. 2016; VEEGAN, 2017)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import require


def inference_error(
    generator: Callable[[Tensor], Tensor], images: Tensor, starts: Tensor, steps: int = 100, lr: float = 1.0
) -> Tensor:
    """IvOM: for each image the least mean squared error of G(z) over z, from several starts: (n,).

    `starts` is (restarts, n, size), latents to begin at. The figure depends on the optimiser, which is L-BFGS with a
    line search on the whole batch; name `steps` and the restarts with it.
    """
    require(
        starts.ndim == 3 and starts.shape[1] == len(images) > 0,
        f"starts (restarts, {len(images)}, size) were expected, not {tuple(starts.shape)}",
    )
    return torch.stack([_descend(generator, images.detach(), start, steps, lr) for start in starts]).amin(0)


def _descend(generator: Callable[[Tensor], Tensor], images: Tensor, start: Tensor, steps: int, lr: float) -> Tensor:
    z = start.detach().clone().requires_grad_()
    optimizer = torch.optim.LBFGS([z], lr=lr, max_iter=steps, history_size=20, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = _errors(generator(z), images).sum()
        (z.grad,) = torch.autograd.grad(value, z)
        return value

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        return _errors(generator(z), images)


def _errors(made: Tensor, images: Tensor) -> Tensor:
    return (made - images).flatten(1).square().mean(1)
