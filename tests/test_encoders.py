"""Games with an encoder and a critic: whose loss reaches whom, what they come to, what they refuse."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from saddle import load, train
from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Game, Move, Turn
from saddle.data import Prepare, open_data
from saddle.errors import Mistake
from saddle.games import ALI, BiGAN, BiGANQP
from saddle.layers.gaussian_code import split_gaussian
from saddle.networks import (
    Bidirectional,
    Convolutional,
    ConvolutionalAutoencoder,
    DenseAutoencoder,
    DenseBidirectional,
    MaxoutBidirectional,
)
from saddle.networks.bigan import PairCritic
from saddle.notices import notify_nobody
from saddle.optim import Adam
from saddle.recipes import find_recipe
from saddle.recipes.bigan import BiGAN as BiGANRecipe
from saddle.shape import Shape
from saddle.training.engine import Engine

SMALL, CIFAR = Shape(1, 16, 16), Shape(3, 32, 32)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def turns(game: Game[Images], x: Tensor) -> list[Turn]:
    return list(game.round(iter([Images(x)]), Clock()))


def reached(term: Tensor, game: Game[Images]) -> set[str]:
    """The players that a term has a gradient in, were they all asked."""
    found = set()
    for name, player in game.named_children():
        own = [p for p in player.parameters() if p.requires_grad]
        slopes = torch.autograd.grad(term, own, retain_graph=True, allow_unused=True) if own else ()
        if any(slope is not None and slope.abs().max() > 0 for slope in slopes):
            found.add(name)
    return found


def movers(turn: Turn, game: Game[Images]) -> list[tuple[set[str], set[str]]]:
    """Who makes each move of a turn, and which terms it has."""
    names = {player: name for name, player in game.named_children()}
    moves = turn if isinstance(turn, tuple) else (turn,)
    return [({names[p] for p in move.players}, set(move.terms)) for move in moves if isinstance(move, Move)]


def bigan(kind: type[BiGAN] = BiGAN) -> BiGAN:
    nets = Bidirectional(latent=4, width=4, hidden=8)
    return kind(nets.encoder(SMALL, kind.numbers), nets.generator(SMALL), nets.critic(SMALL), nets.latent)


def test_bigans_critic_moves_and_then_both_others_against_both_kinds_of_pairs():
    game, x = bigan(), torch.randn(6, *SMALL[:3])
    of_critic, of_others = game.round(iter([Images(x)]), Clock()), None
    first = next(of_critic)
    assert movers(first, game) == [({"critic"}, {"adversarial"})] and reached(first.loss, game) == {"critic"}
    of_others = next(of_critic)
    assert movers(of_others, game) == [({"encoder", "generator"}, {"adversarial"})]
    assert reached(of_others.loss, game) == {"encoder", "generator"} and next(of_critic, None) is None


def test_ali_moves_all_at_once_and_each_by_its_own_loss():
    game, x = bigan(ALI), torch.randn(6, *SMALL[:3])
    (turn,) = turns(game, x)
    assert movers(turn, game) == [({"critic"}, {"adversarial"}), ({"encoder", "generator"}, {"adversarial"})]


@pytest.mark.parametrize("kind", [BiGAN, ALI])
def test_labels_are_exchanged_for_encoder_and_generator(kind):
    """L_D = E sp(-D(x, E(x))) + E sp(D(G(z), z)), and the others' loss has both signs turned."""
    game = bigan(kind)
    real, fake = torch.randn(5), torch.randn(5)
    game.judge_pairs = lambda *pairs: (real, fake)
    found = [move.loss for turn in turns(game, torch.randn(5, *SMALL[:3]))
             for move in (turn if isinstance(turn, tuple) else (turn,))]  # fmt: skip
    assert torch.allclose(found[0], softplus(-real).mean() + softplus(fake).mean())
    assert torch.allclose(found[1], softplus(real).mean() + softplus(-fake).mean())


def test_the_critic_of_bigan_qp_moves_twice_on_fresh_batches_and_then_the_others_once():
    game, drawn = bigan(BiGANQP), iter([Images(torch.randn(6, *SMALL[:3])) for _ in range(3)])
    told = list(game.round(drawn, Clock()))
    critic, both = ({"critic"}, {"adversarial", "potential"}), {"adversarial", "codes", "images"}
    assert [movers(turn, game) for turn in told] == [[critic], [critic], [({"encoder", "generator"}, both)]]
    assert len(list(drawn)) == 1
    assert reached(told[0].loss, game) == {"critic"}
    terms = told[2].terms
    assert reached(terms["adversarial"], game) == {"encoder", "generator"}
    assert reached(terms["codes"], game) == {"encoder"} and reached(terms["images"], game) == {"generator"}


