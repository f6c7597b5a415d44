"""What a batch in parts learns otherwise is said, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from saddle.games import Adversarial
from saddle.networks import Convolutional, MinibatchDiscriminating
from saddle.objectives import Flipped, Relativistic
from saddle.penalties import R1, Dragan, FeatureMatching
from saddle.shape import Shape
from saddle.training.part_effects import describe_part_effects
from toys import adversarial

AVERAGED = Flipped(Relativistic(average=True))
MIXING: dict[str, dict[str, Any]] = {
    "Flipped": {"objective": AVERAGED},
    "Dragan": {"penalties": (Dragan(),)},
    "FeatureMatching": {"generator_penalties": (FeatureMatching(),)},
}


@pytest.mark.parametrize("name", MIXING)
def test_losses_of_a_whole_batch_are_named(name: str):
    (said,) = describe_part_effects(adversarial(**MIXING[name]), 64, 4, 1)
    assert said.startswith(
        f"note: with --accumulate 4, statistics of a batch ({name}) are those of 16 samples of its 64"
    )
    assert not list(describe_part_effects(adversarial(**MIXING[name]), 64, 1, 2))


def test_layers_that_mix_samples_are_named_once():
    pair = MinibatchDiscriminating(Convolutional(latent=4, width=4))
    shape = Shape(1, 16, 16)
    game = Adversarial(pair.generator(shape), pair.critic(shape), pair.latent)
    (said,) = describe_part_effects(game, 64, 2, 2)
    assert "(BatchNorm2d, MinibatchDiscrimination) are those of 32 samples of its 64" in said


def test_what_sees_each_sample_alone_is_not_spoken_of():
    assert not list(describe_part_effects(adversarial(penalties=(R1(1.0),)), 64, 4, 2))


@pytest.mark.parametrize(("accumulate", "processes"), [(2, 1), (1, 2)])
def test_dropout_is_drawn_by_each_part(accumulate: int, processes: int):
    game = adversarial(dropout=0.5)
    (said,) = describe_part_effects(game, 64, accumulate, processes)
    assert "each of 2 parts of a batch draws a dropout of its own" in said
    assert not list(describe_part_effects(game, 64, 1, 1))
    for layer in game.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    assert not list(describe_part_effects(game, 64, accumulate, processes))
