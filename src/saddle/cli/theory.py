"""What the theory says, beside what saddle's own losses do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Failure, escape_unprintable, quote_for_shell, require
from ..theory import DEMONSTRATIONS, demonstrate
from .argv import parse_command
from .facts import check_place, tell
from .pages import two_columns


@dataclass(frozen=True)
class TheoryOptions:
    """Where the picture goes, and how it is told."""

    json: Path | None = None  # print it as JSON, for programs, or write it into FILE.json
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
        table = [
            *two_columns(DEMONSTRATIONS.items(), 14),
            "",
            "saddle theory NAME checks one in seconds, and draws it.",
        ]
        tell(lambda: "\n".join(table), lambda: list_facts(DEMONSTRATIONS), wish.json)
        return
    from ..inference.made_files import check_own, write_picture
    from ..theory.evidence import describe_facts
    from ..theory.picture import figure_to_image

    (name,) = plain
    where = wish.out or Path(f"theory-{name}.png")
    check_own(where)
    check_place(wish.json)
    evidence = demonstrate(name)
    write_picture(figure_to_image(evidence.picture), where)
    tell(lambda: f"{describe_facts(evidence.facts)}\n{escape_unprintable(where)}",
         lambda: {"name": name, "holds": evidence.holds, "facts": evidence.facts, "picture": where},
         wish.json)  # fmt: skip
    if not evidence.holds:
        raise Failure(f"{name}: what was measured is not what the theory says")


def list_facts(summaries: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "summary": summary} for name, summary in summaries.items()]