def test_the_losses_of_bigan_qp_are_those_of_its_formulas():
    """L_D = mean[-D + D^2 / (2 lambda d)]; the others minimise mean D + 2 |z - E(G(z))|^2 + 3 |x - G(E(x))|^2."""
    game = bigan(BiGANQP).eval()
    x, z = torch.randn(5, *SMALL[:3]), torch.randn(5, 4)
    code, made = game.encoder(x), game.generator(z)
    real, fake = game.critic(x, code).score, game.critic(made, z).score
    d = (x - made).abs().mean((1, 2, 3)) + (code - z).abs().mean(1)
    wanted = (fake - real + (real - fake) ** 2 / (2 * 10 * d)).mean()
    torch.testing.assert_close(game.critic_move(x, code, made, z).loss, wanted)
    errors = 2 * ((z - game.encoder(made)) ** 2).mean() + 3 * ((x - game.generator(code)) ** 2).mean()
    torch.testing.assert_close(game.answer(x, code, made, z).loss, (real - fake).mean() + errors)


def test_a_critic_of_pairs_sees_image_and_code_alike_at_first():
    """With DCGAN's deviation of 0.02 and no normalisation an image came through 150 times weaker than a code."""
    critic = Bidirectional().critic(CIFAR)
    images, codes = 2 * torch.rand(16, *CIFAR[:3]) - 1, torch.randn(16, 50)
    assert 0.3 < critic.of_image(images).std() / critic.of_code(codes).std() < 3


def test_alis_codes_are_drawn_anew_and_bigans_are_not():
    x = torch.randn(6, *SMALL[:3])
    for kind, same in ((BiGAN, True), (ALI, False)):
        game = bigan(kind).eval()
        assert torch.equal(game.draw_code(x), game.draw_code(x)) == same
        assert torch.equal(game.encode(x), game.encode(x)) and game.encode(x).shape == (6, 4)
        assert torch.equal(game.reconstruct(x), game.make(game.encode(x)))


class Line(nn.Module):
    """x = a z + b of one number."""

    def __init__(self, a: float, numbers: int = 1) -> None:
        super().__init__()
        self.map = nn.Linear(1, numbers)
        nn.init.constant_(self.map.weight, a)
        nn.init.zeros_(self.map.bias)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        made: Tensor = self.map(x.flatten(1))
        return made


class Seen(Line):
    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(x)[:, :, None, None]


@pytest.mark.slow
def test_linear_encoder_and_generator_become_each_others_inverse():
    """x ~ N(1, 0.5^2): without a penalty the marginals go on circling, but encoder and generator undo each other."""
    trunk = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
    critic = PairCritic(nn.Flatten(), nn.Identity(), trunk, nn.Linear(32, 1))
    game = BiGAN(Line(0.5), Seen(1.0), critic, latent=1)
    engine = Engine(game, lambda player: Adam(5e-3 if player == "critic" else 1e-3, (0.5, 0.9)))
    data = (Images(1 + 0.5 * torch.randn(256, 1, 1, 1)) for _ in repeat(None))
    for i in range(1500):
        engine.play(data, clock=Clock(round=i))
    z = torch.linspace(-2, 2, 9)[:, None]
    with torch.no_grad():
        x = next(data).image
        assert (game.encode(game.make(z)) - z).abs().max() < 0.3
        assert (game.reconstruct(x) - x).abs().mean() < 0.1


def test_alis_layers_are_those_of_its_table():
    nets = MaxoutBidirectional()
    with torch.device("meta"):
        encoder, generator, critic = nets.encoder(CIFAR, 2), nets.generator(CIFAR), nets.critic(CIFAR)
        x, z = torch.empty(2, 3, 32, 32), torch.empty(2, 64)
        assert encoder(x).shape == (2, 128) and generator(z).shape == x.shape
        answer = critic(x, z)
    assert answer.score.shape == (2,) and answer.features.shape == (2, 1024)

    def table(network: nn.Module) -> list[tuple[int, int, int]]:
        """Kernel, stride and channels out of each convolution."""
        found = (layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d))
        return [(layer.kernel_size[0], layer.stride[0], layer.out_channels) for layer in found]

    down = [(5, 1, 32), (4, 2, 64), (4, 1, 128), (4, 2, 256), (4, 1, 512)]
    assert table(encoder) == [*down, (1, 1, 512), (1, 1, 128)]
    assert table(generator) == [(4, 1, 256), (4, 2, 128), (4, 1, 64), (4, 2, 32), (5, 1, 32), (1, 1, 32), (1, 1, 3)]
    assert table(critic) == [(kernel, stride, 2 * width) for kernel, stride, width in down]  # the larger of two
    dense = [layer.out_features for layer in critic.modules() if isinstance(layer, nn.Linear)]
    assert dense == [2 * 512, 2 * 512, 2 * 1024, 2 * 1024, 1]
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in critic.modules())


