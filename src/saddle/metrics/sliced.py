"""Wasserstein distances along random directions: of features, and of the patches of images at every scale."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import require
from ..image_size import ImageSize
from .lazy_images import LazyImages, index_blocks

PATCH_SIDE = 7
SMALLEST_SCALE = 16  # pixels: the coarsest scale that patches are taken from
BINOMIAL_FILTER = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def wasserstein_1d(x: Tensor, y: Tensor) -> Tensor:
    """The exact 1-Wasserstein distance of samples on a line, column by column: (n, k) and (m, k) to (k,)."""
    x, y = x.sort(0).values, y.sort(0).values
    n, m = len(x), len(y)
    if n == m:
        return (x - y).abs().mean(0)
    ours, theirs = torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n
    levels: Tensor = torch.unique(torch.cat((ours, theirs)))  # steps of either quantile function, in 1 / nm
    i, j = torch.searchsorted(ours, levels), torch.searchsorted(theirs, levels)
    width = levels.diff(prepend=levels.new_zeros(1)).to(x) / (n * m)
    apart: Tensor = x[i.to(x.device)] - y[j.to(x.device)]
    return (width[:, None] * apart.abs()).sum(0)


def sliced_wasserstein(x: Tensor, y: Tensor, directions: int = 512, seed: int = 0) -> float:
    """The mean 1-Wasserstein distance of features (n, d) and (m, d) along random unit directions, in float64."""
    require(
        x.ndim == y.ndim == 2 and x.shape[1] == y.shape[1],
        f"features shaped {tuple(x.shape)} and {tuple(y.shape)} must be matrices of one width",
    )
    require(min(len(x), len(y)) > 0 and directions > 0, "samples on both sides and at least one direction are needed")
    x, y = x.detach().double(), y.detach().double().to(x.device)
    dice = torch.Generator().manual_seed(seed)
    total = 0.0
    for count in _parts(directions, 128):  # so that few columns are held at once
        ways = torch.randn(x.shape[1], count, generator=dice, dtype=torch.float64)
        ways = (ways / ways.norm(dim=0)).to(x.device)
        total += float(wasserstein_1d(x @ ways, y @ ways).sum())
    return total / directions


def check_patch_size(size: ImageSize) -> None:
    """Refuse images that are smaller than the coarsest scale."""
    fits = min(size) >= SMALLEST_SCALE
    require(fits, f"patches are taken from images of {SMALLEST_SCALE} pixels or more, not {size}")


def patch_distances(
    real: LazyImages, fake: LazyImages, *, patches: int = 128, directions: int = 512, seed: int = 0
) -> dict[int, float]:
    """The distance of 7x7 patches, times 1000, at each scale down to 16 pixels (Karras et al. 2017, 1710.10196).

    Of each scale of the Laplacian pyramids of images (n, c, h, w), told by its shorter side, `patches` are taken from
    every image and brought to mean 0 and deviation 1 per channel. The mean over scales is the paper's last column; its
    images are squares. From memory: the normalisation, and the mirrored border of the pyramid's filter.
    """
    require(real.shape[1:] == fake.shape[1:], f"images of one shape were expected: {real.shape[1:]}, {fake.shape[1:]}")
    size = ImageSize(*real.shape[2:])
    check_patch_size(size)
    dice = torch.Generator().manual_seed(seed)
    sizes, both = pyramid_sizes(size), (real, fake)
    places = [(height - PATCH_SIDE + 1) * (width - PATCH_SIDE + 1) for height, width in sizes]
    corners = [[torch.randint(n, (x.shape[0], patches), generator=dice) for x in both] for n in places]
    ours, theirs = (_patches(images, at) for images, at in zip(both, zip(*corners, strict=True), strict=True))
    return {
        min(size): 1000 * sliced_wasserstein(x, y, directions, seed)
        for size, x, y in zip(sizes, ours, theirs, strict=True)
    }


def pyramid_sizes(size: ImageSize) -> list[ImageSize]:
    """The scales of a pyramid, in pixels, finest first; the last has 16 to 31 on its shorter side, or no halves."""
    halves = min(size) // 2 >= SMALLEST_SCALE and size.height % 2 == 0 == size.width % 2
    return [size, *(pyramid_sizes(ImageSize(size.height // 2, size.width // 2)) if halves else [])]


def laplacian_pyramid(images: Tensor) -> list[Tensor]:
    """What each scale adds to the coarser one, finest first; the last is the image there."""
    levels = []
    for _ in pyramid_sizes(ImageSize(*images.shape[2:]))[1:]:
        small = _blur(images)[:, :, ::2, ::2]
        levels.append(images - _enlarged(small))
        images = small
    return [*levels, images]


def _blur(images: Tensor) -> Tensor:
    row = torch.tensor(BINOMIAL_FILTER, dtype=images.dtype, device=images.device)
    kernel = torch.outer(row, row).expand(images.shape[1], 1, 5, 5)
    return F.conv2d(F.pad(images, (2, 2, 2, 2), mode="reflect"), kernel, groups=images.shape[1])


def _enlarged(images: Tensor) -> Tensor:
    """Twice the size: zeros in between, blurred, and four times as bright to make up for them."""
    n, c, h, w = images.shape
    spread = images.new_zeros(n, c, 2 * h, 2 * w)
    spread[:, :, ::2, ::2] = images
    return 4 * _blur(spread)


def _patches(images: LazyImages, corners: Sequence[Tensor]) -> list[Tensor]:
    """Of each scale, (n * count, c * 49) patches, each channel with mean 0 and deviation 1 over all of them."""
    cut = [[_cut(level, corner[rows]) for level, corner in zip(laplacian_pyramid(images[rows]), corners, strict=True)]
           for rows in index_blocks(images)]  # fmt: skip
    return [_evened(torch.cat(scale)) for scale in zip(*cut, strict=True)]


def _cut(images: Tensor, corner: Tensor) -> Tensor:
    """(n * count, 7, 7, c) patches of images (n, c, h, w), at corners (n, count) counted along the rows."""
    n, c, _, w = images.shape
    corner = corner.to(images.device)
    across = torch.arange(PATCH_SIDE, device=images.device)
    y = (corner // (w - PATCH_SIDE + 1))[..., None] + across
    x = (corner % (w - PATCH_SIDE + 1))[..., None] + across
    which = torch.arange(n, device=images.device)[:, None, None, None]
    return images.detach().movedim(1, 3)[which, y[..., :, None], x[..., None, :]].reshape(-1, PATCH_SIDE, PATCH_SIDE, c)


def _evened(patches: Tensor) -> Tensor:
    flat = patches.reshape(-1, patches.shape[-1])
    flat = (flat - flat.mean(0)) / flat.std(0).clamp(min=1e-8)
    return flat.view(len(patches), -1)


def _parts(total: int, step: int) -> list[int]:
    return [min(step, total - start) for start in range(0, total, step)]
