"""An autoencoder whose code is a map: its shapes, what it sees of an image, and the recipes that take it."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from saddle.errors import Mistake
from saddle.networks import ConvolutionalAutoencoder, SpatialAutoencoder, count_latents
from saddle.recipes import find_recipe
from saddle.recipes.rehearsal import rehearse
from saddle.shape import Classes, Shape
from saddle.training.machine import find_machine

SMALL = SpatialAutoencoder(latent=3, halvings=2, width=4)
SHAPES = [Shape(1, 16, 16), Shape(3, 8, 24), Shape(4, 20, 12, Classes(5))]


@pytest.mark.parametrize("data", SHAPES)
def test_codes_are_maps_that_make_images_of_the_datas_shape(data: Shape):
    code = SMALL.code(data)
    assert code == data._replace(channels=3, height=data.height // 4, width=data.width // 4)
    assert count_latents(SMALL, data) == 3 * code.height * code.width
    x, generator = torch.rand(2, *data[:3]), SMALL.generator(data)
    told = SMALL.encoder(data)(x)
    assert told.shape == (2, count_latents(SMALL, data)) and SMALL.encoder(data, 2)(x).shape == (2, 2 * told.shape[1])
    made = generator(told, torch.zeros(2, dtype=torch.int64))
    assert made.shape == x.shape and made.abs().max() < 1
    torch.testing.assert_close((made + 1) / 2, generator.logits(told).sigmoid())
    assert count_latents(ConvolutionalAutoencoder(5), data) == 5


def test_what_is_near_in_the_image_is_near_in_the_code():
    """A pixel in one corner says nothing to the opposite corner of the code, nor of the image made of it."""
    data = Shape(1, 64, 64)
    one, other = torch.zeros(2, 1, 1, 64, 64)
    other[..., 0, 0] = 1
    encoder, generator = SMALL.encoder(data), SMALL.generator(data)
    codes = [encoder(x).view(3, 16, 16) for x in (one, other)]
    apart = (codes[0] != codes[1]).any(0)
    assert apart[0, 0] and not apart[5:].any() and not apart[:, 5:].any()
    made = [generator(code.reshape(1, -1))[0, 0] for code in codes]
    assert (made[0] != made[1])[0, 0] and torch.equal(made[0][40:], made[1][40:])


def test_the_same_weights_fit_every_size():
    def shapes(data: Shape) -> list[tuple[str, torch.Size]]:
        networks: tuple[nn.Module, ...] = SMALL.encoder(data), SMALL.generator(data)
        return [(key, t.shape) for network in networks for key, t in network.state_dict().items()]

    assert shapes(Shape(3, 16, 16)) == shapes(Shape(3, 40, 24))


@pytest.mark.parametrize("name", ["ae", "vae", "aae", "introvae", "soft-introvae"])
def test_whatever_takes_an_autoencoder_takes_this_one(name: str):
    recipe = dataclasses.replace(find_recipe(name)[0], networks=SMALL, batch=4)
    rehearse(recipe, Shape(1, 8, 12), find_machine("cpu"))
    game = recipe.game(Shape(1, 8, 12))
    again: Tensor = game.reconstruct(torch.rand(2, 1, 8, 12))
    assert again.shape == (2, 1, 8, 12) and game.latent == 3 * 2 * 3


@pytest.mark.parametrize(("data", "says"), [
    (Shape(1, 30, 30), "multiples of 4, not 30x30 pixels in 1 channel; give --size 32"),
    (Shape(1, 30, 60), "give --size 32x64"), (Shape(2, 1, 1), 'points there is --networks "DenseAutoencoder(2)"'),
])  # fmt: skip
def test_other_sizes_are_refused_with_one_that_works(data: Shape, says: str):
    for make in (SMALL.encoder, SMALL.generator):
        with pytest.raises(Mistake, match=says.replace("(", r"\(").replace(")", r"\)")):
            make(data)
