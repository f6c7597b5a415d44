"""Games that look further than at scores, against closed forms, finite differences and other ways to compute them."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import softplus

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Agree, Game, Judge, Judged, Move, Turn, Verdict
from saddle.errors import Mistake
from saddle.games import (
    ALI,
    AccuracyGate,
    Adversarial,
    AdversarialFlow,
    Balanced,
    BiGAN,
    BiGANQP,
    Clip,
    CodedMultiLevel,
    Consensus,
    EquilibriumGate,
    FrozenAutoencoder,
    Gated,
    GradientScale,
    InfoGAN,
    MaximumLikelihood,
    MultiLevel,
    NagarajanKolter,
    PathLength,
    ProgressiveGrowing,
    Simultaneous,
    StyleBased,
    StyleGrowing,
    Turing,
    Turns,
    Unrolled,
    VariationalAutoencoder,
)
from saddle.games.progressive import FadeIn
from saddle.games.unrolled import differentiable_step
from saddle.image_size import ImageSize
from saddle.layers.equalized import EqualizedConv2d
from saddle.layers.latent_codes import LatentCodes
from saddle.layers.noise_levels import LevelAugment
from saddle.layers.style import MappingNetwork
from saddle.layers.views import Noise
from saddle.networks import Bottlenecked, Convolutional, PatchTransformer, Perceptron, SpatialAutoencoder, Spectral
from saddle.networks.began import mean_absolute
from saddle.networks.bigan import PairCritic
from saddle.networks.ebgan import AutoencodingCritic
from saddle.networks.gaussian_mixture import FactoredMixture
from saddle.networks.infogan import InferringCritic
from saddle.networks.pggan import GrowingCritic, GrowingGenerator, down_block, first_block, up_block
from saddle.networks.stylegan import StyledGenerator
from saddle.networks.t_gan import Opposed
from saddle.objectives import (
    CriticAlone,
    LearnedGaussian,
    LeastSquares,
    Minimax,
    NonSaturating,
    Relativistic,
    Wasserstein,
)
from saddle.optim import SGD, Adam
from saddle.penalties import R1 as NearbyR1
from saddle.penalties import Bottleneck, FeatureMatching, GradientPenalty, LeCam
from saddle.shape import Shape
from saddle.training.engine import Engine
from toys import LATENT, ROWS, Batches, Critic, Maker, StyleMaker, engine, images, play

IMAGE = Shape(1, 4, 4)
GRADIENT = GradientPenalty(1.0, every=2)


class R1:
    """Half the squared slope at the reals, written once more."""

    weight, every, loss, input_grad = 0.7, 1, "critic", "samples"

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        (slope,) = torch.autograd.grad(real.score.sum(), real.sample, create_graph=True)
        return slope.flatten(1).square().sum(1).mean() / 2


class Pulsing:
    """A gate that lets each player wait in turn, whatever happens."""

    boundary = 0.0

    def observe(self, real: Tensor, fake: Tensor) -> Tensor:
        return real.mean()[None]

    def decide(self, mean: Tensor, before: Tensor) -> Tensor:
        return before.roll(1)


class Wiggly(Critic):
    """Smooth, so that a difference quotient is a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk[2] = nn.Tanh()


def comparing() -> nn.Module:
    return Opposed(Perceptron(width=8, depth=1), hidden=6).critic(IMAGE)


