"""Games whose batches are pairs, unpaired or captioned are played, measured, loaded and resumed as any other is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from other_batches import TinyCycle, TinyDraw, TinyPix
from saddle import load, resolved, resume, train
from saddle.batches import Wanted, batch_pictures, batch_shape
from saddle.data import ArrayDataset, Dataset, Feed, Prepare, StoredColumn
from saddle.data.held_out import hold_out
from saddle.data.in_memory import open_given
from saddle.data.sides import make_sides
from saddle.errors import Interrupted, Mistake
from saddle.recipe import Recipe
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.runs.measures import read_measurements
from saddle.shape import Column, Picture, Shape, Text, parse_shape, shape_facts
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint
from saddle.training.health.probe import Probe
from saddle.training.machine import Machine
from saddle.training.match import Match, MatchOptions
from test_resume import StopAt

GREY, WORDS = Picture(Shape(1, 8, 8)), Text(4, 11)
PLAY: dict[str, Any] = {"images": 160, "pictures": 2, "quiet": True, "seed": 3, "device": "cpu", "held_out": 12}
MEASURE: dict[str, Any] = {"measure": "fid", "features": "identity", "samples": 64, "every": 80}
CPU = Machine(torch.device("cpu"), torch.float32, "for tests")


def pixels(n: int, channels: int = 1) -> Any:
    return np.random.default_rng(n).integers(0, 256, (n, 8, 8, channels), dtype=np.uint8)


def data(name: str) -> Dataset:
    if name == "unpaired":
        sides = (ArrayDataset(name, pixels(n, c)).with_fingerprint() for name, n, c in (("a", 40, 1), ("b", 56, 3)))
        return make_sides("horses and zebras", **{side.name: side for side in sides})
    if name == "pairs":
        more = {"source": StoredColumn(pixels(40), GREY)}
        return ArrayDataset("facades", pixels(40, 3), column="target", more=more).with_fingerprint()
    tokens = np.random.default_rng(1).integers(0, 11, (40, 4))
    return ArrayDataset("birds", pixels(40, 3), more={"caption": StoredColumn(tokens, WORDS)}).with_fingerprint()


GAMES: dict[str, tuple[Recipe[Any], Column]] = {
    "pairs": (TinyPix(), GREY), "unpaired": (TinyCycle(), GREY), "captions": (TinyDraw(), WORDS)}  # fmt: skip


@pytest.mark.parametrize("name", GAMES)
def test_a_run_is_measured_resumed_to_the_bit_and_loaded(name, tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(GAMES[name][0], data(name), out=whole, **PLAY, **MEASURE)
    with monkeypatch.context() as patch:
        StopAt(patch, 9)
        with pytest.raises(Interrupted, match="stopped at 80 of 160 images"):
            train(GAMES[name][0], data(name), out=cut, **PLAY, **MEASURE)
    with pytest.raises(Mistake, match="is other than what this run was begun with"):
        resume(cut, data=data("captions" if name == "pairs" else "pairs"), quiet=True)
    resume(cut, data=data(name), quiet=True)
    one, two = (read_checkpoint(latest_checkpoint(run / "checkpoints")) for run in (whole, cut))  # type: ignore[arg-type]
    assert all(torch.equal(t, two.tensors[key]) for key, t in one.tensors.items()) and one.facts == two.facts
    for file in ("log.jsonl", "sheets/0000000160.png", "sheets/real.png"):
        assert (whole / file).read_bytes() == (cut / file).read_bytes()
    assert Manifest.read(RunFolder(whole)).shape == Shape(3, 8, 8, GAMES[name][1])
    assert len({line.figures[0].value for line in read_measurements(RunFolder(whole))}) == 3
    check_loaded(name, whole)


def check_loaded(name: str, run: Path) -> None:
    model = load(run)
    if name == "captions":
        tokens = torch.randint(11, (5, 4))
        made = model.sample(5, condition=tokens)
        assert torch.allclose(made[:2], model.sample(2, condition=tokens[:2]), atol=1e-6)
        assert not torch.equal(made[0], model.sample(1, condition=tokens[:1] * 0)[0])
        with pytest.raises(
            Mistake, match=r"each condition is \(3,\), but this game makes samples for texts of 4 tokens"
        ):
            model.sample(5, condition=tokens[:, :3])
        with pytest.raises(Mistake, match="makes its samples for texts of 4 tokens of 11; give these as condition"):
            model.sample(5)
        return
    images = torch.rand(5, 1, 8, 8) * 2 - 1
    assert model.translate(images).shape == (5, 3, 8, 8)
    with pytest.raises(Mistake, match=r"images are \(n, 1, 8, 8\) floats"):
        model.translate(torch.zeros(5, 3, 8, 8))
    with pytest.raises(Mistake, match="cannot generate samples; it can translate"):
        model.sample(5)
    if name == "unpaired":
        assert model.translate(model.translate(images), back=True).shape == images.shape


def match(name: str, **how: Any) -> Match[Any]:
    return Match(GAMES[name][0], hold_out(data(name), 12), 160, CPU, MatchOptions(seed=3, ema=40, **how))


def weights(match: Match[Any], rounds: int = 4) -> dict[str, torch.Tensor]:
    for _ in range(rounds):
        match.play()
    return dict(match.game.state_dict())


def close(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=0, atol=1e-5, msg=key)


@pytest.mark.parametrize("name", GAMES)
def test_two_parts_of_a_batch_equal_one(name):
    start = weights(match(name), 0)
    close(whole := weights(match(name)), weights(match(name, accumulate=2)))
    assert any((whole[key] - value).abs().max() > 1e-3 for key, value in start.items())


@pytest.mark.parametrize("name", GAMES)
def test_a_look_sees_what_is_made_and_leaves_no_trace(name):
    looked, other = match(name), match(name)
    seen = Probe(looked).take_snapshot()
    assert seen is not None and seen.diversity < 0.9 and len(seen.shares) == len(seen.clusters)
    assert all(torch.equal(a, b) for a, b in zip(weights(looked).values(), weights(other).values(), strict=True))


def test_columns_of_a_mapping_are_played_with(tmp_path):
    columns = {"target": pixels(40, 3), "source": pixels(40)}
    run = train(TinyPix(), columns, out=tmp_path / "run", **PLAY | {"images": 16})
    assert Manifest.read(RunFolder(run)).shape == Shape(3, 8, 8, GREY)
    with pytest.raises(Mistake, match="has no source: its columns are target"):
        train(TinyPix(), {"target": pixels(40, 3)}, **PLAY)


@pytest.mark.parametrize(("name", "columns"), [("pairs", "source and target"), ("captions", "image and caption")])
def test_what_a_source_has_not_is_refused_before_anything_is_read_or_written(name, columns, tmp_path, monkeypatch):
    monkeypatch.setattr(resolved, "open_data", lambda *_, **__: pytest.fail("it was read"))
    said = rf"batches of {columns} .* but ring has no .*: its columns are image; "
    with pytest.raises(Mistake, match=said):
        train(GAMES[name][0], "ring", out=tmp_path / "run", **PLAY)
    assert not list(tmp_path.iterdir())


class Masked(NamedTuple):
    """A batch type of one's own: a picture, and where in it something is."""

    image: torch.Tensor
    mask: torch.Tensor
    depth: torch.Tensor | None = None  # where the data have it

    @classmethod
    def wanted(cls) -> Wanted:
        return Wanted("image")


def test_a_batch_type_of_ones_own_has_whatever_columns_it_names():
    columns = {"image": pixels(12, 3), "mask": pixels(12)}
    whole = open_given(columns, Prepare(), print, "mine")
    shape = batch_shape(Masked, whole.columns)
    assert shape == parse_shape(shape_facts(shape)) == Shape(3, 8, 8, None, (("mask", GREY),))
    batch = next(Feed(whole, Masked, 4, 0, "cpu", shape=shape._replace(height=4, width=4)))
    assert [tuple(t.shape) for t in batch[:2]] == [(4, 3, 4, 4), (4, 1, 8, 8)] and batch.depth is None
    assert list(batch_pictures(batch)) == ["image", "mask"]
