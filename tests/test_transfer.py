"""A run that begins with another's networks: which layers go over, and what stays as it was."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from narrow import small
from saddle import train
from saddle.errors import Mistake
from saddle.image_size import ImageSize
from saddle.inference.load import load
from saddle.layers.resampling import Downsample, Upsample
from saddle.options import override_fields
from saddle.recipes import find_recipe, layer_maps, transfer
from saddle.recipes.layer_maps import Layer, Place, list_layers
from saddle.recipes.revive import configure_recipe
from saddle.recipes.transfer import align_layers, take_over
from saddle.reproduction import reproduce
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.sessions import resume
from saddle.shape import Shape
from saddle.training.checkpoint import Checkpoint, read_latest_checkpoint
from saddle.training.match import MatchOptions
from typed import Say

RESIDUAL = {"networks": "GroupedResidual(width=8)", "batch": "8"}
NARROW = {"networks.width": "8", "batch": "8"}
SMALL: dict[str, Any] = {"images": 32, "device": "cpu", "precision": "float32", "threads": 1, "quiet": True}


def pictures(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, side, side, 3), np.uint8)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs at 16 pixels, and pictures of 32."""
    folder = tmp_path_factory.mktemp("transfer")
    train("dcgan", pictures(16), out=folder / "dcgan", options=NARROW, **SMALL)
    train("r3gan", pictures(16), out=folder / "r3gan", options=RESIDUAL, **SMALL)
    np.save(folder / "large.npy", pictures(32))
    return folder


def end_of(run: Path) -> Checkpoint:
    checkpoint = read_latest_checkpoint(run / "checkpoints")
    assert checkpoint is not None
    return checkpoint


def origin(run: Path) -> dict[str, Any]:
    return Manifest.read(RunFolder(run)).origin


def test_of_the_same_shape_everything_goes_over(home, tmp_path):
    run = train("dcgan", pictures(16), out=tmp_path / "on", options=NARROW, from_run=str(home / "dcgan"), **SMALL)
    assert origin(run)["taken"] == {"generator": [5, 0], "critic": [4, 0]}
    old, new = (RunFolder(place).contact_sheets() for place in (home / "dcgan", run))
    assert new[0].read_bytes() == old[-1].read_bytes()  # before the first round it makes what the other made at its end
    facts = {key: origin(run)[key] for key in ("run", "recipe", "images", "weights")}
    assert facts == {"run": str(home / "dcgan"), "recipe": "dcgan", "images": 32, "weights": "average"}


@pytest.mark.parametrize(("weights", "prefix"), [("average", "average."), ("live", "game.")])
def test_weights_are_those_that_were_asked_for(home, weights, prefix):
    recipe, data = configure_recipe("dcgan", NARROW), Shape(3, 16, 16)
    start, then = take_over(recipe, data, home / "dcgan", weights), end_of(home / "dcgan").tensors
    assert all(torch.equal(t, then[prefix + key]) for key, t in start.tensors.items() if key.startswith("generator"))
    assert all(torch.equal(t, then["game." + key]) for key, t in start.tensors.items() if key.startswith("critic"))
    assert start.facts["weights"] == weights


def test_dcgan_keeps_what_stands_next_to_the_image(home):
    """Its widths are counted from there."""
    recipe = configure_recipe("dcgan", NARROW)
    old, new = (Shape(3, side, side) for side in (16, 32))
    was, now = (list_layers(recipe, data) for data in (old, new))
    went = {player: [(a.name, b.name) for a, b in align_layers(was[player], now[player])] for player in now}
    assert went == {
        "generator": [(f"generator.{n}", f"generator.{n + 3}") for n in (2, 4, 5, 7)],
        "critic": [(f"critic.trunk.{n}", f"critic.trunk.{n}") for n in (0, 2, 3)],
    }
    assert take_over(recipe, new, home / "dcgan", "average").facts["taken"] == {"generator": [4, 3], "critic": [3, 3]}


