"""Optimizers that add a gradient of their own, and schedules by images."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from saddle.clock import Clock
from saddle.data.array_dataset import ArrayDataset
from saddle.errors import Mistake
from saddle.layers.conditional import ConditionalUpBlock
from saddle.networks import Perceptron
from saddle.optim import SGD, Adam, Cosine, Geometric, Linear, Orthogonal, Over, Polynomial, RMSprop, Warmup
from saddle.recipes import find_recipe
from saddle.recipes.versus import Versus
from saddle.training.engine import Engine, Stepper
from saddle.training.machine import Machine
from saddle.training.match import Match
from toys import Batches, adversarial


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


LAYERS = {
    "linear": lambda: nn.Linear(7, 5),
    "tall": lambda: nn.Linear(3, 11),
    "one row": lambda: nn.Linear(6, 1),
    "one column": lambda: nn.Linear(1, 6),
    "convolution": lambda: nn.Conv2d(3, 5, 4),
    "of one pixel": lambda: nn.Conv2d(6, 4, 1),
    "of one channel": lambda: nn.Conv2d(1, 4, 3),
    "to one channel": lambda: nn.Conv2d(4, 1, 3),
    "transposed": lambda: nn.ConvTranspose2d(4, 3, 4, 2, 1),
    "embedding": lambda: nn.Embedding(4, 6),
}


def penalty(weight: Tensor) -> Tensor:
    """|W W^T o (1 - I)|^2, with one row for each entry of the first dimension."""
    W = weight.reshape(len(weight), -1)
    return ((W @ W.T) * (1 - torch.eye(len(W), dtype=W.dtype))).square().sum()


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels last"])
@pytest.mark.parametrize("name", LAYERS)
def test_the_added_gradient_is_the_penaltys_as_the_engine_steps(name, memory):
    layer = LAYERS[name]().double()
    layer = layer.to(memory_format=memory) if layer.weight.ndim == 4 else layer
    (due,) = torch.autograd.grad(0.3 * penalty(layer.weight), layer.weight)
    others = {key: p.detach().clone() for key, p in layer.named_parameters()}
    steppers = [Stepper(p) for p in layer.parameters()]
    optimizer = Orthogonal(SGD(0.5), 0.3).build([s.view for s in steppers])
    loss = {key: torch.randn_like(p) for key, p in layer.named_parameters()}
    for key, p in layer.named_parameters():
        p.grad = loss[key].clone()
    for stepper in steppers:
        stepper.transfer_grad()
    optimizer.step()
    for key, p in layer.named_parameters():
        added = due if key == "weight" else 0.0
        torch.testing.assert_close(p.detach(), others[key] - 0.5 * (loss[key] + added), msg=key)


def test_it_is_a_term_of_the_loss_in_a_game():
    states = []
    for own in (True, False):
        torch.manual_seed(1)
        game = adversarial().double()
        optimizer = Orthogonal(SGD(0.01), 0.02) if own else SGD(0.01)
        if not own:
            for name in ("critic", "generator"):
                with_penalty(game, name, 0.02)
        driver = Engine(game, lambda player, how=optimizer: how)
        torch.set_default_dtype(torch.float64)
        try:
            for r in range(3):
                driver.play(Batches(), clock=Clock(r))
        finally:
            torch.set_default_dtype(torch.float32)
        states.append(game.state_dict())
    for key, value in states[0].items():
        torch.testing.assert_close(value, states[1][key], rtol=0, atol=1e-12, msg=key)


def with_penalty(game: nn.Module, player: str, weight: float) -> None:
    """Let a player's moves have the penalty as a term."""
    move, net = getattr(game, f"{player}_move"), getattr(game, player)

    def moved(*args: object) -> object:
        made = move(*args)
        made.terms["orthogonal"] = weight * sum(penalty(p) for p in net.parameters() if p.ndim > 1)
        return made

    setattr(game, f"{player}_move", moved)


