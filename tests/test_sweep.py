"""Many runs by one plan: what it trains, how it goes on, what it refuses."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import torch

from saddle import train
from saddle.cli import main
from saddle.errors import Interrupted, Mistake
from saddle.sweeps.plan import SweepPlan, parse_vary
from saddle.sweeps.sweep import is_finished, run_sweep
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint

OPTIONS = {"networks.width": "4", "turns.generator": "1"}
TINY = {"size": 16, "images": 64, "limit": 32, "pictures": 0, "quiet": True, "threads": 1}


def plan(vary: str, seeds: int = 1) -> SweepPlan:
    return SweepPlan("dcgan", OPTIONS, TINY, parse_vary([vary]), seeds)


def test_a_plan_is_all_combinations_with_the_first_seed_before_the_next():
    whole = SweepPlan(
        "dcgan", {"batch": "8"}, {"seed": 3}, parse_vary(["penalties=R1(1);R1(10), R2(1)", "size=16;32"]), 2
    )
    trials = whole.trials()
    assert (
        len(trials) == 8 == len({t.name for t in trials}) and [t.settings["seed"] for t in trials] == [3] * 4 + [4] * 4
    )
    assert trials[3].group == "penalties=R1(10), R2(1), size=32"
    assert trials[3].options == {"batch": "8", "penalties": "R1(10), R2(1)"}
    assert trials[3].settings == {"seed": 3, "size": 32} and trials[3].name == "04-penalties-R1-10-R2-1-size-32-seed-3"
    assert trials[0].group == trials[4].group


@pytest.mark.parametrize(("words", "says"), [
    (["--vary", "optimizer.lr"], "is written 'optimizer.lr=1e-4;2e-4'"),
    (["--vary", "batch=8;8"], "batch has 8 twice"),
    (["--vary", "batch=8", "--vary", "batch=16"], "names batch twice"),
    (["--vary", "batch=8;16", "--batch", "32"], "batch cannot both vary and be given"),
    (["--vary", "seed=1;2"], "--seeds 5 takes five"),
    (["--vary", "bach=8;16"], "has no option bach; did you mean batch?"),
    (["--vary", "penalties=;R7(1)"], "penalties is 'R7', but should be ConsistencyRegularisation"),
    (["--vary", "size=16;large"], "size is 'large'"),
    (["--vary", "penalties=none;Classification()"], "Classification"), (["--vary", "size=16;100"], "100"),
    (["--seeds", "0"], "seeds is 0"), (["--jobs", "0"], "jobs is 0"),
])  # fmt: skip
def test_what_cannot_be_trained_is_refused_before_anything_is(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    place = tmp_path / "sweep"
    assert main(["sweep", "dcgan", *words, "--limit", "32", "--out", str(place)]) == 2
    assert says in capsys.readouterr().err and not place.exists()


def test_a_plan_of_nothing_or_of_more_than_anybody_trains_is_refused_at_once():
    many = {f"networks.{name}": [str(i) for i in range(100)] for name in ("width", "depth", "latent", "rank")}
    with pytest.raises(Mistake, match=r"these are 100,000,000 runs, .* at most 100,000; .* --search 20"):
        SweepPlan("gan", {}, {}, many)
    with pytest.raises(Mistake, match=r"nothing is to be tried for batch"):
        SweepPlan("gan", {}, {}, {"batch": []})


def test_a_stopped_sweep_goes_on_to_the_runs_that_training_each_gives(tmp_path: Path):
    whole, place, heard = plan("batch=8;16", 2), tmp_path / "sweep", []

    def stop_at_the_third(sentence: str) -> None:
        heard.append(sentence)
        if "3 of 4" in sentence and "begins" in sentence:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted, match="the same command goes on") as stopped:
        run_sweep(whole, place, said=stop_at_the_third)
    assert stopped.value.code == 143
    assert [is_finished(place / t.name) for t in whole.trials()] == [True, True, False, False]

    with pytest.raises(Mistake, match=r"another plan: vary batch was \['8', '16'\], now \['8', '32'\]"):
        run_sweep(plan("batch=8;32", 2), place)
    with pytest.raises(Mistake, match="another plan: seeds was 2, now 3"):
        run_sweep(plan("batch=8;16", 3), place)

    heard.clear()
    _, comparison = run_sweep(whole, place, jobs=2, said=heard.append)
    assert heard[0] == f"4 runs in {place}, 2 of them ended before"
    assert sum("begins" in sentence for sentence in heard) == 2 == sum(s.endswith(": done") for s in heard)
    alone = train("dcgan", out=tmp_path / "alone", options=OPTIONS | {"batch": "8"}, **TINY | {"seed": 1})
    same_end(place / whole.trials()[2].name, alone)

    assert [run.title for run in comparison.heads] == ["batch=8, seed 0", "batch=16, seed 0"]
    assert [d.name for d in comparison.differing] == ["batch"]
    assert all((place / f"comparison.{kind}").stat().st_size > 500 for kind in ("html", "json"))
    before = sorted((path, path.stat().st_mtime_ns) for path in place.rglob("*.safetensors"))
    run_sweep(whole, place, said=heard.append)
    assert sorted((path, path.stat().st_mtime_ns) for path in place.rglob("*.safetensors")) == before


def same_end(a: Path, b: Path) -> None:
    one, two = (read_checkpoint(path).tensors for run in (a, b) if (path := latest_checkpoint(run / "checkpoints")))
    assert one.keys() == two.keys() and all(torch.equal(t, two[key]) for key, t in one.items())
    assert (a / "log.jsonl").read_bytes() == (b / "log.jsonl").read_bytes()


def test_a_run_that_fails_is_told_and_the_others_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["sweep", "dcgan", "--vary", "optimizer.lr=1e38;1e-4", "--out", str(tmp_path / "sweep"), "--jobs", "2"]
    for given in (OPTIONS, TINY):
        words += [word for name, value in given.items() for word in (f"--{name}", str(value))]
    words.append("--no-quiet")
    for _ in range(2):  # the second time nothing is left to train
        assert main(words) == 1
        said, complaint = capsys.readouterr()
        assert "1 of 2 runs failed" in complaint and "warning: 01-optimizer.lr-1e38-seed-0 failed: the " in said
        assert "optimizer.lr=1e-4, seed 0" in said
    assert "begins" not in said and len(json.loads((tmp_path / "sweep" / "failed.json").read_text())) == 1


def test_runs_on_codes_that_nobody_has_trained_are_refused_before_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    place = tmp_path / "sweep"
    elsewhere = ["--vary", f"from-run={tmp_path};none"]
    for words, says in (([], "plays on the codes of an autoencoder, which is trained first"),
                        (elsewhere, "holds no run: it has no manifest.json")):  # fmt: skip
        assert main(["sweep", "gat-latent", "--seeds", "2", *words, "--out", str(place)]) == 2
        assert says in capsys.readouterr().err and not place.exists()
