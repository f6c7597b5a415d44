"""R3GAN's networks as they begin, its slopes under augmentation, and the rule for what data and runs are given."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from saddle.batches import Images
from saddle.clock import Clock, value_at
from saddle.core import Judge, Move, as_leaf
from saddle.errors import Mistake
from saddle.games import Adversarial
from saddle.layers.augment import Augment
from saddle.layers.residual import ResidualBlock
from saddle.networks import ConditionalGroupedResidual, GroupedResidual
from saddle.objectives import Relativistic
from saddle.options import override_fields
from saddle.penalties import R1, R2
from saddle.recipes import find_recipe
from saddle.recipes.kinds import VALUE_TYPES
from saddle.recipes.r3gan import R3GAN, augmentation_for, plan_r3gan
from saddle.shape import Classes, Shape

COLOUR = Shape(3, 32, 32)
LABELLED = Shape(3, 32, 32, Classes(5))
NARROW = GroupedResidual(8, 32)
NARROW_LABELLED = ConditionalGroupedResidual(8, 32, embedding=4)
ENDS = {"optimizer.lr": (2e-4, 5e-5), "second beta": (0.9, 0.99), "gamma": (0.05, 0.005),
        "half-life": (0, 5e6), "p": (0, 0.55)}  # fmt: skip


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(("pair", "data"), [(NARROW, COLOUR), (NARROW_LABELLED, LABELLED),
                                            (replace(NARROW, patch=2, blocks=1), Shape(1, 28, 20))])  # fmt: skip
def test_every_block_begins_as_the_identity_and_so_the_critic_is_linear(pair, data):
    G, D = pair.generator(data), pair.critic(data)
    blocks = [m for network in (G, D) for m in network.modules() if isinstance(m, ResidualBlock)]
    assert len(blocks) == 2 * pair.blocks * len(pair.widths(data))
    for block in blocks:
        x = torch.randn(2, block.main[0].in_channels, 4, 4)
        assert torch.equal(block(x), x)
    labels = torch.arange(4) % 5 if data.classes else None
    a, b = torch.randn(2, 4, *data[:3])
    torch.testing.assert_close(
        D(2 * a - b, labels).score, 2 * D(a, labels).score - D(b, labels).score, atol=1e-4, rtol=1e-3
    )
    assert not D(torch.zeros(4, *data[:3]), labels).score.any()


@pytest.mark.parametrize(("pair", "data"), [(replace(NARROW, width=64), COLOUR),
                                            (replace(NARROW_LABELLED, width=64), LABELLED)])  # fmt: skip
def test_the_first_scores_are_small_and_the_first_loss_is_log_2(pair, data):
    labels = torch.arange(32) % 5 if data.classes else None
    G, D = pair.generator(data), pair.critic(data)
    with torch.no_grad():
        real = D(torch.rand(32, *data[:3]) * 2 - 1, labels).score
        fake = D(G(torch.randn(32, 8), labels), labels).score
    assert real.abs().mean() < 0.5 and fake.abs().mean() < 0.5
    assert Relativistic().critic(real, fake).item() == pytest.approx(math.log(2), abs=0.2)
    assert Relativistic().generator(real, fake).item() == pytest.approx(math.log(2), abs=0.2)


def test_a_label_is_told_to_both_players():
    G, D = NARROW_LABELLED.generator(LABELLED), NARROW_LABELLED.critic(LABELLED)
    z, x = torch.randn(1, 8).expand(2, -1), torch.randn(1, 3, 32, 32).expand(2, -1, -1, -1)
    two = torch.tensor([0, 1])
    assert not torch.allclose(*G(z, two)) and D(x, two).score[0] != D(x, two).score[1]
    judged = D(x, two)
    torch.testing.assert_close(judged.score, (judged.features * D.vectors(two)).sum(1))
    with pytest.raises(Mistake, match="no labels"):
        NARROW_LABELLED.critic(COLOUR)


def test_maps_of_patches_are_smaller_and_as_wide_as_is_said():
    data = Shape(3, 256, 256)
    assert GroupedResidual(8, 64).widths(data) == [64, 64, 64, 64, 32, 16, 8]
    assert replace(NARROW, width=64, patch=4, full=1, narrowest=24).widths(data) == [64, 64, 32, 24, 24]
    assert replace(NARROW, patch=2).pyramid(Shape(3, 32, 48)).start == (4, 6)
    made = replace(NARROW, patch=2).generator(data)
    assert made(torch.randn(1, 8)).shape == (1, 3, 256, 256) and isinstance(made[-1], nn.PixelShuffle)
    refused = {"patch": (3, "should be 1, 2, 4"), "full": (-1, "0 or more"), "narrowest": (0, "at least 1")}
    for field, (wrong, said) in refused.items():
        with pytest.raises(Mistake, match=said):
            replace(NARROW, **{field: wrong})
    with pytest.raises(Mistake, match=r"halved 3 times or more .*give --size 32$"):
        replace(NARROW, patch=8).generator(Shape(1, 28, 28))


@pytest.mark.parametrize("nearby", [0.0, 0.01])
def test_slopes_are_those_of_what_was_not_augmented_yet(nearby):
    x = torch.randn(6, 3, 16, 16)

    class Bright(nn.Module):
        """A view by which the critic's slope is three times as steep."""

        def forward(self, sample, clock):
            return 3 * sample + 1

    critic = replace(NARROW, width=16).critic(Shape(3, 16, 16))
    values = []
    for views in ((), (Bright(),)):
        torch.manual_seed(1)
        judge = Judge(critic, Clock(), None, views)
        at = judge(as_leaf(x))
        values.append(R1(nearby=nearby)(judge, at, at))
    torch.testing.assert_close(values[1], 9 * values[0], rtol=1e-3, atol=0)


