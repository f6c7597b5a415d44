"""The manifest: all that defines a run, readable, in its folder from the beginning."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from ..errors import Mistake
from .folder import Folder, write_json
from .settings import Settings

FORMAT = "saddle run 1"


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says; `recipe` is the value as it reads in Python."""

    name: str  # the recipe as it was asked for: dcgan, or the path of mine.py:MyGAN
    recipe: str  # DCGAN(networks=Convolutional(...), ...), every field
    options: dict[str, str]  # what was changed on the command line
    settings: Settings
    images: int  # the run's length
    data: dict[str, Any]  # name, fingerprint, samples, shape, classes, counts: how many samples each class has
    machine: dict[str, Any]  # device, precision, threads, processes, versions
    created: str  # when, ISO 8601

    def write(self, folder: Folder) -> None:
        write_json(folder.manifest, {"format": FORMAT} | dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: Folder) -> Manifest:
        """Mistake for a file that is no manifest of saddle's, or of another format."""
        try:
            facts = json.loads(folder.manifest.read_text(encoding="utf-8"))
            if facts.pop("format") != FORMAT:
                raise Mistake(f"{folder.manifest} was written in another format than {FORMAT!r}, the one known here")
            settings = Settings(**facts.pop("settings"))
            return cls(settings=settings, **facts)
        except Mistake:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Mistake(f"{folder.manifest} is no manifest of a run: {error}") from None

    @property
    def identity(self) -> dict[str, Any]:
        """What may not change between a checkpoint and its resumption, name by name."""
        same = {name: getattr(self.settings, name) for name in ("seed", "accumulate", "ema")}
        device = str(self.machine["device"]).partition(":")[0]
        return same | {"recipe": self.recipe, "images": self.images, "data": self.data["fingerprint"],
                       "device": device, "precision": self.machine["precision"]}  # fmt: skip
