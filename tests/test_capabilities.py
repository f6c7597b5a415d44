"""What a game can do is asked by protocols: whatever uses a trained game serves it, or refuses."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from capable import ForPictures, Negative, Silent
from saddle import load, measure, resume, train
from saddle.batches import Images, Pairs
from saddle.capabilities import (
    CAPABILITIES,
    Encodes,
    Generates,
    Reconstructs,
    Scores,
    Translates,
    describe_capabilities,
    make_from,
    sheet_columns,
)
from saddle.cli import main
from saddle.cli.training import using_steps
from saddle.data.array_dataset import ArrayDataset, StoredColumn
from saddle.data.held_out import HOLD_OUT_SEED
from saddle.data.order import random_subset
from saddle.errors import Mistake
from saddle.games import Adversarial, Turing
from saddle.inference.loaded import LoadedGame
from saddle.measuring.makers import sample_maker
from saddle.networks import Perceptron
from saddle.recipes import RECIPES
from saddle.recipes.capable import recipes_that
from saddle.reports.grids import made_of_data, sample_grid
from saddle.reports.reading import open_runs
from saddle.reports.words import describe_protocol
from saddle.runs.findings import read_findings
from saddle.runs.folder import RunFolder
from saddle.runs.measures import read_measurements
from saddle.shape import Picture, Shape
from saddle.training.health import monitor

RECIPES_FILE = Path(__file__).parent / "capable.py"
CAN = {
    "AE": ("encode", "reconstruct"),
    "VariationalAE": ("generate", "encode", "reconstruct"),
    "GAN": ("generate", "judge", "score"),
    "Mean": (),
}
PICTURES = np.random.default_rng(0).integers(0, 256, (48, 4, 4, 1), np.uint8)
SETTINGS = {"images": 128, "quiet": True, "device": "cpu", "pictures": 2}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each game, looked at every few rounds."""
    folder = tmp_path_factory.mktemp("capable")
    np.savez(folder / "data.npz", images=PICTURES, labels=np.arange(48) % 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monitor, "PROBE_INTERVAL", 0.25)
        for name in CAN:
            train(f"{RECIPES_FILE}:{name}", str(folder / "data.npz"), out=folder / name, held_out=12, **SETTINGS)
    return folder


def images(n: int = 5) -> Tensor:
    return torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(n)) * 2 - 1


def ask(model: LoadedGame, what: str) -> object:
    """One of the questions that a loaded game has a method for."""
    return model.sample(4, seed=1) if what == "generate" else getattr(model, what)(images())


@pytest.mark.parametrize("name", CAN)
def test_a_trained_game_answers_what_it_can_and_refuses_the_rest_in_a_sentence(runs: Path, name: str):
    model = load(runs / name)
    assert model.capabilities == CAN[name]
    for one in CAPABILITIES:
        if one.verb in CAN[name]:
            ask(model, one.verb)
            continue
        with pytest.raises(Mistake) as refusal:
            ask(model, one.verb)
        said = str(refusal.value)
        assert f"cannot {one.verb} {one.object}; it can {describe_capabilities(type(model.game))}, and " in said
        some = recipes_that(one.protocol)
        assert said.endswith(f"{'can' if some else 'no listed recipe can'} {one.verb}") and "\n" not in said
        assert all(recipe in said for recipe in some[:3])


def test_answers_have_the_shapes_that_are_promised_and_change_with_seed_and_place_alone(runs: Path):
    model, x = load(runs / "VariationalAE"), images(70)
    codes = model.encode(x, seed=3)
    assert codes.shape == (70, 2) and model.reconstruct(x).shape == x.shape and model.sample(3).shape == (3, 1, 4, 4)
    assert torch.equal(model.encode(x, seed=3), codes) and not torch.equal(model.encode(x, seed=4), codes)
    torch.testing.assert_close(model.encode(x[:5], seed=3), codes[:5])
    gan = load(runs / "GAN")
    score, judged = gan.score(x), gan.judge(x)
    assert score.shape == (70,) and torch.equal(judged.sample, x) and len(judged.features) == 70
    torch.testing.assert_close(judged.score.flatten(), score)
    assert not score.requires_grad and not any(module.training for module in gan.game.modules())


def test_a_report_shows_what_is_made_of_held_out_data_where_nothing_is_made_by_chance(runs: Path):
    (run,), model = open_runs([str(runs / "AE")]), load(runs / "AE")
    columns = made_of_data(model, run, 0)
    assert list(columns) == ["real", "again"]
    held = {picture.tobytes() for picture in hold_out_by_hand(PICTURES, 12)}
    assert len(held) == 12 == len(columns["real"])
    assert {picture.tobytes() for picture in columns["real"].movedim(1, 3).numpy()} == held
    again = model.reconstruct(columns["real"] / 127.5 - 1)
    assert (columns["again"] - (again + 1) * 127.5).abs().max() < 0.51
    assert "data:image/png" in sample_grid(run, 0)
    assert "No samples: this run cannot generate samples" in sample_grid(*open_runs([str(runs / "Mean")]), 0)


