"""Regular files alone, opened so that no link leads elsewhere and no fifo is waited for."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from .errors import Mistake

BARE = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)  # as the system has them
UNLINKED = getattr(os, "O_NOFOLLOW", 0)
FILE_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link", stat.S_IFIFO: "a fifo", stat.S_IFSOCK: "a socket",
         stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}  # fmt: skip


def open_to_read(path: str | Path, root: str | Path | None = None) -> BinaryIO:
    """A regular file, in binary; of a `root`, which may itself be a link, links that stay within it are followed.

    Raises Mistake for a link out of the root and for a folder, fifo, socket or device, OSError as `open` does.
    """
    if root is None:
        return wrap_regular(path, os.open(path, os.O_RDONLY | BARE), "rb")
    if not is_within(path, root):
        raise Mistake(f"{path} is a link that leads out of {root}, and is not followed")
    return wrap_regular(path, os.open(os.path.realpath(path), os.O_RDONLY | BARE | UNLINKED), "rb")


def read_whole(path: str | Path, most: int, root: str | Path | None = None) -> bytes:
    """All of a regular file of at most so many bytes; raises Mistake for a larger one, and as `open_to_read`."""
    with open_to_read(path, root) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise Mistake(f"{path} is larger than {most >> 20} MiB, which no file of its kind is")
    return content


def open_to_append(path: str | Path, root: str | Path | None = None) -> BinaryIO:
    """A regular file that is read anywhere and grows at its end, made if it is not there; raises as `open_to_read`.

    No link is followed, wherever it leads, and of a `root` no folder that is a link out of it.
    """
    check_no_link(path, root)
    return wrap_regular(path, os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | BARE | UNLINKED, 0o666), "ab+")


def create_file(path: str | Path, root: str | Path | None = None) -> BinaryIO:
    """A new file of the mode that the umask says; what had its name goes first, a link itself and not what it names."""
    if root is not None:
        check_no_link(Path(path).parent, root)
    with suppress(FileNotFoundError):
        os.unlink(path)
    return wrap_regular(path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | BARE | UNLINKED, 0o666), "wb+")


def is_regular_file(path: str | Path, root: str | Path | None = None) -> bool:
    """Is there a regular file, and of a `root` no link out of it leads there?"""
    return os.path.isfile(path) and (root is None or is_within(path, root))


def is_within(path: str | Path, root: str | Path) -> bool:
    """Does a path lie in a folder once all links are followed?"""
    real, base = os.path.realpath(path), os.path.realpath(root)
    return real == base or real.startswith(os.path.join(base, ""))


def check_no_link(path: str | Path, root: str | Path | None) -> None:
    """Raise Mistake for a link below the root, or one of its folders that is a link out of it."""
    if os.path.islink(path) and str(path) != str(root):
        raise Mistake(f"{path} is a link, and saddle writes through none; put the file or folder itself there")
    if root is not None and not is_within(path, root):
        raise Mistake(f"{path} lies out of {root}, for a folder on the way is a link; put the folder itself there")


def wrap_regular(path: str | Path, number: int, mode: str) -> BinaryIO:
    """The open file, if it is a regular one."""
    kind = stat.S_IFMT(os.fstat(number).st_mode)
    if kind != stat.S_IFREG:
        os.close(number)
        raise Mistake(f"{path} is {FILE_KINDS.get(kind, 'something else')}, where a regular file is expected")
    return open(number, mode)  # type: ignore[return-value]
