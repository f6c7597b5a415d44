"""Labels: what networks make of them, what is drawn without one, and what a generator learns without a critic."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from saddle import load, train
from saddle.batches import Images
from saddle.capabilities import generate
from saddle.cli.sampling import sample
from saddle.clock import Clock
from saddle.core import Game, Judge, as_leaf
from saddle.data.array_dataset import ArrayDataset
from saddle.data.toys import toy_modes
from saddle.errors import Mistake
from saddle.games import Adversarial
from saddle.games.regression import Regression
from saddle.inference.labels import labels_by_class
from saddle.inference.loaded import LoadedGame
from saddle.layers.conditional import ConditionalBatchNorm
from saddle.networks import Convolutional, Perceptron
from saddle.networks.ac_gan import Classifying, ClassifyingConvolutional
from saddle.networks.base import Critic
from saddle.networks.cgan import Concatenated, ConditionalGenerator
from saddle.networks.cgan_mlp import ConditionalDense
from saddle.networks.projection_gan import Projected, Projection
from saddle.networks.resnet import ResNet
from saddle.networks.sn_gan import Spectral
from saddle.optim import SGD, Adam
from saddle.parts import draw_rows
from saddle.penalties import GradientPenalty
from saddle.runs.pictures import save_png
from saddle.runs.sheets import make_contact_sheet
from saddle.shape import Classes, Shape
from saddle.training.engine import Engine
from saddle.training.manifest_facts import make_data_facts

POINT, TINY, SMALL = Shape(2, 1, 1, Classes(3)), Shape(1, 16, 16, Classes(3)), Shape(3, 32, 32, Classes(3))
PROJECTED = ResNet(4, 8, 4, conditional=True, spectral="critic", head="projection")
CLASSIFYING = ResNet(4, 4, conditional=True, head="classes")
PAIRS = [  # every pair, narrow, on data it takes
    (Concatenated(Perceptron(2, 16)), POINT),
    (Concatenated(Convolutional(4, 4), 5, 2), TINY),
    (Concatenated(Convolutional(4, 4, normal=False), critic_sees_label=False), TINY),
    (Projected(Perceptron(2, 16)), POINT),
    (Spectral(Projected(Convolutional(4, 4, normal=False))), TINY),
    (Classifying(Perceptron(2, 16)), POINT),
    (Classifying(Convolutional(4, 4)), TINY),
    (ConditionalDense(4, 6, 8, 12, 5), TINY),
    (ConditionalDense(4, 6, 8, 12, 5, critic_sees_label=False), TINY),
    (PROJECTED, SMALL),
    (ClassifyingConvolutional(4, 3, 2, 4), SMALL),
    (CLASSIFYING, SMALL),
]


def classifies(pair: object) -> bool:
    """Does its critic name the class?"""
    return isinstance(pair, Classifying | ClassifyingConvolutional) or getattr(pair, "head", None) == "classes"


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def name(case: object) -> str:
    return type(case).__name__ if not isinstance(case, Shape) else f"{case.height}px"


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def pixels(n: int, data: Shape) -> Tensor:
    return 2 * torch.rand(n, *data[:3]) - 1


@pytest.mark.parametrize(
    ("pair", "generator", "critic"),
    [
        (dataclasses.replace(PROJECTED, latent=128, width=128, width_generator=256), 4_304_387, 1_055_104),
        (dataclasses.replace(CLASSIFYING, latent=128, width=128), 1_218_307, 1_055_115),
    ],
    ids=name,
)
def test_parameters_are_as_many_as_published(pair, generator, critic):
    data = Shape(3, 32, 32, Classes(10))
    assert (count(pair.generator(data)), count(pair.critic(data))) == (generator, critic)


@pytest.mark.parametrize(("pair", "data"), PAIRS, ids=name)
def test_only_a_critic_that_is_told_the_label_looks_at_it(pair, data):
    D, x = pair.critic(data).eval(), pixels(6, data)
    a, b = (D(x, torch.full((6,), label)) for label in (0, 1))
    blind = not getattr(pair, "critic_sees_label", True) or classifies(pair)
    assert torch.equal(a.score, b.score) == blind and (not blind or torch.equal(D(x).score, a.score))
    assert (a.logits is None) != classifies(pair)


@pytest.mark.parametrize(("pair", "data"), PAIRS, ids=name)
def test_a_generator_makes_something_else_of_each_label_and_of_each_latent(pair, data):
    G = pair.generator(data)
    for labels in ([0, 1, 2], [2, 2, 2]):  # gains begin equal: let them differ
        for m in G.modules():
            if isinstance(m, nn.Embedding):
                nn.init.normal_(m.weight, 1, 0.5)
            if isinstance(m, ConditionalBatchNorm):
                nn.init.normal_(m.gain, 1, 0.5)
        z = torch.randn(1, pair.latent).repeat(3, 1) if labels == [0, 1, 2] else torch.randn(3, pair.latent)
        made = G.eval()(z, torch.tensor(labels))
        assert made.shape == (3, *data[:3]) and (made[0] - made[1]).abs().max() > 1e-3 * made.abs().max()
        assert data.points or made.abs().max() <= 1


def test_a_label_begins_as_long_as_if_it_were_one_hot():
    """A longer one drowns the latent: it is the same in all samples of a class, and so is what is learned of it."""
    rows = ConditionalGenerator(nn.Identity(), 1000, 50).embedding.weight
    assert abs(rows.square().sum(1).mean() - 1) < 0.03


def test_planes_of_a_label_are_a_bias_of_each_class_in_the_first_layer():
    D = Concatenated(Perceptron(2, 16, 1), planes=4).critic(POINT)
    x, y = torch.randn(5, 2, 1, 1), torch.tensor([0, 2, 1, 1, 0])
    layer = D.critic.trunk[1]
    bias = layer.bias + D.embedding.weight @ layer.weight[:, 2:].T
    hidden = (x.flatten(1) @ layer.weight[:, :2].T + bias[y]).relu()
    torch.testing.assert_close(D(x, y).score, D.critic.head(hidden))


def test_with_equal_gains_conditional_batch_norm_is_batch_norm():
    plain, ours = nn.BatchNorm2d(5), ConditionalBatchNorm(5, 3)
    gain, bias = torch.randn(2, 5)
    for table, row, own in ((ours.gain, gain, plain.weight), (ours.bias, bias, plain.bias)):
        assert torch.equal(table, own.repeat(3)), "it begins as batch norm begins"
        table.data.copy_(row.repeat(3))
        own.data.copy_(row)
    for mode in (True, False):
        x, y = torch.randn(6, 5, 4, 4) * 3 + 1, torch.tensor([0, 1, 2, 2, 1, 0])
        torch.testing.assert_close(ours.train(mode)(x, y), plain.train(mode)(x))
    torch.testing.assert_close(ours.norm.running_var, plain.running_var)


def test_conditional_batch_norm_gives_each_sample_the_gain_of_its_class_and_all_one_mean():
    layer, x, y = (
        ConditionalBatchNorm(2, 3).double(),
        torch.randn(6, 2, 3, 3).double(),
        torch.tensor([0, 1, 2, 2, 1, 0]),
    )
    for table in (layer.gain, layer.bias):
        nn.init.normal_(table)
    gain, bias = (table.view(3, 2, 1, 1) for table in (layer.gain, layer.bias))
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    for i, label in enumerate(y):
        norm = (x[i] - mean[:, None, None]) / (var + 1e-5).sqrt()[:, None, None]
        torch.testing.assert_close(layer(x, y)[i], gain[label] * norm + bias[label])


def test_the_projection_is_an_inner_product_of_features_with_the_normalised_class_row():
    D = PROJECTED.critic(SMALL)
    for _ in range(200):  # reading iterates, and that settles
        D.inside.head[0].weight, D.embedding.weight
    D.eval()
    x, y = pixels(6, SMALL), torch.tensor([0, 1, 2, 2, 1, 0])
    raw = [layer.parametrizations.weight.original for layer in (D.embedding, D.inside.head[0])]
    V, w = (W / torch.linalg.svdvals(W)[0] for W in raw)
    h = D.inside.trunk[:4](x).relu().sum((2, 3))
    score = torch.stack([w[0] @ f + V[c] @ f for f, c in zip(h, y, strict=True)])
    torch.testing.assert_close(D(x, y).score, score, atol=1e-4, rtol=1e-4)


def test_every_weight_of_the_projection_critic_has_norm_one():
    D = PROJECTED.critic(SMALL)
    layers = [m for m in D.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)]
    for layer in layers:
        for _ in range(300):
            weight = layer.weight
        assert torch.linalg.svdvals(weight.flatten(1))[0].item() == pytest.approx(1, rel=1e-2)
    assert len(layers) == 3 + 3 + 2 + 2 + 2  # in the four blocks, and psi and the embedding


def bare(width: int = 4, classes: int = 3) -> Projection:
    return Projection(Critic(nn.Flatten(), nn.Linear(width, 1, bias=False)), classes, width).double()


def test_the_projection_is_bilinear_and_without_an_embedding_sees_no_label():
    D, x, y = bare(), torch.randn(5, 4).double(), torch.tensor([0, 1, 2, 1, 0])
    rows = [torch.randn(3, 4).double() for _ in range(2)]

    def score(embedding: Tensor, x: Tensor = x, y: Tensor = y) -> Tensor:
        D.embedding.weight.data.copy_(embedding)
        return D(x, y).score - D.inside(x).score

    torch.testing.assert_close(score(2 * rows[0] - rows[1]), 2 * score(rows[0]) - score(rows[1]))
    torch.testing.assert_close(score(rows[0], 3 * x), 3 * score(rows[0]))
    swap = score(rows[0]) - score(rows[0], y=(y + 1) % 3)
    torch.testing.assert_close(swap, ((rows[0][y] - rows[0][(y + 1) % 3]) * x).sum(1))
    assert not score(torch.zeros(3, 4)).any()


def test_of_gaussian_classes_the_projection_can_be_the_optimal_critic():
    """log p(x|y) - log q(x|y) of unit normals is linear in phi = (1, x, x^2), and y moves only the coefficients."""
    real, fake, x, y = torch.randn(3).double(), torch.randn(3).double(), torch.randn(50).double(), torch.arange(50) % 3
    D = bare(3)
    D.inside.head[0].weight.data.zero_()
    D.embedding.weight.data.copy_(torch.stack([(fake**2 - real**2) / 2, real - fake, torch.zeros(3)], 1))
    ratio = [torch.distributions.Normal(mean[y], 1.0).log_prob(x) for mean in (real, fake)]
    torch.testing.assert_close(D(torch.stack([x**0, x, x**2], 1), y).score, ratio[0] - ratio[1])


def test_slopes_of_told_critics_can_be_differentiated_again():
    y = torch.tensor([0, 2, 1])
    for D, data in ((Concatenated(Perceptron(2, 4, 1)).critic(POINT), POINT), (bare(2), POINT)):
        D.double()
        x = torch.randn(3, *data[:3]).double().requires_grad_()
        assert torch.autograd.gradgradcheck(lambda x, D=D: D(x, y).score, x)
    D = dataclasses.replace(PROJECTED, width=4).critic(SMALL)
    judge = Judge(D, Clock(), y)
    real, fake = (judge(as_leaf(pixels(3, SMALL))) for _ in range(2))
    slopes = torch.autograd.grad(GradientPenalty()(judge, real, fake), list(D.parameters()), allow_unused=True)
    assert all(g is None or g.isfinite().all() for g in slopes) and slopes[-1] is not None


@pytest.mark.parametrize("pair", [pair for pair, data in PAIRS if classifies(pair) and data == SMALL], ids=name)
def test_class_logits_learn_as_a_softmax_does(pair):
    """The gradient of the cross entropy in the logits' biases is the mean of softmax - one-hot."""
    D, x, y = pair.critic(SMALL), pixels(5, SMALL), torch.tensor([0, 1, 2, 2, 1])
    logits = D(x, y).logits
    (grad,) = torch.autograd.grad(cross_entropy(logits, y), D.names.bias, retain_graph=True)
    torch.testing.assert_close(grad, (logits.softmax(1) - nn.functional.one_hot(y, 3)).mean(0))
    assert logits.shape == (5, 3) and D(x).features[0].numel() == D.names.in_features


