"""A part refuses for itself: whatever stands in a slot of a game is asked by `fits`, saddle's or a user's own."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

import saddle
from saddle.cli import main
from saddle.clock import Clock
from saddle.errors import Mistake
from saddle.fitting import FilledGame
from saddle.games import AccuracyGate, Adversarial, Free, Gated, NoisyReals, Turns
from saddle.layers import Noise
from saddle.layers.priors import Normal
from saddle.objectives import Flipped, NonSaturating
from saddle.penalties import R1, FeatureMatching
from toys import LATENT, Critic, Maker

OWN = """
from dataclasses import dataclass

from torch import nn

from saddle.core import Views, Penalties
from saddle.errors import require
from saddle.layers import Noise
from saddle.networks import Dense
from saddle.objectives import LeastSquares
from saddle.penalties import R1
from saddle.recipes.versus import Versus


@dataclass(frozen=True)
class OwnPenalty(R1):
    def fits(self, game):
        require(not isinstance(game.objective, LeastSquares), "OwnPenalty is for logits; give NonSaturating()")


@dataclass(frozen=True)
class OwnView(Noise):
    def fits(self, game):
        require(game.penalties, "OwnView goes with a penalty; give R1()")


@dataclass(frozen=True)
class OwnPair(Dense):
    def fits(self, game):
        require(len(game.views) < 2, "OwnPair is shown one view; give Noise()")


class OwnLayer(nn.Identity):
    def fits(self, game):
        require(len(game.views) != 3, "OwnLayer is shown no three views; give Noise()")


@dataclass(frozen=True)
class LayeredPair(Dense):
    def critic(self, data):
        critic = super().critic(data)
        critic.add_module("own", OwnLayer())
        return critic


@dataclass(frozen=True)
class Mine(Versus):
    networks: Dense = OwnPair(latent=2, width=8)
    penalties: Penalties = (OwnPenalty(),)
    views: Views = (OwnView(),)
    batch: int = 8
"""
RUN = ("--data", "ring", "--images", "16", "--pictures", "0", "--quiet", "--out", "run")


@pytest.mark.parametrize(("old", "new", "words"), [
    ("batch: int = 8", "batch: int = 8\n    objective: LeastSquares = LeastSquares()", "OwnPenalty is for logits"),
    ("(OwnPenalty(),)", "()", "OwnView goes with a penalty"),
    ("(OwnView(),)", "(OwnView(), Noise())", "OwnPair is shown one view"),
    ("OwnPair(latent=2, width=8)\n    penalties: Penalties = (OwnPenalty(),)\n    views: Views = (OwnView(),)",
     "LayeredPair(2, 8)\n    views: Views = (Noise(), Noise(), Noise())", "OwnLayer is shown no three views"),
    ('require(game.penalties, "OwnView goes with a penalty; give R1()")', "return len(game.penalties) == 2",
     "the fits of OwnView returned False, but should return nothing"),
    ("require(game.penalties,", "require(game.terms,", "mine.py, line 24: AttributeError"),
])  # fmt: skip
def test_a_part_of_ones_own_refuses_before_a_folder_is_made(
    old: str, new: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert old in OWN
    Path("mine.py").write_text(OWN.replace(old, new))
    code, said = main(["train", "mine.py:Mine", *RUN]), capsys.readouterr().err
    assert code == 2 and words in said and said.count("\n") == 1 and not Path("run").exists()


def test_parts_of_ones_own_that_fit_are_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(OWN)
    assert main(["train", "mine.py:Mine", *RUN]) == 0


def refuse(self: object, game: FilledGame) -> None:
    raise Mistake(f"{type(self).__name__} is asked beside {type(game.objective).__name__}")


def asking(kind: type[Any], *given: Any) -> Any:
    """A value of this kind that fits nowhere."""
    return dataclass(frozen=True)(type(f"My{kind.__name__}", (kind,), {"fits": refuse}))(*given)


class MyCritic(Critic):
    fits = refuse


class MyMaker(Maker):
    fits = refuse


@pytest.mark.parametrize(("make", "slots"), [
    (Adversarial, {"objective": asking(NonSaturating)}),
    (Adversarial, {"objective": Flipped(Flipped(asking(NonSaturating)))}),
    (Adversarial, {"penalties": (R1(), asking(R1))}),
    (Adversarial, {"generator_penalties": (asking(FeatureMatching),)}),
    (Adversarial, {"views": (Noise(), asking(Noise))}),
    (Adversarial, {"prior": asking(Normal)}),
    (Adversarial, {"turns": asking(Turns)}),
    (Adversarial, {"constraint": asking(Free)}),
    (Adversarial, {"critic": nn.Sequential(MyCritic())}),
    (Adversarial, {"generator": nn.Sequential(MyMaker())}),
    (Gated, {"gate": asking(AccuracyGate)}),
    (NoisyReals, {"noise": asking(Noise)}),
])  # fmt: skip
def test_every_slot_is_asked(make: Any, slots: dict[str, Any]):
    with pytest.raises(Mistake, match=r"^My.* is asked beside"):
        make(**({"generator": Maker(), "critic": Critic(), "latent": LATENT} | slots))


class Remembering(nn.Module):
    """What a value becomes in a game; the value is asked, as it stands in the recipe."""

    def forward(self, sample: Tensor, clock: Clock) -> Tensor:
        return sample


class Remembered:
    fits = refuse

    def memory(self) -> Remembering:
        return Remembering()


def test_a_value_that_remembers_is_asked_itself():
    with pytest.raises(Mistake, match=r"^Remembered is asked"):
        Adversarial(Maker(), Critic(), LATENT, views=(Remembered(),))


def test_the_slots_know_no_part_by_name():
    tree = ast.parse((Path(saddle.__file__).parent / "games" / "slots.py").read_text())
    rooms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level}
    assert rooms == {"clock", "core", "errors", "fitting", "recipe"}
