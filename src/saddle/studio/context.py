"""What a studio was started with: where runs lie, and what one visitor may ask of this machine."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import Mistake, escape_unprintable, require
from ..runs.folder import RunFolder
from ..runs.naming import RUNS, last_trained

STUDIO_FOLDER = ".studio"  # among the runs: what was uploaded, and what trainings said


@dataclass(frozen=True)
class StudioContext:
    """One for all visitors; what is a visitor's own lies in the page's state."""

    runs: Path = RUNS  # where new runs go
    named: tuple[Path, ...] = ()  # runs that were named on the command line
    paths: bool = True  # may visitors name files of this machine? Only where no other machine can come
    most_bytes: int = 200 << 20  # of one upload
    most_pixels: int = 64_000_000  # of one uploaded picture
    most_samples: int = 64  # made at once
    most_trainings: int = 1  # at a time
    seconds: float = 60.0  # that one answer may take
    files: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="saddle-studio-")))  # for the page's files

    @property
    def own(self) -> Path:
        return self.runs / STUDIO_FOLDER

    def run_paths(self) -> list[Path]:
        """All runs that visitors may see: those named, then those of the folder, the one trained last first."""
        found = (place.parent for place in self.runs.glob("*/manifest.json"))
        rest = sorted((run for run in found if not run.is_symlink()), key=last_trained, reverse=True)
        return list(dict.fromkeys([*self.named, *rest]))

    def run_choices(self) -> list[tuple[str, str]]:
        """Each run as it is shown, and as a page names it."""
        return [(escape_unprintable(run.name), str(run)) for run in self.run_paths()]

    def find_run(self, name: object) -> RunFolder:
        """The run that a page names: one of those that it was shown, and nothing else on this machine."""
        require(bool(name), "choose a run first")
        found = next((run for run in self.run_paths() if str(run) == name), None)
        if found is None:
            raise Mistake("there is no such run here; it may have been moved or deleted")
        return RunFolder.find(found)
