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
from .out_of_memory import describe_memory_error

RECIPE_MODULE_PREFIX = "saddle_recipe_"  # how the names of modules begin that are made of a recipe's file
OURS = ("saddle", "torch", "numpy", "importlib", "runpy")
INSTALLED = tuple({os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "purelib", "platlib")})


@contextmanager
def blame_user_code(kind: type[Mistake] | type[Failure], about: object = None) -> Iterator[None]:
    """Tell an error in here by the user's line that led to it; else, where `about` is of the user's, by its class.

    What saddle itself refuses, a lack of memory, and errors that no line of the user's led to pass unchanged.
    """
    try:
        yield
    except Exception as error:
        where = "" if is_told_elsewhere(error) else find_user_line(error) or locate_user_class(about, error)
        if not where:
            raise
        raise kind(f"{where}: {describe_error(error)}") from error


def is_told_elsewhere(error: Exception) -> bool:
    """Is this told elsewhere?"""
    return describe_memory_error(error) is not None or type(error).__module__.partition(".")[0] == "saddle"


def find_user_line(error: BaseException) -> str:
    """The user's last line before it went wrong: 'mine.py, line 12'; '' where there is none."""
    if isinstance(error, SyntaxError) and error.filename and is_user_file(error.filename):
        return f"{shorten_path(error.filename)}, line {error.lineno or 1}"
    steps = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if is_user_frame(frame)]
    return f"{shorten_path(steps[-1][0].f_code.co_filename)}, line {steps[-1][1]}" if steps else ""


def is_user_frame(frame: FrameType) -> bool:
    """Does this run a line that is neither saddle's nor of anything installed?"""
    name = str(frame.f_globals.get("__name__"))
    return name.startswith(RECIPE_MODULE_PREFIX) or (
        name.partition(".")[0] not in OURS and is_user_file(frame.f_code.co_filename)
    )


def is_user_file(path: str) -> bool:
    return not path.startswith(("<", *INSTALLED))


def locate_user_class(value: object, error: BaseException) -> str:
    """The file and class of a value of the user's, and where saddle was with it; '' for one of saddle's own."""
    kind = type(value)
    if not kind.__module__.startswith(RECIPE_MODULE_PREFIX):
        return ""
    last = traceback.extract_tb(error.__traceback__)[-1]
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or kind.__module__
    met = f"met in {os.path.basename(last.filename)}, line {last.lineno}"
    return f"{shorten_path(file)}{class_line(kind)}: {kind.__name__} ({met})"


def class_line(kind: type) -> str:
    """', line 3' of a class, if it can be found."""
    with suppress(OSError, TypeError):
        lines, start = inspect.getsourcelines(kind)
        return f", line {start + next((i for i, text in enumerate(lines) if text.startswith('class ')), 0)}"
    return ""


def describe_error(error: BaseException) -> str:
    """The error on one line."""
    said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    return type(error).__name__ + (f": {said[:300]}" if said else "")


def shorten_path(path: str) -> str:
    """A path from where one stands, if it lies below."""
    with suppress(OSError):  # where one stood is gone
        path = path.removeprefix(os.path.join(os.getcwd(), ""))
    return path
