"""What makes no sense together is refused when the game is made, and what the refusal proposes is then played."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from narrow import narrow
from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import required_conditions
from saddle.errors import Mistake
from saddle.layers.minibatch import MinibatchDiscrimination
from saddle.layers.spectral import add_spectral_norm
from saddle.networks import (
    Autoencoding,
    Classifying,
    Concatenated,
    ConditionalDense,
    DenseAutoencoding,
    GroupedResidual,
    MinibatchDiscriminating,
    Opposed,
    Packed,
    Perceptron,
    Projected,
    Spectral,
)
from saddle.objectives import Energy, Wasserstein
from saddle.options import override_fields
from saddle.recipe import Recipe
from saddle.recipes import find_recipe
from saddle.recipes.kinds import VALUE_TYPES
from saddle.shape import Classes, Shape
from saddle.training.engine import Engine
from toys import Batches

DATA = Shape(1, 16, 16, Classes(3))
TOLD = "Concatenated(Packed(...))"
REFUSED = [  # a recipe, its options as they are typed, the remedy that the refusal names, and how that is typed
    ("t-gan", {"networks": "Convolutional()"}, "give networks .* Opposed(Convolutional())",
     "t-gan", {"networks": "Opposed(Convolutional())"}),
    ("t-gan", {"networks": "Projected(Perceptron())"}, "Opposed(Convolutional())",
     "t-gan", {"networks": "Opposed(Convolutional())"}),
    ("dcgan", {"networks": "Opposed(Convolutional())"}, "take the recipe t-gan, or networks without Opposed",
     "t-gan", {"networks": "Opposed(Convolutional())"}),
    ("consensus", {"networks": "Spectral(Opposed(Perceptron()))"}, "take the recipe t-gan",
     "t-gan", {"networks": "Spectral(Opposed(Perceptron()))"}),
    *(("dcgan", {"objective": objective}, "give networks that autoencode, DenseAutoencoding() or Autoencoding()",
       "dcgan", {"objective": objective, "networks": networks})
      for objective in ("Energy()", "Flipped(Energy())") for networks in ("DenseAutoencoding()", "Autoencoding()")),
    ("ebgan", {"networks": "Projected(Autoencoding())"}, "give networks that autoencode",
     "ebgan", {"networks": "Concatenated(Autoencoding())"}),
    ("ebgan", {"networks": "MinibatchDiscriminating(Autoencoding())"}, "give networks that autoencode",
     "ebgan", {"networks": "Packed(Autoencoding())"}),
    *(("dcgan", {"networks": networks}, f"give {TOLD}", "dcgan", {"networks": "Concatenated(Packed(Convolutional()))"})
      for networks in ("Packed(Concatenated(Convolutional()))", "Packed(Spectral(Concatenated(Perceptron())))",
                       "Packed(Projected(Perceptron()))", "Packed(Classifying(Perceptron()))",
                       "Packed(ConditionalDense())", "Projected(Packed(Perceptron()))",
                       "Classifying(Packed(Perceptron()))")),
    *(("dcgan", {"networks": networks}, f"such as {remedy}", "t-gan" if "Opp" in remedy else "dcgan",
       {"networks": remedy})
      for networks, remedy in (
          ("Concatenated(Concatenated(Convolutional()))", "Concatenated(Convolutional())"),
          ("Concatenated(Spectral(Projected(Perceptron())))", "Concatenated(Convolutional())"),
          ("Concatenated(Opposed(Perceptron()))", "Concatenated(Convolutional())"),
          ("Projected(ConditionalDense())", "Projected(Convolutional())"),
          ("Projected(Pair(Perceptron(), Concatenated(Perceptron())))", "Projected(Convolutional())"),
          ("Classifying(Projected(Perceptron()))", "Classifying(Convolutional())"),
          ("Packed(Opposed(Perceptron()))", "Packed(Convolutional())"),
          ("Opposed(ConditionalDense())", "Opposed(Convolutional())"),
          ("Opposed(Opposed(Perceptron()))", "Opposed(Convolutional())"),
      )),
    *(("wgan-gp", {"penalties": "GradientPenalty(), Consistency()"},
       'give --networks "Dropped(...)", or --views "Noise(0.1)"',
       "wgan-gp", {"penalties": "GradientPenalty(), Consistency()", **remedy})
      for remedy in ({"networks": "Dropped(Convolutional(normal=False))"}, {"views": "Noise(0.1)"})),
    *((recipe, {"views": "ADA()"}, "give Augment(0.3), whose strength is fixed", recipe, {"views": "Augment(0.3)"})
      for recipe in ("wgan-gp", "r3gan", "lsgan")),
    ("lsgan", {"views": "ADA()"}, "0.0, a score that does not tell reals", "lsgan", {"views": "ADA(boundary=0.5)"}),
    ("ebgan", {"views": "ADA()"}, "0.0, a score that does not tell reals", "ebgan", {"views": "ADA(boundary=-5)"}),
    ("accuracy-gate", {"networks": "DenseAutoencoding()"}, "the score 0.0 parts no reals from fakes here; give one",
     "accuracy-gate",
     {"networks": "DenseAutoencoding()", "gate": "AccuracyGate(boundary=-5)", "objective": "Energy(margin=10)"}),
    *(("began", {"networks": "Convolutional()"}, "give networks that autoencode, MirroredAutoencoding() or Dense",
       "began", {"networks": networks}) for networks in ("MirroredAutoencoding()", "DenseAutoencoding()")),
    ("vgan", {"networks": "Bottlenecked(Autoencoding())"}, "such as Bottlenecked(DampedResidual())",
     "vgan", {"networks": "Bottlenecked(DampedResidual())"}),
    ("vgan", {"networks": "Bottlenecked(Packed(Convolutional()))"}, "Bottlenecked(DampedResidual()), and others around",
     "vgan", {"networks": "Packed(Bottlenecked(DampedResidual()))"}),
    ("vae-gan", {"networks": "Bidirectional()"}, 'give --networks "ConvolutionalVAEGAN()"',
     "vae-gan", {"networks": "ConvolutionalVAEGAN()"}),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def given(recipe: str, options: dict[str, str], batch: int = 4) -> Recipe[Any]:
    """A recipe with options, its networks narrow."""
    whole = override_fields(find_recipe(recipe)[0], options, VALUE_TYPES)
    return replace(whole, networks=narrow(whole.networks), batch=batch)


def labelled(n: int) -> Images:
    return Images(torch.rand(n, *DATA[:3]) * 2 - 1, torch.arange(n) % DATA.classes)


def played(recipe: Recipe[Any], parts: int = 1) -> None:
    """Two rounds, each batch in so many parts."""
    engine = Engine(recipe.game(DATA), recipe.steps)
    feeds = [Batches(partial(labelled), part, parts, recipe.batch) for part in range(parts)]
    for r in range(2):
        report = engine.play(*feeds, clock=Clock(r, r * recipe.batch, r / 2))
        assert all(term.isfinite() for term in report.values())


@pytest.mark.parametrize(("recipe", "options", "remedy", "instead", "right"), REFUSED)
def test_a_refusal_names_what_can_be_played(
    recipe: str, options: dict[str, str], remedy: str, instead: str, right: Any
):
    with pytest.raises(Mistake, match=re.escape(remedy).replace(r"\.\*", ".*")) as refusal:
        given(recipe, options).game(DATA)
    assert "\n" not in str(refusal.value) and str(refusal.value).count("; ") == 1
    played(given(instead, right))


@pytest.mark.parametrize("networks", [
    "Opposed(Concatenated(Perceptron(), critic_sees_label=False))",
    "Concatenated(Opposed(Perceptron()), critic_sees_label=False)",
    "MinibatchDiscriminating(Opposed(Perceptron()))",
])  # fmt: skip
def test_a_generator_may_be_told_what_a_critic_of_two_is_not(networks: str):
    played(given("t-gan", {"networks": networks}))


def test_packs_of_what_is_blind_to_labels_are_packs():
    played(given("dcgan", {"networks": "Packed(Concatenated(Perceptron(), critic_sees_label=False))"}))


@pytest.mark.parametrize("pair", [DenseAutoencoding(4, 8, 1, 4), Autoencoding(4, 4)])
def test_scores_stay_minus_an_energy_where_nothing_is_added_to_them(pair: Any):
    batch = labelled(6)
    for made in (pair, Spectral(pair), Packed(pair), Concatenated(pair), Concatenated(Packed(pair)), Classifying(pair)):
        critic = made.critic(DATA)
        assert critic.energy and critic(batch.image, batch.condition).score.max() <= 0, made
    for made in (Projected(pair), MinibatchDiscriminating(pair), Perceptron()):
        assert not getattr(made.critic(DATA), "energy", False), made


def test_under_energies_without_a_floor_the_margin_is_lost():
    """Shifting all scores up costs the critic less and less, until its loss is Wasserstein's, and a constant."""
    real, fake = torch.randn(2, 50, dtype=torch.float64)
    losses = [Energy(3.0).critic(real + shift, fake + shift) for shift in (-10.0, -3.0, 10.0, 1e4)]
    assert losses[0] > losses[1] > losses[2]
    torch.testing.assert_close(losses[2], Wasserstein().critic(real, fake) + 3)
    torch.testing.assert_close(losses[3], losses[2])


