"""SeqGAN: an LSTM that writes lines of text, rewarded by a critic for each token it chose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..batches import Lines
from ..core import Objective
from ..errors import require
from ..games import PolicyGradient, Turns
from ..networks import TextLSTM
from ..objectives import NonSaturating
from ..optim import Adam, Clipped
from ..recipe import Networks, Optimizing, Paper, Recipe, Stage
from ..shape import Shape


@dataclass(frozen=True)
class SeqGAN(Recipe[Lines]):
    """Sizes and rates are the released code's; the shares of the stages are ours: there they were so many epochs."""

    paper = Paper("Yu et al.", 2016, arxiv="1609.05473")
    batch_type: ClassVar[type[Any]] = Lines

    networks: Networks = TextLSTM(embedding=32, hidden=32, width_critic=200)  # generator and critic
    objective: Objective = NonSaturating()  # how the critic's scores become its loss
    likelihood: float = 0.4  # of the run, in which the generator learns by likelihood
    critic_alone: float = 0.1  # of the run behind it, in which the critic learns alone
    rollouts: int = 16  # completions of each beginning of a line, by which a token is judged
    delay: float = 0.8  # how much of itself the copy that completes lines keeps at each move of the generator
    baseline: bool = False  # take off what a token of its place is worth on average: less noise; the house's
    decay: float = 0.2  # of the critic's last layer: times half its squared weights
    turns: Turns = Turns(critic=15)  # moves in a round, once both learn
    optimizer: Optimizing = Clipped(Adam(lr=1e-2, betas=(0.9, 0.999)), norm=5.0)  # how the generator steps
    policy_optimizer: Optimizing | None = None  # how it steps once it climbs the policy's gradient, if otherwise
    critic_optimizer: Optimizing = Adam(lr=1e-4, betas=(0.9, 0.999))  # how the critic steps
    batch: int = 64  # lines in one move

    def __post_init__(self) -> None:
        shares = self.likelihood, self.critic_alone
        right = min(shares) > 0 and sum(shares) < 1
        require(right, f"likelihood is {shares[0]} and critic_alone {shares[1]}, but should be shares of the run above "
                       "0, together below 1")  # fmt: skip

    def game(self, data: Shape) -> PolicyGradient:
        nets = self.networks
        return PolicyGradient(nets.generator(data), nets.critic(data), data.width, objective=self.objective,
                              rollouts=self.rollouts, delay=self.delay, baseline=self.baseline, decay=self.decay,
                              turns=self.turns)  # fmt: skip

    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        ends = (max(round(share * images), 1) for share in (self.likelihood, self.likelihood + self.critic_alone))
        return *(Stage(end, data, self.batch) for end in ends), Stage(images, data, self.batch, self.policy_steps)

    def policy_steps(self, player: str) -> Optimizing:
        return self.policy_optimizer if player == "generator" and self.policy_optimizer else self.steps(player)

    def steps(self, player: str) -> Optimizing:
        return self.critic_optimizer if player == "critic" else self.optimizer
