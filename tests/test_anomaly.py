"""Anomaly scores: areas under curves in closed form, the papers' sums, and `saddle score` from training to table."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from saddle import load, train
from saddle.clock import Clock
from saddle.core import Game, Judge, Verdict
from saddle.data.readers.image_formats import is_written_by_saddle
from saddle.errors import Mistake
from saddle.inference.anomaly import FORMS, AnomalyScore, Spread, anomaly_terms
from saddle.inference.loaded import LoadedGame
from saddle.inference.scoring import AnomalyScores
from saddle.metrics.roc import auroc, average_precision, roc_curve
from saddle.shape import Shape

RECIPES_FILE = Path(__file__).parent / "capable.py"
SETTINGS = {"images": 64, "quiet": True, "device": "cpu", "pictures": 0}


def draws(n: int, seed: int) -> Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("delta", "area"), [(1, 0.6355), (2, 0.8551), (3, 0.9667)])
def test_the_area_for_shifted_residuals_is_the_closed_one(delta: float, area: float):
    """Residuals N(0, 1) against N(delta, 1), scored by their size: methods, section 66."""
    phi = 0.5 * (1 + math.erf(delta / math.sqrt(2) / math.sqrt(2)))
    assert phi**2 + (1 - phi) ** 2 == pytest.approx(area, abs=1e-4)
    n = 40_000
    scores = torch.cat([draws(n, 0), draws(n, 1) + delta]).abs()
    assert auroc(scores, torch.arange(2 * n) >= n) == pytest.approx(area, abs=4 * 0.5 / math.sqrt(n))


def test_the_area_is_the_share_of_pairs_in_order_and_of_equal_ones_half():
    dice = torch.Generator().manual_seed(0)
    scores, odd = torch.randint(0, 6, (60,), generator=dice), torch.rand(60, generator=dice) < 0.3
    pairs = scores[odd][:, None].double() - scores[~odd].double()
    assert auroc(scores, odd) == pytest.approx(float(((pairs > 0) + 0.5 * (pairs == 0)).mean(dtype=torch.float64)))
    assert auroc(torch.zeros(60), odd) == 0.5 and average_precision(torch.zeros(60), odd) == float(odd.double().mean())
    assert auroc(odd.float(), odd) == average_precision(odd.float(), odd) == 1
    assert auroc(-scores, odd) == pytest.approx(1 - auroc(scores, odd))
    x, y = roc_curve(scores, odd)
    assert x[0] == y[0] == 0 and x[-1] == y[-1] == 1 and len(x) == 7


def test_average_precision_is_the_mean_precision_at_the_odd_ones():
    odd = torch.tensor([True, False, True, False, False])
    assert average_precision(torch.arange(5, 0, -1), odd) == pytest.approx((1 + 2 / 3) / 2)


def test_random_scores_tell_nothing():
    odd = torch.arange(20_000) % 10 == 0
    assert auroc(draws(20_000, 3), odd) == pytest.approx(0.5, abs=0.02)
    assert average_precision(draws(20_000, 3), odd) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(("scores", "odd", "words"), [
    ([1.0, 2.0], [True, True], "odd samples and normal ones, and there are 2 and 0"),
    ([1.0, math.nan], [True, False], "a score is no number")])  # fmt: skip
def test_what_has_no_curve_is_refused(scores: list[float], odd: list[bool], words: str):
    with pytest.raises(Mistake, match=words):
        auroc(torch.tensor(scores), torch.tensor(odd))


class Halving(Game[Any]):
    """Reconstructs images at half their brightness; its critic's features are twice the pixels, its score their sum."""

    makers = ()

    def __init__(self, share: float = 0.5) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.share = share

    def encode(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return 3 * images.flatten(1)

    def reconstruct(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.share * images

    def judge_again(self, images: Tensor, again: Tensor) -> tuple[Verdict, Verdict]:
        a, b = (Verdict(x.flatten(1).sum(1), 2 * x.flatten(1)) for x in (images, again))
        return a, b

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return images.flatten(1).sum(1)


def loaded(game: Game[Any]) -> LoadedGame:
    return LoadedGame(game.eval(), Shape(1, 2, 2), (), torch.device("cpu"))


X = torch.tensor([[0.2, -0.4, 0.6, 0.8], [0.0, 0.0, 0.1, 0.0], [-0.8, 1.0, 1.0, 1.0]]).view(3, 1, 2, 2)


@pytest.mark.parametrize(("how", "terms"), [
    (AnomalyScore("both"), lambda x: [0.5 * x.abs().sum(1), x.abs().sum(1)]),
    (AnomalyScore("both", norm="l2"), lambda x: [0.5 * x.norm(dim=1), x.norm(dim=1)]),
    (AnomalyScore("both", norm="mean-square"), lambda x: [0.25 * x.square().mean(1), x.square().mean(1)]),
    (AnomalyScore("auto"), lambda x: [0.5 * x.abs().sum(1), x.abs().sum(1)]),
    (AnomalyScore("reconstruction"), lambda x: [0.5 * x.abs().sum(1)]),
    (AnomalyScore("latent"), lambda x: [1.5 * x.abs().sum(1)]),
    (AnomalyScore("critic"), lambda x: [-x.sum(1)]),
    (AnomalyScore("cross-entropy"), lambda x: [torch.nn.functional.softplus(-0.5 * x.sum(1))])])  # fmt: skip
def test_terms_are_those_of_the_papers(how: AnomalyScore, terms: Any):
    torch.testing.assert_close(anomaly_terms(loaded(Halving()), X, how), torch.stack(terms(X.flatten(1).double()), 1),
                               atol=1e-6, rtol=1e-5)  # fmt: skip


def test_two_terms_are_added_as_is_asked():
    terms = torch.tensor([[1.0, 10.0], [3.0, 30.0]], dtype=torch.float64)
    usual = Spread.of(torch.tensor([[0.0, 10.0], [2.0, 14.0]], dtype=torch.float64))
    assert usual.mean.tolist() == [1, 12] and usual.deviation.tolist() == [1, 2]
    for how, both in ((AnomalyScore(weight=0.25), [0.75 * 0 + 0.25 * -1, 0.75 * 2 + 0.25 * 9]),
                      (AnomalyScore(form="egbad"), [0.9 + 1, 2.7 + 3]),
                      (AnomalyScore(form="f-anogan"), [11, 33])):  # fmt: skip
        assert how.combine(terms, usual).tolist() == pytest.approx(both)
    assert [AnomalyScore(form=form).chosen for form in FORMS] == [
        ("l1", 0.1), ("l1", 0.1), ("mean-square", 1.0)]  # fmt: skip
    same = Spread.of(torch.ones(5, 2, dtype=torch.float64))  # normals that say nothing of a term
    assert AnomalyScore().combine(terms, same).isfinite().all()


def test_a_perfect_reconstruction_scores_nothing():
    for norm in ("l1", "l2", "mean-square"):
        assert (anomaly_terms(loaded(Halving(share=1.0)), X, AnomalyScore("both", norm=norm)) == 0).all()


class Shifting(Game[Any]):
    """Makes images that are their codes, and judges by their pixels."""

    makers = ()

    def latents(self, like: Tensor) -> Tensor:
        return torch.randn(len(like), 4)

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return latents.view(-1, 1, 2, 2).tanh() / 2

    def judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        return Judge(Plain(), clock, condition)

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return images.flatten(1).sum(1)


class Plain(nn.Module):
    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        return Verdict(x.flatten(1).sum(1), 2 * x.flatten(1))


def test_a_code_that_is_searched_for_leaves_what_no_sample_can_be():
    """Images of up to 0.5 can be made, what is beyond is missing: by pixels so much, by features twice as much."""
    how, model = AnomalyScore("search", norm="l2", steps=300), loaded(Shifting())
    x = torch.tensor([[0.2, -0.4, 0.1, 0.3], [0.9, -0.4, 0.1, 0.3]]).view(2, 1, 2, 2)
    terms = anomaly_terms(model, x, how)
    assert terms[0].max() < 0.1 and torch.allclose(terms[1], torch.tensor([0.4, 0.8], dtype=terms.dtype), atol=0.1)
    torch.testing.assert_close(anomaly_terms(model, x[1:], how)[0], terms[1], atol=1e-6, rtol=1e-6)


def test_noise_is_told_from_constant_images_wholly():
    plain = torch.linspace(-0.2, 0.2, 50).view(50, 1, 1, 1).expand(50, 1, 2, 2)
    noise = draws(200, 5).view(50, 1, 2, 2).float().sign() * 0.9
    terms = anomaly_terms(loaded(Halving()), torch.cat([plain, noise]), AnomalyScore("reconstruction"))
    assert auroc(terms[:, 0], torch.arange(100) >= 50) == 1


@pytest.mark.parametrize("wrong", [{"weight": 2.0}, {"weight": -0.1}, {"weight": -1.0, "form": "f-anogan"}])
def test_weights_that_are_none_are_refused(wrong: dict[str, Any]):
    with pytest.raises(Mistake, match="weight is"):
        AnomalyScore(**wrong)


# --- from training to table


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dark squares of two classes and one class of bright ones, and runs that have never seen the bright ones."""
    folder = tmp_path_factory.mktemp("scored")
    dice = np.random.default_rng(0)
    for place in range(60):
        name = ("ant", "bee", "cow")[place % 3]
        path = folder / "photos" / name / f"{place:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        low, high = (150, 256) if name == "cow" else (0, 60)
        Image.fromarray(dice.integers(low, high, (4, 4), np.uint8)).save(path)
    data = str(folder / "photos")
    train(f"{RECIPES_FILE}:AE", data, out=folder / "AE", leave_out="cow", held_out=10, **SETTINGS)
    train(f"{RECIPES_FILE}:GAN", data, out=folder / "GAN", **SETTINGS)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_class_that_a_run_left_out_is_the_odd_one_by_itself(home: Path, say, tmp_path: Path):
    code, out, said = say("score H/AE H/photos --to new/scores.csv")
    assert code == 0 and said == ""
    table = rows(tmp_path / "new/scores.csv")
    assert [*table[0]] == ["name", "label", "odd", "score", "above_threshold", "reconstruction"] and len(table) == 60
    assert {row["label"] for row in table if row["odd"] == "1"} == {"cow"}
    scores = torch.tensor([float(row["score"]) for row in table], dtype=torch.float64)
    area = auroc(scores, torch.tensor([row["odd"] == "1" for row in table]))
    assert out.startswith(f"AUROC {area:.4f}, AUPRC ") and "of 20 odd images and 40 normal ones\n" in out
    assert "below which are 95% of 10 held-out images of" in out
    assert out.endswith("new/scores.csv\nnew/scores.png\n") and (tmp_path / "new/scores.png").exists()


def test_the_threshold_is_the_quantile_of_held_out_normals_never_of_what_is_scored(home: Path, say, tmp_path: Path):
    assert say("score H/AE H/photos --to a.csv")[0] == say("score H/AE H/photos/cow --to b.csv")[0] == 0
    whole = {row["name"].rpartition("/")[2]: row["score"] for row in rows(tmp_path / "a.csv")}
    part = {row["name"]: row["score"] for row in rows(tmp_path / "b.csv")}
    assert all(whole[name] == score for name, score in part.items())  # nor does a score hang on what else is scored
    code, out, _ = say("score H/AE H/photos/cow --normals H/photos/ant --quantile 0.5")
    assert code == 0 and "below which are 50% of 20 images of" in out and (home / "AE/scores.csv").exists()


def test_which_class_is_odd_may_be_said_either_way(say, tmp_path: Path):
    for options, odd in (("--odd ant", {"ant"}), ("--normal ant,bee", {"cow"}), ("--odd ant,cow", {"ant", "cow"})):
        assert say(f"score H/AE H/photos {options} --to s.csv")[0] == 0
        assert {row["label"] for row in rows(tmp_path / "s.csv") if row["odd"] == "1"} == odd


def test_a_run_without_an_encoder_is_scored_by_its_critic_which_is_told_of_its_data(home: Path, say, tmp_path: Path):
    code, out, said = say("score H/GAN H/photos --to s.csv --odd cow")
    assert code == 0 and out.startswith("AUROC ")
    assert "this run cannot reconstruct: its critic alone tells what is odd" in said
    assert "has held no data out (--held-out), so that what is normal is told by data that it was trained on" in said
    table, model = rows(tmp_path / "s.csv"), load(home / "GAN")
    pixels = torch.stack([torch.tensor(np.array(Image.open(home / "photos" / row["name"]))) for row in table])
    wanted = -model.score(pixels[:, None] / 127.5 - 1)
    assert torch.allclose(torch.tensor([float(row["critic"]) for row in table]), wanted, atol=1e-5)


def test_a_run_without_an_encoder_may_be_searched(say, tmp_path: Path):
    assert say("score H/GAN H/photos/ant --normals H/photos/bee --by search --steps 3 --to s.csv")[0] == 0
    assert [*rows(tmp_path / "s.csv")[0]][-2:] == ["reconstruction", "features"]


def test_no_file_of_the_users_is_written_over_by_scores_or_their_curve(home: Path, say, tmp_path: Path):
    (tmp_path / "mine.csv").write_text("name,age\nant,3\n")
    (tmp_path / "plot.png").write_bytes((home / "photos/ant/00.png").read_bytes())
    for place, words in (("mine.csv", "mine.csv is there already, and was not made by saddle; name another place"),
                         ("plot.csv", "plot.png is there already, and was not made by saddle; name another place"),
                         ("H/photos/ant/00.csv", "00.png is one of the files that were given")):  # fmt: skip
        code, out, said = say(f"score H/AE H/photos --to {place}")
        assert code == 2 and out == "" and words in said
    assert say("score H/AE H/photos --labels none --to plot.csv")[0] == 0  # of which no curve is drawn
    for _ in range(2):
        assert say("score H/AE H/photos --to new.csv")[0] == 0
    assert is_written_by_saddle((tmp_path / "new.png").read_bytes())  # and so is no data


def test_that_nothing_can_be_told_apart_is_said(say):
    for option, which in (("normal", "none"), ("odd", "all")):
        out = say(f"score H/AE H/photos --{option} ant,bee,cow --limit 20 --to s.csv")[1]
        assert out.endswith(f"{which} of the images are odd, so that there is no AUROC\ns.csv\n")
    _, _, said = say("score H/AE H/photos --odd ant --to s.csv")
    assert said == "cow: left out of the run as well, but normal here; --odd names all that are odd\n"
    code, out, _ = say("score H/GAN H/photos --to s.csv")
    assert code == 0 and "--odd or --normal names classes, and then it is told how well" in out


def test_normals_are_told_their_class_where_the_critic_is(home: Path, say):
    """That of all, or each its own, where the run has been trained on these classes."""
    train("cgan", str(home / "photos"), out=home / "cgan", size=16, options={"networks.width": "4", "batch": "8"},
          **SETTINGS)  # fmt: skip
    code, _, said = say("score H/cgan H/photos/ant/00.png --normals H/photos/bee")
    assert code == 2 and "told the class of each sample, but got no labels; give --label" in said
    assert say("score H/cgan H/photos/ant/00.png --normals H/photos/bee --label ant")[0] == 0
    assert say("score H/cgan H/photos --normals H/photos --odd cow")[0] == 0


def test_without_labels_there_are_scores_and_a_threshold_and_no_roc(say, tmp_path: Path):
    code, out, _ = say("score H/AE H/photos --labels none --to s.csv")
    assert code == 0 and out.startswith("threshold ") and not (tmp_path / "s.png").exists()
    assert [*rows(tmp_path / "s.csv")[0]] == ["name", "score", "above_threshold", "reconstruction"]


@pytest.mark.parametrize(("line", "words"), [
    ("score H/GAN H/photos --by both", "this run cannot reconstruct images; it can generate, judge and score"),
    ("score H/AE H/photos --by features", "this run cannot judge samples; it can encode and reconstruct"),
    ("score H/AE H/photos --by search", "this run cannot generate samples; it can encode and reconstruct"),
    ("score H/AE H/photos --odd dog", "the pictures have no class dog; there are ant, bee, cow"),
    ("score H/AE H/photos --odd ant --normal bee", "odd and normal classes are both named"),
    ("score H/AE H/photos --odd ant --labels none", "have no classes, so none can be odd"),
    ("score H/AE H/photos --to s.txt", "s.txt does not end in .csv"),
    ("score H/AE H/photos --quantile 1", "quantile is 1, but should be between 0 and 1"),
    ("score H/AE H/photos --weight 3", "weight is 3, but should be from 0 to 1"),
    ("score H/AE", "score needs RUN and DATA; write saddle score RUN DATA ..."),
])  # fmt: skip
def test_what_cannot_be_scored_is_refused_in_a_sentence(line: str, words: str, say):
    code, out, said = say(line)
    assert code == 2 and out == "" and words in said and said.count("\n") == 1


def test_scores_in_python_know_their_figures():
    odd = torch.tensor([False, False, True, True])
    found = AnomalyScores([*"abcd"], torch.tensor([0.0, 2, 1, 3]), {}, 1.5, "2 images", 0.95, [*"nnoo"], odd)
    told = found.separation
    assert told is not None and (told.auroc, told.base, told.false_alarms, told.found) == (0.75, 0.5, 0.5, 0.5)
