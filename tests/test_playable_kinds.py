"""A refusal names what can be played in the place of what was given, and does as it says itself."""

from __future__ import annotations

import dataclasses

import pytest

from saddle.errors import Mistake
from saddle.recipes import find_recipe
from saddle.recipes.assumed import assumed_columns
from saddle.recipes.changes import advised_changes
from saddle.recipes.rehearsal import rehearse
from saddle.recipes.revive import configure_recipe
from saddle.runs.settings import Settings
from saddle.sessions import train
from saddle.shape import Classes, Shape
from saddle.training.machine import find_machine

GLYPHS = Shape(1, 32, 32, Classes(62))


def refusal(name: str, options: dict[str, str], source: str | None = None) -> str:
    with pytest.raises(Mistake) as told:
        configure_recipe(name, options, source)
    return str(told.value)


@pytest.mark.parametrize(("name", "option", "text", "says"), [
    ("vae-gan", "networks", "Convolutional()", "networks is Convolutional(.*), but should be ConvolutionalVAEGAN"),
    ("bigan", "networks", "Convolutional()", ".* should be Bidirectional, DenseBidirectional or MaxoutBidirectional"),
    ("bigan", "networks", "Bidirectonal()", "networks: there is no Bidirectonal; did you mean Bidirectional?"),
    ("vae-gan", "gate", "Noise()", "gate is Noise(.*), but should be EquilibriumGate or none"),
])  # fmt: skip
def test_of_classes_only_those_are_named_whose_values_can_be_played(name: str, option: str, text: str, says: str):
    said = refusal(name, {option: text})
    start, dots, end = says.rpartition(".*")
    assert said.startswith(start) and said.endswith(end) and (dots or said == says)
    for kind in said.rpartition("should be ")[2].replace(" or ", ", ").split(", ") if "should be" in said else ():
        if kind != "none":
            rehearse(configure_recipe(name, {option: f"{kind}()"}), GLYPHS, find_machine("cpu", "float32"))


@pytest.mark.parametrize(("name", "text", "meant"), [
    ("dcgan", "Convolutional2(width=8)", "Convolutional(width=8)"),
    ("dcgan", "packd(Convolutional(width=8), 2)", "Packed(Convolutional(width=8), 2)"),
    ("began", "MirrordAutoencoding(8, width=8)", "MirroredAutoencoding(8, width=8)"),
])  # fmt: skip
def test_a_slip_is_answered_by_the_nearest_name_that_can_be_played(name: str, text: str, meant: str):
    wrong, right = text.partition("(")[0], meant.partition("(")[0]
    assert refusal(name, {"networks": text}) == f"networks: there is no {wrong}; did you mean {right}?"
    rehearse(configure_recipe(name, {"networks": meant}), GLYPHS, find_machine("cpu", "float32"))


@pytest.mark.parametrize(("name", "text", "instead"), [
    ("began", "Convolutinal()", "DenseAutoencoding, Autoencoding or MirroredAutoencoding"),
    ("ac-gan", "ConditionalGroupedResidal()", "ClassifyingConvolutional or Classifying"),
])  # fmt: skip
def test_a_slip_that_is_near_only_to_what_is_refused_is_answered_by_what_is_not(name: str, text: str, instead: str):
    assert refusal(name, {"networks": text}) == f"networks is {text[:-2]!r}, but should be {instead}"


def test_they_are_tried_where_they_would_stand_on_the_data_that_are_named():
    inner = refusal("dcgan", {"networks": "Packed(Noise())", "batch": "8"})
    assert inner.startswith("Packed.base is Noise(") and "Convolutional, " in inner and "Opposed" not in inner
    assert refusal("dcgan", {"networks": "Noise()"}, "ring").endswith(
        "should be Dense, Perceptron, MaxoutPerceptron, OrthogonalPerceptron or DenseAutoencoding"
    )


def test_beside_what_is_wrong_as_well_they_are_tried_without_it():
    assert refusal("vae-gan", {"networks": "Convolutional()", "objective": "Wasserstein()"}).endswith(
        "but should be ConvolutionalVAEGAN"
    )
    assert "but should be Noise, Augment, ADA or DiffAugment" in refusal("dcgan", {"views": "Hinge(), R1()"})


def test_numbers_and_words_may_stand_beside_classes():
    assert refusal("vae-gan", {"gamma": "Noise()"}).startswith(
        "gamma is Noise(std=0.1, kind='normal'), but should be a number, Linear, "
    )


def test_in_python_too():
    with pytest.raises(Mistake, match=r"but should be ConvolutionalVAEGAN$"):
        train("vae-gan", options={"networks": "Convolutional()"}, images=64)
    other = dataclasses.replace(find_recipe("vae-gan")[0], batch=8)  # type: ignore[type-var]
    with pytest.raises(Mistake, match=r"but should be ConvolutionalVAEGAN$"):
        train(other, options={"networks": "Convolutional()"}, images=64)


@pytest.mark.parametrize(("name", "said", "advised"), [
    ("sagan", "attention is 16; give --networks.attention 24", [({"networks.attention": "24"}, {})]),
    ("pggan", "x; give --fade 600 --stable 600 --last 2400", [({"fade": "600", "stable": "600", "last": "2400"}, {})]),
    ("cyclegan", "x; give --identity 0, or --channels 3", [({"identity": "0"}, {})]),
    ("dcgan", "x; give --size 48x64, or take the recipe dcgan", []),
    ("cgan", "x; take --data glyphs --size 32", []),
    ("dcgan", 'x; give --networks "Packed(Perceptron(), 2)", or --views \'Noise(0.1, "uniform")\'',
     [({"networks": "Packed(Perceptron(), 2)"}, {}), ({"views": 'Noise(0.1, "uniform")'}, {})]),
    ("dcgan", "--batch 8 is odd; raise --batch, or lower --accumulate", []),
])  # fmt: skip
def test_what_a_refusal_advises_is_read_behind_its_reason(name: str, said: str, advised: list[object]):
    assert list(advised_changes(said, find_recipe(name)[0])) == advised


def test_what_data_have_is_assumed_by_their_name_and_size():
    _, entry = find_recipe("dcgan")
    pictures = assumed_columns(entry, ("image", "label"), size="48x64")
    assert pictures["image"].shape[:3] == (1, 48, 64)  # type: ignore[union-attr]
    assert assumed_columns(entry, ("image",), "ring")["image"].shape.points  # type: ignore[union-attr]
    assert Settings().size is None and assumed_columns(entry, ("image",))["image"].shape[:3] == (1, 32, 32)  # type: ignore[union-attr]


def test_networks_of_styles_are_refused_where_growing_ones_take_latents():
    recipe = configure_recipe("pggan", {"networks": "Styled()"})
    with pytest.raises(Mistake, match=r'by way of styles; give --networks "Progressive\(\)"'):
        rehearse(recipe, GLYPHS, find_machine("cpu", "float32"))
    rehearse(configure_recipe("pggan", {"networks": "Progressive()"}), GLYPHS, find_machine("cpu", "float32"))
