"""Adversarial flow: its terms, the size at which the generator hears the critic, and what remains of R3GAN without."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Agree, Judge, Judged, Move, Verdict
from saddle.errors import Mistake
from saddle.games import Adversarial, AdversarialFlow, GradientScale
from saddle.networks import FlowTransformer
from saddle.objectives import Relativistic
from saddle.optim import SGD
from saddle.penalties import R1, R2, Centring, Transport
from saddle.recipes import find_recipe
from saddle.shape import Classes, Shape
from saddle.training.engine import Engine
from toys import PIXELS, Critic, images

NUMBERS = 16  # of a latent, as many as of a sample


class Mover(nn.Sequential):
    """A generator of samples from latents of their shape."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(NUMBERS, PIXELS), nn.Tanh(), nn.Linear(PIXELS, PIXELS), nn.Unflatten(1, (1, 4, 4)))

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        made: Tensor = super().forward(z)
        return made


class Louder(Critic):
    """The same critic, its scores so many times as large."""

    def __init__(self, times: float) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        verdict: Verdict = super().forward(x)
        return verdict._replace(score=self.times * verdict.score)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def flow(critic: nn.Module | None = None, **slots: object) -> AdversarialFlow:
    return AdversarialFlow(Mover(), critic or Critic(), NUMBERS, objective=Relativistic(), **slots)  # type: ignore[arg-type]


def generator_gradient(game: Adversarial, batch: Images, rounds: int = 1) -> Tensor:
    """The generator's gradient in the last of some rounds in which nobody steps, always from the same latents."""
    found = torch.zeros(0)
    for _ in range(rounds):
        for turn in game.round(itertools.repeat(batch), Clock()):
            if isinstance(turn, Agree):
                turn.tell(turn.value.detach())
            elif isinstance(turn, Move) and turn.players == (game.generator,):
                own = list(game.generator.parameters())
                found = torch.cat([g.flatten() for g in torch.autograd.grad(turn.loss, own)])
    return found


def same_latents(game: Adversarial, z: Tensor) -> None:
    game.prior = lambda like, size: z  # type: ignore[assignment]


@pytest.mark.usefixtures("double")
def test_without_transport_centring_and_scale_it_is_the_relativistic_game():
    batch, z = images(8), torch.randn(8, NUMBERS)
    game = flow(penalties=(R1(1.0), R2(1.0)))
    plain = Adversarial(game.generator, game.critic, NUMBERS, Relativistic(), (R1(1.0), R2(1.0)))
    losses = []
    for one in (game, plain):
        same_latents(one, z)
        losses.append(
            [turn.loss.item() for turn in one.round(itertools.repeat(batch), Clock()) if isinstance(turn, Move)]
        )
    assert losses[0] == pytest.approx(losses[1], abs=1e-12)
    torch.testing.assert_close(generator_gradient(game, batch), generator_gradient(plain, batch))


@pytest.mark.usefixtures("double")
def test_the_terms_are_what_they_say():
    z, sample = torch.randn(3, NUMBERS), torch.randn(3, 1, 4, 4)
    r, f = torch.randn(2, 3)
    judge = Judge(Critic(), Clock())
    real, fake = Judged(sample, r, r, None), Judged(sample, f, f, None, {"latents": z})
    torch.testing.assert_close(Transport()(judge, real, fake), ((sample.view(3, -1) - z) ** 2).mean())
    torch.testing.assert_close(Centring()(judge, real, fake), ((r + f) ** 2).mean())


def test_transport_is_refused_where_latents_are_not_told():
    with pytest.raises(Mistake, match="adversarial-flow"):
        Adversarial(Mover(), Critic(), NUMBERS, generator_penalties=(Transport(),))
    with pytest.raises(Mistake, match="generator_penalties"):
        flow(penalties=(Transport(),))
    with pytest.raises(Mistake, match="decay"):
        GradientScale(decay=1.0)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("change", ["critic", "batch"])
