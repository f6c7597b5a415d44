"""What the theory says, beside what saddle's own losses do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Failure, escape_unprintable, quote_for_shell, require
from ..theory import DEMONSTRATIONS, demonstrate
from .argv import parse_command
from .output import print_output
from .pages import two_columns


@dataclass(frozen=True)
class TheoryOptions:
    """Where the picture goes."""

    out: Path | None = None  # the picture's file, a PNG; theory-NAME.png if not given

    def __post_init__(self) -> None:
        png = self.out is None or self.out.suffix == ".png"
        require(png, f"a demonstration draws a PNG, but {self.out} does not end in .png")


def theory(words: Sequence[str]) -> None:
    """saddle theory [NAME]: the list of demonstrations, or one of them."""
    plain, wish = parse_command("theory", words, TheoryOptions())
    if not plain:
        there = f"--out {quote_for_shell(wish.out)}"
        require(wish.out is None, f"{there} is for one demonstration; write saddle theory NAME {there}")
        print_output("\n".join(two_columns(DEMONSTRATIONS.items(), 14)))
        print_output("\nsaddle theory NAME checks one in seconds, and draws it.")
        return
    from ..inference.made_files import check_own, write_picture
    from ..theory.evidence import describe_facts
    from ..theory.picture import figure_to_image

    (name,) = plain
    where = wish.out or Path(f"theory-{name}.png")
    check_own(where)
    evidence = demonstrate(name)
    write_picture(figure_to_image(evidence.picture), where)
    print_output(f"{describe_facts(evidence.facts)}\n{escape_unprintable(where)}")
    if not evidence.holds:
        raise Failure(f"{name}: what was measured is not what the theory says")
