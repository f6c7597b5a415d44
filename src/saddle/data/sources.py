"""What `--data` takes: embedded sets, paths, and well-known sets by name."""

from __future__ import annotations

import os
from dataclasses import replace
from glob import glob as matches
from importlib.metadata import version
from pathlib import Path
from shlex import quote

from ..core import Shape
from ..errors import Mistake, nearest, plural, require
from .hub import hub
from .located import at, unlabelled, usual
from .named import NAMES, REPOSITORIES, STACKED, TOYS
from .pile import Pile, Say, Source, of_array, written
from .prepare import Prepare
from .stacked import stacked

HUB, OWN = "hf:", "saddle:"
ELSEWHERE = {"mnist": ("MNIST",), "fashion-mnist": ("FashionMNIST",), "cifar10": ("cifar-10-batches-py",),
             "cifar100": ("cifar-100-python",)}  # what torchvision calls the folders of well-known sets  # fmt: skip


def silent(sentence: str) -> None:
    """Nobody listens."""


def meant(text: str) -> str:
    """What is asked for without the `saddle:` that tells a set from a folder of its name.

    Raises Mistake where nothing is asked for, or where a name is both a set's and a folder's.
    """
    require(bool(text.strip()), "data is empty; name a folder, a file or a data set, or leave --data out")
    if text.startswith(OWN):
        name, _ = split(text.removeprefix(OWN))
        require(name in NAMES, f"saddle has no data set {name or 'without a name'}{nearest(name, NAMES)}")
        return text.removeprefix(OWN)
    name, part = split(text)
    if name in NAMES and os.path.lexists(name):
        what = "a folder" if os.path.isdir(name) else "a file"
        more = f":{part}" if part else ""
        raise Mistake(f"{name} is {what} here and a data set of saddle's: write ./{name}{more} for the first, "
                      f"{OWN}{name}{more} for the second")  # fmt: skip
    return text


def unmistakable(source: str) -> str:
    """A source that a run has written down, where a name is always a set's: as `meant` takes it, whatever lies here."""
    return f"{OWN}{source}" if split(source)[0] in NAMES and not source.startswith(OWN) else source


def find(text: str, prepare: Prepare, say: Say = silent) -> Source:
    """The source that a word or path means, as `meant` gives it; raises Mistake where there is none of that name.

    `say` gets a sentence for all that is passed over or guessed before anything is read.
    """
    name, part = split(text)
    require(part != "", f"{text} ends in a colon, behind which a part of the data is named, as in {name}:test")
    require(text != HUB, f"{HUB} names no data set of the Hugging Face hub; write {HUB}OWNER/NAME")
    try:
        if name in NAMES:
            return well_known(text, name, part, prepare, say)
        if text.startswith(HUB):
            repository, _, part_ = text.removeprefix(HUB).partition(":")
            return unlabelled(hub(repository, repository, part_ or None), prepare)
        if os.path.lexists(name):
            return at(Path(name), part, prepare, say)
        home = here(name)
        if home is not None:
            return replace(at(home, part, prepare, say), name=text)
    except OSError as error:
        raise Mistake(f"{name} cannot be read: {error.strerror or error}") from error
    raise Mistake(lost(name))


def well_known(text: str, name: str, part: str | None, prepare: Prepare, say: Say) -> Source:
    """One of saddle's own sets: drawn, found in the folder that SADDLE_DATA names, or downloaded."""
    if name in TOYS:
        raise Mistake(f"{name} is points of the plane, without parts such as {part}")
    if name == "glyphs":
        require(part is None, "glyphs has no parts")
        return unlabelled(glyphs(prepare), prepare)
    if name in STACKED:
        return unlabelled(stacked(name, part, here("mnist")), prepare)
    home = here(name)
    if home is not None:
        return replace(at(home, part, prepare, say), name=text)
    return unlabelled(hub(name, REPOSITORIES[name], part), prepare)


def split(text: str) -> tuple[str, str | None]:
    """A source's name and the part of it that is asked for: `mnist:test`; a path may hold colons of its own."""
    name, colon, part = text.rpartition(":")
    if not colon or os.path.lexists(text) or "/" in part or "\\" in part or not name:
        return expanded(text), None
    return expanded(name), part


def expanded(path: str) -> str:
    """A path with the home folder for `~`, which a shell leaves in `--data=~/pictures`."""
    return path if not path.startswith("~") or os.path.lexists(path) else os.path.expanduser(path)


def here(name: str) -> Path | None:
    """The folder of a well-known set below the one that SADDLE_DATA names, if it is there."""
    home = os.environ.get("SADDLE_DATA")
    if not home or not name or os.path.isabs(name):
        return None
    for known in (name, *ELSEWHERE.get(name, ())):
        path = Path(home).expanduser() / known
        if os.path.exists(path):
            return usual(path) if known != name else path
    return None


def lost(name: str) -> str:
    """A sentence for a source that is not there."""
    folder, last = os.path.split(name)
    if any(sign in name for sign in "*?["):
        found = matches(name)
        where = folder if folder and not any(sign in folder for sign in "*?[") else "."
        return (f"{name} is a pattern, which stands for {plural(len(found), 'file')}; name the folder, --data "
                f"{quote(where)}, whose pictures are all used")  # fmt: skip
    if any(sign in name for sign in "/\\.~"):
        near = names_in(Path(folder or "."))
        hint = nearest(last, near) if near and last else ""
        return f"there is no file or folder {name}" + (hint if "did you mean" in hint else "")
    home = os.environ.get("SADDLE_DATA")
    known = [*NAMES, *(names_in(Path(home)) if home else [])]
    return f"there is no file, folder or data set {name}{nearest(name, known)}"


def names_in(folder: Path) -> list[str]:
    """What lies in a folder, as far as it can be read."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError:
        return []


def glyphs(prepare: Prepare) -> Source:
    """The embedded characters, drawn at the size that is asked for."""
    from .glyphs import CHARACTERS, MOST

    size, channels = prepare.size or 32, 3 if prepare.channels in (3, 4) else 1
    count = prepare.limit or 0
    require(count <= MOST, f"limit is {count:,}, but glyphs can be drawn {MOST:,} times at most")
    shape = Shape(prepare.channels or channels, size, size, len(CHARACTERS))

    def open_(say: Say) -> Pile:
        from .glyphs import COUNT
        from .glyphs import glyphs as drawn

        return of_array(*drawn(prepare.stored or size, channels, count=prepare.limit or COUNT))

    drawing = written(Path(__file__).with_name("glyphs.py"))
    return Source("glyphs", (*drawing, version("pillow"), version("matplotlib"), size, channels), open_, shape)