def test_r3gan_of_twice_the_size_begins_as_the_same_enlarged(home, tmp_path):
    """Its widths are counted from the smallest map, and new blocks begin as the identity."""
    run = train("r3gan", pictures(32), out=tmp_path / "on", options={**RESIDUAL, "optimizer": "Adam(1e-30)"},
                from_run=str(home / "r3gan"), **SMALL)  # fmt: skip
    old, new = (load(place).game for place in (home / "r3gan", run))
    latents = torch.randn(3, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        small = old.generator(latents)
        torch.testing.assert_close(new.generator(latents), Upsample()(small), atol=1e-5, rtol=1e-4)
        images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(
            new.critic(images).score, old.critic(Downsample()(images)).score, atol=1e-4, rtol=1e-4
        )
    assert [fresh for _, fresh in origin(run)["taken"].values()] == [6, 6]  # two blocks of three layers


def test_each_games_layers_are_listed_once(home, monkeypatch):
    listed = []

    def listing(recipe, data):
        listed.append(data)
        return list_layers(recipe, data)

    for module in (transfer, layer_maps):
        monkeypatch.setattr(module, "list_layers", listing)
    recipe = find_recipe("dcgan")[0]
    recipe = override_fields(recipe, NARROW)
    data = Shape(3, 32, 32)
    start = transfer.take_over(recipe, data, home / "dcgan", "average")
    options = transfer.start_options(MatchOptions(), recipe, data, start, 2)
    assert options.frozen and len(listed) == 2  # of the run before, and of this one
    assert transfer.start_options(MatchOptions(), recipe, data, None, 2).frozen == options.frozen


def test_frozen_layers_stay_as_they_are_and_have_no_optimizer(home, tmp_path):
    run = train("dcgan", pictures(32), out=tmp_path / "on", options=NARROW, from_run=str(home / "dcgan"),
                freeze_critic=2, **SMALL)  # fmt: skip
    then, now = end_of(home / "dcgan").tensors, end_of(run).tensors
    for key in ("trunk.0.weight", "trunk.2.weight", "trunk.3.weight", "trunk.3.bias"):  # 32 to 16 and 8 pixels
        assert torch.equal(now[f"game.critic.{key}"], then[f"game.critic.{key}"])
    start = take_over(configure_recipe("dcgan", NARROW), Shape(3, 32, 32), home / "dcgan", "average").tensors
    moved = ("generator.10.weight",)
    assert not any(torch.equal(now[f"game.{key}"], start[key]) for key in moved)
    steps = [key for key in now if key.startswith("optimizer.critic.") and key.endswith(".exp_avg")]
    assert len(steps) == 4  # the last convolution, its two of batch normalisation, and the head


def test_a_run_goes_on_and_is_reproduced_without_the_one_that_it_came_of(home, tmp_path):
    shutil.copytree(home / "dcgan", tmp_path / "old")
    run = train("dcgan", pictures(32), out=tmp_path / "whole", options=NARROW, from_run=str(tmp_path / "old"),
                freeze_critic=1, **SMALL)  # fmt: skip
    shutil.rmtree(tmp_path / "old")
    killed = shutil.copytree(run, tmp_path / "killed")  # before its first checkpoint
    for path in (killed / "checkpoints").glob("0*"):
        path.unlink()
    resume(killed, data=pictures(32))
    one, two = (end_of(place).tensors for place in (run, killed))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert reproduce(run, tmp_path / "again", data=pictures(32)).tensors == len(one)


def test_another_beginning_is_noticed(home, tmp_path):
    run = train("dcgan", pictures(16), out=tmp_path / "on", options=NARROW, from_run=str(home / "dcgan"), **SMALL)
    shutil.copy(end_of_path(home / "r3gan"), run / "checkpoints" / "start.safetensors")
    for path in (run / "checkpoints").glob("0*"):
        path.unlink()
    with pytest.raises(Mistake, match="is not what"):
        resume(run, data=pictures(16))


def end_of_path(run: Path) -> Path:
    return sorted((run / "checkpoints").glob("0*.safetensors"))[-1]


def test_of_equal_layers_those_at_maps_of_the_same_size_go_over():
    def layers(*sizes: int) -> list[Layer]:
        return [Layer(f"g.{i}", {"weight": (8, 8)}, 64, Place(None, ImageSize(s, s))) for i, s in enumerate(sizes)]

    pairs = align_layers(layers(16, 8, 4), layers(32, 16, 8, 4))
    assert [(a.size, b.size) for a, b in pairs] == [((s, s), (s, s)) for s in (16, 8, 4)]


@pytest.mark.parametrize(("name", "fresh"), [
    ("stylegan2", {"generator": "64x64", "critic": "64x64 32x32"}),
    ("pggan", {"generator": "64x64", "critic": "64x64 32x32"}),
])  # fmt: skip
def test_networks_that_count_from_the_smallest_map_keep_all_of_theirs(name, fresh):
    """Fresh are the layers at the new size, and in the critic those that lead from it to the next."""
    recipe, sizes = small(name), [Shape(3, side, side) for side in (32, 64)]
    was, now = (list_layers(recipe, data) for data in sizes)
    for player, new in now.items():
        pairs = align_layers(was[player], new)
        left = {str(layer.size) for layer in new if layer not in [b for _, b in pairs]}
        assert left <= {*fresh[player].split()}, player
        assert len(pairs) >= len(was[player]) - 1


@pytest.mark.parametrize(("line", "says"), [
    ("train dcgan --data H/large.npy --size 16 --from H/none", "there is no run"),
    ("train dcgan --data H/large.npy --size 16 --freeze-critic 1", "none is named; name it, --from RUN"),
    ("train dcgan --data H/large.npy --size 16 --from-weights live", "none is named; name it, --from RUN"),
    ("train gan --data H/large.npy --from H/dcgan --device cpu", 'give --networks "Convolutional(width=8)"'),
    ("train dcgan --data H/large.npy --from H/dcgan --networks.width 8 --freeze-critic 9", "--freeze-critic 3 is"),
    ("train ae --data H/large.npy --from H/dcgan --freeze-critic 1", "no layer of"),
    ("train gan --data H/large.npy --from H/dcgan --freeze-critic 1 --networks.width 8", "no layer of"),
    ("train vae --data H/large.npy --from H/dcgan --device cpu", "its recipe is dcgan"),
    ("train r1 --data H/large.npy --from H/dcgan --networks.width 3 --device cpu", "its recipe is dcgan"),
    ("train wgan-gp-toy --from H/dcgan", "this is to learn 2-D points, so that .* leave --from out"),
])  # fmt: skip
def test_what_cannot_begin_so_says_why(home, say: Say, line, says):
    code, _, error = say(f"{line} --out new --images 32 --batch 8")
    assert code == 2
    assert says in error or re.search(says, error), error
    assert not Path("new").exists()


def test_larger_pictures_do_not_become_smaller_ones(home, tmp_path, say: Say):
    say(f"train dcgan --data H/large.npy --images 8 --batch 8 --networks.width 8 --quiet --out {tmp_path}/large")
    code, _, error = say(
        f"train dcgan --data H/large.npy --size 16 --from {tmp_path}/large --networks.width 8 --batch 8"
    )
    assert code == 2
    assert "give --size 32" in error


def test_advice_of_networks_works(say: Say):
    code, _, error = say("train gan --data H/large.npy --from H/dcgan --networks Convolutional(width=8) --images 8 "
                         "--batch 8 --out new --quiet")  # fmt: skip
    assert code == 0, error
