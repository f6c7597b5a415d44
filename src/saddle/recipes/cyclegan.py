"""CycleGAN: pictures of one kind into another and back, without pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..averaging import Averaging, HalfLife
from ..batches import Unpaired
from ..clock import Number
from ..core import Objective
from ..errors import require
from ..games import CycleTranslation
from ..games.cycle import Routing
from ..games.image_pool import ImagePool
from ..networks import ResidualTranslator
from ..objectives import LeastSquares
from ..optim import Adam, Linear
from ..recipe import Optimizing, Paper, Recipe, TranslationNetworks
from ..shape import Shape, opposite

FADING_RATE = Linear(2e-4, 0.0, after=0.5)  # 100 epochs as it is, and to nothing in 100 more


@dataclass(frozen=True)
class CycleGAN(Recipe[Unpaired]):
    """Two translators, two critics. The cycle is content with any bijection: look whether it is the right one."""

    paper = Paper("Zhu et al.", 2017, arxiv="1703.10593")
    batch_type: ClassVar[type[Unpaired]] = Unpaired

    networks: TranslationNetworks = ResidualTranslator()  # of either direction, and patches of 70 pixels
    objective: Objective = LeastSquares(scale=1)  # how scores become losses
    cycle: Number = 10.0  # weight of the mean absolute error after there and back
    identity: float = 0.5  # of that weight: pictures of the wanted kind should stay; the paper has it for paintings
    routing: Routing = "both"  # whom the cycle's error trains: both translators of a way, or the first alone
    pool: int = 50  # earlier pictures of each generator that its critic is shown too; 0 for none
    optimizer: Optimizing = Adam(lr=FADING_RATE, betas=(0.5, 0.999))  # how all players step
    critic_optimizer: Optimizing | None = None  # how the critics step, if otherwise
    average: Averaging | None = HalfLife()  # how the averaged generators follow; the house's, not the paper's
    batch: int = 1  # pictures of each kind in one move

    def __post_init__(self) -> None:
        require(self.routing in ("both", "first"), f"routing is {self.routing!r}, but should be both or first")
        require(self.pool >= 0, f"the pool is {self.pool}, but should be 0 or more pictures")
        require(self.identity >= 0, f"identity is {self.identity}, but should be 0 or more")

    def game(self, data: Shape) -> CycleTranslation:
        nets, back = self.networks, opposite(data)
        alike = data.channels == back.channels or not self.identity
        require(alike, f"pictures of {data.channels} channels and of {back.channels} cannot stay what they are under "
                "both translators; give --identity 0, or --channels 3")  # fmt: skip
        pools = (ImagePool(self.pool, data), ImagePool(self.pool, back)) if self.pool else None
        there, critic = nets.translator(data), nets.critic(Shape(*data[:3]))
        way_back, critic_back = nets.translator(back), nets.critic(Shape(*back[:3]))
        return CycleTranslation(
            there, critic, way_back, critic_back, self.objective, self.cycle, self.identity, self.routing, pools
        )

    def steps(self, player: str) -> Optimizing:
        return self.critic_optimizer if player.startswith("critic") and self.critic_optimizer else self.optimizer
