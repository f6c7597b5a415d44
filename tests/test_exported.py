"""Generators as others run them: traced without values, exported, and run again on another number of samples.

Tracing alone shows that nothing in a forward pass hangs on what a tensor holds, for networks of every recipe; what is
built of the same layers need not be exported in full each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from narrow import CLASSES, shape, small
from saddle.capabilities import Generates
from saddle.core import required_conditions
from saddle.errors import Mistake
from saddle.games import CodedMultiLevel
from saddle.recipes.capable import recipes_that
from saddle.shape import Text


def distinct() -> Iterator[str]:
    """The recipes that generate, without those whose networks another one has already shown.

    What is told of a text gets a reader's code, for which its networks alone cannot be made.
    """
    seen: list[Any] = []
    for name in recipes_that(Generates):
        if isinstance(shape(name).condition, Text):
            continue
        key = (small(name).networks, shape(name))
        if key not in seen:
            seen.append(key)
            yield name


class Made(nn.Module):
    """What anybody exports of a game that generates, whatever else it is."""

    def __init__(self, game: Generates) -> None:
        super().__init__()
        self.game = game

    def forward(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.game.make(latents, condition)


class Decoded(nn.Module):
    """A generator of codes, with what makes pictures of them."""

    def __init__(self, game: CodedMultiLevel) -> None:
        super().__init__()
        self.game, self.needs = game, game.generator.needs

    def forward(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.game.autoencoder.decode(self.game.generator(latents, condition))


def made(name: str) -> tuple[Made, Tensor, Tensor]:
    """A narrow game at rest, with latents and labels for it."""
    torch.manual_seed(0)
    G = Made(small(name).game(shape(name))).eval().requires_grad_(False)
    return G, G.game.latents(torch.zeros(3, *shape(name)[:3])), torch.tensor([0, 2, 1])


@pytest.mark.parametrize("name", list(distinct()))
def test_no_generator_looks_at_what_its_tensors_hold(name):
    whole, z, labels = made(name)
    G = whole if shape(name).text else whole.game.generator  # which writes lines token by token, in no one call
    G = Decoded(whole.game) if isinstance(whole.game, CodedMultiLevel) else G
    mode = FakeTensorMode()
    own = {key: mode.from_tensor(t) for key, t in (*G.named_parameters(), *G.named_buffers())}
    with mode:
        told, untold = ((mode.from_tensor(z), mode.from_tensor(labels)), (mode.from_tensor(z),))
        for inputs in (told,) if required_conditions(G) else (told, untold):
            assert torch.func.functional_call(G, own, inputs).shape == (3, *shape(name)[:3])


FEW = ("cgan", "projection-gan")  # told by an embedding beside the latent, and in every normalisation


@pytest.mark.parametrize("name", [n if n in FEW else pytest.param(n, marks=pytest.mark.slow) for n in distinct()])
def test_a_generator_is_exported_and_makes_the_same_of_any_number(name):
    G, latents, labels = made(name)
    rows = torch.export.Dim("rows")
    inputs: tuple[Tensor, ...] = (latents, labels) if required_conditions(G.game.generator) else (latents,)
    program = torch.export.export(G, inputs, dynamic_shapes=[{0: rows} for _ in inputs]).module()
    more = tuple(torch.cat([t, t.flip(0)]) for t in inputs)
    assert torch.equal(program(*more), G(*more))


def test_a_generator_that_is_told_the_class_is_not_exported_without():
    G, z, _ = made("cgan")
    with pytest.raises(Mistake, match=f"got no labels; give --label, or to a game in Python a number below {CLASSES}"):
        torch.export.export(G, (z,))
