"""Whatever is typed, the answer is a page or one sentence: no traceback, no sign that changes a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from saddle import resolved, sessions
from saddle.cli import COMMANDS, main
from saddle.cli.reporting import CompareOptions, ReportOptions, ReproduceOptions
from saddle.cli.sampling import SampleOptions
from saddle.cli.showing import ShowOptions
from saddle.cli.sweeping import SweepOptions
from saddle.cli.training import ResumeOptions
from saddle.data.prepare import Prepare
from saddle.errors import Mistake, escape_unprintable, quote_for_shell
from saddle.hints import field_types
from saddle.measuring.options import MeasureOptions
from saddle.recipes import find_recipe
from saddle.runs.settings import SETTING_MAXIMA, Settings

OWN: tuple[type, ...] = (Settings, SampleOptions, ShowOptions, SweepOptions, ResumeOptions, Prepare, MeasureOptions,
                         CompareOptions, ReportOptions, ReproduceOptions,
                         type(find_recipe("dcgan")[0]))  # fmt: skip
OPTIONS = sorted(
    {name.replace("_", "-") for kind in OWN for name in field_types(kind)} - {"out", "json", "html", "csv"}
)
DEEP = "+".join(["1"] * 900)
DOTS = "a" + ".a" * 1000
NASTY = [
    DEEP, DOTS, "(" * 300 + ")" * 300, "not " * 500 + "1", "-" * 5000 + "1", "R1(" * 99 + ")" * 99, "x" * 1_000_000,
    "1" * 5000, "1e400", "-1e400", "nan", "inf", "1__0", "\u0663", "\uff11", "\0", "a\0b", "(", "]", "{", "'", '"',
    "2**70", "1e12", "1e30", "1e99", "-1", "0", "", "none", "\x1b[31mred", "a\nb", "\udcff", "\u202eabc", "1e5k",
    "lambda: 1", "()", "[1]", "{}", "b'x'", "...", "1j", "-", "~/x", "a=b", "R1(weight=1e400)", "Linear(nan)",
    "GradientPenalty(every=1e30)",
]  # fmt: skip
texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=20), st.integers().map(str), st.floats().map(repr))
pieces = st.sampled_from(["dcgan", "--help", "-n", "--", ".", *map("--{}".format, OPTIONS)])
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nowhere that anything lies, and nothing is trained: what would be is only put together."""

    def train(recipe: str, data: str | None = None, *, out: Path | None = None, resume: str | None = None,
              options: dict[str, str], **given: Any) -> Path:  # fmt: skip
        resolved.resolve_recipe(recipe, options, resolved.parse_settings(data, given))
        return Path("run")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sessions, "train", train)
    monkeypatch.setattr("saddle.sweeps.sweep.run_sweep", lambda *given: pytest.skip("nothing is swept"))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def say(*words: str) -> tuple[int, str, str]:
        return main(list(words)), *capsys.readouterr()

    return say


def answered(code: int, out: str, complaint: str) -> None:
    """Is this a page, or one sentence of a length that is read?"""
    assert code in (0, 1, 2)
    assert complaint.count("\n") == (1 if code else 0) and len(complaint) < 1100
    assert all(sign == "\n" or sign.isprintable() for sign in out + complaint)


