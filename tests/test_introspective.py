"""Autoencoders whose encoder is the critic: whose loss reaches whom, rounds written out once more, and what is kept."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Game, Move
from saddle.data.toys import sample_toy, toy_modes
from saddle.errors import Mistake
from saddle.games import IntroVAE, SoftIntroVAE, VariationalAutoencoder
from saddle.games.introspective import Introspective
from saddle.layers.gaussian_code import gaussian_kl
from saddle.networks import DenseAutoencoder, ResidualAutoencoder
from saddle.objectives import SquaredError
from saddle.optim import SGD, Adam
from saddle.parts import Shard, use_shard
from saddle.recipe import EncoderNetworks
from saddle.recipes import find_recipe
from saddle.shape import Shape
from saddle.training.engine import Engine, derive_seed
from saddle.training.game_notes import WarmsUp, describe_warm_up
from test_encoders import movers, reached

DATA, LATENT, ROWS = Shape(1, 4, 4), 3, 6
DENSE, RESIDUAL = DenseAutoencoder(LATENT, (7,)), ResidualAutoencoder(LATENT, 4)
KINDS: dict[type[Introspective], dict[str, float]] = {
    IntroVAE: {"reconstruction": 0.7, "kl": 1.3, "negative": 0.4, "margin": 0.04},
    SoftIntroVAE: {"reconstruction": 0.7, "kl": 1.3, "negative": 3.0, "again": 0.2},
}
SCALES = {IntroVAE: 1, SoftIntroVAE: 16}  # what a loss is divided by: of Soft-IntroVAE, the numbers of an image
both = pytest.mark.parametrize("kind", KINDS)


pytestmark = pytest.mark.usefixtures("double")


def make(kind: type[Introspective], nets: EncoderNetworks = DENSE, data: Shape = DATA, **more: Any) -> Introspective:
    torch.manual_seed(0)
    return kind(nets.encoder(data, 2), nets.generator(data), nets.latent, **KINDS[kind] | more)


def batch(data: Shape = DATA) -> Tensor:
    return torch.randn(ROWS, *data[:3], generator=torch.Generator().manual_seed(5)) + 0.5


def step(game: Game[Any], x: Tensor, rounds: int = 1, lr: float = 0.02, parts: int = 1) -> dict[str, Tensor]:
    """Rounds by plain descent; what was reported of the last."""
    driver, report = Engine(game, lambda player: SGD(lr, 0.0)), {}
    for i in range(rounds):
        report = driver.play(*(repeat(Images(some)) for some in x.chunk(parts)), clock=Clock(round=i))
    return report


@both
def test_the_encoder_moves_and_then_the_generator_and_each_term_reaches_its_own_player_alone(kind: Any):
    game = make(kind)
    turns = game.round(repeat(Images(batch())), Clock())
    third = "margin" if kind is IntroVAE else "fakes"
    first = next(turns)
    assert movers(first, game) == [({"encoder"}, {"error", "kl", third})]
    assert [reached(term, game) for term in first.terms.values()] == [{"encoder"}] * 3
    second = next(turns)
    more = {"again"} & set(second.terms)
    assert movers(second, game) == [({"generator"}, {"error", "kl"} | more)] and bool(more) == (kind is SoftIntroVAE)
    assert all(reached(term, game) == {"generator"} for term in second.terms.values()) and next(turns, None) is None


@both
def test_the_first_images_are_shown_to_a_plain_variational_autoencoder(kind: Any):
    game, plain = make(kind, reconstruction=1.0, kl=0.3, warm_up=7), make_vae(beta=0.3)
    turns = [list(game.round(repeat(Images(batch())), Clock(images=n))) for n in (0, 6, 7)]
    assert [len(some) for some in turns] == [1, 1, 2]
    (move,) = turns[0]
    assert movers(move, game) == [({"encoder", "generator"}, {"error", "kl"})]
    assert [reached(term, game) for term in move.terms.values()] == [{"encoder", "generator"}, {"encoder"}]
    assert game.phase(Clock(images=6)) != game.phase(Clock(images=7))
    assert equal_weights(game, plain, 3, lr=0.02 * SCALES[kind])


def make_vae(beta: float) -> VariationalAutoencoder:
    torch.manual_seed(0)
    return VariationalAutoencoder(DENSE.encoder(DATA, 2), DENSE.generator(DATA), LATENT, SquaredError(), beta)


def equal_weights(game: Game[Any], other: Game[Any], rounds: int, lr: float = 0.02, other_lr: float = 0.02) -> bool:
    """Do both come to the same?"""
    before = copy.deepcopy(game.state_dict())
    step(game, batch(), rounds, lr)
    step(other, batch(), rounds, other_lr)
    a, b = game.state_dict(), other.state_dict()
    return all(torch.allclose(a[key], b[key], rtol=0, atol=1e-12) and not torch.equal(a[key], before[key]) for key in a)


class Without:
    """A game whose players have these terms no more."""

    def __init__(self, game: Introspective, *terms: str) -> None:
        for name in ("encoder_move", "generator_move"):
            setattr(game, name, self.drop(getattr(game, name), terms if name == "generator_move" else terms[1:]))
        self.game = game

    def drop(self, move: Callable[..., Move], terms: tuple[str, ...]) -> Callable[..., Move]:
        def dropped(*given: Any) -> Move:
            whole = move(*given)
            return Move(*whole.players, **{key: term for key, term in whole.terms.items() if key not in terms})

        return dropped


@both
def test_without_what_is_said_of_fakes_it_is_a_variational_autoencoder(kind: Any):
    """The code that the generator is told was drawn before the encoder moved."""
    game = make(kind, reconstruction=1.0, kl=0.3, **({"negative": 0.0} if kind is IntroVAE else {}))
    without = Without(game, "kl", "fakes", "again").game  # the generator's divergence; the encoder has its own
    assert equal_weights(without, make_vae(beta=0.3), 4, lr=0.02 * SCALES[kind])


def written_out(kind: type[Introspective], nets: EncoderNetworks, x: Tensor, lr: float) -> dict[str, Tensor]:
    """A round in plain torch, in the order of the authors' code, with one graph for both moves."""
    game = make(kind, nets)
    E, G, w = game.encoder, game.generator, KINDS[kind]
    dice = torch.Generator().manual_seed(derive_seed(0, 0))

    def draw() -> Tensor:
        return torch.randn(len(x), LATENT, generator=dice)

    def law(images: Tensor) -> tuple[Tensor, Tensor]:
        return E(images)[:, :LATENT], E(images)[:, LATENT:]

    def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
        return (mean**2 + log_variance.exp() - log_variance - 1).sum(1) / 2

    def missed(a: Tensor, b: Tensor) -> Tensor:
        return ((a - b) ** 2).sum((1, 2, 3))

    mean, log_variance = law(x)
    z = mean + (log_variance / 2).exp() * draw()
    again, made = G(z), G(draw())
    s = 1.0 if kind is IntroVAE else 1 / x[0].numel()
    of_encoder = s * (w["reconstruction"] * missed(again, x) + w["kl"] * kl(mean, log_variance)).mean()
    for fake in (again.detach(), made.detach()):
        m, v = law(fake)
        if kind is IntroVAE:
            of_encoder = of_encoder + 0.5 * w["kl"] * w["negative"] * (w["margin"] - kl(m, v)).clamp(min=0).mean()
        else:
            back = missed(G(m + (v / 2).exp() * draw()), fake)
            cost = w["reconstruction"] * back + w["negative"] * kl(m, v)
            of_encoder = of_encoder + 0.25 * (-2 * s * cost).exp().mean()
    slopes = torch.autograd.grad(of_encoder, list(E.parameters()), retain_graph=True)
    descend(E, slopes, lr)
    again = G(z.detach())
    of_generator = s * w["reconstruction"] * missed(again, x).mean()
    for fake in (again, made):
        m, v = law(fake)
        of_generator = of_generator + 0.5 * s * w["kl"] * kl(m, v).mean()
        if kind is SoftIntroVAE:
            code = (m + (v / 2).exp() * draw()).detach()
            of_generator = of_generator + 0.5 * s * w["again"] * w["reconstruction"] * missed(
                G(code), fake.detach()).mean()  # fmt: skip
    descend(G, torch.autograd.grad(of_generator, list(G.parameters())), lr)
    return game.state_dict()