def test_a_report_says_so_where_the_data_have_gone(runs: Path, tmp_path: Path):
    shutil.copytree(runs / "AE", tmp_path / "AE")
    manifest = (tmp_path / "AE" / "manifest.json").read_text().replace("data.npz", "gone.npz")
    (tmp_path / "AE" / "manifest.json").write_text(manifest)
    assert re.search("No samples: .*gone.npz", sample_grid(*open_runs([str(tmp_path / "AE")]), 0))


def hold_out_by_hand(pictures: np.ndarray, count: int) -> np.ndarray:
    return pictures[random_subset(len(pictures), count, HOLD_OUT_SEED)]


def test_images_of_another_kind_are_refused(runs: Path):
    model = load(runs / "AE")
    for strange in (images()[0], images().repeat(1, 3, 1, 1), torch.zeros(2, 1, 4, 4, dtype=torch.uint8), images(0)):
        with pytest.raises(Mistake, match=r"images are \(n, 1, 4, 4\) floats in \[-1, 1\], as this game was"):
            model.encode(strange)
    for strange, words in (
        (images() * 127 + 128, "; of bytes, images"),
        (images().numpy(), "this ndarray; torch"),
    ):
        with pytest.raises(Mistake, match=words):
            model.encode(strange)


def test_a_style_is_a_keyword_of_the_game_and_of_no_other(runs: Path):
    model = load(runs / "VariationalAE")
    whole, half = model.sample(4, truncation=1.0), model.sample(4, truncation=0.5)
    assert torch.equal(whole, model.sample(4)) and not torch.equal(half, whole)
    still = model.sample(4, truncation=0)
    assert torch.equal(still[0], still[1])
    for style, words in (
        ({"truncatoin": 0.5}, "this run has no style truncatoin to generate in; did you mean truncation?"),
        ({"truncation": "much"}, "truncation is 'much', but should be a number"),
    ):
        with pytest.raises(Mistake) as refusal:
            model.sample(4, **style)
        assert str(refusal.value) == words
    with pytest.raises(Mistake, match="this run has no style truncation to generate in; it has none"):
        load(runs / "GAN").sample(4, truncation=0.5)
    with pytest.raises(Mistake, match="no style depth to encode in; it has none"):
        model.encode(images(), depth=2)


def test_what_is_made_of_pictures_is_asked_with_pictures():
    x, shape = images(6), Shape(1, 4, 4, Picture(Shape(1, 4, 4)))
    model = LoadedGame(Negative().eval().requires_grad_(False), shape, (), torch.device("cpu"), batch_type=Pairs)
    assert model.capabilities == ("translate",) and not torch.equal(model.translate(x), x)
    assert torch.equal(model.translate(x, back=True), -model.translate(x))
    with pytest.raises(Mistake, match="back is 3, but should be True or False"):
        model.translate(x, back=3)
    assert list(sheet_columns(model.game, Pairs(x, -x))) == ["given", "real", "translated"]
    source = StoredColumn(PICTURES, Picture(Shape(1, 4, 4)))
    data = ArrayDataset("negatives", 255 - PICTURES, column="target", more={"source": source})
    made = sample_maker("it", model, data, lambda said: None)
    assert made.made == "translations of data" and len(made.samples(40, 0)) == 40 and made.most(100) == 48

    labels = torch.arange(6) % 3  # a game that translates within one kind of data is told what into
    assert list(sheet_columns(model.game, Images(x, labels))) == ["real", "translated"]
    assert make_from(model.game, x, labels) is not None and make_from(Silent(shape), x, labels) is None

    nets = Perceptron(latent=2, width=8, depth=1)
    game = ForPictures(nets.generator(shape), nets.critic(shape), 2).eval().requires_grad_(False)
    model = LoadedGame(game, shape, (), torch.device("cpu"), batch_type=Pairs)
    torch.testing.assert_close(model.sample(6, condition=x), x)
    for how, words in (
        ({}, "makes its samples for 4x4 pixels in 1 channel; give these as condition, one for each"),
        ({"condition": x[:2]}, "2 conditions were given for 6 samples; give one for each"),
    ):
        with pytest.raises(Mistake, match=words):
            model.sample(6, **how)
    assert sample_maker("it", model, data, lambda said: None).made == "samples for the conditions of data"


