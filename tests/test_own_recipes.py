"""What is wrong in a recipe file of one's own is told by its file and line, in one sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from saddle.cli import main
from saddle.clock import Clock
from saddle.core import Judge, as_leaf
from saddle.errors import Mistake
from saddle.inference.load import load
from saddle.penalties import R1

START = """\
from dataclasses import dataclass

import torch
from torch import nn

from saddle.batches import Images
from saddle.core import Verdict
from saddle.recipe import Recipe
from saddle.shape import Shape
from saddle.games import Adversarial
from saddle.networks import Dense
from saddle.optim import Adam


class Critic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, x, condition=None):
        h = x.flatten(1)
        return Verdict(self.layer(h).squeeze(1), h)


@dataclass(frozen=True)
class MyGAN(Recipe[Images]):
    networks: Dense = Dense(latent=2, width=8)
    batch: int = 8

    def game(self, data: Shape) -> Adversarial:
        return Adversarial(self.networks.generator(data), Critic(), self.networks.latent)

    def steps(self, player: str) -> Adam:
        return Adam(lr=2e-4)
"""
GAME = "        return Adversarial("
RUN = ("--data", "ring", "--images", "32", "--pictures", "0", "--quiet", "--out", "run")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    Path("mine.py").write_text(text)
    code = main(["train", "mine.py:MyGAN", *RUN])
    return code, capsys.readouterr().err


def lines(text: str, sign: str) -> int:
    """The line of a text that holds this."""
    return next(i for i, line in enumerate(text.splitlines(), 1) if sign in line)


@pytest.mark.parametrize(
    ("old", "new", "sign", "words"),
    [
        ("def game(", "def gaem(", "class MyGAN", "MyGAN has no method game; write def game(self, data: Shape)"),
        ("def steps(", "def step(", "class MyGAN", "MyGAN has no method steps; write def steps(self, player"),
        ("    batch: int = 8\n", "", "class MyGAN", "MyGAN has no field batch, the images of a critic's move"),
        ("batch: int = 8", "batch: int = 8\n    width = 3", "class MyGAN", "MyGAN has width without a type, which"),
        ("networks: Dense", "networks: 'Dens'", "class MyGAN", "type cannot be read: NameError: name 'Dens'"),
        ("(frozen=True)", "", "class MyGAN", "MyGAN is no frozen dataclass; write @dataclass(frozen=True)"),
        (GAME, "        return Adversrial(", "return Adversrial", "NameError: name 'Adversrial'"),
        (GAME, "        return 5 or (", "", "MyGAN.game returned int, but should return a Game"),
        ("nn.Linear(2, 1)", "nn.LazyLinear(1)", "", "critic.layer.weight of MyGAN's game has no size before a"),
        ("return Adam(lr=2e-4)", "return Adam(rate=1)", "Adam(rate", "TypeError: Adam.__init__() got an"),
        ("return Adam(lr=2e-4)", "return None", "class MyGAN", "AttributeError: 'NoneType'"),
        ("from torch import nn", "from torch import nnn", "import nnn", "ImportError: cannot import name 'nnn'"),
        ("        h = x", "        h == x", "h == x", "NameError: name 'h' is not defined"),
        ("x.flatten(1)", "x.flatten(1", "x.flatten", "SyntaxError: '(' was never closed"),
        ("batch: int = 8", "batch: int = 8\n\n    def __post_init__(self): 1 / 0", "1 / 0", "ZeroDivisionError"),
    ],
)  # fmt: skip
def test_a_file_is_told_what_it_lacks(old, new, sign, words, capsys):
    text = START.replace(old, new)
    assert text != START
    code, said = trained(text, capsys)
    assert code == 2 and said.count("\n") == 1 and words in said and not Path("run").exists()
    assert f"mine.py, line {lines(text, sign)}: " in said or not sign


@pytest.mark.parametrize(
    ("new", "code", "words"),
    [
        ("nn.LazyLinear(1)", 2, "saddle: critic.layer.weight of MyGAN's game has no size before a batch is seen"),
        ("1 / 0", 2, "saddle: mine.py, line 18: ZeroDivisionError: division by zero"),
        ("nn.Linear(2, int(torch.ones(3).sum().item()))", 0, ""),  # which needs numbers
    ],
)
def test_a_file_is_shown_or_told_what_is_wrong(new, code, words, capsys):
    Path("mine.py").write_text(START.replace("nn.Linear(2, 1)", new))
    assert main(["show", "mine.py:MyGAN", "--data", "ring"]) == code
    said = capsys.readouterr()
    assert said.err.startswith(words) and said.err.count("\n") == (code == 2)
    assert code or "9 parameters" in said.out


@pytest.mark.parametrize(
    ("old", "new", "sign", "words"),
    [
        ("        h = x.flatten(1)", "        h = x.flaten(1)", "flaten", "AttributeError: 'Tensor' object"),
        ("nn.Linear(2, 1)", "nn.Linear(3, 1)", "Verdict(self", "RuntimeError: (addmm: )?mat1 and mat2 shapes"),
        ("    h = x.flatten(1)", "    assert False, 'a\\nb'", "assert", "AssertionError: a b"),
        ("        h = x.flatten(1)", "        return self(x)", "return self(x)", "RecursionError: "),
    ],
)  # fmt: skip
def test_an_error_in_a_round_is_told_by_the_users_line(old, new, sign, words, capsys):
    text = START.replace(old, new)
    code, said = trained(text, capsys)
    assert code == 2 and said.count("\n") == 1
    assert re.search(rf"mine\.py, line {lines(text, sign)}: {words}", said)
    assert not Path("run").exists()  # a round is rehearsed before anything is written


def judged(turn: str) -> str:
    """The recipe with a critic's turn of its own."""
    own = f"""class Own(Adversarial):
    def critic_turn(self, judge, batch, fake):
        real, fake = judge(batch.image), judge(fake.detach())
        {turn}


@dataclass(frozen=True)
class MyGAN"""
    return START.replace("@dataclass(frozen=True)\nclass MyGAN", own).replace(GAME, "        return Own(")


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        ("yield self.critic_move(judge, real, fake)", "the critic_turn of Own should return what it has judged"),
        ("yield self.critic_move(judge, real, fake); return real", "end it with return real, fake"),
        ("return real, fake", "the round of Own yields Judged, but should yield a Move, several in a tuple"),
        ("yield real.score.mean(); return real, fake", "the round of Own yields Tensor, but should yield a Move"),
        ("from saddle.core import Move; yield Move(self.critic, mine=real.score); return real, fake",
         "the term mine of a move is of shape (8,), but should be one number"),
        ("from saddle.core import Move; yield Move(self.critic, mine=0.5); return real, fake",
         "the term mine of a move is float, but should be one number"),
        ("from saddle.core import Move; yield Move((self.critic,), mine=real.score.mean()); return real, fake",
         "a move is made by tuple, but should be made by networks of the game, one or several, as Move(self.encoder"),
        ("from saddle.core import Move; yield Move(self.critic.layer, mine=real.score.mean()); return real, fake",
         "a move is made by Linear, which is no player of Own; its players are generator and critic"),
    ],
)  # fmt: skip
def test_a_turn_that_the_game_cannot_be_played_with_is_told_in_one_sentence(turn, words, capsys):
    code, said = trained(judged(turn), capsys)
    assert code == 2 and said.count("\n") == 1 and words in said and not Path("run").exists()


