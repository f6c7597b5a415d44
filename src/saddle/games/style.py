"""The game of style-based generators: styles are mixed, their steps evened out, regularisers move by themselves."""

from __future__ import annotations

import math
from collections.abc import Generator, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Unpack, cast

import torch
from torch import Tensor, nn

from ..batches import Images
from ..capabilities import generate
from ..clock import Clock, Number, check_range, factor_at
from ..core import Agree, Judge, Judged, Memory, Move, Turn, upcast
from ..errors import require
from ..layers.conditional import check_classes
from ..parts import draw_rows
from ..precision import differentiable_twice
from .adversarial import Adversarial
from .slots import Slots
from .terms import critic_input, is_due, is_nth_round, weighted_terms


class StyleGenerator(Protocol):
    """A generator in two halves: latents become styles, and styles images, with a style for each layer."""

    layers: int  # that take a style each
    mean_w: Tensor  # (w_dim,), the mean of all styles, which truncation goes towards

    def mapping(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """The styles of latents, (n, w_dim)."""
        ...

    def synthesis(self, ws: Tensor, noise: bool = True) -> Tensor:
        """The images of styles (n, layers, w_dim); `noise` is what the layers draw by themselves."""
        ...


@dataclass(frozen=True)
class PathLength:
    """Equal steps of a style should change images by equal amounts. Karras et al. 2019 (StyleGAN 2), section 3.2.

    The length of an image's slope along a random direction, with respect to its styles, should be the mean of such
    lengths so far. It is a move of the generator's own, on some of a batch.
    """

    weight: Number = 2.0  # how strong
    every: int = 4  # moves of the generator; then as many times as strong
    shrink: int = 2  # only one in so many of a batch's samples
    decay: float = 0.01  # how far the mean follows each time

    def __post_init__(self) -> None:
        check_range(self.weight, "PathLength's weight")
        check_range(self.decay, "PathLength's decay", 0, 1)
        for name in ("every", "shrink"):
            given = getattr(self, name)
            require(given >= 1, f"PathLength's {name} is {given}, but should be 1 or more")


class StyleBased(Adversarial):
    """Karras et al. 2018 and 2019. Some samples go on from some layer with the style of another latent.

    A penalty of the critic's that is due once in n rounds is a move of its own there, after that of the loss, as path
    lengths are of the generator: each has a step of its optimizer, which `optim.Lazy` reckons with. The style that
    truncation goes towards follows the mean of each batch.
    """

    judges_held_out: ClassVar[bool] = True
    path_mean: Tensor  # (), of path lengths

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        mixing: float = 0.9,  # share of the samples with two styles
        path_length: PathLength | None = PathLength(),
        momentum: float = 0.995,  # of the mean style, each round
        **slots: Unpack[Slots],
    ) -> None:
        super().__init__(generator, critic, latent, **slots)
        styled = all(hasattr(generator, name) for name in ("mapping", "synthesis", "layers", "mean_w"))
        require(styled, f"the game of styles plays with generators that make styles first, and "
                f"{type(generator).__name__} makes none; give networks such as Modulated()")  # fmt: skip
        require(0 <= mixing <= 1, f"mixing is {mixing}, but should be a share of the samples, from 0 to 1")
        self.mixing, self.path_length, self.momentum = mixing, path_length, momentum
        self.eager = tuple(p for p in self.penalties if p.every == 1)
        self.lazy = tuple(p for p in self.penalties if p.every > 1)
        self.register_buffer("path_mean", torch.zeros(()))

    @property
    def style(self) -> StyleGenerator:
        return cast(StyleGenerator, self.generator)

    @property
    def layers_in_use(self) -> int:
        """How many layers take a style now; a generator that grows has fewer at first."""
        return self.style.layers

    def synthesize(self, ws: Tensor, noise: bool = True) -> Tensor:
        """The images of styles (n, layers, w_dim)."""
        return self.style.synthesis(ws, noise)

    def mixed_styles(self, like: Tensor, condition: Tensor | None) -> Tensor:
        """Of as many new latents as `like` has rows, one for each layer, (n, layers, w_dim)."""
        w, last = self.style.mapping(self.latents(like), condition)[:, None], self.layers_in_use - 1
        if self.mixing == 0 or last < 1:
            return w.expand(-1, self.style.layers, -1)
        other = self.style.mapping(self.latents(like), condition)[:, None]
        mixed, place = draw_rows(torch.rand, like, 2)[..., None].unbind(1)  # (n, 1) each
        cut = 1 + (place * last).floor().clamp(max=last - 1)
        later = torch.arange(self.style.layers, device=like.device) >= cut
        return torch.where((later & (mixed < self.mixing))[..., None], other, w)

    def generate(self, batch: Images) -> Tensor:
        return self.synthesize(self.mixed_styles(batch.image, batch.condition))

    def make(
        self,
        latents: Tensor,
        condition: Tensor | None = None,
        *,
        truncation: float = 1.0,  # psi: the mean style and so much of each one's difference from it
        cutoff: int | None = None,  # only the first so many layers are truncated
        noise: bool = True,
    ) -> Tensor:
        ws = self.styles(latents, condition, truncation=truncation, cutoff=cutoff)
        return self.synthesize(ws, noise)

    def styles(self, latents: Tensor, condition: Tensor | None = None, *, truncation: float = 1.0,
               cutoff: int | None = None) -> Tensor:  # fmt: skip
        """The styles of latents, (n, layers, w_dim), truncated in the first `cutoff` layers."""
        check_classes(self, condition)
        w, layers = self.style.mapping(latents, condition), self.style.layers
        require(math.isfinite(truncation), f"truncation is {truncation}, but should be a number, such as 0.7")
        inside = cutoff is None or 0 <= cutoff <= layers
        require(inside, f"cutoff is {cutoff}, but this generator has {layers} layers with styles; give 0 to {layers}")
        return truncate_styles(w, self.style.mean_w, layers, truncation, cutoff)

    def critic_move(self, judge: Judge, real: Judged, fake: Judged) -> Move:
        loss = self.objective.critic(real.score, fake.score)
        return Move(self.critic, adversarial=loss, **weighted_terms(self.eager, judge, real, fake))

    def critic_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Generator[Turn, None, tuple[Judged, Judged]]:
        real, made = (judge(critic_input(x, self.eager, judge.clock)) for x in (batch.image, fake))
        yield self.critic_move(judge, real, made)
        if any(is_due(p, judge.clock) for p in self.lazy):
            yield self.lazy_move(judge, batch, fake)
        yield from self.held_out_turn(judge.clock)
        return real, made

    def held_out_turn(self, clock: Clock) -> Iterator[Turn]:
        """Let those that ask for it hear how samples kept out of training are scored, in time for their next change."""
        for view in self.views:
            if self.held_out is not None and isinstance(view, Memory) and view.held_out_due(clock):
                batch = self.held_out()
                with torch.no_grad():
                    score = self.open_judge(batch.condition, clock)(batch.image).score
                yield Agree(view.update_held_out, score.mean())

    def lazy_move(self, judge: Judge, batch: Images, fake: Tensor) -> Move:
        """The critic's penalties that are due once in a while, of the critic as it is now."""
        real, made = (judge(critic_input(x, self.lazy, judge.clock)) for x in (batch.image, fake))
        return Move(self.critic, **weighted_terms(self.lazy, judge, real, made))

    def generator_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Iterator[Turn]:
        yield from super().generator_turn(judge, batch, fake)
        if self.path_length and is_nth_round(self.path_length.every, judge.clock):
            yield from self.path_length_turn(self.path_length, batch, judge.clock)
        with torch.no_grad():
            w = self.style.mapping(self.latents(batch.image), batch.condition)
        yield Agree(self.update_mean_w, upcast(w).mean(0))

    def path_length_turn(self, how: PathLength, batch: Images, clock: Clock) -> Iterator[Turn]:
        """The generator's move for path lengths; their mean hears of it afterwards, so that no part keeps a graph."""
        like, condition = (None if t is None else t[:: how.shrink] for t in (batch.image, batch.condition))
        assert like is not None
        with differentiable_twice(like):
            ws = self.mixed_styles(like, condition)
            lengths = path_lengths(self.synthesize(ws), ws)
            off = (lengths - self.path_mean).square().mean()
        lengths = lengths.detach()
        yield Move(self.generator, path_length=factor_at(how.weight, clock, how.every) * off)
        yield Agree(self.update_path_mean, lengths.mean())

    def update_path_mean(self, mean: Tensor) -> None:
        if self.path_length:
            self.path_mean.lerp_(mean.to(self.path_mean), self.path_length.decay)

    def update_mean_w(self, mean: Tensor) -> None:
        self.style.mean_w.lerp_(mean.to(self.style.mean_w), 1 - self.momentum)

    def differentiated_once(self) -> tuple[nn.Module, ...]:
        """The generator is never called as a whole."""
        return tuple(player for player in super().differentiated_once() if player is not self.generator)

    def phase(self, clock: Clock) -> Hashable:
        return super().phase(clock), self.path_length and is_nth_round(self.path_length.every, clock)

    def logged_scalars(self) -> Mapping[str, Tensor]:
        mean = {"PathLength/mean": self.path_mean} if self.path_length else {}
        return {**super().logged_scalars(), **mean}

    def show(self, batch: Images) -> Mapping[str, Tensor]:
        return {"made": generate(self, batch.image, batch.condition)}


def truncate_styles(w: Tensor, mean_w: Tensor, layers: int, psi: float, cutoff: int | None = None) -> Tensor:
    """Styles (n, w_dim) for each layer, (n, layers, w_dim), the first `cutoff` of them mean_w + psi (w - mean_w)."""
    ws = w[:, None].expand(-1, layers, -1)
    if psi == 1:
        return ws
    near = torch.arange(layers, device=w.device) < (layers if cutoff is None else cutoff)
    return torch.where(near[:, None], mean_w + psi * (ws - mean_w), ws)


def path_lengths(images: Tensor, ws: Tensor) -> Tensor:
    """|J^T y| for each image (n,), with y of N(0, 1 / (height width)): root mean square over the layers of ws."""
    x = upcast(images)
    y = draw_rows(torch.randn, x, *x.shape[1:]) / math.sqrt(math.prod(x.shape[2:]))
    (slope,) = torch.autograd.grad((x * y).sum(), ws, create_graph=True)
    return slope.square().sum(2).mean(1).sqrt()
