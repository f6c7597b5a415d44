"""Decoded once, then mapped: entries are whole or absent, found by content and options."""

import json
import os
import resource
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import saddle.data.cache.entry as entry_
import saddle.data.cache.store as cache
from data_files import noise, pictures, save
from saddle.data import Prepare, open_data
from saddle.data.cache.checksums import Checksums
from saddle.data.cache.sealed import write_sealed
from saddle.data.doctor.cache_check import verify_cache
from saddle.data.held_out import hold_out
from saddle.errors import Failure, Mistake


@pytest.fixture
def home(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def decoding(monkeypatch):
    """How often something was decoded."""
    times = []
    whole = entry_.decode_images
    monkeypatch.setattr(entry_, "decode_images", lambda *a: (times.append(1), whole(*a))[1])
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

    monkeypatch.setattr(entry_, "check_enough_read", die)
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


def flip(file, place):
    """One bit of a byte is another; the times stay."""
    facts = file.stat()
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.mark.parametrize("name", ["pixels.npy", "labels.npy", "sums.npy", "facts.json"])
@pytest.mark.parametrize("place", [8, 0.5, -1])
def test_a_flipped_bit_anywhere_in_an_entry_is_said_and_mended(tmp_path, home, decoding, name, place):
    np.savez(tmp_path / "a.npz", images=noise(9, 8, 8), labels=np.arange(9) % 3)
    said = []
    prints = open_data(str(tmp_path / "a.npz"), Prepare(), said.append, cache=home).fingerprint
    (entry,) = home.iterdir()
    size = (entry / name).stat().st_size
    flip(entry / name, place if isinstance(place, int) else int(place * size))
    again = open_data(str(tmp_path / "a.npz"), Prepare(), said.append, cache=home)
    assert len(said) == 1 and "is damaged" in said[0] and "made again" in said[0] and len(decoding) == 2
    assert np.array_equal(again.samples[..., 0], noise(9, 8, 8)) and again.fingerprint == prints
    open_data(str(tmp_path / "a.npz"), Prepare(), said.append, cache=home)
    assert len(said) == 1 and list(home.iterdir()) == [entry]


@pytest.mark.parametrize(
    "content", [b"", b"x", b"null", b"[]", b"{}", b'{"check": 1}', b"[" * 100_000, b"\xff\xfe", None]
)
def test_facts_of_any_shape_are_made_again(tmp_path, home, decoding, content):
    pictures(tmp_path / "in")
    open_data(str(tmp_path / "in"), Prepare(), silent, cache=home)
    (entry,) = home.iterdir()
    (entry / "facts.json").unlink()
    if content is not None:
        (entry / "facts.json").write_bytes(content)
    open_data(str(tmp_path / "in"), Prepare(), silent, cache=home)
    assert len(decoding) == 2


def test_any_facts_at_all_are_a_value_or_damaged(tmp_path):
    plain = st.none() | st.integers() | st.floats() | st.text(max_size=9)
    jsons = plain | st.lists(plain, max_size=3) | st.dictionaries(st.sampled_from(["check", "shape", "sums"]), plain)

    @settings(max_examples=50, deadline=None, database=None)
    @given(st.binary(max_size=50) | jsons.map(lambda x: json.dumps(x).encode()))
    def try_(content):
        (tmp_path / "facts.json").write_bytes(content)
        with pytest.raises(entry_.DamagedEntry):
            entry_.read_entry(tmp_path)

    try_()


@pytest.mark.parametrize("damage", ["cut", "longer", "gone", "folder", "file"])
def test_files_cut_away_or_replaced_are_made_again(tmp_path, home, decoding, damage):
    pixels = pictures(tmp_path / "in")
    open_data(str(tmp_path / "in"), Prepare(), silent, cache=home)
    (entry,) = home.iterdir()
    file, content = entry / "pixels.npy", (entry / "pixels.npy").read_bytes()
    file.unlink()
    if damage == "file":
        shutil.rmtree(entry)
        entry.write_text("not a folder")
    elif damage == "folder":
        file.mkdir()
    elif damage != "gone":
        file.write_bytes(content[:-1] if damage == "cut" else content + b"0")
    assert np.array_equal(open_data(str(tmp_path / "in"), Prepare(), silent, cache=home).samples, pixels)
    assert len(decoding) == 2


def test_a_sample_of_a_large_set_is_asked_when_it_is_first_shown(tmp_path, home, monkeypatch):
    """Nothing is looked at when the data are opened, so what shows them has to."""
    np.save(tmp_path / "a.npy", noise(50, 8, 8))
    whole = np.array(open_data(str(tmp_path / "a.npy"), Prepare(), silent, cache=home).samples)
    monkeypatch.setattr(Checksums, "sample_runs", lambda self, size: iter([]))
    (entry,) = home.iterdir()
    flip(entry / "pixels.npy", 128 + 17 * 64 + 5)
    data = open_data(str(tmp_path / "a.npy"), Prepare(flip=True), silent, cache=home)
    words = np.zeros(50, np.uint64)
    data.take(np.arange(17), words[:17], ("image",))
    with pytest.raises(Failure, match=r"sample 17 in the cache's .* is not what was written"):
        hold_out(data, 1).take(np.arange(10, 20), words[:10], ("image",))
    said = []
    again = open_data(str(tmp_path / "a.npy"), Prepare(), said.append, cache=home)
    assert len(said) == 1 and np.array_equal(again.samples, whole)


def test_of_a_large_set_the_ends_and_runs_between_are_looked_at():
    sums = Checksums(np.zeros(1000, np.uint32), None)
    assert np.array_equal(np.concatenate(list(sums.sample_runs(100))), np.arange(1000))
    runs = list(sums.sample_runs(1 << 22, budget=20 << 22))
    assert len(runs) == 20 and runs[0].tolist() == [0] and runs[-1].tolist() == [999]


def test_five_sets_of_equal_names_sizes_and_times_are_five(tmp_path, home):
    """As tar and unzip leave them: what was cached of one is not taken for another."""
    sets = noise(5, 4, 8, 8)
    for i, pixels in enumerate(sets):
        (tmp_path / f"fold{i}").mkdir()
        np.save(tmp_path / f"fold{i}/images.npy", pixels)
        save(tmp_path / f"folder{i}/data/0.bmp", pixels[0])
        save(tmp_path / f"folder{i}/data/1.bmp", pixels[1])
    for path in tmp_path.rglob("*"):
        os.utime(path, ns=(10**18, 10**18))
    for i, pixels in enumerate(sets):
        for name, count in ((f"fold{i}/images.npy", 4), (f"folder{i}/data", 2)):
            data = open_data(str(tmp_path / name), Prepare(), silent, cache=home)
            assert np.array_equal(data.samples[..., 0], pixels[:count])


@pytest.mark.parametrize("replaced", ["in place", "by another file"])
def test_a_file_of_equal_size_and_time_in_the_same_place_is_another(tmp_path, home, replaced):
    """As when an archive is unpacked over what was there."""
    file, new = tmp_path / "a.npy", tmp_path / "b.npy"
    prints = []
    for seed in range(2):
        np.save(new if replaced == "by another file" else file, noise(4, 8, 8, seed=seed))
        if replaced == "by another file":
            new.replace(file)
        os.utime(file, ns=(10**18, 10**18))
        data = open_data(str(file), Prepare(), silent, cache=home)
        assert np.array_equal(data.samples[..., 0], noise(4, 8, 8, seed=seed))
        prints.append(data.fingerprint)
    assert prints[0] != prints[1]


def test_what_was_killed_is_cleared_away_by_any_later_run(tmp_path, home):
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", noise(4, 8, 8))
    open_data(str(tmp_path / "a.npy"), Prepare(), silent, cache=home)
    for left in (".x-1.part-7", ".x-1.part-8-old"):
        (home / left).mkdir()
        (home / left / "pixels.npy").touch()
    (home / ".y-2.lock").touch()
    (home / ".z-3.part-9").mkdir()
    with cache.open_locked(home / ".z-3.lock"):  # somebody is at work on this one
        open_data(str(tmp_path / "b.npy"), Prepare(), silent, cache=home)
        assert {path.name for path in home.iterdir() if path.name[0] == "."} == {".z-3.lock", ".z-3.part-9"}
    open_data(str(tmp_path / "b.npy"), Prepare(), silent, cache=home)
    assert not [path for path in home.iterdir() if path.name[0] == "."]


def test_files_have_the_modes_that_the_user_gives(tmp_path, home):
    np.savez(tmp_path / "a.npz", images=noise(4, 8, 8), labels=[0, 1, 0, 1])
    before = os.umask(0o027)
    try:
        open_data(str(tmp_path / "a.npz"), Prepare(), silent, cache=home)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in home.rglob("*.*")} == {0o640}


