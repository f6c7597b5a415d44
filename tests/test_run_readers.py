"""Whatever bytes lie in a run's files: reading them gives values or a Mistake, and leaves them as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saddle.errors import Mistake
from saddle.metrics.figures import Figure
from saddle.runs.curves import read_panels
from saddle.runs.findings import read_findings
from saddle.runs.folder import RunFolder
from saddle.runs.log import read_log
from saddle.runs.measures import Measurement, append_measurement, read_measurements
from saddle.runs.timing import read_pace
from saddle.training.checkpoint import read_checkpoint, read_checkpoint_facts, write_checkpoint

SOME = settings(max_examples=40, deadline=None, derandomize=True, database=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
LINES = [
    {"round": 1, "images": 8, "critic/adversarial": 0.5}, {"round": 2, "images": 16, "rolled back": 8},
    {"images": 8, "seconds": 0.5}, {"images": 16, "seconds": 0.9, "untimed": 4},
    {"check": "dead", "round": 1, "images": 8, "evidence": "e", "advice": "a", "grave": True},
    {"cleared": "dead", "round": 2, "images": 16},
    {"rolled_back": "dead", "round": 3, "images": 24, "to": 8, "times": 1},
]  # fmt: skip
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
values = st.recursive(leaves, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=4), x, max_size=3),
                      max_leaves=6)  # fmt: skip


def varied(line: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """A right line with one of its values another, or with one more."""
    keys = st.sampled_from([*line, "more", "critic/$x$"])
    return st.builds(lambda key, value: json.dumps({**line, key: value}).encode(), keys, values)


good = [json.dumps(line).encode() for line in LINES]
line = st.sampled_from(good) | st.sampled_from(LINES).flatmap(varied) | st.binary(max_size=30)
files = st.builds(lambda lines, end: b"\n".join(lines) + end, st.lists(line, max_size=6), st.sampled_from([b"", b"\n"]))


def silent(sentence: str) -> None:
    pass


READERS: dict[str, Callable[[RunFolder], object]] = {
    "log.jsonl": lambda folder: (read_log(folder.log, say=silent), read_panels(folder.log)),
    "timing.jsonl": lambda folder: read_pace(folder.timing, silent),
    "health.jsonl": lambda folder: read_findings(folder.path, silent),
    "measures.jsonl": lambda folder: read_measurements(folder, silent),
}


def holds(path: Path, content: bytes, reader: Callable[[], object]) -> None:
    """Read, it is a value or a Mistake of one sentence, and as it was."""
    path.write_bytes(content)
    said = ""
    try:
        reader()
    except Mistake as mistake:
        said = str(mistake)
    assert "\n" not in said and path.read_bytes() == content


@pytest.mark.parametrize("name", READERS)
@SOME
@given(content=files)
def test_any_bytes_in_a_log_are_read_or_refused(name: str, tmp_path: Path, content: bytes):
    holds(tmp_path / name, content, lambda: READERS[name](RunFolder(tmp_path)))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = RunFolder(tmp_path_factory.mktemp("measured"))
    append_measurement(folder, Measurement(8, 1, 0.5, (Figure("fid", "FID", 3.0, 2.0, 4.0),)))
    facts: dict[str, Any] = json.loads((folder.path / "measures.jsonl").read_text())
    return facts


@SOME
@given(data=st.data())
def test_any_measurement_is_read_or_refused(tmp_path: Path, measured: dict[str, Any], data: st.DataObject):
    facts = json.loads(json.dumps(measured))
    places: list[Any] = [facts, facts["figures"][0], facts["figures"][0]["protocol"]]
    place = data.draw(st.sampled_from(places))
    place[data.draw(st.sampled_from([*place, "stop", "more"]))] = data.draw(values)
    content = json.dumps(facts).encode() + b"\n"
    holds(tmp_path / "measures.jsonl", content, lambda: read_measurements(RunFolder(tmp_path), silent))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("checkpoint") / "1.safetensors"
    facts = {"clock": {"round": 1, "images": 8, "share": 0.5}, "identity": {}, "groups": {}}
    write_checkpoint(
        path, {"game.a": torch.arange(6.0).reshape(2, 3), "game.b": torch.tensor(3), "game.c": torch.ones(2) > 0}, facts
    )
    return path.read_bytes()


@SOME
@given(data=st.data())
def test_any_change_of_a_checkpoint_is_noticed(tmp_path: Path, checkpoint: bytes, data: st.DataObject):
    place = data.draw(st.integers(0, len(checkpoint) - 1))
    changed = checkpoint[:place] + data.draw(st.binary(max_size=9)) + checkpoint[place + data.draw(st.integers(0, 9)) :]
    path = tmp_path / "1.safetensors"
    holds(path, changed, lambda: read_checkpoint_facts(path))
    holds(path, changed, lambda: read_checkpoint(path))
    if changed != checkpoint and place >= 8 + int.from_bytes(checkpoint[:8], "little"):  # in the values
        with pytest.raises(Mistake):
            read_checkpoint(path)


@SOME
@given(facts=values, clock=values)
def test_any_facts_of_a_checkpoint_are_read_or_refused(tmp_path: Path, facts: Any, clock: Any):
    path = tmp_path / "1.safetensors"
    known = {"clock": {"images": 1, "round": 1, "share": clock}} | (
        facts if isinstance(facts, dict) else {"identity": facts}
    )
    for said in (facts, known, {"clock": clock}):
        write_checkpoint(path, {"game.a": torch.zeros(2)}, said)
        content = path.read_bytes()
        holds(path, content, lambda: read_checkpoint(path))
        holds(path, content, lambda: read_checkpoint_facts(path))


@SOME
@given(header=values, more=st.binary(max_size=40))
def test_any_header_is_read_or_refused(tmp_path: Path, header: Any, more: bytes):
    path = tmp_path / "1.safetensors"
    text = json.dumps(header).encode()
    for length in (len(text), 2**63, 0):
        content = length.to_bytes(8, "little") + text + more
        holds(path, content, lambda: read_checkpoint(path))
        holds(path, content, lambda: read_checkpoint_facts(path))
