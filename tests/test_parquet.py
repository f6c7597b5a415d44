"""Parquet files of pictures, as Hugging Face has them: read group by group, and shuffled so that this suffices."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import torch

from data_files import noise
from saddle.batches import Images
from saddle.cli import main
from saddle.data import Feed, Prepare, examine, open_data
from saddle.data.held_out import hold_out
from saddle.data.order import sample_order
from saddle.data.readers import parquet
from saddle.data.readers.row_cache import RecentlyRead
from saddle.data.readers.table_parts import part_of
from saddle.data.row_groups import RowGroups, groups_of, order_of
from saddle.errors import Mistake
from saddle.extras import install
from test_on_the_fly import assert_goes_on_to_the_same_bits
from test_shards import png

pa = pytest.importorskip("pyarrow", reason="parquet files are read with pyarrow: pip install -e '.[data]'")
pq = pytest.importorskip("pyarrow.parquet")
FEATURES = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog", "owl"], "_type": "ClassLabel"}}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def table(rows: Sequence[int], features: Any = FEATURES, **columns: Any) -> Any:
    """Row n is the picture png(n), of class n % 3."""
    held = {"image": [{"bytes": png(n), "path": f"{n}.png"} for n in rows], "label": [n % 3 for n in rows], **columns}
    made = pa.table({name: values for name, values in held.items() if values is not None})
    facts = {b"huggingface": json.dumps({"info": {"features": features}})} if features else None
    return made.replace_schema_metadata(facts)


def write(path: Path, rows: Sequence[int], group: int = 5, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(rows, **more), path, row_group_size=group)
    return path


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A set as the hub has them: 24 rows to train on in five row groups, and 6 to test with."""
    for number in range(2):
        write(tmp_path / f"set/data/train-{number:05}-of-00002.parquet", range(12 * number, 12 * number + 12))
    write(tmp_path / "set/data/test-00000-of-00001.parquet", range(24, 30))
    (tmp_path / "set/README.md").write_text("about")
    return tmp_path / "set"


def opened(source: object, **options: Any) -> tuple[Any, list[str]]:
    said: list[str] = []
    return open_data(str(source), Prepare(**options), said.append), said


def pixels(rows: Sequence[int]) -> Any:
    return np.stack([noise(16, 16, 3, seed=n) for n in rows])


@pytest.mark.parametrize("decode", ["once", "on-the-fly"])
def test_rows_are_pictures_with_the_names_of_their_classes(tables: Path, decode: str) -> None:
    data, said = opened(tables, decode=decode)
    assert len(data) == 24 and data.classes == ("cat", "dog", "owl")
    assert np.array_equal(data.samples[np.arange(24)], pixels(range(24))) and data.labels.tolist() == [0, 1, 2] * 8
    assert any("of" in s and "part data/train is used, not data/test; :test or :all" in s for s in said), said
    assert any("1 file (1 .md) is left out" in s for s in said)
    assert np.array_equal(opened(f"{tables}:test", decode=decode)[0].samples[np.arange(6)], pixels(range(24, 30)))
    assert len(opened(f"{tables}:all", decode=decode)[0]) == 30
    few, _ = opened(tables, decode=decode, limit=7, size=8, labels="none", leave_out=None)
    assert few.samples.shape == (7, 8, 8, 3) and few.labels is None
    assert examine(f"{tables}/data/train-*.parquet").count == 24


def test_at_a_url_they_are_the_same(tables: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(tables), "/set", recursive=True)
    try:
        for url in ("memory://set", "memory://set/data/train-{00000..00001}-of-00002.parquet"):
            assert opened(url)[0].fingerprint == opened(tables)[0].fingerprint
    finally:
        memory.store.clear()
        memory.pseudo_dirs[:] = [""]