quick = settings(max_examples=40, deadline=None, derandomize=True, database=None,
                 suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip


@pytest.mark.parametrize("option", ["size", "minutes", "data", "crop", "flip", "penalties", "optimizer.betas"])
def test_any_text_for_an_option_is_a_value_or_a_mistake(option: str, say: Say) -> None:
    for text in NASTY:
        answered(*say("train", "dcgan", f"--{option}", text))


@quick
@given(option=st.sampled_from(OPTIONS), text=texts, equals=st.booleans())
@example(option="batch", text=DEEP, equals=False)
@example(option="objective", text=DOTS, equals=True)
def test_any_text_at_all_is_one(option: str, text: str, equals: bool, say: Say) -> None:
    answered(*say("train", *([f"--{option}={text}"] if equals else [f"--{option}", text])))


@quick
@given(command=st.sampled_from([*COMMANDS, "nonsense", ""]), words=st.lists(st.one_of(pieces, texts), max_size=4))
def test_any_command_line_is_answered(command: str, words: list[str], say: Say) -> None:
    if command == "studio" or (command == "theory" and words):  # a page that stays, a demonstration that calculates
        words = ["nonsense", *words]
    answered(*say(command, *words))
    assert not [path for path in Path().iterdir() if path.suffix != ".png"]


@pytest.mark.parametrize(("name", "most"), SETTING_MAXIMA.items())
def test_counts_that_nobody_means_are_refused(name: str, most: int) -> None:
    more: dict[str, Any] = {"measure": "fid", "from_run": "runs/001-dcgan-glyphs"}
    Settings(**{name: most}, **more)
    for absurd in (most + 1, float("inf"), float("nan"), -1):
        with pytest.raises(Mistake, match=f"{name} is "):
            Settings(**{name: absurd}, **more)


@pytest.mark.parametrize(("line", "says"), [
    ("--features nonsense", "features is about measuring, which is not asked for"),
    ("--samples 5", "samples is about measuring, which is not asked for"),
    ("--measure fid --features nonsense", "there are no features nonsense; there are auto, inception, random"),
    ("--measure fid --features random:5", "features random have no layers"),
    ("--measure fid --features ./x.pth", "there is no file ./x.pth"),
    ("--measure 1nn --patience 3", "patience waits for a better 1nn, which has no better"),
    ("--measure fidd", "there is no metric fidd; did you mean fid?"),
    ("--data=", "data is empty"),
    ("--ema 1e30", "ema is 1e30, but no number of this size can be meant"),
    ("--ema 1e12", "ema is 1,000,000,000,000, but should be at most 1,000,000,000"),
    ("--threads 1e12", "threads is 1,000,000,000,000, but should be at most 4,096"),
    ("--batch 1e12", "batch is 1,000,000,000,000, but should be at most 1,000,000"),
    ("--networks.width 1e30", "no number of this size"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_before_anything_is_read(line: str, says: str, say: Say) -> None:
    code, out, complaint = say("train", *line.split())
    assert (code, out) == (2, "") and says in complaint


@pytest.mark.parametrize("option", ["seeds", "search", "jobs"])
def test_a_sweep_of_more_runs_than_anybody_trains_is_refused(option: str, say: Say) -> None:
    assert f"{option} is 1,000,000,000,000, but should be at most" in say("sweep", "gan", f"--{option}", "1e12")[2]


@given(st.text())
def test_what_is_visible_is_one_line_of_printable_signs(text: str) -> None:
    assert escape_unprintable(text).isprintable() and (escape_unprintable(text) == text or not text.isprintable())


@pytest.mark.parametrize("word", ["a b", "caf\udce9/im", "x\n'\x1b[3m\\", "\u00e4\u202ez\t", "it's", "$HOME", ""])
def test_a_quoted_word_is_read_back_by_the_shell(word: str) -> None:
    read = subprocess.run(["bash", "-c", f"printf %s {quote_for_shell(word)}"], capture_output=True, check=True).stdout
    assert read == os.fsencode(word) and quote_for_shell(word).isprintable()


def test_output_that_is_closed_full_or_in_ascii_is_no_error() -> None:
    """Of one process each, for what is closed and full cannot be had in this one."""
    python = f"{sys.executable} -m saddle"
    shell = f"""
{python} list >&-; echo $?
{python} list 2>&1 > /dev/full; echo $?
{python} lsit 2>&-; echo $?
PYTHONIOENCODING=ascii {python} show $'\\xc3\\xa4\\xff' 2>&1; echo $?
"""
    done = subprocess.run(["bash", "-c", shell], capture_output=True)
    assert done.stdout.decode("ascii").splitlines() == [
        "0", "saddle: No space left on device", "2", "2",
        r"saddle: there is no recipe \xe4\udcff; saddle list shows what there is (one of your own is given as "
        "file.py:Name)", "2"]  # fmt: skip
    assert done.stderr == b""


def test_whatever_a_sentence_on_data_names_is_an_option_of_each_command_that_reads_data():
    alone = {"captions", "uncaptioned", "source", "target", "tokens"}  # measure asks sources for images alone
    for kind, needless in ((Settings, set()), (ShowOptions, set()), (MeasureOptions, alone)):
        assert not set(field_types(Prepare)) - set(field_types(kind)) - {"limit", "flip"} - needless
