"""Translation: networks counted and wired as their papers have them, losses that reach whom they should, fair pools."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from saddle import load, resume, train
from saddle.batches import Pairs, Unpaired
from saddle.capabilities import side_multiple
from saddle.clock import Clock
from saddle.core import Verdict
from saddle.data.in_memory import open_given
from saddle.data.prepare import Prepare
from saddle.errors import Interrupted, Mistake
from saddle.games import ContrastiveTranslation, CycleTranslation, PairedTranslation
from saddle.games.image_pool import ImagePool
from saddle.layers.dropout import drop_rows
from saddle.layers.patch_features import PatchProjector, patch_nce
from saddle.layers.translation import BlurPool, doubling
from saddle.networks import ResidualTranslator, UNet
from saddle.objectives import LeastSquares
from saddle.optim import SGD
from saddle.parts import Shard, use_shard
from saddle.recipe import Recipe
from saddle.recipes import find_recipe
from saddle.recipes.cut import CUT, FastCUT
from saddle.recipes.cyclegan import CycleGAN
from saddle.recipes.pix2pix import Pix2Pix
from saddle.shape import Picture, Shape
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint
from saddle.training.health.checks import HEALTH_PATIENCE, Observation, find_changes
from saddle.training.health.probe import Probe
from saddle.training.machine import Machine
from saddle.training.match import Match, MatchOptions
from test_resume import StopAt

CPU = Machine(torch.device("cpu"), torch.float32, "for tests")


def pictures(side: int, channels: int = 3) -> Shape:
    """Pictures for pictures of the same size."""
    return Shape(channels, side, side, Picture(Shape(channels, side, side)))


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(("name", "side", "counts"), [
    ("pix2pix", 256, {"generator": 54_413_955, "critic": 2_768_705}),
    ("pix2pix", 128, {"generator": 41_828_995, "critic": 2_768_705}),
    ("cyclegan", 256, {"generator": 11_378_179, "critic": 2_764_737, "generator_back": 11_378_179,
                       "critic_back": 2_764_737}),
    ("cyclegan", 128, {"generator": 7_837_699, "critic": 2_764_737, "generator_back": 7_837_699,
                       "critic_back": 2_764_737}),
    ("cut", 256, {"generator": 11_378_179, "critic": 2_764_737, "projector": 560_384}),
    ("fastcut", 256, {"generator": 11_378_179, "critic": 2_764_737, "projector": 560_384}),
])  # fmt: skip
def test_networks_have_as_many_parameters_as_their_authors(name, side, counts):
    with torch.device("meta"):
        game = find_recipe(name)[0].game(pictures(side))
        x = torch.empty(2, 3, side, side)
        assert game.translate(x).shape == x.shape
    assert {key: count(child) for key, child in game.named_children() if count(child)} == counts


def test_a_critic_of_patches_gives_30_scores_a_side_at_256_pixels_blurred_or_not():
    with torch.device("meta"):
        for networks in (UNet(), ResidualTranslator(), ResidualTranslator(blur=True)):
            assert networks.critic(Shape(3, 256, 256))(torch.empty(2, 3, 256, 256)).score.shape == (2, 1, 30, 30)


@pytest.mark.parametrize(("field", "side"), [(1, 32), (16, 32), (34, 64), (70, 96), (142, 192), (286, 384)])
def test_a_score_sees_a_patch_of_its_field(field, side):
    """By the slope of one score at the pixels; statistics, which are of the whole picture, put aside."""
    critic = UNet(width=1, field=field).critic(Shape(1, side, side))
    for layer in critic.modules():
        for name, child in layer.named_children():
            if isinstance(child, nn.InstanceNorm2d | nn.LeakyReLU):
                setattr(layer, name, nn.Identity())
            if isinstance(child, nn.Conv2d):
                nn.init.constant_(child.weight, 0.1)
    x = torch.rand(1, 1, side, side, requires_grad=True)
    score = critic(x).score[0, 0]
    (slope,) = torch.autograd.grad(score[score.shape[0] // 2, score.shape[1] // 2], x)
    rows, columns = slope[0, 0].nonzero().T
    assert (int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1) == (field, field)


def test_every_size_of_a_unet_is_wired_to_what_is_made():
    torch.manual_seed(0)
    net = UNet(width=2, depth=5).translator(pictures(32)).eval()
    x = torch.rand(1, 3, 32, 32)
    whole = net(x, noise=False)
    for layer in net.down:
        handle = layer.register_forward_hook(lambda module, inputs, out: 0 * out)
        assert not torch.allclose(net(x, noise=False), whole, atol=1e-6)
        handle.remove()
    assert torch.equal(net(x, noise=False), whole) and net.multiple == 32


def test_depth_follows_the_size_and_may_be_less():
    for side, depth in ((256, 8), (128, 7), (64, 6), (32, 5), (96, 5), (80, 4)):
        assert UNet().halvings(pictures(side)) == depth
    assert UNet(width=2, depth=3).translator(pictures(40))(torch.rand(2, 3, 40, 48)).shape == (2, 3, 40, 48)
    assert side_multiple(Pix2Pix(UNet(width=2)).game(pictures(64))) == 64
    assert side_multiple(CycleGAN(ResidualTranslator(width=2)).game(pictures(64))) == 4


def refusal(recipe: Recipe[Any], data: Shape) -> str:
    with pytest.raises(Mistake) as refused:
        recipe.game(data)
    return str(refused.value)


def test_sizes_that_cannot_be_halved_are_refused_with_one_that_can():
    assert refusal(Pix2Pix(UNet(width=2)), pictures(100)).endswith("not 100x100 pixels in 3 channels; give --size 96")
    Pix2Pix(UNet(width=2, field=34)).game(pictures(96))
    assert refusal(Pix2Pix(UNet(width=2, depth=5)), pictures(80)).endswith("give --size 64, or a lower depth")
    assert refusal(CycleGAN(ResidualTranslator(width=2)), pictures(30)).endswith("give --size 32")
    assert refusal(Pix2Pix(UNet(width=2, field=286)), pictures(64)).endswith("give --networks.field 142")
    other = Shape(3, 32, 32, Picture(Shape(3, 64, 64)))
    assert refusal(Pix2Pix(UNet(width=2)), other).endswith("give one --size for both")
    with pytest.raises(Mistake, match=r"field is 64, but should be one of 1, 16, .* the nearest is 70"):
        UNet(field=64)
    mixed = Shape(3, 32, 32, Picture(Shape(1, 32, 32)))
    assert "give --identity 0, or --channels 3" in refusal(CycleGAN(ResidualTranslator(width=2)), mixed)
    CycleGAN(ResidualTranslator(width=2, field=34), identity=0).game(mixed)
    assert '--networks "ResidualTranslator()"' in refusal(CUT(UNet(width=2)), pictures(32))
    assert "pictures are made of pictures here" in refusal(Pix2Pix(), Shape(3, 32, 32))


def test_resizing_leaves_no_checkerboard():
    torch.manual_seed(0)
    flat = torch.ones(1, 8, 8, 8)
    made = {how: doubling(8, 1, how, 4, True)(flat)[0, 0, 4:-4, 4:-4] for how in ("transposed", "resize")}
    assert made["resize"].std() < 1e-6 < 1e-3 < made["transposed"].std()
    assert torch.allclose(BlurPool()(flat), torch.ones(1, 8, 4, 4))


def test_dropped_rows_are_their_places_own():
    x = torch.ones(6, 4, 5, 5)
    parts = []
    for i in range(3):
        with use_shard(Shard(i, 3, torch.Generator().manual_seed(7))):
            parts.append(drop_rows(x[:2], 0.5))
    with use_shard(Shard(0, 1, torch.Generator().manual_seed(7))):
        whole = drop_rows(x, 0.5)
    assert torch.equal(torch.cat(parts), whole) and set(whole.unique().tolist()) == {0.0, 2.0}


class Gain(nn.Module):
    """A translator of one number."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain, dtype=torch.float64))

    def forward(self, x: Tensor, condition: Tensor | None = None, noise: bool = True) -> Tensor:
        return self.gain * x


