"""What Python users see of the options: in signatures, in help, and in what a type checker says of their scripts."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
import typing
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import saddle
from saddle.errors import Mistake
from saddle.hints import comments, field_types
from saddle.measuring.options import MeasureKeywords, MeasureOptions
from saddle.runs.settings import Settings, TrainKeywords

SHOWN = [(saddle.train, Settings, TrainKeywords), (saddle.measure, MeasureOptions, MeasureKeywords)]
TEXT = {"images": str, "every": str, "samples": str, "picture": str, "json": str, "metrics": Sequence[str]}


@pytest.mark.parametrize(("function", "kind", "keywords"), SHOWN)
def test_every_option_is_in_the_signature_in_help_and_for_type_checkers(
    function: Callable[..., object], kind: type, keywords: type
):
    signature, page = inspect.signature(function), pydoc.plain(pydoc.render_doc(function))
    assert not [p for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD]
    types, helps = typing.get_type_hints(keywords), comments(kind)
    own = typing.get_type_hints(function)
    for name, hint in field_types(kind).items():
        parameter = signature.parameters[name]
        assert f"    {parameter}\n            {helps[name].split()[0]}" in page, name
        assert parameter.default == getattr(kind(), name) and helps[name]
        if name not in own:
            assert types[name] == (hint | TEXT[name] if name in TEXT else hint), name  # type: ignore[operator]
    assert set(types) == set(field_types(kind)) - set(own)


def test_a_misspelt_option_is_a_mistake_when_it_is_run_too():
    wrong: Any = {"iamges": 5}
    with pytest.raises(Mistake, match="there is no setting iamges; did you mean images"):
        saddle.train(**wrong)
    with pytest.raises(Mistake, match="measure has no option iamges"):
        saddle.measure("x", **wrong)


SCRIPT = """
from saddle import load, measure, resume, train

run = train("dcgan", "photos", size=64, images="200k", flip=True, crop="pad", out="runs/1", resume="auto")
samples = load(run, best=True).sample(16, seed=1)
figures = measure(run, "mnist", metrics=["fid", "kid"], n=1000, picture="near.png")
resume(run, images="+10k", threads=2)
train(iamges=200)
train(size=64.5)
train(crop="center")
train(resume=True)
measure(run, metric="fid")
load(run, bset=True)
resume(run, image=3)
"""
OPTIONS = ("saddle.sessions", "saddle.runs.settings", "saddle.measuring.measure", "saddle.measuring.options",
           "saddle.inference.load", "saddle.signatures", "saddle.image_size", "saddle.out_of_memory")  # fmt: skip
WRONG = {
    8: 'Unexpected keyword argument "iamges" for "train"', 9: '"size"', 10: '"crop"', 11: '"resume"',
    12: 'Unexpected keyword argument "metric" for "measure"', 13: 'keyword argument "bset"',
    14: 'keyword argument "image"',
}  # fmt: skip


def test_mypy_catches_a_misspelt_option_in_a_users_script(tmp_path: Path):
    """Following only what says which options there are: all of torch and saddle takes a minute to read."""
    assert files(saddle).joinpath("py.typed").is_file()
    (tmp_path / "mine.py").write_text(SCRIPT)
    source = Path(saddle.__file__).parents[1]
    (tmp_path / "mypy.ini").write_text(f"""[mypy]
strict = True
mypy_path = {source}
[mypy-torch.*,numpy.*,PIL.*,saddle.*]
follow_imports = skip
[mypy-saddle,{",".join(OPTIONS)}]
follow_imports = silent
""")
    done = subprocess.run([sys.executable, "-m", "mypy", "mine.py"], cwd=tmp_path, capture_output=True, text=True)
    said = done.stdout.splitlines()[:-1]
    found = {int(line.split(":")[1]): line for line in said if ": error:" in line}
    assert found.keys() == WRONG.keys(), done.stdout + done.stderr
    assert all(words in found[line] for line, words in WRONG.items()), done.stdout
