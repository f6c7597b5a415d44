"""Optimizers as values, each with its schedules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..clock import Clock, Number, check_range, value_at
from ..errors import require
from ..parts.pieces import Piece, gather_lying, gradient_norm
from ..recipe import Optimizing
from .device_steps import DeviceAdam, DeviceSGD, steps_on_device

START_CLOCK = Clock()


@dataclass(frozen=True)
class Adam:
    """Kingma & Ba 2015, in torch's fused form."""

    lr: Number = 2e-4
    betas: tuple[Number, Number] = (0.5, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        check_range(self.lr, "Adam's lr")
        for beta, which in zip(self.betas, ("first", "second"), strict=True):
            check_range(beta, f"Adam's {which} beta", 0, 1)
        require(self.eps > 0, f"Adam's eps is {self.eps}, but should be above 0")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        own, lr, betas = list(parameters), value_at(self.lr, START_CLOCK), self.betas_at(START_CLOCK)
        if steps_on_device(own, *self.betas):
            return DeviceAdam(own, lr, betas, self.eps)
        return torch.optim.Adam(own, lr, betas, self.eps, fused=True)

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        set_group_values(optimizer, lr=value_at(self.lr, clock), betas=self.betas_at(clock))

    def betas_at(self, clock: Clock) -> tuple[float, float]:
        first, second = self.betas
        return value_at(first, clock), value_at(second, clock)


@dataclass(frozen=True)
class RMSprop:
    """Tieleman & Hinton 2012, as torch has it: epsilon outside the root, the mean square begins at 0."""

    lr: Number = 5e-5
    alpha: float = 0.99

    def __post_init__(self) -> None:
        check_range(self.lr, "RMSprop's lr")
        require(0 <= self.alpha < 1, f"RMSprop's alpha is {self.alpha}, but should be in [0, 1)")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        own = list(parameters)
        optimizer = torch.optim.RMSprop(own, value_at(self.lr, START_CLOCK), self.alpha, capturable=own[0].is_cuda)
        # a step that could be captured may also be played as ever, which torch would warn of
        optimizer._warned_capturable_if_run_uncaptured = True
        return optimizer

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        set_group_values(optimizer, lr=value_at(self.lr, clock))


@dataclass(frozen=True)
class SGD:
    """Gradient descent with classical momentum."""

    lr: Number = 0.1
    momentum: Number = 0.0

    def __post_init__(self) -> None:
        check_range(self.lr, "SGD's lr")
        check_range(self.momentum, "SGD's momentum", 0, 1)

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        own, lr, momentum = list(parameters), value_at(self.lr, START_CLOCK), value_at(self.momentum, START_CLOCK)
        if steps_on_device(own, self.momentum):
            return DeviceSGD(own, lr, momentum)
        return torch.optim.SGD(own, lr, momentum, fused=True)

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        set_group_values(optimizer, lr=value_at(self.lr, clock), momentum=value_at(self.momentum, clock))


def set_group_values(optimizer: torch.optim.Optimizer, **values: float | tuple[float, float]) -> None:
    for group in optimizer.param_groups:
        group.update(values)


@dataclass(frozen=True)
class Orthogonal:
    """Steps as another does, with the gradient of weight * |W W^T, its diagonal aside|^2 added. Brock et al. 2018.

    W is every weight of two dimensions or more, as a matrix of one row for each entry of its first, as in the authors'
    code: an output of a linear layer or a convolution, an input of a transposed one, a class of an embedding. Its rows
    become orthogonal, of any length. A normalisation's gains and biases are no matrix, those of classes neither. Their
    code adds half this gradient, and leaves a shared embedding out.
    """

    base: Optimizing = Adam()  # what takes the steps
    weight: Number = 1e-4  # how strong; the paper's beta

    def __post_init__(self) -> None:
        check_range(self.weight, "Orthogonal's weight")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        optimizer = self.base.build(parameters)
        set_group_values(optimizer, orthogonal=value_at(self.weight, START_CLOCK))
        optimizer.register_step_pre_hook(add_orthogonal_grad)
        return optimizer

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        self.base.tune(optimizer, clock)
        set_group_values(optimizer, orthogonal=value_at(self.weight, clock))


@torch.no_grad()
def add_orthogonal_grad(optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
    """Add the penalty's gradient, 4 (W W^T o (1 - I)) W, to that of every W which is about to be stepped.

    A weight that lies channels last comes with its dimensions in that order; its rows are the same, with their numbers
    shuffled alike, which changes no product of two rows.
    """
    for group in optimizer.param_groups:
        for p in group["params"]:
            lying = p.form.lying if isinstance(p, Piece) else p.shape
            if p.grad is not None and len(lying) > 1:
                W = (gather_lying(p, p.form) if isinstance(p, Piece) else p).flatten(1)
                others = torch.linalg.multi_dot([W, W.T, W]) - W.square().sum(1, keepdim=True) * W
                own = p.form.cut_own(others) if isinstance(p, Piece) else others.view_as(p)
                p.grad.add_(own, alpha=4 * group["orthogonal"])


@dataclass(frozen=True)
class Clipped:
    """Steps as another does, by gradients whose norm over all of a player is at most a bound. Pascanu et al. 2013."""

    base: Optimizing = Adam()  # what takes the steps
    norm: float = 5.0  # the bound

    def __post_init__(self) -> None:
        require(self.norm > 0, f"Clipped's norm is {self.norm}, but should be above 0")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        optimizer = self.base.build(parameters)
        optimizer.register_step_pre_hook(self.clip)
        return optimizer

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        self.base.tune(optimizer, clock)

    def clip(self, optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        own = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if own:
            kinds: tuple[list[Tensor], list[Tensor]] = ([], [])  # whole ones, and pieces
            for p in own:
                kinds[isinstance(p, Piece)].append(p.grad)
            norm = gradient_norm(*kinds)
            nn.utils.clip_grads_with_norm_(own, self.norm, norm)


@dataclass(frozen=True)
class Lazy:
    """Adam for a player whose regulariser is a move of its own once in so many moves. Karras et al. 2019, appendix B.

    Of k + 1 steps k are of the loss, so with c = k / (k + 1) the rate is c times what is given, and betas are to the
    power of c: in time, the loss is followed as it would be without those moves.
    """

    base: Adam = Adam()  # how it would step without
    every: int = 16  # moves of the loss for one of the regulariser; 16 for R1, 4 for path lengths

    def __post_init__(self) -> None:
        require(self.every >= 1, f"Lazy's every is {self.every}, but should be 1 or more")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        optimizer = self.base.build(parameters)
        self.tune(optimizer, START_CLOCK)
        return optimizer

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        share = self.every / (self.every + 1)
        first, second = self.base.betas_at(clock)
        set_group_values(optimizer, lr=share * value_at(self.base.lr, clock), betas=(first**share, second**share))


@dataclass(frozen=True)
class Scaled:
    """Steps as another does, at so many times its rate: as PGGAN does at its largest sizes."""

    base: Optimizing = Adam()  # what takes the steps
    factor: float = 1.5  # of its rate

    def __post_init__(self) -> None:
        require(self.factor > 0, f"Scaled's factor is {self.factor}, but should be above 0")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        optimizer = self.base.build(parameters)
        scale_rates(optimizer, self.factor)
        return optimizer

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        scale_rates(optimizer, 1 / self.factor)  # for one whose tune leaves the rate as it is
        self.base.tune(optimizer, clock)
        scale_rates(optimizer, self.factor)


def scale_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] *= factor