SLOTS: dict[str, Any] = {"views": (Noise(0.1),), "penalties": (GRADIENT,)}
NEARBY = NearbyR1(1.0, nearby=0.1, share=0.5)
GAMES: dict[str, Callable[[], Game[Images]]] = {
    "consensus": lambda: Consensus(Maker(), Critic(), LATENT, 0.5, **SLOTS),
    "nagarajan-kolter": lambda: NagarajanKolter(Maker(), Critic(), LATENT, 0.5, turns=Turns(2, 2), **SLOTS),
    "unrolled": lambda: Unrolled(Maker(), Critic(), LATENT, 3, SGD(0.05), turns=Turns(2, 1), **SLOTS),
    "unrolled by adam": lambda: Unrolled(Maker(), Wiggly(), LATENT, 2, Adam(1e-2), turns=Turns(1, 2), **SLOTS),
    "turing": lambda: Turing(Maker(), comparing(), LATENT, views=(Noise(0.1),), penalties=(R1(),), turns=Turns(1, 2)),
    "accuracy": lambda: Gated(Maker(), Critic(), LATENT, AccuracyGate(0.8, 0.2), **SLOTS),
    "equilibrium": lambda: Gated(Maker(), Critic(), LATENT, EquilibriumGate(margin=0.02), **SLOTS),
    "balanced": lambda: Balanced(Maker(), rebuilding(), LATENT, 0.9, 0.1, objective=Wasserstein(), **SLOTS),
    "bottleneck": lambda: Adversarial(Maker(), drawing(), LATENT, penalties=(Bottleneck(step=0.1), GRADIENT)),
    "nearby": lambda: Adversarial(Maker(), Critic(), LATENT, views=(Noise(0.1),), penalties=(NEARBY,)),
    "information": lambda: InfoGAN(Maker(), inferring(), LATENT - CODES.size, **SLOTS),
    "bigan": lambda: BiGAN(mapping(), Maker(), of_pairs(), LATENT),
    "ali": lambda: ALI(mapping(ALI.numbers), Maker(), of_pairs(), LATENT),
    "bigan-qp": lambda: BiGANQP(mapping(), Maker(), of_pairs(), LATENT, turns=Turns(2, 2)),
    "flow": lambda: AdversarialFlow(
        Maker(), Critic(), LATENT, GradientScale(), objective=Relativistic(), turns=Turns(1, 2), penalties=(GRADIENT,)
    ),
    "levels": lambda: leveled(penalties=(R1(),), turns=Turns(1, 2)),
    "codes": lambda: coded(penalties=(R1(),)),
    "variational": lambda: VariationalAutoencoder(mapping(2), Maker(), LATENT, LearnedGaussian()),
    "styles": lambda: StyleBased(
        StyleMaker(),
        Critic(),
        LATENT,
        0.7,
        PathLength(every=2),
        views=(Noise(0.1),),
        penalties=(R1(), GradientPenalty(1.0, every=2)),
    ),
    "progressive": lambda: growing(),
    "growing styles": lambda: growing_styles(),
    "likelihood": lambda: MaximumLikelihood(FactoredMixture(IMAGE, 3, 0.5), 17),
}
CODES = LatentCodes(categories=2, numbers=1)


def growing() -> ProgressiveGrowing:
    """From two pixels a side to four, which is being faded in."""
    start = ImageSize(2, 2)
    G = GrowingGenerator([first_block(LATENT, 4, start), up_block(4, 4)], [EqualizedConv2d(4, 1, 1) for _ in range(2)])
    D = GrowingCritic(start, [4, 4], 1, [down_block(4, 4)], group=2)
    game = ProgressiveGrowing(G, D, LATENT, FadeIn((0.0, 0.8)), **SLOTS)
    game.clock = Clock(stage=1, stage_share=0.3)
    return game


def growing_styles() -> StyleGrowing:
    start = ImageSize(2, 2)
    G = StyledGenerator(MappingNetwork(LATENT, 4, 2), 4, start, [4, 4], 1)
    nn.init.normal_(G.constant)  # or its deviation, by which maps are divided, would be that of rounding
    D = GrowingCritic(start, [4, 4], 1, [down_block(4, 4)], group=2)
    game = StyleGrowing(G, D, LATENT, FadeIn((0.0, 0.8)), views=(Noise(0.1),), penalties=(R1(),))
    game.clock = Clock(stage=1, stage_share=0.3)
    return game


def inferring() -> nn.Module:
    return InferringCritic(Critic(), nn.Linear(16, CODES.size), CODES)


def mapping(numbers: int = 1) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, numbers * LATENT))


def of_pairs() -> nn.Module:
    trunk = nn.Sequential(nn.Linear(16 + LATENT, 16), nn.LeakyReLU(0.2))
    return PairCritic(
        nn.Flatten(), nn.Identity(), trunk, nn.Linear(16, 1, bias=False)
    )  # a bias moves no difference of scores


def rebuilding() -> AutoencodingCritic:
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    return AutoencodingCritic(encoder, nn.Sequential(nn.Linear(3, 16), nn.Unflatten(1, IMAGE[:3])), mean_absolute)


def coded(**slots: Any) -> CodedMultiLevel:
    both, pair = SpatialAutoencoder(2, 1, 3), PatchTransformer(LATENT, 8, 2, 1, head_width=4, levels=2, projection=6)
    code = both.code(IMAGE)
    frozen = FrozenAutoencoder(both.encoder(IMAGE), both.generator(IMAGE), code)
    return CodedMultiLevel(pair.generator(code), pair.critic(code), LATENT, frozen, **slots)


def leveled(**slots: Any) -> MultiLevel:
    pair = PatchTransformer(LATENT, 8, depth=2, patch=2, head_width=4, levels=2, projection=6)
    return MultiLevel(pair.generator(IMAGE), pair.critic(IMAGE), LATENT, augment=LevelAugment(), **slots)


def drawing() -> nn.Module:
    return Bottlenecked(Perceptron(LATENT, 8, 1)).critic(IMAGE)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def close(a: object, b: object, atol: float = 1e-10) -> None:
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=1e-8, atol=atol)


