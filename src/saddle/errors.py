"""What users get to read when something they asked for cannot be done."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Iterable


class Mistake(ValueError):
    """What was asked for cannot be done: one sentence on what was given, what was expected, the nearest right thing."""

    said: bool | None = None  # does another of several processes say it? None: that is not known


class Failure(RuntimeError):
    """The work itself failed, as with a loss that is no number: one sentence on what and where."""

    code = 1  # that the command line ends with
    said: bool | None = None


class WriteFailure(Failure):
    """A file could not be written: the disk is full, or not ours; nothing that was there before is lost."""

    code = 2  # the place was wrong, not the work


def require(ok: bool, sentence: str) -> None:
    """Refuse at construction what would fail, or mislead, later."""
    if not ok:
        raise Mistake(sentence)


def did_you_mean(name: str, known: Iterable[str], more: Iterable[str] = (), otherwise: str = "") -> str:
    """'; did you mean dcgan?', or what there is; more: what may be meant as well, but would be too long a list.

    `otherwise` is said in the place of the list, where nothing is near.
    """
    known = sorted(known) if isinstance(known, (set, frozenset)) else list(known)
    lower = {one.lower(): one for one in [*more, *known]}  # ada is next to ADA
    near = difflib.get_close_matches(name.lower(), lower, 1)
    return f"; did you mean {lower[near[0]]}?" if near else f"; {otherwise or 'there are ' + ', '.join(known)}"


def format_count(count: int, noun: str, nouns: str = "") -> str:
    """'1 run', '1,200 runs'."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


MAX_SENTENCE = 1_000  # characters of a sentence; what is longer was somebody's megabyte


def escape_unprintable(text: object) -> str:
    """One line that any terminal shows as it is: what does not print, as escape sequences, is written as in Python."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(text))


def shorten_text(text: object) -> str:
    """The text without its middle, if it is too long to be read."""
    whole = str(text)
    return whole if len(whole) <= MAX_SENTENCE else f"{whole[: MAX_SENTENCE // 2]} ... {whole[-MAX_SENTENCE // 4 :]}"


def quote_for_shell(path: object) -> str:
    """A path as a word of a command line, where one that begins with a dash would be an option."""
    return escaped(f"./{path}" if str(path).startswith("-") else path)


def quote_argument(text: str) -> str:
    """An option's text as a word of a command line, in double quotes where these do."""
    plain = not set(text) & set('"$`\\!')
    return shlex.quote(text) if not plain or shlex.quote(text) == text else f'"{text}"'


def escaped(word: object) -> str:
    """A word as a shell takes it: in quotes if need be, and with escapes for what does not print."""
    text = str(word)
    if text.isprintable():
        return shlex.quote(text)
    signs = (chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}" for byte in os.fsencode(text))
    return f"$'{''.join(signs)}'"


class Interrupted(Exception):
    """The run was asked to stop and has saved itself: the exit code is 128 + the signal's number."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
