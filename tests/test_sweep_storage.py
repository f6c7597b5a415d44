"""A sweep that several processes share through a database: who trains which run, and what is taken up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from saddle.cli import main
from saddle.errors import Failure, Mistake
from saddle.extras import install
from saddle.sweeps import storage
from saddle.sweeps.database_url import without_password
from saddle.sweeps.plan import SWEEP_FILE, SweepPlan, parse_vary
from saddle.sweeps.sampler import Sampler
from saddle.sweeps.shared import SharedGrid, SharedSearch
from saddle.sweeps.shared_study import SharedStudy
from saddle.sweeps.storage import create_study, find_study
from saddle.sweeps.sweep import run_sweep
from saddle.sweeps.work import IntermediateResult

TINY = {"images": 320, "measure": "swd", "samples": 100, "limit": 200, "pictures": 0, "threads": 1}
WORDS = ["r1-toy", "--networks.width", "16", "--batch", "16", "--turns.critic", "1", "--quiet",
         *[word for name, value in TINY.items() for word in (f"--{name}", str(value))]]  # fmt: skip


def plan(tmp_path: Path, vary: str, **more: int) -> SweepPlan:
    return SweepPlan("r1-toy", {}, TINY, parse_vary([vary]), storage=f"sqlite:///{tmp_path / 'shared.db'}", **more)


def study_of(plan: SweepPlan, folder: Path) -> SharedStudy:
    return SharedStudy(str(plan.storage), folder, plan.spaces)


def grid_of(plan: SweepPlan, folder: Path) -> SharedGrid:
    return SharedGrid(plan, study_of(plan, folder), lambda trial, what: None)


def search_of(plan: SweepPlan, folder: Path) -> SharedSearch:
    advisor = Sampler(plan.spaces, True, 0)
    return SharedSearch(plan, folder, advisor, "swd", lambda sentence: None, study_of(plan, folder))


@pytest.fixture
def grid(tmp_path: Path) -> SweepPlan:
    """Of four runs, whose study is in its database."""
    four = plan(tmp_path, "optimizer.lr=1e-3;1e-2", seeds=2)
    create_study(str(four.storage), tmp_path, lower=True)
    return four


def test_each_run_is_taken_by_one_of_many_who_ask_at_once(grid: SweepPlan, tmp_path: Path):
    studies = [study_of(grid, tmp_path) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda study: study.take(0, {"optimizer.lr": "1e-3"}), studies))
    assert sorted(taken) == [False, False, False, True]
    assert studies[0].read()[0].running


def test_what_is_free_is_taken_in_order_and_what_others_train_is_waited_for(grid: SweepPlan, tmp_path: Path):
    here, there = grid_of(grid, tmp_path), grid_of(grid, tmp_path)
    ours, theirs = here.trials(), there.trials()
    taken = [next(ours), next(theirs), next(ours), next(theirs)]
    assert taken == grid.trials() and next(ours) is None and next(theirs) is None
    assert here.should_continue(taken[0], IntermediateResult(320, 0.5, last=True))
    here.on_done(taken[0])
    there.on_failed(taken[1], "the loss is no number")
    here.on_released(taken[2], "stopped and saved")
    assert next(theirs) == taken[2]  # what one has left the other takes up
    there.on_done(taken[2])
    there.on_done(taken[3])
    assert list(ours) == list(theirs) == [] and here.failed() == {taken[1].name: "the loss is no number"}
    done = {trial.user_attrs["run"]: trial.value for trial in here.study.study.get_trials() if trial.value is not None}
    assert done == {0: 0.5}  # a figure is for all to see, and nothing stands for one that was never taken


def test_what_a_process_that_is_heard_no_more_trained_is_taken_up_and_its_own_word_counts_no_more(
    grid: SweepPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(storage, "LOST_SECONDS", 1)
    lost, other = grid_of(grid, tmp_path), grid_of(grid, tmp_path)
    run = next(lost.trials())
    assert lost.should_continue(run, IntermediateResult(160, 0.7, last=False))
    time.sleep(2.1)  # databases count in seconds
    assert next(other.trials()) == run
    assert other.study.read()[0].values == {160: 0.7}
    assert not lost.should_continue(run, IntermediateResult(320, 0.1, last=True))  # so it stops
    lost.on_pruned(run)
    assert other.study.read()[0].running and other.study.read()[0].values == {160: 0.7}


def test_a_search_goes_on_from_what_all_processes_have_brought_and_tries_nothing_twice(tmp_path: Path):
    six = plan(tmp_path, "optimizer.lr=1e-3..1e-1 log", search=6)
    create_study(str(six.storage), tmp_path, lower=True)
    searches = [search_of(six, tmp_path) for _ in range(2)]
    asks = [search.trials() for search in searches]
    first, second = next(asks[0]), next(asks[1])
    assert [first.name[:2], second.name[:2]] == ["01", "02"] and first.options != second.options
    for search, trial, value in zip(searches, (first, second), (3.0, 2.0), strict=True):
        assert search.should_continue(trial, IntermediateResult(320, value, last=True))
        search.on_done(trial)
    with ThreadPoolExecutor(2) as pool:  # both draw at once, and one of the choices stands
        third, fourth = pool.map(next, asks)
    assert {third.name[:2], fourth.name[:2]} == {"03", "04"}
    searches[0].on_failed(third, "the loss is no number")
    searches[1].on_released(fourth, "stopped and saved")
    assert next(asks[0]) == fourth
    searches[0].should_continue(fourth, IntermediateResult(320, 1.0, last=True))
    searches[0].on_done(fourth)
    for _ in range(2):
        searches[1].on_failed(next(asks[1]), "the loss is no number")
    assert list(asks[0]) == list(asks[1]) == []
    said = {search.sentence() for search in searches}
    assert said == {f"{fourth.group} with swd 1, of 6 runs, 3 failed"}
    assert len({tuple(a.choice.values()) for a in searches[0].attempts}) == 6


@pytest.mark.parametrize(("words", "says"), [
    (["--storage", "shared.db"], "is written sqlite:///shared.db, which is a file"),
    (["--storage", "sqlite://"], "which no other process sees"),
    (["--storage", "sqlite:///no/where.db"], "cannot be opened: (sqlite3.OperationalError) unable to open"),
    (["--storage", "nosuch://host/name"], "which is no address"),
])  # fmt: skip
def test_what_is_no_shared_database_is_refused(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(storage, "OPENINGS", 1)
    asked = ["sweep", *WORDS, "--seeds", "2", *words]
    assert main([*asked, "--out", str(tmp_path / "sweep")]) == 2
    assert says in capsys.readouterr().err and not (tmp_path / "sweep").exists()


def test_a_shared_sweep_needs_a_folder_and_optuna_and_stays_with_its_database(
    grid: SweepPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(Mistake, match="--storage needs --out, one folder in which all processes see the runs"):
        run_sweep(grid)
    folder = tmp_path / "sweep"
    grid.save(folder)
    with pytest.raises(Mistake, match=r"another plan: storage was sqlite:///.*shared\.db, now not given"):
        run_sweep(SweepPlan("r1-toy", {}, TINY, grid.vary, 2), folder)
    with pytest.raises(Mistake, match=r"of which the database .*shared\.db knows nothing"):
        run_sweep(grid, folder)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(Mistake) as refused:
        run_sweep(grid, folder)
    assert str(refused.value) == f"--storage needs optuna, which is not installed; {install('search')}"


def test_a_password_is_written_nowhere(tmp_path: Path):
    secret = "postgresql://anna:geheim@host:5432/sweeps"
    SweepPlan("r1-toy", {}, TINY, {}, 2, storage=secret).save(tmp_path)
    assert "geheim" not in (tmp_path / SWEEP_FILE).read_text()
    assert json.loads((tmp_path / SWEEP_FILE).read_text())["storage"] == "postgresql://anna:***@host:5432/sweeps"
    assert without_password("sqlite:////data/a:b@c/x.db") == "sqlite:////data/a:b@c/x.db"


def test_a_database_that_breaks_is_told_in_a_sentence(grid: SweepPlan, tmp_path: Path):
    study = study_of(grid, tmp_path)
    (tmp_path / "shared.db").write_bytes(b"no database" * 1000)
    with pytest.raises(Failure, match=r"the database sqlite:///.*shared\.db fails: .*not a database"):
        study.take(0, {"optimizer.lr": "1e-3"})


@pytest.mark.slow
def test_a_killed_process_is_followed_by_another_and_all_end_with_the_table_of_one(tmp_path: Path):
    words = ["sweep", *WORDS, "--every", "160", "--vary", "optimizer.lr=1e-3;1e-2", "--seeds", "2"]
    assert main([*words, "--out", str(tmp_path / "alone")]) == 0
    shared = [*words, "--out", str(tmp_path / "shared"), "--storage", f"sqlite:///{tmp_path / 'shared.db'}"]
    code = ("import sys; from saddle.sweeps import shared_study, storage; from saddle.cli import main; "
            "storage.LOST_SECONDS, shared_study.HEARTBEAT_SECONDS = 3, 1; sys.exit(main(sys.argv[1:]))")  # fmt: skip

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", code, *shared], start_new_session=True)

    first = start()
    until = time.monotonic() + 60
    while not (begun := list(tmp_path.glob("shared/*/manifest.json"))) and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    assert begun and first.wait(30) == -signal.SIGKILL
    others = [start(), start()]
    assert [other.wait(120) for other in others] == [0, 0]
    url, folder = f"sqlite:///{tmp_path / 'shared.db'}", tmp_path / "shared"
    states = [trial.state.name for trial in find_study(url, folder)[0].get_trials()]
    assert states.count("COMPLETE") == 4 and "FAIL" in states  # what was killed was taken up by another trial
    for run in (tmp_path / "alone").glob("0*"):
        assert (run / "log.jsonl").read_bytes() == (folder / run.name / "log.jsonl").read_bytes()
    tables = [json.loads((tmp_path / name / "comparison.json").read_text()) for name in ("alone", "shared")]
    assert figures_in(tables[0]) == figures_in(tables[1]) != []


def figures_in(facts: object) -> list[object]:
    """All that a comparison tells of figures: speed and folders are each sweep's own."""
    if isinstance(facts, dict):
        own = [facts["value"]] if "value" in facts else []
        return own + [found for value in facts.values() for found in figures_in(value)]
    return [found for value in facts for found in figures_in(value)] if isinstance(facts, list) else []
