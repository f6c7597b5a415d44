"""Where a round's time goes; and that nobody's gradients are taken who does not move."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from narrow import shape, small
from saddle import train
from saddle.clock import Clock
from saddle.networks import Convolutional, Perceptron
from saddle.recipes.dcgan import DCGAN
from saddle.recipes.rehearsal import RepeatedBatch, random_batch
from saddle.recipes.round_cost import CostCounter, count_round
from saddle.recipes.round_profile import KINDS, REST, profile_round
from saddle.shape import Shape
from saddle.training.engine import Engine
from saddle.training.machine import Machine
from typed import Say

CPU = Machine(torch.device("cpu"), torch.float32, "")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def test_operations_are_those_of_the_layers_and_of_nobody_who_does_not_move():
    recipe, n = DCGAN(networks=Perceptron(latent=3, width=16, depth=2), batch=8), 8
    sizes = (3, 16, 16, 2), (2, 16, 16, 1)
    (first_g, *_), (first_d, *_) = layers = [[a * b for a, b in pairwise(widths)] for widths in sizes]
    G, D = map(sum, layers)
    critics = 2 * D + 2 * D + 2 * (D - first_d)  # real and fake: forwards, weights, and what is behind the first layer
    generators = G + D + D + G + (G - first_g)  # of the critic the way back alone, and none of its weights
    found = profile_round(recipe, Shape(2, 1, 1), CPU)
    assert found.batch == found.whole == n and found.operations == 2 * n * (critics + generators)
    counted = count_round(recipe, Shape(2, 1, 1))
    assert counted is not None and counted.flops == found.operations


def test_kinds_add_up_to_the_round():
    found = profile_round(DCGAN(networks=Convolutional(width=4), batch=4), Shape(1, 16, 16), CPU)
    assert sum(found.kinds.values()) == pytest.approx(found.seconds, rel=1e-6)
    assert min(found.kinds.values()) > 0
    seen = {"convolutions, forward", "convolutions, backward", "normalisation", "optimizer", "average", REST}
    assert seen <= {*found.kinds} <= {*KINDS}
    assert "convolutions, second derivative" not in found.kinds
    assert min(found.moved, found.peak, found.product_rate, found.copy_rate) > 0
    assert found.images == found.batch == 4


def test_second_derivatives_are_told_apart():
    found = profile_round(small("r1"), shape("r1"), CPU)
    assert found.kinds["convolutions, second derivative"] > 0


def test_a_grouped_convolution_costs_as_many_operations_backwards_for_each_slope():
    x, weight = torch.ones(2, 8, 5, 5, requires_grad=True), torch.ones(8, 2, 3, 3, requires_grad=True)
    for over, times in (((x, weight), 3), ((x,), 2)):
        with CostCounter() as counter:
            y = torch.conv2d(x, weight, padding=1, groups=4)
            torch.autograd.grad(y.sum(), over)
        assert counter.flops == times * 2 * 2 * 25 * weight.numel()


class Slopes(TorchDispatchMode):
    """Which slopes of which convolutions are taken, turn by turn."""

    def __init__(self):
        super().__init__()
        self.turn, self.taken = 0, Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.convolution_backward.default and not args[7]:  # the generator's are transposed
            for name, wanted in zip(("input", "weight"), args[-1], strict=False):
                self.taken[self.turn, tuple(args[2].shape), name] += wanted
        return function(*args, **(kwargs or {}))


def test_the_critics_weights_have_no_slopes_in_the_generators_turn():
    recipe, data = DCGAN(networks=Convolutional(width=4), batch=4), Shape(3, 16, 16)
    game = recipe.game(data)
    engine = Engine(game, recipe.steps)
    slopes = Slopes()

    def between():
        slopes.turn += 1

    with slopes:
        engine.play(RepeatedBatch(random_batch(recipe.batch_type, data, 4, CPU.device)), clock=Clock(), between=between)
    weights = [tuple(layer.weight.shape) for layer in game.critic.modules() if isinstance(layer, torch.nn.Conv2d)]
    done = [size for size in weights if slopes.taken[1, size, "weight"]]  # one that sees all is a matrix product
    assert len(done) >= 2 and slopes.turn == 3
    for size in done:
        assert slopes.taken[1, size, "weight"] == 2 and slopes.taken[2, size, "weight"] == 0
        assert slopes.taken[2, size, "input"] == 1
    first = weights[0]
    assert slopes.taken[1, first, "input"] == 0  # nor has what the critic looks at


def test_a_run_is_profiled_as_it_is_trained(say: Say, home: Path):
    made = train("r1-toy", images=32, out=home / "run", pictures=0, quiet=True, accumulate=2,
                 options={"networks": "Perceptron(width=8)", "batch": "16"})  # fmt: skip
    code, told, _ = say(f"profile {made}")
    assert code == 0 and "a round of 8 samples takes" in " ".join(told.split())
    code, _, complaint = say(f"profile {made} --size 32")
    assert code == 2 and "--data and the rest are for recipes" in complaint


def test_the_command_tells_it_in_words_and_to_programs(say: Say):
    code, told, _ = say("profile r1-toy --networks Perceptron(width=8) --batch 16 --json found.json")
    assert code == 0 and "a round of 16 samples takes" in " ".join(told.split()) and "products, backward" in told
    found = json.loads(Path("found.json").read_text())
    assert found["of"] == "r1-toy" and sum(found["kinds"].values()) == pytest.approx(found["seconds"])
    assert found["product_share"] > 0 and found["copy_share"] > 0
