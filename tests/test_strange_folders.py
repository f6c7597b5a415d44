"""Run and sweep folders in which things are what they should not be: nothing outside changes, nothing hangs."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from saddle.errors import Mistake
from saddle.recipes.revive import read_source
from saddle.recipes.sources import RecipeSource, read_stored_source
from saddle.runs.folder import LOCK_NAME, RunFolder
from saddle.runs.log import Log, append_line
from saddle.runs.manifest import Manifest
from saddle.schema import read_json
from saddle.sweeps.plan import Trial
from saddle.sweeps.work import run_trial
from saddle.training.health.rollback import RollbackStore

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and fifos are POSIX's")


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_json_is_read_from_regular_files_alone(tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "a.json") if kind == "fifo" else (tmp_path / "a.json").mkdir()
    with pytest.raises(Mistake, match=f"^it says nothing: .* is a {kind}"):
        read_json(tmp_path / "a.json", "it says nothing")


def test_folders_named_as_drafts_are_left_alone(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for path in (tmp_path / ".draft-a", folder.checkpoints / ".draft-b", folder.checkpoints / ".tmp-c"):
        path.mkdir(parents=True)
    (tmp_path / ".draft-d").write_text("half")
    folder.tidy()
    assert (tmp_path / ".draft-a").is_dir() and not (tmp_path / ".draft-d").exists()


def test_states_to_go_back_to_are_known_by_their_images(tmp_path: Path) -> None:
    healthy = RollbackStore(cast(Any, None), tmp_path)
    for facts in ({"sure": "../x", "fresh": None, "times": 0}, {"sure": 1e300, "fresh": 1, "times": 0}):
        with pytest.raises(Mistake, match="which are no images of a run"):
            healthy.restore(facts)
    for name in ("mine", "000000000004", "000000000008"):
        (tmp_path / f"healthy-{name}.safetensors").touch()
    (tmp_path / "healthy-000000000002.safetensors").mkdir()
    healthy.restore({"sure": 8, "fresh": None, "times": 0})
    healthy.tidy()
    left = sorted(path.name.removeprefix("healthy-").removesuffix(".safetensors") for path in tmp_path.iterdir())
    assert left == ["000000000002", "000000000008", "mine"]


def test_a_log_with_a_second_name_is_copied_before_it_is_changed(tmp_path: Path) -> None:
    for name in ("log", "measures"):
        (tmp_path / "backup").write_bytes(b'{"round": 1}\n{"round": 2}\n')
        os.link(tmp_path / "backup", tmp_path / name)
        if name == "log":
            log = Log(tmp_path / name, 13)
            log.write(round=3)
            log.close()
            assert (tmp_path / name).read_bytes() == b'{"round": 1}\n{"round": 3}\n'
        else:
            append_line(tmp_path / name, {"round": 3})
        assert (tmp_path / "backup").read_bytes() == b'{"round": 1}\n{"round": 2}\n'
        (tmp_path / "backup").unlink()


def test_a_folder_of_ones_own_called_recipe_is_not_taken_for_what_a_killed_run_left(tmp_path: Path) -> None:
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "mine.py").write_text("mine")
    assert not RunFolder(tmp_path).is_unbegun()
    (tmp_path / LOCK_NAME).touch()
    assert RunFolder(tmp_path).is_unbegun()
    (tmp_path / "recipe" / "link.py").symlink_to("/etc/passwd")
    assert not RunFolder(tmp_path).is_unbegun()


def test_a_copy_is_whole_and_writes_through_no_link(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "run" / "recipe"
    outside.mkdir()
    (outside / "a.py").write_text("precious")
    folder.mkdir(parents=True)
    (folder / "a.py").symlink_to(outside / "a.py")
    (folder / "sub").symlink_to(outside)
    (folder / "old.py").write_text("a killed run's")
    source = RecipeSource(tmp_path, {"a.py": b"a = 1\n", "sub/a.py": b"b = 1\n"})
    source.copy(folder)
    assert (outside / "a.py").read_text() == "precious"
    assert read_stored_source(folder, source.hashes).files == source.files


def test_a_run_killed_while_its_source_was_replaced_still_has_its_own(tmp_path: Path) -> None:
    old, new = RecipeSource(tmp_path, {"mine.py": b"a = 1\n"}), RecipeSource(tmp_path, {"mine.py": b"a = 2\n"})
    old.copy(tmp_path / "recipe-until-0000000004")
    manifest = cast(Manifest, SimpleNamespace(name="mine.py:Mine", source=old.hashes))
    for begun in (False, True):
        if begun:
            new.copy(tmp_path / "recipe")
        found = read_source(RunFolder(tmp_path), manifest)
        assert found and found.files == old.files


def test_a_sweep_plays_in_no_folder_that_a_link_leads_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outside" / "sheets").mkdir(parents=True)
    (tmp_path / "01").symlink_to(tmp_path / "outside")
    answers: list[tuple[str, str]] = []
    line = cast(Any, SimpleNamespace(send=answers.append))
    monkeypatch.setattr(os, "setsid", lambda: None)
    monkeypatch.setattr("saddle.sweeps.work.leave_compiler_out", lambda: None)  # it is the whole suite's process
    run_trial("dcgan", Trial("01", "", {}, {}), str(tmp_path / "01"), True, False, line)
    assert answers[0][0] == "Mistake" and "is a link" in answers[0][1]
    assert (tmp_path / "outside" / "sheets").is_dir()