def turns(game: Game[Images], batch: Images) -> Iterator[Turn]:
    """A round by hand: what is to be agreed is agreed, and nobody moves."""
    for turn in game.round(itertools.repeat(batch), Clock()):
        if isinstance(turn, Agree):
            turn.tell(turn.value.detach())
        else:
            yield turn


def moves(game: Game[Images], batch: Images) -> list[Move]:
    return [move for turn in turns(game, batch) for move in ((turn,) if isinstance(turn, Move) else turn)]


def gradient(move: Move) -> Tensor:
    own = [p for player in move.players for p in player.parameters()]
    return torch.cat([g.flatten() for g in torch.autograd.grad(move.loss, own, retain_graph=True)])


def still(game: Adversarial, made: Tensor) -> Adversarial:
    """A game whose fakes are these."""
    game.generate = lambda batch: made  # type: ignore[method-assign]
    return game


# Dirac-GAN: real data at zero, one fake at theta, D(x) = psi x.
ORIGIN = Images(torch.zeros(4, 1, 1, 1, dtype=torch.float64))


class Point(nn.Module):
    def __init__(self, theta: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta))

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.theta.expand(len(z), 1, 1, 1)


class Slope(nn.Module):
    def __init__(self, psi: float) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        return Verdict((self.psi * x).flatten(), x)


def field(make: Callable[..., Adversarial], theta: float, psi: float, **slots: Any) -> Tensor:
    """Where the players want to go, (generator, critic)."""
    game = make(Point(theta), Slope(psi), 1, **slots)
    by = {move.players[0]: -gradient(move) for move in moves(game, ORIGIN)}
    return torch.cat([by[game.generator], by[game.critic]])


def eigenvalues(make: Callable[..., Adversarial], **slots: Any) -> Tensor:
    h = 1e-5
    columns = [
        (field(make, *(h * e), **slots) - field(make, *(-h * e), **slots)) / (2 * h) for e in torch.eye(2).numpy()
    ]
    return torch.linalg.eigvals(torch.stack(columns, 1))


TABLE = [  # eigenvalues at the equilibrium: their mean, and the square of half their distance
    *((Consensus, {"gamma": g, "objective": NonSaturating()}, -g / 4, -1 / 4) for g in (0.0, 0.3, 1.0)),
    *((Consensus, {"gamma": g, "objective": Wasserstein()}, -g, -1.0) for g in (0.3, 1.0)),
    *((NagarajanKolter, {"eta": e, "objective": Minimax()}, -e / 4, e * e / 16 - 1 / 4) for e in (0.5, 1.0, 2.0)),
    (NagarajanKolter, {"eta": 0.5, "objective": Wasserstein()}, -0.5, -0.75),
    *(
        (Unrolled, {"K": k, "inner": SGD(0.1), "objective": Wasserstein()}, -k / 10, k * k / 100 - 1)
        for k in (0, 5, 10)
    ),
    (Gated, {"gate": Pulsing(), "objective": NonSaturating()}, 0.0, -1 / 4),
]


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(("make", "slots", "mean", "square"), TABLE)
def test_eigenvalues_of_the_dirac_gan(make: Any, slots: dict[str, Any], mean: float, square: float):
    found = eigenvalues(make, **slots)
    close(found.mean(), complex(mean), 1e-6)
    close((found - found.mean()).square(), torch.full((2,), complex(square)), 1e-6)


@pytest.mark.usefixtures("double")
def test_a_step_of_consensus_on_a_bilinear_game_is_that_of_the_paper():
    theta, psi, gamma, h = 0.7, -0.4, 3.0, 0.1
    game = Consensus(Point(theta), Slope(psi), 1, gamma, objective=Wasserstein())
    report = Engine(game, lambda player: SGD(h)).play(itertools.repeat(ORIGIN), clock=Clock())
    v, J = torch.tensor([psi, -theta]), torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    after = torch.tensor([theta, psi]) + h * (v - gamma * J.T @ v)
    close(torch.stack([game.generator.theta, game.critic.psi]), after)
    close(report["critic/consensus"], gamma / 2 * v.square().sum())


@pytest.mark.usefixtures("double")
def test_the_consensus_is_on_each_players_whole_loss():
    batch = images(ROWS)
    game = Consensus(Maker(), Wiggly(), LATENT, 0.5, penalties=(R1(),))
    plain = Simultaneous(game.generator, game.critic, LATENT, penalties=(R1(),))
    z = torch.randn(ROWS, LATENT)
    for g in (game, plain):
        g.prior = lambda like, size: z

    def energy() -> Tensor:
        return torch.cat([gradient(move) for move in moves(plain, batch)]).square().sum() / 2

    extra = [gradient(a) - gradient(b) for a, b in zip(moves(game, batch), moves(plain, batch), strict=True)]
    for players, found in zip(("critic", "generator"), extra, strict=True):
        direction = torch.randn_like(found)
        close(found @ direction, 0.5 * quotient(energy, getattr(game, players), direction), 1e-6)


