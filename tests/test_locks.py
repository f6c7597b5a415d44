"""Disks without locks, and machines each of which decodes for itself."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from torch.distributed import HashStore

from data_files import pictures
from saddle import resolved
from saddle.data import Prepare, open_data
from saddle.data.cache import store
from saddle.data.cache.sealed import read_sealed, write_sealed
from saddle.errors import WriteFailure
from saddle.runs.settings import Settings
from saddle.training import together
from saddle.training.callbacks.base import Callback


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_disk_without_locks_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*words: object) -> None:
        raise OSError(number, "no locks here")

    monkeypatch.setattr(store.fcntl, "flock", refuse)
    pixels = pictures(tmp_path / "photos")
    data = open_data(str(tmp_path / "photos"), Prepare(), print, cache=tmp_path / "cache")
    assert np.array_equal(data.samples, pixels)  # type: ignore[attr-defined]
    (place,) = (tmp_path / "cache").glob("[!.]*")
    other = place.with_name(f".{place.name}.part-1-of-another-machine")
    other.mkdir()
    (place / "facts.json").unlink()
    again = open_data(str(tmp_path / "photos"), Prepare(), print, cache=tmp_path / "cache")
    assert np.array_equal(again.samples, pixels) and other.exists()  # type: ignore[attr-defined]
    write_sealed(tmp_path / "cache/features/a-0123456789", lambda file: file.write(b"all"))
    assert read_sealed(tmp_path / "cache/features/a-0123456789") == b"all"


def test_what_cannot_be_written_is_still_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: object) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(store.fcntl, "flock", refuse)
    pictures(tmp_path / "photos")
    with pytest.raises(WriteFailure, match="the disk is broken"):
        open_data(str(tmp_path / "photos"), Prepare(), print, cache=tmp_path / "cache")


@pytest.mark.parametrize(("rank", "local", "expected"), [(0, 0, "open wait"), (1, 1, "wait open"), (4, 0, "open wait")])
def test_each_machine_s_first_process_decodes_and_its_others_wait(
    monkeypatch: pytest.MonkeyPatch, rank: int, local: int, expected: str
) -> None:
    done: list[str] = []
    real = resolved.open_data
    monkeypatch.setenv("LOCAL_RANK", str(local))
    monkeypatch.setattr(resolved, "process_rank", lambda: rank)
    monkeypatch.setattr(resolved, "wait_for_machines", lambda: done.append("wait"))
    monkeypatch.setattr(resolved, "open_data", lambda *words, **more: (done.append("open"), real(*words, **more))[1])
    data = resolved.open_training_data(Settings(data="grid", limit=100), (), Callback())
    assert len(data) == 100 and " ".join(done) == expected


@pytest.mark.parametrize(("rank", "local", "heard"), [(0, 0, "run"), (1, 1, ""), (4, 0, "stderr"), (5, 1, "")])
def test_a_damaged_picture_is_told_by_the_first_process_of_the_machine_that_has_it(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rank: int,
    local: int,
    heard: str,
) -> None:
    pictures(tmp_path / "photos")
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    monkeypatch.setenv("LOCAL_RANK", str(local))
    monkeypatch.setattr(resolved, "process_rank", lambda: rank)
    monkeypatch.setattr(resolved, "wait_for_machines", lambda: None)
    said: list[str] = []
    resolved.open_training_data(Settings(data=str(tmp_path / "photos")), (), Callback(), say=said.append)
    found = {"run": "broken.png" in " ".join(said), "stderr": "broken.png" in capsys.readouterr().err}
    assert found == {place: place == heard for place in found}


def test_all_wait_for_the_first_process_of_each_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "world_size", lambda: 3)
    monkeypatch.setattr(together, "barrier", lambda: None)
    store = HashStore()
    waits = [together.Waiting() for _ in range(3)]
    for wait in waits:
        wait.begin(store)
    ended: list[int] = []
    threads = [threading.Thread(target=lambda i=i: (waits[i].wait_for(i < 2, 2), ended.append(i))) for i in range(3)]
    threads[2].start()
    threads[0].start()
    time.sleep(0.2)
    assert not ended
    threads[1].start()
    for thread in threads:
        thread.join(10)
    assert sorted(ended) == [0, 1, 2]