class Bias(nn.Module):
    """A critic that says the same of all."""

    def __init__(self, score: float = 0.0) -> None:
        super().__init__()
        self.score = nn.Parameter(torch.tensor(score))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        return Verdict(self.score.expand(len(x)) + 0 * x.flatten(1).sum(1).float(), x)


def turns(game: Any, batch: Any, clock: Clock = Clock()) -> list[Any]:
    return list(game.round(iter([batch]), clock))


@pytest.mark.parametrize("routing", ["both", "first"])
def test_whom_the_error_of_there_and_back_trains(routing):
    """G a = g a and F b = h b: |h g a - a| has the slope sign(h g - 1) h |a| for g, and g |a| for h."""
    g, h = 1.5, 0.5
    game = CycleTranslation(Gain(g), Bias(), Gain(h), Bias(), routing=routing, identity=0.0)
    a, b = torch.randn(64, 1, 1, 1, dtype=torch.float64), 2 * torch.randn(64, 1, 1, 1, dtype=torch.float64)
    move = turns(game, Unpaired(a, b))[0]
    assert move.players == (game.generator, game.generator_back)
    found = torch.autograd.grad(move.terms["cycle"], [game.generator.gain, game.generator_back.gain])
    sign, mean_a, mean_b = math.copysign(1, g * h - 1), float(a.abs().mean()), float(b.abs().mean())
    first = [10 * sign * h * mean_a, 10 * sign * g * mean_b]  # each by the way that it begins
    second = [10 * sign * h * mean_b, 10 * sign * g * mean_a]  # and by the one that it ends
    expected = [one + two for one, two in zip(first, second, strict=True)] if routing == "both" else first
    assert [float(slope) for slope in found] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("routing", ["both", "first"])
