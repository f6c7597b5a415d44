"""GAT on codes: an autoencoder of another run, kept and frozen, the scale of its codes, and pixels for all others."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from saddle import load, resume, train
from saddle.capabilities import critic_verdicts
from saddle.cli import main
from saddle.clock import Clock
from saddle.errors import Mistake
from saddle.games import CodedMultiLevel, FrozenAutoencoder, MultiLevel
from saddle.networks import PatchTransformer, SpatialAutoencoder
from saddle.recipes import find_recipe
from saddle.recipes.gat_latent import GATLatent
from saddle.reproduction import reproduce
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.shape import Classes, Shape
from saddle.training.checkpoint import read_latest_checkpoint
from saddle.training.engine import Engine
from typed import Say

BOTH = SpatialAutoencoder(latent=3, halvings=1, width=4)
SMALL: dict[str, Any] = {"images": 32, "device": "cpu", "precision": "float32", "threads": 1, "quiet": True}
TINY = {"networks": "PatchTransformer(latent=6, width=16, depth=4, patch=2, head_width=8, projection=8)", "batch": "8"}
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 12, 3), np.uint8)
DATA = {"image": PIXELS, "label": np.arange(40) % 3}
IMAGES = torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float() / 127.5 - 1


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of autoencoders, one of them variational, and of GAT on the codes of the other."""
    folder = tmp_path_factory.mktemp("codes")
    for name in ("ae", "vae"):
        train(name, DATA, out=folder / name, options={"networks": repr(BOTH), "batch": "8"}, **SMALL)
    train("gat-latent", DATA, out=folder / "gat", options=TINY, from_run=str(folder / "ae"), **SMALL)
    np.save(folder / "data.npy", PIXELS)
    np.save(folder / "grey.npy", PIXELS[..., 0])
    return folder


def tensors_of(run: Path) -> dict[str, Tensor]:
    checkpoint = read_latest_checkpoint(run / "checkpoints")
    assert checkpoint is not None
    return checkpoint.tensors


def game_of(run: Path) -> CodedMultiLevel:
    game = load(run).game
    assert isinstance(game, CodedMultiLevel)
    return game


def small_game(**more: Any) -> CodedMultiLevel:
    torch.manual_seed(0)
    networks = PatchTransformer(latent=6, width=16, depth=4, patch=2, head_width=8, projection=8)
    return GATLatent(networks=networks, autoencoder=BOTH, **more).game(Shape(3, 8, 12, Classes(3)))


def test_the_autoencoder_stays_what_the_other_run_made_of_it_bit_for_bit(home):
    then, now = tensors_of(home / "ae"), tensors_of(home / "gat")
    for part, name in (("encoder", "encoder"), ("generator", "decoder")):
        own = {key.removeprefix(f"average.{part}."): t for key, t in then.items() if key.startswith(f"average.{part}.")}
        assert own and all(torch.equal(t, now[f"game.autoencoder.{name}.{key}"]) for key, t in own.items())
    assert not any(key.startswith("average.autoencoder") for key in now)  # the average is of the generator alone
    assert {key.split(".")[1] for key in now if key.startswith("optimizer.")} == {"generator", "critic"}
    origin = Manifest.read(RunFolder(home / "gat")).origin
    assert origin["taken"] == {"encoder": [4, 0], "decoder": [4, 0]} and origin["recipe"] == "ae"


