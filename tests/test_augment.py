"""Augmentation as a view: laws, slopes, what it leaves alone, and how strong ADA makes it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from saddle.clock import Clock
from saddle.core import Judge, Judged, Verdict, as_leaf
from saddle.data.array_dataset import ArrayDataset
from saddle.errors import Mistake
from saddle.games import Adversarial
from saddle.layers.ada_pipeline import ImageDraws, ada_augment, colour_matrix
from saddle.layers.affine_warp import rotation_matrix, scale_matrix, translation_matrix, warp_images
from saddle.layers.augment import ADA, Augment, DiffAugment, random_colour, random_cutout, random_translation
from saddle.layers.views import Noise
from saddle.networks import Convolutional
from saddle.objectives import Hinge, LeastSquares, NonSaturating, Relativistic, Wasserstein
from saddle.optim import Linear
from saddle.parts import Shard, use_shard
from saddle.penalties import R1, LeCam
from saddle.recipes import find_recipe
from saddle.recipes.dcgan import DCGAN
from saddle.shape import Shape
from saddle.training.machine import Machine
from saddle.training.match import Match, MatchOptions
from toys import Critic, Maker, adversarial

VIEWS = {
    "ADA": ADA().memory(), "Augment": Augment(0.7), "blits": Augment(0.9, "b"), "colour": DiffAugment("color"),
    "translation": DiffAugment("translation"), "cutout": DiffAugment("cutout"), "all three": DiffAugment(),
}  # fmt: skip
VIEWS["ADA"].p.fill_(0.6)
CPU = Machine(torch.device("cpu"), torch.float32, "")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def pictures(n: int = 6, channels: int = 3, height: int = 6, width: int = 6) -> Tensor:
    return torch.randn(n, channels, height, width, dtype=torch.float64)


def test_moves_are_those_of_pixels():
    x = pictures(height=5, width=7)
    one = numbers(*[1.0] * 6)
    torch.testing.assert_close(warp_images(x, translation_matrix(2 * one, -1 * one))[:, :, 1:, :5], x[:, :, :4, 2:])
    torch.testing.assert_close(
        warp_images(x, translation_matrix(2 * one, 0 * one))[:, :, :, 5:], x[:, :, :, [5, 4]]
    )  # the mirror image
    torch.testing.assert_close(warp_images(x, scale_matrix(-one, one)), x.flip(3))
    torch.testing.assert_close(warp_images(x, rotation_matrix(math.pi * one)), x.flip(2, 3))
    square = pictures()
    torch.testing.assert_close(warp_images(square, rotation_matrix(math.pi / 2 * one)), square.rot90(1, (2, 3)))


def test_each_picture_has_a_matrix_of_its_own_and_two_moves_are_one():
    x = torch.linspace(-1, 1, 40, dtype=torch.float64).expand(2, 1, 40, 40)  # smooth, so nothing is lost between pixels
    first, second = (
        translation_matrix(numbers(1.5, -2.25), numbers(0, 0.5)),
        scale_matrix(numbers(1.25, 0.9), numbers(1, 1)),
    )
    inner = (slice(None), slice(None), slice(10, 30), slice(10, 30))
    twice = warp_images(warp_images(x, first), second)
    torch.testing.assert_close(
        twice[inner], warp_images(x, first @ second)[inner], atol=0.01, rtol=0
    )  # a pixel is 0.05
    torch.testing.assert_close(twice[:1], warp_images(warp_images(x[:1], first[:1]), second[:1]))


def test_slopes_and_their_slopes_are_right():
    source = rotation_matrix(numbers(0.3, -1)) @ translation_matrix(numbers(0.4, 1.7), numbers(-0.2, 0.9))
    x = pictures(2, 1, 4, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: warp_images(x, source).sin(), x)
    assert torch.autograd.gradgradcheck(lambda x: warp_images(x, source).sin(), x)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_every_view_has_first_and_second_slopes(view: Any):
    def seen(x: Tensor) -> Tensor:
        with use_shard(Shard(rng=torch.Generator().manual_seed(3))):
            return view(x, Clock()).pow(3)

    x = pictures(2, 3, 4, 4).requires_grad_()
    assert torch.autograd.gradcheck(seen, x) and torch.autograd.gradgradcheck(seen, x)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_parts_of_a_batch_are_changed_as_the_whole(view: Any):
    x, seen = torch.randn(8, 3, 8, 8), []
    for parts in (1, 2):
        for i, rows in enumerate(x.chunk(parts)):
            with use_shard(Shard(i, parts, torch.Generator().manual_seed(5))):
                seen.append(view(rows, Clock()))
    assert torch.equal(seen[0], torch.cat(seen[1:]))
    assert not torch.equal(seen[0], x)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_at_zero_nothing_changes(channels: int):
    x = torch.randn(5, channels, 7, 9)
    for view in (Augment(0.0), ADA().memory(), Augment(Linear(0.5, 0))):
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(view(x, Clock(share=1.0)), x)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_picture_is_changed_alike_in_reduced_precision(view: Any):
    x, seen = torch.randn(5, 3, 16, 16), []
    for reduced in (False, True):
        with use_shard(Shard(rng=torch.Generator().manual_seed(2))), torch.autocast("cpu", torch.bfloat16, reduced):
            seen.append(view(x, Clock()))
    assert torch.equal(*seen)


def test_as_many_are_changed_as_p_says():
    x = torch.rand(4000, 3, 2, 2)
    for p in (0.2, 0.6):
        for pipe, changes in (("b", 0.5 + 0.75), ("g", 4), ("c", 4.5)):
            left = (ada_augment(x, p, pipe) == x).flatten(1).all(1).float().mean().item()
            # of flips half are none, of quarters one in four; shifts of two pixels by a quarter are none; turns make p
            expected = {"b": (1 - p / 2) * (1 - 3 * p / 4), "g": (1 - p) ** 4, "c": (1 - p) ** 4 * (1 - p / 2)}[pipe]
            assert left == pytest.approx(expected, abs=0.03), (p, pipe, changes)


def test_quarter_turns_and_flips_can_be_told_back_from_many_pictures():
    """What is seen of a distribution over eight ways up is it times a matrix, whose inverse exists below p = 1."""
    base = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])  # so small that no shift is a pixel
    ways = torch.stack([turn for k in range(4) for turn in (base.rot90(k), base.rot90(k).flip(1))])[:, None]
    true, p, n = torch.tensor([0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0], dtype=torch.float64), 0.6, 40_000
    seen = torch.stack([frequencies(ada_augment(way.expand(n, 1, 3, 3), p, "b"), ways) for way in ways])
    mixed = frequencies(ada_augment(ways[torch.multinomial(true, n, replacement=True)], p, "b"), ways)
    assert (mixed - true).abs().max() > 0.1
    torch.testing.assert_close(torch.linalg.solve(seen.T, mixed), true, atol=0.03, rtol=0)
    kept = torch.linalg.svdvals(seen).min()
    assert kept == pytest.approx(
        (1 - p) ** 2, abs=0.02
    )  # the least is left where flips and turns both take their share


def frequencies(x: Tensor, ways: Tensor) -> Tensor:
    which = (x[:, None] - ways[None]).flatten(2).abs().amax(2).argmin(1)
    return torch.bincount(which, minlength=len(ways)).double() / len(x)


def test_all_colour_changes_leave_grey_grey():
    matrix = colour_matrix(ImageDraws(pictures(2000), 0.8))
    for level in (-1.0, 0.3):
        made = matrix[:, :3, :3] @ torch.full((3,), level, dtype=torch.float64) + matrix[:, :3, 3]
        torch.testing.assert_close(made, made[:, :1].expand(-1, 3))
    grey = pictures(2000, 1, 2, 2)
    with use_shard(Shard(rng=torch.Generator().manual_seed(1))):
        alone = ada_augment(grey, 0.8, "c")
    with use_shard(Shard(rng=torch.Generator().manual_seed(1))):
        lifted = ada_augment(grey.expand(-1, 3, -1, -1), 0.8, "c")
    torch.testing.assert_close(alone.expand_as(lifted), lifted)
    with use_shard(Shard(rng=torch.Generator().manual_seed(1))):
        clear = ada_augment(torch.cat([grey] * 4, 1), 0.8, "c")
    assert torch.equal(clear[:, 3:], grey) and torch.allclose(clear[:, :3], lifted)


def test_colours_have_the_strengths_of_the_paper():
    matrix = colour_matrix(ImageDraws(pictures(40_000), 1.0))
    grey = torch.full((3,), 3**-0.5, dtype=torch.float64)
    gain = (matrix[:, :3, :3] @ grey) @ grey  # contrast, and half the time light for dark
    assert gain.abs().log().std() == pytest.approx(0.5 * math.log(2), rel=0.02)
    assert (gain < 0).double().mean() == pytest.approx(0.5, abs=0.01)
    assert (matrix[:, 0, 3] / gain).std() == pytest.approx(0.2, rel=0.02)  # brightness comes before contrast
    chroma = numbers(1, -1, 0) / math.sqrt(2)
    seen = matrix[:, :3, :3] @ chroma
    assert (seen.norm(dim=1) / gain.abs()).log().std() == pytest.approx(math.log(2), rel=0.02)  # saturation
    turn = torch.atan2(seen @ torch.linalg.cross(grey, chroma), seen @ chroma)  # hue: any angle is as likely
    assert torch.histc(turn.float(), 4, -math.pi, math.pi).min() / len(turn) == pytest.approx(0.25, abs=0.01)


def test_geometry_has_the_strengths_of_the_paper():
    """Seen where three points of a picture that names its own pixels come from."""
    side, n = 49, 4000
    line = torch.arange(side, dtype=torch.float64)
    x = torch.stack(torch.meshgrid(line, line, indexing="ij")).expand(n, 2, side, side)
    made = ada_augment(x, 1.0, "g")[:, :, 24:27, 24:27]
    across, down = made[:, :, 0, 1] - made[:, :, 0, 0], made[:, :, 1, 0] - made[:, :, 0, 0]
    area = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    inside = ((made > 2) & (made < 46)).flatten(1).all(1)  # the mirror image turns the other way
    assert area[inside].abs().log().std() == pytest.approx(2 * 0.2 * math.log(2), rel=0.05)
    middle = made[:, :, 0, 0] - 24
    assert middle[inside].std() == pytest.approx(0.125 * side, rel=0.1)


def test_colour_of_diffaugment_in_closed_form():
    x = pictures(20_000, 3, 2, 2).requires_grad_()
    made = random_colour(x).detach()
    mean, spread = x.mean((1, 2, 3)), (made - made.mean(1, keepdim=True)) / (x - x.mean(1, keepdim=True))
    bright = made.mean((1, 2, 3)) - mean
    assert (-0.5 <= bright.min() < -0.49) and (0.49 < bright.max() <= 0.5) and bright.mean().abs() < 0.01
    contrast = ((made.mean(1) - made.mean((1, 2, 3))[:, None, None]) / (x.mean(1) - mean[:, None, None])).detach()
    torch.testing.assert_close(contrast, contrast[:, :1, :1].expand_as(contrast), rtol=1e-4, atol=1e-6)
    assert 0.5 <= contrast.min() < 0.51 and 1.49 < contrast.max() <= 1.5
    clear = torch.cat([x, x[:, :1]], 1).detach()
    assert torch.equal(random_colour(clear)[:, 3], clear[:, 3])
    saturation = spread[:, 0, 0, 0].detach() / contrast[:, 0, 0]
    assert 0 <= saturation.min() < 0.01 and 1.99 < saturation.max() <= 2
    assert saturation.mean() == pytest.approx(1, abs=0.02)  # nothing leaks into the mean


def test_translation_moves_whole_pixels_and_brings_in_zeros():
    x = 1 + torch.rand(500, 2, 16, 24)
    made = random_translation(x)
    seen = set()
    for before, after in zip(x, made, strict=True):
        lit = after[0] != 0
        rows, columns = lit.any(1).nonzero().flatten(), lit.any(0).nonzero().flatten()
        found = [(r, c) for r in range(-2, 3) for c in range(-3, 4)
                 if torch.equal(part(after, r, c), part(before, -r, -c))]  # fmt: skip
        assert (len(rows), len(columns)) == (16 - abs(found[0][0]), 24 - abs(found[0][1]))
        seen.add(found[0])
    assert seen == {(r, c) for r in range(-2, 3) for c in range(-3, 4)}


@pytest.mark.parametrize(("side", "most"), [(12, 2), (16, 2), (20, 3), (28, 4)])
def test_all_shifts_are_as_likely(side: int, most: int):
    """An eighth of the side, halves up: the authors' whole numbers."""
    line = torch.arange(1.0, side + 1).view(1, 1, 1, side).expand(9000, 1, 2, side)
    middle = random_translation(line)[:, 0].amax(1)[:, side // 2] - (side // 2 + 1)
    counts = torch.bincount((middle + most).long(), minlength=2 * most + 1) / 9000
    assert len(counts) == 2 * most + 1 and (counts - 1 / (2 * most + 1)).abs().max() < 0.02


def part(x: Tensor, down: int, across: int) -> Tensor:
    """What is left of a picture that comes from so far up and left, or goes there."""
    height, width = x.shape[1:]
    return x[:, max(down, 0) : height + min(down, 0), max(across, 0) : width + min(across, 0)]


def test_cutout_takes_a_box_of_half_the_sides():
    made = random_cutout(torch.ones(4000, 1, 16, 16))[:, 0]
    cut = 256 - made.sum((1, 2))
    assert cut.max() == 64 and cut.min() == 16  # in a corner a quarter of the box is left
    rows = (made == 0).any(2).sum(1)
    assert (cut % rows == 0).all() and rows.max() == 8
    share = (made == 0).float().mean(0)  # of 17 places of the middle, 8 cut a pixel in it, and 5 one in the corner
    assert share[8, 8] == pytest.approx((8 / 17) ** 2, abs=0.02) and share[0, 0] == pytest.approx(
        (5 / 17) ** 2, abs=0.02
    )
    odd = (random_cutout(torch.ones(4000, 1, 7, 7))[:, 0] == 0).flatten(1).sum(1).max()
    assert odd == 16  # half of 7, halves up


def hear(memory: Any, sign: float, times: int = 4, part: Shard | None = None) -> float:
    x = torch.zeros(50, 1, 4, 4)
    score = torch.where(torch.arange(50) < 25 * (1 + sign), 2.0, -3.0)
    for _ in range(times):
        with use_shard(part or Shard()):
            memory.update(memory.observe(Judged(x, score, x, None), Judged(x, -score, x, None)))
    return float(memory.p)


def test_p_follows_the_critics_confidence():
    """p <- max(0, p + sign(r - 0.6) 4 batch / 500k) every 4 batches: Karras et al. 2020."""
    memory = ADA(images=2000).memory()
    assert hear(memory, 0.8, 3) == 0
    assert hear(memory, 0.8, 1) == pytest.approx(0.1) and memory.sign == pytest.approx(0.8)
    assert hear(memory, 0.2) == 0 and hear(memory, 0.2) == 0
    assert hear(memory, 1.0, 80) == 1
    assert hear(memory, 0.6 - 0.04) == pytest.approx(0.9)
    assert hear(ADA(every=1, images=1000).memory(), 0.8, 1) == pytest.approx(0.05)
    assert hear(ADA(images=2000).memory(), 0.8, 4, Shard(1, 3)) == pytest.approx(0.3)  # three parts of a batch
    split = ADA(images=2000).memory()
    for sign in (1.0, 0.36):  # the mean of both batches counts
        hear(split, sign, 2)
    assert split.p == pytest.approx(0.1) and split.sign == pytest.approx(0.68)


def test_p_follows_how_far_held_out_samples_are_from_the_reals():
    """r_v = (E D(train) - E D(held out)) / (E D(train) - E D(generated)): Karras et al. 2020, equation 1."""
    memory, x = ADA(target=0.5, images=2000, signal="held-out").memory(), torch.zeros(50, 1, 4, 4)
    for held, share, p in ((2.0, 0.0, 0.0), (-2.0, 0.8, 0.1), (-3.0, 1.0, 0.2), (1.0, 0.2, 0.1)):
        memory.update_held_out(torch.tensor(held))
        for spread in (-1.0, 1.0, -2.0, 2.0):  # the mean over four batches counts
            real, fake = (torch.full((50,), mean + spread) for mean in (2.0, -3.0))
            memory.update(memory.observe(Judged(x, real, x, None), Judged(x, fake, x, None)))
        assert memory.sign == pytest.approx(share) and memory.p == pytest.approx(p)
    memory.update_held_out(torch.tensor(-9.0))
    for _ in range(4):  # a critic that parts nothing
        same = Judged(x, torch.zeros(50), x, None)
        memory.update(memory.observe(same, same))
    assert memory.sign == 0 and memory.p == pytest.approx(0)
    with pytest.raises(Mistake, match="ADA's signal is sign or held-out, not 'r_v'"):
        ADA(signal="r_v")
    with pytest.raises(Mistake, match="which only style-based generators' game judges; leave signal out"):
        adversarial(views=(ADA(signal="held-out"),))


def test_the_boundary_is_where_the_objective_has_it():
    memory = ADA(images=2000, boundary=-5).memory()
    assert hear(memory, -1) == pytest.approx(0.1)  # all scores are -3


class Plane(nn.Module):
    """Scores along one direction, (c, h, w)."""

    def __init__(self, direction: Tensor) -> None:
        super().__init__()
        self.direction = nn.Parameter(direction)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        return Verdict((x * self.direction).flatten(1).sum(1), x)


def test_r1_is_of_the_slope_before_augmentation():
    """Moving pixels whole keeps a slope's length; half the contrast halves it."""
    x, plane = torch.randn(6, 3, 3, 3), Plane(torch.randn(3, 3, 3))
    expected = plane.direction.square().sum() / 2
    for view, factor in ((lambda x, clock: ada_augment(x, 1.0, "b"), 1.0), (lambda x, clock: x / 2, 0.25)):
        judge = Judge(plane, Clock(), views=(view,))
        real = judge(as_leaf(x))
        slope = R1()(judge, real, real)
        torch.testing.assert_close(slope, factor * expected)
        (bend,) = torch.autograd.grad(slope, plane.direction)
        torch.testing.assert_close(bend, factor * plane.direction)


def game(**slots: Any) -> Adversarial:
    return Adversarial(Maker(), Critic(), 4, **slots)


@pytest.mark.parametrize(("make", "words"), [
    (lambda: ADA(target=1.5), "target is 1.5, but a mean sign lies between"), (lambda: ADA(pipe="x"), "pipe is 'x'"),
    (lambda: Augment(1.2), "Augment's p"), (lambda: Augment(0.5, ""), "pipe is ''"), (lambda: ADA(every=0), "every 0"),
    (lambda: DiffAugment("colour"), "policy is 'colour', but should name some of color, translation, cutout"),
    (lambda: ADA(images=0), "in 0 images"),
    (lambda: game(views=(ADA(),), objective=Wasserstein()), "not tell reals from fakes under Wasserstein here; give A"),
    (lambda: game(views=(ADA(),), objective=Relativistic(NonSaturating())), "under Relativistic here; give Augment"),
    (lambda: game(views=(ADA(),), objective=LeastSquares()), "0.0, a score .* under LeastSquares here"),
    (lambda: Augment(0.5)(torch.zeros(4, 2, 1, 1), Clock()), r"points; blur points, with Noise\(0.1\)"),
    (lambda: DiffAugment()(torch.zeros(4, 2, 1, 1), Clock()), "these are points"),
    (lambda: Augment(0.5)(torch.zeros(4, 2, 4, 4), Clock()), "channels can be changed, not of 2; leave the c"),
])  # fmt: skip
def test_what_cannot_be_is_refused(make: Any, words: str):
    with pytest.raises(Mistake, match=words):
        make()


@pytest.mark.parametrize("view", [ADA(), Augment(), DiffAugment()])
def test_recipes_refuse_points_and_odd_channels_before_anything_is_made(view: Any):
    toy = replace(find_recipe("r1-toy")[0], views=(view,))
    with pytest.raises(Mistake, match=r"these are points; blur points, with Noise\(0.1\)"):
        toy.game(Shape(2, 1, 1))
    dcgan = DCGAN(NETWORKS, views=(view,))
    with pytest.raises(Mistake, match="of 1, 3 or 4 channels can be changed, not of 2"):
        dcgan.game(Shape(2, 16, 16))
    assert replace(toy, views=(Noise(0.1),)).game(Shape(2, 1, 1)) and dcgan.game(Shape(4, 16, 16))


def test_a_game_can_be_made_where_no_gradients_are_wanted():
    for off in (torch.no_grad(), torch.inference_mode()):
        with off:
            assert game(views=(ADA(),))


def test_two_of_a_kind_are_shown_by_number():
    two = game(views=(ADA(), ADA(0.3)), penalties=(LeCam(),))
    assert set(two.logged_scalars()) == {f"{name}/{key}" for name in ("ADA", "ADA#2") for key in ("p", "sign")} | {
        "LeCam/real", "LeCam/fake"}  # fmt: skip


def test_what_refusals_propose_can_be_played():
    for objective in (Wasserstein(), Relativistic(NonSaturating())):
        assert game(views=(Augment(0.3),), objective=objective)
    for objective, boundary in ((LeastSquares(), 0.5), (LeastSquares(-1, 1), 0), (Hinge(), 0), (NonSaturating(), 0)):
        assert game(views=(ADA(boundary=boundary),), objective=objective)
    assert Augment(0.5, "bg")(torch.zeros(4, 2, 4, 4), Clock()).shape == (4, 2, 4, 4)
    assert Noise()(torch.zeros(4, 2, 1, 1), Clock()).shape == (4, 2, 1, 1)


NETWORKS = Convolutional(latent=4, width=4, normal=False)
RECIPE = replace(DCGAN(NETWORKS, batch=8), views=(ADA(-0.9, images=400),), penalties=(R1(),))


def match(images: int = 160) -> Match[Any]:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    return Match(RECIPE, ArrayDataset("noise", pixels, fingerprint="0"), images, CPU, MatchOptions(seed=1))


def test_a_resumed_run_has_the_same_p_and_bits():
    whole = match()
    for _ in range(9):
        whole.play()
    halted = match()
    for _ in range(5):
        halted.play()
    resumed = match()
    resumed.restore(*halted.state())
    for _ in range(4):
        _, report = resumed.play()
    assert report["ADA/p"] == whole.game.logged_scalars()["ADA/p"] > 0
    for (name, a), (_, b) in zip(whole.game.state_dict().items(), resumed.game.state_dict().items(), strict=True):
        assert torch.equal(a, b), name
