"""Pages that compute nothing come without torch, and say what they say with it; torch's compiler is never imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import torch

from saddle import train
from saddle.batches import batch_shape, required_columns
from saddle.cli import main
from saddle.cli.showing import ShowOptions, sample_columns, trainable_sizes, unmade_game
from saddle.cli.sizes import PARAMETER_COUNTS
from saddle.light import StandIn, StandInModule, without_torch
from saddle.recipes import RECIPES, find_recipe
from saddle.shape import parse_shape
from saddle.uncompiled import CompilerFinder, Uncompiled, is_compiler_left_out, leave_compiler_out
from test_resume import small

OLD_RUNS = Path(__file__).parent / "old_runs"
LINES = [
    ["list", "networks"],
    ["list", "ADA"],
    ["show", "cgan"],
    ["list", "dcgam"],
    ["train", "r3gan-cifar", "--help"],
    ["diff", "dcgan", "r3gan-cifar"],
    ["train", "--networks.widht", "3"],
    ["train", "--batch", "0"],
    ["train", "--constraint", "Clip(0.05)", "--batch", "0"],
    ["sweep", "dcgan", "--vary", "batch=8;x"],
    ["compare", str(OLD_RUNS / "plain"), str(OLD_RUNS / "told")],
]
ALONE = """
import contextlib, io, json, sys
from saddle.cli import main

said = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        sys.argv[1:] = words
        code = main()
    torches = [name for name in sys.modules if name.startswith("torch") and name != "torch._dynamo"]
    said.append([code, out.getvalue(), err.getvalue(), torches])
print(json.dumps(said))
"""
TRAINED = """
import sys
from saddle.cli import main

def say(words):
    sys.argv[1:] = words.split()
    assert main() == 0

say("show dcgan --size 64 --channels 3")
say("diff ./mine.py:Mine dcgan")
say("train gan --size 8 --limit 64 --batch 8 --images 16 --networks.width 4 --quiet --out x")
print("torch._dynamo.eval_frame" in sys.modules)
"""


MINE = """
from dataclasses import dataclass
import torch
from saddle.recipes.dcgan import DCGAN

@dataclass(frozen=True)
class Mine(DCGAN):
    batch: int = int(torch.ones(7).sum())
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


def apart(code: str, *words: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, text=True).stdout


def test_pages_and_refusals_without_torch_are_those_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    for words, (code, out, err, torches) in zip(LINES, json.loads(apart(ALONE, json.dumps(LINES))), strict=True):
        assert torches == [], words
        assert [main(words), *capsys.readouterr()] == [code, out, err], words


def test_the_sizes_that_show_tells_are_those_of_the_networks() -> None:
    """What is counted before torch is there is counted here again; a line that is wrong is to be written anew."""
    assert PARAMETER_COUNTS.keys() == RECIPES.keys()
    kinds = {name: find_recipe(name)[0].batch_type for name in RECIPES}
    data = {(entry.data, entry.size, kinds[name]): (name, entry) for name, entry in RECIPES.items()}
    for name, entry in data.values():
        columns = sample_columns(ShowOptions(limit=1000), entry, required_columns(kinds[name]))
        assert batch_shape(kinds[name], *columns) == parse_shape(PARAMETER_COUNTS[name][0])
    for name, (shape, counts) in PARAMETER_COUNTS.items():
        found = trainable_sizes(unmade_game(find_recipe(name)[0], parse_shape(shape)))
        assert found == counts, f'"{name}": ({shape}, {found}),'
        entry = RECIPES[name]
        assert shape == PARAMETER_COUNTS[data[entry.data, entry.size, kinds[name]][0]][0]


def test_ones_own_file_is_run_with_torch_itself_and_training_never_imports_its_compiler() -> None:
    Path("mine.py").write_text(MINE)
    said = apart(TRAINED).splitlines()
    assert said[-1] == "False" and [line.split() for line in said if line.startswith("batch")] == [["batch", "7", "64"]]


