"""Spectral normalisation: weights divided by their largest singular value. Miyato et al. 2018."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

from ..precision import full_precision

WeightLayer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding
AnyWeightLayer = TypeVar("AnyWeightLayer", bound=WeightLayer)
AnyModule = TypeVar("AnyModule", bound=nn.Module)
WARM_UP_STEPS = (
    15  # steps of the power method before the first pass, so that the first slopes are bounded too; theirs had none
)


class SpectralNorm(nn.Module):
    """W / sigma(W) of a weight seen as a matrix, outputs times the rest; sigma is found by the power method.

    One step a pass, kept only in training: at rest nothing changes. Of the two singular vectors only `u` (outputs,) is
    remembered, as in their code: the other one, and the length of both, follow from it and the weight at hand, so that
    an average of many `u` serves an average of many weights. All in full precision, also where layers are not.
    """

    u: Tensor

    def __init__(self, weight: Tensor, outputs: int = 0) -> None:
        super().__init__()
        self.outputs = outputs  # the weight's dimension that counts outputs
        matrix = self.matrix(weight.detach())
        self.register_buffer("u", torch.empty_like(matrix[:, 0]))
        if not matrix.is_meta:  # where torch would work out every step's shape
            self.u.normal_()
            for _ in range(WARM_UP_STEPS):
                self.u = power_iteration(matrix, self.u)[0]

    def forward(self, weight: Tensor) -> Tensor:
        with full_precision_unless_meta(weight):
            matrix = self.matrix(weight)
            u, v = power_iteration(matrix.detach(), self.u)
            if self.training:
                self.u.copy_(u)
            return weight / (u @ (matrix @ v))  # u and v are constants, section 2.1: the slope of sigma is u v^T

    def matrix(self, weight: Tensor) -> Tensor:
        return weight.transpose(0, self.outputs).flatten(1)


def full_precision_unless_meta(t: Tensor) -> AbstractContextManager[object]:
    """No reduced precision inside; tensors without values, in which networks are measured, know none."""
    return nullcontext() if t.is_meta else full_precision(t)


def power_iteration(matrix: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the power method from u: both singular vectors."""
    v = normalize(matrix.T @ u, dim=0)
    return normalize(matrix @ v, dim=0), v


def add_spectral_norm(layer: AnyWeightLayer) -> AnyWeightLayer:
    """The layer, its weight spectrally normalised from now on; begin its weights before, unless with all zeros.

    A weight of zeros, with which some residual blocks begin, has no norm to be divided by: it is drawn.
    """
    if not layer.weight.is_meta and not layer.weight.any():
        nn.init.orthogonal_(layer.weight)
    outputs = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight, outputs))
    return layer


def add_spectral_norms(module: AnyModule) -> AnyModule:
    """The module with every linear layer, convolution and embedding in it spectrally normalised, once."""
    for layer in list(module.modules()):
        if isinstance(layer, WeightLayer) and not parametrize.is_parametrized(layer, "weight"):
            add_spectral_norm(layer)
    return module
