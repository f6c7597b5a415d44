"""What fits a slot, a part with a memory too; words without quotes; how what is missing is written."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from narrow import small
from saddle.clock import Clock
from saddle.core import Judged, Memory, Penalties, Penalty, Remembers, View, Views
from saddle.errors import Mistake
from saddle.games import Gated
from saddle.games.adversarial import Adversarial
from saddle.hints import example_text, fits_type
from saddle.layers import PRIORS, VIEWS
from saddle.layers.views import Noise
from saddle.networks import Bidirectional, Perceptron
from saddle.objectives import FDivergence
from saddle.optim import SCHEDULES
from saddle.options import override_fields, parse_value
from saddle.penalties import PENALTIES, R1, LeCam
from saddle.recipe import PairNetworks
from saddle.recipes import find_recipe
from saddle.recipes.kinds import VALUE_TYPES
from saddle.shape import Shape

DATA = Shape(2, 1, 1)


class Usual(Memory):
    """The mean of all reals, taken away: a view that remembers."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, sample: Tensor, clock: Clock) -> Tensor:
        return sample - self.mean

    def observe(self, real: Judged, fake: Judged) -> Tensor:
        return real.sample.mean()

    def update(self, mean: Tensor) -> None:
        self.mean.copy_(mean)


@dataclass(frozen=True)
class Centred:
    def memory(self) -> Usual:
        return Usual()


def test_a_part_with_a_memory_fits_where_its_memory_does():
    assert fits_type(LeCam, Remembers[Penalty]) and not fits_type(LeCam, Remembers[View])
    assert fits_type(Centred, Remembers[View]) and not fits_type(Centred, Remembers[Penalty])
    for kinds, hint in ((PENALTIES, Penalties), (VIEWS, Views)):
        (item, _) = hint.__args__
        assert {kind for kind in VALUE_TYPES if fits_type(kind, item)} == set(kinds)


@pytest.mark.parametrize(("options", "says"), [
    ({"views": "LeCam()"}, r"^views is LeCam\(.*\), but should be Noise, Augment, ADA or DiffAugment$"),
    ({"views": "R1"}, r"^views is R1\(.*\), but should be Noise, Augment, ADA or DiffAugment$"),
    ({"views": "Wrong"}, "^views is 'Wrong', but should be Noise, Augment, ADA or DiffAugment$"),
    ({"penalties": "Noise()"}, r"^penalties is Noise\(.*\), but should be GradientPenalty, .* or PullingAway$"),
])  # fmt: skip
def test_the_command_line_offers_what_fits(options: dict[str, str], says: str):
    with pytest.raises(Mistake, match=says):
        override_fields(find_recipe("dcgan")[0], options, VALUE_TYPES)


def test_a_protocol_asks_for_what_those_ask_that_it_derives_from():
    """A pair without an encoder has a critic, and so all that PairNetworks says itself."""
    assert fits_type(Bidirectional, PairNetworks) and not fits_type(Perceptron, PairNetworks)
    with pytest.raises(Mistake, match=r"^networks is Convolutional\(.*, but should be Bidirectional, "):
        override_fields(find_recipe("bigan")[0], {"networks": "Convolutional()"}, VALUE_TYPES)


@pytest.mark.parametrize(("slots", "says"), [
    ({"views": (LeCam(),)}, "^LeCam is a term of a loss, not what the critic sees; give it in penalties$"),
    ({"views": (R1(),)}, "^R1 is a term of a loss, not what the critic sees; give it in penalties$"),
    ({"views": (0.1,)}, r"^float is not what the critic sees; give views such as Noise\(0.1\)$"),
    ({"penalties": (Noise(),)}, "^Noise is no term of a loss; give what the critic sees in views$"),
    ({"generator_penalties": (Centred(),)}, "^Usual is no term of a loss; give what the critic sees in views$"),
])  # fmt: skip
def test_a_game_refuses_what_is_in_the_wrong_slot(slots: dict[str, tuple[object, ...]], says: str):
    nets = Perceptron(width=4, depth=1)
    with pytest.raises(Mistake, match=says):
        Adversarial(nets.generator(DATA), nets.critic(DATA), 2, **slots)
    assert Adversarial(nets.generator(DATA), nets.critic(DATA), 2, views=(Noise(), Centred()), penalties=(LeCam(),))


@pytest.mark.parametrize(("text", "value"), [
    ("Noise(0.1, uniform)", Noise(0.1, "uniform")), ("Noise(kind=uniform)", Noise(kind="uniform")),
    ("FDivergence(kl)", FDivergence("kl")), ("FDivergence(reverse-kl)", FDivergence("reverse-kl")),
    ("FDivergence('jensen-shannon')", FDivergence()),
])  # fmt: skip
def test_words_need_no_quotes(text: str, value: object):
    assert parse_value(text, VALUE_TYPES) == value


@pytest.mark.parametrize(("text", "says"), [
    ("Noise(0.1, unifrom)", "^Noise.kind is 'unifrom', but should be normal or uniform$"),
    ("FDivergence(reverse-hl)", "^FDivergence.name is 'reverse - hl', but should be total-variation, kl"),
    ("Noise(uniform)", "^Noise.std is 'uniform', but should be a number, Linear"),
    ("Swapped()", r"^Swapped needs objective, such as Swapped\(objective=Minimax\(\)\)$"),
    ("Over()", r"such as Over\(schedule=Linear\(start=1.0\), images=1000\)$"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_words(text: str, says: str):
    with pytest.raises(Mistake, match=says):
        parse_value(text, VALUE_TYPES)


@pytest.mark.parametrize("kind", [*SCHEDULES, *PRIORS, *PENALTIES], ids=lambda kind: kind.__name__)
def test_an_example_can_be_written(kind: type):
    assert isinstance(
        parse_value(example_text(kind, {known.__name__: known for known in VALUE_TYPES}), VALUE_TYPES), kind
    )


def test_without_a_gate_everyone_learns_always():
    gated = replace(small("accuracy-gate"), networks=Perceptron(width=4, depth=1))
    assert isinstance(gated.game(DATA), Gated)
    for text in ("none", "None"):
        assert type(override_fields(gated, {"gate": text}, VALUE_TYPES).game(DATA)) is Adversarial
