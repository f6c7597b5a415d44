"""The convolutions at a network's ends: one place makes them matrix products, which are several times as fast."""

from __future__ import annotations

from torch import Tensor, nn

from ..errors import require


class LatentConv(nn.ConvTranspose2d):
    """A transposed convolution of one pixel: (n, inputs, 1, 1) -> (n, outputs, kernel, kernel); no padding."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        require(x.shape[2:] == (1, 1), f"LatentConv takes one pixel, not {x.shape[2]}x{x.shape[3]}")
        made = x.flatten(1) @ self.weight.permute(0, 2, 3, 1).flatten(1)  # channels last, as weights and images lie
        made = made.view(x.shape[0], *self.kernel_size, self.out_channels).permute(0, 3, 1, 2)
        return made if self.bias is None else made + self.bias.to(made.dtype)[:, None, None]


class GlobalConv(nn.Conv2d):
    """A convolution whose kernel covers its input: (n, inputs, kernel, kernel) -> (n, outputs, 1, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        size = tuple(x.shape[2:])
        require(size == self.kernel_size, f"GlobalConv takes {self.kernel_size} pixels, not {size}")
        read = x.permute(0, 2, 3, 1).flatten(1) @ self.weight.permute(0, 2, 3, 1).flatten(1).T
        read = read if self.bias is None else read + self.bias.to(read.dtype)
        return read[:, :, None, None]
