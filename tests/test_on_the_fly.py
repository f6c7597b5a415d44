"""Images decoded whenever they are shown: the same bits as from the cache, without a pixel in it."""

from __future__ import annotations

import gc
import json
import os
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image

from data_files import noise, pictures, save
from saddle import load, measure, resume, train
from saddle.batches import Images
from saddle.cli import main
from saddle.data import ArrayDataset, Dataset, Feed, Prepare, open_data
from saddle.data.cache import entry
from saddle.data.dataset import ReadsAhead
from saddle.data.decoding.ranges import InferredBands
from saddle.data.doctor.cache_check import verify_cache
from saddle.data.held_out import hold_out
from saddle.data.on_the_fly import OnTheFlyDataset
from saddle.data.prepare import Decode
from saddle.errors import Failure, Interrupted, Mistake
from saddle.metrics.classifier import Classifier, LabelledImages, classifier_accuracy
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint
from saddle.training.match import Match
from test_read_ahead import decoders, rest
from test_resume import StopAt, small


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of pictures of many sizes and kinds, one of them broken."""
    folder = tmp_path / "photos"
    pixels = pictures(folder / "cat", 9, side=20)
    for i, shape in enumerate([(20, 31), (40, 20), (24, 24)] * 3):
        Image.fromarray(noise(*shape, 3, seed=i)).save(folder / "cat" / f"more-{i}.webp", lossless=True)
    for i in range(8):
        save(folder / "dog" / f"{i}.png", noise(22, 22, seed=i).astype(np.uint16) * 16)
    save(folder / "dog" / "clear.png", np.dstack([pixels[0], pixels[1, ..., :1]]))
    (folder / "cat" / "broken.png").write_bytes((folder / "cat" / "000.png").read_bytes()[:500])
    return folder


def packed(folder: Path) -> Path:
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as file:
        for path in sorted(folder.rglob("*.*")):
            file.write(path, path.relative_to(folder))
    return folder.with_suffix(".zip")


def both(source: Path, home: Path, **options: Any) -> tuple[Dataset, Dataset, list[list[str]]]:
    said: list[list[str]] = [[], []]
    modes = ("on-the-fly", "once")
    data = [open_data(str(source), Prepare(**{"size": 16, "decode": mode} | options), heard.append, cache=home / mode)
            for mode, heard in zip(modes, said, strict=True)]  # fmt: skip
    return data[0], data[1], said


def same(a: Dataset, b: Dataset, batch: int = 6, batches: int = 9) -> None:
    assert (a.fingerprint, len(a), a.columns) == (b.fingerprint, len(b), b.columns)
    for one, two in zip(*([next(feed) for _ in range(batches)] for feed in feeds(a, b, batch)), strict=True):
        assert torch.equal(one.image, two.image) and one.image.stride() == two.image.stride()
        assert (one.condition is None) == (two.condition is None)
        assert one.condition is None or torch.equal(one.condition, two.condition)


def feeds(a: Dataset, b: Dataset, batch: int) -> list[Feed[Images]]:
    return [Feed(data, Images, batch, 1, "cpu") for data in (a, b)]


@pytest.mark.parametrize("form", [lambda folder: folder, packed], ids=["folder", "zip"])
@pytest.mark.parametrize("options", [{}, {"limit": 17}, {"crop": "random", "flip": True}, {"size": "16x24"}])
def test_what_is_shown_and_said_is_the_same_as_from_the_cache(
    form: Callable[[Path], Path], options: dict[str, Any], photos: Path, home: Path
) -> None:
    live, cached, said = both(form(photos), home, **options)
    assert isinstance(live, OnTheFlyDataset) and isinstance(cached, ArrayDataset) and isinstance(live, ReadsAhead)
    same(live, cached)
    assert sorted(said[0]) == sorted(said[1]) and len(said[0]) > 1
    same(hold_out(live, 5), hold_out(cached, 5), batch=4)
    assert not list((home / "on-the-fly").rglob("pixels.npy"))
    assert max(file.stat().st_size for file in (home / "on-the-fly").rglob("*.*")) < 4096


def test_what_was_decided_of_all_pictures_is_decided_once(
    photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cached, said = both(photos, home)
    assert any("pictures of 16 bits" in sentence for sentence in said[0])
    assert any("broken.png is skipped" in sentence for sentence in said[0])

    def never(*words: object) -> None:
        raise AssertionError("all pictures are looked at again")

    monkeypatch.setattr(InferredBands, "infer", never)
    monkeypatch.setattr(InferredBands, "infer_alpha", never)
    monkeypatch.setattr(entry, "write_entry", never)
    live, _, again = both(photos, home)
    same(live, cached)
    assert again[0] == said[0]


def test_arrays_are_read_where_they_lie(tmp_path: Path, home: Path) -> None:
    np.savez(tmp_path / "a.npz", images=noise(20, 16, 16), labels=np.arange(20) % 3)
    np.save(tmp_path / "b.npy", noise(20, 3, 24, 24).astype(np.float32) / 255)
    for name in ("a.npz", "b.npy"):
        same(*both(tmp_path / name, home)[:2])


def test_no_more_is_read_ahead_than_a_few_batches_and_none_twice(photos: Path, home: Path) -> None:
    live, _, _ = both(photos, home)
    assert isinstance(live, OnTheFlyDataset)
    begun: list[int] = []
    whole = live.samples.begin
    live.samples.begin = lambda index: (begun.append(len(index)), whole(index))[1]  # type: ignore[method-assign]
    feed = Feed(live, Images, 4, 0, "cpu")
    for i in range(6):
        next(feed)
        assert sum(begun) == 4 * (i + 1 + feed.ahead) and feed.ahead == 3
    feed.position += 40  # elsewhere: what was begun is dropped
    kept = next(feed)
    feed.close()
    assert torch.equal(kept.image, next(Feed(live, Images, 4, 0, "cpu", position=64)).image)
    assert Feed(live, Images, 6, 0, "cpu", part=1, parts=2).ahead == 3


def test_a_file_that_changes_or_goes_ends_the_work_and_all_are_read_anew(photos: Path, home: Path) -> None:
    live, _, _ = both(photos, home)
    save(photos / "cat/003.png", noise(20, 20, 3, seed=77))
    with pytest.raises(Failure, match=r"cat/003\.png has other pixels than when all were first read"):
        same(live, live)
    live, cached, _ = both(photos, home)
    same(live, cached)
    (photos / "cat/004.png").unlink()
    with pytest.raises(Failure, match=r"cat/004\.png could be read when .* now cannot be: no such file"):
        same(live, live)


def test_nobody_waits_for_what_is_no_file_any_more(photos: Path, home: Path) -> None:
    live, _, _ = both(photos, home)
    (photos / "cat/004.png").unlink()
    os.mkfifo(photos / "cat/004.png")
    with pytest.raises(
        Failure, match=r"cat/004\.png could be read when .* now cannot be: it is no regular file any more"
    ):
        same(live, live)


def test_other_pixels_of_the_same_files_are_found_and_not_believed(
    photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another version of Pillow may decode them."""
    live, _, _ = both(photos, home)
    with monkeypatch.context() as patch:
        patch.setattr("saddle.data.decoding.pixels.RESAMPLING", Image.Resampling.BOX)
        with pytest.raises(Failure, match="the next command reads all of them anew"):
            same(live, live)
        again, _, said = both(photos, home)
        assert again.fingerprint != live.fingerprint and "is damaged" in said[0][0]