def test_augmentation_is_replayed_between_two_points_nearby():
    """Else the difference would be that of two augmentations, which is no smaller nearby."""
    D = replace(NARROW, width=16).critic(Shape(3, 16, 16))
    x = torch.randn(32, 3, 16, 16)
    values = {}
    for p in (0.0, 0.9):
        judge = Judge(D, Clock(), None, (Augment(p),))
        at = judge(x)
        values[p] = R1(nearby=1e-3)(judge, at, at).item()
    assert values[0.9] < 10 * values[0.0]


@pytest.mark.parametrize("name", ["r3gan-cifar", "r3gan-cifar-labelled"])
def test_the_authors_schedules(name):
    recipe = find_recipe(name)[0]
    beta = recipe.optimizer.betas[1]
    numbers = {"optimizer.lr": recipe.optimizer.lr, "second beta": beta, "gamma": recipe.penalties[0].weight,
               "half-life": recipe.average.images, "p": recipe.views[0].p}  # fmt: skip
    for images, part in ((0, 0), (10_000_000, 0.5), (20_000_000, 1), (200_000_000, 1)):
        clock = Clock(images=images, share=images / 2.5e8)
        for what, number in numbers.items():
            first, last = ENDS[what]
            assert value_at(number, clock) == pytest.approx(first + part * (last - first)), what
    assert recipe.penalties == (R1(recipe.penalties[0].weight), R2(recipe.penalties[0].weight))


def test_the_rule_meets_what_it_was_fitted_to():
    cifar = plan_r3gan(Shape(3, 32, 32, Classes(10)), 50_000, 250_000_000, "gpu")
    assert cifar.networks == ConditionalGroupedResidual(narrowest=16) and cifar.batch == 256
    assert value_at(cifar.views[0].p, Clock(images=20_000_000)) == pytest.approx(0.54)
    assert cifar.average.images == 5_000_000
    imagenet = plan_r3gan(Shape(3, 64, 64, Classes(1000)), 1_281_167, 1_000_000_000, "gpu")
    assert imagenet.networks == find_recipe("r3gan-imagenet-64")[0].networks and imagenet.batch == 4096
    assert value_at(imagenet.penalties[0].weight, Clock(images=200_000_000)) == pytest.approx(0.15)
    assert [augmentation_for(passes) for passes in (1, 10, 100, 1000, 1e6)] == [0, 0, 0.2, 0.4, 0.55]


@pytest.mark.parametrize("compute", ["processor", "gpu"])
@pytest.mark.parametrize("data", [Shape(1, 28, 28), Shape(3, 48, 64), Shape(4, 32, 32, Classes(7)), Shape(3, 128, 128),
                                  Shape(3, 512, 512), Shape(3, 1024, 1024, Classes(1))], ids=str)  # fmt: skip
def test_the_rule_has_networks_for_any_picture_and_run(data, compute):
    for samples, images in ((300, 20_000), (60_000, 3_000_000), (1_300_000, 10**9)):
        recipe = plan_r3gan(data, samples, images, compute)
        with torch.device("meta"):
            game = recipe.game(data)
            made = game.generator(
                torch.zeros(2, game.latent), torch.zeros(2, dtype=torch.int64) if data.classes > 1 else None
            )
        assert made.shape[1:] == data[:3]
        assert eval(repr(recipe), names()) == recipe  # as a manifest keeps it


def names() -> dict[str, object]:
    import saddle.averaging
    import saddle.layers.augment
    import saddle.layers.priors
    import saddle.networks
    import saddle.objectives
    import saddle.optim
    import saddle.penalties
    from saddle.games import Free, Turns

    found: dict[str, object] = {"R3GAN": R3GAN, "Free": Free, "Turns": Turns}
    for module in (saddle.networks, saddle.optim, saddle.objectives, saddle.penalties, saddle.averaging,
                   saddle.layers.priors, saddle.layers.augment):  # fmt: skip
        found |= vars(module)
    return found


def test_a_run_of_nearby_penalties_goes_by_one_more_pass_each():
    game = Adversarial(NARROW.generator(COLOUR), NARROW.critic(COLOUR), 8, Relativistic(),
                       (R1(1.0, nearby=0.01), R2(1.0, nearby=0.01, share=0.5)))  # fmt: skip
    shown: list[int] = []
    game.critic.register_forward_pre_hook(lambda module, args: shown.append(len(args[0])))
    moves = [turn for turn in game.round(iter([Images(torch.randn(4, 3, 32, 32))]), Clock()) if isinstance(turn, Move)]
    assert shown == [4, 4, 4, 2, 4, 4] and set(moves[0].terms) == {"adversarial", "R1", "R2"}
    typed = override_fields(R3GAN(), {"penalties": "R1(1, nearby=0.01), R2(1, nearby=0.01, share=0.25)"}, VALUE_TYPES)
    assert typed.penalties == (R1(1, nearby=0.01), R2(1, nearby=0.01, share=0.25))
