"""A generator that foresees how the critic will learn."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple, Unpack

import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.func import functional_call

from ..batches import Images
from ..clock import Clock, value_at
from ..core import Judge, Judged, Turn, Verdict, upcast
from ..errors import require
from ..optim import SGD, Adam
from ..parts.pieces import whole_weights
from ..precision import differentiable_twice, full_precision
from .adversarial import Adversarial
from .slots import Free, Slots
from .terms import critic_input
from .whole_batch import batch_mean

CriticState = tuple[Tensor, ...]  # all of a critic's weights as one vector; with Adam two averages and their age, too


class UnrolledStep(NamedTuple):
    """The critic at one moment of its future."""

    state: CriticState
    judge: Judge
    real: Judged
    made: Judged
    loss: Tensor
    loss_grad: Tensor  # this part's, of that loss, in the weights, with its graph


class Unrolled(Adversarial):
    """The generator answers the critic as it will be K steps from now, and how that depends on it. Metz et al. 2017.

    Its gradient has two parts: of its own loss, at the future critic; and, through the critic's steps, of what those
    steps are for, the critic's loss with all penalties. For a zero-sum objective (Minimax, Wasserstein) that is the
    gradient of the game's value at the future critic; with K=0 it is the plain game. The whole batch takes each step,
    in how many parts it may be played. Looking ahead leaves no trace in the critic. Points between reals and fakes,
    where some penalties take slopes, are cut from the fakes, as in every game.
    """

    averages: Tensor  # (2, weights): of the gradient and of its square
    age: Tensor  # of the averages, in gradients

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        K: int = 5,  # steps of the critic that are foreseen; the authors' code
        inner: SGD | Adam = SGD(0.01),  # how it is expected to step; in the authors' code as it does, by Adam
        **slots: Unpack[Slots],
    ) -> None:
        super().__init__(generator, critic, latent, **slots)
        require(K >= 0, f"Unrolled: K is {K}, but should be a number of steps, 0 or more")
        plain = isinstance(inner, Adam) or inner.momentum == 0
        require(plain, "Unrolled: the critic's steps are foreseen without momentum; give inner SGD(lr) or Adam(lr)")
        free, held = isinstance(self.constraint, Free), type(self.constraint).__name__
        require(free, f"Unrolled: {held} would not hold the critic's future steps; give constraint Free()")
        self.K, self.inner = K, inner
        self.shapes = {name: p.shape for name, p in critic.named_parameters() if p.requires_grad}
        if isinstance(inner, Adam):
            # without a past, Adam's first step is the gradient's sign, through which nothing flows back
            self.register_buffer("averages", torch.zeros(2, sum(shape.numel() for shape in self.shapes.values())))
            self.register_buffer("age", torch.zeros(()))

    def generator_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Iterator[Turn]:
        x, fake = critic_input(batch.image, self.penalties, judge.clock), upcast(fake)
        now = look = self.look_ahead(judge, self.current_state(), x, fake)
        path: list[tuple[UnrolledStep, Tensor, CriticState]] = []
        for _ in range(self.K):
            mean = (yield from batch_mean(self, look.loss_grad)).detach().requires_grad_()
            after = differentiable_step(self.inner, look.state, mean, judge.clock)
            path.append((look, mean, after))
            look = self.look_ahead(judge, after, x, fake)
        move = self.generator_move(look.judge, look.real, look.made)

        # back again: what the critic will lose less for a bit more of each number of its state
        back = [-(yield from batch_mean(self, look.loss_grad)), *(torch.zeros_like(s) for s in look.state[1:])]
        reaction = torch.zeros_like(now.loss)
        for before, mean, after in reversed(path):
            *back, through = grad(after, (*before.state, mean), back)
            bend = (through * before.loss_grad).sum()  # the generator bends every step by its gradient
            reaction = reaction + bend
            if before is not now:
                back[0] = back[0] + (yield from batch_mean(self, state_grad(bend, before)))
        if path:
            move.terms["foresight"] = reaction + (now.loss - look.loss - reaction).detach()  # shown: the critic's gain
            self.store_moments(path[0][2])
        yield move

    def differentiated_once(self) -> tuple[nn.Module, ...]:
        return tuple(player for player in super().differentiated_once() if player is not self.critic)

    def current_state(self) -> CriticState:
        """Where the critic stands, in memory of its own."""
        weights = torch.cat([p.detach().reshape(-1) for p in whole_weights(self.critic)])
        return (weights, *self.averages.clone(), self.age.clone()) if isinstance(self.inner, Adam) else (weights,)

    def store_moments(self, state: CriticState) -> None:
        """Keep the averages of the first step, the one that the critic itself may take."""
        if isinstance(self.inner, Adam):
            self.averages.copy_(torch.stack(state[1:3]).detach())
            self.age.copy_(state[3].detach())

    def look_ahead(self, judge: Judge, state: CriticState, x: Tensor, fake: Tensor) -> UnrolledStep:
        state = tuple(s.detach().requires_grad_() for s in state)
        shapes = self.shapes.values()
        parts = torch.split(state[0], [shape.numel() for shape in shapes])
        weights = {name: part.view(shape) for name, part, shape in zip(self.shapes, parts, shapes, strict=True)}
        judge = dataclasses.replace(judge, critic=LookaheadCritic(self.critic, weights))
        with differentiable_twice(fake):  # the critic is differentiated twice, the generator once
            real, made = judge(x), judge(fake)
            loss = self.critic_move(judge, real, made).loss
            (slope,) = grad(loss, state[0], create_graph=True)
        return UnrolledStep(state, judge, real, made, loss, slope)


class LookaheadCritic(nn.Module):
    """A critic with other weights, and buffers of its own: what it learns of a batch leaves no trace in the critic."""

    def __init__(self, critic: nn.Module, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.critic, self.tensors = critic, weights | {name: b.clone() for name, b in critic.named_buffers()}

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        verdict: Verdict = functional_call(self.critic, self.tensors, (x, condition))
        return verdict


def differentiable_step(how: SGD | Adam, state: CriticState, g: Tensor, clock: Clock) -> CriticState:
    """An optimizer's step as a function that can be differentiated."""
    lr = value_at(how.lr, clock)
    if isinstance(how, SGD):
        return (state[0] - lr * g,)
    (w, m, v, age), (a, b) = state, how.betas_at(clock)
    m, v, age = torch.lerp(g, m, a), torch.lerp(g * g, v, b), age + 1
    # epsilon is inside the root, whose own slope at zero is infinite
    return w - lr * m / (1 - a**age) / (v / (1 - b**age) + how.eps**2).sqrt(), m, v, age


def state_grad(bend: Tensor, before: UnrolledStep) -> Tensor:
    """How the step depends on where it began; nought, for a loss that is linear in the weights."""
    with full_precision(bend):
        (shift,) = grad(bend, before.state[0], retain_graph=True, materialize_grads=True)
    return shift