def test_auto_decodes_on_the_fly_what_is_too_large_and_says_so(
    photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(decode: Any = "auto", limit: int | None = None) -> tuple[Dataset, list[str]]:
        heard: list[str] = []
        return open_data(str(photos), Prepare(size=16, limit=limit, decode=decode), heard.append, cache=home), heard

    plain, _ = opened(limit=20)
    monkeypatch.setattr(entry, "MAX_CACHED_BYTES", 10_000)
    kept, _ = opened(limit=20)
    assert isinstance(plain, ArrayDataset) and isinstance(kept, ArrayDataset)  # it is there, and so is used
    large, heard = opened()
    sentence = next(s for s in heard if "on the fly" in s)
    assert (
        isinstance(large, OnTheFlyDataset)
        and "take 21.0 KB" in sentence
        and "--decode once caches them all" in sentence
    )
    assert isinstance(opened("once")[0], ArrayDataset) and isinstance(opened()[0], ArrayDataset)
    monkeypatch.undo()
    monkeypatch.setattr(entry.shutil, "disk_usage", lambda place: SimpleNamespace(free=20_000))
    few, heard = opened(limit=18)
    assert isinstance(few, OnTheFlyDataset) and any("19.5 KB are free for a cache" in s for s in heard)


@pytest.mark.parametrize("name", ["labels.npy", "sums.npy", "places.npy", "facts.json"])
def test_damaged_facts_are_found_and_made_again(photos: Path, home: Path, name: str) -> None:
    both(photos, home)
    (place,) = (home / "on-the-fly").iterdir()
    content = (place / name).read_bytes()
    (place / name).write_bytes(content[:-3] + b"?" + content[-2:])
    assert "1 damaged" in str(verify_cache(lambda sentence: None, home / "on-the-fly"))
    again, cached, _ = both(photos, home)
    same(again, cached)
    assert "all as they were written" in str(verify_cache(lambda sentence: None, home / "on-the-fly"))


def test_entries_of_earlier_versions_are_used_and_made_again_where_they_do_not_do(photos: Path, home: Path) -> None:
    _, cached, _ = both(photos, home)
    (place,) = (home / "once").iterdir()
    facts = json.loads((place / "facts.json").read_text())
    old = {key: value for key, value in facts.items() if key not in ("check", "pixels", "places", "bands")}
    (place / "facts.json").write_text(json.dumps(old | {"check": entry.facts_digest(old)}))
    again = [open_data(str(photos), Prepare(size=16, decode=mode), print, cache=home / "once")
             for mode in get_args(Decode)]  # fmt: skip
    assert [type(data) for data in again] == [ArrayDataset, ArrayDataset, OnTheFlyDataset]
    for data in again:
        same(data, cached)


def test_a_classifier_learns_the_same_of_it(photos: Path, home: Path) -> None:
    live, cached, _ = both(photos, home)
    assert isinstance(live, OnTheFlyDataset) and isinstance(cached, ArrayDataset)
    some = torch.tensor([5, 0, 17])
    assert np.array_equal(live.samples[some], cached.samples[some]) and isinstance(live, LabelledImages)
    taught = Classifier(live.shape, live.classes).eval()
    assert classifier_accuracy(taught, live) == classifier_accuracy(taught, cached)


def run_of(out: Path, photos: Path, **more: Any) -> dict[str, Any]:
    whole = small("gan", out=out, data=str(photos), size=16, channels=1, measure=None, held_out=4, pictures=0)
    return whole | {"accumulate": 2, "images": 96, "device": "cpu"} | more


def bits(run: Path) -> tuple[bytes, dict[str, bytes]]:
    path = latest_checkpoint(run / "checkpoints")
    assert path is not None
    return (run / "log.jsonl").read_bytes(), {key: t.numpy().tobytes() for key, t in read_checkpoint(path)[0].items()}


def assert_goes_on_to_the_same_bits(place: Path, round: int, **how: Any) -> None:
    """A run of `gan` that is asked to stop in a round, and gone on with, is as one that nobody has disturbed."""
    whole = train("gan", out=place / "whole", **how)
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, round)
        with pytest.raises(Interrupted):
            train("gan", out=place / "run", **how)
    resume(place / "run")
    assert bits(whole) == bits(place / "run")