def test_the_folder_of_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("SADDLE_CACHE", raising=False)
    assert cache.cache_home() == tmp_path / "xdg/saddle"
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


def test_the_doctor_looks_at_every_byte_of_the_cache_and_removes_what_is_damaged(tmp_path, home, monkeypatch):
    for name in "abc":
        np.save(tmp_path / f"{name}.npy", noise(50, 8, 8))
        open_data(str(tmp_path / f"{name}.npy"), Prepare(), silent, cache=home)
    write_sealed(home / "features/random-1.npy", lambda draft: draft.write(b"features"))
    write_sealed(home / "classifiers/classifier-1.safetensors", lambda draft: draft.write(b"weights"))
    (home / "inception").mkdir()
    (home / "inception/inception-00000000.pth").write_bytes(b"weights")
    said = []
    assert (
        "3 data sets and 3 files" in str(verify_cache(said.append, home))
        and len(said) == 1
        and "inception-0" in said[0]
    )
    assert "all as they were written" in str(verify_cache(said.append, home)) and len(said) == 1
    monkeypatch.setattr(
        "saddle.data.cache.checksums.BYTES_CHECKED_AT_OPEN", 0
    )  # as of a large set, of which little is looked at to begin with
    entry = next(home.glob("b-*"))
    flip(entry / "pixels.npy", 128 + 40 * 64)
    flip(home / "features/random-1.npy", 3)
    (home / ".draft-x").touch()
    assert "2 damaged" in str(verify_cache(said.append, home)) and len(said) == 3 and not entry.exists()
    assert "2 data sets and 1 file of features" in str(verify_cache(said.append, home))