def test_codes_of_the_data_have_mean_0_and_deviation_1_in_each_channel(home):
    codes = game_of(home / "gat").codes_of(IMAGES)
    assert codes.shape == (40, 3, 4, 6)
    torch.testing.assert_close(codes.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(codes.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)


def test_standardised_codes_are_decoded_to_the_autoencoders_copies(home):
    own = game_of(home / "gat").autoencoder
    with torch.no_grad():
        torch.testing.assert_close(own.decode(own.encode(IMAGES)), load(home / "ae").game.reconstruct(IMAGES))


def test_of_a_variational_one_the_mean_is_the_code_at_sizes_that_it_has_not_seen_too(home, tmp_path):
    larger = np.random.default_rng(1).integers(0, 256, (16, 16, 16, 3), np.uint8)
    run = train("gat-latent", larger, out=tmp_path / "run", options=TINY, from_run=str(home / "vae"), **SMALL)
    assert load(run).sample(2).shape == (2, 3, 16, 16)
    own = game_of(run).autoencoder
    assert own.numbers == 2 and own.code[:3] == (3, 8, 8)
    images = torch.from_numpy(larger).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        mean = load(home / "vae").game.encode(images).view(16, 3, 8, 8)
        torch.testing.assert_close(own.encode(images) * own.deviation + own.mean, mean, atol=1e-5, rtol=1e-5)


def test_samples_are_pixels_in_any_style(home):
    model = load(home / "gat")
    for style in ({}, {"truncation": 0.5}, {"guidance": 1.5}):
        made = model.sample(3, seed=1, **style)
        assert made.shape == (3, 3, 8, 12) and made.abs().max() <= 1


def test_the_run_is_whole_without_the_one_that_it_came_of(home, tmp_path):
    shutil.copytree(home / "ae", tmp_path / "ae")
    run = train("gat-latent", DATA, out=tmp_path / "run", options=TINY, from_run=str(tmp_path / "ae"), **SMALL)
    shutil.rmtree(tmp_path / "ae")
    assert load(run).sample(2).shape == (2, 3, 8, 12)
    killed = shutil.copytree(run, tmp_path / "killed")  # before its first checkpoint
    for path in (killed / "checkpoints").glob("0*"):
        path.unlink()
    resume(killed, data=DATA)
    one, two = tensors_of(run), tensors_of(killed)
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
    assert reproduce(run, tmp_path / "again", data=DATA).tensors == len(one)
    half = train("gat-latent", DATA, out=tmp_path / "half", options=TINY, from_run=str(home / "ae"),
                 **SMALL | {"images": 16})  # fmt: skip
    three = tensors_of(resume(half, data=DATA, images=32))
    assert all(torch.equal(one[key], three[key]) for key in one)


def test_the_same_command_goes_on_without_it(home, tmp_path):
    same: dict[str, Any] = {"out": tmp_path / "run", "resume": "auto", "from_run": str(tmp_path / "ae"), **SMALL}
    shutil.copytree(home / "ae", tmp_path / "ae")
    train("gat-latent", str(home / "data.npy"), options=TINY, **same)
    shutil.rmtree(tmp_path / "ae")
    assert train("gat-latent", str(home / "data.npy"), options=TINY, **same) == tmp_path / "run"
    with pytest.raises(Mistake, match="there is no run"):
        train("gat-latent", str(home / "data.npy"), options=TINY, **same | {"out": tmp_path / "new"})


def test_a_game_on_codes_is_gats_own_game_given_these_codes():
    game, images, labels = small_game(), IMAGES[:4], torch.arange(4) % 3
    plain = MultiLevel(game.generator, game.critic, 6, game.shown.noise, game.shown.augment)
    codes = game.codes_of(images)
    for score in (lambda g, x: g.score(x, labels), lambda g, x: g.judge(labels, Clock())(x).score):
        torch.manual_seed(1)
        expected = score(plain, codes)
        torch.manual_seed(1)
        torch.testing.assert_close(score(game, images), expected)
    torch.manual_seed(1)
    expected = plain.score(codes, labels)
    torch.manual_seed(1)
    torch.testing.assert_close(critic_verdicts(game, images, images, labels, Clock())[0].score, expected)
    z = game.latents(images)
    torch.testing.assert_close(game.make(z, labels), game.autoencoder.decode(plain.make(z, labels)))


class Normalised(nn.Sequential):
    """Batch normalisation, which would follow what it is shown."""

    def __init__(self) -> None:
        super().__init__(nn.BatchNorm2d(3), nn.Flatten())


def test_nobody_moves_an_autoencoder_and_it_follows_nothing():
    own = FrozenAutoencoder(Normalised(), nn.Unflatten(1, (3, 8, 12)), Shape(3, 8, 12))
    game = small_game()
    game.autoencoder = own
    assert set(Engine(game, lambda player: find_recipe("gat")[0].steps(player)).names.values()) == {
        "generator", "critic"}  # fmt: skip
    before = {key: t.clone() for key, t in own.state_dict().items()}
    game.train()
    own.encode(IMAGES)
    assert not own.encoder.training
    assert all(torch.equal(t, before[key]) for key, t in own.state_dict().items())


def test_a_channel_that_says_nothing_stays_as_it_is():
    own = FrozenAutoencoder(nn.Flatten(), nn.Unflatten(1, (3, 8, 12)), Shape(3, 8, 12))
    images = torch.cat([IMAGES[:, :2], torch.full((40, 1, 8, 12), 0.25)], 1)
    own.measure_scale(images.split(10))
    assert own.deviation[2] == 1 and own.mean[2] == 0.25
    torch.testing.assert_close(own.decode(own.encode(images)), images)


def test_the_autoencoder_is_known_from_the_run(home):
    manifest = Manifest.read(RunFolder(home / "gat"))
    assert manifest.options["autoencoder"] == repr(BOTH) and f"autoencoder={BOTH!r}" in manifest.recipe


def test_without_an_autoencoder_the_two_commands_are_told_and_work(home, say: Say, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, _, error = say("train gat-latent --data H/data.npy --size 8")
    assert code == 2 and not list(tmp_path.iterdir())
    narrow = "--networks.width 16 --networks.head-width 8 --networks.depth 4"
    for line, more in zip(re.findall("`saddle (.*?)`", error), ("", narrow), strict=True):
        words = [*shlex.split(line), *f"{more} --images 8 --batch 8 --quiet --device cpu".split()]
        assert main(words) == 0
    assert (tmp_path / "codes").is_dir()


def test_what_is_told_in_place_of_it_can_be_played(home, say: Say, tmp_path):
    rest = (
        f"--networks.width 16 --networks.head-width 8 --networks.depth 4 --images 8 --batch 8 --quiet --out {tmp_path}"
    )
    for i, line in enumerate(("grey.npy --channels 3", "data.npy --size 8 --networks.patch 2")):
        code, _, error = say(f"train gat-latent --from H/ae --data H/{line} {rest}/{i}")
        assert code == 0, error


@pytest.mark.parametrize(("line", "says"), [
    ("--data H/data.npy --from H/gat", "is a run of gat-latent, which has no codes that are maps; `saddle train ae --"),
    ("--data H/grey.npy --from H/ae", "the data are 8x12 pixels in 1 channel; give --channels 3"),
    ("--data H/data.npy --from H/none", "there is no run"),
    ("--data H/data.npy --from H/ae --size 9 --networks.patch 2", "multiples of 4, not 9x9 pixels in 3 channels; give "
     "--size 8"),
    ("--data ring --from H/ae", "takes pictures, not 2-D points; give --data glyphs --size 32"),
])  # fmt: skip
def test_what_cannot_be_played_on_says_why(home, say: Say, line, says):
    code, _, error = say(f"train gat-latent {line} --out new --images 32 --batch 8")
    assert code == 2 and says in error, error
    assert not Path("new").exists()


def test_augmented_colours_want_channels_of_a_picture():
    recipe = find_recipe("gat-latent")[0]
    with pytest.raises(Mistake, match=r"give --augment\.colour 0"):
        replace(recipe, autoencoder=SpatialAutoencoder(5), augment=find_recipe("gat")[0].augment).game(  # type: ignore[call-arg]
            Shape(3, 32, 32)
        )
