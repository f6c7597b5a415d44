"""GAT: its networks' counts and symmetries, the noises of its levels, its game, and its rate."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Judge, Move
from saddle.errors import Mistake
from saddle.games import MultiLevel
from saddle.image_size import ImageSize
from saddle.layers.noise_levels import LevelAugment, LevelView, NestedNoise
from saddle.layers.transformer import GatedBlock, PatchAttention, ScaledBlock, from_patches, rotary_turns, sine_table
from saddle.networks import Convolutional, PatchTransformer
from saddle.networks.gat import TransformerGenerator
from saddle.objectives import Relativistic
from saddle.optim import SGD, Adam
from saddle.parts import Shard, use_shard
from saddle.penalties import R1
from saddle.recipes import find_recipe
from saddle.shape import Classes, Shape
from saddle.training.engine import Engine

TINY = PatchTransformer(latent=6, width=16, depth=4, patch=4, head_width=8, projection=8)
GREY, TOLD, WIDE = Shape(1, 8, 8), Shape(3, 8, 8, Classes(5)), Shape(4, 8, 12)
GRID = ImageSize(3, 4)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def tiny(data: Shape = GREY, **more: object) -> MultiLevel:
    return MultiLevel(TINY.generator(data), TINY.critic(data), TINY.latent, objective=Relativistic(), **more)  # type: ignore[arg-type]


def batch(data: Shape, n: int = 4) -> Images:
    labels = torch.arange(n) % data.classes if data.classes else None
    return Images(torch.rand(n, *data[:3]) * 2 - 1, labels)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# The published sizes, of which the generator's has a layer that nothing reads: patch^2 * channels * width + width.
SIZES = {"S": (384, 12, 64), "B": (768, 12, 64), "L": (1024, 24, 64), "XL": (1152, 28, 72)}
COUNTS = [
    ("S", 2, 29_263_040, 32_556_160), ("S", 4, 29_355_392, 32_629_888), ("S", 8, 29_724_800, 32_924_800),
    ("B", 2, 116_558_144, 97_135_360), ("B", 4, 116_742_656, 97_282_816), ("B", 8, 117_480_704, 97_872_640),
    ("L", 2, 408_486_432, 314_904_544), ("XL", 2, 601_956_224, 459_252_544), ("XL", 8, 603_339_584, 460_358_464),
]  # fmt: skip
SMALL = [
    (PatchTransformer(), Shape(3, 32, 32, Classes(10)), 4_998_784, 3_782_976, 9_408),
    (PatchTransformer(patch=2), Shape(3, 32, 32, Classes(10)), 4_964_080, 3_755_328, 2_496),
    (PatchTransformer(width=256), Shape(3, 64, 64), 8_838_816, 6_565_280, 12_544),
    (PatchTransformer(width=256, patch=8), Shape(3, 64, 64), 9_023_712, 6_712_736, 49_408),
    (PatchTransformer(width=128, depth=4), Shape(1, 32, 32), 1_165_480, 967_208, 2_176),
]


@pytest.mark.parametrize(("size", "patch", "generator", "critic"), COUNTS)
def test_parameters_are_the_published_ones_but_for_a_layer_that_nothing_reads(
    size: str, patch: int, generator: int, critic: int
):
    width, depth, head = SIZES[size]
    pair = PatchTransformer(width=width, depth=depth, patch=patch, head_width=head, projection=2048)
    with torch.device("meta"):
        data = Shape(4, 32, 32, Classes(1000))
        assert count(pair.generator(data)) == generator - (4 * patch**2 * width + width)
        assert count(pair.critic(data)) == critic


@pytest.mark.parametrize(("pair", "data", "generator", "critic", "unread"), SMALL)
def test_parameters_of_small_pairs(pair: PatchTransformer, data: Shape, generator: int, critic: int, unread: int):
    with torch.device("meta"):
        assert (count(pair.generator(data)), count(pair.critic(data))) == (generator - unread, critic)


@pytest.mark.parametrize("data", [GREY, TOLD, WIDE])
def test_pictures_of_any_channels_and_sides_told_a_class_or_not(data: Shape):
    game, given = tiny(data), batch(data)
    made = game.make(game.latents(given.image), given.condition)
    assert made.shape == given.image.shape
    assert torch.equal(made, game.generator(game.latents(given.image) * 0, given.condition)) is False
    assert game.score(given.image, given.condition).shape == (4,)
    assert game.critic(given.image, given.condition).score.shape == (4,)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PatchTransformer(depth=6), "--networks.depth 8"),
        (lambda: PatchTransformer(head_width=6, width=192), "--networks.head-width 4"),
        (lambda: PatchTransformer(width=100), "--networks.width 128"),
        (lambda: TINY.generator(Shape(1, 30, 30)), "--size 32"),
        (lambda: TINY.critic(Shape(1, 30, 45)), "--size 32x48"),
        (lambda: TINY.generator(Shape(2, 1, 1)), "r3gan-toy"),
        (lambda: MultiLevel(*(getattr(Convolutional(4, 4), k)(Shape(1, 16, 16)) for k in ("generator", "critic")), 4),
         "PatchTransformer()"),
        (lambda: NestedNoise(spread=1.0), "between 0 and 1"),
        (lambda: NestedNoise(least=0.2), "below its spread"),
        (lambda: LevelAugment().suits(Shape(2, 8, 8)), "--augment.colour 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_way_out(make, words: str):
    with pytest.raises(Mistake) as refusal:
        make()
    assert words in str(refusal.value)


@pytest.mark.usefixtures("double")
def test_turned_attention_sees_only_how_far_apart_tokens_are():
    whole = rotary_turns(8, GRID).unflatten(1, GRID)
    q, k = torch.randn(2, 1, 1, 8)
    here = Turned(q, k)
    for a, b in itertools.product(itertools.product(range(2), range(3)), itertools.product(range(2), range(3))):
        moved = [(row + 1, column + 1) for row, column in (a, b)]
        torch.testing.assert_close(here(whole[:, *a], whole[:, *b]), here(*(whole[:, *place] for place in moved)))
    assert not torch.isclose(here(whole[:, 0, 0], whole[:, 0, 1]), here(whole[:, 0, 0], whole[:, 1, 0]))


class Turned:
    """The product of a query and a key at two places."""

    def __init__(self, q: Tensor, k: Tensor) -> None:
        self.q, self.k = q, k

    def __call__(self, at_query: Tensor, at_key: Tensor) -> Tensor:
        from saddle.layers.transformer import rotate

        return (rotate(self.q, at_query[:, None]) * rotate(self.k, at_key[:, None])).sum()


@pytest.mark.usefixtures("double")
def test_tokens_without_places_may_come_in_any_order():
    x, order = torch.randn(2, 12, 16), torch.randperm(12)
    nowhere = rotary_turns(8, ImageSize(0, 0), others=12)
    for block, told in ((GatedBlock(16, 8), (torch.randn(2, 16),)), (ScaledBlock(16, 8), ())):
        torch.testing.assert_close(block(x[:, order], *told, nowhere), block(x, *told, nowhere)[:, order])
    placed = rotary_turns(8, GRID)
    block = ScaledBlock(16, 8)
    assert not torch.allclose(block(x[:, order], placed), block(x, placed)[:, order], atol=1e-3)


@pytest.mark.usefixtures("double")
def test_written_out_attention_is_the_fused_one():
    fused, x, turns = PatchAttention(16, 8), torch.randn(2, 13, 16), rotary_turns(8, GRID, others=1)
    due, fused.fused = fused(x, turns), False
    torch.testing.assert_close(fused(x, turns), due)
    assert torch.equal(turns[:, 0], torch.tensor([[1.0] * 4, [0.0] * 4]))


def test_the_table_of_places_knows_each_patch():
    table = sine_table(16, GRID)
    assert table.shape == (12, 16) and torch.cdist(table, table).add(torch.eye(12)).min() > 0.1
    torch.testing.assert_close(table.square().sum(1), torch.full((12,), 8.0))
    rows = sine_table(16, GRID)[:, 8:].unflatten(0, GRID)
    assert torch.equal(rows[:, 0], rows[:, 3])  # half of it is the row's


def test_patches_come_back_where_they_were_cut():
    x = torch.arange(2 * 3 * 8 * 12.0).view(2, 3, 8, 12)
    cut = x.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 4, 5, 1).reshape(2, 6, -1)
    assert torch.equal(from_patches(cut, ImageSize(2, 3), 4), x)


def test_a_new_block_is_nearly_the_identity_and_new_scores_are_nearly_zero():
    pair = PatchTransformer(width=64, head_width=16, projection=64)
    block, x = GatedBlock(64, 16), torch.randn(8, 12, 64)
    changed = block(x, nn.functional.silu(torch.randn(8, 64)), rotary_turns(16, GRID)) - x
    assert 0 < changed.norm() / x.norm() < 0.1
    critic, given = pair.critic(TOLD), batch(TOLD, 64)
    scores = critic(torch.randn(64, 12, 8, 8), given.condition).score
    assert scores.abs().mean() < 0.5
    assert Relativistic().critic(scores, scores.flip(0)).item() == pytest.approx(math.log(2), abs=0.05)


def test_levels_and_their_noises_have_the_published_deviations():
    noise = NestedNoise()
    levels = noise.deviations(4)
    assert levels == pytest.approx((0.885, 0.76, 0.51, 0.01)) and noise.deviations(1) == (0.01,)
    drawn = noise.draw(torch.zeros(100_000, 1, 1, 1), 4)[:, :, 0, 0, 0]
    torch.testing.assert_close(drawn.std(0), torch.tensor(levels), rtol=0.01, atol=0)
    corr = torch.corrcoef(drawn.T)
    due = [b * (1 - a) / (a * (1 - b)) for a, b in itertools.pairwise(levels)]
    assert due == pytest.approx((0.4115, 0.3287, 0.0097), abs=1e-4)
    assert [corr[i, i + 1].item() for i in range(3)] == pytest.approx(due, abs=0.012)


def test_what_the_critic_is_shown_of_a_picture_alone_and_of_levels():
    view, x = LevelView(2, 4), torch.ones(50_000, 2, 1, 1)
    seen = view(x, Clock())
    assert seen.shape == (50_000, 8, 1, 1)
    torch.testing.assert_close(seen.mean((0, 2, 3))[::2], 1 - torch.tensor(view.noise.deviations(4)), atol=0.02, rtol=0)
    levels = torch.arange(8.0).view(1, 8, 1, 1)
    assert torch.equal(view.repeat(levels), levels)
    assert torch.equal(view.repeat(levels[:, :2])[0, :, 0, 0], torch.tensor([0.0, 1.0] * 4))
    quiet = LevelView(2, 4, NestedNoise(least=0.0))
    assert torch.equal(quiet(levels, Clock())[:, 6:], levels[:, 6:])


def test_changes_are_the_same_at_all_levels_and_leave_what_they_should():
    x = torch.rand(64, 1, 3, 16, 16).expand(-1, 4, -1, -1, -1)
    changed = LevelAugment().change(x)
    assert all(torch.allclose(changed[:, 0], changed[:, i], atol=1e-6) for i in range(4))
    only_flips = LevelAugment(0.0, False, 0.4).change(x)[:, 0]
    kept, turned = ((only_flips == y[:, 0]).flatten(1).all(1) for y in (x, x.flip(4)))
    assert (kept ^ turned).all() and 10 < turned.sum() < 42
    colours = LevelAugment(0.5, False, 0.0).change(x)[:, 0]
    assert 20 < (colours == x[:, 0]).flatten(1).all(1).sum() < 44
    clear = torch.rand(8, 2, 4, 4, 4)
    assert torch.equal(LevelAugment(1.0, False, 0.0).change(clear)[:, :, 3], clear[:, :, 3])
    assert torch.equal(LevelAugment(0.0, False, 0.0).change(x), x)


def test_each_level_reaches_the_blocks_before_it_and_no_others():
    game = tiny()
    made: Tensor = game.generate(batch(GREY))
    generator = game.generator
    assert isinstance(generator, TransformerGenerator) and made.shape == (4, 4, 8, 8)
    for level in range(4):
        game.zero_grad()
        made[:, level].square().sum().backward(retain_graph=True)
        reached = [bool(block.tell.weight.grad.any()) for block in generator.blocks]
        painted = [bool(head.paint.weight.grad.any()) for head in generator.heads]
        assert reached == painted == [i <= level for i in range(4)]
    assert torch.equal(game.make(torch.ones(2, 6))[0], game.make(torch.ones(2, 6))[1])


def test_a_round_moves_the_critic_and_then_the_generator_on_one_batch():
    game, given = tiny(TOLD), batch(TOLD)
    taken: list[Images] = []
    turns = list(game.round((taken.append(b) or b for b in itertools.repeat(given)), Clock()))
    assert [turn.players[0] for turn in turns if isinstance(turn, Move)] == [game.critic, game.generator]
    assert len(taken) == 1


@pytest.mark.usefixtures("double")
def test_the_mean_code_is_that_of_each_class_over_all_parts():
    generator = TINY.generator(TOLD)
    assert isinstance(generator, TransformerGenerator)
    code, labels = torch.randn(6, 16), torch.tensor([0, 0, 2, 2, 2, 0])
    parts = [generator.class_means(code[i : i + 3], labels[i : i + 3]) for i in (0, 3)]
    generator.update_mean_code(torch.stack(parts).mean(0))
    torch.testing.assert_close(generator.mean_code[0], 0.005 * code[labels == 0].mean(0))
    torch.testing.assert_close(generator.mean_code[2], 0.005 * code[labels == 2].mean(0))
    assert not generator.mean_code[[1, 3, 4]].any()


@pytest.mark.usefixtures("double")
def test_styles_draw_codes_to_the_mean_of_their_class_or_away_from_all():
    game, given = tiny(TOLD), batch(TOLD)
    z, labels = game.latents(given.image), given.condition
    generator = game.generator
    assert isinstance(generator, TransformerGenerator) and labels is not None
    generator.mean_code.normal_()
    code = generator.mapping(z, labels)
    middle = torch.stack([generator.mapping(z, torch.full_like(labels, c)) for c in range(5)]).mean(0)
    for style, due in (({}, code), ({"truncation": 0.0}, generator.mean_code[labels]),
                       ({"truncation": 0.7}, 0.7 * code + 0.3 * generator.mean_code[labels]),
                       ({"guidance": 1.5}, middle + 1.5 * (code - middle))):  # fmt: skip
        torch.testing.assert_close(game.make(z, labels, **style), generator.synthesis(due)[:, -3:])
    for name in ("truncation", "guidance"):
        for value in (-1.0, -0.001, math.inf, math.nan):
            with pytest.raises(Mistake, match=f"{name} is .*, but should be 0 or more"):
                game.make(z, labels, **{name: value})


@pytest.mark.usefixtures("double")
def test_exact_slopes_can_be_differentiated_through_the_critic():
    critic, x = TINY.critic(GREY), torch.randn(2, 4, 8, 8, requires_grad=True)
    judged = Judge(critic, Clock())(x)
    (slope,) = torch.autograd.grad(judged.score.sum(), x, create_graph=True)
    (found,) = torch.autograd.grad(slope.square().sum(), critic.summary)
    direction, h = torch.randn_like(critic.summary), 1e-5
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            critic.summary.add_(sign * h * direction)
        (g,) = torch.autograd.grad(critic(x).score.sum(), x)
        values.append(g.square().sum())
        with torch.no_grad():
            critic.summary.add_(-sign * h * direction)
    torch.testing.assert_close(found @ direction, (values[0] - values[1]) / (2 * h), rtol=1e-5, atol=1e-9)


def test_two_parts_of_a_batch_draw_the_noise_of_one():
    def draw(part: Shard | None, n: int) -> Tensor:
        with use_shard(part or Shard(rng=torch.Generator().manual_seed(3))):
            return NestedNoise().draw(torch.zeros(n, 1, 2, 2), 4)

    halves = [draw(Shard(i, 2, torch.Generator().manual_seed(3)), 2) for i in range(2)]
    assert torch.equal(torch.cat(halves), draw(None, 4))


def change_by_a_step(width: int, lr: float) -> float:
    """How far the first block's outcome moves with one step of Adam, over its size."""
    torch.manual_seed(1)
    block, x, code = GatedBlock(width, 32), torch.randn(4, 12, width), torch.randn(4, width)
    turns = rotary_turns(32, GRID)
    optimizer = Adam(lr, (0.0, 0.99)).build(block.parameters())
    before = block.mix(x)
    block(x, code, turns).square().mean().backward()
    optimizer.step()
    return ((block.mix(x) - before).norm() / before.norm()).item()