@pytest.mark.parametrize(
    "nets", [Bidirectional(4, 4, 8), DenseBidirectional(4, 8)], ids=lambda nets: type(nets).__name__
)
def test_a_critic_of_pairs_reads_image_and_code(nets):
    critic = nets.critic(SMALL).eval()
    x, z = torch.randn(4, *SMALL[:3]), torch.randn(4, 4)
    score = critic(x, z).score
    assert score.shape == (4,) and (score != critic(x, z.flip(0)).score).any() and (score != critic(-x, z).score).any()
    assert nets.encoder(SMALL, 2)(x).shape == (4, 8) and nets.generator(SMALL)(z).shape == x.shape


def test_the_same_image_alone_or_in_a_batch():
    x = torch.randn(6, *SMALL[:3])
    for kind in (BiGAN, ALI):
        game = bigan(kind)
        turns(game, x)  # batch normalisation has seen something
        game.eval()
        for answer in (game.encode, game.reconstruct, game.score):
            torch.testing.assert_close(answer(x[:1]), answer(x)[:1])


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "a critic of images": (lambda: find_recipe("bigan")[0].__class__(networks=ImageCritic()).game(SMALL),
                           r'judges images beside their codes, .*--networks "Bidirectional\(\)"'),
    "a critic of pairs elsewhere": (lambda: dataclasses.replace(
        find_recipe("dcgan")[0], networks=Bidirectional(width=4)).game(SMALL), "take the recipe bigan"),
    "an error that counts less than nothing": (lambda: BiGANQP(*bigan(BiGANQP).children(), 4, code_error=-1.0),
                                               "the weight of the error of codes is -1.0"),
    "another size": (lambda: dataclasses.replace(BiGANRecipe(), networks=MaxoutBidirectional()).game(SMALL),
                     "takes 32x32 pixels, .*--size 32"),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class ImageCritic(Bidirectional):
    def critic(self, data: Shape) -> nn.Module:
        return Convolutional(width=4).critic(data)


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_go_together_is_refused(case):
    make, words = REFUSED[case]
    with pytest.raises(Mistake, match=words):
        make()


def test_features_of_an_anomaly_score_are_read_beside_the_code_of_the_image():
    game, x = bigan().eval(), torch.randn(3, *SMALL[:3])
    again = game.reconstruct(x)
    for sample, verdict in zip((x, again), game.judge_again(x, again), strict=True):
        assert torch.equal(verdict.score, game.critic(sample, game.encode(x)).score)


def test_the_code_of_a_normal_law_is_its_mean():
    game = bigan(ALI).eval()
    x = torch.randn(3, *SMALL[:3])
    assert torch.equal(game.encode(x), split_gaussian(game.encoder(x))[0])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "images", "share"), [("bigan", 24_000, 0.8), ("bigan-qp", 12_000, 0.5)])
def test_copies_of_glyphs_are_nearer_than_the_mean_image(name: str, images: int, share: float, tmp_path: Path):
    """By the averaged weights: half a minute of one core each."""
    glyphs = open_data("glyphs", Prepare(size=16), notify_nobody)
    places = np.random.default_rng(0).permutation(len(glyphs))[:2000]
    x = glyphs.take(places, np.zeros(len(places), np.uint64), ["image"])["image"].float() / 127.5 - 1
    run = train(name, size=16, images=images, seed=0, out=tmp_path / "run", pictures=1, quiet=True, device="cpu")
    error = (load(run).reconstruct(x) - x).square().mean()
    assert error < share * (x - x.mean(0)).square().mean()


@pytest.mark.parametrize(("pair", "instead"), [
    (Bidirectional(), DenseBidirectional(2)), (MaxoutBidirectional(), DenseBidirectional(2)),
    (ConvolutionalAutoencoder(), DenseAutoencoder(2)),
])  # fmt: skip
def test_points_are_refused_with_networks_of_the_same_players_that_take_them(pair, instead):
    points = Shape(2, 1, 1)
    players = ["encoder", "generator", *(["critic"] if hasattr(pair, "critic") else [])]
    for player in players:
        with pytest.raises(Mistake, match=rf'{type(pair).__name__} takes .*"{type(instead).__name__}\(2\)"'):
            getattr(pair, player)(points)
        assert isinstance(getattr(instead, player)(points), nn.Module)


def test_sides_that_cannot_be_halved_are_refused_in_the_name_of_what_was_asked_for():
    for make in (Bidirectional().encoder, Bidirectional().generator, Bidirectional().critic):
        with pytest.raises(Mistake, match=r"^Bidirectional takes .*; give --size 16"):
            make(Shape(1, 17, 17))
