"""What the theory says, beside what saddle's own losses do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Failure, quoted, require, visible
from ..theory import DEMONSTRATIONS, demonstrate
from .pages import table
from .saying import tell
from .words import take


@dataclass(frozen=True)
class Showing:
    """Where the picture goes."""

    out: Path | None = None  # the picture's file, a PNG; theory-NAME.png if not given

    def __post_init__(self) -> None:
        png = self.out is None or self.out.suffix == ".png"
        require(png, f"a demonstration draws a PNG, but {self.out} does not end in .png")


def theory(words: Sequence[str]) -> None:
    """saddle theory [NAME]: the list of demonstrations, or one of them."""
    plain, wish = take("theory", words, Showing())
    if not plain:
        there = f"--out {quoted(wish.out)}"
        require(wish.out is None, f"{there} is for one demonstration; write saddle theory NAME {there}")
        tell("\n".join(table(DEMONSTRATIONS.items(), 14)))
        tell("\nsaddle theory NAME checks one in seconds, and draws it.")
        return
    from ..runs.pictures import save
    from ..theory.evidence import told
    from ..theory.picture import drawn

    (name,) = plain
    evidence = demonstrate(name)
    where = wish.out or Path(f"theory-{name}.png")
    where.parent.mkdir(parents=True, exist_ok=True)
    save(drawn(evidence.picture), where)
    tell(f"{told(evidence.facts)}\n{visible(where)}")
    if not evidence.holds:
        raise Failure(f"{name}: what was measured is not what the theory says")