@pytest.mark.parametrize("side", [25, 28, 31, 32])
def test_classifying_networks_take_digits_and_photographs(side):
    pair, data = ClassifyingConvolutional(4, 3, 1, 2), Shape(1, side, side, Classes(4))
    made = pair.generator(data)(torch.randn(2, 4), torch.tensor([3, 0]))
    assert made.shape == (2, 1, side, side) and pair.critic(data)(made).logits.shape == (2, 4)


@pytest.mark.parametrize(("pair", "data"), PAIRS, ids=name)
def test_data_without_labels_is_refused_with_a_way_out(pair, data):
    for make in (pair.generator, pair.critic):
        with pytest.raises(Mistake, match=r"is told the class of each sample, but .* --labels"):
            make(data._replace(condition=None))


@pytest.mark.parametrize(("pair", "data"), PAIRS, ids=name)
def test_labels_that_are_none_are_refused(pair, data):
    G, z, like = pair.generator(data), torch.randn(2, pair.latent), torch.zeros(2, *data[:3])
    for labels, words in (
        (None, "got no labels; give --label, or to a game in Python a number below 3"),
        (torch.tensor([0.0, 1.0]), r"labels are \(n,\) int64, not \(2,\) float32"),
    ):
        with pytest.raises(Mistake, match=words):
            G(z, labels)
    for game in (Adversarial(G, pair.critic(data), pair.latent), Regression(G, pair.latent)):
        for labels, words in (([0, 3], "there is no class 3; there are 3, numbered from 0"), ([-1, 0], "no class -1")):
            with pytest.raises(Mistake, match=words):
                generate(game, like, torch.tensor(labels))
            if isinstance(game, Adversarial):
                with pytest.raises(Mistake, match=words):
                    game.score(like, torch.tensor(labels))
                with pytest.raises(Mistake, match=words):
                    game.judge(torch.tensor(labels), Clock())


