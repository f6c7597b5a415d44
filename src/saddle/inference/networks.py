"""What a trained game does, as plain modules: its generator, its encoder, and what each of them is called with."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from ..capabilities import (
    Decodes,
    Encodes,
    Generates,
    ReadsTokens,
    Reconstructs,
    Translates,
    check_style,
    describe_capabilities,
    find_capability,
    style_options,
)
from ..core import Game
from ..errors import Mistake, did_you_mean, require
from ..recipes.capable import lacking
from ..shape import Classes, Codes, Picture, Shape, Text
from ..texts import MAX_WORDS, PADDING, UNKNOWN
from ..training.rows import MAX_ROWS
from .chance import own_chance
from .translating import source_shape

if TYPE_CHECKING:
    from .loaded import LoadedGame

PartName = Literal["generator", "translator", "encoder", "decoder", "autoencoder", "reader"]
PROTOCOLS: Mapping[str, tuple[type, ...]] = {  # of a part, the first that a game has
    "generator": (Generates, Translates, Decodes),
    "translator": (Translates,),
    "encoder": (Encodes,),
    "decoder": (Decodes,),
    "autoencoder": (Reconstructs,),
    "reader": (ReadsTokens,),
}
METHODS = {Decodes: "decode", ReadsTokens: "told"}  # of protocols that are no capability of their own


class Network(nn.Module):
    """What a game does by one method, for `x` (n, ...) and, where it is told one, a condition of each row.

    `x` is what the method takes: latents (n, ...) or codes, or images (n, channels, height, width) float32 in [-1, 1].
    Further keywords are the game's own style, as truncation is. It holds those of the game's networks that take part.
    """

    def __init__(self, game: Game[Any], method: str, shape: Shape) -> None:
        super().__init__()
        self.game, self.method, self.shape = game, method, shape

    def forward(self, x: Tensor, condition: Tensor | None = None, **style: Any) -> Tensor:
        told = () if condition is None else (condition,)
        made: Tensor = getattr(self.game, self.method)(x, *told, **style)
        return made.float()

    def latents(self, n: int = 1, seed: int = 0) -> Tensor:
        """What a generator is called with, (n, ...), as the first n samples of this seed are made of it."""
        maker: Any = self.game
        require(isinstance(maker, Generates), f"{type(maker).__name__} makes no samples of latents")
        device = next((t.device for t in self.parameters()), torch.device("cpu"))
        return draw_latents(maker, self.shape, device, n, seed)


def draw_latents(maker: Generates, shape: Shape, device: torch.device, n: int, seed: int) -> Tensor:
    """Latents (n, ...) as the first n samples of this seed are made of them: `saddle sample --seed`."""
    parts = []
    for place in range(0, n, MAX_ROWS):
        some = min(MAX_ROWS, n - place)
        with own_chance(device, seed, place, some):
            parts.append(maker.latents(torch.zeros(some, *shape[:3], device=device)))
    return torch.cat(parts)


class Part(NamedTuple):
    """Something that a game does: the method that does it, and the protocol that has it."""

    method: str
    protocol: type


def find_part(game: Game[Any], name: str) -> Part:
    """The method of a game that is its generator, encoder ...; Mistake where it has none, naming those it has."""
    require(name in PROTOCOLS, f"there is no part {name}{did_you_mean(name, PROTOCOLS)}")
    for protocol in PROTOCOLS[name]:
        if isinstance(game, protocol):
            return Part(METHODS[protocol] if protocol in METHODS else find_capability(protocol).method, protocol)
    there = list_parts(game)
    if not there and name == "generator":
        does = describe_capabilities(type(game))
        raise Mistake(f"{type(game).__name__} has no generator: it can {does}")
    if PROTOCOLS[name][0] in METHODS:
        raise Mistake(f"{type(game).__name__} has no {name}; it has {', '.join(there)}")
    refusal = lacking(type(game), PROTOCOLS[name][0])
    raise Mistake(f"{refusal}; its parts are {', '.join(there)}") from None


def list_parts(game: Game[Any]) -> list[str]:
    """The names of what a game can be taken apart into."""
    return [name for name in get_args(PartName) if any(isinstance(game, one) for one in PROTOCOLS[name])]


def take_network(loaded: LoadedGame, name: str = "generator", styles: Sequence[Mapping[str, Any]] = ()) -> Network:
    """A part of a loaded game as a module of its own, a copy in evaluation mode, without what takes no part in it.

    `styles`: in which it will be called; with none, in any. Raises Mistake for a part that the game has not.
    """
    part, game = find_part(loaded.game, name), loaded.game
    ways = [False, True] if "back" in part_style(part, game) else [False]
    used: set[str] = set()
    for style in styles or [{"back": True} if back else {} for back in ways]:
        x, condition = example_input(loaded, part, back=bool(style.get("back"))), example_condition(loaded, part)
        used |= used_children(game, Network(game, part.method, loaded.shape), x, condition, style)
    lean = copy.copy(game)
    lean._modules = {key: child for key, child in game._modules.items()
                     if key in used or child is None or not child.state_dict()}  # fmt: skip
    return Network(copy.deepcopy(lean), part.method, loaded.shape).eval()


def used_children(game: nn.Module, network: Network, x: Tensor, condition: Tensor | None,
                  style: Mapping[str, Any]) -> set[str]:  # fmt: skip
    """The names of a game's own networks that a call reaches, in whole or in part."""
    used: set[str] = set()
    hooks = [module.register_forward_pre_hook(lambda module, inputs, key=key: used.add(key))
             for key, child in game.named_children() for module in child.modules()]  # fmt: skip
    try:
        with torch.no_grad():
            network(x, condition, **style)
    finally:
        for hook in hooks:
            hook.remove()
    return used