@torch.no_grad()
def descend(player: nn.Module, slopes: Iterable[Tensor], lr: float) -> None:
    for p, slope in zip(player.parameters(), slopes, strict=True):
        p.sub_(lr * slope)


@both
def test_a_round_is_the_papers_written_out_once_more(kind: Any):
    """Some fakes are beyond the margin and others are not, so that a hinge of the mean would be another."""
    x, game = batch(), make(kind)
    short = divergences(game, game.make(torch.randn(99, LATENT)))[0] < KINDS[IntroVAE]["margin"]
    assert short.any() and not short.all()
    step(game, x, lr=0.05)
    for key, value in written_out(kind, DENSE, x, 0.05).items():
        torch.testing.assert_close(game.state_dict()[key], value, rtol=0, atol=1e-12, msg=key)


def divergences(game: Introspective, *batches: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return [gaussian_kl(*game.posterior(some)) for some in batches]


def test_the_encoder_lowers_the_divergence_of_reals_and_raises_that_of_fakes_up_to_the_margin():
    x, fakes = batch() + 2, torch.cat([batch(), -batch()]) - 2
    for margin, signs in ((1e3, (-1, 1)), (0.0, (-1, 0))):
        game = make(IntroVAE, reconstruction=0.0, negative=1.0, margin=margin)
        before = divergences(game, x, fakes)
        move = game.encoder_move(x, game.posterior(x), fakes)
        own = list(game.encoder.parameters())
        (slope,) = (torch.autograd.grad(move.terms["margin"], own, retain_graph=True, allow_unused=True)[:1],)
        assert slope[0].any() == (margin > 0)
        for term, some, was, sign in zip(("kl", "margin"), (x, fakes), before, signs, strict=True):
            other = copy.deepcopy(game)
            descend(other.encoder, torch.autograd.grad(move.terms[term], own, retain_graph=True), 1e-4)
            (now,) = divergences(other, some)
            assert torch.sign(now.mean() - was.mean()) == sign and was.min() >= 0 and now.min() >= 0


def test_the_generator_lowers_the_divergence_of_its_fakes():
    game, z = make(IntroVAE, reconstruction=0.0), torch.randn(2 * ROWS, LATENT)
    move = game.generator_move(batch(), game.make(z))
    (before,) = divergences(game, game.make(z))
    assert move.loss.item() == pytest.approx(KINDS[IntroVAE]["kl"] * before.mean().item())
    descend(game.generator, torch.autograd.grad(move.loss, list(game.generator.parameters())), 1e-3)
    assert divergences(game, game.make(z))[0].mean() < before.mean()


class Codes(nn.Module):
    """An encoder that answers with a table, whatever it is shown."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(rows, 2 * LATENT))

    def forward(self, x: Tensor) -> Tensor:
        return self.table[: len(x)]


def test_fakes_count_in_the_soft_loss_by_a_softmax_of_their_energies():
    """The slope of half the mean of exp(-2 energy) is minus that mean, times each energy's share and slope."""
    game, x = make(SoftIntroVAE, reconstruction=0.0), batch()
    game.encoder = Codes(2 * ROWS)
    move = game.encoder_move(x, game.posterior(x), torch.cat([x, -x]))
    (found,) = torch.autograd.grad(move.terms["fakes"], game.encoder.table, retain_graph=True)
    energy = game.negative * gaussian_kl(*game.posterior(torch.cat([x, x]))) / 16
    (slope,) = torch.autograd.grad(energy.sum(), game.encoder.table)
    share = (-2 * energy.detach()).softmax(0)
    assert share.max() > 2 * share.min()
    torch.testing.assert_close(found, -2 * move.terms["fakes"].detach() * share[:, None] * slope)


def test_a_real_image_and_its_equal_fakes_pull_alike_at_the_divergence_that_the_docs_name():
    """ln(negative / kl) / (2 s negative): below it the encoder raises the divergence of both, above it lowers it."""
    game, x = make(SoftIntroVAE, reconstruction=0.0, kl=1.3, negative=3.0), torch.zeros(1, 1, 4, 4)
    due = math.log(3.0 / 1.3) / (2 * 3.0 / 16)
    for kl, sign in ((0.9 * due, -1), (due, 0), (1.1 * due, 1)):
        game.encoder = Codes(2)
        with torch.no_grad():
            game.encoder.table.copy_(torch.tensor([(2 * kl) ** 0.5] + 5 * [0.0]))  # KL = mean^2 / 2
        move = game.encoder_move(x, game.posterior(x), torch.cat([x, x]))
        (slope,) = torch.autograd.grad(move.loss, game.encoder.table)
        assert torch.sign(slope[:, 0].sum().round(decimals=12)) == sign


def test_without_the_scale_of_an_image_the_soft_loss_says_nothing_of_fakes():
    """In single precision, as runs are: exp(-2 energy) of whole images is nought, and so is its slope."""
    torch.set_default_dtype(torch.float32)
    data, game = Shape(1, 32, 32), find_recipe("soft-introvae")[0]
    game = make(SoftIntroVAE, data=data, reconstruction=game.reconstruction, negative=game.negative)
    x = batch(data).float()
    move = game.encoder_move(x, game.posterior(x), torch.cat([x, -x]))
    assert move.terms["fakes"] > 1e-3 and reached(move.terms["fakes"], game) >= {"encoder"}
    whole = (-2 * 1024 * game.score(torch.cat([x, -x])).neg()).exp().mean()
    assert whole == 0 and reached(whole, game) == set()


def test_running_statistics_are_the_encoders_of_reals_and_the_generators_of_both_kinds_of_fakes_once():
    x, game = batch(Shape(1, 16, 16)), make(SoftIntroVAE, RESIDUAL, Shape(1, 16, 16))
    twin = copy.deepcopy(game)
    step(game, x)
    with use_shard(Shard(rng=torch.Generator().manual_seed(derive_seed(0, 0)))), torch.no_grad():
        mean, log_variance = twin.posterior(x)
        z, z_p = mean + (log_variance / 2).exp() * twin.latents(mean), twin.latents(mean)
        twin.generator(torch.cat([z, z_p]))
    found, due = dict(game.named_buffers()), dict(twin.named_buffers())
    assert len(due) > 20
    for key, value in due.items():
        torch.testing.assert_close(found[key], value, rtol=0, atol=1e-12, msg=key)


@both
def test_a_batch_in_parts_is_the_whole(kind: Any):
    whole, parts = make(kind), make(kind)
    reports = [step(whole, batch(), 3), step(parts, batch(), 3, parts=2)]
    for a, b in ((whole.state_dict(), parts.state_dict()), reports):
        assert all(torch.allclose(a[key], b[key], rtol=0, atol=1e-12) for key in a)


@both
def test_a_score_is_of_one_image_alone_or_in_a_batch_and_lower_where_codes_are_far_from_the_prior(kind: Any):
    data = Shape(1, 16, 16)
    x, game = batch(data), make(kind, RESIDUAL, data)
    step(game, x, 2)
    game.eval()
    for answer in (game.score, game.encode, game.reconstruct):
        torch.testing.assert_close(answer(x[:1]), answer(x)[:1])
    (kl,), energy = divergences(game, x), KINDS[kind]
    missed = (game.reconstruct(x) - x).square().flatten(1).sum(1)
    due = kl if kind is IntroVAE else (energy["reconstruction"] * missed + energy["kl"] * kl) / 256
    torch.testing.assert_close(game.score(x), -due)


@pytest.mark.parametrize(("width", "side", "encoder", "generator"), [
    (32, 256, 22_711_456, 16_190_819), (16, 1024, 27_445_328, 20_903_859)])  # fmt: skip
def test_networks_have_as_many_numbers_as_the_authors(width: int, side: int, encoder: int, generator: int):
    """Counted apart from ours, on the channels that the paper's table names."""
    nets, data = ResidualAutoencoder(width=width), Shape(3, side, side)
    with torch.device("meta"):
        both = nets.encoder(data, 2), nets.generator(data)
    assert [sum(p.numel() for p in net.parameters()) for net in both] == [encoder, generator]


@pytest.mark.parametrize("data", [Shape(3, 32, 32), Shape(1, 28, 28), Shape(1, 16, 24)], ids=str)
def test_networks_take_and_make_what_they_say(data: Shape):
    x = batch(data)
    encoder, generator = RESIDUAL.encoder(data), RESIDUAL.generator(data)
    assert encoder(x).shape == (ROWS, LATENT) and RESIDUAL.encoder(data, 2)(x).shape == (ROWS, 2 * LATENT)
    assert generator(encoder(x), torch.zeros(ROWS, dtype=torch.int64)).shape == x.shape
    widths = [layer.out_channels for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    assert max(widths) == 4 * 2 ** (RESIDUAL.pyramid(data).steps - 1)


@pytest.mark.parametrize(("wrong", "says"), [
    (lambda: make(IntroVAE, margin=-1.0), "IntroVAE: margin is -1.0, but should be 0 or more"),
    (lambda: make(SoftIntroVAE, negative=math.inf), "SoftIntroVAE: negative is inf"),
    (lambda: make(SoftIntroVAE, again=-1.0), "SoftIntroVAE: again is -1.0"),
    (lambda: make(IntroVAE, warm_up=-1), "warm_up is -1, but should be 0 images or more"),
    (lambda: RESIDUAL.encoder(Shape(2, 1, 1)), 'not points; give --networks "DenseAutoencoder(2)", or take the recipe'),
    (lambda: RESIDUAL.generator(Shape(1, 30, 30)), "give --size 32"),
    (lambda: ResidualAutoencoder(width=0), "width is 0"),
])  # fmt: skip
def test_what_does_not_fit_is_refused_with_a_way_out(wrong: Callable[[], object], says: str):
    with pytest.raises(Mistake) as no:
        wrong()
    assert says in str(no.value)


@pytest.mark.parametrize(("images", "warned"), [(25_000, True), (100, True), (25_001, False)])
def test_a_run_that_ends_in_its_warm_up_is_told_to_be_something_else(images: int, warned: bool):
    game = find_recipe("soft-introvae-toy")[0].game(Shape(2, 1, 1))
    assert isinstance(game, WarmsUp)
    game.warm_up = 25_000
    said = " ".join(describe_warm_up(game, images))
    assert ("a plain variational autoencoder" in said) == warned
    assert ("--images 75000 is longer" in said) == warned
    assert not [*describe_warm_up(make_vae(beta=0.3), 1)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fields"), [
    ("introvae", {"reconstruction": 0.7, "margin": 4.0}), ("soft-introvae-toy", {})])  # fmt: skip
def test_on_eight_gaussians_reals_and_fakes_come_to_one_divergence_and_points_to_the_modes(name: str, fields: Any):
    """A plain autoencoder of these weights leaves nothing near the modes. One mode or two may be missed by then."""
    torch.set_default_dtype(torch.float32)
    nets, modes = DenseAutoencoder(2, (64, 64, 64)), torch.from_numpy(toy_modes("ring").centres).float()
    points = torch.from_numpy(sample_toy("ring", 50_000)).permute(0, 3, 1, 2)
    recipe = dataclasses.replace(find_recipe(name)[0], networks=nets, warm_up=200 * 128, **fields)
    game = recipe.game(Shape(2, 1, 1))
    driver = Engine(game, lambda player: Adam(1e-3, (0.9, 0.999)))
    batches = (Images(points[torch.randint(50_000, (128,))]) for _ in repeat(None))

    def look() -> tuple[float, float, int]:
        """How far fakes' divergence is from reals', relatively, the share of samples at a mode, and modes with some."""
        made = game.make(torch.randn(4000, 2)).detach()
        real, fake = (float(kl.mean()) for kl in divergences(game, points[:4000], made))
        distance, nearest = torch.cdist(made.flatten(1), modes).min(1)
        at = torch.bincount(nearest[distance < 0.25], minlength=8) / 4000
        return fake / real - 1, float(at.sum()), int((at > 0.005).sum())

    seen = {}
    for i in range(2001):
        driver.play(batches, clock=Clock(i, 128 * i))
        if i in (200, 1000, 2000):
            seen[i] = look()
    assert seen[200][1] < 0.05 and seen[2000][1] > 0.7 and seen[2000][2] >= 6
    assert abs(seen[2000][0]) < 0.8 * abs(seen[1000][0])