def test_health_is_looked_at_by_what_a_game_can_do(runs: Path):
    """Samples where some are made, scores where a critic judges; nobody speaks of what there is not."""
    for name in CAN:
        assert not read_findings(runs / name)
        state = json.loads((runs / name / "manifest.json").read_text())
        assert state["images"] == 128
    seen = {name: last_snapshot(runs / name) for name in CAN}
    assert seen["AE"] is None and seen["Mean"] is None
    assert seen["VariationalAE"] is not None and set(seen["VariationalAE"][6:]) == {None}
    assert seen["GAN"] is not None and None not in seen["GAN"][:-2]  # the last two are of translations


def last_snapshot(run: Path) -> list[object] | None:
    from saddle.training.checkpoint import latest_checkpoint, read_checkpoint_facts

    facts = read_checkpoint_facts(latest_checkpoint(run / "checkpoints"))
    assert len(facts["health"]["past"]) >= 4
    return facts["health"]["past"][-1][3]


def test_sheets_show_what_a_game_can_do(runs: Path):
    drawn = {name: sorted((runs / name / "sheets").glob("0*.png")) for name in CAN}
    assert [len(sheets) for sheets in drawn.values()] == [3, 3, 3, 0]
    columns = [list(sheet_columns(load(runs / name).game, Images(images()))) for name in CAN]
    assert columns == [["real", "again"], ["real", "again", "made"], ["made"], []]


def test_a_game_of_any_kind_goes_on_where_it_stopped(runs: Path, tmp_path: Path):
    half = SETTINGS | {"images": 64, "held_out": 12}
    for name in ("AE", "Mean"):
        train(f"{RECIPES_FILE}:{name}", str(runs / "data.npz"), out=tmp_path / name, **half)
        resume(tmp_path / name, images=128, quiet=True)
        assert (tmp_path / name / "log.jsonl").read_bytes() == (runs / name / "log.jsonl").read_bytes()


def test_a_game_that_names_no_part_to_average_is_told_before_there_is_a_run(runs: Path, tmp_path: Path):
    with pytest.raises(Mistake, match="Nameless has no part generator to average; name in its makers the parts"):
        train(f"{RECIPES_FILE}:Forgetful", str(runs / "data.npz"), out=tmp_path / "run", **SETTINGS)
    assert not (tmp_path / "run").exists()
    alone = SETTINGS | {"ema": 0, "images": 16}
    train(f"{RECIPES_FILE}:Forgetful", str(runs / "data.npz"), out=tmp_path / "run", **alone)


def test_the_table_is_asked_which_recipes_can():
    translating = recipes_that(Translates)
    assert translating == ["pix2pix", "cyclegan", "cut", "fastcut"]
    assert recipes_that(Generates) == [name for name in RECIPES if name not in ("ae", "ae-dense", *translating)]
    encoding = ("ae", "vae", "bigan", "ali", "infogan", "introvae", "soft-introvae", "aae")
    assert recipes_that(Encodes) == [name for name in RECIPES if name.startswith(encoding)]
    again = ("ae", "ebgan", "began", "vae", "bigan", "ali", "introvae", "soft-introvae", "aae")
    assert recipes_that(Reconstructs) == [name for name in RECIPES if name.startswith(again)]
    assert set(RECIPES) - set(recipes_that(Scores)) == {"t-gan", "label-regression"}
    assert issubclass(Adversarial, Scores) and not issubclass(Turing, Scores)


def test_a_run_is_measured_by_what_it_makes(runs: Path):
    """Samples out of chance, else what it makes of data, of held-out data where there are some."""
    said: list[str] = []
    found = {
        name: measure(runs / name, metrics="fid", features="identity", n=40, say=said.append)
        for name in ("AE", "VariationalAE")
    }
    (again,), (made,) = found["AE"], found["VariationalAE"]
    assert again.protocol.made == "reconstructions of held-out data" and again.protocol.samples == 12
    assert made.protocol.made == "" and made.protocol.samples == 40
    assert "this run makes nothing out of chance alone: reconstructions of held-out data are measured" in said
    assert "12 reconstructions of held-out data of the averaged weights" in describe_protocol(again.protocol)
    (same,) = measure(runs / "AE", metrics="fid", features="identity", n=40)
    assert same == again
    with pytest.raises(Mistake, match="ppl cannot be measured: this metric reads a generator"):
        measure(runs / "AE", metrics="ppl", n=40)
    with pytest.raises(Mistake, match="this run cannot generate samples; it can do nothing of this kind, and"):
        measure(runs / "Mean", metrics="fid", features="identity", n=40)


def test_a_game_is_measured_as_it_trains_or_refused_before_there_is_a_run(runs: Path, tmp_path: Path):
    how = SETTINGS | {"images": 32, "samples": 16, "features": "identity", "out": tmp_path / "run"}
    for name, metric, words in (
        ("AE", "ppl", "this run cannot generate samples; it can encode and reconstruct"),
        ("Mean", "fid", "this run cannot generate samples"),
    ):
        with pytest.raises(Mistake, match=words):
            train(f"{RECIPES_FILE}:{name}", str(runs / "data.npz"), measure=metric, **how)
        assert not (tmp_path / "run").exists()
    run = train(f"{RECIPES_FILE}:AE", str(runs / "data.npz"), measure="fid", **how)
    kept = [figure for taken in read_measurements(RunFolder(run)) for figure in taken.figures]
    assert len(kept) >= 2 and {figure.protocol.made for figure in kept} == {"reconstructions of data"}