def quotient(f: Callable[[], Tensor], player: nn.Module, direction: Tensor, h: float = 1e-5) -> Tensor:
    """The slope of a function of a player's weights along a direction, by a central difference."""
    home = nn.utils.parameters_to_vector(player.parameters()).detach()
    values = []
    for sign in (1, -1):
        nn.utils.vector_to_parameters(home + sign * h * direction, player.parameters())
        values.append(f().detach())
    nn.utils.vector_to_parameters(home, player.parameters())
    return (values[0] - values[1]) / (2 * h)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("objective", [Minimax(), NonSaturating(), Wasserstein()])
def test_nagarajan_and_kolters_gradient_by_finite_differences(objective: Any):
    batch, z, eta = images(ROWS), torch.randn(ROWS, LATENT), 0.5
    game = NagarajanKolter(Maker(), Wiggly(), LATENT, eta, objective=objective, penalties=(R1(),))
    game.prior = lambda like, size: z
    G, D = game.generator, game.critic

    def loss() -> Tensor:
        x, fake = batch.image.clone().requires_grad_(), G(z)
        real, made = (Judge(D, Clock())(i) for i in (x, fake))
        critic = objective.critic(real.score, made.score) + 0.7 * R1()(None, real, made)
        norm = sum(g.square().sum() for g in torch.autograd.grad(critic, list(D.parameters()), materialize_grads=True))
        return objective.generator(real.score, made.score) + eta * norm

    critic, generator = moves(game, batch)
    direction = torch.randn_like(gradient(generator))
    close(generator.loss, loss())
    close(gradient(generator) @ direction, quotient(loss, G, direction), 1e-6)
    assert set(critic.terms) == {"adversarial", "R1"}  # the critic plays on as ever


