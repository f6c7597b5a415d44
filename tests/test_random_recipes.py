"""Whatever is typed is played, or refused before anything is written; what a refusal proposes is then played.

Played are five rounds that stay finite, and that a match which goes on after two of them repeats to the last bit.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import random_recipes
from narrow import narrow
from saddle import preparing, resolved, sessions
from saddle.data.array_dataset import ArrayDataset
from saddle.data.dataset_table import TOY_SETS
from saddle.errors import Mistake
from saddle.options import override_fields
from saddle.recipe import Recipe
from saddle.recipes import find_recipe
from saddle.recipes.rehearsal import rehearse
from saddle.shape import Shape
from saddle.training.machine import find_machine
from saddle.training.match import Match, MatchOptions
from saddle.training.rate_advice import lower_rates
from saddle.training.record import NonFinite, check_finite

SAMPLES = 40
QUICK = 5  # of the 300 recipes, in every run of the tests


class Accepted(Exception):
    """A recipe that was let through."""

    def __init__(self, recipe: Recipe[Any], data: ArrayDataset, how: MatchOptions) -> None:
        self.recipe, self.data, self.how = recipe, data, how


@cache
def samples(kind: str, side: int | None) -> ArrayDataset:
    """Points, or pictures with labels or without; three classes."""
    numbers = np.random.default_rng(0)
    if kind == "points":
        return ArrayDataset("points", numbers.normal(size=(SAMPLES, 1, 1, 2)).astype(np.float32))
    pixels = numbers.integers(0, 256, (SAMPLES, side, side, 1), dtype=np.uint8)
    labels = (np.arange(SAMPLES) % 3, ("a", "b", "c")) if kind == "labelled" else (None, ())
    return ArrayDataset(kind, pixels, *labels)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Train, but for the data, which are made here, and for what comes once a recipe is let through."""
    monkeypatch.chdir(tmp_path)

    def opened(chosen: Any, wanted: object, watch: object, suits: object) -> ArrayDataset:
        kind = {**dict.fromkeys(TOY_SETS, "points"), "glyphs": "labelled"}.get(chosen.data, "plain")
        return samples(kind, None if kind == "points" else chosen.size or 16)

    def length(chosen: Any, recipe: Recipe[Any], data: ArrayDataset, where: object, *how: Any) -> int:
        raise Accepted(recipe, data, how[0])

    monkeypatch.setattr(resolved, "open_training_data", opened)
    monkeypatch.setattr(preparing, "resolve_length", length)

    def train(name: str, options: dict[str, str], settings: dict[str, Any]) -> Accepted:
        try:
            sessions.train(name, options=options, device="cpu", precision="float32", quiet=True, **settings)
        except Accepted as accepted:
            return accepted
        finally:
            assert not list(tmp_path.iterdir())
        raise AssertionError("it trained")

    return train


SOURCES = {"points": "ring", "labelled": "glyphs", "plain": "pictures"}


