"""What an exported file says of itself: how it is called, what it was made of, and with what parity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

from torch.nn.modules.batchnorm import _BatchNorm

from .. import __version__
from ..inference.loaded import LoadedGame
from ..runs.manifest import Manifest
from ..shape import Text
from .interface import Interface
from .parity import Parity

EXPORT_FORMAT = "saddle export 1"
FACTS_KEY = "saddle"  # of the JSON in a file's own metadata


class Exported(NamedTuple):
    """A file, or a folder, that was written; where it runs by itself, with its parity and what it says of itself."""

    path: PurePath
    parity: Parity | None
    facts: Mapping[str, Any]


def export_facts(loaded: LoadedGame, interface: Interface, parity: Parity | None, runtime: str,
                 about: Mapping[str, Any] = {}) -> dict[str, Any]:  # fmt: skip
    """As JSON; `about` is what else is known of the run: see `run_facts`."""
    shape = loaded.shape
    words = shape.text.words if shape.text else shape.condition.words if isinstance(shape.condition, Text) else ()
    told = {"classes": list(loaded.classes) if shape.classes else [], "words": list(words)}
    compared = {"difference": parity.difference, "bound": parity.bound, "rows": list(parity.rows)} if parity else None
    style = {key: value for key, value in interface.style.items() if value not in (None, ())}
    return {"format": EXPORT_FORMAT, "saddle": __version__, "part": interface.part, **about,
            "weights": loaded.weights, "clock": {"round": loaded.clock.round, "images": loaded.clock.images},
            "size": list(shape[1:3]), "channels": shape.channels,
            "inputs": [one.describe() for one in interface.inputs], "outputs": [interface.output],
            "style": style, **{key: value for key, value in told.items() if value},
            "normalisation": normalisation(interface, about.get("standing")),
            "runtime": runtime, "parity": compared}  # fmt: skip


def normalisation(interface: Interface, standing: int | None) -> str:
    """Of what the statistics are that batch normalisation uses, in words."""
    if not any(isinstance(layer, _BatchNorm) for layer in interface.module.modules()):
        return "none by batches"
    return f"statistics of {standing:,} samples" if standing else "running statistics"


def run_facts(manifest: Manifest, standing: int | None = None) -> dict[str, Any]:
    """What a file may say of its run: nothing of this machine's folders."""
    facts: dict[str, Any] = {"recipe": PurePath(manifest.name).name, "data": PurePath(manifest.data["name"]).name}
    return facts | ({"standing": standing} if standing else {})