def unroll(game: Unrolled, batch: Images, z: Tensor, stepped: Callable[[int, list[Tensor], list[Tensor]], list[Tensor]],
           zero_sum: bool) -> Tensor:  # fmt: skip
    """The generator's gradient, by one graph through all steps of the critic."""
    fake, objective = game.generator(z), game.objective
    names, theta = zip(*game.critic.named_parameters(), strict=True)

    def critic(theta: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        x = batch.image.clone().requires_grad_()
        real, made = (functional_call(game.critic, dict(zip(names, theta, strict=True)), i).score for i in (x, fake))
        return real, made, objective.critic(real, made) + 0.7 * R1()(None, Judged(x, real, x, None), None)

    for k in range(game.K):
        g = torch.autograd.grad(critic(theta)[2], theta, create_graph=True, materialize_grads=True)
        theta = stepped(k, theta, g)
    own = list(game.generator.parameters())
    if zero_sum:
        return torch.cat([g.flatten() for g in torch.autograd.grad(-critic(theta)[2], own)])
    real, _, loss = critic(theta)
    back = torch.autograd.grad(-loss, theta, retain_graph=True)
    reaction = torch.autograd.grad(theta, own, back, retain_graph=True)
    answer = torch.autograd.grad(objective.generator(real, critic([t.detach() for t in theta])[1]), own)
    return torch.cat([(a + b).flatten() for a, b in zip(answer, reaction, strict=True)])


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("objective", [Minimax(), NonSaturating()])
@pytest.mark.parametrize("K", [1, 3])
def test_unrolled_equals_one_graph_through_all_steps(K: int, objective: Any):
    batch, z, eta = images(ROWS), torch.randn(ROWS, LATENT), 0.3
    game = Unrolled(Maker(), Wiggly(), LATENT, K, SGD(eta), objective=objective, penalties=(R1(),))
    game.prior = lambda like, size: z
    found = gradient(moves(game, batch)[-1])

    def stepped(k: int, theta: Any, g: Any) -> Any:
        return [t - eta * s for t, s in zip(theta, g, strict=True)]

    close(found, unroll(game, batch, z, stepped, isinstance(objective, Minimax)))


@pytest.mark.usefixtures("double")
def test_unrolled_by_adam_goes_on_from_the_averages_of_earlier_rounds():
    batch, z = images(ROWS), torch.randn(ROWS, LATENT)
    game = Unrolled(Maker(), Wiggly(), LATENT, 2, Adam(1e-2, (0.5, 0.9)), objective=Minimax(), penalties=(R1(),))
    game.prior = lambda like, size: z
    for _ in range(3):
        moves(game, batch)
        for p in game.critic.parameters():
            p.data.add_(0.01 * torch.randn_like(p))
    shapes = [p.shape for p in game.critic.parameters()]
    m, v = ([part.view(s) for part, s in zip(row.split([s.numel() for s in shapes]), shapes, strict=True)]
            for row in game.averages.clone())  # fmt: skip
    assert game.age == 3 and game.averages.all()

    def stepped(k: int, theta: Any, g: Any) -> Any:
        out = []
        for i, (t, s) in enumerate(zip(theta, g, strict=True)):
            m[i], v[i] = 0.5 * m[i] + 0.5 * s, 0.9 * v[i] + 0.1 * s * s
            out.append(t - 1e-2 * (m[i] / (1 - 0.5 ** (4 + k))) / (v[i] / (1 - 0.9 ** (4 + k)) + 1e-16).sqrt())
        return out

    close(gradient(moves(game, batch)[-1]), unroll(game, batch, z, stepped, True))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("how", [SGD(0.1), Adam(0.1, (0.5, 0.9))])
def test_foreseen_steps_are_the_optimizers(how: Any):
    w = nn.Parameter(torch.randn(5))
    state, optimizer = (
        (w.detach().clone(), *(torch.zeros(n) for n in (5, 5, ()) if isinstance(how, Adam))),
        how.build([w]),
    )
    for _ in range(4):
        w.grad = torch.randn(5)
        state = differentiable_step(how, state, w.grad, Clock())
        optimizer.step()
    close(state[0], w.detach(), 1e-7)


@pytest.mark.usefixtures("double")
def test_unrolled_by_one_step_is_nagarajan_and_kolters_game_to_first_order():
    batch, z = images(ROWS), torch.randn(ROWS, LATENT)
    G, D, found = Maker(), Wiggly(), []
    for game in (Adversarial(G, D, LATENT, Minimax()), NagarajanKolter(G, D, LATENT, 1e-6, objective=Minimax()),
                 Unrolled(G, D, LATENT, 1, SGD(1e-6), objective=Minimax())):  # fmt: skip
        game.prior = lambda like, size: z
        found.append(gradient(moves(game, batch)[-1]))
    plain, *others = found
    a, b = ((other - plain) / 1e-6 for other in others)
    assert a.norm() > 1e-3
    torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_a_future_of_no_steps_is_the_plain_game():
    states = []
    for make in (Adversarial, lambda *nets, **slots: Unrolled(*nets, K=0, **slots)):
        torch.manual_seed(0)
        game = make(Maker(), Critic(), LATENT, penalties=(R1(),), turns=Turns(2, 2))
        play(engine(game), [Batches()], 0, 4)
        states.append(game.state_dict())
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


@pytest.mark.parametrize(
    ("nets", "state"), [(Convolutional(LATENT, 4), "running_mean"), (Spectral(Convolutional(LATENT, 4, False)), ".u")]
)
def test_looking_ahead_leaves_no_trace_in_the_critic(nets: Any, state: str):
    shape = Shape(1, 16, 16)
    game = Unrolled(nets.generator(shape), nets.critic(shape), LATENT, 3)
    batch = Images(torch.randn(ROWS, 1, 16, 16))
    turn = turns(game, batch)
    next(turn)
    before = copy.deepcopy(game.critic.state_dict())
    next(turn)
    assert any(key.endswith(state) for key in before)
    assert all(torch.equal(value, before[key]) for key, value in game.critic.state_dict().items())


class Linear(nn.Module):
    """s(a, b) = w (a - b)."""

    needs = "opponent"

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(16))

    def forward(self, x: Tensor, condition: Tensor) -> Verdict:
        return Verdict((x - condition).flatten(1) @ self.w, x)


@pytest.mark.usefixtures("double")
def test_turing_with_a_linear_critic_is_twice_relativistic():
    D, batch, made = Linear(), images(ROWS), images(ROWS).image
    critic, generator = moves(still(Turing(Maker(), D, LATENT), made), batch)
    r, f = (x.flatten(1) @ D.w for x in (batch.image, made))
    close(critic.loss, 2 * softplus(f - r).mean())
    close(generator.loss, 2 * softplus(r - f).mean())


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("objective", [NonSaturating(), Wasserstein()])
def test_turing_players_stand_on_either_side_of_one_question(objective: Any):
    D, batch, made = comparing(), images(ROWS), images(ROWS).image
    assert not torch.allclose(D(made, batch.image).score, -D(batch.image, made).score)  # so both orders are needed
    one = moves(still(Turing(Maker(), D, LATENT, objective=objective), made), batch)
    two = moves(still(Turing(Maker(), D, LATENT, objective=objective), batch.image), Images(made))
    close(one[0].loss, two[1].loss)
    close(one[1].loss, two[0].loss)
    if objective == Wasserstein():
        close(one[0].loss, -one[1].loss)