def follow(advice: str, options: dict[str, str], settings: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """The same as before, with what a refusal proposes."""
    said = re.split(r"(?=\b(?:give|leave out) )", advice.rpartition("; ")[2])[-1]
    gone = re.findall(r"--([\w.-]+)", said.partition(" in place of ")[2] or said.partition("leave out ")[2])
    given = said.partition(" in place of ")[0]
    if value := re.fullmatch(r"give ([A-Z]\w*\(.*\))", given):  # of the class that refused to be made
        return {**options, "objective": value[1]}, settings
    words = shlex.split(given[given.index("--") :]) if "give" in given else []
    new = dict(zip((w.removeprefix("--").replace("-", "_") for w in words[::2]), words[1::2], strict=True))
    assert new or gone, f"nothing can be typed: {advice}"
    for name in ("data", "size", "accumulate"):
        if name in new:
            settings = {**settings, name: new[name] if name == "data" else int(new[name])}
            del new[name]
    kept = {o: text for o, text in options.items() if o not in [name.replace("-", "_") for name in gone]}
    return kept | new, settings


def play(accepted: Accepted) -> None:
    recipe = replace(accepted.recipe, networks=narrow(accepted.recipe.networks))  # type: ignore[attr-defined, type-var]
    try:
        play_recipe(recipe, accepted)
    except NonFinite:  # where steps are too long for this loss; then it is finite as its failure proposes
        rates = {option: str(rate) for option, rate in lower_rates(recipe).items()}
        assert rates
        play_recipe(override_fields(recipe, rates), accepted)


def play_recipe(recipe: Recipe[Any], accepted: Accepted) -> None:
    where = find_machine("cpu", "float32")
    first, second = (Match(recipe, accepted.data, 5 * recipe.batch, where, accepted.how) for _ in range(2))
    for r in range(5):
        if r == 2:
            tensors, facts = first.state()
            second.restore({name: t.clone() for name, t in tensors.items()}, facts)
        clock, report = first.play()
        check_finite(clock, {name: float(term) for name, term in report.items()})
    while second.clock.round != first.clock.round:
        second.play()
    then, now = (match.state()[0] for match in (first, second))
    assert then.keys() == now.keys() and all(torch.equal(then[name], now[name]) for name in then)


def tried(name: str, options: dict[str, str], settings: dict[str, Any], asked: Any) -> list[str]:
    """Played, if need be as its refusals propose; returns these.

    One is enough, but for a value that could not even be made: then nobody knows yet what it would have met.
    """
    settings = settings | {"data": SOURCES[settings["data"]]}
    refusals: list[str] = []
    while len(refusals) < 4:
        try:
            accepted = asked(name, options, settings)
        except Mistake as refusal:
            refusals.append(str(refusal))
            options, settings = follow(refusals[-1], options, settings)
            continue
        play(accepted)
        break
    unmade = [sentence for sentence in refusals if re.search(r"^(\S+ compares|Relativistic|Swapped)", sentence)]
    assert len(refusals) <= len(unmade) + 1, refusals
    return refusals


PICTURES, SMALL = {"data": "labelled", "size": 16}, {"networks.width": "4", "batch": "8"}
UNTOLD = {"data": "plain", "size": 16}
MANY_FAULTS: list[tuple[str, dict[str, str], dict[str, Any], str]] = [
    ("ac-gan-cifar", {"batch": "8"}, {"data": "points"}, "or give --data glyphs --size 32"),
    (
        "lsgan",
        {"generator_penalties": "R2(), Classification()", "batch": "1"},
        {"data": "plain", "size": 30},
        "give --",
    ),
    (
        "dcgan",
        {"networks": "Projected(MinibatchDiscriminating(Convolutional()))", "penalties": "R2()", "batch": "8"},
        UNTOLD,
        "or give --",
    ),
]
KNOWN = [  # a recipe, its options and settings, and what its refusal proposes; "" for what is played
    ("dcgan-28", {"penalties": "R1(10)", "batch": "8"}, {"data": "plain", "size": 28},
     'give --networks "Convolutional(normal=False)"'),
    ("sagan", {"batch": "8"}, {"data": "plain", "size": 48}, "give --networks.attention 24"),
    ("dcgan", {"penalties": "R1(10)"} | SMALL, PICTURES, "give --networks.normal False"),
    ("cgan", {"penalties": "R1(10)"} | SMALL, PICTURES, "give --networks.base.normal False"),
    ("accuracy-gate", {"networks": "DenseAutoencoding()", "batch": "8"}, PICTURES, "give --gate.boundary -0.5"),
    ("accuracy-gate", {"networks": "DenseAutoencoding()", "objective": "Energy(10)", "batch": "8"}, PICTURES,
     "give --gate.boundary -0.5"),
    ("t-gan", {"objective": "Energy(1.0)"} | SMALL, PICTURES, 'give --objective "NonSaturating()"'),
    ("t-gan", {"penalties": "Classification()"} | SMALL, PICTURES, "leave out --penalties"),
    ("t-gan", {"penalties": "GradientPenalty()"} | SMALL, PICTURES, 'give --penalties "R1()"'),
    ("t-gan", {"networks": "Convolutional()", "batch": "8"}, PICTURES, 'give --networks "Opposed(Convolutional())"'),
    ("dcgan", {"networks": "Opposed(Convolutional())", "batch": "8"}, PICTURES, 'give --networks "Convolutional()"'),
    ("cgan", {"networks.width": "8", "batch": "8"}, PICTURES, ""),
    ("cgan", SMALL, UNTOLD, "name a table with --labels, or give --data glyphs --size 16"),
    ("dcgan", {"penalties": "Classification()", "batch": "8"}, PICTURES,
     'give --networks "Classifying(Convolutional())"'),
    ("dcgan", {"penalties": "Classification()", "batch": "8"}, UNTOLD, "table with --labels, or "),
    ("dcgan", {"objective": "Energy()", "batch": "8"}, PICTURES, 'give --networks "DenseAutoencoding()"'),
    ("dcgan", {"objective": "Flipped(CriticAlone())"} | SMALL, PICTURES,
     'give --generator-penalties "FeatureMatching()"'),
    ("dcgan", {"generator_penalties": "Drift()"} | SMALL, PICTURES,
     'give --generator-penalties none --penalties "Drift()"'),
    ("dcgan", SMALL, {"data": "plain", "size": 30}, "give --size 32"),
    ("dcgan", {"batch": "8"}, {"data": "points"}, 'give --networks "Perceptron()"'),
    ("dcgan", {"views": "Augment(0.3)", "batch": "8"}, {"data": "points"},
     'give --networks "Perceptron()" in place of --views'),
    ("dcgan", {"penalties": "ConsistencyRegularisation()", "networks": "Perceptron()", "batch": "8"},
     {"data": "points"}, "leave out --penalties"),
    ("pacgan", {"batch": "9"}, PICTURES, "give --batch 8"),
    ("pacgan", {"batch": "8"}, PICTURES | {"accumulate": 8}, "give --accumulate 4"),
    ("dcgan", {"batch": "9"}, PICTURES | {"accumulate": 2}, "give --accumulate 1"),
    ("lsgan", {}, PICTURES, "give --batch 40"),
    ("dcgan", {"batch": "64"}, PICTURES, "give --batch 40"),
    ("minibatch-gan", {"batch": "1"}, PICTURES, "give --batch 2"),
    ("minibatch-gan", {"batch": "4"}, PICTURES | {"accumulate": 4}, "give --accumulate 2"),
    ("dcgan", {"networks": "Convolutional5()", "batch": "1"}, PICTURES | {"size": 28}, "give --batch 2"),
    ("ebgan", {"batch": "1"}, PICTURES, "give --batch 2"),  # cosines between two codes
    ("gan", {"turns.critic": "2", "batch": "8"}, PICTURES, "give --turns.critic 1"),
    ("unrolled-gan", {"constraint": "Clip()"} | SMALL, PICTURES, 'give --constraint "Free()"'),
    ("unrolled-gan", {"inner": "SGD(0.01, 0.5)"} | SMALL, PICTURES, "give --inner.momentum 0.0"),
    ("wgan-gp", {"penalties": "Consistency()"} | SMALL, PICTURES, 'give --networks "Dropped('),
    ("lsgan", {"views": "ADA()"} | SMALL, PICTURES, 'give --views "ADA(boundary=0.5)"'),
    ("ct-gan-cifar", {"networks.shares": "(0.5, 0.5)", "batch": "4"}, {"data": "plain", "size": 32},
     "give --networks.shares 0.5"),
    ("sn-gan", {"networks": "Spectral(Convolutional())", "batch": "8"}, PICTURES, "give --networks.base.normal False"),
    ("dcgan", {"networks": "Packed(Concatenated(Perceptron()))", "batch": "8"}, PICTURES,
     'give --networks "Concatenated(Packed(Perceptron()))"'),
    ("dcgan", {"objective": "Relativistic(Energy())"} | SMALL, PICTURES, "give Relativistic(Hinge())"),
    ("dcgan", {"penalties": "Drift(), Swapped(Hinge())"} | SMALL, PICTURES, 'give --penalties "Drift('),
    ("bigan", {"batch": "8"}, {"data": "plain", "size": 30}, "give --size 32"),
    ("vae-gan", {"objective": "Wasserstein()", "batch": "8"}, PICTURES, "give --gate None"),
    ("vae-gan", {"networks": "Bidirectional()", "batch": "8"}, PICTURES, 'give --networks "ConvolutionalVAEGAN()"'),
    ("aae", {"batch": "8"}, {"data": "points"}, 'give --networks "DenseAutoencoder(2)"'),
    *MANY_FAULTS,
]  # fmt: skip


FEW = [row if i < 12 else pytest.param(*row, marks=pytest.mark.slow) for i, row in enumerate(KNOWN)]


@pytest.mark.parametrize(("name", "options", "settings", "proposal"), FEW)
def test_what_a_refusal_proposes_is_played(name: str, options: Any, settings: Any, proposal: str, asked: Any):
    refusals = tried(name, options, settings, asked)
    assert bool(refusals) == bool(proposal) and proposal in "".join(refusals[:1])


@pytest.mark.parametrize(("name", "options", "settings", "proposal"), MANY_FAULTS[::2])
def test_where_much_is_wrong_a_way_is_found(name: str, options: Any, settings: Any, proposal: str, asked: Any):
    with pytest.raises(Mistake, match=proposal):
        asked(name, options, settings | {"data": SOURCES[settings["data"]]})


@pytest.mark.parametrize("seed", [*range(QUICK), *(pytest.param(n, marks=pytest.mark.slow) for n in range(QUICK, 300))])
def test_a_recipe_at_random_is_played_or_refused_with_what_can_be_played(seed: int, asked: Any):
    tried(*random_recipes.recipe(seed), asked)


def test_a_refusal_leaves_no_folder_in_the_way(tmp_path: Path):
    images = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 1), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    more: dict[str, Any] = {"out": tmp_path / "run", "images": 8, "pictures": 0, "device": "cpu", "quiet": True}
    small = {"networks.width": "4", "batch": "4"}
    with pytest.raises(Mistake, match="Classification needs a label"):
        sessions.train("dcgan", str(tmp_path / "images.npy"), options=small | {"penalties": "Classification()"}, **more)
    assert [path.name for path in tmp_path.iterdir()] == ["images.npy"]
    assert sessions.train("dcgan", str(tmp_path / "images.npy"), options=small, **more) == tmp_path / "run"


def test_a_rehearsal_changes_nothing_that_is_left_to_chance():
    before = torch.get_rng_state()
    rehearse(find_recipe("r1-toy")[0], Shape(2, 1, 1), find_machine("cpu", "float32"))
    assert torch.equal(torch.get_rng_state(), before)
