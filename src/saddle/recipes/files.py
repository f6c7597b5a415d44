"""Recipes from a file of one's own: `path/to/mine.py:MyGAN`."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import Mistake, nearest, require
from ..light import heavy

if TYPE_CHECKING:
    from ..core import Recipe
    from . import Entry


reading: list[Path] = []  # the files that are being run for their recipes just now


def refuse_while_reading() -> None:
    """A file that trains as soon as it is read would train again each time that its recipe is looked up."""
    if reading:
        raise Mistake(f"{reading[-1]} trains while its recipe is looked up; put that under if __name__ == '__main__':")


def meant(name: str) -> bool:
    """Is this a file rather than a listed name?"""
    return name.endswith(".py") or ".py:" in name


def find(name: str) -> tuple[Recipe[Any], Entry]:
    """The recipe called so in the file, with an entry that finds it again in this process."""
    from . import Entry

    path, _, value = name.rpartition(":") if ".py:" in name else (name, "", "")
    module = opened(Path(path))
    names = [key for key, thing in vars(module).items() if recipe(thing) and not foreign(thing, module)]
    require(bool(names), f"{path} defines no recipe; write a frozen dataclass that derives from saddle.core.Recipe")
    require(bool(value), f"say which recipe of the file: {' or '.join(f'{path}:{key}' for key in names)}")
    if not recipe(thing := getattr(module, value, None)):
        raise Mistake(f"{path} has no recipe {value}{nearest(value, names)}")
    summary = (thing.__doc__ or name).strip().splitlines()[0]
    return made(thing, name), Entry(module.__name__, value, summary)


def made(thing: Any, name: str) -> Recipe[Any]:
    """A recipe itself, or one of this class with every field at its default."""
    kind = thing if isinstance(thing, type) else type(thing)
    params = vars(kind).get("__dataclass_params__")  # its own: a subclass of a dataclass is none by itself
    require(
        params is not None and params.frozen,
        f"{name} is no frozen dataclass; write @dataclass(frozen=True) above class {kind.__name__}",
    )
    if thing is not kind:
        return thing  # type: ignore[no-any-return]
    missing = [f.name for f in dataclasses.fields(kind) if f.init and f.default is f.default_factory]
    require(not missing, f"{name} has fields without a default: {', '.join(missing)}")
    return kind()  # type: ignore[no-any-return]


def recipe(thing: object) -> bool:
    """Is this a recipe, or a class of them?"""
    from ..core import Recipe

    return isinstance(thing, Recipe) or (isinstance(thing, type) and issubclass(thing, Recipe) and thing is not Recipe)


def foreign(thing: object, module: ModuleType) -> bool:
    """Is this a class that the file has merely imported?"""
    return isinstance(thing, type) and thing.__module__ != module.__name__


def opened(path: Path) -> ModuleType:
    """The file as a module under a private name that tells its content, so that the same text is run only once."""
    require(path.is_file(), f"there is no file {path}")
    source = path.read_bytes()
    name = f"saddle_recipe_{hashlib.sha256(str(path.resolve()).encode() + source).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    heavy()
    module = sys.modules[name] = ModuleType(name)  # dataclasses look their module up while it runs
    module.__file__ = str(path.resolve())
    reading.append(path)
    try:
        # not by an import, which would leave, and later trust, a file of bytecode beside it
        exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))
    except Exception as error:
        del sys.modules[name]
        what = "" if isinstance(error, Mistake) else f"{type(error).__name__}: "
        raise Mistake(f"{path}, line {line(error, path)}: {what}{' '.join(str(error).split())}") from error
    finally:
        reading.remove(path)
    return module


def line(error: Exception, path: Path) -> int:
    """The last line of the file that was reached before it went wrong."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(path) and f.lineno), 1)