def test_labels_of_a_critic_alone_are_looked_at_too():
    game = Adversarial(Perceptron(2, 4).generator(POINT), bare(2).float(), 2)
    with pytest.raises(Mistake, match="there is no class 3; there are 3"):
        generate(game, torch.zeros(2, 2, 1, 1), torch.tensor([0, 3]))


def test_fields_out_of_range_are_refused():
    for make in (
        lambda: Concatenated(planes=0),
        lambda: ConditionalDense(maxout_label=0.5),
        lambda: ClassifyingConvolutional(width=0),
    ):
        with pytest.raises(Mistake, match="should be a whole number of at least 1"):
            make()
    for kind in (ConditionalDense, ClassifyingConvolutional):
        with pytest.raises(Mistake, match="dropout is 1, but should be a share from 0 to below 1"):
            kind(dropout=1)


class Forever(Iterator[Images]):
    """The same whole data at every move, or points of a labelled ring."""

    def __init__(self, batch: Images | None = None) -> None:
        self.batch, self.dice = batch, torch.Generator().manual_seed(1)

    def __next__(self) -> Images:
        if self.batch:
            return self.batch
        y = torch.randint(8, (64,), generator=self.dice)
        points = CENTRES[y] + 0.1 * torch.randn(64, 2, generator=self.dice)
        return Images(points.view(64, 2, 1, 1), y)