def test_the_opponent_is_seen_through_the_same_views():
    seen: list[Tensor] = []
    game = Turing(Maker(), Linear(), LATENT, views=(lambda sample, clock: sample + 1,))
    game.critic.register_forward_hook(lambda module, given, verdict: seen.extend(given))
    batch, made = images(ROWS), images(ROWS).image
    next(turns(still(game, made), batch))
    assert [x.mean().item() for x in seen] == pytest.approx(
        [x.mean().item() + 1 for x in (batch.image, made, made, batch.image)]
    )


def test_a_critic_that_compares_refuses_labels():
    with pytest.raises(Mistake, match="plays the game Turing"):
        comparing()(torch.zeros(3, 1, 4, 4), torch.zeros(3, dtype=torch.long))


def test_a_pair_without_a_trunk_cannot_be_opposed():
    class Scoring(Perceptron):
        def critic(self, data: Shape) -> Any:
            return nn.Linear(16, 1)

    with pytest.raises(Mistake, match="the critic of Scoring has no trunk"):
        Opposed(Scoring()).critic(IMAGE)


def test_measuring_a_trunk_changes_nothing_of_it():
    torch.manual_seed(1)
    critic = Opposed(Convolutional(LATENT, 4), hidden=8).critic(Shape(1, 16, 16))
    torch.manual_seed(1)
    trunk = Convolutional(LATENT, 4).critic(Shape(1, 16, 16)).trunk
    assert all(torch.equal(value, critic.trunk.state_dict()[key]) for key, value in trunk.state_dict().items())
    assert all(module.training for module in critic.modules())
    a, b = torch.randn(2, 5, 1, 16, 16)
    close(critic(a, b).score, critic.head(critic.trunk(a) - critic.trunk(b)), 1e-6)


def opened(gate: Any, mean: list[float], before: Sequence[bool] = (True,) * 3) -> list[bool]:
    return gate.decide(torch.tensor(mean), torch.tensor(before)).tolist()


@pytest.mark.parametrize("threshold", [0.5, 0.75, 1.0])
def test_a_class_closes_at_the_threshold(threshold: float):
    below = torch.nextafter(torch.tensor(threshold), torch.tensor(0.0)).item()
    for real, fake in itertools.product((below, threshold), repeat=2):
        for before in ([True] * 3, [False, False, True]):
            expected = [real < threshold, fake < threshold, True]
            assert opened(AccuracyGate(threshold), [real, fake], before) == expected


def test_a_gate_with_hysteresis_opens_below_where_it_closes():
    gate, state, history = AccuracyGate(0.75, 0.25), [True] * 3, []
    for accuracy in (0.7, 0.75, 0.6, 0.5, 0.49, 0.6, 0.74, 0.8):
        state = opened(gate, [accuracy, 0.0], state)
        assert state[1:] == [True, True]  # each class by itself
        history.append(state[0])
    assert history == [True, False, False, False, True, True, True, False]


def test_accuracies_are_of_scores_on_either_side_of_the_boundary():
    real, fake = torch.tensor([1.0, -1.0, 2.0, 0.0]), torch.tensor([[-1.0], [3.0]])
    assert AccuracyGate().observe(real, fake).tolist() == [0.5, 0.5]
    assert AccuracyGate(boundary=-2.0).observe(real, fake).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(("real", "fake", "critic", "generator"), [
    (0.68, 0.68, True, True), (0.30, 0.68, False, True), (0.68, 0.30, False, True), (1.10, 0.68, True, False),
    (0.68, 1.10, True, False), (0.34, 1.02, True, True), (0.30, 1.10, True, True), (1.10, 0.30, True, True),
])  # fmt: skip
def test_larsens_gate(real: float, fake: float, critic: bool, generator: bool):
    assert opened(EquilibriumGate(), [real, fake]) == [critic, critic, generator]  # the last two: both would wait


def test_a_gate_fits_where_its_boundary_parts_reals_from_fakes():
    Gated(Maker(), Critic(), LATENT, AccuracyGate(boundary=0.5), objective=LeastSquares())
    with pytest.raises(Mistake, match=r"under LeastSquares, the score 0\.0 parts no reals"):
        Gated(Maker(), Critic(), LATENT, objective=LeastSquares())


def test_larsens_gate_reads_cross_entropies():
    real, fake = torch.randn(2, 9)
    close(EquilibriumGate().observe(real, fake), [-real.sigmoid().log().mean(), -(-fake).sigmoid().log().mean()], 1e-6)


