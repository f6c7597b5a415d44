"""Folders and shards at URLs: the same samples as from a disk, and refusals that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from data_files import pictures
from saddle.cli import main
from saddle.data import Prepare, open_data
from saddle.data.sources import resolve_source_name
from saddle.errors import Failure, Mistake
from saddle.extras import install
from saddle.urls import open_system
from test_on_the_fly import assert_goes_on_to_the_same_bits
from test_shards import png, sample, tar


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of two classes, and the same at memory://photos."""
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))
    pictures(tmp_path / "photos/cat", 9)
    pictures(tmp_path / "photos/dog", 8, side=20)
    (tmp_path / "photos/dog/bad.png").write_bytes(png(3)[:300])
    (tmp_path / "photos/notes.md").write_text("notes")
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "photos"), "/photos", recursive=True)
    yield tmp_path / "photos"
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


def opened(source: object, **options: Any) -> tuple[Any, list[str]]:
    said: list[str] = []
    return open_data(str(source), Prepare(size=16, **options), said.append), said


@pytest.mark.parametrize("decode", ["once", "on-the-fly"])
def test_a_folder_at_a_url_is_the_folder(photos: Path, decode: str) -> None:
    here, said = opened(photos, decode=decode)
    for url in ("memory://photos", photos.as_uri()):
        there, heard = opened(url, decode=decode)
        assert there.fingerprint == here.fingerprint and there.classes == ("cat", "dog") and len(there) == 17
        assert np.array_equal(there.samples[np.arange(17)], here.samples[np.arange(17)])
        assert any("bad.png is skipped" in s for s in heard) and any("(1 .md)" in s for s in heard), (heard, said)
    assert opened("memory://photos:dog", labels="none")[0].fingerprint == opened(photos / "dog")[0].fingerprint


def test_shards_at_a_url_are_the_shards(photos: Path, tmp_path: Path) -> None:
    for shard in range(2):
        tar(tmp_path / f"shards/train-{shard}.tar", {**sample("0", shard, shard), **sample("1", 5 + shard, 1)})
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "shards"), "/shards", recursive=True)
    here, _ = opened(tmp_path / "shards")
    for url in ("memory://shards", "memory://shards/train-{0..1}.tar", "memory://shards/*.tar"):
        assert opened(url)[0].fingerprint == here.fingerprint
    with pytest.raises(Mistake, match=r"there is nothing at memory://shards/train-\{0\.\.2\}\.tar"):
        opened("memory://shards/train-{0..2}.tar")


def test_a_run_goes_on_and_notices_what_has_changed(photos: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"data": "memory://photos", "size": 8, "images": 60, "pictures": 0, "device": "cpu",
                           "quiet": True, "decode": "on-the-fly",
                           "options": {"batch": "4", "networks.width": "8"}}  # fmt: skip
    assert_goes_on_to_the_same_bits(tmp_path, 6, **how)
    live, _ = opened("memory://photos", decode="on-the-fly")
    fsspec.filesystem("memory").rm("/photos/cat/003.png")
    with pytest.raises(Failure, match=r"cat/003\.png could be read when the run began, and now cannot be"):
        live.samples[np.arange(17)]
    assert len(opened("memory://photos")[0]) == 16


def test_what_cannot_be_read_is_refused_with_what_to_do(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, sentence in (
        ("memory://nowhere", "there is nothing at memory://nowhere"),
        ("nonsense://x/y", "nonsense://x/y cannot be read: Protocol not known: nonsense"),
        ("memory://photos/cat/003.png/x", "there is nothing at memory://photos/cat/003.png/x"),
    ):
        assert main(["doctor", url]) == 2 and sentence in capsys.readouterr().err

    def missing(url: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    assert main(["doctor", "s3://bucket/photos"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "s3://bucket/photos cannot be read: Install s3fs to access S3" in said and install("remote") in said


def test_a_data_set_of_the_hub_is_read_where_it_lies_by_its_url() -> None:
    pytest.importorskip("huggingface_hub", reason="the hub is asked with huggingface_hub: pip install -e '.[hub]'")
    assert resolve_source_name("hf://datasets/owner/name:test") == "hf://datasets/owner/name:test"
    system, place = open_system("hf://datasets/owner/name@~parquet")
    assert type(system).__name__ == "HfFileSystem" and place == "datasets/owner/name@~parquet"