def test_the_command_line_serves_what_a_run_can_do(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def say(*words: object) -> tuple[int, str]:
        return main([*map(str, words)]), "".join(capsys.readouterr())

    vae, whole, small = runs / "VariationalAE", tmp_path / "whole.png", tmp_path / "small.png"
    assert say("sample", vae, "--out", whole)[0] == 0
    assert say("sample", vae, "--truncation", "0", "--out", small)[0] == 0
    assert whole.read_bytes() != small.read_bytes()
    assert say("sample", vae, "--truncation=0.5")[1].strip().endswith("samples-0-truncation-0.5.png")
    assert [command for command, _ in using_steps(runs / "AE", "AE")] == ["reconstruct AE FILES", "encode AE FILES"]
    steps = [command for command, _ in using_steps(vae, "there")]
    assert steps[0] == "sample there" and steps[-2:] == ["studio there", "export there --to web"]
    for words, sentence in (
        ((vae, "--truncation", "much"), "truncation is 'much', but should be a number"),
        ((vae, "--truncatoin", "1"), "there is no option --truncatoin; did you mean --truncation?"),
        (
            (runs / "GAN", "--truncation", "1"),
            "this run's game takes no --truncation as it makes samples; the recipes stylegan, ",
        ),
        ((runs / "AE",), "this run cannot generate samples; it can encode and reconstruct, and the recipes gan, "),
        ((runs / "Mean",), "this run cannot generate samples; it can do nothing of this kind, and the recipes gan, "),
    ):
        code, said = say("sample", *words)
        assert code == 2 and said.startswith(f"saddle: {sentence}") and said.count("\n") == 1
    page = tmp_path / "page.html"
    assert say("report", runs / "AE", "--out", page)[0] == 0 and "No samples" not in page.read_text()
    assert say("report", runs / "Mean", "--out", page)[0] == 0
    assert "this run cannot generate samples" in page.read_text()
    asked = ("--metrics", "fid", "--features", "identity", "-n", "40", "--quiet")
    assert "12 reconstructions of held-out data against" in " ".join(say("measure", runs / "AE", *asked)[1].split())
    assert "Once trained it can generate, judge and score." in say("show", "dcgan")[1]
    assert "generate, encode and reconstruct. saddle sample takes --truncation 1.0" in say(
        "show", f"{RECIPES_FILE}:VariationalAE")[1]  # fmt: skip


OLD = """
from dataclasses import dataclass
from torch import nn
from saddle.batches import Images
from saddle.core import Game, Move, Recipe
from saddle.games import Adversarial
from saddle.networks import Perceptron
from saddle.optim import Adam
from saddle.parts import draw_rows
import torch


class Drawn(Game[Images]):
    def __init__(self):
        super().__init__()
        self.generator = nn.Linear(2, 2)

    def round(self, batches, clock):
        x = next(batches).image
        yield Move(self.generator, error=(self.sample(x) - x).square().mean())

    def sample(self, like, condition=None):
        return self.generator(draw_rows(torch.randn, like, 2))[:, :, None, None]


class Alternating(Adversarial):
    def round(self, batches, clock):
        batch = next(batches)
        judge, fake = self.judge(batch, clock), self.sample(batch.image, batch.condition)
        yield self.critic_move(judge, judge(batch.image), judge(fake.detach()))
        yield self.answer(judge, batch, self.generate(batch))


@dataclass(frozen=True)
class One(Recipe[Images]):
    batch: int = 16

    def game(self, data):
        return Drawn()

    def steps(self, player):
        return Adam(lr=1e-3)


@dataclass(frozen=True)
class Two(One):
    def game(self, data):
        nets = Perceptron(latent=2, width=8, depth=1)
        return Alternating(nets.generator(data), nets.critic(data), nets.latent)
"""


@pytest.mark.parametrize(("name", "can"), [("One", ("generate",)), ("Two", ("generate", "judge", "score"))])
def test_a_game_written_for_the_first_version_is_played_and_sampled(tmp_path: Path, name: str, can: tuple[str, ...]):
    (tmp_path / "old.py").write_text(OLD)
    run = train(f"{tmp_path / 'old.py'}:{name}", "ring", out=tmp_path / "run", images=32, pictures=1, quiet=True)
    model = load(run)
    assert model.capabilities == can and model.sample(3, seed=1).shape == (3, 2, 1, 1)
    torch.testing.assert_close(model.sample(70, seed=1)[:3], model.sample(3, seed=1))
