"""Pictures whose height and width differ: networks, sizes as text, decoding, augmentation, whole runs."""

from __future__ import annotations

import re

import pytest
import torch

from saddle.errors import Mistake
from saddle.image_size import ImageSize, read_size
from saddle.networks import CONDITIONAL_NETWORKS, UNCONDITIONAL_NETWORKS, Concatenated, Convolutional, Packed, ResNet
from saddle.recipe import Networks
from saddle.shape import Shape

KINDS = *UNCONDITIONAL_NETWORKS, *CONDITIONAL_NETWORKS
PAIRS: list[Networks] = [kind(latent=8, width=16) for kind in KINDS]
PAIRS += [ResNet(8, 4, conditional=True, head="classes"), Concatenated(Packed(Convolutional(8, 4)))]
SIZES = [(64, 96), (48, 32), (28, 28), (100, 75), (31, 78), (9, 4)]


def proposed(refusal: str) -> ImageSize:
    return read_size(re.findall(r"--size (\d+(?:x\d+)?)", refusal)[0])


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: type(pair).__name__)
def test_every_pair_takes_a_rectangle_or_names_a_size_that_it_takes(pair: Networks) -> None:
    made = 0
    for size in SIZES:
        data = Shape(3, *size, 5)
        with torch.device("meta"):
            try:
                generator, critic = pair.generator(data), pair.critic(data)
            except Mistake as refusal:
                data = Shape(3, *proposed(str(refusal)), 5)
                generator, critic = pair.generator(data), pair.critic(data)
            else:
                made += size[0] != size[1]
            labels = torch.zeros(2, dtype=torch.int64)
            image = generator(torch.randn(2, pair.latent), labels)
            assert image.shape == (2, *data[:3])
            assert critic(image, labels).score.shape[0] in (1, 2)
    assert made or type(pair).__name__ == "AllConvolutional28"


@pytest.mark.parametrize("pair", [Convolutional(8, 4), ResNet(8, 4)], ids=lambda pair: type(pair).__name__)
def test_a_turned_picture_has_as_large_a_network(pair: Networks) -> None:
    wide, tall = ([p.numel() for p in pair.critic(Shape(3, *size)).parameters()] for size in ((64, 96), (96, 64)))
    assert wide == tall
