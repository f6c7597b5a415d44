"""How often a run saves itself, and how long a round may take once it was asked to stop: by what a checkpoint costs."""

from __future__ import annotations

import time
from collections.abc import Iterator

GRACE = 20.0  # seconds that a run which was asked to stop has to save itself and leave
SHARE = 0.02  # of the time, at most, goes into checkpoints
FREE_SECONDS = 1.0  # a checkpoint that takes no longer is taken as often as was asked for


class CheckpointPace:
    """Asked for are seconds between two checkpoints, and seconds in which it has left once it was asked to stop."""

    def __init__(self, seconds: float, grace: float = GRACE) -> None:
        self.seconds, self.grace = seconds, grace
        self.cost = 0.0  # seconds that the last one took, of the process that writes them
        self.saved_at = time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self.saved_at > self.between

    def saved(self) -> None:
        self.saved_at = time.monotonic()

    @property
    def between(self) -> float:
        """Seconds: as was asked for, or more where one takes long."""
        return self.seconds if self.cost <= FREE_SECONDS else max(self.seconds, self.cost / SHARE)

    @property
    def patience(self) -> float:
        """Seconds that a round has to end in, once the run was asked to stop, so that a checkpoint can follow it."""
        return max(0.0, self.grace - max(self.grace / 2, 2 * self.cost))

    def weigh(self, seconds: float) -> Iterator[str]:
        """Remember what a checkpoint took; sentences, each once, where that is much."""
        before, cost, self.cost = self.between, self.cost, seconds
        if seconds > self.grace >= cost:
            yield (f"warning: a checkpoint takes {seconds:.0f} s, and a run that is asked to stop has {self.grace:.0f} "
                   f"s; --grace {2 * seconds:.0f}s gives it more, where whoever ends it does")  # fmt: skip
        if self.between > 1.5 * before:
            yield (f"a checkpoint takes {seconds:.1f} s, so one is taken every {self.between:.0f} s: {SHARE:.0%} of "
                   "the time")  # fmt: skip
