"""The layers of a player by the size of the map that each of them makes: where they stand, whatever they are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from torch import Tensor, nn

from ..core import Game
from ..errors import require
from ..image_size import ImageSize
from ..recipe import Recipe
from ..shape import Shape
from .rehearsal import fewer_samples
from .round_cost import last_stage, meta_game, meta_rounds

INSIDE = ".parametrizations."  # behind it stands what a layer's weight is made of


class Place(NamedTuple):
    """Where a layer stands: the sizes of the map that it reads, if it reads one, and of that which it makes."""

    reads: ImageSize | None
    makes: ImageSize


class Layer(NamedTuple):
    """What one layer keeps: its name in the game, its tensors' shapes by the ends of their names, and its place."""

    name: str
    tensors: Mapping[str, tuple[int, ...]]
    learned: int  # numbers that it learns
    place: Place | None  # its own, or that of the block that it stands in; None: not among maps

    @property
    def size(self) -> ImageSize | None:
        """Of the map that it makes."""
        return self.place.makes if self.place else None


def list_layers(recipe: Recipe[Any], data: Shape) -> dict[str, list[Layer]]:
    """The layers of each player that keep anything, in the order in which it defines them.

    Places come of a round that is played on tensors without numbers; of a game that cannot be played so, none is known.
    """
    places: dict[str, dict[str, Place]] = {}
    few = fewer_samples(last_stage(recipe, data)[0].batch)
    with suppress(NotImplementedError, RuntimeError), meta_rounds(recipe, data, few) as (played, _, play):
        for player in players_of(played):
            note_places(getattr(played, player), places.setdefault(player, {}))
        play()
    game = meta_game(recipe, data)
    return {player: layers_of(getattr(game, player), player, places.get(player, {})) for player in players_of(game)}


def players_of(game: Game[Any]) -> list[str]:
    """The names of the players that learn."""
    return [name for name, child in game.named_children() if any(p.requires_grad for p in child.parameters())]


def layers_of(network: nn.Module, player: str, places: Mapping[str, Place]) -> list[Layer]:
    learns = {name for name, p in network.named_parameters() if p.requires_grad}
    kept: dict[str, dict[str, Tensor]] = {}
    for key, t in network.state_dict().items():
        if isinstance(t, Tensor):
            layer, end = split_layer(key)
            kept.setdefault(layer, {})[end] = t
    return [Layer(join_layer(player, name), {end: tuple(t.shape) for end, t in own.items()},
                  sum(t.numel() for end, t in own.items() if join_layer(name, end) in learns), place_at(name, places))
            for name, own in kept.items()]  # fmt: skip


def note_places(network: nn.Module, places: dict[str, Place]) -> None:
    """Note, from now on, the place of each module inside a network that makes maps, the first time it is called."""
    for name, module in network.named_modules():
        if name and INSIDE not in f".{name}.":

            def note(_: nn.Module, inputs: tuple[Any, ...], made: Any, name: str = name) -> None:
                read = next((ImageSize(*x.shape[2:]) for x in inputs if isinstance(x, Tensor) and x.ndim == 4), None)
                if isinstance(made, Tensor) and made.ndim == 4:
                    places.setdefault(name, Place(read, ImageSize(*made.shape[2:])))

            module.register_forward_hook(note)


def place_at(name: str, places: Mapping[str, Place]) -> Place | None:
    """A layer's own place, or that of the nearest module that it stands in."""
    while name:
        if name in places:
            return places[name]
        name = name.rpartition(".")[0]
    return None


def split_layer(key: str) -> tuple[str, str]:
    """A tensor's name as that of its layer, and the rest: what makes up its weight belongs to the layer."""
    if INSIDE in f".{key}":
        layer, _, end = f".{key}".partition(INSIDE)
        return layer.removeprefix("."), f"{INSIDE[1:]}{end}"
    layer, _, end = key.rpartition(".")
    return layer, end


def join_layer(layer: str, end: str) -> str:
    return ".".join(filter(None, (layer, end)))


def frozen_parameters(recipe: Recipe[Any], data: Shape, sizes: int,
                      known: Mapping[str, list[Layer]] | None = None) -> tuple[str, ...]:  # fmt: skip
    """The critic's parameters in layers that make maps of its so many largest sizes (FreezeD). Mo, Cho & Shin 2020.

    `known`: its layers, where they were listed before, for which a round is counted. Mistake for a game without a
    critic of maps, and for more sizes than leave it something to learn.
    """
    if not sizes:
        return ()
    game = meta_game(recipe, data)
    name = type(recipe).__name__
    players = dict(game.named_children())
    require("critic" in players, f"{name} has no critic to freeze layers of; leave out --freeze-critic")
    layers = (known or list_layers(recipe, data))["critic"]
    found = sorted({layer.size for layer in layers if layer.size and layer.learned}, reverse=True)
    most = len(found) - all(layer.size or not layer.learned for layer in layers)
    require(most > 0, f"the critic of {name} makes no maps, so that no layers are nearest to the image; leave out "
            "--freeze-critic")  # fmt: skip
    named = ", ".join(map(str, found))
    require(sizes <= most, f"freeze-critic is {sizes}, but the critic of {name} makes maps of {named}, and something "
            f"must be left to learn; --freeze-critic {most} is the most")  # fmt: skip
    own = dict(game.named_parameters())
    return tuple(key for key in keys_of(layer for layer in layers if layer.size in found[:sizes]) if key in own)


def keys_of(layers: Iterable[Layer]) -> list[str]:
    return [f"{layer.name}.{end}" for layer in layers for end in layer.tensors]