class Given:
    """A gate that is always like this."""

    boundary = 0.0

    def __init__(self, *state: bool) -> None:
        self.state = torch.tensor(state)

    def observe(self, real: Tensor, fake: Tensor) -> Tensor:
        return real.mean()

    def decide(self, mean: Tensor, before: Tensor) -> Tensor:
        return self.state


@pytest.mark.parametrize("closed", ["critic", "generator"])
def test_who_waits_stays_as_he_is_to_the_last_bit(closed: str):
    critic = closed == "critic"
    game = Gated(Maker(), Critic(), LATENT, Given(not critic, not critic, critic), **SLOTS)
    driver, data, player = engine(game), Batches(), getattr(game, closed)
    game.gate, gate = Given(True, True, True), game.gate
    play(driver, [data], 0, 2)  # Adam would now move even on gradients of zero
    before = copy.deepcopy((player.state_dict(), driver.optimizers[player].state_dict()["state"]))
    game.gate = gate
    report = play(driver, [data], 2, 5)
    after = player.state_dict(), driver.optimizers[player].state_dict()["state"]
    assert all(torch.equal(value, after[0][key]) for key, value in before[0].items())
    assert all(torch.equal(t, after[1][i][key]) for i, kept in before[1].items() for key, t in kept.items())
    assert not any(key.startswith(closed) for key in report) and report


def test_a_device_is_asked_once_a_round_who_learns(monkeypatch: pytest.MonkeyPatch):
    """For each question a GPU stops until all that was launched is done; of parts, too, there is one decision."""
    torch.manual_seed(0)
    game, asked = Gated(Maker(), Critic(), LATENT, Given(True, False, True), **SLOTS), []
    driver, tolist, truth = engine(game), Tensor.tolist, Tensor.__bool__

    monkeypatch.setattr(Tensor, "tolist", lambda t: tolist(asked.append(t) or t))
    monkeypatch.setattr(Tensor, "__bool__", lambda t: truth(asked.append(t) or t))
    play(driver, [Batches(), Batches()], 0, 3)
    assert len(asked) == 3


@pytest.mark.parametrize("real", [True, False])
def test_a_closed_class_teaches_nothing_but_penalties_go_on(real: bool):
    made, batch = images(ROWS).image, images(ROWS)
    game = still(Gated(Maker(), Wiggly(), LATENT, Given(real, not real, True), penalties=(R1(),)), made)
    x = batch.image.clone().requires_grad_()
    shown = Judge(game.critic, Clock())(x)
    loss = softplus(-shown.score).mean() if real else softplus(game.critic(made).score).mean()
    loss = loss + 0.7 * R1()(None, shown, None)
    own = list(game.critic.parameters())
    expected = torch.cat([g.flatten() for g in torch.autograd.grad(loss, own, materialize_grads=True)])
    torch.testing.assert_close(gradient(moves(game, batch)[0]), expected)


def build(name: str) -> tuple[Game[Images], Engine[Any]]:
    torch.manual_seed(0)
    game = GAMES[name]()
    return game, engine(game)


@pytest.mark.parametrize("name", GAMES)
def test_a_resumed_game_goes_on_to_the_same_bits(name: str):
    game, driver = build(name)
    data = Batches()
    play(driver, [data], 0, 3)
    kept = copy.deepcopy((game.state_dict(), {driver.names[p]: o.state_dict() for p, o in driver.optimizers.items()}))
    position = data.position
    report = play(driver, [data], 3, 6)
    assert all(t.isfinite() for t in report.values())

    again, driver = build(name)
    again.load_state_dict(kept[0])
    for player, optimizer in driver.optimizers.items():
        optimizer.load_state_dict(kept[1][driver.names[player]])
    data = Batches()
    data.position = position
    play(driver, [data], 3, 6)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in game.state_dict().items())


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("name", GAMES)
def test_parts_of_a_batch_equal_the_whole(name: str):
    states, reports = [], []
    for parts in (1, 4):
        game, driver = build(name)
        reports.append(play(driver, [Batches(images, i, parts) for i in range(parts)], 0, 5))
        states.append(game.state_dict())
    for one, two in (states, reports):
        assert one.keys() == two.keys()
        for key, value in one.items():
            torch.testing.assert_close(two[key], value, rtol=0, atol=1e-11, msg=key)


def test_gates_move_in_the_games_above():
    for name in ("accuracy", "equilibrium"):
        game, driver = build(name)
        data, seen = Batches(), set()
        for r in range(6):
            driver.play(data, clock=Clock(r))
            seen.add(tuple(game.get_buffer("open").tolist()))
        assert len(seen) > 1, name


