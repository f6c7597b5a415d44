"""Recipes from a file of one's own: `path/to/mine.py:MyGAN`."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import hashlib
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, get_origin, get_type_hints

from ..blame import RECIPE_MODULE_PREFIX, describe_error, find_user_line, shorten_path
from ..errors import Mistake, did_you_mean, require
from ..light import require_torch
from .old_names import OLD_MODULES, rename_members, with_old_names
from .sources import RecipeSource, collect_source
from .trust import trust_source

if TYPE_CHECKING:
    from ..recipe import Recipe
    from . import RecipeEntry


files_being_read: list[Path] = []  # the files that are being run for their recipes just now
module_sources: dict[str, RecipeSource] = {}  # of each module that was made of a file


def check_not_reading() -> None:
    """A file that trains as soon as it is read would train again each time that its recipe is looked up."""
    if files_being_read:
        raise Mistake(
            f"{files_being_read[-1]} trains while its recipe is looked up; put that under if __name__ == '__main__':"
        )


def is_file_recipe(name: str) -> bool:
    """Is this a file rather than a listed name?"""
    return name.endswith(".py") or ".py:" in name


def split_file_name(name: str) -> tuple[Path, str]:
    """The file, and the name in it."""
    path, _, value = name.rpartition(":") if ".py:" in name else (name, "", "")
    return Path(path), value


def find_file_recipe(name: str) -> tuple[Recipe[Any], RecipeEntry]:
    """The recipe called so in the file, which the user names and so trusts, with an entry that finds it again."""
    source = collect_source(split_file_name(name)[0])
    trust_source(source)
    return find_in_source(source, name)


def find_in_source(source: RecipeSource, name: str) -> tuple[Recipe[Any], RecipeEntry]:
    """The recipe called so in a source, which is run."""
    from . import RecipeEntry

    (path, value), module = split_file_name(name), load_module(source)
    names = [key for key, thing in vars(module).items() if is_recipe(thing) and not is_imported_class(thing, module)]
    require(bool(names), f"{path} defines no recipe; write a frozen dataclass that derives from saddle.recipe.Recipe")
    require(bool(value), f"say which recipe of the file: {' or '.join(f'{path}:{key}' for key in names)}")
    if not is_recipe(thing := getattr(module, value, None)):
        raise Mistake(f"{path} has no recipe {value}{did_you_mean(value, names)}")
    summary = (thing.__doc__ or name).strip().splitlines()[0]
    return to_recipe(thing, name), RecipeEntry(module.__name__, value, summary)


def to_recipe(thing: Any, name: str) -> Recipe[Any]:
    """A recipe itself, or one of this class with every field at its default."""
    kind = thing if isinstance(thing, type) else type(thing)
    params = vars(kind).get("__dataclass_params__")  # its own: a subclass of a dataclass is none by itself
    require(
        params is not None and params.frozen,
        f"{class_location(kind) or name} is no frozen dataclass; write @dataclass(frozen=True) above class "
        f"{kind.__name__}",
    )
    missing = [f.name for f in dataclasses.fields(kind) if f.init and f.default is f.default_factory]
    require(
        thing is not kind or not missing,
        f"{class_location(kind) or name} has fields without a default: {', '.join(missing)}",
    )
    if kind.__module__.startswith(RECIPE_MODULE_PREFIX):
        check_recipe_class(kind)
    if thing is not kind:
        return thing  # type: ignore[no-any-return]
    try:
        return kind()  # type: ignore[no-any-return]
    except Exception as error:
        raise to_mistake(error, class_location(kind) or name) from error


def check_recipe_class(kind: type[Recipe[Any]]) -> None:
    """Refuse a class of the user's that lacks what a recipe has, or has values that no option could reach."""
    from ..recipe import Recipe

    for method, how in (("game", "game(self, data: Shape) -> Game"), ("steps", "steps(self, player: str) -> Adam")):
        lacks = getattr(kind, method) is getattr(Recipe, method)
        require(not lacks, f"{class_location(kind)} has no method {method}; write def {how}")
    try:
        hints = get_type_hints(kind)
    except Exception as error:
        raise Mistake(
            f"{class_location(kind)} has a field whose type cannot be read: {describe_error(error)}"
        ) from error
    for base in kind.__mro__:
        if base.__module__.startswith(RECIPE_MODULE_PREFIX):
            bare = [name for name, value in vars(base).items() if is_field_like(name, value) and name not in hints]
            require(not bare,
                    f"{class_location(base)} has {bare[0] if bare else ''} without a type, which is no field and no "
                              "option; write its type, or ClassVar")  # fmt: skip
    held = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    held |= {n for n, h in hints.items() if get_origin(h) is ClassVar}
    require(
        "batch" in held,
        f"{class_location(kind)} has no field batch, the images of a critic's move; write batch: int = 64",
    )