def test_the_second_translator_of_a_way_hears_nothing_of_it_unless_both_do(routing):
    torch.manual_seed(0)
    recipe = CycleGAN(ResidualTranslator(width=2, blocks=1, field=16), routing=routing, pool=0)
    game = recipe.game(pictures(16, 1))
    fake = game.generator(torch.rand(2, 1, 16, 16))
    slopes = torch.autograd.grad(game.second(game.generator_back, fake).sum(), [*game.generator_back.parameters()],
                                 allow_unused=True) if routing == "both" else [None]  # fmt: skip
    again = game.second(game.generator_back, fake)
    own = torch.autograd.grad(again.abs().sum(), [*game.generator.parameters()], retain_graph=True)
    assert any(slope.abs().max() > 0 for slope in own)
    if routing == "first":
        with pytest.raises(RuntimeError, match="appears to not have been used"):
            torch.autograd.grad(again.sum(), [*game.generator_back.parameters()])
    else:
        assert all(slope is not None for slope in slopes)


def test_a_critic_that_says_one_half_of_all_loses_a_quarter():
    game = CycleTranslation(Gain(1.0), Bias(0.5), Gain(1.0), Bias(0.5))
    first, critics = turns(game, Unpaired(torch.rand(4, 1, 2, 2), torch.rand(4, 1, 2, 2)))
    assert [float(move.loss.detach()) for move in critics] == [0.25, 0.25]
    assert float(first.terms["adversarial"].detach()) == 0.5
    assert [move.players for move in critics] == [(game.critic,), (game.critic_back,)]
    assert LeastSquares(scale=1).generator(torch.zeros(3), torch.zeros(3)) == 1


