"""One residual family: what the five classes of 0.1.0 made of a seed, and how they were written, is still read."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from saddle.aliases import ALIASES, rename_call
from saddle.errors import Mistake
from saddle.layers.attention import SelfAttention
from saddle.networks import NETWORKS, ConditionalDense, Dropped, Packed, Perceptron, ResNet
from saddle.options import override_fields, parse_expression, parse_value
from saddle.recipe import Networks, Recipe
from saddle.recipes import find_recipe
from saddle.recipes.alternatives import drop_labels
from saddle.recipes.files import find_file_recipe
from saddle.recipes.kinds import VALUE_TYPES
from saddle.shape import Classes, Shape

FACTS = json.loads((Path(__file__).parent / "resnet_facts.json").read_text())  # of 0.1.0's classes, at seed 17
SMALL = {
    "Residual32": "6, 4",
    "SpectralResidual32": "6, 4, 5",
    "AttentiveResidual32": "6, 8, 16",
    "ProjectedResidual32": "6, 4, 5",
    "ClassifyingResidual32": "6, 4",
}
NOW = {
    "Residual32": ResNet(6, 4),
    "SpectralResidual32": ResNet(6, 4, 5, spectral="critic", head="sum"),
    "AttentiveResidual32": ResNet(6, 8, 16, attention=16, spectral="both", head="sum"),
    "ProjectedResidual32": ResNet(6, 4, 5, conditional=True, spectral="critic", head="projection"),
    "ClassifyingResidual32": ResNet(6, 4, conditional=True, head="classes"),
}


def digest_signs(module: nn.Module) -> str:
    """Of all that a seed gives; what is worked out by products, the u of spectral norms, differs by machine."""
    signs = hashlib.sha256()
    for key, value in module.state_dict().items():
        if not key.endswith(".u"):
            signs.update((value > 0).numpy().tobytes())
    return signs.hexdigest()


@pytest.mark.parametrize("old", FACTS)
def test_a_seed_gives_what_it_gave_and_leaves_what_it_left(old: str) -> None:
    data = Shape(1, 32, 32, Classes(3))
    torch.manual_seed(17)
    for player in ("generator", "critic"):
        module = getattr(NOW[old], player)(data)
        norms = {key: value.double().norm().item() for key, value in module.state_dict().items()}
        assert list(norms) == list(FACTS[old][player]["norms"])
        assert norms == pytest.approx(FACTS[old][player]["norms"], rel=1e-5)
        assert digest_signs(module) == FACTS[old][player]["signs"]
    assert torch.randint(2**31, (4,)).tolist() == FACTS[old]["next"]


@pytest.mark.parametrize("old", FACTS)
def test_official_widths_have_as_many_parameters_as_before(old: str) -> None:
    data = Shape(3, 32, 32, Classes(10))
    pair = read(old)
    with torch.device("meta"):
        players = pair.generator(data), pair.critic(data)
    assert [sum(p.numel() for p in player.parameters()) for player in players] == FACTS[old]["parameters"]


def read(text: str) -> Networks:
    value = parse_value(text, NETWORKS)
    assert not isinstance(value, Recipe)
    return value  # type: ignore[return-value]


@pytest.mark.parametrize("old", FACTS)
def test_old_classes_are_read_as_what_they_are_now(old: str) -> None:
    fields = ALIASES[old].fields
    values = SMALL[old].split(", ")
    named = ", ".join(f"{field}={value}" for field, value in zip(fields, values, strict=True))
    assert read(f"{old}({SMALL[old]})") == read(f"{old}({named})") == NOW[old]
    assert (
        read(old)
        == read(f"{old}()")
        == dataclasses.replace(NOW[old], latent=128, width=128, width_generator=256 if len(fields) == 3 else None)
    )
    assert read(f"Dropped(base={old}({named}))") == Dropped(NOW[old])
    assert read(f"Packed({old}({SMALL[old]}), 2)") == Packed(NOW[old], 2)


@pytest.mark.parametrize("old", FACTS)
def test_an_old_value_reads_to_the_letter_as_a_new_one(old: str) -> None:
    """So that a difference between an old run and a new one is one."""
    assert ast.unparse(rename_call(parse_expression(f"{old}({SMALL[old]})", "this", ""))) == repr(NOW[old])


def test_old_classes_are_taken_as_options() -> None:
    recipe = override_fields(find_recipe("sn-gan")[0], {"networks": "AttentiveResidual32(6, 8, 16)"}, VALUE_TYPES)
    assert recipe.networks == NOW["AttentiveResidual32"]  # type: ignore[attr-defined]
    recipe = override_fields(recipe, {"networks.spectral": "none", "networks.width-generator": "none"}, VALUE_TYPES)
    assert recipe.networks == ResNet(6, 8, attention=16, head="sum")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Residual32(6, 4, 5)", "Residual32 takes 2 values, not 3"),
        ("Residual32(6, latent=4)", "latent twice"),
        ("Residual32(depth=4)", "ResNet has no field depth"),
        ("ResNet(attention=-1)", "attention is -1, but should be 0 or more"),
        ("ResNet(widest=-8)", "widest is -8, but should be 0 or more"),
        ("ResNet(width_generator=0)", "width_generator is 0"),
        ("ResNet(head=most)", "head"),
    ],
)
def test_wrong_values_are_refused(text: str, words: str) -> None:
    with pytest.raises(Mistake, match=words):
        parse_value(text, NETWORKS)


def test_a_class_of_ones_own_wins_over_an_old_name() -> None:
    @dataclasses.dataclass(frozen=True)
    class Residual32:
        depth: int = 3

    assert parse_value("Residual32(4)", (*NETWORKS, Residual32)) == Residual32(4)


def test_files_of_ones_own_import_the_old_classes_from_where_they_were(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from saddle.networks import ClassifyingResidual32, Residual32\n"
        "from saddle.networks.attentive import AttentiveResidual32\n"
        "from saddle.networks.projection import ProjectedResidual32\n"
        "from saddle.networks.spectral import SpectralResidual32, summing\n"
        "from saddle.recipes.wgan_gp import WGANGP\n"
        "from saddle.networks import Pair\n"
        "five = (Residual32(6, 4), SpectralResidual32(6, 4, 5), AttentiveResidual32(6, 8, 16),\n"
        "        ProjectedResidual32(latent=6, width=4, width_generator=5), ClassifyingResidual32(6, width=4))\n"
        "mine = WGANGP(Pair(five[0], five[1]))\n"
    )
    recipe, entry = find_file_recipe(f"{tmp_path / 'mine.py'}:mine")
    assert list(sys.modules[entry.module].five) == list(NOW.values())
    assert recipe.networks.generator_of == NOW["Residual32"]  # type: ignore[attr-defined]


def test_labels_are_dropped_without_giving_up_the_rest() -> None:
    told, data = read("ProjectedResidual32(6, 4, 5)"), Shape(1, 32, 32)
    assert drop_labels(told, data) == ResNet(6, 4, 5, spectral="critic", head="sum")
    assert drop_labels(NOW["ClassifyingResidual32"], data) == ResNet(6, 4)
    assert isinstance(drop_labels(ConditionalDense(), Shape(2, 1, 1)), Perceptron)
    with pytest.raises(Mistake, match="no labels"):
        told.critic(data)


@pytest.mark.parametrize("side", [8, 16])
def test_attention_is_at_the_side_that_was_asked_for_in_both_players_told_or_not(side: int) -> None:
    data, seen = Shape(1, 32, 32, Classes(3)), []
    pair, labels = ResNet(6, 8, attention=side, conditional=True), torch.tensor([0, 1])
    generator, critic = pair.generator(data), pair.critic(data)
    for module in (*generator.modules(), *critic.modules()):
        if isinstance(module, SelfAttention):
            module.register_forward_hook(lambda layer, inputs, out: seen.append(out.shape[2:]))
    critic(generator(torch.randn(2, 6), labels), labels)
    assert seen == [(side, side)] * 2


@pytest.mark.parametrize(("side", "same"), [(28, 2), (32, 2), (48, 1), (64, 1), (128, 1)])
def test_sizes_follow_from_the_data(side: int, same: int) -> None:
    pair, data = ResNet(6, 4, widest=16), Shape(3, side, side)
    generator, critic = pair.generator(data), pair.critic(data)
    assert critic(generator(torch.randn(2, 6))).score.shape == (2,)
    assert sum(isinstance(block.skip, nn.Identity) for block in critic.trunk if hasattr(block, "skip")) == same


def test_wide_networks_at_128_have_the_blocks_of_biggan() -> None:
    """Its counts at 96 channels, but for attention, the class and what conditions normalisation."""
    pair, data = ResNet(width=96, widest=1536), Shape(3, 128, 128)
    with torch.device("meta"):
        blocks = [m for m in pair.critic(data).modules() if hasattr(m, "skip")]
        up = [m for m in pair.generator(data).modules() if hasattr(m, "skip")]
    assert [count(b) for b in blocks] == [86_112, 516_672, 2_065_536, 8_259_840, 33_034_752, 42_470_400]
    theirs = [45_740_544, 17_789_184, 4_618_368, 1_240_128, 352_800]
    widths = [1536, 1536, 768, 384, 192, 96]
    conditions = [2 * 148 * (a + b) - 2 * (a + b) for a, b in pairwise(widths)]  # gains and biases, of 148 numbers
    assert [count(b) for b in up] == [n - more for n, more in zip(theirs, conditions, strict=True)]


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_attention_lies_where_both_players_have_such_maps_also_of_rectangles() -> None:
    data, seen = Shape(1, 32, 48, Classes(3)), []
    pair = ResNet(6, 8, attention=16, conditional=True, widest=16, head="projection")
    generator, critic, labels = pair.generator(data), pair.critic(data), torch.tensor([0, 1])
    for module in (*generator.modules(), *critic.modules()):
        if isinstance(module, SelfAttention):
            module.register_forward_hook(lambda layer, inputs, out: seen.append(tuple(out.shape[1:])))
    critic(generator(torch.randn(2, 6), labels), labels)
    assert seen == [(16, 16, 24), (8, 16, 24)]
