"""The files in examples/scale: torchrun and saddle understand them, and two agents play them, one process killed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib import import_module, util
from pathlib import Path
from typing import Any

import pytest

from documents import ROOT
from saddle.cli.argv import flag_names, split_words
from saddle.cli.training import PlaceOptions, Settings, parse_train_options, recipe_name
from several import free_port, several, write_killed_job
from test_restarts import TOY, same_bits
from test_same_command import shown

EXAMPLES = ROOT / "examples/scale"
VARIABLES = {"SLURM_NNODES": "2", "SLURM_JOB_ID": "7", "first": "127.0.0.1", "SKYPILOT_NUM_NODES": "2",
             "SKYPILOT_NUM_GPUS_PER_NODE": "8", "SKYPILOT_NODE_RANK": "0"}  # fmt: skip
NAMES = ("slurm.sh", "kubeflow.yaml", "skypilot.yaml")


def told(name: str) -> list[str]:
    """The words behind torchrun in an example."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    if "args:" in text:
        return re.findall(r"^      - (\S+)$", text.partition("args:")[2].partition("resourcesPerNode")[0], re.MULTILINE)
    line = text.replace("\\\n", " ").partition("torchrun  ")[2].partition("\n")[0].rstrip("& ")
    line = line.replace('"$(echo "$SKYPILOT_NODE_IPS" | head -n 1)"', "127.0.0.1")
    return shlex.split(re.sub(r"\$(\w+)", lambda found: VARIABLES[found[1]], line))


@pytest.mark.parametrize("name", NAMES)
def test_torchrun_and_saddle_understand_an_example(name: str) -> None:
    parser = import_module("torch.distributed.run").get_args_parser()
    asked = parser.parse_args(told(name))
    assert asked.module and asked.training_script == "saddle" and str(asked.max_restarts) == "3"
    command, *words = asked.training_script_args
    assert command == "train"
    plain, given = split_words(words, flag_names(PlaceOptions(), Settings()))
    place, settings, _ = parse_train_options(recipe_name(plain), given)
    assert place.resume == "auto" and place.out is not None and settings["grace"] == 20
    assert settings["grace"] < 30  # when torchrun kills


def test_slurms_script_is_one_that_bash_reads() -> None:
    script = str(EXAMPLES / "slurm.sh")
    assert subprocess.run(["bash", "-n", script], capture_output=True, check=False).returncode == 0


def rays_worker(folder: str) -> int:
    """As Ray does it: the processes are brought together by somebody else than saddle."""
    import torch.distributed as dist

    found = util.spec_from_file_location("ray_train", EXAMPLES / "ray_train.py")
    assert found is not None and found.loader is not None
    example: Any = util.module_from_spec(found)
    found.loader.exec_module(example)
    dist.init_process_group("gloo", init_method="env://")
    example.work({"recipe": "wgan-gp-toy", "out": f"{folder}/run", "images": 80, "limit": 64, "pictures": 1,
                  "options": {"networks.width": "8", "batch": "16"}, "device": "cpu", "quiet": True})  # fmt: skip
    dist.barrier()
    dist.destroy_process_group()
    return 0


def test_processes_that_ray_has_brought_together_train_one_run(tmp_path: Path) -> None:
    assert several(2, rays_worker, str(tmp_path)) == [0, 0]
    assert shown(tmp_path / "run") == 80


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slurm.sh", "skypilot.yaml"])
def test_two_agents_play_an_example_and_one_process_is_killed(name: str, tmp_path: Path) -> None:
    """Each agent stands for a machine. The run has the bits of one that nobody has disturbed."""
    line = [*TOY, "--checkpoints", "1e-6", "--out"]
    for run, mark in (("peace", tmp_path), ("killed", tmp_path / "mark")):
        assert play(told(name), [*line, str(tmp_path / run)], mark, tmp_path / f"{run}.py") == [0, 0]
    assert (tmp_path / "mark").exists() and shown(tmp_path / "killed") == shown(tmp_path / "peace") == 320
    same_bits(tmp_path / "peace", tmp_path / "killed")


def play(words: list[str], line: list[str], mark: Path, script: Path) -> list[int]:
    """The exit codes of two agents, each of one process; the second one is killed where there is no mark yet."""
    write_killed_job(script, line, mark, rank=1, round=9, read_every=2)
    asked = words[: words.index("-m")]
    port = str(free_port())
    swapped = {"--nproc-per-node": "1", "--rdzv-endpoint": f"127.0.0.1:{port}", "--master-port": port}
    for option, value in swapped.items():
        if option in asked:
            asked[asked.index(option) + 1] = value
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    agents = []
    for rank in ("0", "1"):
        own = [rank if before == "--node-rank" else word for before, word in zip(["", *asked], asked, strict=False)]
        run = [sys.executable, "-m", "torch.distributed.run", "--monitor-interval", "0.1", *own, str(script)]
        agents.append(subprocess.Popen(run, env=env))
    return [agent.wait(timeout=600) for agent in agents]
