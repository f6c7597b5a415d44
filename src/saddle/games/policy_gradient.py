"""Lines written token by token, which have no gradient: the critic's word on them is a reward. SeqGAN."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..batches import Lines
from ..capabilities import per_sample_score
from ..clock import Clock, value_at
from ..core import Agree, Game, Judge, Move, Objective, Turn
from ..errors import require
from ..layers.tokens import check_writer, draw_tokens, token_log_probabilities
from ..objectives import NonSaturating
from ..parts import draw_rows
from ..parts.pieces import whole_weights
from ..texts import from_one_hot, to_one_hot
from .slots import Turns

LIKELIHOOD, CRITIC_ALONE = 0, 1  # the first stages of a run
JUDGED_AT_ONCE = 1024  # lines


class PolicyGradient(Game[Lines]):
    """SeqGAN. Yu et al. 2016, algorithm 1.

    In the first stage of a run the generator learns by likelihood, in the second the critic alone. Then a token is
    worth what the critic says, on average, of its line as a slower copy of the generator completes it (equation 4),
    and the generator climbs the policy's gradient E[(Q - b) grad log pi], with no baseline b in the paper.
    """

    expected: Tensor

    def __init__(self, generator: nn.Module, critic: nn.Module, length: int, *, objective: Objective = NonSaturating(),
                 rollouts: int = 16, delay: float = 0.8, baseline: bool = False, decay: float = 0.2,
                 turns: Turns = Turns(critic=15)) -> None:  # fmt: skip
        super().__init__()
        require(rollouts >= 1, f"rollouts is {rollouts}, but should be 1 or more")
        require(0 <= delay < 1, f"delay is {delay}, but should be in [0, 1)")
        require(decay >= 0, f"decay is {decay}, but should be 0 or more")
        last = isinstance(getattr(critic, "head", None), nn.Module)
        require(last or not decay, f"decay holds down the last layer of the critic, its `head`, which "
                                   f"{type(critic).__name__} has not; give --decay 0")  # fmt: skip
        self.generator, self.critic, self.length = check_writer(generator), critic, length
        self.rollout = copy.deepcopy(self.generator).requires_grad_(False)  # the policy that completes lines
        self.objective, self.rollouts, self.delay, self.decay, self.turns = objective, rollouts, delay, decay, turns
        self.baseline = baseline
        self.register_buffer("expected", torch.zeros(length))  # what the tokens of a place were worth of late

    def round(self, batches: Iterator[Lines], clock: Clock) -> Iterator[Turn]:
        batch = next(batches)
        if clock.stage == LIKELIHOOD:
            yield self.likelihood_move(from_one_hot(batch.image))
            return
        if clock.stage > CRITIC_ALONE:
            for _ in range(int(value_at(self.turns.generator, clock))):
                yield from self.policy_turn(batch.image)
        for i in range(int(value_at(self.turns.critic, clock))):
            batch = next(batches) if i else batch
            yield self.critic_move(batch.image, clock)

    def phase(self, clock: Clock) -> Hashable | None:
        return ()

    def likelihood_move(self, lines: Tensor) -> Move:
        """Nats per token."""
        return Move(self.generator, likelihood=-token_log_probabilities(self.generator(lines), lines).mean())

    def policy_turn(self, like: Tensor) -> Iterator[Turn]:
        with torch.no_grad():
            lines = self.write(self.latents(like))
            worth = self.action_values(lines, like)
        gain = worth - self.expected if self.baseline else worth
        yield Move(self.generator, policy=policy_loss(self.generator(lines), lines, gain))
        yield Agree(self.get_used_to, worth.mean(0))

    def critic_move(self, real: Tensor, clock: Clock) -> Move:
        with torch.no_grad():
            made = self.write(self.latents(real))
        judge = Judge(self.critic, clock)
        loss = self.objective.critic(judge(from_one_hot(real)).score, judge(made).score)
        if not self.decay:
            return Move(self.critic, adversarial=loss)
        head = [p.square().sum() / 2 for p in whole_weights(self.critic.get_submodule("head"))]
        return Move(self.critic, adversarial=loss, decay=self.decay * torch.stack(head).sum())

    def get_used_to(self, worth: Tensor) -> None:
        self.expected.lerp_(worth, 0.1)

    @torch.no_grad()
    def action_values(self, lines: Tensor, like: Tensor) -> Tensor:
        """Q of each token of lines (n, length), (n, length): the mean reward of its completions; of the last, its own.

        All completions grow at once: those that begin after t tokens join at place t.
        """
        n, length = lines.shape
        uniform = draw_rows(torch.rand, like, length - 1, self.rollouts, length)
        done = lines[:, None, None].repeat(1, length - 1, self.rollouts, 1)
        prefix = self.rollout.start(lines)
        h, c = (x.new_empty(n, 0, self.rollouts, x.shape[-1]) for x in prefix)
        for t in range(1, length):
            prefix = self.rollout.read(lines[:, t - 1], prefix)
            joined = (x[:, None, None].expand(-1, 1, self.rollouts, -1) for x in prefix)
            h, c = (torch.cat([x, new], 1) for x, new in zip((h, c), joined, strict=True))
            token = draw_tokens(self.rollout.out(h), uniform[:, :t, :, t])
            done[:, :t, :, t] = token
            state = self.rollout.read(token.flatten(), (h.flatten(0, 2), c.flatten(0, 2)))
            h, c = (x.view(n, t, self.rollouts, -1) for x in state)
        completed = self.reward(done.flatten(0, 2)).view(n, length - 1, self.rollouts).mean(2)
        return torch.cat([completed, self.reward(lines)[:, None]], 1)

    def reward(self, lines: Tensor) -> Tensor:
        """How likely the critic, without dropout, thinks each of lines (n, length) to be real, (n,)."""
        with evaluating(self.critic):
            parts = [self.score(some) for some in torch.split(lines, JUDGED_AT_ONCE)]
        return torch.cat(parts).sigmoid()

    @torch.no_grad()
    def after_move(self, player: nn.Module) -> None:
        """The policy that completes lines follows the generator: at once by likelihood, later more slowly."""
        if player is self.generator:
            follow = 1.0 if self.clock.stage == LIKELIHOOD else 1 - self.delay
            for slow, now in zip(self.rollout.parameters(), player.parameters(), strict=True):
                slow.lerp_(now, follow)

    def logged_scalars(self) -> Mapping[str, Tensor]:
        return {"rollout/reward": self.expected[-1]}

    def latents(self, like: Tensor) -> Tensor:
        """A number uniform in [0, 1) for each token, (n, length)."""
        return draw_rows(torch.rand, like, self.length)

    def write(self, latents: Tensor) -> Tensor:
        """The tokens (n, length) that these latents draw one after another."""
        return self.generator.write(lambda t, logits: draw_tokens(logits, latents[:, t]), latents, self.length)

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return to_one_hot(self.write(latents), self.generator.out.out_features)

    def judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        return Judge(self.critic, clock)

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return per_sample_score(Judge(self.critic, self.clock)(images).score)


def policy_loss(logits: Tensor, lines: Tensor, gain: Tensor) -> Tensor:
    """What falls along the policy's gradient: -sum_t gain_t log pi(y_t | before), a mean over lines; gains (n, length).

    Of REINFORCE's return at each token, equations 5 to 7.
    """
    return -(gain.detach() * token_log_probabilities(logits, lines)).sum(1).mean()


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Without dropout in here."""
    before = network.training
    try:
        network.train(False)
        yield
    finally:
        network.train(before)