def example_input(loaded: LoadedGame, part: Part, n: int = 1, seed: int = 0, back: bool = False) -> Tensor:
    """What a part is called with, of a seed: latents as samples have them, codes of images, or images of noise."""
    require(n <= MAX_ROWS, f"{n} examples were asked for, but at most {MAX_ROWS} are made at once")
    game: Any = loaded.game
    like = torch.zeros(n, *image_shape(loaded, part, back)[:3], device=loaded.device)
    if part.protocol is ReadsTokens:
        return example_tokens(loaded, n, seed)
    with own_chance(loaded.device, seed, 0, n):
        if part.protocol is Generates:
            latents: Tensor = game.latents(like)
            return latents
        images = torch.rand_like(like) * 2 - 1
        if part.protocol is Decodes:
            codes: Tensor = game.encode(images)
            return torch.randn_like(codes)
    return images


def example_tokens(loaded: LoadedGame, n: int, seed: int) -> Tensor:
    """Texts of several lengths as tokens (n, MAX_WORDS), any of the words that there are."""
    texts, dice = loaded.shape.condition, torch.Generator().manual_seed(seed)
    require(isinstance(texts, Text), f"{type(loaded.game).__name__} was not trained on texts")
    assert isinstance(texts, Text), "it was checked"
    words = torch.randint(UNKNOWN + 1, max(texts.vocabulary, UNKNOWN + 2), (n, MAX_WORDS), generator=dice)
    lengths = torch.randint(1, MAX_WORDS + 1, (n, 1), generator=dice)
    return torch.where(torch.arange(MAX_WORDS) < lengths, words, PADDING).to(loaded.device)


def image_shape(loaded: LoadedGame, part: Part, back: bool = False) -> Shape:
    """Of the images that a part takes, or of what it makes."""
    return source_shape(loaded, back) if part.protocol is Translates else loaded.shape


def example_condition(loaded: LoadedGame, part: Part, n: int = 1, seed: int = 0) -> Tensor | None:
    """What a part is told beside its input, (n, ...), of a seed; None where it is told nothing."""
    if part.protocol is not Generates:
        return None
    dice, made_for, game = torch.Generator().manual_seed(seed), loaded.shape.condition, loaded.game
    match made_for:
        case Classes(classes):
            told = torch.randint(classes, (n,), generator=dice) if needs_label(loaded) else None
        case Text():
            told = torch.randn(n, code_size(game, made_for), generator=dice)
        case Codes(size):
            told = torch.randn(n, size, generator=dice)
        case Picture(shape):
            told = torch.rand(n, *shape[:3], generator=dice) * 2 - 1
        case _:
            told = None
    return None if told is None else told.to(loaded.device)


def needs_label(loaded: LoadedGame) -> bool:
    """Is a generator told the class of each sample, or does it make something else of another one?"""
    like = torch.zeros(1, *loaded.shape[:3], device=loaded.device)
    try:
        with own_chance(loaded.device, 0, 0, 1):
            loaded.maker.make(loaded.maker.latents(like))
    except Mistake:  # it cannot do without
        return True
    return loaded.is_conditional


def code_size(game: object, texts: Text) -> int:
    """How many numbers a text's code has that a game is told."""
    told: Callable[[Tensor], Tensor] | None = getattr(game, "told", None)
    require(told is not None, f"{type(game).__name__} is told {texts}, of which it makes no codes that could be given")
    assert told is not None
    device = next((p.device for p in game.parameters()), torch.device("cpu")) if isinstance(game, nn.Module) else None
    with torch.no_grad():
        return int(told(torch.zeros(1, texts.length, dtype=torch.int64, device=device)).shape[1])


def check_part_style(part: Part, game: Game[Any], style: Mapping[str, object]) -> None:
    """Refuse a style that a part has not; a decoder and a reader have none."""
    if part.protocol in METHODS:
        require(not style, f"this part has no style, but {', '.join(style)} was given; leave it out")
    else:
        check_style(game, part.protocol, style)


def part_style(part: Part, game: Game[Any]) -> dict[str, Any]:
    """The style that a part has, by name, with defaults and types."""
    return {} if part.protocol in METHODS else dict(style_options(type(game), part.protocol))
