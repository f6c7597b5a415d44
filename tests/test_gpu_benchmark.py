"""The program that is to measure a GPU, played on a processor; and what sampling costs beside a pass."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(monkeypatch: pytest.MonkeyPatch, script: str, words: str) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(sys, "argv", [script, *words.split()])
    runpy.run_path(str(BENCHMARKS / script), run_name="__main__")


def test_the_program_for_a_gpu_plays_and_writes_each_line_as_it_is_known(tmp_path: Path, monkeypatch, capsys):
    out = tmp_path / "gpu.jsonl"
    words = f"--device cpu --rounds 2 --parts machine,recipes --recipes vae-toy,gat-latent,gaussian-mixture --out {out}"
    run(monkeypatch, "gpu.py", words)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["part"] for line in lines] == ["begun", "machine", "recipes", "recipes", "recipes"]
    assert lines[1]["bfloat16"] > 0 and lines[1]["bytes_a_second"] > 0
    first, codes, last = lines[2:]
    assert first["recipe"] == "vae-toy" and first["equal"] and first["apart"] == 0 and first["ratio"] > 0
    assert codes == {"part": "recipes", "recipe": "gat-latent", "skipped": "it plays on the codes of a run"}
    assert last["recipe"] == "gaussian-mixture" and last["batch"] == 256
    assert capsys.readouterr().out.splitlines() == out.read_text().splitlines()


def test_it_begins_nothing_more_when_time_is_up_and_says_what_is_left(tmp_path: Path, monkeypatch):
    out = tmp_path / "gpu.jsonl"
    run(monkeypatch, "gpu.py", f"--device cpu --parts recipes --recipes vae-toy,gan --seconds 0 --out {out}")
    assert json.loads(out.read_text().splitlines()[-1]) == {"part": "recipes", "left": ["vae-toy", "gan"]}
    with pytest.raises(SystemExit, match="there is no nothing; parts are machine, loops"):
        run(monkeypatch, "gpu.py", "--device cpu --parts nothing")


def test_sampling_is_raced_against_a_pass(monkeypatch, capsys):
    run(monkeypatch, "sampling.py", "--turns 2 --size 16 --images 4")
    told = json.loads(capsys.readouterr().out)
    assert told["images"] == 4 and told["at once"] == 64 and told["ratio"] > 0
