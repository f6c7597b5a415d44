"""Recipes: found by name or in a file, read back from their text, played as their papers say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import chain
from pathlib import Path

import pytest
import torch
from torch import nn

from saddle.batches import Images
from saddle.cli.pages import comments
from saddle.core import Agree, Clock, Mistake, Move, Shape
from saddle.networks import Convolutional
from saddle.objectives import NonSaturating, Wasserstein
from saddle.optim import SGD
from saddle.options import read
from saddle.recipes import RECIPES, find
from saddle.recipes.gan import GAN
from saddle.recipes.kinds import KINDS, kinds
from saddle.recipes.revive import chosen, named
from saddle.recipes.wgan_gp import WGANGP

MINE = '''
from __future__ import annotations
from dataclasses import dataclass
from saddle.core import Recipe
from saddle.batches import Images
from saddle.recipes.wgan_gp import WGANGP
from saddle.optim import Adam

@dataclass(frozen=True)
class Wide:
    """Networks of my own."""
    latent: int = 3

@dataclass(frozen=True)
class MyGAN(Recipe[Images]):
    """Mine, for tests."""
    networks: Wide = Wide(4)
    batch: int = 7  # images

@dataclass(frozen=True)
class Needy(Recipe[Images]):
    width: int
    batch: int = 7

@dataclass
class Thawed(Recipe[Images]):
    batch: int = 7

class Heir(MyGAN):
    batch: int = 8

fast = WGANGP(optimizer=Adam(1e-3))
number = 5
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def shape(name: str) -> Shape:
    entry = RECIPES[name]
    return Shape(2, 1, 1) if entry.data == "grid" else Shape(1, entry.size or 32, entry.size or 32)


def small(name: str) -> tuple[object, Shape]:
    """The recipe with narrow networks and batches, and data that it takes."""
    recipe = find(name)[0]
    networks = replace(recipe.networks, latent=4, width=4)
    return replace(recipe, networks=networks, batch=6), shape(name)


class Batches(Iterator[Images]):
    """Endless batches, counted."""

    def __init__(self, data: Shape, batch: int) -> None:
        self.data, self.batch, self.drawn = data, batch, 0

    def __next__(self) -> Images:
        self.drawn += 1
        return Images(torch.rand(self.batch, *self.data[:3]) * 2 - 1)


def play(name: str, rounds: int = 1) -> tuple[list[list[str]], int]:
    """Who moved together, turn by turn, and how many batches that took; every move is made, by plain descent."""
    torch.manual_seed(0)
    recipe, data = small(name)
    game, batches = recipe.game(data), Batches(data, recipe.batch)
    names = {module: key for key, module in game.named_children()}
    seen = []
    for i in range(rounds):
        for turn in game.round(batches, Clock(round=i)):
            assert not isinstance(turn, Agree)
            moves = (turn,) if isinstance(turn, Move) else turn
            seen.append([names[player] for move in moves for player in move.players])
            step(moves)
    return seen, batches.drawn


def step(moves: tuple[Move, ...]) -> None:
    own = [[p for player in move.players for p in player.parameters()] for move in moves]
    grads = [torch.autograd.grad(m.loss, ps, retain_graph=True) for m, ps in zip(moves, own, strict=True)]
    assert all(term.isfinite() for move in moves for term in move.terms.values())
    with torch.no_grad():
        for p, g in zip(chain(*own), chain(*grads), strict=True):
            assert g.isfinite().all()
            p.sub_(1e-3 * g)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_plays_in_its_papers_order(name):
    turns, batches = play(name, rounds=2)
    if name == "gan":
        expected, drawn = [["critic", "generator"]], 1
    elif name.startswith("dcgan"):
        expected, drawn = [["critic"], ["generator"]], 1
    else:
        expected, drawn = [["critic"]] * 5 + [["generator"]], 5
    assert turns == 2 * expected and batches == 2 * drawn


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_what_its_text_says(name):
    recipe, entry = find(name)
    assert read(repr(recipe), KINDS) == recipe
    changed = replace(small(name)[0], batch=12, objective=NonSaturating(0.9))
    assert read(repr(changed), kinds(entry)) == changed != recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_makes_what_it_is_shown(name):
    recipe, data = small(name)
    recipe = replace(recipe, networks=replace(recipe.networks, latent=5))
    game = recipe.game(data)
    made = game.sample(torch.empty(3, *data[:3]))
    assert made.shape == (3, *data[:3]) and (data.points or made.abs().max() <= 1)
    assert not {id(p) for p in game.parameters()} & {id(p) for p in recipe.game(data).parameters()}


@pytest.mark.parametrize("name", RECIPES)
def test_every_player_has_steps_and_every_field_a_word_of_help(name):
    recipe, entry = find(name)
    for player in ("generator", "critic"):
        layer = nn.Linear(2, 2)
        optimizer = recipe.steps(player).build(layer.parameters())
        recipe.steps(player).tune(optimizer, Clock(1000, 64_000, 0.5))
        assert optimizer.param_groups[0]["lr"] > 0
    helps = comments(type(recipe))
    assert all(helps[field.name] for field in fields(recipe)), helps
    assert entry.summary and recipe.paper.arxiv


def test_kinds_have_one_name_each():
    assert len({kind.__name__ for kind in KINDS}) == len(KINDS)


def test_half_a_loss_is_half_a_rate_to_the_last_bit():
    torch.manual_seed(0)
    recipe, x = GAN(), torch.randn(20, 5)
    nets = [nn.Linear(5, 1) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    steps = [recipe.critic_optimizer, recipe.optimizer]  # ours, and the authors' on half the loss
    optimizers = [step.build(net.parameters()) for step, net in zip(steps, nets, strict=True)]
    for i in range(0, 2_000_000, 100_000):
        for net, value, optimizer, share in zip(nets, steps, optimizers, (1, 0.5), strict=True):
            value.tune(optimizer, Clock(round=i))
            optimizer.zero_grad()
            (share * NonSaturating().critic(net(x), net(-x * x))).backward()
            optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


def test_gans_schedules():
    def now(sgd: SGD, i: int) -> tuple[float, float]:
        optimizer = sgd.build(nn.Linear(1, 1).parameters())
        sgd.tune(optimizer, Clock(round=i))
        return optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]

    assert now(GAN().optimizer, 0) == (0.1, 0.5)
    assert now(GAN().optimizer, 62_500) == (pytest.approx(0.1 / 1.000004**62_500), pytest.approx(0.6))
    assert now(GAN().optimizer, 10**7) == (1e-6, 0.7)


def test_the_residual_recipes_rate_ends_at_nothing():
    adam = find("wgan-gp-cifar")[0].steps("critic")
    optimizer = adam.build(nn.Linear(1, 1).parameters())
    rates = []
    for share in (0.0, 0.25, 1.0):
        adam.tune(optimizer, Clock(share=share))
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([2e-4, 1.5e-4, 0])


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_as_a_value_has_its_name_and_what_was_changed(name):
    recipe = find(name)[0]
    assert named(recipe, {}) == (name, {})
    assert chosen(*named(replace(recipe, batch=7), {})) == replace(recipe, batch=7)


def test_parts_can_be_exchanged():
    recipe = replace(find("dcgan")[0], networks=Convolutional(4, 4, False), objective=Wasserstein(), batch=6,
                     penalties=WGANGP().penalties)  # fmt: skip
    game = recipe.game(Shape(1, 16, 16))
    (move, *_) = game.round(Batches(Shape(1, 16, 16), 6), Clock())
    assert set(move.terms) == {"adversarial", "GradientPenalty"}


def test_a_wrong_size_is_refused_before_anything_begins():
    for name, words in (("dcgan", "--size 32"), ("wgan-gp", "wgan-gp-mnist"), ("wgan-gp-cifar", "--size 32")):
        with pytest.raises(Mistake, match=words):
            find(name)[0].game(Shape(1, 28, 28))


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(Mistake, match=r"no recipe dgcan; did you mean dcgan\?"):
        find("dgcan")
    with pytest.raises(Mistake, match=r"no recipe zzz; there are gan, dcgan, .* file\.py:Name"):
        find("zzz")


def test_the_table_is_read_without_torch():
    code = "import sys; from saddle.recipes import RECIPES; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_of_ones_own(mine):
    recipe, entry = find(f"{mine}:MyGAN")
    assert recipe.batch == 7 and entry.summary == "Mine, for tests."
    assert find(f"{mine}:MyGAN")[0] == recipe  # the same text is one and the same module
    assert read(repr(recipe), kinds(entry)) == recipe
    assert Path(sys.modules[entry.module].__file__) == mine.resolve()  # where a later run finds it again
    fast, entry = find(f"{mine}:fast")
    assert isinstance(fast, WGANGP) and fast.optimizer.lr == 1e-3 and read(repr(fast), kinds(entry)) == fast
    mine.write_text(MINE.replace("= 7  #", "= 9  #"))
    assert find(f"{mine}:MyGAN")[0].batch == 9
    assert sorted(p.name for p in mine.parent.iterdir()) == ["mine.py"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MyGan", r"mine\.py has no recipe MyGan; did you mean MyGAN\?"),
        ("number", r"mine\.py has no recipe number; there are MyGAN, Needy, Thawed, Heir, fast"),
        ("WGANGB", r"no recipe WGANGB"),
        ("Needy", r"Needy has fields without a default: width"),
        ("Heir", r"Heir is no frozen dataclass"),
        ("Thawed", r"Thawed is no frozen dataclass; write @dataclass\(frozen=True\) above class Thawed"),
        ("", r"say which recipe of the file: .*mine\.py:MyGAN or .*:fast"),
    ],
)
def test_a_file_is_asked_for_what_it_does_not_have(mine, name, words):
    with pytest.raises(Mistake, match=words):
        find(f"{mine}:{name}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\ny = x +\n", r"broken\.py, line 2: SyntaxError: invalid syntax"),
        ("def f():\n    return 1 / 0\n\n\nf()\n", r"broken\.py, line 2: ZeroDivisionError: division by zero"),
        ("raise RuntimeError('one\\ntwo')", r"broken\.py, line 1: RuntimeError: one two"),
        ("import nowhere_to_be_found\n", r"broken\.py, line 1: ModuleNotFoundError: No module named"),
        ("from saddle.networks import Dense\nDense(width=0)\n", r"broken\.py, line 2: Dense: width is 0, but"),
        ("x = 1\n", r"broken\.py defines no recipe; write a frozen dataclass that derives from saddle\.core\.Recipe"),
        ("from saddle.recipes.gan import GAN\n", r"broken\.py defines no recipe"),
        ("\0", r"broken\.py, line 1: (Syntax|Value)Error"),
    ],
)
def test_a_broken_file_is_answered_with_its_line(tmp_path, text, words):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(Mistake, match=words) as refusal:
        find(f"{path}:MyGAN")
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(Mistake, match=r"there is no file .*none\.py"):
        find(f"{tmp_path / 'none.py'}:MyGAN")
    with pytest.raises(Mistake, match=r"there is no file none\.py"):
        find("none.py")
