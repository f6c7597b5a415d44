"""What an exported part is called with, input after input, and a module that takes just these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from ..capabilities import Decodes, Encodes, Generates, MakesStyles, ReadsTokens
from ..errors import require
from ..inference.loaded import LoadedGame
from ..inference.networks import (
    Part,
    check_part_style,
    example_condition,
    example_input,
    find_part,
    image_shape,
    part_style,
    take_network,
)
from ..parts import Supply, supply_draws
from ..shape import Classes, Shape, Text
from ..texts import PADDING, WORDS
from .laws import describe_latents

KINDS = {torch.randn: "normal", torch.rand: "uniform"}
SUPPLIED = {"normal": "noise", "uniform": "uniform_noise"}  # inputs that stand for what networks draw by themselves
Draw = Callable[[int, int], Tensor]  # how many rows, and the seed


@dataclass(frozen=True)
class Input:
    """One input: a tensor with a row for each sample."""

    name: str
    row: tuple[int, ...]  # the shape of a row
    dtype: torch.dtype
    facts: Mapping[str, Any]  # what is to be known of its numbers
    draw: Draw = field(repr=False)  # examples

    def describe(self) -> dict[str, Any]:
        """As JSON: name, shape, type, and what is to be known of its numbers."""
        dtype = str(self.dtype).removeprefix("torch.")
        return {"name": self.name, "shape": ["batch", *self.row], "dtype": dtype, **self.facts}


@dataclass(frozen=True)
class DrawnRow:
    """What a network draws for itself, of each sample: of which distribution, and the shape of a row."""

    kind: str
    row: tuple[int, ...]


class ExportedPart(nn.Module):
    """A part of a game with all that its answer hangs on as inputs: what it would draw by itself, too."""

    def __init__(self, network: nn.Module, names: Sequence[str], style: Mapping[str, Any], tokens: bool) -> None:
        super().__init__()
        self.network, self.names, self.style, self.tokens = network, tuple(names), dict(style), tokens

    def forward(self, *inputs: Tensor) -> Tensor:
        given = dict(zip(self.names, inputs, strict=True))
        return self.answer(inputs, Supplied({kind: given[name] for kind, name in SUPPLIED.items() if name in given}))

    def answer(self, inputs: tuple[Tensor, ...], supply: Supply) -> Tensor:
        """What comes out, where what the networks draw is supplied; of the inputs those that are no such draws."""
        given = dict(zip(self.names, inputs, strict=True))
        condition = next((given[name] for name in CONDITIONS if name in given), None)
        with supply_draws(supply):
            made = self.made(inputs[0], condition, given.get("truncation"))
        return made.argmax(1).flatten(1) if self.tokens else made

    def made(self, x: Tensor, condition: Tensor | None, truncation: Tensor | None) -> Tensor:
        if truncation is None:
            out: Tensor = self.network(x, condition, **self.style)
            return out
        game: Any = self.network.game
        cutoff, noise = self.style.get("cutoff"), self.style.get("noise", True)
        mean, own = (game.styles(x, condition, truncation=psi, cutoff=cutoff) for psi in (0.0, 1.0))
        images: Tensor = game.synthesize(mean + truncation[:, None, None] * (own - mean), noise)
        return images.float()


CONDITIONS = ("label", "text", "condition")


class Supplied:
    """Hands out of an input, (n, numbers) of each distribution, what a network draws, one part after another."""

    def __init__(self, given: Mapping[str, Tensor]) -> None:
        self.given, self.taken = given, dict.fromkeys(given, 0)

    def __call__(self, sampler: Callable[..., Tensor], like: Tensor, row: tuple[int, ...]) -> Tensor:
        kind = KINDS[sampler]
        begin = self.taken[kind]
        self.taken[kind] += prod(row)
        own = self.given[kind][:, begin : self.taken[kind]]
        return own.reshape(own.shape[0], *row).to(like.dtype)


@dataclass(frozen=True)
class Interface:
    """A part made ready to be exported, with its inputs and what comes out."""

    part: str
    module: ExportedPart
    inputs: tuple[Input, ...]
    output: dict[str, Any]  # its name, shape, type and range, as JSON
    style: dict[str, Any]  # what of the game's style is fixed in it

    def example(self, n: int, seed: int) -> tuple[Tensor, ...]:
        """Inputs of n rows; of another seed others."""
        return tuple(one.draw(n, seed) for one in self.inputs)

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.inputs]


def make_interface(loaded: LoadedGame, name: str = "generator", style: Mapping[str, Any] = {}) -> Interface:
    """A part of a loaded game, on the processor, with its inputs; in this style, which is then fixed.

    Raises Mistake for a part or a style that the game has not, and for draws of another kind than normal and uniform.
    """
    part = find_part(loaded.game, name)
    check_part_style(part, loaded.game, style)
    network, own, back = take_network(loaded, name, [style]).cpu(), dict(style), bool(style.get("back", False))
    inputs = [first_input(loaded, part, back), *condition_inputs(loaded, part)]
    psi = isinstance(loaded.game, MakesStyles) and part.protocol is Generates and own.get("truncation") is None
    if psi:
        inputs.append(truncation_input())
    tokens = loaded.shape.text is not None and part.protocol is Generates
    plain = ExportedPart(network, [one.name for one in inputs], own, tokens)
    drawn = record_draws(plain, tuple(one.draw(2, 0) for one in inputs))
    inputs += [noise_input(kind, drawn) for kind in SUPPLIED if any(one.kind == kind for one in drawn)]
    module = ExportedPart(network, [one.name for one in inputs], own, tokens)
    with torch.no_grad():
        made = module(*(one.draw(2, 0) for one in inputs))
    fixed = default_style(part, loaded, own, psi)
    return Interface(name, module.eval(), tuple(inputs), output_facts(loaded, part, made, tokens), fixed)


def default_style(part: Part, loaded: LoadedGame, own: Mapping[str, Any], psi: bool) -> dict[str, Any]:
    """All that is fixed of a part's style: what was asked for, else as it is by default."""
    usual = {name: one.default for name, one in part_style(part, loaded.game).items()}
    return {key: value for key, value in (usual | dict(own)).items() if not (psi and key == "truncation")}


