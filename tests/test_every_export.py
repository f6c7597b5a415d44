"""Every part of every recipe's game, narrow, as ONNX and as a program: the same as in Python, for any number of rows.

Networks that another recipe has already shown are left out. Most are slow together and run by hand; a few of each
family run always.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from narrow import shape, small
from saddle.batches import Captioned
from saddle.errors import Mistake
from saddle.exporting.interface import Interface, make_interface
from saddle.exporting.onnx_file import check_model, open_session, run_session, serialized, to_onnx
from saddle.exporting.parity import PARITY_BOUND, check_parity
from saddle.exporting.programs import trace
from saddle.inference.loaded import LoadedGame
from saddle.inference.networks import list_parts, take_network
from saddle.layers.priors import Uniform
from saddle.networks import CharacterReader, WordReader
from saddle.parts import draw_rows
from saddle.recipes import RECIPES
from saddle.recipes.capable import game_class
from saddle.shape import Text

ALWAYS = {"dcgan", "ae autoencoder", "vae-dense encoder", "pix2pix", "infogan encoder", "projection-gan", "gan-cls",
          "gan-cls reader", "wgan-gp-toy", "cyclegan back"}  # fmt: skip
WITHOUT_ONNX = ("gaussian-mixture", "gaussian-mixture-em")  # whose covariances are taken apart as samples are made


def loaded(name: str) -> LoadedGame:
    """A narrow game at rest; what begins as nought is given something, or it would go unnoticed."""
    torch.manual_seed(0)
    game, data = small(name).game(shape(name)).eval().requires_grad_(False), shape(name)
    for p in game.parameters():
        if p.ndim and not p.any():
            p.data.normal_(0, 0.5)
    for layer in game.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d) and layer.running_mean is not None:
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
    classes = tuple(map(str, range(data.classes)))
    return LoadedGame(game, data, classes, torch.device("cpu"), batch_type=small(name).batch_type)


def cases() -> Iterator[Any]:
    seen: list[Any] = []
    for name in RECIPES:
        recipe, kind = small(name), game_class(small(name))
        key = (recipe.networks, shape(name), kind)
        if key in seen:
            continue
        seen.append(key)
        parts = list_parts(object.__new__(kind))
        for part in [one for one in parts if one != "translator" and (one != "decoder" or "generator" not in parts)]:
            for back in (False, True) if part == "generator" and name == "cyclegan" else (False,):
                said = f"{name}{'' if part == 'generator' else f' {part}'}{' back' if back else ''}"
                yield pytest.param(name, part, {"back": True} if back else {}, id=said,
                                   marks=[] if said in ALWAYS else [pytest.mark.slow])  # fmt: skip


def check_both(interface: Interface) -> None:
    """The program, and the ONNX model of it, make what Python makes."""
    program = trace(interface)
    again = program.module()
    assert check_parity(interface, lambda inputs: again(*inputs)).difference <= 1e-6
    model = to_onnx(program, interface).model_proto
    check_model(model)
    for one in (*model.graph.input, *model.graph.output):
        first, *rest = one.type.tensor_type.shape.dim
        assert first.dim_param == "batch" and all(dim.dim_value for dim in rest)
    assert [one.name for one in model.graph.input] == interface.names
    session = open_session(serialized(model))
    check_parity(interface, lambda inputs: run_session(session, interface, inputs))


@pytest.mark.parametrize(("name", "part", "style"), list(cases()))
def test_a_part_is_exported_and_makes_what_python_makes(name, part, style):
    game = loaded(name)
    interface = make_interface(game, part, style)
    if interface.names == ["latent"] and part == "generator" and not game.shape.text:
        torch.testing.assert_close(interface.module(*interface.example(2, 3)), game.sample(2, 3), atol=1e-6, rtol=1e-6)
    if name in WITHOUT_ONNX and part == "generator":
        with pytest.raises(Mistake, match=r"ONNX cannot hold this generator: it has no operator for aten\.\w+; --to "):
            to_onnx(trace(interface), interface)
    else:
        check_both(interface)


def test_noise_and_truncation_of_styles_are_inputs():
    game = loaded("stylegan2")
    game.game.generator.mean_w.normal_()
    whole = make_interface(game)
    z, _, noise = whole.example(3, 1)
    assert whole.names == ["latent", "truncation", "noise"] and noise.shape == (3, 16 + 2 * 64 + 2 * 256 + 2 * 1024)
    ones = torch.ones(3)
    plain = game.game.make(z, noise=False)
    torch.testing.assert_close(whole.module(z, ones, torch.zeros_like(noise)), plain)
    assert not torch.equal(whole.module(z, ones, noise), plain)
    torch.testing.assert_close(whole.module(z, 0.3 * ones, 0 * noise), game.game.make(z, truncation=0.3, noise=False))
    fixed = make_interface(game, style={"truncation": 0.3, "noise": False})
    assert fixed.names == ["latent"] and fixed.style["truncation"] == 0.3
    torch.testing.assert_close(fixed.module(z), game.game.make(z, truncation=0.3, noise=False))


def test_how_latents_are_drawn_is_told():
    told = make_interface(loaded("infogan")).inputs[0].describe()
    assert [part["distribution"] for part in told["parts"]] == ["uniform", "one-hot", "uniform"]
    assert sum(part["numbers"] for part in told["parts"]) == told["shape"][1]
    game = loaded("dcgan")
    game.game.prior = Uniform(2.0)
    assert make_interface(game).inputs[0].facts == {"distribution": "uniform", "low": -2.0, "high": 2.0}
    game.game.prior = lambda like, size: draw_rows(torch.randn, like, size).abs()
    own = make_interface(game).inputs[0].facts
    assert own["distribution"] == "own" and 0 <= own["low"] < own["mean"] < own["high"]


def test_what_hangs_on_its_neighbours_is_refused_and_so_are_draws_that_no_input_stands_for():
    game = loaded("dcgan")
    norm = next(layer for layer in game.game.generator.modules() if isinstance(layer, nn.BatchNorm2d))
    norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
    with pytest.raises(Mistake, match="the program normalises by the batch that it is given"):
        trace(make_interface(game))
    game = loaded("dcgan")
    game.game.generator.append(Jitter())
    with pytest.raises(Mistake, match=r"the program draws by aten\.randn_like"):
        trace(make_interface(game))


@pytest.mark.parametrize("kind", [WordReader(16, 8), CharacterReader(16, 8)])
def test_a_text_becomes_tokens_by_what_the_file_says_and_its_code_is_the_runs(kind):
    words, texts = ("", "?", "a", "blue", "red", "thing"), ["a red thing", "blue"]
    data = shape("gan-cls")._replace(condition=Text(4, 6, words))
    torch.manual_seed(0)
    game = dataclasses.replace(small("gan-cls"), reader=kind).game(data).eval().requires_grad_(False)
    reader = make_interface(LoadedGame(game, data, (), torch.device("cpu"), batch_type=Captioned), "reader")
    (told,) = (one.describe() for one in reader.inputs)
    rows = [[words.index(word) for word in re.findall(told["pattern"], text)] for text in texts]
    length = told["shape"][1]
    tokens = torch.tensor([row + [told["padding"]] * (length - len(row)) for row in rows])
    torch.testing.assert_close(reader.module(tokens), game.read(texts))
    trace(reader)


class Jitter(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn_like(x)


def test_a_number_out_of_reach_or_of_no_number_is_beyond_the_bound():
    interface = make_interface(loaded("wgan-gp-toy"))
    own = interface.module
    for wrong in (2 * PARITY_BOUND, float("nan")):
        with pytest.raises(RuntimeError, match="the exported generator is not the run's"):
            check_parity(interface, lambda inputs, wrong=wrong: own(*inputs) + wrong * own(*inputs).abs().max())
    assert check_parity(interface, lambda inputs: own(*inputs)).difference == 0


def test_a_taken_generator_has_no_critic_in_it():
    for name in ("dcgan", "stylegan2", "infogan", "pix2pix", "gan-cls"):
        G = take_network(loaded(name))
        assert [child for child, _ in G.game.named_children()] == ["generator"], name


def test_an_autoencoders_parts_are_modules_by_their_names():
    game = loaded("ae")
    images = torch.rand(2, *game.shape[:3]) * 2 - 1
    codes = game.encoder(images)
    assert torch.equal(codes, game.encode(images)) and torch.equal(game.generator(codes), game.reconstruct(images))
    with pytest.raises(Mistake, match="Autoencoder makes no samples of latents"):
        game.generator.latents(2)
