"""Addresses of databases, as --storage takes them."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import require


def absolute_storage(url: str) -> str:
    """The same database from wherever the command is given."""
    file = url.removeprefix("sqlite:///")
    return url if file == url or file.startswith("file:") else f"sqlite:///{Path(file).absolute()}"


def check_storage(url: str) -> None:
    """Refuse what is no address of a database that other processes see."""
    require("://" in url, f"storage is {url!r}, but is written sqlite:///shared.db, which is a file, or as the address "
                          "of a server, postgresql://host/name")  # fmt: skip
    own = url.rstrip("/") == "sqlite:" or ":memory:" in url
    require(not own, f"storage is {url!r}, which no other process sees; sqlite:///shared.db is a file")


def without_password(url: str) -> str:
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", url)
