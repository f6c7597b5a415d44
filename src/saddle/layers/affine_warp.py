"""Pictures moved, turned and stretched, each by a matrix of its own; slopes pass through, and slopes of slopes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import affine_grid

CUBIC, REFLECT, CENTRES = 2, 2, True  # how aten numbers an interpolation and a border; mirrors stand in pixels' middles


def warp_images(x: Tensor, source: Tensor) -> Tensor:
    """The pictures x (n, c, h, w) after their matrices (n, 3, 3), which say where each pixel comes from.

    In pixels from the middle, across and down, and so right for pictures that are no squares. Between pixels it is
    cubic; beyond the border stands the mirror image, without the last pixel, as numpy pads. No gradient for matrices.
    """
    scale = source.new_ones(3)
    scale[0], scale[1] = (x.shape[3] - 1) / 2, (x.shape[2] - 1) / 2  # from the middle to the last pixel's middle
    unit = (source * scale / scale[:, None])[:, :2]  # from -1 to 1 in both directions, as grids are
    grid = affine_grid(unit, [len(x), 1, *x.shape[2:]], align_corners=CENTRES).to(x.dtype)
    warped: Tensor = GridSample.apply(x, grid)  # type: ignore[no-untyped-call]
    return warped


class GridSample(torch.autograd.Function):
    """Each pixel from its place in a grid; linear, and differentiable twice, which torch's own is not."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.sides = x.shape[2:]
        return torch.grid_sampler_2d(x, grid, CUBIC, REFLECT, CENTRES)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return GridSampleTranspose.apply(slope, grid, ctx.sides), None  # type: ignore[no-untyped-call]


class GridSampleTranspose(torch.autograd.Function):
    """The transpose of Gather: each pixel to its place. On a GPU torch sums it in no fixed order."""

    @staticmethod
    def forward(ctx: Any, slope: Tensor, grid: Tensor, sides: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        like = slope.new_empty(*slope.shape[:2], *sides)
        back = torch.ops.aten.grid_sampler_2d_backward
        given: Tensor = back(slope, like, grid, CUBIC, REFLECT, CENTRES, [True, False])[0]
        return given

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return GridSample.apply(slope, grid), None, None  # type: ignore[no-untyped-call]


def translation_matrix(across: Tensor, down: Tensor) -> Tensor:
    """Matrices (n, 3, 3) of shifts by so many pixels (n,)."""
    one, none = torch.ones_like(across), torch.zeros_like(across)
    return affine_matrix(one, none, across, none, one, down)


def rotation_matrix(angle: Tensor) -> Tensor:
    """Matrices (n, 3, 3) of turns by angles (n,), in radians."""
    cos, sin, none = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return affine_matrix(cos, -sin, none, sin, cos, none)


def scale_matrix(across: Tensor, down: Tensor) -> Tensor:
    """Matrices (n, 3, 3) of factors (n,); -1 mirrors."""
    none = torch.zeros_like(across)
    return affine_matrix(across, none, none, none, down, none)


def affine_matrix(*six: Tensor) -> Tensor:
    none, one = torch.zeros_like(six[0]), torch.ones_like(six[0])
    return torch.stack([*six, none, none, one], 1).view(-1, 3, 3)
