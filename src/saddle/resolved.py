"""What was asked for, made out: settings, the recipe's value, data that it can be played on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .continued import absolute
from .core import Mistake, Recipe, Shape
from .data import Prepare, open_data
from .data.dataset import Dataset
from .data.held import hold_out, refuse_too_many
from .data.pile import Say, Suits
from .data.sources import meant, silent, unmistakable
from .errors import nearest
from .measuring.named import judged, judged_of_data
from .options import count
from .recipes import Entry, canonical, find
from .recipes.rehearsal import rehearse
from .recipes.remedies import Attempt, Try, Understand, Wish, advised, remedy
from .recipes.revive import carried, changed, named
from .recipes.sources import Source
from .runs.settings import Settings
from .training.machine import Machine, apart, machine, rank, wait
from .training.match import How
from .training.watch import Watcher

CLASSES = 62  # of drawn glyphs
TOYS = ("ring", "grid", "swiss-roll")


def settle(data: str | None, settings: Mapping[str, Any]) -> Settings:
    """Settings from keywords, refusing unknown ones by the nearest name."""
    known = {field.name for field in dataclasses.fields(Settings)}
    for name in settings:
        if name not in known:
            raise Mistake(f"there is no setting {name}{nearest(name, known)}")
    counts = {name: settings.get(name) for name in ("images", "every", "samples")}
    more = {name: count(value) for name, value in counts.items() if isinstance(value, str)}
    chosen = Settings(data=data, **{**settings, **more})
    if chosen.measure is not None:
        judged(chosen.measure, chosen.features, chosen.patience, chosen.samples)
    return chosen


def choose(recipe: str | Recipe[Any], options: dict[str, str],
           chosen: Settings) -> tuple[str, Recipe[Any], dict[str, str], Settings, Source | None]:  # fmt: skip
    """The recipe's name, value and changed fields, the settings with its own data where none was named; its source."""
    by_name = isinstance(recipe, str)
    if not isinstance(recipe, str):
        recipe, options = named(recipe, options)
    recipe = canonical(recipe)
    standard, entry = find(recipe)
    data = None if chosen.data is None else absolute(meant(chosen.data))
    if by_name and data in (None, entry.data):
        options = at_home(entry, options)
    size = entry.size if chosen.data is None else None
    path, colon, attribute = recipe.rpartition(":")
    name = f"{Path(path).resolve()}:{attribute}" if colon and path.endswith(".py") else recipe
    chosen = dataclasses.replace(
        chosen, data=entry.data if data is None else data, size=chosen.size or size,
        labels=None if chosen.labels is None else absolute(chosen.labels))  # fmt: skip
    value = changed(standard, entry, options)
    return name, value, options, chosen, carried(value, entry)


def suited(recipe: str | Recipe[Any], wish: Wish, asked: Settings, chosen: Settings, batch: int, where: Machine,
           watch: Watcher) -> Dataset:  # fmt: skip
    """The data, if such can be played on; what cannot is refused before pictures are read, as far as can be told."""
    rehearsed: list[Shape] = []

    def suits(shape: Shape, most: int | None) -> None:
        if most is not None:
            refuse_too_many(chosen.held_out, most)
            most -= chosen.held_out
        judged_of_data(chosen, shape, most)
        rehearsed.append(playable(recipe, wish, asked, shape, where, most))

    samples = opened(chosen, watch, suits)
    if samples.shape not in rehearsed or batch > len(samples):
        playable(recipe, wish, asked, samples.shape, where, len(samples))
    return samples


def playable(recipe: str | Recipe[Any], wish: Wish, asked: Settings, data: Shape, where: Machine,
             most: int | None = None) -> Shape:  # fmt: skip
    """The shape, if such data can be played on; else refused, before anything is read or written, proposing what can.

    `most`: how many samples there are, once that is known.
    """

    understand, attempt = tries(recipe, asked, data, where, most)
    try:
        attempt(understand(wish), True)
    except Mistake as refusal:
        raise advised(refusal, wish, understand, attempt) from None
    return data


def playable_with(recipe: str, options: Mapping[str, str]) -> Mapping[str, str]:
    """These options and whatever else it takes that a recipe can be played on glyphs, or points, of its own with them.

    Nothing where no change is known that helps.
    """
    _, entry = find(recipe)
    size = entry.size or 32
    data = Shape(2, 1, 1) if entry.data in TOYS else Shape(1, size, size, CLASSES)
    understand, attempt = tries(recipe, Settings(device="cpu"), data, machine("cpu"))
    wish = Wish(options, {})
    with apart():
        try:
            attempt(understand(wish), True)
        except Mistake as refusal:
            found = remedy(wish, refusal, understand, attempt)
            return found.options if found and not found.settings and options.items() <= found.options.items() else {}
    return options


def tries(recipe: str | Recipe[Any], asked: Settings, data: Shape, where: Machine,
          most: int | None = None) -> tuple[Understand, Try]:  # fmt: skip
    """How a wish is understood as something that can be played on such data, and how that is tried."""

    def understand(wish: Wish) -> Attempt:
        _, value, _, chosen, _ = choose(recipe, dict(wish.options), dataclasses.replace(asked, **wish.settings))
        shape, size = Shape(1, 0, 0, CLASSES) if "data" in wish.settings else data, wish.settings.get("size")
        return Attempt(value, shape._replace(height=size, width=size) if size else shape, how(chosen), most)

    def attempt(at: Attempt, fully: bool) -> None:
        sampled = asked.measure is not None
        rehearse(at.recipe, at.data, where, at.how, most=at.most, sampled=sampled, fully=fully)

    return understand, attempt


def at_home(entry: Entry, options: dict[str, str]) -> dict[str, str]:
    """The options, with what a named recipe has beside them for the data that it trains on by itself."""
    given = {option.replace("-", "_") for option in options}
    return {f: value for f, value in entry.quick.items() if not given & {f, f.partition(".")[0]}} | options


def opened(chosen: Settings, watch: Watcher, suits: Suits = lambda shape, most: None,
           say: Say | None = None) -> Dataset:  # fmt: skip
    """The data, decoded by the first process while the others wait."""
    fields = {field.name: getattr(chosen, field.name) for field in dataclasses.fields(Prepare)}
    source = unmistakable(chosen.data or "glyphs")
    if rank():
        wait()
    data = open_data(source, Prepare(**fields), (say or watch.said) if rank() == 0 else silent, suits=suits)
    if not rank():
        wait()
    return hold_out(data, chosen.held_out)


def how(chosen: Settings) -> How:
    return How(chosen.seed, chosen.accumulate, chosen.ema)