def test_pairs_are_judged_beside_their_sources_and_errors_are_means_over_pixels():
    torch.manual_seed(0)
    game = Pix2Pix(UNet(width=2, field=16), l1=100.0).game(pictures(16, 1))
    batch = Pairs(torch.rand(2, 1, 16, 16), torch.rand(2, 1, 16, 16))
    critic, generator = turns(game, batch)
    assert (critic.players, generator.players) == ((game.critic,), (game.generator,))
    assert 0 < float(generator.terms["l1"].detach()) < 200
    judge = game.judge(batch.source, Clock())
    assert not torch.equal(judge(batch.target).score, game.judge(batch.target, Clock())(batch.target).score)
    reached = torch.autograd.grad(generator.loss, [*game.generator.parameters()])
    assert all(slope.isfinite().all() for slope in reached)
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(critic.loss, [*game.generator.parameters()])


def test_cut_trains_the_critic_apart_and_generator_and_projector_together():
    torch.manual_seed(0)
    game = CUT(ResidualTranslator(width=2, blocks=2, field=16, upsample="resize", blur=True)).game(pictures(16, 1))
    critic, both = turns(game, Unpaired(torch.rand(2, 1, 16, 16), torch.rand(2, 1, 16, 16)))
    assert (critic.players, both.players) == ((game.critic,), (game.generator, game.projector))
    for player in (game.generator, game.projector):
        slopes = torch.autograd.grad(both.loss, [*player.parameters()], retain_graph=True)
        assert all(slope.isfinite().all() for slope in slopes)
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(both.loss, [*game.critic.parameters()])


def unit(*shape: int) -> Tensor:
    return nn.functional.normalize(torch.randn(*shape, dtype=torch.float64), dim=-1)


def test_what_a_contrast_is_worth():
    same = torch.ones(2, 256, 8, dtype=torch.float64) / math.sqrt(8)
    assert float(patch_nce(same, same)) == pytest.approx(math.log(256))
    orthonormal = torch.eye(256, dtype=torch.float64)[None]
    assert float(patch_nce(orthonormal, orthonormal)) == pytest.approx(math.log1p(255 * math.exp(-1 / 0.07)), rel=1e-6)
    torch.manual_seed(0)
    q, k = unit(2, 30, 8).requires_grad_(), unit(2, 30, 8).requires_grad_()
    loss = patch_nce(q, k)
    slopes = torch.autograd.grad(loss, [q, k], allow_unused=True)
    assert slopes[0] is not None and slopes[1] is None
    order, turned = torch.randperm(30), torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64))[0]
    for other in (patch_nce(q[:, order], k[:, order]), patch_nce(q @ turned, k @ turned)):
        assert float(other.detach()) == pytest.approx(float(loss.detach()), rel=1e-9)


class Pixelwise(Gain):
    """A translator that mirrors as it is mirrored, and tells its pixels as features."""

    feature_widths = (2,)

    def features(self, x: Tensor) -> list[Tensor]:
        return [x * self.gain]


def test_mirrored_pictures_have_the_same_contrast_where_a_translator_is_of_pixels():
    torch.manual_seed(0)
    a = torch.rand(4, 2, 6, 6, dtype=torch.float64)
    game = ContrastiveTranslation(Pixelwise(2.0), Bias(), PatchProjector((2,), 4).double(), mirror=True)
    flip = torch.tensor([True, False, True, False]).view(-1, 1, 1, 1)
    plain = game.contrast_of(a, game.translate(a))
    mirrored = game.contrast_of(a, game.translate(torch.where(flip, a.flip(3), a)), flip)
    assert float(plain.detach()) == pytest.approx(float(mirrored.detach()), rel=1e-6)
    assert game.draw_mirrored(a) is not None and torch.equal(game.translate(a), 2 * a)  # never as it is used


def test_a_pool_shows_half_of_its_pictures_late_as_old_as_chance_has_it():
    """Once full: fresh with probability 1/2, else as old as it is until a slot is drawn: 2 * size rounds on average."""
    pool, ages, size = ImagePool(5, Shape(1, 1, 1)), [], 5
    with use_shard(Shard(rng=torch.Generator().manual_seed(0))):
        for i in range(6000):
            shown, (told,) = pool.exchange(torch.full((1, 1, 1, 1), float(i)))
            assert i >= size or float(shown) == i  # what fills it is shown as it is
            told.tell(told.value)
            ages.append(i - int(shown))
    late = torch.tensor(ages[500:], dtype=torch.float64)
    assert float((late == 0).double().mean()) == pytest.approx(0.5, abs=0.02)
    assert float(late[late > 0].mean()) == pytest.approx(2 * size, rel=0.06)
    assert int(pool.seen) == 6000


