"""Sweeps that choose what they try: what is drawn, how it goes on, which runs are ended early, what is refused."""

from __future__ import annotations

import json
import math
import re
import signal
import sys
from pathlib import Path

import pytest

from saddle.cli import main
from saddle.errors import Failure, Interrupted, Mistake
from saddle.extras import install
from saddle.runs.folder import RunFolder
from saddle.runs.measures import read_measurements
from saddle.sweeps import sampler
from saddle.sweeps.plan import SweepPlan, parse_vary
from saddle.sweeps.ranges import Range, parse_range, parse_spaces
from saddle.sweeps.sampler import Sampler, SearchAttempt
from saddle.sweeps.search import SearchResult, run_search
from saddle.sweeps.search_state import SearchState, read_attempts
from saddle.sweeps.sweep import run_sweep
from saddle.sweeps.work import IntermediateResult
from saddle.training.checkpoint import latest_checkpoint

OPTIONS = {"networks.width": "16", "batch": "16", "turns.critic": "1"}
TINY = {"images": 320, "every": 64, "measure": "swd", "samples": 100, "limit": 200, "pictures": 0, "quiet": True,
        "threads": 1}  # fmt: skip
THERE = parse_spaces({"lr": ["1e-5..1e-1 log"], "moves": ["1..8"], "kind": ["a", "b"]})


def plan(runs: int, *vary: str, **settings: object) -> SweepPlan:
    return SweepPlan(
        "r1-toy", OPTIONS, TINY | settings, parse_vary(vary or ["optimizer.lr=1e-3..1e-1 log"]), search=runs
    )


def bowl(choice: dict[str, str]) -> float:
    """Nothing is below its value at 1e-3, 3, a: 0."""
    return (math.log10(float(choice["lr"])) + 3) ** 2 + (int(choice["moves"]) - 3) ** 2 / 4 + (choice["kind"] == "b")


def tried(advisor: Sampler, runs: int, known: list[SearchAttempt], sign: int = 1) -> list[SearchAttempt]:
    attempts = list(known)
    while len(attempts) < runs:
        choice = advisor.suggest(attempts)
        attempts.append(SearchAttempt(choice, {100: sign * bowl(choice)}, "done"))
    return attempts


def test_ranges_are_read_and_their_values_written_with_the_digits_that_matter():
    assert parse_range("1e-5..1e-3 log", "x") == Range(1e-5, 1e-3, True) and parse_range("1e-5;1e-3", "x") is None
    assert parse_range("16..2k", "x") == Range(16, 2000, False) and parse_range("16..2k", "x").count == 1985
    assert parse_range("1.0 .. 5", "x").count == math.inf
    assert [Range(1e-5, 1e-3, True).format_value(x) for x in (1e-5, 0.000123456, 1e-3)] == [
        "1e-05",
        "0.000123",
        "0.001",
    ]
    assert (
        Range(0.99, 0.9999, False).format_value(0.993412345) == "0.993412" and Range(1, 9, False).format_value(3) == "3"
    )
    assert Range(0.12345, 0.12399, True).format_value(0.12346) == "0.12345"  # rounded to 0.123, which lies outside


def test_it_comes_near_the_lowest_point_of_a_bowl_and_near_the_highest_of_a_hill():
    for sign in (1, -1):
        attempts = tried(Sampler(THERE, lower=sign == 1, seed=0), 30, [], sign)
        at_random, all_of_them = (
            min(bowl(a.choice) for a in some) for some in (attempts[: sampler.RANDOM_TRIALS], attempts)
        )
        assert all_of_them < 0.1 < at_random
        assert len({tuple(a.choice.values()) for a in attempts}) == 30


def test_what_is_tried_next_stands_on_what_was_tried_and_the_seed_alone():
    advisor = Sampler(THERE, lower=True, seed=0)
    whole = tried(advisor, 16, [])
    assert tried(Sampler(THERE, lower=True, seed=0), 16, whole[:12]) == whole
    assert Sampler(THERE, lower=True, seed=1).suggest(whole[:12]) != whole[12].choice
    end = whole[11].end
    whole[11].end = ""  # it is still running, as one of several is
    assert advisor.suggest(whole[:12]) not in [a.choice for a in whole[:12]]
    whole[11].end = end
    failing = [SearchAttempt(a.choice, a.values, "failed", "why") for a in whole[:3]]
    advisor.suggest([*failing, *whole[3:12]])


def test_a_small_space_is_tried_to_its_end_and_nothing_twice():
    advisor = Sampler(parse_spaces({"moves": ["1..3"], "kind": ["a", "b"]}), lower=True, seed=0)
    attempts: list[SearchAttempt] = []
    for _ in range(6):
        choice = advisor.suggest(attempts)
        attempts.append(SearchAttempt(choice, {1: float(choice["moves"])}, "done"))
    assert len({tuple(a.choice.values()) for a in attempts}) == 6


