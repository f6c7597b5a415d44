"""Which recipes of one's own may be run: those that the user has named on this machine, known by their content."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..errors import Mistake
from ..runs.lines import append_whole, end_of_lines
from .sources import RecipeSource

TRUSTED_FILE = "trusted"  # a line for each: digest, and where it lay when it was named
trusted_in_process: set[str] = set()  # in this process, where nothing can be written


class Untrusted(Mistake):
    """A run brings a recipe of its own that nobody has named on this machine."""


def config_folder() -> Path | None:
    """The folder of saddle's configuration; None for a user without a home."""
    if given := os.environ.get("SADDLE_CONFIG"):
        return Path(given)
    if given := os.environ.get("XDG_CONFIG_HOME"):
        return Path(given) / "saddle"
    try:
        return Path.home() / ".config" / "saddle"
    except RuntimeError:
        return None


def trust_source(source: RecipeSource) -> None:
    """The user has named this source: from now on its content may be run, wherever it lies."""
    if is_trusted(source):
        return
    trusted_in_process.add(source.digest)
    folder = config_folder()
    with suppress(OSError):  # then it holds for this process
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / TRUSTED_FILE).open("ab+") as file:
                apart = b"" if end_of_lines(file) == file.seek(0, os.SEEK_END) else b"\n"  # of a line that was cut
                append_whole(file, apart + f"{source.digest} {str(source.path)!a}\n".encode())


def is_trusted(source: RecipeSource) -> bool:
    return source.digest in trusted_in_process or source.digest in read_trusted()


def read_trusted() -> set[str]:
    """What was named before."""
    folder = config_folder()
    try:
        lines = (folder / TRUSTED_FILE).read_bytes().splitlines() if folder else []
    except OSError:
        return set()
    return {line.partition(b" ")[0].decode("latin1") for line in lines}


def check_trusted(source: RecipeSource, run: object, how: str = "runs a recipe of its own") -> RecipeSource:
    """The source, if it may be run; Untrusted otherwise."""
    if not is_trusted(source):
        raise Untrusted(f"{run} {how}, {source.path}, which was never named on this machine; "
                        "read it, and if you trust it, add --trust (in Python trust=True)")  # fmt: skip
    return source