def test_rows_become_orthogonal_and_keep_their_lengths_apart():
    layer = nn.Linear(8, 4, bias=False).double()
    how = Orthogonal(SGD(0.05), 1.0)
    optimizer = how.build(layer.parameters())
    for _ in range(600):
        layer.weight.grad = torch.zeros_like(layer.weight)
        optimizer.step()
    gram = layer.weight.detach() @ layer.weight.detach().T
    lengths = gram.diagonal()
    torch.testing.assert_close(gram, lengths.diag(), atol=1e-3, rtol=0)
    assert lengths.min() > 0.05 and lengths.std() > 0.01  # nothing pulls them to one


def test_what_is_not_stepped_is_not_drawn_apart():
    layer = nn.Linear(8, 4)
    before = layer.weight.detach().clone()
    optimizer = Orthogonal(SGD(1.0), 1.0).build(layer.parameters())
    layer.bias.grad = torch.zeros_like(layer.bias)
    optimizer.step()
    assert torch.equal(layer.weight, before)


def test_gains_and_biases_of_classes_are_no_matrix():
    layer = ConditionalUpBlock(4, 4, 3)
    before = {name: p.detach().clone() for name, p in layer.named_parameters()}
    for p in layer.parameters():
        p.grad = torch.zeros_like(p)
    Orthogonal(SGD(1.0), 1.0).build(layer.parameters()).step()
    apart = {name for name, p in layer.named_parameters() if not torch.equal(p, before[name])}
    assert apart == {"first.2.weight", "second.1.weight", "skip.0.weight"}


@pytest.mark.parametrize("base", [Adam(1e-3), RMSprop(1e-3), SGD(1e-3)], ids=repr)
def test_its_weight_and_the_bases_rate_are_tuned(base):
    layer = nn.Linear(3, 3)
    how = Orthogonal(type(base)(Linear(1e-3, 0.0)), Linear(1.0, 0.0))
    optimizer = how.build(layer.parameters())
    how.tune(optimizer, Clock(share=0.25))
    (group,) = optimizer.param_groups
    assert group["lr"] == pytest.approx(7.5e-4) and group["orthogonal"] == 0.75
    other = how.build(layer.parameters())
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["orthogonal"] == 0.75


def by_images(schedule, *images: int) -> list[float]:
    return [schedule(Clock(round=3, images=i, share=0.5)) for i in images]


def test_over_plays_a_schedule_of_the_run_within_some_images():
    decay = Over(Linear(2.0, 1.0), images=100, after=50)
    assert by_images(decay, 0, 50, 75, 100, 150, 10**9) == [2.0, 2.0, 1.75, 1.5, 1.0, 1.0]
    cosine = Over(Cosine(3.0, 1.0), images=200)
    assert by_images(cosine, 0, 50, 100, 200, 900) == pytest.approx([3, 2 + math.sqrt(0.5), 2, 1, 1])


def test_warmup_is_a_factor_of_whatever_it_leads_to():
    assert by_images(Warmup(4.0, images=80), 0, 20, 40, 80, 1000) == [0.0, 1.0, 2.0, 4.0, 4.0]
    both = Warmup(Over(Linear(4.0, 0.0), images=100, after=100), images=50)
    assert by_images(both, 0, 25, 50, 100, 150, 200) == [0.0, 2.0, 4.0, 4.0, 2.0, 0.0]


def test_geometric_falls_by_equal_factors():
    values = [Geometric(2.0, 0.02)(Clock(share=i / 4)) for i in range(5)]
    assert values[0] == 2.0 and values[-1] == pytest.approx(0.02)
    assert [b / a for a, b in pairwise(values)] == pytest.approx([0.01**0.25] * 4)


def test_polynomial_is_a_power_of_the_share_and_linear_at_one():
    values = [Polynomial(3.0, 1.0, power)(Clock(share=0.25)) for power in (0.5, 1.0, 2.0)]
    assert values == pytest.approx([2.0, 2.5, 2.875])
    rate = find_recipe("vae-gan")[0].optimizer.lr  # of 250 epochs the 10th's, as the authors' code works it out
    assert rate(Clock(share=0.04)) == pytest.approx((0.025 - 0.04**0.75 * (0.025 - 1e-5)) / 64)


