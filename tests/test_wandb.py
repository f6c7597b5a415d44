"""A run in Weights & Biases, offline."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from saddle import load, resume, train
from saddle.cli import main
from saddle.errors import Interrupted, Mistake
from saddle.extras import install
from saddle.training.callbacks.base import default_callbacks
from test_resume import StopAt, small


def framed(content: bytes) -> Iterator[bytes]:
    """The records of an offline file: blocks of 32 KiB, of pieces with checksum, length and kind (LevelDB's log)."""
    place, whole = 7, b""
    while place < len(content):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last piece of several
            yield whole
            whole = b""


def records(run: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The ids that a run was begun under there, and all that was logged."""
    from wandb.proto.wandb_internal_pb2 import Record

    ids, rows = [], []
    for file in sorted(run.glob("wandb/offline-run-*/*.wandb")):
        for data in framed(file.read_bytes()):
            record = Record()
            record.ParseFromString(data)
            if record.HasField("run"):
                ids.append(record.run.run_id)
            if record.HasField("history"):
                rows.append({item.key or ".".join(item.nested_key): item.value_json for item in record.history.item})
    return ids, rows


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")


@pytest.mark.usefixtures("offline")
@pytest.mark.filterwarnings("default")  # what the package itself warns of is not ours to mend
def test_terms_figures_and_pictures_are_logged_and_a_resumed_run_is_the_same_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    more = {"wandb": "saddle-test", "board": True, "measure": "swd", "samples": 16}
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 6)
        with pytest.raises(Interrupted):
            train(**small("gan", out=run), **more)
    resume(run)
    ids, rows = records(run)
    assert len(set(ids)) == 1 and len(list(run.glob("wandb/offline-run-*"))) == 2
    names = {name for row in rows for name in row}
    assert {"images", "critic/adversarial", "generator/adversarial", "samples._type", "images per second"} <= names
    assert any(name.startswith("figures/") for name in names)
    shown = [int(row["images"]) for row in rows]
    assert shown == sorted(shown) and any(run.glob("board/*")), "TensorBoard stands beside it"
    plain = train(**small("gan", out=tmp_path / "plain"))
    assert torch.equal(load(run).sample(5), load(plain).sample(5)), "whoever looks on changes nothing"


def test_what_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(Mistake, match=f"not installed; {re.escape(install('wandb'))}"):
        default_callbacks(board=False, quiet=True, wandb="x")


def test_without_a_key_the_way_out_is_said_before_there_is_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    out = tmp_path / "run"
    words = [sys.executable, "-m", "saddle", "train", "gan", "--images", "64", "--out", str(out), "--wandb", "test"]
    env = os.environ | {"WANDB_MODE": "online", "WANDB_API_KEY": "", "HOME": str(tmp_path), "NETRC": "/nowhere"}
    ended = subprocess.run(words, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL)
    assert ended.returncode == 2 and "WANDB_MODE=offline" in ended.stderr and not out.exists(), ended.stderr


@pytest.mark.parametrize("word", ["--use-wandb", "--wandb-project"])
def test_words_from_elsewhere_are_answered(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "gan", word, "x"]) == 2 and "--wandb" in capsys.readouterr().err.replace(word, "")