def test_only_what_is_worse_than_the_median_of_five_is_behind_and_not_at_first():
    advisor = Sampler(parse_spaces({"lr": ["0.0..1.0"]}), lower=True, seed=0)
    done = [SearchAttempt({"lr": str(i / 8)}, {n: i / n for n in (10, 20, 30, 40)}, "done") for i in range(1, 6)]
    good, bad = (SearchAttempt({"lr": "0.9"}, {n: i / n for n in (11, 21, 31)}) for i in (2.9, 3.2))
    assert advisor.should_prune([*done, bad], bad) and not advisor.should_prune([*done, good], good)
    assert not advisor.should_prune([*done[:4], bad], bad)  # four are no jury
    early = SearchAttempt({"lr": "0.9"}, {11: 9.0, 21: 9.0})
    assert not advisor.should_prune([*done, early], early)
    higher = Sampler(advisor.spaces, lower=False, seed=0)
    for attempt in (*done, good, bad):
        attempt.values = {images: -value for images, value in attempt.values.items()}
    assert higher.should_prune([*done, bad], bad) and not higher.should_prune([*done, good], good)


RANGE = "optimizer.lr=1e-4..1e-2 log"


@pytest.mark.parametrize(("words", "says"), [
    (["--vary", RANGE, "--measure", "swd"], "only a search draws from: write --search 20 too"),
    (["--vary", RANGE, "--search", "5"], "name it, --measure fid"),
    (["--search", "5", "--measure", "swd"], "needs something to vary"),
    (["--vary", RANGE, "--search", "5", "--measure", "1nn,swd"], "a better 1nn, which has no better"),
    (["--vary", RANGE, "--search", "5", "--measure", "fit"], "no metric fit; did you mean fid?"),
    (["--vary", RANGE, "--search", "5", "--measure", "swd", "--seeds", "3"], "trains each choice once"),
    (["--vary", RANGE, "--search", "0", "--measure", "swd"], "search is 0"),
    (["--vary", "size=16..32", "--search", "2", "--measure", "swd"], "need the same size"),
    (["--vary", "turns.critic=1..3", "--search", "5", "--measure", "swd"], "but there are 3 combinations"),
    (["--vary", "optimizer.lr=1e-2..1e-4", "--search", "5", "--measure", "swd"], "should rise"),
    (["--vary", "optimizer.lr=0..1e-2 log", "--search", "5", "--measure", "swd"], "log needs numbers above 0"),
    (["--vary", "batch=8;16..32", "--search", "5", "--measure", "swd"], "a range among other values"),
    (["--vary", "turns.critic=1.0..3.0", "--search", "5", "--measure", "swd"], "of the critic, not 2.236"),
])  # fmt: skip
def test_what_cannot_be_searched_is_refused(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["sweep", "r1-toy", *words, "--out", str(tmp_path / "s")]) == 2
    assert says in capsys.readouterr().err and not (tmp_path / "s").exists()


def test_without_optuna_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(Mistake, match=re.escape(install("search"))):
        run_search(plan(2), tmp_path / "s")


def test_a_stopped_search_tries_what_it_would_have_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sampler, "RANDOM_TRIALS", 1)  # the second stands on the first
    short = plan(2, images=64, every=32)
    whole = run_search(short, tmp_path / "whole", said=lambda sentence: None)

    def stop_at_once(sentence: str) -> None:
        if sentence.endswith("begins"):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted, match="the same command goes on"):
        run_search(short, tmp_path / "s", said=stop_at_once)
    assert [a["end"] for a in told(tmp_path / "s")] == [""]
    with pytest.raises(Mistake, match=r"another plan: vary optimizer\.lr was"):
        run_search(plan(2, "optimizer.lr=1e-3..1e-2 log", images=64, every=32), tmp_path / "s")
    with pytest.raises(Mistake, match="is a search's"):
        run_sweep(short, tmp_path / "s")
    again = run_search(short, tmp_path / "s", said=lambda sentence: None)
    assert told(tmp_path / "s") == told(tmp_path / "whole") and again.best == whole.best
    heard: list[str] = []
    run_search(short, tmp_path / "s", said=heard.append)
    assert heard == [f"a search of 2 runs in {tmp_path / 's'}, 2 of them ended before"]


def told(folder: Path) -> list[dict[str, object]]:
    attempts: list[dict[str, object]] = json.loads((folder / "search.json").read_text())["attempts"]
    return attempts


