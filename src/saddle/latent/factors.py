"""Directions that need no labels: those in which most changes, and those in which styles vary most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from ..devices import wide
from ..errors import Mistake, require
from ..inference.chance import SharedDraws
from .directions import Direction
from .space import TYPICAL_DRAWS, TYPICAL_SEED, LatentSpace
from .styles import StyleSpace

PRINCIPAL_DRAWS = 10_000


def largest_changes(matrices: Sequence[Tensor], count: int) -> Tensor:
    """Orthonormal rows (count, inputs), n of largest |A n|^2 summed over matrices (outputs, inputs), largest first.

    Eigenvectors of the sum of A^T A: Shen & Zhou 2020 (2007.06600), equation 7. Each has its largest number positive.
    """
    gram = torch.stack([wide(a).T @ wide(a) for a in matrices]).sum(0)
    return leading_eigenvectors(gram, count).to(matrices[0])


def leading_eigenvectors(symmetric: Tensor, count: int) -> Tensor:
    size = len(symmetric)
    require(1 <= count <= size, f"count is {count}, but there are 1 to {size} directions")
    rows: Tensor = torch.linalg.eigh(symmetric).eigenvectors.T.flip(0)[:count]
    return rows * rows.gather(1, rows.abs().argmax(1, keepdim=True)).sign()


def closed_form_directions(space: LatentSpace, count: int, layers: Sequence[int] | None = None) -> list[Direction]:
    """SeFa's: in which what first reads a latent changes most; strength 1 is a standard deviation of latents.

    Of styles that is what each layer makes of its own, of these `layers` alone where some are given; of other latents
    it is what the first layer makes. Shen & Zhou 2020 (2007.06600).
    """
    if isinstance(space, StyleSpace):
        every = style_matrices(space)
        chosen = [a for layer, a in every if layers is None or layer in layers]
        require(bool(chosen), "no layer of this run's generator reads a style by a linear layer")
        return scaled(space, largest_changes(chosen, count), "sefa", layers)
    require(layers is None, "layers have styles of their own in a style-based generator only; leave out the layers")
    return scaled(space, largest_changes([first_matrix(space)], count), "sefa")


def principal_directions(space: LatentSpace, count: int, layers: Sequence[int] | None = None,
                         samples: int = PRINCIPAL_DRAWS) -> list[Direction]:  # fmt: skip
    """In which styles vary most, each a standard deviation long, for these layers: Harkonen et al. 2020 (GANSpace)."""
    if not isinstance(space, StyleSpace):
        raise Mistake("this run has no styles, and its latents vary alike in all directions; "
                      "ask for sefa")  # fmt: skip
    w = space.draw_w(samples, TYPICAL_SEED)
    return scaled(space, leading_eigenvectors(wide(w).T.cov(), count).to(w), "pca", layers)


def scaled(space: LatentSpace, units: Tensor, name: str, layers: Sequence[int] | None = None) -> list[Direction]:
    """Unit rows as directions of the space, each as long as latents deviate along it; styles in some layers alone."""
    if not isinstance(space, StyleSpace):
        drawn = space.draw(TYPICAL_DRAWS, TYPICAL_SEED)
        lengths = (drawn.flatten(1) @ units.T.to(drawn)).std(0)
        vectors = (units.to(drawn) * lengths[:, None]).reshape(-1, *drawn.shape[1:])
    else:
        w, count = space.draw_w(TYPICAL_DRAWS, TYPICAL_SEED), space.layers
        within = torch.zeros(count, 1, device=w.device)
        within[list(range(count) if layers is None else layers)] = 1
        vectors = (units.to(w) * (w @ units.T.to(w)).std(0)[:, None])[:, None] * within
    return [Direction(vector.cpu(), f"{name}-{i}") for i, vector in enumerate(vectors)]


@torch.no_grad()
def style_matrices(space: StyleSpace) -> list[tuple[int, Tensor]]:
    """Of every linear layer that reads the style of a layer as it is: which layer's, and its (outputs, w_dim).

    They are found by what they are given, so that a generator of any making has them.
    """
    ws, game = space.draw_w(space.layers, TYPICAL_SEED), deepcopy(space.styled)
    readers: list[tuple[int, nn.Module]] = []

    def notice(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        x = inputs[0] if inputs else None
        if isinstance(x, Tensor) and x.shape == ws[:1].shape:
            readers.extend((i, module) for i, w in enumerate(ws) if torch.equal(x[0].to(w), w))

    watch_dense(game, notice)
    game.synthesize(ws[None], noise=False)
    return [(layer, linear_part(module, ws)) for layer, module in list(readers)]


def linear_part(module: nn.Module, like: Tensor) -> Tensor:
    """The matrix (outputs, inputs) of a layer y = A x + b, whatever scales its weights."""
    out: Tensor = module(origin_and_units(like))
    return (out[1:] - out[:1]).T


@torch.no_grad()
def first_matrix(space: LatentSpace) -> Tensor:
    """(outputs, size of a latent): what the first layer makes of latents, the label being one and the same."""
    latents, told, game = space.draw(1, 0), space.labels(1, 0), deepcopy(space.game)
    probe = origin_and_units(latents.flatten(1))

    def notice(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        if isinstance(output, Tensor) and len(output) == len(probe):
            made = output.flatten(1)
            if not torch.equal(made, made[:1].expand_as(made)):  # not what is made of labels
                raise ReachedFirst(made)

    watch_dense(game, notice)
    try:
        with SharedDraws(space.device, 0, 0, len(probe)):
            game.make(probe.reshape(-1, *latents.shape[1:]), None if told is None else told.expand(len(probe)))
    except ReachedFirst as reached:
        return (reached.made[1:] - reached.made[:1]).T
    raise Mistake("this run makes samples without a layer of weights that reads latents")


class ReachedFirst(Exception):
    """The first layer has made this, and no more is wanted."""

    def __init__(self, made: Tensor) -> None:
        super().__init__()
        self.made = made


def watch_dense(game: object, notice: Callable[[nn.Module, tuple[object, ...], object], None]) -> None:
    """Have this called whenever a layer with a matrix or kernel of weights has run."""
    assert isinstance(game, nn.Module), "games are modules"
    for module in game.modules():
        if isinstance(weight := getattr(module, "weight", None), Tensor) and weight.ndim >= 2:
            module.register_forward_hook(notice)


def origin_and_units(like: Tensor) -> Tensor:
    """0 and the unit vectors, (1 + size, size), for rows (n, size)."""
    unit = torch.eye(like.shape[1], device=like.device, dtype=like.dtype)
    return torch.cat((torch.zeros_like(unit[:1]), unit))