def test_a_run_is_the_same_to_the_bit_and_goes_on_in_either_way(photos: Path, tmp_path: Path) -> None:
    whole = train(**run_of(tmp_path / "whole", photos, decode="once"))
    live = train(**run_of(tmp_path / "live", photos, decode="on-the-fly"))
    assert bits(whole) == bits(live)
    for first, then in (("once", "on-the-fly"), ("on-the-fly", "once")):
        with pytest.MonkeyPatch.context() as patch:
            StopAt(patch, 5)
            with pytest.raises(Interrupted):
                train(**run_of(tmp_path / first, photos, decode=first))
        if first == "once":
            resume(tmp_path / first, decode="on-the-fly")
        else:
            train(**run_of(tmp_path / first, photos, decode=then), resume="auto")
        assert Manifest.read(RunFolder(tmp_path / first)).settings.decode == then
        assert bits(whole) == bits(tmp_path / first)
    gc.collect()
    rest()
    assert not decoders()
    figures = [measure(run, metrics="kid", n=16, features="random", device="cpu")[0].value for run in (whole, live)]
    assert figures[0] == figures[1] and load(live).sample(2).isfinite().all()


def test_nothing_is_decoded_any_more_after_a_failure_or_a_signal(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = Match.play

    def playing(match: Match[Any], *between: Any) -> object:
        if match.clock.round == 3:
            save(photos / "cat/003.png", noise(20, 20, 3, seed=77))
        return play(match, *between)

    monkeypatch.setattr(Match, "play", playing)
    with pytest.raises(Failure, match=r"003\.png has other pixels .*; the last good checkpoint is|had not come to"):
        train(**run_of(tmp_path / "run", photos, decode="on-the-fly", images=4000))
    with pytest.raises(Mistake, match="has changed since this run began"):
        resume(tmp_path / "run")
    monkeypatch.undo()
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 2, signal.SIGINT)
        with pytest.raises(Interrupted):
            train(**run_of(tmp_path / "again", photos, decode="on-the-fly"))
    gc.collect()
    rest()
    assert not decoders()


def test_the_command_line_says_it_too(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["train", "gan", "--data", str(photos), "--size", "16", "--images", "32", "--batch", "8", "--pictures", "0",
            "--networks.width", "16", "--quiet", "--device", "cpu", "--out", str(tmp_path / "run"),
            "--decode"]  # fmt: skip
    assert main([*line, "sometimes"]) == 2 and "decode is" in capsys.readouterr().err
    assert main([*line, "on-the-fly"]) == 0
    assert json.loads((tmp_path / "run/manifest.json").read_text())["settings"]["decode"] == "on-the-fly"
    assert main(["resume", str(tmp_path / "run"), "--images", "+32", "--decode", "once"]) == 0
    assert json.loads((tmp_path / "run/manifest.json").read_text())["settings"]["decode"] == "once"
