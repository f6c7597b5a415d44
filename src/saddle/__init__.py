"""saddle trains, measures and uses generative adversarial networks.

`from saddle import train, load` is everything that the command line does; nothing heavy is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .exporting.export import export
    from .inference.load import load
    from .measuring.measure import measure
    from .sessions import resume, train

__version__ = "0.1.0"
__all__ = ["export", "load", "measure", "resume", "train"]

WHERE = {"train": "saddle.sessions", "resume": "saddle.sessions", "load": "saddle.inference.load",
         "measure": "saddle.measuring.measure", "export": "saddle.exporting.export"}  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in WHERE:
        raise AttributeError(f"module 'saddle' has no attribute {name!r}")
    return getattr(import_module(WHERE[name]), name)