def test_a_pool_does_with_parts_as_with_the_whole():
    made = torch.arange(12.0).view(12, 1, 1, 1)
    whole, parted = (ImagePool(5, Shape(1, 1, 1)) for _ in range(2))
    for i in range(6):
        with use_shard(Shard(rng=torch.Generator().manual_seed(i))):
            shown, (told,) = whole.exchange(made + 100 * i)
        told.tell(told.value)
        parts = []
        for part in range(3):
            with use_shard(Shard(part, 3, torch.Generator().manual_seed(i))):
                parts.append(parted.exchange(made[4 * part :][:4] + 100 * i))
        mean = torch.stack([one[1][0].value for one in parts]).mean(0)
        parts[0][1][0].tell(mean)
        assert torch.allclose(torch.cat([one[0] for one in parts]), shown)
        assert torch.allclose(parted.images, whole.images, rtol=1e-5)


TINY: dict[str, Recipe[Any]] = {
    "pix2pix": Pix2Pix(UNet(width=2, field=16), optimizer=SGD(0.01), batch=4),
    "cyclegan": CycleGAN(ResidualTranslator(width=2, blocks=1, field=16), pool=6, optimizer=SGD(1e-4), batch=4),
    "routed": CycleGAN(UNet(width=2, field=16), routing="first", pool=0, optimizer=SGD(0.01), batch=4),
    "cut": CUT(ResidualTranslator(width=2, blocks=1, field=16, blur=True), patches=20, optimizer=SGD(1e-6), batch=4),
    "fastcut": FastCUT(ResidualTranslator(width=2, blocks=1, field=16), optimizer=SGD(1e-6), batch=4),
}  # fmt: skip


def columns(name: str) -> dict[str, Any]:
    dice = np.random.default_rng(0)
    names = ("source", "target") if name == "pix2pix" else ("a", "b")
    return {column: dice.integers(0, 256, (24, 16, 16, 1), dtype=np.uint8) for column in names}


def match(name: str, **how: Any) -> Match[Any]:
    data = open_given(columns(name), Prepare(), print, name)
    return Match(TINY[name], data, 160, CPU, MatchOptions(seed=3, ema=40, **how))


def weights(match: Match[Any], rounds: int = 4) -> dict[str, Tensor]:
    for _ in range(rounds):
        match.play()
    return dict(match.game.state_dict())


@pytest.mark.parametrize("name", TINY)
def test_two_parts_of_a_batch_are_played_as_one(name):
    one, two = weights(match(name)), weights(match(name, accumulate=2))
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=0, atol=1e-5, msg=key)


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_a_picture_is_translated_alike_alone_in_a_batch_after_a_resume_and_on_a_sheet(name, tmp_path, monkeypatch):
    how: dict[str, Any] = {"images": 80, "pictures": 2, "quiet": True, "seed": 3, "device": "cpu", "threads": 1}
    whole, cut = (tmp_path / end for end in ("whole", "cut"))
    train(TINY[name], columns(name), out=whole, **how)
    with monkeypatch.context() as patch, pytest.raises(Interrupted):  # noqa: PT012
        StopAt(patch, 9)
        train(TINY[name], columns(name), out=cut, **how)
    resume(cut, data=columns(name), quiet=True)
    one, two = (read_checkpoint(newest(run)).tensors for run in (whole, cut))
    assert one.keys() == two.keys() and all(torch.equal(value, two[key]) for key, value in one.items())
    assert ("game.pool.images" in one) == (name == "cyclegan")
    sheet = (run / "sheets/0000000080.png" for run in (whole, cut))
    assert next(sheet).read_bytes() == next(sheet).read_bytes()
    model = load(whole)
    x = torch.rand(8, 1, 16, 16) * 2 - 1
    assert torch.allclose(model.translate(x)[:1], model.translate(x[:1]), atol=1e-6)
    still, alone = (torch.cat([model.translate(some, noise=False) for some in x.split(n)]) for n in (8, 1))
    assert torch.allclose(still, alone, atol=1e-6)
    if name == "pix2pix":
        same = x[:1].expand(8, -1, -1, -1)
        assert not torch.allclose(*model.translate(same)[:2], atol=1e-4)  # dropout is the noise, afterwards too
        assert torch.equal(model.translate(same, seed=4), model.translate(same, seed=4))
        assert not torch.equal(model.translate(same, seed=4), model.translate(same))


