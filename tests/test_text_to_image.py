"""Text to image: the matching loss, wrong texts, means of two, who learns by what, and samples of texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from narrow import small
from saddle import load, resume, train
from saddle.batches import Captioned, Images
from saddle.cli import main
from saddle.clock import Clock
from saddle.core import Agree, Move, Verdict
from saddle.data.array_dataset import ArrayDataset
from saddle.data.captioned import text_column
from saddle.data.glyph_captions import glyph_caption
from saddle.errors import Mistake
from saddle.games.text_to_image import TextToImage, differ, joint_embedding, next_other, whole_rows
from saddle.networks import CharacterReader, TextConvolutional, WordReader
from saddle.optim import SGD
from saddle.parts import Shard, use_shard
from saddle.recipes.gan_cls import GANCLS
from saddle.shape import Codes, Shape, Text
from saddle.texts import describe_texts, to_tokens
from saddle.training.machine import Machine
from saddle.training.match import Match, MatchOptions

TEXTS = ["a red cat", "a blue cat", "a red dog", "a red cat", "a blue dog", "two dogs, asleep"]
HOLDS = describe_texts(TEXTS)


def told_game(**fields: Any) -> TextToImage:
    torch.manual_seed(0)
    return replace(small("gan-cls"), **fields).game(Shape(1, 16, 16, HOLDS))  # type: ignore[arg-type,return-value]


def batches(n: int = 6) -> Iterator[Captioned]:
    dice = torch.Generator().manual_seed(1)
    while True:
        yield Captioned(torch.rand(n, 1, 16, 16, generator=dice) * 2 - 1, to_tokens(TEXTS, HOLDS)[:n])


def match(**how: Any) -> Match[Any]:
    """A run of 16 images for the reader, 144 for the game; by SGD, since Adam makes a step even of mere rounding."""
    slow = {"optimizer": SGD(0.01), "reader_optimizer": SGD(0.01), "batch": 8}
    recipe = replace(small("gan-int-cls"), **slow)  # type: ignore[arg-type]
    dice = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (24, 16, 16, 1), generator=dice, dtype=torch.uint8).numpy()
    data = ArrayDataset("told", pixels, more={"caption": text_column(TEXTS * 4, "caption")}).with_fingerprint()
    where = Machine(torch.device("cpu"), torch.float32, "for tests")
    return Match(recipe, data, 160, where, MatchOptions(seed=3, ema=40, **how))


def moves(game: TextToImage, clock: Clock) -> dict[str, Move]:
    names = {module: name for name, module in game.named_children()}
    found: dict[str, Move] = {}
    for turn in game.round(batches(), clock):
        assert not isinstance(turn, Agree), "one part needs no others"
        for move in (turn,) if isinstance(turn, Move) else turn:
            found["+".join(names[player] for player in move.players)] = move
    return found


def reached(loss: Tensor, game: nn.Module) -> set[str]:
    """The networks that a loss has a slope in."""
    game.zero_grad(set_to_none=True)
    loss.backward(retain_graph=True)
    learns = {name for name, p in game.named_parameters() if p.grad is not None and bool(p.grad.ne(0).any())}
    return {name.split(".")[0] for name in learns}


def test_the_matching_loss_in_closed_form():
    agreement = torch.tensor([[2.0, 1.5, 0.0], [1.0, 1.0, 3.0], [0.0, 0.0, 4.0]])
    tokens = torch.tensor([[1], [2], [3]])
    # images: hinges of 1 + F(v_n, t) - F(v_n, t_n); texts: of 1 + F(v, t_n) - F(v_n, t_n)
    expected = torch.tensor([(0.5 + 0) / 2 + (0 + 0) / 2, (1 + 3) / 2 + (1.5 + 0) / 2, 0 + (0 + 0) / 2])
    torch.testing.assert_close(joint_embedding(agreement, differ(tokens)), expected)
    same = differ(torch.tensor([[1], [1], [2]]))  # equal texts are not set against one another
    torch.testing.assert_close(joint_embedding(agreement, same)[0], torch.tensor(0.0))


def test_the_wrong_text_is_the_next_other_one_of_the_whole_batch():
    tokens = to_tokens(TEXTS, HOLDS)
    assert next_other(differ(tokens)).tolist() == [1, 2, 3, 4, 5, 0]
    assert next_other(differ(tokens[[0, 3, 1]])).tolist() == [2, 2, 0]
    assert next_other(differ(tokens[[0, 3]])).tolist() == [0, 1]
    game, halves, whole = nn.Module(), [tokens[:3], tokens[3:]], []
    plays = []
    for i, half in enumerate(halves):
        with use_shard(Shard(i, 2)):
            plays.append(play := whole_rows(game, half))
            turn = next(play)
            assert isinstance(turn, Agree)
            whole.append(turn)
    whole[0].tell(torch.stack([turn.value for turn in whole]).mean(0))
    for i, play in enumerate(plays):
        with use_shard(Shard(i, 2)), pytest.raises(StopIteration) as end:
            next(play)
        assert torch.equal(end.value.value, tokens)


def test_each_loss_reaches_its_own_networks_alone():
    game = told_game(interpolated=1.0)
    first = moves(game, Clock())
    assert first.keys() == {"reader"} and reached(first["reader"].loss, game) == {"reader"}
    then = moves(game, Clock(stage=1, share=0.5))
    assert then.keys() == {"critic", "generator"}
    assert then["critic"].terms.keys() == {"adversarial", "mismatched"}
    assert then["generator"].terms.keys() == {"adversarial", "interpolated"}
    for name, move in then.items():
        for term in move.terms.values():
            assert reached(term, game) == {name}


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_critics_loss_is_the_papers(share: float):
    """L_D = sp(-s_r) + (1 - w) sp(s_f) + w sp(s_w); without wrong texts that of any GAN."""
    game = told_game(mismatched=share).eval()
    torch.manual_seed(3)
    loss = moves(game, Clock(stage=1))["critic"].loss
    torch.manual_seed(3)
    image, tokens = next(batches())
    fake = game.make(game.latents(image), tokens)
    right, wrong = game.told(tokens), game.told(tokens[next_other(differ(tokens))])
    s_r, s_f, s_w = (game.critic(x, t).score for x, t in ((image, right), (fake, right), (image, wrong)))
    expected = softplus(-s_r).mean() + (1 - share) * softplus(s_f).mean() + share * softplus(s_w).mean()
    torch.testing.assert_close(loss, expected)


def test_the_interpolated_term_is_of_half_the_batch_at_means_of_two_codes():
    game = told_game(interpolated=2.0).eval()
    torch.manual_seed(3)
    term = moves(game, Clock(stage=1))["generator"].terms["interpolated"]
    torch.manual_seed(3)
    image, tokens = next(batches())
    game.latents(image)  # of the fakes
    mean = (game.told(tokens) + game.told(tokens[next_other(differ(tokens))])) / 2
    score = game.critic(game.generator(game.latents(image)[::2], mean[::2]), mean[::2]).score
    torch.testing.assert_close(term, 2.0 * softplus(-score).mean())


def test_the_best_critic_of_a_table_is_the_papers():
    """On pictures and texts of few kinds D = r / (r + w / 2 + f / 2), of how often (x, t) is real, wrong, made.

    There the slope of the loss vanishes; it is convex in the scores, so the loss is lowest there.
    """
    dice = torch.Generator().manual_seed(0)
    texts = torch.randint(2, 5, (40, 1), generator=dice)
    real = (torch.rand(40, generator=dice) < (texts[:, 0] - 1) / 4).long()  # of which kind each picture is
    made = (torch.rand(40, generator=dice) < 0.5).long()
    wrong = texts[next_other(differ(texts))]
    r, w, f = (torch.zeros(2, 5) for _ in "rwf")
    for kinds, said, count in ((real, texts, r), (real, wrong, w), (made, texts, f)):
        count.index_put_((kinds, said[:, 0]), torch.ones(40), accumulate=True)
    assert bool((r > 0)[:, 2:].all() and (w + f > 0)[:, 2:].all())
    best = torch.where(r > 0, (r / ((w + f) / 2)).log(), 0.0)
    assert float(best.abs().max()) > 0.5

    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scores = nn.Parameter(best.clone())

        def forward(self, x: Tensor, condition: Tensor) -> Verdict:
            return Verdict(self.scores[x.flatten().long(), condition[:, 0].long()], x)

    class Told(nn.Module):
        learns = False

        def forward(self, tokens: Tensor) -> Tensor:
            return tokens.float()

    game = TextToImage(nn.Identity(), Table(), 1, reader=Told())
    judge = game.open_judge(texts, Clock())
    move = next(game.critic_turn(judge, Images(real.view(40, 1, 1, 1).float(), texts), made.view(40, 1, 1, 1).float()))
    assert isinstance(move, Move)
    (slope,) = torch.autograd.grad(move.loss, list(game.critic.parameters()))
    assert float(slope.abs().max()) < 1e-6


def conv(inputs: int, outputs: int, kernel: int) -> int:
    return inputs * outputs * kernel**2 + outputs


def residual(width: int) -> int:
    """1x1, 3x3 and 3x3 with a quarter inside, each with its normalisation."""
    inner = width // 4
    return conv(width, inner, 1) + conv(inner, inner, 3) + conv(inner, width, 3) + 2 * (inner + inner + width)


def test_the_papers_networks_have_its_layers():
    """Section by section: text, 4x4, bottleneck, 8x8, bottleneck, 16, 32, 64; and down again beside the text."""
    g, d, t, size = 128, 64, 128, 1024
    generator = conv(size, t, 1) + conv(100 + t, 8 * g, 4) + 16 * g + residual(8 * g) + conv(8 * g, 4 * g, 4) + 8 * g
    generator += residual(4 * g) + conv(4 * g, 2 * g, 4) + 4 * g + conv(2 * g, g, 4) + 2 * g + conv(g, 3, 4)
    critic = conv(3, d, 4) + conv(d, 2 * d, 4) + 4 * d + conv(2 * d, 4 * d, 4) + 8 * d + conv(4 * d, 8 * d, 4) + 16 * d
    critic += residual(8 * d) + conv(size, t, 1) + 2 * t + conv(8 * d + t, 8 * d, 1) + 16 * d + conv(8 * d, 1, 4)
    data = Shape(3, 64, 64, Codes(size))
    with torch.device("meta"):
        made = TextConvolutional().generator(data), TextConvolutional().critic(data)
    assert tuple(sum(p.numel() for p in network.parameters()) for network in made) == (generator, critic)


@pytest.mark.parametrize("value", [WordReader(8, 8), CharacterReader(8, 8)], ids=["words", "characters"])
def test_a_readers_code_is_the_texts_own(value: Any):
    torch.manual_seed(0)
    reader = value.reader(Shape(1, 16, 16), HOLDS).eval()
    together, tokens = reader(to_tokens(TEXTS, HOLDS)), to_tokens(TEXTS, HOLDS)
    torch.testing.assert_close(together[1:2], reader(tokens[1:2]))
    torch.testing.assert_close(reader.read(TEXTS), together)
    assert not torch.allclose(together[0], together[1]) and torch.allclose(together[0], together[3])
    order = reader.read(["a red cat and a blue dog", "a blue cat and a red dog"])
    assert not torch.allclose(order[0], order[1], atol=1e-3)
    numbers = value.reader(Shape(1, 16, 16), Text(3, 5))
    assert numbers(torch.tensor([[2, 3, 0]])).shape == (1, 8)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = {"image": np.random.default_rng(0).integers(0, 256, (24, 16, 16, 1), np.uint8), "caption": TEXTS * 4}
    out = tmp_path_factory.mktemp("told") / "run"
    return train(small("gan-cls"), given, out=out, images=48, pictures=1, quiet=True, device="cpu", threads=1)


def test_a_run_is_sampled_by_texts_without_its_data(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    model = load(run)
    one = model.sample(3, text="a red cat")
    assert one.shape == (3, 1, 16, 16) and torch.equal(one, model.sample(3, text=["a red cat"] * 3))
    assert not torch.equal(one, model.sample(3, text="a blue dog"))
    torch.testing.assert_close(model.sample(3, text="A red shiny cat"), one)  # what it never saw is left out
    assert model.sample(5).shape[0] == 5 and torch.equal(model.sample(5), model.sample(5))
    lines = tmp_path / "lines.txt"
    lines.write_text("a red cat\n\na green dog\n")
    for words, files in ((["--text", "a red shiny cat"], 1), (["--text-file", str(lines)], 1), ([], 1),
                         (["--text-file", str(lines), "-n", "2"], 4)):  # fmt: skip
        out = tmp_path / ("made" if "-n" in words else "made.png")
        assert main(["sample", str(run), *words, "--out", str(out)]) == 0
        assert out.is_file() if files == 1 else len(list(out.iterdir())) == files
    said = capsys.readouterr().err
    assert "no training caption has the word shiny; the nearest training caption is 'a red cat'" in said
    assert "no training caption has the word green" in said


@pytest.mark.parametrize(("words", "sentence"), [
    (["--text", "zebra crossing"], "no word of 'zebra crossing' is in the captions"),
    (["--text", " "], "text is empty"),
    (["--text", "a cat", "--label", "3"], "label and text both say what samples should show"),
    (["--label", "3"], "was trained on captions, not on labels; say with --text what to show"),
    (["--label", "3", "-n", "2"], "was trained on captions, not on labels"),
    (["--text-file", "none.txt"], "none.txt cannot be read: No such file or directory"),
])  # fmt: skip
def test_what_cannot_be_shown_is_refused(run: Path, words: list[str], sentence: str, capsys: Any):
    assert main(["sample", str(run), *words]) == 2
    assert sentence in capsys.readouterr().err


def test_a_game_of_labels_is_told_no_text(tmp_path: Path):
    given = {"image": np.zeros((8, 16, 16, 1), np.uint8)}
    other = train(small("dcgan"), given, out=tmp_path / "run", images=8, pictures=0, quiet=True, device="cpu")
    with pytest.raises(Mistake, match="this game was not trained on captions; the recipe gan-cls is"):
        load(other).sample(2, text="a cat")
    with pytest.raises(Mistake, match=r"has no caption: .* --captions FILE.csv:COLUMN"):
        train(small("gan-cls"), given, out=tmp_path / "none", images=8, quiet=True, device="cpu")


def test_it_goes_on_in_the_readers_stage_and_after(run: Path):
    given = {"image": np.random.default_rng(0).integers(0, 256, (24, 16, 16, 1), np.uint8), "caption": TEXTS * 4}
    assert resume(run, data=given, images="+8") == run
    with pytest.raises(Mistake, match=r"has changed since this run began|is other than"):
        resume(run, data=given | {"caption": [*TEXTS[1:], TEXTS[0]] * 4}, images="+8")
    stages = GANCLS().stages(Shape(1, 32, 32), 1000)
    assert [stage.until for stage in stages] == [100, 1000]


def test_shuffled_captions_teach_nothing_of_the_texts():
    """A toy whose pictures are as bright as their text says: a linear reading of codes finds it, shuffled ones not."""
    torch.manual_seed(0)
    texts = [glyph_caption("A", face) for face in ("sans", "bold sans")] * 32
    holds = describe_texts(texts)
    tokens = to_tokens(texts, holds)
    images = torch.tensor([-0.5, 0.5]).repeat(32)[:, None, None, None].expand(-1, 1, 16, 16)
    agreement = {}
    for name, order in (("right", torch.arange(64)), ("shuffled", torch.randperm(64))):
        torch.manual_seed(0)
        reader = WordReader(8, 8).reader(Shape(1, 16, 16), holds)
        optimizer = torch.optim.Adam(reader.parameters(), 1e-2)
        for _ in range(60):
            seen, told = reader.see(images), reader(tokens[order])
            loss = joint_embedding(seen @ told.T / 8**0.5, differ(tokens[order])).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            scores = reader.see(images[:2]) @ reader(tokens[:2]).T
        agreement[name] = float((scores.diagonal() - scores.flip(1).diagonal()).mean())
    assert agreement["right"] > 2 and abs(agreement["shuffled"]) < agreement["right"] / 2


@pytest.mark.slow
@pytest.mark.parametrize(("right", "low", "high"), [(True, 0.9, 1.0), (False, 0.35, 0.65)])
def test_pictures_obey_their_texts_and_shuffled_ones_teach_nothing(
    tmp_path: Path, right: bool, low: float, high: float
):
    """Which half is light, and how light: both told by arithmetic. Of shuffled captions chance is left, a half."""
    dice = np.random.default_rng(0)
    side, light = dice.integers(0, 2, (2, 2000))
    pixels = dice.integers(0, 40, (2000, 16, 16, 1), dtype=np.uint8)
    for i in range(2000):
        pixels[i, :, 8 * side[i] : 8 * side[i] + 8] += np.uint8((80, 200)[light[i]])
    said = [f"a {('dim', 'bright')[b]} light on the {('left', 'right')[a]}" for a, b in zip(side, light, strict=True)]
    order = np.arange(2000) if right else dice.permutation(2000)
    data = {"image": pixels, "caption": [said[i] for i in order]}
    recipe = replace(small("gan-cls"), batch=16)  # type: ignore[call-arg]
    run = train(recipe, data, out=tmp_path / "run", images=24_000, pictures=0, quiet=True, device="cpu", threads=1)
    model, told = load(run), []
    for a in (0, 1):
        for b in (0, 1):
            made = model.sample(64, text=f"a {('dim', 'bright')[b]} light on the {('left', 'right')[a]}")
            halves = made[..., :8].mean((1, 2, 3)), made[..., 8:].mean((1, 2, 3))
            on, strong = halves[1] > halves[0], torch.maximum(*halves) > (20 + 140) / 127.5 - 1
            told.append((on == bool(a)).float().mean())
            told.append((strong == bool(b)).float().mean())
    assert low <= float(torch.stack(told).mean()) <= high
