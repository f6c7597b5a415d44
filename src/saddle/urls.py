"""What lies at URLs, read and written through fsspec, whose faults are told in one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .errors import Mistake
from .extras import install

R = TypeVar("R")
URL = re.compile(r"([a-z][a-z0-9+]+)://", re.IGNORECASE)
URL_AS_PATH = re.compile(r"([a-z][a-z0-9+]+):/+(.+)", re.IGNORECASE | re.DOTALL)  # a Path keeps one of two slashes
ON_DISKS = ("file", "local")  # whose paths begin with a slash


def is_url(text: str) -> bool:
    return URL.match(text) is not None


def as_url(place: str | Path) -> str | None:
    """The URL that a text or a Path means; None for a plain path, and for names of the Hugging Face hub."""
    found = URL_AS_PATH.fullmatch(str(place))
    if found is None or found[1].lower() == "hf":
        return None
    return f"{found[1]}://{'/' * (found[1].lower() in ON_DISKS)}{found[2].rstrip('/')}"


def open_system(url: str) -> tuple[Any, str]:
    """What reads and writes a URL, and the path there; raises Mistake with what is to be installed for it."""
    try:
        from fsspec.core import url_to_fs

        system, place = url_to_fs(url, **({"auto_mkdir": True} if url.lower().startswith(ON_DISKS) else {}))
    except ImportError as error:
        raise Mistake(f"{url} cannot be read: {error}; {install('remote')} installs what reads URLs, and "
                      "`pip install` the package that is named, if it is another") from error  # fmt: skip
    except Exception as error:
        raise Mistake(f"{url} cannot be read: {describe_fault(error)}") from error
    return system, str(place)


def attempt(url: str, ask: Callable[[], R]) -> R:
    """What comes of a question to another machine, whose faults are told as this URL's."""
    try:
        return ask()
    except FileNotFoundError as error:
        raise Mistake(f"there is nothing at {url}") from error
    except Mistake:
        raise
    except Exception as error:  # networks, credentials and servers fail in every way
        raise Mistake(f"{url} cannot be read: {describe_fault(error)}") from error


def describe_fault(error: Exception) -> str:
    """What went wrong, in a line."""
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__
