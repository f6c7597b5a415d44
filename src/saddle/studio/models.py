"""Runs that are played with: loaded once, shared by all visitors, and only ever read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Literal, TypeVar, cast

from ..capabilities import Generates, MakesStyles, ReadsTexts, StyleOption, Translates, style_options
from ..errors import Mistake
from ..inference.load import find_checkpoint, load
from ..latent.directions import Direction
from ..latent.factors import closed_form_directions, principal_directions
from ..latent.space import LatentSpace
from ..latent.styles import LAYER_GROUPS, StyleSpace, open_space, parse_layers
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..shape import Text

MOST_RUNS = 4  # in memory at a time; the one that was asked for longest ago leaves
MOST_FINDINGS = 32  # spaces and directions that are kept of a run
BY = Literal["sefa", "pca"]
T = TypeVar("T")


class Kept:
    """What was worked out lately, by key: each once, though several ask for it at a time."""

    def __init__(self, most: int) -> None:
        self.most, self.lock = most, threading.Lock()
        self.found: OrderedDict[Hashable, tuple[threading.Lock, list[Any]]] = OrderedDict()

    def get(self, key: Hashable, work: Callable[[], T]) -> T:
        with self.lock:
            own, found = self.found.setdefault(key, (threading.Lock(), []))
            self.found.move_to_end(key)
            while len(self.found) > self.most:
                self.found.popitem(last=False)
        with own:
            if not found:
                found.append(work())  # what raises is asked again by the next one
            return cast(T, found[0])


class Model:
    """A loaded run, and what is known of its latents."""

    def __init__(self, folder: RunFolder) -> None:
        self.manifest, self.loaded = Manifest.read(folder), load(folder.path)
        self.kept = Kept(MOST_FINDINGS)

    @property
    def pictures(self) -> bool:
        """Are they pictures that it makes, and no points or lines of text?"""
        return not self.loaded.shape.points and self.loaded.shape.text is None

    @property
    def draws(self) -> bool:
        """Can samples be drawn of it?"""
        return self.loaded.makes_by_chance and self.pictures

    @property
    def reads_texts(self) -> bool:
        column = self.loaded.shape.condition
        return isinstance(self.loaded.game, ReadsTexts) and isinstance(column, Text) and bool(column.words)

    @property
    def styled(self) -> bool:
        return isinstance(self.loaded.game, MakesStyles)

    @property
    def translates(self) -> bool:
        return isinstance(self.loaded.game, Translates) and self.pictures

    @property
    def truncation(self) -> StyleOption | None:
        """The option that samples are truncated by, if it has one."""
        return self.loaded.style.get("truncation") if isinstance(self.loaded.game, Generates) else None

    @property
    def classes(self) -> list[str]:
        """Those that samples can be asked of."""
        return list(self.loaded.classes) if self.draws and self.loaded.is_conditional else []

    @property
    def goes_back(self) -> bool:
        return self.translates and "back" in style_options(type(self.loaded.game), Translates)

    def space(self, label: str | None = None, truncation: float | None = None) -> LatentSpace:
        """Its latents, or styles where it makes such; Mistake where it has none that could be searched.

        Styles are truncated; other latents have no middle to be drawn to, and stay what they are.
        """
        psi = 1.0 if truncation is None or not self.styled else float(truncation)
        return self.kept.get(("space", label, psi), lambda: open_space(self.loaded, label, "auto", psi))

    def why_no_space(self) -> str:
        """Why its latents cannot be walked through, in a sentence; nothing if they can."""
        try:
            self.space()
        except Mistake as why:
            return str(why)
        return ""

    def directions(self, by: BY, count: int, layers: str = "all") -> list[Direction]:
        """As many directions as there are, up to `count`, the strongest first: in styles those of some layers."""

        def find() -> list[Direction]:
            space = self.space()
            some = parse_layers(layers, space.layers) if isinstance(space, StyleSpace) and layers != "all" else None
            most = min(count, space.draw(1, 0)[0, 0].numel() if self.styled else space.draw(1, 0)[0].numel())
            return (principal_directions if by == "pca" else closed_form_directions)(space, most, some)

        return self.kept.get(("directions", by, count, layers), find)


RUNS = Kept(MOST_RUNS)


def open_model(folder: RunFolder) -> Model:
    """A run, loaded anew once it has been trained further."""
    state = find_checkpoint(folder, best=False).stat()
    return RUNS.get((folder.path.resolve(), state.st_mtime_ns, state.st_size), lambda: Model(folder))


def layer_groups(model: Model) -> list[str]:
    return ["all", *LAYER_GROUPS] if model.styled else ["all"]
