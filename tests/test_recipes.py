"""Recipes: found by name or in a file, read back from their text, played as their papers say."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from narrow import shape, small
from saddle.batches import Images
from saddle.capabilities import capabilities_of, make_from
from saddle.cli.showing import trainable_sizes, unmade_game
from saddle.clock import Clock, value_at
from saddle.columns import random_column
from saddle.core import Agree, Move
from saddle.errors import Mistake
from saddle.hints import comments
from saddle.networks import (
    Convolutional,
    FlowTransformer,
    GroupedResidual,
    MirroredAutoencoding,
    Modulated,
    PatchTransformer,
    Progressive,
    ResidualAutoencoder,
    Styled,
)
from saddle.objectives import NonSaturating, Wasserstein
from saddle.optim import SGD, Ramp
from saddle.options import parse_value
from saddle.recipes import RECIPES, find_recipe
from saddle.recipes.capable import game_class
from saddle.recipes.gan import GAN
from saddle.recipes.kinds import VALUE_TYPES, find_value_types
from saddle.recipes.rehearsal import random_batch
from saddle.recipes.revive import configure_recipe, name_recipe
from saddle.recipes.wgan_gp import WGANGP
from saddle.shape import Classes, Picture, Shape, Text

MINE = '''
from __future__ import annotations
from dataclasses import dataclass
from saddle.recipe import Recipe
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

    def game(self, data):
        raise ValueError("no game")

    def steps(self, player):
        return Adam(1e-3)

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


class Batches(Iterator[Any]):
    """Endless batches, counted; with labels where there are classes."""

    def __init__(self, data: Shape, batch: int, kind: type[Any] = Images) -> None:
        self.data, self.batch, self.kind, self.drawn = data, batch, kind, 0

    def __next__(self) -> Any:
        self.drawn += 1
        if self.kind is not Images:
            return random_batch(self.kind, self.data, self.batch, torch.device("cpu"))
        return Images(torch.rand(self.batch, *self.data[:3]) * 2 - 1, labels(self.batch, self.data))


def labels(n: int, data: Shape) -> torch.Tensor | None:
    return torch.arange(n) % data.classes if data.classes else None


def play(name: str, rounds: int) -> tuple[list[list[str]], int]:
    """Who moved together, turn by turn, and how many batches that took; every move is made, by plain descent."""
    torch.manual_seed(0)
    recipe, data = small(name), shape(name)
    game, batches = recipe.game(data), Batches(data, recipe.batch, recipe.batch_type)
    names = {module: key for key, module in game.named_children()}
    seen = []
    for i in range(rounds):
        for turn in game.round(batches, Clock(round=i, stage=STAGE.get(name, 0))):
            if isinstance(turn, Agree):
                turn.tell(turn.value.detach())
                continue
            moves = (turn,) if isinstance(turn, Move) else turn
            seen.append([names[player] for move in moves for player in move.players])
            step(moves, unused=name in GROWING or name in LAZY)
    return seen, batches.drawn


def step(moves: tuple[Move, ...], unused: bool) -> None:
    """Plain descent; of networks that grow, some levels are not played with, nor all biases by regularisers."""
    own = [[p for player in move.players for p in player.parameters()] for move in moves]
    grads = [torch.autograd.grad(m.loss, ps, retain_graph=True, allow_unused=unused, materialize_grads=unused)
             for m, ps in zip(moves, own, strict=True)]  # fmt: skip
    assert all(term.isfinite() for move in moves for term in move.terms.values())
    with torch.no_grad():
        for p, g in zip(chain(*own), chain(*grads), strict=True):
            assert g.isfinite().all()
            p.sub_(1e-3 * g)


GROWING = ("pggan", "stylegan")
TOGETHER = ("gan", "gan-minimax", "consensus", "began")
MOVES = {  # of the critic and of the generator in a round, where it is not one each
    **dict.fromkeys([name for name in RECIPES if name.startswith(("wgan-gp", "ct-gan", "sn-gan"))], (5, 1)),
    "projection-gan": (5, 1), "wgan-div": (4, 1), "wgan-div-cifar": (4, 1), "gan-qp": (2, 1), "t-gan": (1, 2),
    "pacgan": (1, 2), "biggan-cifar": (4, 1),
}  # fmt: skip
LAZY = {  # moves of the critic and of the generator in a first round, in which regularisers make moves of their own
    "stylegan2": (2, 2), "stylegan2-ada": (2, 2), "stylegan2-ada-cifar": (2, 1), "stylegan2-ada-small": (2, 1),
}  # fmt: skip
CODED, MEASURED = [["encoder", "generator"]], [["encoder", "generator", "likelihood"]]
PAIRED_CODES, AT_ONCE = [["critic"], ["encoder", "generator"]], [["critic", "encoder", "generator"]]
INTROSPECTIVE = [["encoder"], ["generator"]]
FLOWS = {  # turns of a round, of one batch, in games of other players than a generator against a critic
    "label-regression": [["generator"]], "gaussian-mixture": [["generator"]], "gaussian-mixture-em": [["generator"]],
    "ae": CODED, "ae-dense": CODED, "vae": CODED, "vae-dense": CODED, "vae-plane": CODED, "vae-gaussian": CODED,
    "vae-sigma": MEASURED, "vae-toy": MEASURED,
    "introvae": INTROSPECTIVE, "introvae-1024": INTROSPECTIVE,
    "soft-introvae": INTROSPECTIVE, "soft-introvae-toy": INTROSPECTIVE,
    "vae-gan": [["encoder", "generator", "critic"]], "aae": [*CODED, ["critic"], ["encoder"]],
    "bigan": PAIRED_CODES, "bigan-dense": PAIRED_CODES, "bigan-qp": [["critic"], *PAIRED_CODES],
    "ali": AT_ONCE, "ali-cifar": AT_ONCE,
    "cyclegan": [["generator", "generator_back"], ["critic", "critic_back"]],
    "seqgan": [["generator"], ["critic"], ["critic"]],
    "adversarial-flow": [["critic"], ["generator"]], "adversarial-flow-toy": [["critic"], ["generator"]],
    "cut": [["critic"], ["generator", "projector"]], "fastcut": [["critic"], ["generator", "projector"]],
}  # fmt: skip
TWICE = ("bigan-qp", "seqgan", "adversarial-flow", "adversarial-flow-toy")  # of two batches
READING = ("gan-cls", "gan-int", "gan-int-cls")  # whose first stage is a reader's alone
UNBOUNDED = (
    GroupedResidual,
    MirroredAutoencoding,
    ResidualAutoencoder,
    PatchTransformer,
    FlowTransformer,
    Progressive,
    Modulated,
    Styled,
)
UNNUMBERED = ("ae", "ae-dense", "gaussian-mixture", "gaussian-mixture-em")  # papers that are not on arXiv
STAGE = {**dict.fromkeys(READING, 1), "seqgan": 2}  # in which both play


def order(name: str, round: int) -> list[list[str]]:
    if name in FLOWS:
        return FLOWS[name]
    first = {} if round else LAZY
    critic, generator = {"wgan": (3 if round else 7, 1)}.get(name) or first.get(name) or MOVES.get(name, (1, 1))
    return [["critic", "generator"]] if name in TOGETHER else [["critic"]] * critic + [["generator"]] * generator


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_plays_in_its_papers_order(name):
    turns, batches = play(name, rounds=2)
    assert turns == order(name, 0) + order(name, 1)
    steady = name in FLOWS or name in LAZY
    assert batches == (2 + 2 * (name in TWICE) if steady else sum("critic" in players for players in turns))


def test_wgans_critic_moves_a_hundred_times_at_first_and_every_500_rounds():
    turns = find_recipe("wgan")[0].turns
    assert [turns.critic(Clock(i)) for i in (0, 24, 25, 499, 500, 501)] == [100, 100, 5, 5, 100, 5]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_what_its_text_says(name):
    recipe, entry = find_recipe(name)
    assert parse_value(repr(recipe), VALUE_TYPES) == recipe
    changed = replace(small(name), batch=12, optimizer=SGD(Ramp(0.5, 0.7, 10)))
    assert parse_value(repr(changed), find_value_types(entry)) == changed != recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_makes_what_it_is_shown(name):
    recipe, data = small(name), shape(name)
    game = recipe.game(data)
    with torch.no_grad():
        before = (
            random_column(data.condition, 6, torch.device("cpu"))
            if isinstance(data.condition, Picture | Text)
            else None
        )
        made = make_from(game, torch.rand(6, *data[:3]), labels(6, data) if before is None else before)
    free = isinstance(recipe.networks, UNBOUNDED)  # that end without tanh
    bounded = not data.points and not free
    assert made.shape == (6, *data[:3]) and made.isfinite().all() and (not bounded or made.abs().max() <= 1)
    assert made[0].ne(made[3]).any()  # of one class
    assert capabilities_of(type(game)) == capabilities_of(game_class(recipe))  # that it says without making one
    assert not {id(p) for p in game.parameters()} & {id(p) for p in recipe.game(data).parameters()}


@pytest.mark.parametrize("name", RECIPES)
def test_every_player_has_steps_and_every_field_a_word_of_help(name):
    recipe, entry = find_recipe(name)
    counts = trainable_sizes(unmade_game(small(name), shape(name)))  # as `saddle show` has them, on no device
    assert set(counts) == {*chain(*order(name, 0)), *(["reader"] if name in READING else [])}
    for player in counts:
        layer = nn.Linear(2, 2)
        optimizer = recipe.steps(player).build(layer.parameters())
        recipe.steps(player).tune(optimizer, Clock(1000, 64_000, 0.5))
        assert optimizer.param_groups[0]["lr"] > 0
    helps = comments(type(recipe))
    assert all(helps[field.name] for field in fields(recipe)), helps
    assert entry.summary and re.fullmatch(r"\d{4}\.\d{4,5}" * (name not in UNNUMBERED), recipe.paper.arxiv)


COUNTS = {  # of the authors' own networks, counted apart from ours
    "gan": (Shape(1, 28, 28), 2_503_984, 1_231_441),
    "dcgan": (Shape(3, 64, 64), 3_576_704, 2_765_568),
    "dcgan-28": (Shape(1, 28, 28), 2_597_825, 208_513),
    "wgan-gp-toy": (Shape(2, 1, 1), 527_874, 527_361),
    "wgan-gp-cifar": (Shape(3, 32, 32), 1_204_483, 1_053_825),
    "sn-gan": (Shape(3, 32, 32), 3_813_379, 2_935_873),
    "sn-gan-residual": (Shape(3, 32, 32), 4_276_739, 1_053_824),
    "projection-gan": (Shape(3, 32, 32, Classes(10)), 4_304_387, 1_055_104),
    "biggan": (Shape(3, 128, 128, Classes(1000)), 70_433_988, 87_982_370),
    "biggan-cifar": (Shape(3, 32, 32, Classes(10)), 4_304_387, 4_207_361),
    "r3gan-cifar": (Shape(3, 32, 32), 20_732_160, 20_683_776),
    "stylegan2": (Shape(3, 1024, 1024), 30_370_060, 29_012_513),
    "stylegan2-ada-cifar": (Shape(3, 32, 32), 19_947_539, 20_720_641),
    "r3gan-cifar-labelled": (Shape(3, 32, 32, Classes(10)), 20_781_952, 21_280_512),
    "r3gan-ffhq-64": (Shape(3, 64, 64), 22_429_824, 22_381_440),
    "r3gan-ffhq-256": (Shape(3, 256, 256), 23_057_952, 23_009_568),
    "r3gan-imagenet-32": (Shape(3, 32, 32, Classes(1000)), 82_914_304, 86_548_992),  # published as 82.9M and 86.5M
    "r3gan-imagenet-64": (Shape(3, 64, 64, Classes(1000)), 103_570_432, 107_205_120),  # as 103.6M and 107.2M
    "began": (Shape(3, 64, 64), 1_716_611, 13_405_379),
    "vgan": (Shape(3, 32, 32), 1_700_196 - 4096 - 1, 779_361),  # theirs embeds its only label: a second bias
    "pggan": (Shape(3, 256, 256), 23_044_309, 23_052_353),
    "stylegan": (Shape(3, 1024, 1024), 26_219_627, 23_087_249),
    "unrolled-gan-toy": (Shape(2, 1, 1), 49_666, 17_025),  # 256-128-128-2 against 2-128-128-1
    "nagarajan-kolter-toy": (Shape(2, 1, 1), 49_666, 513),  # 256-128-128-2 against 2-128-1
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_recipe_has_its_authors_networks(name):
    data, *counts = COUNTS[name]
    with torch.device("meta"):
        game = find_recipe(name)[0].game(data)
    assert [sum(p.numel() for p in player.parameters()) for player in (game.generator, game.critic)] == counts


@pytest.mark.parametrize("name", ["r3gan-cifar", "roth-annealed", "instance-noise", "label-noise"])
def test_what_a_recipe_anneals(name):
    recipe = find_recipe(name)[0]
    number = recipe.penalties[-1].weight if recipe.penalties else recipe.views[0].std
    now = [value_at(number, Clock(images=images, share=images / 4e7)) for images in (0, 20_000_000, 40_000_000)]
    expected = {"r3gan-cifar": (0.05, 0.005, 0.005), "roth-annealed": (2.0, 0.2, 0.02),
                "instance-noise": (0.3, 0.15, 0.0), "label-noise": (0.1, 0.05, 0.0)}  # fmt: skip
    assert now == pytest.approx(expected[name])


def test_kinds_have_one_name_each():
    assert len({kind.__name__ for kind in VALUE_TYPES}) == len(VALUE_TYPES)


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
    adam = find_recipe("wgan-gp-cifar")[0].steps("critic")
    optimizer = adam.build(nn.Linear(1, 1).parameters())
    rates = []
    for share in (0.0, 0.25, 1.0):
        adam.tune(optimizer, Clock(share=share))
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([2e-4, 1.5e-4, 0])


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_as_a_value_has_its_name_and_what_was_changed(name):
    recipe = find_recipe(name)[0]
    assert name_recipe(recipe, {}) == (name, {})
    assert configure_recipe(*name_recipe(replace(recipe, batch=7), {})) == replace(recipe, batch=7)


def test_parts_can_be_exchanged():
    recipe = replace(find_recipe("dcgan")[0], networks=Convolutional(4, 4, False), objective=Wasserstein(), batch=6,
                     penalties=WGANGP().penalties)  # fmt: skip
    game = recipe.game(Shape(1, 16, 16))
    (move, *_) = game.round(Batches(Shape(1, 16, 16), 6), Clock())
    assert set(move.terms) == {"adversarial", "GradientPenalty"}


def test_a_wrong_size_is_refused_before_anything_begins():
    for name in ("dcgan", "wgan-gp", "wgan-gp-cifar"):
        with pytest.raises(Mistake, match="--size 32"):
            find_recipe(name)[0].game(Shape(1, 30, 30))


@pytest.mark.parametrize("name", [name for name in RECIPES if name.startswith(
    ("cgan", "label-regression", "ac-gan", "projection"))])  # fmt: skip
def test_a_recipe_of_classes_says_what_to_do_without_labels(name):
    with pytest.raises(Mistake, match=r"^[^.;]* is told the class of each sample, but .* no labels; .*--labels") as no:
        small(name).game(shape(name)._replace(condition=None))
    assert "\n" not in str(no.value)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(Mistake, match=r"no recipe dgcan; did you mean dcgan\?"):
        find_recipe("dgcan")
    with pytest.raises(Mistake, match=r"no recipe zzz; saddle list shows .* file\.py:Name"):
        find_recipe("zzz")


def test_the_table_is_read_without_torch():
    code = "import sys; from saddle.recipes import RECIPES; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_of_ones_own(mine):
    recipe, entry = find_recipe(f"{mine}:MyGAN")
    assert recipe.batch == 7 and entry.summary == "Mine, for tests."
    assert find_recipe(f"{mine}:MyGAN")[0] == recipe  # the same text is one and the same module
    assert parse_value(repr(recipe), find_value_types(entry)) == recipe
    assert Path(sys.modules[entry.module].__file__) == mine.resolve()  # where a later run finds it again
    fast, entry = find_recipe(f"{mine}:fast")
    assert (
        isinstance(fast, WGANGP)
        and fast.optimizer.lr == 1e-3
        and parse_value(repr(fast), find_value_types(entry)) == fast
    )
    mine.write_text(MINE.replace("= 7  #", "= 9  #"))
    assert find_recipe(f"{mine}:MyGAN")[0].batch == 9
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
        find_recipe(f"{mine}:{name}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\ny = x +\n", r"broken\.py, line 2: SyntaxError: invalid syntax"),
        ("def f():\n    return 1 / 0\n\n\nf()\n", r"broken\.py, line 2: ZeroDivisionError: division by zero"),
        ("raise RuntimeError('one\\ntwo')", r"broken\.py, line 1: RuntimeError: one two"),
        ("import nowhere_to_be_found\n", r"broken\.py, line 1: ModuleNotFoundError: No module named"),
        ("from saddle.networks import Dense\nDense(width=0)\n", r"broken\.py, line 2: Dense: width is 0, but"),
        ("x = 1\n", r"broken\.py defines no recipe; write a frozen dataclass that derives from saddle\.recipe\.Recipe"),
        ("from saddle.recipes.gan import GAN\n", r"broken\.py defines no recipe"),
        ("\0", r"broken\.py, line 1: (Syntax|Value)Error"),
    ],
)
def test_a_broken_file_is_answered_with_its_line(tmp_path, text, words):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(Mistake, match=words) as refusal:
        find_recipe(f"{path}:MyGAN")
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(Mistake, match=r"there is no file .*none\.py"):
        find_recipe(f"{tmp_path / 'none.py'}:MyGAN")
    with pytest.raises(Mistake, match=r"there is no file none\.py"):
        find_recipe("none.py")