def test_a_bad_run_is_ended_early_a_failed_one_noted_and_the_best_named_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sampler, "MIN_DONE_TRIALS", 1)
    rates = iter(("0.01", "1e-09", "1e+38"))
    monkeypatch.setattr(Sampler, "suggest", lambda advisor, attempts: {"optimizer.lr": next(rates)})
    heard: list[str] = []

    def two(runs: int) -> SearchResult:
        return run_search(plan(runs, "optimizer.lr=1e-9..1e38 log"), tmp_path / "s", said=heard.append)

    two(2)
    good, bad = (next((tmp_path / "s").glob(f"0{i}-*")) for i in (1, 2))
    assert [m.images for m in read_measurements(RunFolder(good))] == [0, 64, 128, 192, 256, 320]
    assert [m.images for m in read_measurements(RunFolder(bad))] == [0, 64, 128, 192]  # the third that counts
    assert latest_checkpoint(bad / "checkpoints").stem.endswith("192")  # saved where it was ended
    assert "2 of 2, optimizer.lr=1e-09: ended early at 192 images" in heard[-1]

    heard.clear()
    found = two(3)  # a longer search goes on
    assert heard[0] == f"a search of 3 runs in {tmp_path / 's'}, 2 of them ended before"
    assert [attempt["end"] for attempt in told(tmp_path / "s")] == ["done", "pruned", "failed"]
    assert [run.title for run in found.whole.runs] == [
        "optimizer.lr=0.01", "optimizer.lr=1e-09 (ended early)", "optimizer.lr=1e+38 (failed)"]  # fmt: skip
    assert "optimizer.lr=0.01 with swd" in found.best and "of 3 runs, 1 of them ended early, 1 failed" in found.best
    assert found.command.startswith("saddle train r1-toy --networks.width 16 --batch 16 --turns.critic 1 ")
    assert "--optimizer.lr 0.01 " in found.command and "--quiet" in found.command and "--seed" not in found.command
    assert found.whole.notes[0].startswith("03-optimizer.lr-1e-38-seed-0 failed: ")
    assert found.best in (tmp_path / "s" / "comparison.html").read_text()


def test_a_search_of_which_nothing_came_says_so(tmp_path: Path):
    advisor = Sampler(plan(2).spaces, lower=True, seed=0)
    book = SearchState(plan(2), tmp_path, advisor, "swd", lambda sentence: None)
    first, second = book.trials()
    book.on_failed(first, "the loss is no number")
    book.should_continue(second, IntermediateResult(320, math.nan, last=True))
    book.on_done(second)
    assert [attempt.end for attempt in SearchState(plan(2), tmp_path, advisor, "swd", print).attempts] == ["failed"] * 2
    with pytest.raises(
        Failure,
        match=r"of 2 runs of .* none came to its end; 01-.* failed: the loss is no number; 02-.* swd is no number",
    ):
        book.best()


@pytest.mark.parametrize(("lower", "worst"), [(True, math.inf), (False, -math.inf)])
def test_an_infinite_figure_is_the_worst_and_no_failure(lower: bool, worst: float, tmp_path: Path):
    advisor = Sampler(plan(4).spaces, lower, seed=0)
    book = SearchState(plan(4), tmp_path, advisor, "reverse-kl", lambda sentence: None)
    for trial, values in zip(book.trials(), [(worst, worst), (worst, 3.0), (2.0, 1.0), (1.0, worst)], strict=True):
        for images, value in zip((160, 320), values, strict=True):
            assert book.should_continue(trial, IntermediateResult(images, value, last=images == 320))
        book.on_done(trial)
    text = (tmp_path / "search.json").read_text()
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    again = SearchState(plan(5), tmp_path, advisor, "reverse-kl", lambda sentence: None)
    assert again.attempts == book.attempts and {attempt.end for attempt in again.attempts} == {"done"}
    assert [a.value for a in again.ranked()] == [*sorted((1.0, 3.0), reverse=not lower), worst, worst]
    assert advisor.suggest(again.attempts) not in [attempt.choice for attempt in again.attempts]
    known = [SearchAttempt({"optimizer.lr": f"0.00{i}"}, dict.fromkeys((1, 2, 3), worst), "done") for i in range(1, 6)]
    late = SearchAttempt({"optimizer.lr": "0.009"}, dict.fromkeys((1, 2, 3), 1.0))
    assert not advisor.should_prune([*known, late], late)
    for attempt in known:
        attempt.values = dict.fromkeys((1, 2, 3), 2.0)
    late.values = dict.fromkeys((1, 2, 3), worst)
    assert advisor.should_prune([*known, late], late)


def test_a_damaged_book_is_named(tmp_path: Path):
    (tmp_path / "search.json").write_text('{"format": "saddle search 1"}')
    with pytest.raises(Mistake, match=r"search\.json does not tell what was tried: .*attempts"):
        read_attempts(tmp_path / "search.json", THERE)
