"""A lower floor never imports a higher one, and some rooms do not know each other (docs/design.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import saddle

ROOT = Path(saddle.__file__).parent
FLOORS = {
    "errors": 0, "regular": 0, "clock": 0, "shape": 0, "core": 0, "recipe": 0, "stages": 0, "parts": 0, "batches": 0,
    "fitting": 0, "optim": 0, "light": 0, "hints": 0, "options": 0, "out_of_memory": 0, "uncompiled": 0, "schema": 0,
    "blame": 0, "signatures": 0, "extras": 0, "plugged": 0, "early": 0, "enduring": 0, "notices": 0, "aliases": 0,
    "columns": 0, "texts": 0, "averaging": 0, "image_size": 0, "seconds": 0, "capabilities": 0, "hub_models": 0,
    "whole_advice": 0, "wrong_kind": 0, "devices": 0, "waiting": 0, "double_backward": 0, "precision": 0,
    "urls": 0,
    "objectives": 1, "penalties": 1, "layers": 1,
    "networks": 2, "games": 2, "data": 2, "metrics": 2, "runs": 2,
    "training": 3, "recipes": 4, "theory": 5, "latent": 5, "inference": 5, "measuring": 5, "resolved": 5, "sessions": 5,
    "reports": 5, "reproduction": 5, "continued": 5, "choices": 5, "choosing": 5, "assembly": 5, "exporting": 5,
    "preparing": 5, "hub": 5, "foreign": 5, "studio": 6, "sweeps": 6, "serve": 6, "cli": 6, "__main__": 6,
}  # fmt: skip
STRANGERS = {("games", "networks"), ("networks", "games"), ("training", "networks"), ("training", "games")}
WITHOUT_TORCH = ("errors", "aliases", "image_size", "seconds", "extras", "early", "enduring", "out_of_memory",
                 "regular", "clock", "hints", "options", "schema", "runs/settings", "runs/folder", "runs/writing",
                 "runs/manifest", "runs/log", "runs/findings", "recipes/__init__", "recipes/quick", "recipes/table",
                 "data/prepare", "cli/__init__", "theory/__init__", "measuring/metric_table",
                 "measuring/options", "plugged", "hub_models", "waiting", "urls", "runs/remote")  # fmt: skip


def imports(path: Path, top_level: bool = False) -> Iterator[tuple[int, str]]:
    """Line and dotted name, from the package's root, of everything of saddle's that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            inside = path.relative_to(ROOT).parts[: -node.level]
            yield from ((node.lineno, ".".join((*inside, *(node.module or alias.name).split("."))))
                        for alias in node.names if not alias.name.startswith("__"))  # fmt: skip
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from ((node.lineno, n.removeprefix("saddle.")) for n in names if n.startswith("saddle."))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_no_room_knows_a_higher_one():
    faults = []
    for path in ROOT.rglob("*.py"):
        if path == ROOT / "__init__.py":  # the front door names what is behind it
            continue
        for line, name in imports(path):
            here, other = room(path), name.split(".")[0]
            if here != other and (FLOORS[here] < FLOORS[other] or (here, other) in STRANGERS):
                faults.append(f"{path.relative_to(ROOT)}:{line}: {here} imports {other}")
    assert not faults, "\n".join(faults)


def test_the_words_know_no_circle():
    knows = {room: {name.split(".")[0] for path in (*ROOT.glob(f"{room}.py"), *ROOT.glob(f"{room}/**/*.py"))
                    for _, name in imports(path)} - {room} for room, floor in FLOORS.items() if floor == 0}  # fmt: skip
    tuple(TopologicalSorter(knows).static_order())


def test_a_name_comes_through_one_door():
    passed_on = {f"{path.relative_to(ROOT)}: {alias.name}" for path in ROOT.rglob("*.py") if path.name != "__init__.py"
                 for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)
                 for alias in node.names if alias.name == alias.asname}  # fmt: skip
    assert not passed_on


def test_the_engine_knows_no_method():
    assert {name.split(".")[0] for _, name in imports(ROOT / "training" / "engine.py")} <= {
        "core",
        "parts",
        "recipe",
        "clock",
        "devices",
        "errors",
        "precision",
    }


def test_quick_commands_are_not_slowed_by_torch():
    for name in WITHOUT_TORCH:
        tree = ast.parse((ROOT / f"{name}.py").read_text(encoding="utf-8"))
        for node in tree.body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {n.split(".")[0] for n in names} & {"torch", "numpy", "tyro", "rich"}, f"{name}:{node.lineno}"


def test_files_stay_short():
    long = {str(p.relative_to(ROOT)): n for p in ROOT.rglob("*.py") if (n := p.read_text().count("\n")) > 330}
    assert not long, long
