"""What a network does with a label: looks at its kind, or normalises with a gain and a bias of each class."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from ..errors import Mistake
from ..parts import CURRENT_SHARD
from .residual import conv1, conv3


def check_labels(labels: Tensor | None, classes: int) -> Tensor:
    """The labels (n,) int64 as they are; Mistake where there are none, or others.

    What they say is not looked at, so that a network can be traced and exported: `check_classes` does.
    """
    if labels is None:
        raise Mistake("these networks are told the class of each sample, but got no labels; give --label, or to a game "
                      f"in Python a number below {classes} for each")  # fmt: skip
    if labels.ndim != 1 or labels.dtype != torch.int64:
        kind = str(labels.dtype).removeprefix("torch.")
        raise Mistake(f"labels are (n,) int64, not {tuple(labels.shape)} {kind}")
    return labels


def check_classes(network: nn.Module, labels: Tensor | None) -> None:
    """Refuse labels (n,) that name no class of one that the network, or a part of it, is told.

    In no round of a match, where they come from the data, and on a GPU only at rest: to read them back would hold up
    whatever waits for the device. What is exported looks at none.
    """
    playing = CURRENT_SHARD.get().rng is not None
    held_up = network.training and labels is not None and (playing or labels.device.type != "cpu")
    if labels is None or labels.is_floating_point() or held_up or torch.compiler.is_exporting():
        return
    told = (getattr(module, "classes", None) for module in network.modules() if getattr(module, "needs", "") == "label")
    classes = min((n for n in told if n is not None), default=None)
    if classes is not None and (strange := labels[(labels < 0) | (labels >= classes)].tolist()):
        raise Mistake(f"there is no class {strange[0]}; there are {classes}, numbered from 0")


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation of (n, width, height, width) whose gain and bias are those of each sample's class.

    All classes share the statistics. Gains begin at 1, biases at 0. Miyato & Koyama 2018, released code.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        # class after class in one row: what acts on weight matrices, such as optim.Orthogonal, leaves them alone
        self.gain, self.bias = nn.Parameter(torch.ones(classes * width)), nn.Parameter(torch.zeros(classes * width))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        own = (embedding(labels, row.view(-1, x.shape[1])) for row in (self.gain, self.bias))
        gain, bias = (numbers[:, :, None, None].to(x.dtype) for numbers in own)
        out: Tensor = gain * self.norm(x) + bias
        return out


class SharedEmbedding(nn.Module):
    """A row of numbers for each class, (n, size), that every layer reads which is told the class. Brock et al. 2018."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.size = table.embedding_dim
        # class after class in one row, as in ConditionalBatchNorm: the paper regularises all matrices but this one
        self.rows = nn.Parameter(table.weight.detach().flatten())

    def forward(self, labels: Tensor) -> Tensor:
        return embedding(labels, self.rows.view(-1, self.size))


class EmbeddedBatchNorm(nn.Module):
    """Batch normalisation whose gain and bias, 1 + G c and B c, are linear in numbers c (n, size). Brock et al. 2018.

    All samples share the statistics, whatever they are told.
    """

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.gain, self.bias = nn.Linear(size, width, bias=False), nn.Linear(size, width, bias=False)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        gain, bias = (layer(told)[:, :, None, None].to(x.dtype) for layer in (self.gain, self.bias))
        out: Tensor = (1 + gain) * self.norm(x) + bias
        return out


class ConditionalUpBlock(nn.Module):
    """The residual block `up_block` with conditional batch normalisation: twice the height and width.

    `told`: so many classes, or numbers if the norm is of such.
    """

    def __init__(self, inputs: int, width: int, told: int,
                 norm: type[ConditionalBatchNorm | EmbeddedBatchNorm] = ConditionalBatchNorm) -> None:  # fmt: skip
        super().__init__()
        self.before, self.between = norm(inputs, told), norm(width, told)
        # in place is safe behind a sum, which does not need what it gave
        self.first = nn.Sequential(nn.ReLU(inplace=True), nn.Upsample(scale_factor=2), conv3(inputs, width))
        self.second = nn.Sequential(nn.ReLU(inplace=True), conv3(width, width))
        self.skip = nn.Sequential(conv1(inputs, width), nn.Upsample(scale_factor=2))

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        h = self.first(self.before(x, told))
        out: Tensor = self.second(self.between(h, told)) + self.skip(x)
        return out