CENTRES = torch.from_numpy(toy_modes("ring").centres).float()


def played(game: Game[Images], adam: Adam | SGD, batches: Forever, rounds: int) -> None:
    engine = Engine(game, lambda player: adam)
    for r in range(rounds):
        engine.play(batches, clock=Clock(r, 64 * r, r / rounds))


class Table(nn.Embedding):
    """A generator that has one picture for each class."""

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        return super().forward(condition).view(-1, 1, 2, 2)


def test_regression_lands_on_the_class_means():
    """With n/2 samples of each of two classes the loss is quadratic with curvature 1: one step of 1 is the way."""
    x, y = torch.randn(10, 1, 2, 2), torch.arange(10) % 2
    game = Regression(Table(2, 4), latent=1)
    played(game, SGD(1.0, 0.0), Forever(Images(x, y)), 1)
    means = torch.stack([x[y == label].mean(0) for label in (0, 1)])
    torch.testing.assert_close(generate(game, x[:2], torch.tensor([0, 1])), means, atol=1e-6, rtol=0)


def test_the_best_answer_to_a_latent_is_to_ignore_it():
    """Two pictures of each class, not to be told apart by the label: what is learned lies between, for any latent."""
    x = torch.tensor([[0.0, 2.0], [2.0, 0.0], [-1.0, 1.0], [-3.0, -1.0]]).view(4, 2, 1, 1).repeat(16, 1, 1, 1)
    y = torch.tensor([0, 0, 1, 1]).repeat(16)
    game = Regression(Concatenated(Perceptron(2, 32, 1), 4).generator(Shape(2, 1, 1, Classes(2))), latent=2)
    played(game, Adam(1e-2, (0.9, 0.99)), Forever(Images(x, y)), 300)
    labels = torch.arange(64) % 2
    expected = torch.tensor([[1.0, 1.0], [-2.0, 0.0]])[labels].view(64, 2, 1, 1)
    assert (generate(game, x, labels) - expected).abs().mean() < 0.15
    assert set(game.show(Images(x, y))) == {"real", "made"}


