"""What a shell proposes is what the help pages tell; asked in a real bash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

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


ASK_FISH = """
saddle completion fish | source
for line in "saddle train dcgan --crop=ce" "saddle sample runs/" "saddle train --out=runs/"
    echo (complete -C $line)
end
"""
ASK_ZSH = """
eval "$(saddle completion zsh)"
print -r -- $_comps[saddle]
compadd() { print -r -- ${(P)2}; }
compset() { print -r -- "$@"; }
_files() { print files; }
ask() { local -a words=(saddle "$@"); local -i CURRENT=$(( $# + 1 )); _saddle; }
ask train wg; ask sample runs/; ask train --crop=ce
"""


def answers(shell: list[str], script: str, folder: Path) -> list[str]:
    """What a real shell says, line by line, in a folder with a run."""
    command = folder / "saddle"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m saddle "$@"\n')
    command.chmod(0o755)
    (folder / "runs" / "first").mkdir(parents=True)
    env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder)}
    done = subprocess.run([*shell, script], env=env, cwd=folder, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.split("\n")


WGAN = " ".join(name for name in RECIPES if name.startswith("wg"))


def test_a_real_bash_is_given_words(tmp_path: Path):
    assert answers(["bash", "-c"], ASK, tmp_path) == ["measure", WGAN, "centre", "", ""]


@pytest.mark.skipif(not which("fish"), reason="there is no fish")
def test_a_real_fish_is_given_words(tmp_path: Path):
    found = answers(["fish", "--no-config", "-c"], ASK_FISH, tmp_path)
    assert found == ["--crop=centre", "runs/first/", "--out=runs/first/", ""]


@pytest.mark.skipif(not which("zsh"), reason="there is no zsh")
def test_a_real_zsh_is_given_words(tmp_path: Path):
    found = answers(["zsh", "-fc"], ASK_ZSH, tmp_path)
    assert found == ["_saddle", WGAN, "-P --*=", "files", "--crop=centre", ""]


@pytest.mark.parametrize(("line", "some"), [
    ([""], [*COMMANDS]), (["tr"], ["train"]), (["train", ""], [*RECIPES]), (["train", "--imag"], ["--images"]),
    (["train", "dcgan", "--optimizer.l"], ["--optimizer.lr"]), (["train", "dcgan", "--objective", "Hin"], ["Hinge"]),
    (["sweep", "dcgan", "--networks.w"], ["--networks.width"]), (["train", "--penalties", "R"], ["R1", "R2"]),
    (["train", "--data", "gl"], ["glyphs"]), (["measure", "x", "--metrics", "fi"], ["fid"]),
    (["eval", "x", "--fea"], ["--features"]),
    (["train", "--crop", "=", "p"], ["pad"]), (["train", "--crop=p"], ["--crop=pad"]), (["train", "--out=r"], []),
    (["train", "--crop="], ["--crop=pad"]), (["train", "--measure", "fid,ki"], ["fid,kid"]),
    (["list", "ob"], ["objectives"]),
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