def newest(run: Path) -> Path:
    path = latest_checkpoint(run / "checkpoints")
    assert path is not None
    return path


@pytest.mark.parametrize("name", TINY)
def test_a_sheet_shows_what_is_translated(name):
    played = match(name)
    weights(played, 2)
    batch = next(played.feeds[0])
    shown = played.show(batch)
    assert list(shown)[:2] == (["source", "made"] if name == "pix2pix" else ["a", "a>b"])
    assert all(columns.shape == (4, 1, 16, 16) for columns in shown.values())
    if name in ("cyclegan", "cut", "fastcut"):  # without noise
        with torch.no_grad(), played.ema.applied():  # type: ignore[union-attr]
            assert torch.allclose(shown["a>b"], played.game.translate(batch.a), atol=1e-6)


def test_rates_stay_and_fade_as_the_papers_have_it():
    def rates(recipe: Any) -> list[float]:
        return [round(recipe.steps("generator").lr(Clock(share=share)), 8) for share in (0, 0.5, 0.75, 0.875, 1)]

    assert rates(CycleGAN()) == rates(CUT()) == [2e-4, 2e-4, 1e-4, 5e-5, 0]
    assert rates(FastCUT()) == [2e-4, 2e-4, 2e-4, 1e-4, 0]
    assert replace(CUT(), contrast=10.0, identity=False, mirror=True).contrast == FastCUT().contrast


class Planted(nn.Module):
    """A translator whose answer is known: a picture mirrored, which is right, its negative, or the picture itself."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault, self.idle = fault, nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, condition: Tensor | None = None, noise: bool = True) -> Tensor:
        made = {"none": x.flip(3), "inverted": -x.flip(3), "copied": x}[self.fault]
        return made + self.idle


@dataclass(frozen=True)
class PlantedFault(Pix2Pix):
    fault: str = "none"

    def game(self, data: Shape) -> PairedTranslation:
        return PairedTranslation(Planted(self.fault), self.networks.critic(data))


@pytest.mark.parametrize(("fault", "told"), [
    ("none", []), ("inverted", ["colours are inverted"]), ("copied", ["the translator copies its input"])])  # fmt: skip
def test_a_look_tells_inverted_colours_and_copies_apart_from_what_is_right(fault, told):
    """Light spots on a dark ground, to be mirrored."""
    dice = np.random.default_rng(0)
    source = np.full((64, 16, 16, 1), 60, np.uint8)
    for i, (row, column) in enumerate(dice.integers(0, 12, (64, 2))):
        source[i, row : row + 4, column : column + 4] = 220
    data = open_given({"source": source, "target": source[:, :, ::-1].copy()}, Prepare(), print, "spots")
    recipe = PlantedFault(UNet(width=2, field=16), batch=16, fault=fault)
    seen = Probe(Match(recipe, data, 160, CPU, MatchOptions(seed=3))).take_snapshot()
    assert seen is not None and seen.copied is not None and seen.negative is not None
    past = [Observation(i, 4096 * i, {}, seen._replace(ranking=None, gap=None)) for i in range(HEALTH_PATIENCE)]
    assert [change.check.name for change in find_changes(past, [])] == told
