"""What most papers are: a generator against a critic, with every slot of that game as a field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..averaging import Averaging, HalfLife
from ..batches import Images
from ..core import Constraint, Objective, Penalties, Views
from ..errors import require
from ..fitting import check_fit
from ..games import Adversarial, Free, Turns, TwoPlayer, rebuilding
from ..layers.augment import RestrictedView
from ..layers.priors import Normal
from ..networks import Convolutional
from ..networks.base import autoencodes
from ..objectives import NonSaturating
from ..optim import Adam
from ..penalties import Swapped
from ..recipe import Networks, Optimizing, Prior, Recipe
from ..shape import Shape

G = TypeVar("G", bound=TwoPlayer)


@dataclass(frozen=True)
class Versus(Recipe[Images]):
    """A paper says only what it sets; what it leaves open is as in DCGAN's widely used form."""

    networks: Networks = Convolutional(latent=100, width=64)  # generator and critic
    objective: Objective = NonSaturating()  # how scores become losses
    penalties: Penalties = ()  # further terms of the critic's loss
    generator_penalties: Penalties = ()  # further terms of the generator's loss
    views: Views = ()  # what the critic sees of each sample: noise, augmentation
    prior: Prior = Normal()  # where latents come from
    turns: Turns = Turns()  # moves of each player in a round
    constraint: Constraint = Free()  # what holds after each of the critic's moves
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step
    critic_optimizer: Optimizing | None = None  # how the critic steps, if otherwise
    average: Averaging | None = HalfLife()  # how the averaged generator follows, if no --ema says so; none: no average
    batch: int = 64  # images in one move of the critic

    def __post_init__(self) -> None:
        right = tuple(replace(p, objective=self.objective) if isinstance(p, Swapped) else p for p in self.penalties)
        own = "Swapped flips the labels of the game's own objective, which is another here"
        require(right == self.penalties, f'{own}; give --penalties "{", ".join(map(repr, right))}"')

    def game(self, data: Shape) -> Adversarial:
        return self.play(Adversarial, data)

    def play(self, kind: type[G], data: Shape, **more: Any) -> G:
        """A game of this kind with all slots filled, and what it takes beyond them."""
        slots: dict[str, Any] = {name: getattr(self, name) for name in ADVERSARIAL_SLOTS}
        nets = self.networks
        for view in self.views:
            if isinstance(view, RestrictedView):
                view.suits(data)
        kind = rebuilding(kind) if autoencodes(nets) else kind
        game = kind(nets.generator(data), nets.critic(data), nets.latent, **slots, **more)
        check_fit(game, nets)
        return game

    def steps(self, player: str) -> Optimizing:
        return self.critic_optimizer if player == "critic" and self.critic_optimizer else self.optimizer


ADVERSARIAL_SLOTS = ("objective", "penalties", "generator_penalties", "views", "prior", "turns", "constraint")