def test_what_needs_torch_after_all_gets_it_and_leaves_no_stand_in_behind() -> None:
    code = """
import sys
from saddle.light import StandInModule, StandInFinder, require_torch, without_torch
from saddle.uncompiled import CompilerFinder, Uncompiled, is_compiler_left_out, leave_compiler_out
seen = []
stands_in = without_torch(lambda: any(isinstance(finder, StandInFinder) for finder in sys.meta_path))
assert not stands_in()  # in a process of somebody else's
leave_compiler_out()
assert stands_in()

@without_torch
def work(needs):
    import torch
    from saddle import core
    seen.append(torch)
    if needs == "said":
        require_torch()
    return str(torch.ones(2).sum()) if needs else core.Memory.__name__

assert work("") == "Memory" and isinstance(seen[0], StandInModule)
assert not [name for name in sys.modules if name.startswith(("torch.nn", "saddle.core")) or name == "saddle.recipe"]
assert "torch" not in sys.modules
assert work("it") == "tensor(2.)" and isinstance(seen[1], StandInModule) and not isinstance(seen[2], StandInModule)
from saddle.core import Memory
import torch
assert issubclass(Memory, torch.nn.Module) and torch is seen[2]
"""
    apart(code)


def test_what_is_not_there_is_refused_without_torch() -> None:
    lines = ["sample nope", "resume nope", "reproduce nope", "measure nope --metrics fit"]
    code = f"""
import sys
from saddle.cli import main
assert [main(line.split()) for line in {lines}] == [2, 2, 2, 2] and "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_recipe_is_read_back_without_torch() -> None:
    code = """
import sys
from saddle.light import without_torch
from saddle.recipes import RECIPES, find_recipe
from saddle.uncompiled import CompilerFinder, Uncompiled, is_compiler_left_out, leave_compiler_out

leave_compiler_out()

@without_torch
def read_back():
    from saddle.options import parse_value
    from saddle.recipes.kinds import VALUE_TYPES
    from saddle.recipes.revive import configure_recipe
    for name in RECIPES:
        recipe, _ = find_recipe(name)
        assert parse_value(repr(recipe), VALUE_TYPES) == recipe, name
    return repr(configure_recipe("dcgan", {"constraint": "Clip(0.05)", "views": "ADA()"}))

print(read_back(), "torch" in sys.modules)
"""
    said = apart(code)
    assert "Clip(bound=0.05)" in said and said.endswith(" False\n")


def test_a_stand_in_can_be_named_and_derived_from_but_not_used() -> None:
    thing = StandIn("nn", (), {"__module__": "torch"}).Module
    assert thing is StandInModule("torch.nn").Module and (thing | None) is not None
    assert not hasattr(thing, "__wrapped__")
    with pytest.raises(Exception, match=r"torch\.nn\.Module"):
        thing(3)


def test_what_is_refused_is_refused_once() -> None:
    calls = []

    @without_torch
    def work() -> None:
        calls.append(torch)
        raise ValueError

    with pytest.raises(ValueError):
        work()
    assert calls == [torch]  # it is imported here, so nothing stands in


def test_python_of_others_that_trains_and_calls_the_command_line_keeps_torch_whole(tmp_path: Path) -> None:
    import torch._dynamo

    train(**small("gan", out=tmp_path / "run"))
    assert main(["list"]) == 0 and not is_compiler_left_out()
    assert not isinstance(torch._dynamo, Uncompiled) and sys.modules["torch._dynamo"] is torch._dynamo
    assert not any(isinstance(finder, CompilerFinder) for finder in sys.meta_path)
    twice = torch.compile(lambda x: x + x, backend="eager", fullgraph=True)
    assert twice(torch.ones(2)).tolist() == [2, 2]


@pytest.fixture
def kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A compiler of two modules, left out as torch's is."""
    name = "compiler_of_ours"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("from . import part\noptimize = 'all of it'\n")
    (tmp_path / name / "part.py").write_text("import sys\nsys.times_read = getattr(sys, 'times_read', 0) + 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("saddle.uncompiled.NAME", name)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "times_read", 0, raising=False)
    leave_compiler_out()
    yield name
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


def test_who_asks_the_compiler_for_more_than_to_be_left_alone_gets_it(kept_out: str) -> None:
    aside = import_module(kept_out)
    assert isinstance(aside, Uncompiled)
    assert aside.disable(len) is len and aside.disable(recursive=False)(len) is len and aside.graph_break() is None
    assert aside.trace_rules.clear_lru_cache() is None
    assert not hasattr(aside, "__file__") and sys.modules[kept_out] is aside
    assert aside.optimize == "all of it"
    assert sys.modules[kept_out] is not aside and import_module(kept_out).optimize == "all of it"


def test_a_part_of_the_compiler_is_the_part_of_the_whole(kept_out: str) -> None:
    part = import_module(f"{kept_out}.part")
    assert part is import_module(kept_out).part is sys.modules[f"{kept_out}.part"]
    assert sys.times_read == 1  # type: ignore[attr-defined]
    assert part.__spec__ is not None and part.__spec__.origin == part.__file__
