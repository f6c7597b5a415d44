"""How threads wait for one another is chosen before torch is imported, from what else the machine does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from saddle import waiting
from saddle.waiting import PASSIVE, busy_cores, busy_ticks, choose_waiting, describe_load

STAT = """cpu  60 0 40 800 100 0 0 0 0 0
cpu0 30 5 20 400 50 1 2 3 0 0
cpu1 10 0 10 480 0 0 0 0 7 0
cpu10 1 1 1 1 1 1 1 1 1 1
intr 5 6
"""


@pytest.fixture
def fresh(monkeypatch):
    """A process of four cores that has not imported torch."""
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(waiting, "own_cores", lambda: range(4))
    return monkeypatch


def test_only_its_own_cores_are_looked_at_and_idle_time_is_none_of_work():
    assert busy_ticks(STAT, {0}) == (61, 511)
    assert busy_ticks(STAT, {0, 1}) == (81, 1011)
    assert busy_ticks(STAT, {7}) == (0, 0)


def test_the_share_of_others_is_what_the_counters_grow_by(tmp_path, monkeypatch):
    stat = tmp_path / "stat"
    stat.write_text("cpu0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0\n")
    monkeypatch.setattr(waiting, "STAT", stat)
    monkeypatch.setattr(waiting, "own_cores", lambda: {0, 1})
    monkeypatch.setattr(
        waiting.time, "sleep", lambda _: stat.write_text("cpu0 9 0 0 1 0 0 0 0\ncpu1 5 0 0 5 0 0 0 0\n")
    )
    monkeypatch.setattr(waiting.time, "process_time", lambda: 0.0)
    assert busy_cores(0.1) == pytest.approx(1.4)


def test_where_no_counters_are_the_systems_average_serves(tmp_path, monkeypatch):
    monkeypatch.setattr(waiting, "STAT", tmp_path / "none")
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 0, 0), raising=False)
    assert busy_cores() == 1.5
    monkeypatch.delattr(os, "getloadavg")
    assert busy_cores() is None


@pytest.mark.parametrize(("busy", "told"), [
    (None, ""), (0.1, ""), (0.4, "keeps 0.4 of 4 cores busy; --waiting active is"),
    (1.26, "other work keeps 1.3 of 4 cores busy; --threads 3 may be faster beside it, and --waiting active is"),
    (9.0, "; --threads 1 may be faster"),
])  # fmt: skip
def test_a_machine_is_shared_from_a_quarter_of_a_core_on(busy, told, fresh):
    assert told in describe_load(busy, 4)
    fresh.setattr(waiting, "busy_cores", lambda: busy)
    environment: dict[str, str] = {}
    assert told in choose_waiting(environment=environment)
    assert environment == (PASSIVE if told else {})
    assert "--" not in choose_waiting(environment={}, options=False), "not every command has options for it"


def test_what_is_about_to_run_decides_before_the_load_and_an_option_before_both(fresh):
    fresh.setattr(waiting, "busy_cores", lambda: 0.0)
    for wish, company, passive in (("auto", "as 2 runs are trained at a time", True), ("active", "so", False),
                                   ("passive", "", True)):  # fmt: skip
        environment: dict[str, str] = {}
        said = choose_waiting(wish, company, environment)
        assert bool(said) == passive == (environment == PASSIVE) and (company in said or not passive)


@pytest.mark.parametrize("own", [{"GOMP_SPINCOUNT": "1000"}, {"OMP_WAIT_POLICY": "active"}, {"OMP_NUM_THREADS": "1"}])
def test_what_the_environment_says_stays(own, fresh):
    environment = dict(own)
    assert choose_waiting("passive", environment=environment) == "" and environment == own


def test_nothing_is_chosen_too_late():
    environment: dict[str, str] = {}
    assert choose_waiting("passive", environment=environment) == "" and environment == {}


def test_a_command_tells_of_it_and_torch_comes_after(tmp_path):
    script = """
import sys
from saddle import waiting
waiting.own_cores, waiting.busy_cores = (lambda: range(2)), (lambda: 1.0)
from saddle.cli import main
sys.argv[1:] = ["train", "gan", "--data", "ring", "--images", "64", "--dry-run"]
code = main()
import os
print(os.environ.get("GOMP_SPINCOUNT"), code)
"""
    environment = {name: value for name, value in os.environ.items() if name not in (*PASSIVE, "OMP_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "0 0"
    assert (
        "threads wait passively, as other work keeps 1.0 of 2 cores busy; --threads 1 may be faster beside it"
        in done.stderr
    )
    assert done.stderr.count("threads wait") == 1