def is_field_like(name: str, value: object) -> bool:
    """Is this a value that was meant to be a field?"""
    written = isinstance(value, int | float | str | tuple) or dataclasses.is_dataclass(value)
    return written and not isinstance(value, type) and name[0] != "_" and name != "paper"


def class_location(kind: type) -> str:
    """Where a class of the user's stands: 'mine.py, line 3: MyGAN'; '' for any other."""
    package, _, inner = kind.__module__.partition(".")
    source = module_sources.get(package)
    name = source and (source.module(inner) if inner else source.main)
    if not source or not name:
        return ""
    nodes = ast.walk(ast.parse(source.files[name]))
    line = next((n.lineno for n in nodes if isinstance(n, ast.ClassDef) and n.name == kind.__name__), 1)
    return f"{shorten_path(str(source.folder / name))}, line {line}: {kind.__name__}"


def is_recipe(thing: object) -> bool:
    """Is this a recipe, or a class of them?"""
    from ..recipe import Recipe

    return isinstance(thing, Recipe) or (isinstance(thing, type) and issubclass(thing, Recipe) and thing is not Recipe)


def is_imported_class(thing: object, module: ModuleType) -> bool:
    """Is this a class that the file has merely imported?"""
    return isinstance(thing, type) and thing.__module__ != module.__name__


def load_module(source: RecipeSource) -> ModuleType:
    """The file as a module under a private name that tells its content, so that the same text is run only once."""
    told = f"{source.path} {source.digest}".encode(errors="replace")
    name = f"{RECIPE_MODULE_PREFIX}{hashlib.sha256(told).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    require_torch()
    if not any(isinstance(finder, SiblingFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, SiblingFinder())
    module = sys.modules[name] = ModuleType(name)  # dataclasses look their module up while it runs
    module.__path__, module.__package__ = [], name  # so that what lies beside can be found in it
    module_sources[name] = source
    files_being_read.append(source.path)
    try:
        run_file(module, source, source.main)
    except Exception as error:
        for other in [key for key in sys.modules if key.partition(".")[0] == name]:
            del sys.modules[other]
        raise to_mistake(error, f"{shorten_path(str(source.path))}, line 1") from error
    finally:
        files_being_read.remove(source.path)
    return module


def run_file(module: ModuleType, source: RecipeSource, name: str) -> None:
    """Run a file of a source in its module; by no import, which would leave, and later trust, bytecode beside it."""
    path = source.folder / name
    module.__file__ = str(path)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": make_import(module.__name__.partition(".")[0])}
    exec(compile(source.files[name], str(path), "exec", dont_inherit=True), vars(module))
    rename_members(module)


def make_import(package: str) -> Any:
    """`import` as a source's modules do it: what lies beside them is taken as it was read, in any order and moment."""

    def import_(name: str, globals: Mapping[str, object] | None = None, locals: Mapping[str, object] | None = None,
                fromlist: Sequence[str] | None = (), level: int = 0) -> ModuleType:  # fmt: skip
        source = module_sources[package]
        top = name.partition(".")[0]
        if level or source.module(top) is None:
            found = __import__(OLD_MODULES.get(name, name), globals, locals, fromlist or (), level)
            return with_old_names(found) if fromlist and not level else found
        found = import_module(f"{package}.{name}")
        for inner in fromlist or ():
            if source.module(f"{name}.{inner}"):
                import_module(f"{package}.{name}.{inner}")
        return found if fromlist else sys.modules[f"{package}.{top}"]

    return import_


class SiblingFinder(MetaPathFinder, Loader):
    """Finds the modules that lie beside a recipe, by the private names under which they are imported."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        package, _, inner = name.partition(".")
        file = module_sources[package].module(inner) if inner and package in module_sources else None
        return ModuleSpec(name, self, is_package=file.endswith("__init__.py")) if file else None

    def exec_module(self, module: ModuleType) -> None:
        package, _, inner = module.__name__.partition(".")
        source = module_sources[package]
        file = source.module(inner)
        assert file is not None
        run_file(module, source, file)


def to_mistake(error: Exception, otherwise: str) -> Mistake:
    """An error while a file was read, by its line."""
    said = str(error) if isinstance(error, Mistake) else describe_error(error)
    return Mistake(f"{find_user_line(error) or otherwise}: {' '.join(said.split())}")
