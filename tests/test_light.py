"""Pages that compute nothing come without torch, and say what they say with it; torch's compiler is never imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from saddle.cli import main
from saddle.light import Aside, StandIn, light
from saddle.uncompiled import Uncompiled

LINES = [
    ["list", "networks"],
    ["list", "ADA"],
    ["list", "dcgam"],
    ["train", "r3gan-cifar", "--help"],
    ["diff", "dcgan", "r3gan-cifar"],
    ["train", "--networks.widht", "3"],
    ["train", "--objective", "Nonsaturating"],
    ["train", "--prior", "R1()"],
    ["train", "--batch", "0"],
    ["train", "--constraint", "Clip(0.05)", "--batch", "0"],
    ["sweep", "dcgan", "--vary", "batch=8;x"],
]
ALONE = """
import contextlib, io, json, sys
from saddle.cli import main

said = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    said.append([code, out.getvalue(), err.getvalue(), [name for name in sys.modules if name.startswith("torch")]])
print(json.dumps(said))
"""
TRAINED = """
import sys
from saddle.cli import main

assert main("show dcgan --size 64 --channels 3".split()) == 0
assert main(["diff", "./mine.py:Mine", "dcgan"]) == 0
assert main("train gan --size 8 --limit 64 --batch 8 --images 16 --networks.width 4 --quiet --out x".split()) == 0
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


def test_ones_own_file_is_run_with_torch_itself_and_training_never_imports_its_compiler() -> None:
    Path("mine.py").write_text(MINE)
    said = apart(TRAINED).splitlines()
    assert said[-1] == "False" and [line.split() for line in said if line.startswith("batch")] == [["batch", "7", "64"]]


def test_what_needs_torch_after_all_gets_it_and_leaves_no_stand_in_behind() -> None:
    code = """
import sys
from saddle.light import Aside, heavy, light
seen = []

@light
def work(needs):
    import torch
    from saddle import core
    seen.append(torch)
    if needs == "said":
        heavy()
    return str(torch.ones(2).sum()) if needs else core.Memory.__name__

assert work("") == "Memory" and isinstance(seen[0], Aside)
assert not [name for name in sys.modules if name.startswith(("torch", "saddle.core", "saddle.papers"))]
assert work("it") == "tensor(2.)" and isinstance(seen[1], Aside) and not isinstance(seen[2], Aside)
from saddle.core import Memory
import torch
assert issubclass(Memory, torch.nn.Module) and torch is seen[2]
"""
    apart(code)


def test_every_recipe_is_read_back_without_torch() -> None:
    code = """
import sys
from saddle.light import light
from saddle.recipes import RECIPES, find

@light
def read_back():
    from saddle.options import read
    from saddle.recipes.kinds import KINDS
    from saddle.recipes.revive import chosen
    for name in RECIPES:
        recipe, _ = find(name)
        assert read(repr(recipe), KINDS) == recipe, name
    return repr(chosen("dcgan", {"constraint": "Clip(0.05)", "views": "ADA()"}))

print(read_back(), "torch" in sys.modules)
"""
    said = apart(code)
    assert "Clip(bound=0.05)" in said and said.endswith(" False\n")


def test_a_stand_in_can_be_named_and_derived_from_but_not_used() -> None:
    thing = StandIn("nn", (), {"__module__": "torch"}).Module
    assert thing is Aside("torch.nn").Module and (thing | None) is not None
    assert not hasattr(thing, "__wrapped__")
    with pytest.raises(Exception, match=r"torch\.nn\.Module"):
        thing(3)


def test_what_is_refused_is_refused_once() -> None:
    calls = []

    @light
    def work() -> None:
        calls.append(torch)
        raise ValueError

    with pytest.raises(ValueError):
        work()
    assert calls == [torch]  # it is imported here, so nothing stands in


def test_who_asks_the_compiler_for_more_than_to_be_left_alone_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = type(sys)("torch._dynamo")
    whole.optimize = "all of it"  # type: ignore[attr-defined]
    aside = Uncompiled("torch._dynamo")
    monkeypatch.setitem(sys.modules, "torch._dynamo", aside)
    monkeypatch.setattr("saddle.uncompiled.import_module", lambda name: whole)
    assert aside.disable(len) is len and aside.disable(recursive=False)(len) is len and aside.graph_break() is None
    assert not hasattr(aside, "__file__") and sys.modules["torch._dynamo"] is aside
    assert aside.optimize == "all of it" and "torch._dynamo" not in sys.modules
