"""Runs at URLs: trained, gone on with and used there, and whole whoever is killed when."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from saddle import load, resume, train
from saddle.cli import main
from saddle.errors import Failure, Interrupted, Mistake, WriteFailure
from saddle.extras import install
from saddle.runs.folder import RunFolder
from saddle.runs.remote import MARKER, RemoteRun
from saddle.training.callbacks.base import Callback
from saddle.training.checkpoint import latest_checkpoint
from saddle.urls import as_url
from test_on_the_fly import bits
from test_resume import StopAt

TOY: dict[str, Any] = {"data": "ring", "images": 64, "limit": 64, "pictures": 2, "device": "cpu", "quiet": True,
                       "options": {"batch": "8", "networks.width": "8"}}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What memory:// holds, and a cache of this test's own."""
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    yield memory.store
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


def another_machine(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "cache")


def names(store: Any, place: str = "/x/run") -> set[str]:
    return {path.removeprefix(f"{place}/") for path in store if path.startswith(f"{place}/")}


def test_a_run_is_trained_stopped_and_gone_on_with_at_a_url(store: Any, tmp_path: Path) -> None:
    whole = train("gan", out=tmp_path / "whole", **TOY)
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 4)
        with pytest.raises(Interrupted, match="saddle resume memory://x/run"):
            train("gan", out="memory://x/run", **TOY)
    another_machine(tmp_path)
    run = resume("memory://x/run")
    assert bits(run) == bits(whole) and run.name == "run"
    files = names(store)
    assert files == {MARKER} | {p.relative_to(run).as_posix() for p in run.rglob("[!.]*") if p.is_file()}
    assert len([name for name in files if name.endswith(".safetensors")]) == 2
    assert not list((tmp_path / "cache/runs").glob(".*"))  # nothing is left of working folders and drafts
    another_machine(tmp_path)
    there, here = load("memory://x/run").sample(4), load(whole).sample(4)
    assert there.equal(here)
    assert train("gan", out=Path("memory://x/run"), resume="auto", **TOY).is_dir()  # finished: only reported


