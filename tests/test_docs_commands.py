"""Every command in every document is one that saddle understands, and what is cheap is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from documents import DOCUMENTS, Told, python_blocks, told_commands
from saddle.cli import COMMANDS, argv, main
from saddle.cli.argv import flag_names, parse_command, read_words, sort_options, split_words
from saddle.cli.cache import CacheOptions
from saddle.cli.profiling import ProfileOptions
from saddle.cli.showing import ShowOptions, parse_show_options
from saddle.cli.studio import StudioOptions
from saddle.cli.sweeping import parse_sweep_options, take_vary
from saddle.cli.theory import TheoryOptions
from saddle.cli.training import PlaceOptions, Settings, parse_train_options, recipe_name
from saddle.recipes.plugins import use_plugin_file
from saddle.theory import DEMONSTRATIONS

ELSEWHERE = ("docs/extending.md", "CHANGELOG.md")  # whose blocks are run in test_docs.py · what was once so
TOLD = [told for document in DOCUMENTS for told in told_commands(document) if told.page not in ELSEWHERE]
ANSWERED = ("list", "show", "diff", "runs", "doctor", "completion")  # at once, and without a run
ASIDE = {"studio": StudioOptions(), "cache": CacheOptions(), "theory": TheoryOptions()}  # done in tests of their own
OFFLINE = {"cifar10": "glyphs", "inception": "random"}  # nobody is asked for what might be fetched
NOTHING_THERE = ("there is no", "no such", "is no run")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with some pictures, and no run, of whatever name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(argv, "name_run", lambda word, takes: word)
    Path("photos").mkdir()
    for n in range(4):
        Image.new("RGB", (64, 64), (n, 2 * n, 40)).save(f"photos/{n}.png")


@pytest.mark.parametrize("told", TOLD, ids=str)
def test_a_command_in_a_document_is_understood(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    command, *words = told.words
    assert command in COMMANDS, told
    write_own_files(told)
    if {"--help", "-h"} & {*words}:
        assert main(told.words) == 0
    elif command == "train":
        understand_training(["dcgan" if word in ("METHOD", "RECIPE") else word for word in words])
    elif command == "sweep":
        texts, words = take_vary(words)
        plain, given = split_words(words, flag_names(Settings()))
        assert parse_sweep_options(recipe_name(plain), given, texts)
    elif command == "show" and "--size" in words:  # counted in tests of its own
        plain, given = read_words("show", words, ShowOptions())
        assert parse_show_options(recipe_name(plain), given)
    elif command == "profile":  # played in tests of its own
        plain, given = read_words("profile", words, ProfileOptions())
        assert sort_options("profile", given, ProfileOptions()) and (plain == ["RUN"] or recipe_name(plain))
    elif command in ASIDE:
        plain, _ = parse_command(command, words, ASIDE[command])
        assert command != "theory" or {*plain} <= {*DEMONSTRATIONS, "NAME"}
    else:
        answer(told, capsys)


def write_own_files(told: Told) -> None:
    """The recipe of one's own that the page has."""
    for block in python_blocks(told.page):
        if block.lstrip().startswith("# mine.py"):
            Path("mine.py").write_text(block)


def understand_training(words: list[str]) -> None:
    plain, given = split_words(words, flag_names(PlaceOptions(), Settings()))
    with use_plugin_file(given.get("plugin")):
        assert parse_train_options(recipe_name(plain), given)


def answer(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    """It is done, or stops at nothing but that the run or the data are not here."""
    words = ["RUN" if word.startswith(("hf://", "s3://")) else OFFLINE.get(word, word) for word in told.words]
    code = main(words + ["--no-speed"] * (words[0] == "show"))
    said = capsys.readouterr()
    if told.words[0] in ANSWERED and code == 0:
        assert said.out
    else:
        assert code == 2 and any(words in said.err.lower() for words in NOTHING_THERE), said.err
