"""Values are read as they are printed; what cannot be read is answered with the nearest right thing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from torch import nn

from saddle.cli import argv
from saddle.clock import Number
from saddle.core import Objective, Penalties, Views
from saddle.errors import Mistake
from saddle.games import Clip, Free, Turns
from saddle.layers.priors import Normal, Uniform
from saddle.networks import Convolutional, Dense
from saddle.objectives import Minimax, NonSaturating, Wasserstein
from saddle.optim import SGD, Adam, Burst, Linear, Ramp, RMSprop
from saddle.options import override_fields, parse_count, parse_value
from saddle.penalties import GradientPenalty
from saddle.recipe import Networks, Optimizing, Prior
from saddle.recipes import RECIPES, find_recipe
from saddle.recipes.kinds import VALUE_TYPES


@dataclass(frozen=True)
class Everything:
    """A recipe with a field of every type that one may have."""

    networks: Networks = Convolutional()
    objective: Objective = NonSaturating()
    penalties: Penalties = (GradientPenalty(),)
    views: Views = ()
    prior: Prior = Normal()
    optimizer: Optimizing = Adam()
    adam: Adam = Adam()
    turns: Turns = Turns()
    constraint: Callable[[nn.Module], None] = Free()
    rate: Number = 0.5
    batch: int = 64
    limit: int | None = None
    normal: bool = True
    crop: Literal["centre", "pad"] = "centre"
    channels: Literal[1, 3] | None = None
    name: str = "a"
    place: Path | None = None


def plain(kind: type) -> bool:
    try:
        return bool(kind())
    except TypeError:
        return False


@pytest.mark.parametrize("value", [
    *(find_recipe(name)[0] for name in RECIPES), *(kind() for kind in VALUE_TYPES if plain(kind)), Linear(1.0),
    Ramp(0.5, 0.7, 10),
    Adam(Linear(1e-4, 0.0, until=0.5), (0.0, 0.9)), GradientPenalty(Burst(10.0, 1.0), every=16), Uniform(3**0.5),
], ids=lambda value: type(value).__name__)  # fmt: skip
def test_what_is_printed_is_read_back(value):
    again = parse_value(repr(value), VALUE_TYPES)
    assert again == value and repr(again) == repr(value)


@pytest.mark.parametrize(("options", "same"), [
    ({"objective": "NonSaturating(target=0.9)"}, Everything(objective=NonSaturating(0.9))),
    ({"objective": "Wasserstein"}, Everything(objective=Wasserstein())),
    ({"penalties": "GradientPenalty(weight=5)"}, Everything(penalties=(GradientPenalty(5.0),))),
    ({"penalties": "GradientPenalty(1), GradientPenalty(2)"},
     Everything(penalties=(GradientPenalty(1), GradientPenalty(2)))),
    ({"penalties": "(GradientPenalty(1),)"}, Everything(penalties=(GradientPenalty(1),))),
    *(({"penalties": text}, Everything(penalties=())) for text in ("", "none", "None")),
    ({"adam.lr": "2e-4"}, Everything(adam=Adam(2e-4))),
    ({"adam.lr": "Linear(2e-4, 0)"}, Everything(adam=Adam(Linear(2e-4, 0)))),
    ({"adam.lr.stop": "1e-5", "adam.lr": "Linear(2e-4)"}, Everything(adam=Adam(Linear(2e-4, 1e-5)))),
    ({"adam.betas": "0, 0.9"}, Everything(adam=Adam(betas=(0, 0.9)))),
    ({"adam.betas": "0, Linear(0.9, 0.99)"}, Everything(adam=Adam(betas=(0, Linear(0.9, 0.99))))),
    ({"optimizer": "SGD(Ramp(1, 0, 5))", "optimizer.momentum": "0.5"},
     Everything(optimizer=SGD(Ramp(1, 0, 5), 0.5))),
    ({"networks": "Dense()", "networks.latent": "7"}, Everything(networks=Dense(latent=7))),
    ({"turns.critic": "2", "batch": "32", "constraint": "Clip(0.1)"},
     Everything(turns=Turns(2), batch=32, constraint=Clip(0.1))),
    ({"batch": "1.5k", "limit": "2M"}, Everything(batch=1500, limit=2_000_000)),
    ({"limit": "none", "normal": "false"}, Everything(normal=False)),
    ({"crop": "pad", "channels": "3"}, Everything(crop="pad", channels=3)),
    ({"name": "5, it's", "place": "a b/c"}, Everything(name="5, it's", place=Path("a b/c"))),
], ids=str)  # fmt: skip
def test_options_are_text(options, same):
    assert override_fields(Everything(), options, VALUE_TYPES) == same


@pytest.mark.parametrize(("option", "text", "says"), [
    ("objective", "Nonsaturating", "objective: there is no Nonsaturating; did you mean NonSaturating?"),
    ("objective", "hinge2", "there is no hinge2; did you mean Hinge?"),
    ("objective", "3", "objective is 3, but should be Minimax"),
    ("objective", "Normal()", r"objective is Normal\(\), but should be Minimax"),
    ("prior", "GradientPenalty", "prior is GradientPenalty.*, but should be Normal, Uniform or Gumbel"),
    ("views", "Normal()", r"views is Normal\(\), but should be"),
    ("constraint", "Linear(1)", "constraint is Linear.*, but should be Clip or Free"),
    ("optimizer", "Linear(1)", "optimizer is Linear.*, but should be Adam, RMSprop, SGD, Orthogonal, .*Lazy or Scaled"),
    ("adam", "RMSprop", "adam is RMSprop.*, but should be Adam"),
    ("networks", "Wasserstein()", "networks is Wasserstein.*, but should be Dense"),
    ("penalties", "GradientPenality(5)", "did you mean GradientPenalty"),
    ("penalties", "GradientPenalty(wieght=5)", "GradientPenalty has no field wieght; did you mean weight?"),
    ("penalties", "GradientPenalty(5, weight=5)", "GradientPenalty is given its weight twice"),
    ("penalties", "GradientPenalty(every=0.5)", "GradientPenalty.every is 0.5, but should be a whole number"),
    ("penalties", "GradientPenalty(1, 2, True, 4, 5)", "takes 4 values, not 5"),
    ("penalties", "GradientPenalty(**{})", "has no field"),
    ("penalties", "R1(", "penalties is .* should be any number of GradientPenalty,.* with commas or none$"),
    ("penalties.weight", "3", "penalties is .*, which has no options; write it as a whole"),
    ("adam.lr", "Linear()", "Linear needs start"),
    ("adam.lr", "Liner(1)", "did you mean Linear"),
    ("adam.lr", "fast", "adam.lr is 'fast', but should be a number, Linear"),
    ("adam.lr", "1 + 1", "adam.lr is '1 \\+ 1', but should be a number"),
    ("adam.betas", "0.5", "adam.betas is .*, but should be 2 of a number, Linear"),
    ("adam.betas", "0, Linear(0.9, 1.0)", "Adam's second beta is Linear.*, which reaches 1.0, but should be in"),
    ("adam.rate", "3", "Adam has no option adam.rate"),
    ("bacth", "3", "Everything has no option bacth; did you mean batch?"),
    ("batch", "abc", "batch is 'abc', but should be a whole number"),
    ("batch", "0.5", "batch is 0.5, but should be a whole number"),
    ("batch", "True", "batch is True, but should be a whole number"),
    ("rate", "True", "rate is True, but should be a number"),
    ("limit", "[1]", "limit is \\[1\\], but should be a whole number or none"),
    ("normal", "1", "normal is 1, but should be True or False"),
    ("crop", "center", "crop is 'center', but should be centre or pad"),
    ("channels", "2", "channels is 2, but should be 1, 3 or none"),
    ("turns.critic", "0", "moves in a round is 0, but should be 1 or more"),
    ("objective", "Minimax(", "objective is 'Minimax\\(' .* but should be Minimax"),
    ("objective", "__import__('os').getcwd()", "but should be Minimax"),
    ("objective", "(lambda: Minimax())()", "but should be Minimax"),
    ("objective", "Minimax.__class__", "but should be Minimax"),
    ("rate", "9" * 5000, "rate is .*, but should be a number"),
    ("rate", "-" * 100_000 + "1", "rate"),
    ("rate", "a\0b", "rate is .*, but should be a number"),
    ("batch", "", "batch is '', but should be a whole number"),
    ("batch", "3x", "batch is '3x', but should be a whole number"),
    ("batch", "1.5", "batch is 1.5, but should be a whole number"),
    ("batch", "0.0005k", "'0.0005k' is no whole number"),
])  # fmt: skip
def test_errors_teach(option, text, says):
    with pytest.raises(Mistake, match=says):
        override_fields(Everything(), {option: text}, VALUE_TYPES)


@pytest.mark.parametrize(("recipe", "networks"), [
    ("gat", "PatchTransformer(width=32)"), ("gat", "PatchTransformer(width=32, head_width=5)"),
    ("gat", "PatchTransformer(latent=8, width=32)"), ("gat", "PatchTransformer(64, 32)"),
    ("gat", "PatchTransformer(depth=5)"), ("r3gan", "GroupedResidual(width=33)"),
    ("dcgan", "Opposed(GroupedResidual(width=33))"),
])  # fmt: skip
def test_advice_on_a_field_of_what_was_written_as_a_whole_is_typed_in_its_place(recipe, networks):
    standard = find_recipe(recipe)[0]
    with pytest.raises(Mistake) as refused:
        override_fields(standard, {"networks": networks}, VALUE_TYPES)
    option, text = shlex.split(str(refused.value).rpartition("; give ")[2])
    assert option == "--networks"
    assert text.partition("(")[0] == networks.partition("(")[0]
    override_fields(standard, {"networks": text}, VALUE_TYPES)


def test_of_what_is_refused_whatever_its_fields_are_no_field_is_advised():
    @dataclass(frozen=True)
    class Never:
        width: int = 1

        def __post_init__(self):
            raise Mistake(f"Never: width is {self.width}; give --networks.width {self.width + 1}")

    with pytest.raises(Mistake, match=r"^Never: width is 5$"):
        override_fields(Everything(), {"networks": "Never(5)"}, [Never])


def test_text_runs_nothing_but_the_listed_classes():
    with pytest.raises(Mistake, match="objective is 'Minimax', but should be Wasserstein"):
        override_fields(Everything(), {"objective": "Minimax()"}, (Wasserstein,))
    assert parse_value("Minimax()", (Minimax,)) == Minimax() and RMSprop in VALUE_TYPES


def test_counts_read_as_people_write_them():
    assert [parse_count(text) for text in ("5000", "200k", "1.5M", "2.3M", "1_000", "1e5")] == [
        5000, 200_000, 1_500_000, 2_300_000, 1000, 100_000]  # fmt: skip
    for text in ("", "k", "-5", "1.2.3k", "5g", "1.5"):
        with pytest.raises(Mistake, match="is no whole number"):
            parse_count(text)


def test_an_option_reaches_through_what_a_value_is_made_of():
    told, apart = (find_recipe(name)[0] for name in ("cgan", "weak-critic"))
    assert override_fields(told, {"networks.width": "8"}, VALUE_TYPES) == override_fields(
        told, {"networks.base.width": "8"}, VALUE_TYPES
    )
    assert override_fields(apart, {"networks.critic-of.width": "8"}, VALUE_TYPES).networks.critic_of.base.width == 8
    assert (
        override_fields(told, {"optimizer": "Orthogonal()", "optimizer.lr": "1e-3"}, VALUE_TYPES).optimizer.base.lr
        == 1e-3
    )
    assert argv.find_field(find_recipe("t-gan")[0], "networks.normal") is False


@pytest.mark.parametrize(("name", "options", "sentence"), [
    ("weak-critic", {"networks.width": "8"},
     "networks.width may be networks.generator_of.width or networks.critic_of.base.width; write one of them"),
    ("cgan", {"networks.widht": "8"}, "Concatenated has no option networks.widht; did you mean width?"),
    ("cgan", {"networks.width": "8", "networks.base.width": "9"}, "networks.base.width is given twice; give it once"),
    ("cgan", {"width": "8"}, "CGAN has no option width"),
])  # fmt: skip
def test_an_option_that_reaches_nowhere_or_to_several_places_is_refused(
    name: str, options: dict[str, str], sentence: str
):
    with pytest.raises(Mistake, match=f"^{re.escape(sentence)}"):
        override_fields(find_recipe(name)[0], options, VALUE_TYPES)
