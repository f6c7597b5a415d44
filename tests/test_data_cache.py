"""Decoded once, then mapped: entries are whole or absent, found by content and options."""

import json
import os
import resource
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import saddle.data.cache as cache
from data_files import noise, pictures, save
from saddle.data import Prepare, open_data
from saddle.errors import Failure, Mistake


@pytest.fixture
def home(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def decoding(monkeypatch):
    """How often something was decoded."""
    times = []
    whole = cache.decoded
    monkeypatch.setattr(cache, "decoded", lambda *a: (times.append(1), whole(*a))[1])
    return times


def silent(sentence):
    pass


def test_the_second_opening_decodes_nothing_and_gives_the_same(tmp_path, home, decoding):
    pixels = pictures(tmp_path / "in")
    first, second = (open_data(str(tmp_path / "in"), Prepare(), silent, cache=home) for _ in range(2))
    assert len(decoding) == 1
    assert np.array_equal(first.samples, pixels) and np.array_equal(second.samples, pixels)
    assert first.fingerprint == second.fingerprint and not second.samples.flags.writeable
    assert {path.suffix for path in home.rglob("*.*")} == {".npy", ".json"}


def test_other_options_and_other_content_are_decoded_anew(tmp_path, home, decoding):
    pictures(tmp_path / "in", 6)
    options = [
        {},
        {"size": 8},
        {"size": 8, "crop": "pad"},
        {"size": 8, "crop": "random"},
        {"channels": 1},
        {"limit": 3},
        {"flip": True},
    ]
    prints = {open_data(str(tmp_path / "in"), Prepare(**o), silent, cache=home).fingerprint for o in options}
    assert len(prints) == len(options) - 1  # for square pictures a pad is a crop
    assert len(decoding) == len(options) - 1  # and flips are made when they are shown
    save(tmp_path / "in/000.png", noise(16, 16, 3, seed=9))
    assert open_data(str(tmp_path / "in"), Prepare(), silent, cache=home).fingerprint not in prints


def test_the_fingerprint_is_of_the_content_not_of_the_times(tmp_path, home, decoding):
    pictures(tmp_path / "in")
    first = open_data(str(tmp_path / "in"), Prepare(), silent, cache=home)
    os.utime(tmp_path / "in/000.png", (1, 1))
    (tmp_path / "in").rename(tmp_path / "moved")
    assert open_data(str(tmp_path / "moved"), Prepare(), silent, cache=home).fingerprint == first.fingerprint
    assert len(decoding) == 2


def test_labels_are_part_of_the_fingerprint(tmp_path, home):
    np.savez(tmp_path / "a.npz", images=noise(4, 8, 8), labels=[0, 0, 1, 1])
    np.savez(tmp_path / "b.npz", images=noise(4, 8, 8), labels=[0, 1, 1, 0])
    a, b = (open_data(str(tmp_path / name), Prepare(), silent, cache=home) for name in ("a.npz", "b.npz"))
    assert a.fingerprint != b.fingerprint


def test_work_that_breaks_off_leaves_nothing(tmp_path, home, monkeypatch):
    pictures(tmp_path / "in")

    def die(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "enough", die)
    with pytest.raises(KeyboardInterrupt):
        open_data(str(tmp_path / "in"), Prepare(), silent, cache=home)
    assert not list(home.iterdir())


def test_what_a_killed_process_left_is_cleared_away(tmp_path, home, decoding):
    pictures(tmp_path / "in")
    open_data(str(tmp_path / "in"), Prepare(), silent, cache=home)
    (entry,) = home.iterdir()
    entry.rename(home / f".{entry.name}.part-99999")
    (home / f".{entry.name}.lock").touch()
    open_data(str(tmp_path / "in"), Prepare(), silent, cache=home)
    assert len(decoding) == 2 and list(home.iterdir()) == [entry]


def test_of_several_at_once_one_decodes_and_all_get_it(tmp_path, home, decoding):
    pixels = pictures(tmp_path / "in", 20)
    with ThreadPoolExecutor(4) as pool:
        sets = list(pool.map(lambda _: open_data(str(tmp_path / "in"), Prepare(), silent, cache=home), range(4)))
    assert len(decoding) == 1 and all(np.array_equal(data.samples, pixels) for data in sets)


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, home):
    np.save(tmp_path / "a.npy", noise(64, 64, 64))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(Failure, match=r"cannot be written \(File too large\); the variable SADDLE_CACHE"):
            open_data(str(tmp_path / "a.npy"), Prepare(), silent, cache=home)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(home.iterdir())


def test_a_damaged_entry_is_named(tmp_path, home):
    pictures(tmp_path / "in")
    open_data(str(tmp_path / "in"), Prepare(), silent, cache=home)
    (entry,) = home.iterdir()
    (entry / "pixels.npy").write_bytes(b"")
    with pytest.raises(Failure, match=f"{entry.name} is damaged.*delete it"):
        open_data(str(tmp_path / "in"), Prepare(), silent, cache=home)


def test_the_folder_of_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("SADDLE_CACHE", raising=False)
    assert cache.home() == tmp_path / "xdg/saddle"
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "own"))
    pictures(tmp_path / "in")
    open_data(str(tmp_path / "in"), Prepare(), silent)
    assert json.loads(next((tmp_path / "own").glob("in-*/facts.json")).read_text())["classes"] == []


def test_a_limit_keeps_the_classes_mixed_and_is_always_the_same(tmp_path, home):
    np.savez(tmp_path / "a.npz", images=noise(400, 4, 4), labels=np.repeat([0, 1], 200))
    few, more = (open_data(str(tmp_path / "a.npz"), Prepare(limit=n), silent, cache=home) for n in (50, 100))
    assert len(few) == 50 and 10 < few.labels.sum() < 40
    assert {s.tobytes() for s in few.samples} < {s.tobytes() for s in more.samples}


def test_one_picture_is_too_few(tmp_path, home):
    pictures(tmp_path / "in", 1)
    with pytest.raises(Mistake, match="two pictures at least are needed, and there is only one"):
        open_data(str(tmp_path / "in"), Prepare(), silent, cache=home)