@pytest.mark.parametrize("name", ["consensus", "nagarajan-kolter", "unrolled", "unrolled by adam"])
def test_what_is_differentiated_twice_is_in_full_precision(name: str):
    reports = []
    for precision in (torch.float32, torch.bfloat16):
        torch.manual_seed(0)
        game = GAMES[name]()
        reports.append(engine(game, precision=precision).play(Batches(), clock=Clock(1)))
    full, half = reports
    assert all(t.dtype is torch.float32 for t in half.values())
    if name == "consensus":  # its generator, too, is differentiated twice
        assert all(torch.equal(t, full[key]) for key, t in half.items())
    # elsewhere the fakes were made in bfloat16, and the critic has moved on those
    assert all(abs(t / full[key] - 1) < 0.05 for key, t in half.items())


@pytest.mark.parametrize("name", GAMES)
def test_equal_phases_have_equal_terms_or_are_not_captured(name: str):
    game, driver = build(name)
    data, terms = Batches(), {}
    for r in range(4):
        terms.setdefault(game.phase(Clock(r)), set()).add(frozenset(driver.play(data, clock=Clock(r))))
    if isinstance(game, Gated | ProgressiveGrowing):
        assert set(terms) == {None}
    else:
        assert None not in terms and all(len(kinds) == 1 for kinds in terms.values())


MISTAKES: list[tuple[Callable[..., object], dict[str, Any], str]] = [
    (Consensus, {"gamma": -1.0}, "gamma is -1.0, but should be 0 or more"),
    (Consensus, {"turns": Turns(2)}, "both players move at once"),
    (NagarajanKolter, {"eta": float("nan")}, "eta is nan"),
    (Unrolled, {"K": -1}, "K is -1"),
    (Unrolled, {"inner": SGD(0.1, 0.9)}, "without momentum"),
    (Unrolled, {"constraint": Clip()}, "Clip would not hold the critic's future steps"),
    (Gated, {"objective": Wasserstein()}, "AccuracyGate: under Wasserstein, the score 0.0 parts no reals"),
    (Gated, {"objective": Wasserstein(), "gate": EquilibriumGate()}, "EquilibriumGate: under Wasserstein"),
]


@pytest.mark.parametrize(("make", "slots", "message"), MISTAKES)
def test_what_makes_no_sense_is_refused(make: Any, slots: dict[str, Any], message: str):
    with pytest.raises(Mistake, match=message):
        make(Maker(), Critic(), LATENT, **slots)


@pytest.mark.parametrize(("slots", "message"), [
    ({"penalties": (GRADIENT,)}, "GradientPenalty takes slopes at have no opponent .* R1 or R2$"),
    ({"objective": CriticAlone(), "generator_penalties": (FeatureMatching(),)}, r"CriticAlone .* NonSaturating\(\)$"),
])  # fmt: skip
def test_what_makes_no_sense_of_two_pictures_is_refused(slots: dict[str, Any], message: str):
    with pytest.raises(Mistake, match=message):
        Turing(Maker(), comparing(), LATENT, **slots)


@pytest.mark.parametrize(("make", "given"), [
    (AccuracyGate, {"threshold": 0.0}), (AccuracyGate, {"threshold": 1.1}), (AccuracyGate, {"hysteresis": 0.5}),
    (AccuracyGate, {"hysteresis": -0.1}), (EquilibriumGate, {"level": 0.0}), (EquilibriumGate, {"margin": -0.1}),
    (Opposed, {"hidden": 0}),
])  # fmt: skip
def test_numbers_out_of_range_are_refused(make: Any, given: dict[str, Any]):
    with pytest.raises(Mistake, match=r"but should be|but an accuracy|but a cross-entropy"):
        make(**given)


class Waiting(Adversarial):
    """Its critic only looks."""

    def critic_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Any:
        return judge(batch.image), judge(fake.detach())
        yield


@pytest.mark.parametrize("kind", [Adversarial, Simultaneous, Consensus, NagarajanKolter, Unrolled, Gated, Waiting])
def test_what_follows_a_turn_of_the_critic_is_said_once_for_all_games(kind: type[Adversarial]):
    heard: list[Judged] = []

    class Listening(kind):  # type: ignore[valid-type,misc]
        def after_critic_turn(self, judged: tuple[Judged, Judged]) -> Iterator[Turn]:
            heard.extend(judged)
            yield from super().after_critic_turn(judged)

    torch.manual_seed(0)
    game = Listening(Maker(), Critic(), LATENT, penalties=(LeCam(),))
    engine(game).play(Batches(), clock=Clock())
    usual = torch.stack([at.score.detach().mean() for at in heard])
    torch.testing.assert_close(game.penalties[0].usual, 0.1 * usual)