def test_the_generator_hears_a_critic_at_one_size(change: str):
    """The loss is linear, its slopes are those of the scores: a critic 1000 times as loud is heard alike."""

    class Linear:
        paired = False

        def critic(self, real: Tensor, fake: Tensor) -> Tensor:
            return fake.mean() - real.mean()

        def generator(self, real: Tensor, fake: Tensor) -> Tensor:
            return -fake.mean()

    batch, z = images(8), torch.randn(8, NUMBERS)
    found = []
    for i in range(2):
        torch.manual_seed(1)
        loud = Louder(1000.0 if i and change == "critic" else 1.0)
        game = AdversarialFlow(Mover(), loud, NUMBERS, GradientScale(), objective=Linear())
        twice = 2 if i and change == "batch" else 1
        same_latents(game, z.repeat(twice, 1))
        found.append(generator_gradient(game, Images(batch.image.repeat(twice, 1, 1, 1)), rounds=200))
    torch.testing.assert_close(found[0], found[1], rtol=1e-6, atol=1e-9)


@pytest.mark.usefixtures("double")
def test_the_first_step_is_too_large_and_the_steady_one_of_unit_size():
    scale, slope = GradientScale().memory(), torch.randn(4, 1, 4, 4)
    for i in range(300):
        scale.update(scale.of_part(slope))
        size = scale(slope).square().sum() * slope.numel()
        assert i or size == pytest.approx(10)
    assert size == pytest.approx(1)
    torch.testing.assert_close(scale.logged()["size"], (slope.square().sum() * slope.numel()).sqrt())


@pytest.mark.usefixtures("double")
def test_two_parts_tell_the_slopes_of_the_whole():
    scale, slope = GradientScale().memory(), torch.randn(6, 1, 4, 4)  # of the mean over six samples
    parts = [scale.of_part(2 * half) for half in slope.chunk(2)]  # of the means over three
    torch.testing.assert_close(torch.stack(parts).mean(0), scale.of_part(slope))


def test_the_scale_is_state_that_the_critics_moves_leave_alone():
    game = flow(scale=GradientScale(), penalties=(Centring(),), generator_penalties=(Transport(0.05),))
    turns = game.round(itertools.repeat(images(8)), Clock())
    assert isinstance(next(turns), Move) and "scale.square" in game.state_dict()
    assert game.scale is not None and game.scale.square == 0
    Engine(game, lambda player: SGD(0.01)).play(itertools.repeat(images(8)), clock=Clock())
    assert game.scale.square > 0 and set(game.logged_scalars()) == {"GradientScale/size"}


def test_each_player_moves_on_a_batch_of_its_own():
    taken: list[Images] = []
    list(flow().round((taken.append(b) or b for b in itertools.repeat(images(8))), Clock()))
    assert len(taken) == 2


@pytest.mark.usefixtures("double")
def test_centring_takes_away_what_is_added_to_all_scores():
    """A critic that is a constant: its gradient is 8 kappa c, so steps of eta leave exp(-8 kappa eta n) of it."""

    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c = nn.Parameter(torch.tensor(0.7))

        def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
            return Verdict(self.c + 0 * x.flatten(1).sum(1), x)

    critic, eta, kappa, steps = Constant(), 0.01, 0.3, 200
    game = flow(critic, penalties=(Centring(kappa),))
    engine = Engine(game, lambda player: SGD(eta if player == "critic" else 0.0))
    for i in range(steps):
        engine.play(itertools.repeat(images(4)), clock=Clock(i))
    assert critic.c.item() == pytest.approx(0.7 * (1 - 8 * kappa * eta) ** steps, rel=1e-9)
    assert critic.c.item() == pytest.approx(0.7 * math.exp(-8 * kappa * eta * steps), rel=0.1)


@pytest.mark.parametrize("data", [Shape(1, 8, 8), Shape(3, 8, 12, Classes(5))])
def test_noise_of_a_pictures_shape_becomes_a_picture(data: Shape):
    networks = FlowTransformer(width=16, depth=2, head_width=8, projection=8)
    recipe = dataclasses.replace(find_recipe("adversarial-flow")[0], networks=networks)
    game = recipe.game(data)
    labels = torch.arange(4) % 5 if data.classes else None
    z = game.latents(torch.zeros(4, *data[:3]))
    assert z.shape == (4, math.prod(data[:3])) and game.make(z, labels).shape == (4, *data[:3])


def test_lines_of_text_are_refused():
    from saddle.shape import Text, line_shape

    with pytest.raises(Mistake, match="gumbel-gan"):
        find_recipe("adversarial-flow")[0].game(line_shape(Text(6, 9)))
