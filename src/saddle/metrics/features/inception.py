"""The Inception network of 2015-12-05 that FID is defined with, as far as its weights go."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ...errors import Mistake, require
from .blocks import Mixed6, inception_blocks
from .extractor import freeze_network, to_byte_values, to_rgb
from .inception_weights import InceptionWeights, read_inception_weights
from .resize import find_filter

INPUT_SIZE = 299
FEATURE_LAYERS = {64: "pool_3b", 192: "pool_5b", 768: "Mixed_6e", 1280: "Mixed_7a", 2023: "Mixed_6d", 2048: "Mixed_7c"}
SPATIAL_DIMENSION = 2023  # 7 channels of 17 x 17: not averaged, for sFID


def load_inception(file: str | Path, dimension: int = 2048, resize: str = "bilinear") -> Inception:
    """The extractor of one layer of the network whose weights are in a file; raises Mistake for a wrong file or layer.

    A file is the state dict of pytorch-fid or torch-fidelity (.pth), the TorchScript form (.pt), or folded kernels
    (.npz), which may end at Mixed_7a. Filters: bilinear (pytorch-fid), clean (clean-fid), tensorflow (torch-fidelity).
    """
    return Inception(read_inception_weights(Path(file)), dimension, resize)


class Inception(nn.Module):
    """Images (n, 1 or 3, h, w) of any size become the mean over the maps of a layer: 64, 192, 768, 1280 or 2048 values.

    These are read after the two max pools, Mixed_6e, Mixed_7a and Mixed_7c. 2023 values are not averaged: 7 channels of
    Mixed_6d's first branch, for sFID. All normalisation is folded into the kernels.
    """

    def __init__(self, weights: InceptionWeights, dimension: int = 2048, resize: str = "bilinear") -> None:
        super().__init__()
        known = ", ".join(map(str, FEATURE_LAYERS))
        require(dimension in FEATURE_LAYERS, f"Inception has features of {known} values, not {dimension}")
        self.name = f"inception-{'spatial' if dimension == SPATIAL_DIMENSION else dimension}"
        self.dimension, self.resize, self.sha256 = dimension, resize, weights.sha256
        self.shrink = find_filter(resize)
        with torch.device("meta"):  # no values before those of the file
            blocks = inception_blocks()
        order = list(blocks)
        self.layers = nn.Sequential()
        for name in order[: order.index(FEATURE_LAYERS[dimension]) + 1]:
            self.layers.add_module(name, blocks[name])
        self.classes = weights.classes  # (1008, 2048), or None where the file has none
        self._fill(weights)
        freeze_network(self)

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, dimension), float32, of images in [-1, 1], on the weights' device."""
        x = self.preprocess(images)
        if self.dimension == SPATIAL_DIMENSION:
            last = self.layers[-1]
            assert isinstance(last, Mixed6)
            part: Tensor = last.branch1x1(self.layers[:-1](x))
            return part[:, :7].flatten(1)
        maps: Tensor = self.layers(x)
        return maps.mean((2, 3))

    def probabilities(self, images: Tensor) -> Tensor:
        """Of the graph's 1008 columns, without its bias as the Inception score's own code has it: (n, 1008)."""
        if self.classes is None or self.dimension != 2048:
            raise Mistake("the Inception score needs features of 2048 values and weights that hold the last layer, fc")
        features: Tensor = self(images)
        return (features @ self.classes.T.to(features)).softmax(1)

    def preprocess(self, images: Tensor) -> Tensor:
        """As saved (whole numbers), then brought to 299 pixels and the range that goes with the filter."""
        like = next(self.parameters())
        pixels = self.shrink(to_rgb(to_byte_values(images)).to(like), INPUT_SIZE)
        return pixels / 127.5 - 1 if self.resize == "bilinear" else (pixels - 128) / 128

    def _fill(self, weights: InceptionWeights) -> None:
        needed = self.layers.state_dict()
        lacking = sorted({name.rpartition(".")[0] for name in needed.keys() - weights.kernels.keys()})
        if lacking:
            raise Mistake(
                f"{weights.file} lacks {lacking[0]} and {len(lacking) - 1} more layers that features of "
                f"{self.dimension} values need; a file of the whole network, or a smaller dimension, is needed"
            )
        for name, value in needed.items():
            given = weights.kernels[name]
            require(
                given.shape == value.shape,
                f"{weights.file} is not Inception of 2015: {name} is {tuple(given.shape)}, not {tuple(value.shape)}",
            )
        self.layers.load_state_dict({name: weights.kernels[name] for name in needed}, assign=True)
