"""What a shell proposes is what the help pages tell; asked in a real bash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from saddle.cli import COMMANDS, main
from saddle.cli.completion import proposals
from saddle.cli.pages import EVERYDAY
from saddle.recipes import RECIPES

ASK = """
eval "$(saddle completion bash)"
[[ "$(complete -p saddle)" == *"-o default -F _saddle saddle" ]] || echo wrong
ask() { COMP_WORDS=(saddle "$@"); COMP_CWORD=$#; COMPREPLY=(); _saddle; echo "${COMPREPLY[*]}"; }
ask me; ask train wg; ask train dcgan --crop ce; ask sample runs/
"""


def test_a_real_bash_is_given_words(tmp_path: Path):
    command = tmp_path / "saddle"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m saddle "$@"\n')
    command.chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", ASK], env=env, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.split("\n") == [
        "measure", " ".join(name for name in RECIPES if name.startswith("wg")), "centre", "", ""]  # fmt: skip


@pytest.mark.parametrize(("line", "some"), [
    ([""], [*COMMANDS]), (["tr"], ["train"]), (["train", ""], [*RECIPES]), (["train", "--imag"], ["--images"]),
    (["train", "dcgan", "--optimizer.l"], ["--optimizer.lr"]), (["train", "dcgan", "--objective", "Hin"], ["Hinge"]),
    (["sweep", "dcgan", "--networks.w"], ["--networks.width"]), (["train", "--penalties", "R"], ["R1", "R2"]),
    (["train", "--data", "gl"], ["glyphs"]), (["measure", "x", "--metrics", "fi"], ["fid"]),
    (["eval", "x", "--fea"], ["--features"]),
    (["train", "--crop", "=", "p"], ["pad"]), (["list", "ob"], ["objectives"]),
    (["theory", "di"], ["dirac"]), (["completion", ""], ["bash", "zsh", "fish"]), (["sample", ""], []),
    (["train", "--out", ""], []), (["nonsense", ""], []), (["train", "--flip", "dcg"], ["dcgan", "dcgan-28"]),
    (["train", "--help", ""], ["all"]), (["train", "DCGAN", "--turns.c"], ["--turns.critic"]),
])  # fmt: skip
def test_the_last_word_of_a_line_is_completed(line: list[str], some: list[str]):
    found = proposals(line)
    assert set(some) <= set(found) and all(word.startswith(line[-1]) for word in found) and bool(some) == bool(found)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]):
    assert main(["completion", shell]) == 0
    assert f"saddle completion {shell}" in capsys.readouterr().out


def test_completing_imports_no_torch():
    code = """
import contextlib, io, sys
from saddle.uncompiled import leave_compiler_out
from saddle.cli import main
leave_compiler_out()
with contextlib.redirect_stdout(io.StringIO()) as out:
    assert main(["completion", "bash", "train", "dcgan", "--objective", "H"]) == 0
assert out.getvalue() == "Hinge\\n", out.getvalue()
assert not {"torch", "numpy", "PIL"} & {*sys.modules}"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("command", EVERYDAY)
def test_everyday_options_come_first_and_all_on_request(command: str, capsys: pytest.CaptureFixture[str]):
    pages = []
    for words in ([command, "--help"], [command, "--help", "all"]):
        assert main(words) == 0
        pages.append(capsys.readouterr().out)
    few, many = pages
    assert f"saddle {command} --help all tells of all " in few and "--help all" not in many
    for title, names in EVERYDAY[command].items():
        assert f"{title}\n  -" in few
        assert all(f"-{name.replace('_', '-')} " in few for name in names)
    assert "--follow-links" in many and "--follow-links" not in few
    assert len(few.splitlines()) < len(many.splitlines())


def test_the_discriminator_is_told_of_once(capsys: pytest.CaptureFixture[str]):
    for words in (["train", "--help"], ["train", "dcgan", "--help", "all"]):
        assert main(words) == 0 and capsys.readouterr().out.count("discriminator is the critic here") == 1
