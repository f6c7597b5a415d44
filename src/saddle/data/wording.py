"""How many, in sentences about files."""

from __future__ import annotations

from collections.abc import Sequence

from ..notices import Notify

OPTION_HINTS = ("; --", " behind its name")  # how sentences on data name an option, or another part
SHOWN_NAMES = 6  # names that a sentence gives


def join_names(names: Sequence[str], shown: int = SHOWN_NAMES) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")


def without_option_hints(say: Notify) -> Notify:
    """For the data of a run, whose options are what they are: without the sentences that offer others."""

    def said(sentence: str) -> None:
        if not any(offer in sentence for offer in OPTION_HINTS):
            say(sentence)

    return said


def is_or_are(names: Sequence[object]) -> str:
    return "is" if len(names) == 1 else "are"


def it_or_them(names: Sequence[object]) -> str:
    return "it" if len(names) == 1 else "them"