@pytest.mark.parametrize("sees", [True, False])
def test_a_generator_makes_what_it_is_asked_for_if_its_critic_sees_the_label(sees):
    pair, data = Concatenated(Perceptron(2, 32, 2), 8, 8, sees), Shape(2, 1, 1, Classes(8))
    game = Adversarial(pair.generator(data), pair.critic(data), pair.latent)
    played(game, Adam(1e-3, (0.5, 0.9)), Forever(), 300)
    labels = torch.arange(8).repeat_interleave(50)
    nearest = torch.cdist(generate(game, torch.zeros(400, 2, 1, 1), labels).flatten(1), CENTRES).argmin(1)
    right = (nearest == labels).float().mean().item()
    assert right > 0.95 if sees else right < 0.5


class Echo(Game[Images]):
    """Its samples are what they were asked for: the label, and in the second channel a latent."""

    def latents(self, like: Tensor) -> Tensor:
        return draw_rows(torch.randn, like[:, 0, 0, 0])

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        told = torch.zeros(len(latents)) if condition is None else condition.float()
        return torch.stack([told, latents], 1)[:, :, None, None]


def echo(counts: tuple[int, ...], classes: tuple[str, ...] = ("one", "five", "seven", "0")) -> LoadedGame:
    return LoadedGame(Echo(), Shape(2, 1, 1, Classes(len(classes))), classes, torch.device("cpu"), counts)


@pytest.mark.parametrize("counts", [(700, 200, 100, 0), ()])
def test_without_a_label_samples_have_them_as_often_as_the_data(counts):
    n = 8000
    told = echo(counts).sample(n, seed=3)[:, 0, 0, 0].long()
    seen = torch.bincount(told, minlength=4).double()
    expected = torch.tensor([0.7, 0.2, 0.1, 0.0] if counts else [0.25] * 4).double() * n
    some = expected > 0
    assert not seen[~some].any()
    assert ((seen - expected)[some].square() / expected[some]).sum() < 16.3  # of 3 degrees of freedom: 1 in 1000


def test_samples_with_labels_depend_on_the_seed_the_place_and_the_label_alone():
    model = echo((1, 2, 3, 4))
    assert torch.equal(model.sample(150, 4)[:70], model.sample(70, 4))
    assert not torch.equal(model.sample(70, 4), model.sample(70, 5))
    given = model.sample(70, 4, label="seven")
    assert torch.equal(given[:, 1], model.sample(70, 4)[:, 1]) and set(given[:, 0].flatten().tolist()) == {2.0}
    mixed = model.sample(70, 4, ["0", 0] * 35)  # as text, a class of that name goes before the number
    assert mixed[:, 0].flatten().tolist() == [3.0, 0.0] * 35 and torch.equal(mixed[:, 1], given[:, 1])
    assert model.sample(1, label="2").flatten()[0] == model.sample(1, label=2).flatten()[0] == 2


@pytest.mark.parametrize("number", [int, str, np.int64, np.uint8, torch.tensor], ids=lambda kind: kind.__name__)
def test_a_number_is_a_name_where_all_names_are_numbers_and_a_place_where_not(number):
    digits, words = (LoadedGame(Echo(), Shape(2, 1, 1, Classes(3)), names, torch.device("cpu")) for names in
                     (("3", "1", "07"), ("3", "1", "cat")))  # fmt: skip
    for label, place in ((3, 0), (1, 1), (7, 2)):
        assert digits.sample(1, label=number(label))[0, 0] == place
        assert digits.sample(2, label=[number(label)] * 2)[1, 0] == place
    for label in (0, 2):
        with pytest.raises(Mistake, match=rf"no label '?{label}'?; there are 3, 1, 07"):
            digits.sample(1, label=number(label))
    assert words.sample(1, label=number(2))[0, 0] == 2 and words.sample(1, label="1")[0, 0] == 1
    assert number is str or words.sample(1, label=number(1))[0, 0] == 1
    assert digits.sample(3, label=np.array([1, 3, 7]))[:, 0].flatten().tolist() == [1, 0, 2]
    assert digits.sample(3, label=torch.tensor([1, 3, 7]))[:, 0].flatten().tolist() == [1, 0, 2]


@pytest.mark.parametrize("label", [True, 1.0, None, b"3"])
def test_what_is_neither_a_name_nor_a_whole_number_is_no_label(label):
    model = LoadedGame(Echo(), Shape(2, 1, 1, Classes(3)), tuple(map(str, range(100, 200))), torch.device("cpu"))
    with pytest.raises(Mistake, match=r"there are 100, .*, 119 and 80 more"):
        model.sample(2, label=[label, label])


