"""How many, in sentences about files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

OFFERS = ("; --", " behind its name")  # how sentences on data name an option, or another part
SHOWN = 6  # names that a sentence gives


def listed(names: Sequence[str], shown: int = SHOWN) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")


def settled(say: Callable[[str], None]) -> Callable[[str], None]:
    """For the data of a run, whose options are what they are: without the sentences that offer others."""

    def said(sentence: str) -> None:
        if not any(offer in sentence for offer in OFFERS):
            say(sentence)

    return said


def are(names: Sequence[object]) -> str:
    return "is" if len(names) == 1 else "are"


def them(names: Sequence[object]) -> str:
    return "it" if len(names) == 1 else "them"