def test_an_error_late_in_a_run_names_the_last_checkpoint_and_can_be_mended(capsys):
    late = "        self.calls = getattr(self, 'calls', 0) + 1\n        assert self.calls < 150, 'late'\n"
    Path("mine.py").write_text(START.replace("        h = x", late + "        h = x"))
    long = [*RUN[:3], "1000", *RUN[4:], "--checkpoints", "1e-6"]
    assert main(["train", "mine.py:MyGAN", *long]) == 1
    said = capsys.readouterr().err
    assert "mine.py, line 22: AssertionError: late; the last good checkpoint is run/checkpoints/" in said
    Path("mine.py").write_text(START)
    assert main(["resume", "run"]) == 2 and "line 21 of mine.py was" in capsys.readouterr().err
    assert main(["resume", "run", "--code", "file"]) == 0
    load("run").sample(2)


def test_a_recipe_that_knows_its_batch_and_width_by_heart_is_played(capsys):
    """A round is rehearsed in small; what fails there is told only if it fails as it will be played."""
    text = START.replace("Dense(latent=2, width=8)", "Dense(latent=2, width=16)").replace(
        GAME, f"        assert self.networks.width == 16\n{GAME}"
    )
    text = text.replace("x.flatten(1)", "x.reshape(12, 2)").replace("batch: int = 8", "batch: int = 12")
    Path("mine.py").write_text(text)
    run = [*RUN[:3], "24", "--pictures", "0", "--out"]
    assert main(["train", "mine.py:MyGAN", *run, "played", "--quiet"]) == 0 and not capsys.readouterr().err
    assert main(["train", "mine.py:MyGAN", *run, "refused", "--batch", "8"]) == 2
    assert f"mine.py, line {lines(text, 'reshape')}: RuntimeError" in capsys.readouterr().err


def test_modules_beside_a_recipe_are_told_too(capsys):
    Path("parts.py").write_text("import torch\n\n\ndef half(x):\n    return x / torch.nothing\n")
    text = START.replace("        h = x.flatten(1)", "        h = half(x.flatten(1))")
    code, said = trained(text.replace("import torch\n", "import torch\nfrom parts import half\n", 1), capsys)
    assert code == 2 and "parts.py, line 5: AttributeError: module 'torch' has no attribute 'nothing'" in said


def test_a_critic_of_scores_alone_and_slopes_at_no_leaf_are_told(capsys):
    code, said = trained(START.replace("return Verdict(self.layer(h).squeeze(1), h)", "return self.layer(h)"), capsys)
    assert code == 2 and said.count("\n") == 1 and "a critic answers with Verdict(score, features), not with a" in said
    judge, x = Judge(lambda x, condition: (x.sum(1), x), Clock()), torch.ones(4, 2)
    with pytest.raises(Mistake, match=r"judge them as leaves, judge\(as_leaf\(images\)\)"):
        R1()(judge, judge(x), judge(x))
    assert R1()(judge, judge(as_leaf(x)), judge(x)) == 1


def test_samples_of_another_size_than_the_data_are_refused(capsys):
    """By a critic that takes any size too, which would learn to tell sizes."""
    text = START.replace("x.flatten(1)", "x.mean((2, 3))").replace(
        "networks.generator(data)", "networks.generator(data._replace(height=2))")  # fmt: skip
    code, said = trained(text, capsys)
    assert code == 2 and said.count("\n") == 1 and not Path("run").exists()
    assert "Adversarial makes samples of (channels, height, width) (2, 2, 1) where the data are (2, 1, 1)" in said