def test_the_rate_by_width_keeps_the_first_step_alike():
    widths = (128, 512)
    plain, ruled = ([change_by_a_step(w, 2e-4 * (768 / w if rule else 1)) for w in widths] for rule in (False, True))
    assert plain[1] / plain[0] > 2
    assert abs(ruled[1] / ruled[0] - 1) < 0.3


def test_the_recipe_plays_at_the_rate_of_its_width_within_its_bound():
    recipe = dataclasses.replace(find_recipe("gat")[0], networks=dataclasses.replace(TINY, width=32))
    p = nn.Parameter(torch.zeros(3))
    how = recipe.steps("critic")
    optimizer = how.build([p])
    for _ in range(2):
        how.tune(optimizer, Clock())
        assert optimizer.param_groups[0]["lr"] == pytest.approx(2e-4 * 768 / 32)
    assert recipe.optimizer.norm == 1.0 and optimizer.param_groups[0]["betas"] == (0.0, 0.99)


@pytest.mark.usefixtures("double")
def test_the_authors_differences_see_the_same_noise_and_changes_twice():
    """Or the two scores of each sample would differ by those, and the term would be some 10,000 times as large."""
    exact, near = (tiny(penalties=(R1(1.0, nearby=nearby),), augment=LevelAugment()) for nearby in (0.0, 1e-3))
    near.load_state_dict(exact.state_dict())
    sizes = []
    for game in (exact, near):
        torch.manual_seed(2)
        moves = game.round(iter([batch(GREY, 256)]), Clock())
        sizes.append(next(m for m in moves if isinstance(m, Move)).terms["R1"].item())
    assert sizes[1] == pytest.approx(sizes[0], rel=0.3)


@pytest.mark.usefixtures("double")
def test_the_averaged_codes_are_part_of_the_state():
    game = tiny(TOLD)
    engine = Engine(game, lambda player: SGD(0.01))
    engine.play(iter([batch(TOLD)]), clock=Clock())
    assert game.generator.mean_code[:4].abs().sum(1).all() and not game.generator.mean_code[4].any()  # type: ignore[union-attr,operator]
    assert "generator.mean_code" in game.state_dict() and "generator.table" not in game.state_dict()
