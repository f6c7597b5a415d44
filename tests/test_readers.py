"""Every file that is read back, whatever its bytes are: a value or one sentence, never an error of Python's."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from saddle.errors import Failure, Mistake
from saddle.inference.load import load
from saddle.recipes.revive import recipe_from_manifest
from saddle.reports.settings import flatten_fields
from saddle.reports.settings import manifest_facts as told
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.sessions import resume, train
from saddle.sweeps import search_state
from saddle.sweeps.plan import SweepPlan
from saddle.sweeps.sampler import SearchAttempt
from saddle.training.checkpoint import checkpoint_crc, latest_checkpoint, read_checkpoint_facts

ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(codec=None), max_size=8),
    st.sampled_from([{}, [], 10**30, -1, "inf", "\0", "a" * 5000, "(" * 500, "__import__('os')", 1e308]),
    st.recursive(st.integers(), lambda inner: st.lists(inner, max_size=2), max_leaves=4),
)  # fmt: skip


def quick(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@st.composite
def damaged(draw: st.DrawFn, facts: Any) -> Any:
    """Valid facts, but for one to three places."""
    facts = copy.deepcopy(facts)
    for _ in range(draw(st.integers(1, 3))):
        places = list(inside(facts))
        if not places:
            return facts
        holder, key = draw(st.sampled_from(places))
        if draw(st.integers(0, 3)) == 0:
            del holder[key]
        elif isinstance(holder, dict) and draw(st.integers(0, 5)) == 0:
            holder[draw(st.text(max_size=6))] = holder.pop(key)
        else:
            holder[key] = draw(ODD)
    return facts


def inside(value: Any) -> Any:
    """Every place in JSON, as what holds it and the key."""
    for key, item in [*value.items()] if isinstance(value, dict) else [*enumerate(value)]:
        yield value, key
        if isinstance(item, dict | list):
            yield from inside(item)


def sentence(work: Callable[[], object]) -> str | None:
    """What is said against it; None where it works."""
    said = None
    try:
        work()
    except (Mistake, Failure) as fault:
        said = str(fault)
    assert said is None or ("\n" not in said and len(said) < 2000)
    return said


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "run"
    return train("wgan-gp-toy", "ring", out=place, images=512, pictures=0, quiet=True, on_collapse="rollback",
                 options={"networks.width": "8"})  # fmt: skip


@pytest.fixture(scope="module")
def manifest(run: Path) -> Any:
    return json.loads((run / "manifest.json").read_text())


@quick(40)
@given(
    data=st.binary(max_size=80) | st.sampled_from([b"", b"{}", b"null", b"[" * 100_000, b'{"format": NaN}', b"\xff"])
)
def test_any_bytes_are_a_manifest_or_none(run, tmp_path_factory, data):
    folder = RunFolder(tmp_path_factory.getbasetemp() / "bytes")
    folder.path.mkdir(exist_ok=True)
    folder.manifest.write_bytes(data)
    assert str(sentence(lambda: Manifest.read(folder))).startswith(str(folder.manifest))


@quick(80)
@given(data=st.data())
def test_any_mutation_of_a_manifest_is_read_or_refused(manifest, tmp_path_factory, data):
    folder = RunFolder(tmp_path_factory.getbasetemp() / "mutated")
    folder.path.mkdir(exist_ok=True)
    folder.manifest.write_text(json.dumps(data.draw(damaged(manifest))))

    def read() -> None:
        found = Manifest.read(folder)
        assert list(flatten_fields(told(found))) and found.identity
        recipe_from_manifest(folder, found)

    sentence(read)


@quick(40)
@given(data=st.data())
def test_any_mutation_of_a_checkpoints_facts_is_read_or_refused(run, tmp_path_factory, data):
    place = tmp_path_factory.getbasetemp() / "mutated-checkpoint" / "checkpoints"
    place.mkdir(parents=True, exist_ok=True)
    whole = latest_checkpoint(run / "checkpoints")
    assert whole
    with safe_open(whole, "pt") as file:
        header = file.metadata()
    text = json.dumps(data.draw(damaged(json.loads(header["facts"]))))
    tensors = load_file(whole)
    save_file(tensors, place / whole.name, header | {"facts": text, "crc": str(checkpoint_crc(tensors, text))})
    sentence(lambda: read_checkpoint_facts(place / whole.name))


@pytest.mark.slow
@quick(60)
@given(data=st.data())
def test_a_run_with_mutated_facts_is_resumed_or_refused(run, tmp_path_factory, data):
    place = tmp_path_factory.getbasetemp() / "resumed"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(run, place)
    whole = latest_checkpoint(place / "checkpoints")
    assert whole
    with safe_open(whole, "pt") as file:
        header = file.metadata()
    text = json.dumps(data.draw(damaged(json.loads(header["facts"]))))
    tensors = load_file(whole)
    save_file(tensors, whole, header | {"facts": text, "crc": str(checkpoint_crc(tensors, text))})
    sentence(lambda: resume(place))
    sentence(lambda: load(place).sample(1))


PLAN = SweepPlan("dcgan", {"batch": "8"}, {"seed": 1, "measure": "fid"},
            {"optimizer.lr": ["1e-5..1e-3 log"], "turns.critic": ["1", "2"]}, search=3)  # fmt: skip
TRIED = [
    SearchAttempt({"optimizer.lr": "0.0001", "turns.critic": "1"}, {100: 3.5, 200: float("inf")}, "done"),
    SearchAttempt({"optimizer.lr": "0.0002", "turns.critic": "2"}, {}, "failed", "no number"),
]


@quick(40)
@given(data=st.data())
def test_any_mutation_of_a_sweeps_plan_is_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "plan"
    PLAN.save(folder)
    assert SweepPlan.load(folder) == PLAN
    facts = json.loads((folder / "sweep.json").read_text())
    (folder / "sweep.json").write_text(json.dumps(data.draw(damaged(facts))))
    sentence(lambda: SweepPlan.load(folder))


@quick(60)
@given(data=st.data())
def test_any_mutation_of_a_searchs_book_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "search.json"
    facts = {"format": search_state.SEARCH_FORMAT, "figure": "fid", "attempts": [
        {"choice": a.choice, "values": {str(n): v if v < 1e300 else "inf" for n, v in a.values.items()},
         "end": a.end, "why": a.why} for a in TRIED]}  # fmt: skip
    path.write_text(json.dumps(facts))
    assert search_state.read_attempts(path, PLAN.spaces) == TRIED
    path.write_text(json.dumps(data.draw(damaged(facts))))
    sentence(lambda: search_state.read_attempts(path, PLAN.spaces))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": 0}, "images is 0, but should be 1 or more"),
        ({"images": "many"}, "images is 'many', but should be a whole number"),
        ({"recipe": "x" * 9 + ".a" * 5000}, "recipe"),
        ({"recipe": "WGANGP(batch=" + "9" * 5000 + ")"}, "recipe"),
        ({"settings": {"sede": 1}}, "settings has no 'sede'; did you mean seed?"),
        ({"settings": {"seed": True}}, "settings.seed is True, but should be a whole number"),
        ({"data": {}}, "data: name is missing"),
        ({"machine": {"device": "cpu"}}, "machine: precision is missing"),
        ({"options": {"batch": 5}}, "options.batch is 5, but should be text"),
        ({"more": 1}, "has no 'more'"),
    ],
)
def test_a_manifest_says_what_is_wrong_where(manifest, tmp_path, changes, words):
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | changes))
    said = sentence(lambda: Manifest.read(RunFolder(tmp_path)))
    assert said and said.startswith(f"{tmp_path / 'manifest.json'} is no manifest of a run: ") and words in said