def test_columns_may_be_named_for_classes_and_captions(tmp_path: Path) -> None:
    rows = range(9)
    captions = [[f"number {n}", f"a {n}"] if n % 2 else [f"number {n}"] for n in rows]
    write(tmp_path / "a.parquet", rows, text=captions, kind=[f"k{n % 2}" for n in rows], mask=[png(50)] * 9)
    data, said = opened(tmp_path / "a.parquet", labels="kind", captions="auto")
    assert data.whole.classes == ("k0", "k1") and len(data.captions.tokens) == 13
    assert opened(tmp_path / "a.parquet", captions="text")[0].fingerprint != data.fingerprint
    for how, sentence in (
        ({"labels": "kin"}, "has no column kin, which --labels names; did you mean kind"),
        ({"captions": "words"}, "has no column of captions called words; there are image, label, text, kind, mask"),
    ):
        with pytest.raises(Mistake, match=sentence):
            opened(tmp_path / "a.parquet", **how)
    gaps = write(tmp_path / "c.parquet", rows, features=None, label=[None, *rows[1:]])
    with pytest.raises(Mistake, match="but 1 of 9 have none; --labels none takes it without"):
        opened(gaps)
    assert opened(gaps, labels="none")[0].labels is None
    plain = write(tmp_path / "b.parquet", rows, features=None, label=[f"c{n % 2}" for n in rows], img=[png(9)] * 9)
    data, said = opened(plain)
    assert data.classes == ("c0", "c1") and any("those of the column image, not img" in s for s in said), said


def test_parts_are_in_names_of_files_or_folders_and_forms_in_folders(tmp_path: Path) -> None:
    names = ("train.parquet", "data/train-00001-of-00002-ab12.parquet", "default/test/0003.parquet", "7.parquet")
    assert [part_of(name) for name in names] == ["train", "data/train", "default/test", ""]
    for form, part in (("small", "train"), ("large", "train"), ("small", "test")):
        write(tmp_path / f"set/{form}/{part}/0000.parquet", range(3 + len(form + part)))
    with pytest.raises(Mistake, match=r"several folders, each a form of the set of its own; name one, .*set/large$"):
        opened(tmp_path / "set")
    assert len(opened(tmp_path / "set/large")[0]) == 13 and len(opened(f"{tmp_path}/set/small:test")[0]) == 12
    with pytest.raises(Mistake, match="has no part val"):
        opened(f"{tmp_path}/set/small:val")


