"""`--json` of every command that tells facts: JSON and nothing else on the output, or in a file beside the text."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saddle import train
from saddle.cli import COMMANDS, main
from saddle.cli.completion import helped
from saddle.cli.facts import print_facts, to_json
from saddle.data.doctor.report import Report
from test_resume import small

LINES = {  # a command with what it needs, and names that are in what it tells
    "list": "name summary data",
    "list data": "names paths",
    "list metrics": "name summary",
    "list objectives": "name written summary",
    "list ADA": "name written about fields",
    "list plugins": "",
    "show gan": "recipe fields shape parameters can source",
    "show gan --size 16 --no-speed": "recipe batch bytes parameters",
    "profile r1-toy --networks Perceptron(width=8) --batch 16": "of batch seconds kinds operations product_share peak",
    "diff dcgan wgan-gp": "a b differences",
    "diff runs/001-gan-glyphs runs/002-again": "a b differences",
    "doctor photos": "source count sizes duplicates sound advice",
    "doctor --cache": "folder datasets files damaged",
    "theory": "name summary",
    "theory danskin": "name holds facts picture",
    "measure photos --against photos --metrics swd --size 16": "metric value protocol",
    "score runs/001-gan-glyphs photos --normals photos": "threshold images separation files",
    "runs": "path recipe state best bytes",
    "cache": "folder limit items",
    "compare runs/001-gan-glyphs runs/002-again": "runs table differences warnings",
    "train gan --images 128 --limit 128 --dry-run": "recipe data images batch folder bytes device",
    "reproduce runs/001-gan-glyphs --out runs/002-again": "first second tensors lines",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, of which one is the other again, and photos."""
    root = tmp_path_factory.mktemp("told")
    (root / "photos").mkdir()
    dice = np.random.default_rng(0)
    for i in range(8):
        noise = dice.integers(0, 255, (16, 16), np.uint8)
        Image.fromarray(noise).save(root / "photos" / f"p{i}-\u202e.png")
    train(**small("gan", out=root / "runs" / "001-gan-glyphs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert main(["reproduce", "runs/001-gan-glyphs", "--out", "runs/002-again"]) == 0
    return root


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def strict(text: str) -> Any:
    """Read as programs do that know no NaN."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("line", LINES)
def test_facts_are_printed_as_json_and_nothing_else_is(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*line.split(), "--json"]) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    told = strict(printed)
    first = told[0] if isinstance(told, list) else told
    assert set(LINES[line].split()) <= set(first)
    assert all(sign.isprintable() or sign == "\n" for sign in printed)


@pytest.mark.parametrize("line", ["list", "show gan --no-speed", "diff dcgan wgan-gp", "doctor photos", "runs", "cache",
                                  "theory", "measure photos --against photos --metrics swd --size 16",
                                  "compare runs/001-gan-glyphs"])  # fmt: skip
def test_a_file_gets_the_same_beside_the_text(line: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, *rest = line.split()
    assert main([first, "--json", "deep/facts.json", *rest]) == 0
    text = capsys.readouterr().out
    with pytest.raises(json.JSONDecodeError):
        strict(text)
    assert main([*line.split(), "--json"]) == 0
    printed, written = strict(capsys.readouterr().out), strict((here / "deep/facts.json").read_text("utf-8"))
    assert written == printed


def test_every_command_that_has_the_option_is_tried() -> None:
    having = {name for name in COMMANDS if name != "completion" and any(f.name == "json" for f in helped(name, []))}
    assert having == {line.split()[0] for line in LINES}


@pytest.mark.usefixtures("here")
def test_a_word_behind_it_is_no_file_unless_it_is_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json", "metrics"]) == 0 and "fid" in {
        row["name"] for row in strict(capsys.readouterr().out)
    }
    assert main(["list", "--json=facts"]) == 0 and Path("facts").is_file()
    assert main(["doctor", "photos", "--json=photos"]) == 2
    assert "photos is a folder" in capsys.readouterr().err
    for line in ("runs --prune --json", "cache --clear --json"):
        assert main(line.split()) == 2 and "give one of them" in capsys.readouterr().err


def test_what_json_cannot_say_is_said_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    odd = {"n": math.inf, "file": Path("a") / "b", "set": (1, 2), "\x9b[31m": "\udce9\u202e\n\x7f\U000e0001"}
    print_facts(odd)
    printed = capsys.readouterr().out
    assert strict(printed) == {"n": "inf", "file": str(Path("a/b")), "set": [1, 2], "\x9b[31m": odd["\x9b[31m"]}
    assert all(sign.isprintable() or sign == "\n" for sign in printed)
    assert to_json(Report("x", 3, {(16, 24): 3}))["sizes"] == {"16x24": 3}