@pytest.mark.parametrize(("batch", "parts", "words", "right"), [
    (4, 4, "of 1 sample, one of 4 parts of the batch; lower --accumulate, so that there are 2 parts at most", (4, 2)),
    (6, 2, "of 3 samples, one of 2 parts of the batch; lower --accumulate, so that there are 3 parts at most", (6, 3)),
    (3, 1, "^no packs of 2 can be made of 3 samples; give a --batch that 2 divides", (4, 1)),
    (3, 3, "^no packs of 2 can be made of 1 sample; give a --batch that 6 divides", (6, 3)),
])  # fmt: skip
def test_packs_say_whether_the_batch_or_its_parts_are_odd(batch: int, parts: int, words: str, right: tuple[int, int]):
    with pytest.raises(Mistake, match=words):
        played(given("pacgan", {}, batch), parts)
    played(given("pacgan", {}, right[0]), right[1])


def test_a_class_is_named_by_networks_that_name_it():
    with pytest.raises(Mistake, match=re.escape("give networks that do, such as Classifying(Convolutional())")):
        played(given("dcgan", {"penalties": "Classification()"}))
    played(given("dcgan", {"penalties": "Classification()", "networks": "Classifying(Convolutional())"}))


def test_networks_say_what_they_need():
    for pair, what in (
        (Perceptron(), set()), (Opposed(Perceptron()), {"opponent"}), (Spectral(Opposed(Perceptron())), {"opponent"}),
        (Concatenated(Perceptron()), {"label"}), (Concatenated(Perceptron(), critic_sees_label=False), set()),
        (ConditionalDense(), {"label"}), (Projected(Perceptron()), {"label"}),
    ):  # fmt: skip
        assert required_conditions(narrow(pair).critic(DATA)) == what


def test_minibatch_discrimination_of_one_sample_is_refused():
    with pytest.raises(Mistake, match=r"raise --batch, or lower --accumulate"):
        MinibatchDiscrimination(3)(torch.zeros(1, 3))


def test_a_weight_of_zeros_is_drawn_before_it_is_normalised():
    layer = nn.Conv2d(4, 6, 3)
    nn.init.zeros_(layer.weight)
    norm = torch.linalg.matrix_norm(add_spectral_norm(layer).weight.detach().flatten(1), 2).item()
    assert norm == pytest.approx(1, abs=1e-3)
    pair, data = Spectral(GroupedResidual(8, 16, group=8)), Shape(1, 8, 8)
    assert pair.critic(data)(torch.randn(4, 1, 8, 8)).score.isfinite().all()