def first_input(loaded: LoadedGame, part: Part, back: bool) -> Input:
    def draw(n: int, seed: int) -> Tensor:
        return example_input(loaded, part, n, seed, back).cpu()

    one = draw(1, 0)
    if part.protocol is Generates:
        facts = describe_latents(loaded.game, one)
        return Input("latent", tuple(one.shape[1:]), one.dtype, facts, draw)
    if part.protocol is ReadsTokens:
        return Input("tokens", tuple(one.shape[1:]), one.dtype, token_facts(loaded), draw)
    if part.protocol is Decodes:
        return Input("code", tuple(one.shape[1:]), one.dtype, {"meaning": "a code, as the encoder makes it"}, draw)
    return Input("image", tuple(one.shape[1:]), one.dtype, image_facts(image_shape(loaded, part, back)), draw)


def token_facts(loaded: LoadedGame) -> dict[str, Any]:
    """How a text becomes tokens."""
    texts = loaded.shape.condition
    assert isinstance(texts, Text), "who reads tokens is told texts"
    meaning = "the words of a text, as the pattern finds them, each its place in words; others are left out"
    return {"low": 0, "high": texts.vocabulary - 1, "padding": PADDING, "pattern": WORDS.pattern, "meaning": meaning}


def condition_inputs(loaded: LoadedGame, part: Part) -> list[Input]:
    """What a part is told beside its input: a label, a text's code, or other numbers."""
    one = example_condition(loaded, part)
    if one is None:
        return []

    def draw(n: int, seed: int) -> Tensor:
        told = example_condition(loaded, part, n, seed)
        assert told is not None, "it is told something"
        return told.cpu()

    made_for = loaded.shape.condition
    if isinstance(made_for, Classes):
        facts = {"low": 0, "high": made_for.n - 1, "meaning": "the class of each sample, a place in classes"}
        return [Input("label", (), torch.int64, facts, draw)]
    text = isinstance(made_for, Text)
    meaning = "a text's code, as the run's reader of texts makes it" if text else str(made_for)
    return [Input("text" if text else "condition", tuple(one.shape[1:]), one.dtype, {"meaning": meaning}, draw)]


