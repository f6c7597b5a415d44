"""Whose line it was: an error inside a file of the user's own is told by that file and line, not by saddle's."""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from .errors import Failure, Mistake
from .memory import told

OWN = "saddle_recipe_"  # how the names of modules begin that are made of a recipe's file
OURS = ("saddle", "torch", "numpy", "importlib", "runpy")
INSTALLED = tuple({os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "purelib", "platlib")})


@contextmanager
def blamed(kind: type[Mistake] | type[Failure], about: object = None) -> Iterator[None]:
    """Tell an error in here by the user's line that led to it; else, where `about` is of the user's, by its class.

    What saddle itself refuses, a lack of memory, and errors that no line of the user's led to pass unchanged.
    """
    try:
        yield
    except Exception as error:
        where = "" if saddles(error) else place(error) or standing(about, error)
        if not where:
            raise
        raise kind(f"{where}: {what(error)}") from error


def saddles(error: Exception) -> bool:
    """Is this told elsewhere?"""
    return told(error) is not None or type(error).__module__.partition(".")[0] == "saddle"


def place(error: BaseException) -> str:
    """The user's last line before it went wrong: 'mine.py, line 12'; '' where there is none."""
    if isinstance(error, SyntaxError) and error.filename and own_file(error.filename):
        return f"{short(error.filename)}, line {error.lineno or 1}"
    steps = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if own(frame)]
    return f"{short(steps[-1][0].f_code.co_filename)}, line {steps[-1][1]}" if steps else ""


def own(frame: FrameType) -> bool:
    """Does this run a line that is neither saddle's nor of anything installed?"""
    name = str(frame.f_globals.get("__name__"))
    return name.startswith(OWN) or (name.partition(".")[0] not in OURS and own_file(frame.f_code.co_filename))


def own_file(path: str) -> bool:
    return not path.startswith(("<", *INSTALLED))


def standing(value: object, error: BaseException) -> str:
    """The file and class of a value of the user's, and where saddle was with it; '' for one of saddle's own."""
    kind = type(value)
    if not kind.__module__.startswith(OWN):
        return ""
    last = traceback.extract_tb(error.__traceback__)[-1]
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or kind.__module__
    return f"{short(file)}{line(kind)}: {kind.__name__} (met in {os.path.basename(last.filename)}, line {last.lineno})"


def line(kind: type) -> str:
    """', line 3' of a class, if it can be found."""
    with suppress(OSError, TypeError):
        lines, start = inspect.getsourcelines(kind)
        return f", line {start + next((i for i, text in enumerate(lines) if text.startswith('class ')), 0)}"
    return ""


def what(error: BaseException) -> str:
    """The error on one line."""
    said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    return type(error).__name__ + (f": {said[:300]}" if said else "")


def short(path: str) -> str:
    """A path from where one stands, if it lies below."""
    with suppress(OSError):  # where one stood is gone
        path = path.removeprefix(os.path.join(os.getcwd(), ""))
    return path