def test_commands_read_runs_at_urls_and_write_here(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = "--data ring --images 64 --limit 64 --batch 8 --networks.width 8 --pictures 0 --device cpu"
    assert main(["train", "gan", *words.split(), "--out", "memory://x/run"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("gan on ring with --batch 8")  # the recipe's name, which that of the folder need not have
    assert "The run lies in memory://x/run. Now try:" in said and "saddle sample memory://x/run" in said
    assert main(["sample", "memory://x/run", "--device", "cpu"]) == 0
    assert main(["report", "memory://x/run"]) == 0
    assert (tmp_path / "run/report.html").is_file() and len(list((tmp_path / "run").iterdir())) == 2
    measuring = ["measure", "memory://x/run", "-n", "50", "--metrics", "modes", "--device", "cpu"]
    assert main(measuring) == 0 and "modes" in capsys.readouterr().out
    assert "measures.jsonl" in names(store)
    assert main(["train", "gan", "--resume", "auto", "--out", "memory://x/run", *words.split()]) == 0
    assert "is finished" in "".join(capsys.readouterr())
    assert main(["train", "gan", *words.split(), "--out", "memory://x/run"]) == 2
    assert "already holds a run; `saddle resume memory://x/run`" in " ".join(capsys.readouterr().err.split())


def fill(folder: Path, **files: str) -> Path:
    """A run's folder of such files: a__b is b in the folder a."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / (name.replace("__", "/") + (".safetensors" if "__" in name else ""))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


OLD = {"manifest": "m", "log": "1\n", "checkpoints__100": "first", "checkpoints__200": "second"}
NEW = {"manifest": "m", "log": "1\n2\n", "checkpoints__200": "second", "checkpoints__300": "third"}


def checkpoints(run: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in run.glob("checkpoints/*")}


@pytest.mark.parametrize("step", range(7))
def test_whoever_is_killed_while_uploading_leaves_a_whole_run(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    trainer = RemoteRun("memory://x/run")
    trainer.publish(fill(tmp_path / "run", **OLD))
    steps = 0

    def counted(do: Any) -> Any:
        def done(*given: Any, **more: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps > step:
                raise KeyboardInterrupt
            return do(*given, **more)

        return done

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "write", counted(trainer.write))
        patch.setattr(trainer.system, "rm_file", counted(trainer.system.rm_file))
        changed = fill(tmp_path / "run", **NEW)
        if step < 4:  # log, checkpoint, marker, and what goes after it
            with pytest.raises(KeyboardInterrupt):
                trainer.publish(changed)
        else:
            trainer.publish(changed)
    found = RemoteRun("memory://x/run")
    run = found.fetch()
    moved = step >= 3
    assert checkpoints(run) == ({"200": "second", "300": "third"} if moved else {"100": "first", "200": "second"})
    assert (run / "log").read_text().startswith("1\n")
    work = found.working_folder(run)
    found.publish(fill(work, **NEW))
    assert names(store) == {MARKER, "manifest", "log", "checkpoints/200.safetensors", "checkpoints/300.safetensors"}


def test_a_file_that_could_not_be_written_whole_is_not_there(store: Any, tmp_path: Path) -> None:
    for url in ("memory://x/run", (tmp_path / "disk/run").as_uri()):
        remote = RemoteRun(url)
        remote.write(f"{remote.place}/log", b"whole")

        class Broken:
            def read(self, count: int) -> bytes:
                raise OSError("the disk has gone")

        with pytest.raises(OSError, match="gone"):
            remote.write(f"{remote.place}/log", Broken())
        assert remote.system.cat_file(f"{remote.place}/log") == b"whole"


def test_two_who_train_one_run_are_told(store: Any, tmp_path: Path) -> None:
    first, second = RemoteRun("memory://x/run"), RemoteRun("memory://x/run")
    first.publish(fill(tmp_path / "a", **OLD))
    with pytest.raises(Failure, match="another process has written into memory://x/run meanwhile"):
        second.publish(fill(tmp_path / "b", **NEW))
    assert checkpoints(RemoteRun("memory://x/run").fetch()) == {"100": "first", "200": "second"}


def test_a_checkpoint_that_is_damaged_or_gone_and_a_marker_that_is_none_are_refused(store: Any, tmp_path: Path) -> None:
    RemoteRun("memory://x/run").publish(fill(tmp_path / "run", **OLD))
    memory, place = fsspec.filesystem("memory"), "/x/run/checkpoints/200.safetensors"
    memory.pipe_file(place, b"seconf")
    with pytest.raises(Mistake, match=r"checkpoints/200\.safetensors is damaged: it is not what was uploaded"):
        RemoteRun("memory://x/run").fetch()
    memory.rm_file(place)
    with pytest.raises(Mistake, match=r"there is nothing at memory://x/run/checkpoints/200\.safetensors"):
        RemoteRun("memory://x/run").fetch()
    whole = json.loads(memory.cat_file(f"/x/run/{MARKER}"))
    for content, sentence in (
        ("{", "is no marker of a run's"),
        (json.dumps({"format": "x"}), "is of another format"),
        (json.dumps(whole | {"files": {"../up": [1, "a"]}}), "which is no path within a run"),
        (json.dumps(whole | {"files": {"log": "1"}}), "is no marker of a run's"),
    ):
        memory.pipe_file(f"/x/run/{MARKER}", content.encode())
        with pytest.raises(Mistake, match=sentence):
            load("memory://x/run")
    assert not list((tmp_path / "cache").rglob("up"))


def test_a_server_that_is_away_for_a_while_costs_nothing(store: Any, tmp_path: Path) -> None:
    said: list[str] = []
    write, down = RemoteRun.write, [3]

    def sometimes(self: RemoteRun, place: str, content: Any) -> None:
        down[0] -= 1
        if down[0] == -1:
            raise ConnectionError("no route to host")
        write(self, place, content)

    class Listener(Callback):
        def on_message(self, sentence: str) -> None:
            said.append(sentence)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RemoteRun, "write", sometimes)
        run = train("gan", out="memory://x/run", watch=Listener(), **TOY)
    assert any("memory://x/run cannot be written to: no route to host; the next checkpoint tries" in s for s in said)
    assert {p.name for p in run.rglob("*.safetensors")} == {n[12:] for n in names(store) if n.endswith(".safetensors")}

    def never(self: RemoteRun, place: str, content: Any) -> None:
        if "draft" not in place:
            raise ConnectionError("no route to host")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RemoteRun, "write", never)
        patch.setattr(RemoteRun, "check_free", lambda self: None)
        with pytest.raises(WriteFailure, match="no route to host") as failed:
            train("gan", out="memory://x/other", watch=Listener(), **TOY)
    kept = Path(str(failed.value).partition("checkpoint is ")[2].partition(";")[0])
    assert kept.is_file() and latest_checkpoint(kept.parent) == kept  # and is named
    assert load(kept.parent.parent).sample(2).isfinite().all()


def test_what_cannot_be_had_is_refused_with_what_to_do(
    store: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, sentence in (
        (["sample", "memory://x/none"], "there is no run at memory://x/none"),
        (["resume", "memory://x/none"], "there is no run at memory://x/none"),
        (["train", "gan", "--data", "ring", "--out", "nonsense://x"], "Protocol not known: nonsense"),
    ):
        assert main(words) == 2
        assert sentence in " ".join(capsys.readouterr().err.split())

    def missing(url: str, **more: Any) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    assert main(["sample", "s3://bucket/run"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "Install s3fs to access S3" in said and install("remote") in said


def test_urls_are_told_from_paths_also_where_a_slash_was_lost() -> None:
    assert as_url("s3://bucket/run/") == as_url(Path("s3://bucket/run")) == "s3://bucket/run"
    assert as_url(Path("file:///tmp/run")) == as_url("file:///tmp/run") == "file:///tmp/run"
    for path in ("runs/1", "C:/runs/1", "C:\\runs", "hf://owner/name", "/s3://x", "last"):
        assert as_url(path) is None


def test_a_run_here_is_no_copy(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with run.to_write() as own:
        assert own is run and run.remote is None
