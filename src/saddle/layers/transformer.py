"""Transformers on patches: where a patch is, attention that is told it by turning, gated layers. Vaswani et al. 2017.

A picture is cut into square patches, row by row; each becomes a token, (n, tokens, width).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from ..core import upcast
from ..image_size import ImageSize
from .init import glorot_uniform, zero_bias

WAVES = 10_000.0  # the longest wave of places, in steps of 2 pi patches


def wave_angles(positions: Tensor, count: int) -> Tensor:
    """Places (tokens,) as angles of so many waves, (tokens, count), from 1 down to nearly 1 / WAVES for each patch."""
    return positions[:, None] * WAVES ** (-torch.arange(count) / count)


def grid_positions(grid: ImageSize) -> tuple[Tensor, Tensor]:
    """The row and the column of each patch, (tokens,) each."""
    rows, columns = torch.meshgrid(*(torch.arange(float(side)) for side in grid), indexing="ij")
    return rows.flatten(), columns.flatten()


def sine_table(width: int, grid: ImageSize) -> Tensor:
    """What is added to a token for its place, (tokens, width): sines and cosines of its column, then of its row."""
    rows, columns = grid_positions(grid)
    angles = [wave_angles(places, width // 4) for places in (columns, rows)]
    return torch.cat([part for a in angles for part in (a.sin(), a.cos())], 1)


def rotary_turns(head: int, grid: ImageSize, others: int = 0) -> Tensor:
    """Cosine and sine of how far each pair of a head of this width is turned, (2, tokens, head / 2): half of the pairs
    by row, half by column.

    The tokens begin with `others` that have no place, which nothing turns. Su et al. 2021, in two dimensions.
    """
    angles = torch.cat([wave_angles(places, head // 4) for places in grid_positions(grid)], 1)
    angles = torch.cat([angles.new_zeros(others, head // 2), angles])
    return torch.stack([angles.cos(), angles.sin()])


def rotate(x: Tensor, turns: Tensor) -> Tensor:
    """Numbers i and i + d/2 of each token (..., tokens, d), as a pair, turned as its place is."""
    (a, b), (cos, sin) = x.chunk(2, -1), turns
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class RMSNorm(nn.Module):
    """Each vector over its root mean square, times a gain for each number, in full precision. Zhang & Sennrich 2019."""

    def __init__(self, width: int, gain: bool = True) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width)) if gain else None

    def forward(self, x: Tensor) -> Tensor:
        x = upcast(x)
        x = x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()
        return x if self.gain is None else x * self.gain


class PatchAttention(nn.Module):
    """Attention between all tokens, (n, tokens, width) either way, whose queries and keys are normalised per head.

    They are turned by their places, so that what a token makes of another depends on how far apart they are. Fused
    attention cannot be differentiated twice; for slopes of slopes it is written out.
    """

    def __init__(self, width: int, head: int, fused: bool = True) -> None:
        super().__init__()
        self.head, self.fused = head, fused
        self.project_in = glorot_uniform(nn.Linear(width, 3 * width))
        self.project_out = glorot_uniform(nn.Linear(width, width))
        self.norm, self.gains = RMSNorm(head, gain=False), nn.Parameter(torch.ones(2, head))  # of queries, of keys

    def forward(self, x: Tensor, turns: Tensor) -> Tensor:
        heads = self.project_in(x).unflatten(2, (3, -1, self.head)).permute(2, 0, 3, 1, 4)
        v = heads[2]
        q, k = rotate(self.norm(heads[:2]) * self.gains[:, None, None, None], turns).to(v.dtype)
        found = scaled_dot_product_attention(q, k, v) if self.fused else attend(q, k, v)
        out: Tensor = self.project_out(found.transpose(1, 2).flatten(2))
        return out


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention written out, (..., tokens, d)."""
    shares: Tensor = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
    return shares @ v


class SwiGLU(nn.Module):
    """A hidden layer of two halves, one of which gates the other; 8/3 as wide as the tokens. Shazeer 2020."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = 8 * width // 3
        self.project_in = glorot_uniform(nn.Linear(width, 2 * hidden))
        self.project_out = glorot_uniform(nn.Linear(hidden, width))

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.project_in(x).chunk(2, -1)
        out: Tensor = self.project_out(silu(gate) * value)
        return out


class GatedBlock(nn.Module):
    """A generator's block, whose scales and gates a code tells; gates begin small, so it begins nearly as the identity.

    x += gate1 Attention(RMS(x) (1 + s1)), x += gate2 SwiGLU(RMS(x) (1 + s2)), with no shift. Hyun et al. 2025.
    """

    def __init__(self, width: int, head: int, fused: bool = True) -> None:
        super().__init__()
        self.norm = RMSNorm(width, gain=False)
        self.attention, self.mix = PatchAttention(width, head, fused), SwiGLU(width)
        self.tell = zero_bias(nn.Linear(width, 4 * width))
        nn.init.xavier_uniform_(self.tell.weight, 0.1)

    def forward(self, x: Tensor, code: Tensor, turns: Tensor) -> Tensor:
        scale1, gate1, scale2, gate2 = self.tell(code)[:, None].chunk(4, 2)
        x = x + gate1 * self.attention(self.norm(x) * (1 + scale1), turns)
        out: Tensor = x + gate2 * self.mix(self.norm(x) * (1 + scale2))
        return out


class ScaledBlock(nn.Module):
    """A critic's block: each branch is scaled, channel by channel, from 0.1 on. Touvron et al. 2021 (LayerScale)."""

    def __init__(self, width: int, head: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([RMSNorm(width), RMSNorm(width)])
        self.attention, self.mix = PatchAttention(width, head, fused=False), SwiGLU(width)
        self.scales = nn.ParameterList([torch.full((width,), 0.1), torch.full((width,), 0.1)])

    def forward(self, x: Tensor, turns: Tensor) -> Tensor:
        x = x + self.scales[0] * self.attention(self.norms[0](x), turns)
        out: Tensor = x + self.scales[1] * self.mix(self.norms[1](x))
        return out


def from_patches(tokens: Tensor, grid: ImageSize, patch: int) -> Tensor:
    """Tokens (n, tokens, patch^2 channels), each a patch row by row, as pictures (n, channels, height, width)."""
    x = tokens.view(tokens.shape[0], *grid, patch, patch, -1)  # n, rows, columns, y, x, channels
    return x.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)