def test_labels_that_do_not_fit_are_refused():
    model = echo(())
    for label, words in (
        (4, "there is no label 4; there are one, five, seven, 0"),
        (-1, "no label -1"),
        ("six", "no label 'six'"),
        (["one"], "1 labels were given for 3 samples; give one for all, or one for each"),
    ):
        with pytest.raises(Mistake, match=words):
            model.sample(3, label=label)
    nothing = LoadedGame(Echo(), Shape(2, 1, 1), (), torch.device("cpu"))
    assert not nothing.is_conditional and nothing.sample(3).shape == (3, 2, 1, 1)


@pytest.mark.parametrize("classes", [1, 2, 3, 7, 8, 10, 13, 16, 36, 100])
def test_a_sheet_by_class_has_whole_rows_of_a_class_or_whole_classes_in_a_row(classes):
    labels = np.array(labels_by_class(classes))
    side = round(len(labels) ** 0.5)
    kinds = [len(set(row)) for row in labels.reshape(side, side)]
    assert len(set(np.bincount(labels))) == 1 and len(set(labels)) == classes and sorted(labels) == labels.tolist()
    assert len(set(kinds)) == 1 and kinds[0] == max(1, classes // side)


def test_classes_that_fill_no_square_are_spread_evenly():
    assert labels_by_class(26) == [i * 26 // 64 for i in range(64)] and len(set(labels_by_class(1000))) == 64


def test_a_run_records_how_often_each_class_is():
    pixels = np.zeros((5, 8, 8, 1), np.uint8)
    labelled, plain = ArrayDataset("x", pixels, np.array([2, 0, 2, 2, 0]), ("a", "b", "c")), ArrayDataset("x", pixels)
    counts = [make_data_facts(data, data.shape)["counts"] for data in (labelled, plain)]
    assert counts == [[2, 0, 3], []]


MINE = """
from dataclasses import dataclass
from saddle.recipe import Networks
from saddle.networks import Convolutional
from saddle.networks.cgan import Concatenated, ConditionalGenerator
from saddle.recipes.dcgan import DCGAN

@dataclass(frozen=True)
class CGAN(DCGAN):
    networks: Networks = Concatenated(Convolutional(4, 4), 4, 2)
    batch: int = 8
"""


def drawn(folder: Path, counts: dict[str, int]) -> Path:
    """A folder of noise for each class."""
    for i, (label, n) in enumerate(counts.items()):
        (folder / label).mkdir(parents=True)
        for j in range(n):
            noise = np.random.default_rng(100 * i + j).integers(0, 256, (16, 16), np.uint8)
            Image.fromarray(noise).save(folder / label / f"{j}.png")
    return folder


def test_a_conditional_run_is_sampled_by_label(tmp_path: Path):
    (tmp_path / "mine.py").write_text(MINE)
    data = drawn(tmp_path / "data", {"one": 4, "seven": 12})
    run = train(f"{tmp_path}/mine.py:CGAN", str(data), out=tmp_path / "run", images=32, pictures=1, quiet=True)
    model = load(run)
    assert model.is_conditional and model.shares.tolist() == [4, 12]
    assert torch.equal(model.sample(3, label="seven"), model.sample(3, label=1))
    assert not torch.equal(model.sample(3, label="seven"), model.sample(3, label="one"))
    sample([str(run)])
    save_png(
        make_contact_sheet({"made": model.sample(64, 0, ["one"] * 32 + ["seven"] * 32)}), tmp_path / "expected.png"
    )
    assert (run / "samples-0.png").read_bytes() == (tmp_path / "expected.png").read_bytes()
    sample([str(run), "--label", "seven", "-n", "2"])
    assert len(list((run / "samples-seven-0").iterdir())) == 2
    with pytest.raises(Mistake, match="there is no label 'two'; there are one, seven"):
        sample([str(run), "--label", "two"])


def test_a_run_that_recorded_no_counts_draws_its_labels_evenly(tmp_path: Path):
    (tmp_path / "mine.py").write_text(MINE)
    data = drawn(tmp_path / "data", {"one": 4, "seven": 12})
    run = train(f"{tmp_path}/mine.py:CGAN", str(data), out=tmp_path / "run", images=8, pictures=0, quiet=True)
    facts = json.loads((run / "manifest.json").read_text())
    assert facts["data"].pop("counts") == [4, 12]
    (run / "manifest.json").write_text(json.dumps(facts))
    assert load(run).shares.tolist() == [1, 1]