def truncation_input() -> Input:
    facts = {"low": 0.0, "high": 1.0, "default": 1.0, "meaning": "0 is the mean style, 1 each sample's own"}
    return Input("truncation", (), torch.float32, facts, lambda n, seed: torch.linspace(1.0, 0.5, n))


def record_draws(module: ExportedPart, inputs: tuple[Tensor, ...]) -> list[DrawnRow]:
    """What a module draws for itself as it is called, in order; Mistake for what no input could stand for."""
    drawn: list[DrawnRow] = []

    def supply(sampler: Callable[..., Tensor], like: Tensor, row: tuple[int, ...]) -> Tensor:
        name = getattr(sampler, "__name__", sampler)
        require(sampler in KINDS, f"this game draws by {name} as it makes samples, for which a file has no input; draw "
                "by torch.randn or torch.rand")  # fmt: skip
        drawn.append(DrawnRow(KINDS[sampler], row))
        return sampler(like.shape[0], *row, generator=torch.Generator().manual_seed(0), dtype=like.dtype)

    with torch.no_grad():
        module.answer(inputs, supply)
    return drawn


def noise_input(kind: str, drawn: Sequence[DrawnRow]) -> Input:
    """All that is drawn of one distribution, one row behind the other: layers in their order, each flattened."""
    numbers = sum(prod(one.row) for one in drawn if one.kind == kind)
    normal = kind == "normal"
    law = {"distribution": "normal", "mean": 0.0, "std": 1.0} if normal else {
        "distribution": "uniform", "low": 0.0, "high": 1.0}  # fmt: skip
    layers = [list(one.row) for one in drawn if one.kind == kind]
    meaning = "what layers draw by themselves, in their order" + (
        "; zeros leave it out" if normal else ", as dropout does"
    )

    def draw(n: int, seed: int) -> Tensor:
        dice = torch.Generator().manual_seed(seed)
        return (torch.randn if normal else torch.rand)(n, numbers, generator=dice)

    return Input(SUPPLIED[kind], (numbers,), torch.float32, {**law, "layers": layers, "meaning": meaning}, draw)


def image_facts(shape: Shape) -> dict[str, Any]:
    """What is to be known of images of this shape."""
    if shape.points:
        return {"meaning": "points, an image of one pixel each"}
    return {"layout": "NCHW", "low": -1.0, "high": 1.0, "meaning": "images: -1 is black, 1 white"}


def output_facts(loaded: LoadedGame, part: Part, made: Tensor, tokens: bool) -> dict[str, Any]:
    """What comes out, as JSON."""
    row, dtype = ["batch", *made.shape[1:]], str(made.dtype).removeprefix("torch.")
    if tokens:
        return {"name": "tokens", "shape": row, "dtype": dtype, "meaning": "lines of text, places in words"}
    if part.protocol is Encodes:
        return {"name": "code", "shape": row, "dtype": dtype, "meaning": "a code for each image"}
    if part.protocol is ReadsTokens:
        return {"name": "code", "shape": row, "dtype": dtype, "meaning": "a code for each text, which is told as text"}
    facts = image_facts(image_shape(loaded, part))
    over = {} if loaded.shape.points else {"meaning": f"{facts['meaning']}; clip what is beyond"}
    return {"name": "made", "shape": row, "dtype": dtype, **facts, **over}