def test_schedules_by_images_reach_the_optimizers():
    driver = Engine(adversarial(), lambda player: Adam(Warmup(Over(Linear(1e-2, 0.0), 100, 100), 50)))
    for images, lr in ((25, 5e-3), (75, 1e-2), (150, 5e-3)):
        driver.play(Batches(), clock=Clock(1, images))
        assert all(o.param_groups[0]["lr"] == pytest.approx(lr) for o in driver.optimizers.values())


BOTH_BETAS = Adam(Linear(0.1, 0.2), (Linear(0.5, 0.0), Linear(0.9, 0.99)))


@pytest.mark.parametrize("kind", [{}, {"fused": True}, {"foreach": True}, {"fused": True, "capturable": True}], ids=str)
def test_betas_follow_the_clock_however_torch_takes_the_steps(kind):
    """Against Kingma and Ba's algorithm by hand, whose averages are corrected by the betas of the moment."""
    p = nn.Parameter(torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    optimizer = torch.optim.Adam([p], **kind)
    w, m, v = p.detach().clone(), torch.zeros(3).double(), torch.zeros(3).double()
    for step in range(1, 5):
        share = step / 4
        BOTH_BETAS.tune(optimizer, Clock(share=share))
        p.grad = g = torch.randn(3, dtype=torch.float64)
        optimizer.step()
        lr, a, b = 0.1 + 0.1 * share, 0.5 - 0.5 * share, 0.9 + 0.09 * share
        m, v = a * m + (1 - a) * g, b * v + (1 - b) * g * g
        w = w - lr * (m / (1 - a**step)) / ((v / (1 - b**step)).sqrt() + 1e-8)
        torch.testing.assert_close(p.detach(), w)


def test_a_match_whose_betas_change_is_resumed_to_the_bit():
    recipe = Versus(networks=Perceptron(2, width=8), optimizer=BOTH_BETAS, batch=8)
    points = ArrayDataset("points", np.random.default_rng(0).normal(size=(40, 1, 1, 2)).astype(np.float32))
    where = Machine(torch.device("cpu"), torch.float32, "")
    whole, halted, again = (Match(recipe, points, 96, where) for _ in range(3))
    while not whole.over:
        whole.play()
    while halted.clock.images < 48:
        halted.play()
    tensors, facts = halted.state()
    again.restore({key: t.clone() for key, t in tensors.items()}, json.loads(json.dumps(facts)))
    while not again.over:
        again.play()
    assert whole.state()[1] == again.state()[1]
    for key, value in whole.state()[0].items():
        assert torch.equal(value, again.state()[0][key]), key
    assert whole.state()[1]["groups"]["critic"][0]["betas"] == pytest.approx((0.5 / 12, 0.9 + 0.09 * 11 / 12))


def test_the_preset_of_r3gan_has_the_authors_second_beta():
    first, second = find_recipe("r3gan-cifar")[0].optimizer.betas
    assert first == 0 and by_images(second, 0, 10_000_000, 20_000_000, 10**9) == pytest.approx([0.9, 0.945, 0.99, 0.99])


@pytest.mark.parametrize(("make", "says"), [
    (lambda: Adam(betas=(0.0, 1.0)), r"Adam's second beta is 1.0, but should be in \[0, 1\)"),
    (lambda: Orthogonal(weight=-1), "Orthogonal's weight is -1"),
    (lambda: Orthogonal(weight=math.nan), "Orthogonal's weight is nan"),
    (lambda: Over(Linear(1.0), 0), "Over's images are 0"),
    (lambda: Over(Linear(1.0), 5, -1), "after -1 images"),
    (lambda: Warmup(1.0, 0), "Warmup's images are 0"),
    (lambda: Polynomial(1.0, 0.0, 0.0), "Polynomial's power is 0.0"),
    (lambda: Geometric(1.0, 0.0), "from 1.0 to 0.0, but equal factors need two numbers above 0"),
])  # fmt: skip
def test_mistakes(make, says):
    with pytest.raises(Mistake, match=says):
        make()