def test_what_is_damaged_or_of_another_kind_is_refused_or_skipped(
    tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [{"bytes": png(n) if n not in (2, 4) else None if n == 2 else png(n)[:90], "path": "x"} for n in range(9)]
    data, said = opened(write(tmp_path / "some.parquet", range(9), image=cells))
    assert len(data) == 7 and any("row 2 of some.parquet is skipped: it has no bytes, only a path" in s for s in said)
    assert any("row 4 of some.parquet is skipped: it is truncated" in s for s in said), said
    raw = (tables / "data/train-00000-of-00002.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(raw[:-9])
    (tmp_path / "none.parquet").write_bytes(b"")
    write(tmp_path / "two/train-0.parquet", range(6))
    write(tmp_path / "two/train-1.parquet", range(6), more=[1] * 6)
    write(tmp_path / "bare.parquet", range(6), features=None, image=None)
    write(tmp_path / "hidden.parquet", range(6), label=[-1] * 6)
    for name, sentence in (
        ("cut.parquet", "cut.parquet is no parquet file that can be read"),
        ("none.parquet", "none.parquet is no parquet file that can be read"),
        ("two", "train-1.parquet of two has other columns than train-0.parquet"),
        ("bare.parquet", "has no column of pictures; there are label"),
        ("hidden.parquet", "is not one of the 3 that its column label names, as in a part without classes; --labels"),
    ):
        monkeypatch.chdir(tmp_path)
        assert main(["doctor", name]) == 2
        assert sentence in " ".join(capsys.readouterr().err.split())
    assert len(opened(tmp_path / "hidden.parquet", labels="none")[0]) == 6
    middle = bytearray(raw)
    middle[60:4000] = bytes(3940)
    (tmp_path / "middle.parquet").write_bytes(middle)
    data, said = opened(tmp_path / "middle.parquet", size=16, channels=3)  # its first row group
    assert len(data) == 7 and any("row 0 of middle.parquet is skipped" in s for s in said), said
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(Mistake, match="with pyarrow, which is not installed") as refused:
        opened(tables)
    assert install("data") in str(refused.value)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of four groups."""
    monkeypatch.setattr("saddle.data.row_groups.WINDOW_BYTES", 40)


class Grouped:
    """Samples in 40 groups of 25."""

    def __init__(self) -> None:
        self.groups = RowGroups(np.repeat(np.arange(40), 25), np.full(40, 10))


def test_the_order_of_groups_is_a_function_of_seed_and_place(narrow: None) -> None:
    data = Grouped()
    whole = order_of(data, 1000, 3, 0, 2500)
    for start, count in ((0, 7), (990, 30), (1999, 2), (2400, 100)):
        assert np.array_equal(order_of(data, 1000, 3, start, count), whole[start : start + count])
    for epoch in (whole[:1000], whole[1000:2000]):
        assert np.array_equal(np.sort(epoch), np.arange(1000))
        for window in epoch.reshape(10, 100):  # of four groups, each whole
            assert len(np.unique(data.groups.of[window])) == 4
        assert len(np.unique(data.groups.of[epoch[:20]])) > 1  # and shuffled in it
    assert not np.array_equal(whole[:1000], whole[1000:2000])
    assert not np.array_equal(whole[:1000], order_of(data, 1000, 4, 0, 1000))


def test_in_one_window_the_order_is_that_of_all_other_data() -> None:
    data = Grouped()
    assert data.groups.is_small
    assert np.array_equal(order_of(data, 1000, 3, 900, 200), sample_order(1000, 3, 900, 200))


def few_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 2 * 5 * len(png(0))  # of two row groups
    monkeypatch.setattr("saddle.data.row_groups.WINDOW_BYTES", size)
    monkeypatch.setattr(parquet, "WINDOW_BYTES", size)


def test_what_no_window_holds_is_read_group_by_group(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = opened(tables)[0]
    few_windows(monkeypatch)
    reads: Counter[int] = Counter()
    read_group = parquet.Tables.read_group

    def counted(self: Any, number: int, column: str) -> Any:
        reads[number] += column == "image"
        return read_group(self, number, column)

    kept, live = (opened(tables / "data", decode=mode)[0] for mode in ("once", "on-the-fly"))
    assert kept.fingerprint == live.fingerprint != plain.fingerprint and len(np.unique(kept.groups.of)) == 6
    again, _ = opened(tables / "data", decode="once")
    assert np.array_equal(again.groups.of, kept.groups.of)
    monkeypatch.setattr(parquet.Tables, "read_group", counted)
    live, _ = opened(tables / "data", decode="on-the-fly")
    reads.clear()
    feeds = [Feed(kept, Images, 6, 1, "cpu"), *(Feed(live, Images, 6, 1, "cpu", part, 2) for part in range(2))]
    for feed in feeds:
        feed.ahead = 0  # what is read ahead is more than these windows hold
    for _ in range(4):
        whole, *halves = (next(feed) for feed in feeds)
        assert torch.equal(whole.image, torch.cat([half.image for half in halves]))
    assert set(reads) == set(range(6)) and max(reads.values()) <= 2, reads  # twice where a batch begins the next window
    for feed in feeds:
        feed.close()
    apart = hold_out(live, 6)
    assert len(groups_of(apart).of) == 18
    assert np.array_equal(np.sort(order_of(apart, 18, 0, 0, 18)), np.arange(18))


def test_a_run_on_groups_goes_on_to_the_same_bits(
    tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few_windows(monkeypatch)
    how = {"data": str(tables), "size": 8, "images": 60, "pictures": 0, "device": "cpu", "quiet": True,
           "decode": "on-the-fly", "options": {"batch": "4", "networks.width": "8"}}  # fmt: skip
    assert_goes_on_to_the_same_bits(tmp_path, 6, **how)


def test_threads_read_each_thing_once_and_hold_few() -> None:
    reads: Counter[int] = Counter()

    def read(number: int) -> int:
        reads[number] += 1
        if number == 13 and reads[13] == 1:
            raise OSError("gone")
        return 2 * number

    recent = RecentlyRead(read, lambda number: 10, 45)
    with pytest.raises(OSError, match="gone"):
        recent[13]
    assert recent[13] == 26
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.extend(recent[n] for n in (1, 2, 3))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [2] * 8 + [4] * 8 + [6] * 8 and all(reads[n] == 1 for n in (1, 2, 3))
    for n in range(20, 40):
        recent[n]
    assert recent.held <= 45 and len(recent.there) == 4 and recent[39] == 78 and reads[39] == 1


def test_what_datasets_writes_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="Hugging Face's datasets writes these files")
    from PIL import Image

    rows = {"image": [Image.fromarray(one) for one in pixels(range(6))], "label": [0, 1, 0, 1, 0, 1]}
    kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["sea", "sky"])})
    datasets.Dataset.from_dict(rows, features=kinds).to_parquet(tmp_path / "set/train-00000-of-00001.parquet")
    data, _ = opened(tmp_path / "set")
    assert data.classes == ("sea", "sky") and np.array_equal(data.samples[np.arange(6)], pixels(range(6)))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A set as `save_to_disk` writes it: parts in folders, streams of record batches, and what a `map` has left."""
    for part, rows in (("train", range(24)), ("test", range(24, 30))):
        file = tmp_path / f"saved/{part}/data-00000-of-00001.arrow"
        file.parent.mkdir(parents=True)
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, (whole := table(rows)).schema) as writer:
            writer.write_table(whole, max_chunksize=5)
        (file.parent / "cache-12ab.arrow").write_bytes(file.read_bytes())
        for name in ("state.json", "dataset_info.json"):
            (file.parent / name).write_text("{}")
    (tmp_path / "saved/dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    return tmp_path / "saved"


def test_what_was_saved_to_disk_is_mapped_and_its_parts_are_those_of_parquet(saved: Path, tables: Path) -> None:
    (data, said), (same, _) = opened(saved), opened(tables)
    assert data.classes == same.classes and np.array_equal(data.labels, same.labels) and len(data) == 24
    assert np.array_equal(data.samples[np.arange(24)], same.samples[np.arange(24)])
    assert len(said) == 2 and "2 .arrow" in said[0] and "the part train is used, not test" in said[1]
    assert len(opened(f"{saved}:test")[0]) == 6 and len(opened(f"{saved}:all")[0]) == 30
    assert len(opened(saved / "test/data-00000-of-00001.arrow")[0]) == 6
    with pa.OSFile(str(saved / "seekable.arrow"), "wb") as sink, pa.ipc.new_file(sink, table(range(4)).schema) as file:
        file.write_table(table(range(4)))
    assert len(opened(saved / "seekable.arrow")[0]) == 4


def test_arrow_files_that_are_damaged_or_at_a_url_are_refused(saved: Path) -> None:
    file = saved / "test/data-00000-of-00001.arrow"
    file.write_bytes(file.read_bytes()[:900])
    with pytest.raises(Mistake, match=r"data-00000-of-00001\.arrow of .* is no Arrow file that can be read"):
        opened(f"{saved}:test")
    system = fsspec.filesystem("memory")
    system.pipe("/saved/train/data-00000-of-00001.arrow", b"")
    with pytest.raises(Mistake, match="holds Arrow files, which are read from a disk alone"):
        opened("memory://saved")
    system.rm("/saved", recursive=True)


def test_what_datasets_saves_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="Hugging Face's datasets writes these files")
    from PIL import Image

    rows = {"image": [Image.fromarray(one) for one in pixels(range(6))], "label": [0, 1, 0, 1, 0, 1]}
    kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["sea", "sky"])})
    datasets.DatasetDict(train=datasets.Dataset.from_dict(rows, features=kinds)).save_to_disk(tmp_path / "set")
    data, _ = opened(tmp_path / "set")
    assert data.classes == ("sea", "sky") and np.array_equal(data.samples[np.arange(6)], pixels(range(6)))
