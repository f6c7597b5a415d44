"""Commands as they are typed, in a folder of their own, with what they print and complain of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from saddle.cli import main

Say = Callable[[str], tuple[int, str, str]]


def typing_at(home: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Types a command, with H for the home of runs; gives its code, and what it printed and complained of.

    That folders are taken for classes is left out: it is said wherever data are read.
    """

    def typed(line: str) -> tuple[int, str, str]:
        code = main([word.replace("H/", f"{home}/") for word in line.split()])
        out, said = capsys.readouterr()
        return code, out, "".join(line for line in said.splitlines(True) if "folders are classes" not in line)

    return typed
