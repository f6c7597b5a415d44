"""How much the cache holds, and the limit that it is kept to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from saddle.cli import main
from saddle.data.cache.sealed import read_sealed, write_sealed
from saddle.data.cache.usage import keep_to_limit, list_cache, parse_bytes
from saddle.errors import Mistake


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of one's own, in a folder with three sets of pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SADDLE_CACHE_LIMIT", raising=False)
    rng = np.random.default_rng(0)
    for name in "abc":
        np.save(f"{name}.npy", rng.integers(0, 255, (40, 16, 16, 1), dtype=np.uint8))
    return tmp_path / "cache"


def decode(name: str) -> None:
    assert main(["train", "gan", "--data", f"{name}.npy", "--networks.width", "8", "--batch", "4", "--images", "8",
                 "--pictures", "0", "--quiet", "--decode", "once"]) == 0  # fmt: skip


def held(cache: Path) -> list[str]:
    return sorted(item.path.name[0] for item in list_cache(cache))


def age(cache: Path, name: str, seconds: int) -> None:
    (place,) = cache.glob(f"{name}-*")
    os.utime(place, (1_000_000_000 + seconds,) * 2)


def test_it_is_told_where_and_how_much(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache"]) == 0 and "0 bytes" in capsys.readouterr().out
    decode("a")
    capsys.readouterr()
    assert main(["cache"]) == 0
    told = capsys.readouterr().out
    assert str(cache) in told and "decoded data" in told and "1 item" in told and "no limit" in told
    assert main(["cache", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    (item,) = facts["items"]
    (cache / "probes").mkdir()
    (cache / "probes" / "0123456789abcdef0123.json").write_text("{}")
    assert main(["cache"]) == 0 and "which arithmetic was found fastest on this machine" in capsys.readouterr().out
    assert item["bytes"] == sum(file.stat().st_size for file in Path(item["path"]).iterdir()) > 40 * 16 * 16


def test_what_was_used_longest_ago_goes_first(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for second, name in enumerate("ab"):
        decode(name)
        age(cache, name, second)
    decode("a")  # used again, so it is b that goes
    size = next(item.bytes for item in list_cache(cache))
    assert main(["cache", "--limit", f"{2.5 * size / 1024:.3f}kB"]) == 0 and held(cache) == ["a", "b"]
    capsys.readouterr()
    decode("c")
    assert held(cache) == ["a", "c"] and "b-" in (said := capsys.readouterr().err) and "dropped" in said
    assert main(["cache", "--limit", "off"]) == 0
    decode("b")
    assert held(cache) == ["a", "b", "c"]


def test_a_limit_is_kept_at_once_and_the_variable_goes_before(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decode("a")
    assert main(["cache", "--limit", "1kB"]) == 0 and held(cache) == []
    monkeypatch.setenv("SADDLE_CACHE_LIMIT", "1GB")
    decode("b")
    decode("c")
    assert held(cache) == ["b", "c"]


def test_what_is_wanted_now_is_kept_though_it_is_too_large(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "--limit", "1kB"]) == 0
    decode("a")
    assert held(cache) == ["a"] and "larger than the cache's limit" in capsys.readouterr().err


def test_clear_deletes_what_saddle_made_and_nothing_else(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decode("a")
    file = cache / "features" / "random-0123456789abcdef.npy"
    write_sealed(file, lambda draft: draft.write(b"numbers"))
    own = [cache / "thesis-draft" / "chapter.txt", cache / "features" / "mine.npy", cache / "notes.txt"]
    for path in own:
        path.parent.mkdir(exist_ok=True)
        path.write_text("of a user's, whose SADDLE_CACHE named a folder of theirs")
    assert main(["cache", "--clear"]) == 0
    assert held(cache) == [] and not file.exists() and all(path.exists() for path in own)
    capsys.readouterr()
    decode("a")
    assert held(cache) == ["a"]


def test_features_count_as_used_when_they_are_read(cache: Path) -> None:
    files = [cache / "features" / f"random-{number:08x}.npy" for number in range(3)]
    for file in files:
        write_sealed(file, lambda draft: draft.write(b"x" * 1000))
        os.utime(file, (1_000_000_000,) * 2)
    assert read_sealed(files[0]) == b"x" * 1000
    (cache / ".limit").write_text("2500")
    keep_to_limit(cache, files[2], lambda sentence: None)
    assert [file.exists() for file in files] == [True, False, True]


@pytest.mark.parametrize(("text", "count"), [("20GB", 20 << 30), ("1.5 MB", 3 << 19), ("500m", 500 << 20), ("7", 7)])
def test_sizes_are_read(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "much", "-1GB", "0", "1PB", "1e9"])
def test_what_is_no_size_is_refused(text: str, cache: Path) -> None:
    with pytest.raises(Mistake, match="should be"):
        parse_bytes(text)


def test_a_limit_that_cannot_be_read_is_said_and_keeps_nothing_from_working(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.mkdir()
    (cache / ".limit").write_text("much")
    decode("a")
    assert held(cache) == ["a"] and "limit cannot be read" in capsys.readouterr().err
    assert main(["cache"]) == 2 and main(["cache", "--limit", "1GB"]) == 0 and main(["cache"]) == 0
