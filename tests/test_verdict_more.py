"""What else a critic answers reaches whoever judges, through every pair made of pairs, every view and every game."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import InputGrad, Judge, Judged, LossSide, Verdict, as_leaf
from saddle.games import AccuracyGate, Adversarial, Consensus, Gated, NagarajanKolter, Simultaneous, Unrolled
from saddle.layers import Noise
from saddle.networks import COMPOSED_NETWORKS, Bottlenecked, Convolutional, Opposed, Pair
from saddle.networks.base import Generator
from saddle.networks.cgan import Conditional
from saddle.shape import Classes, Shape
from toys import Batches, engine, play

DATA = Shape(1, 16, 16, Classes(3))
BASE = Convolutional(4, 4, normal=False)


class Headed(nn.Module):
    """Any critic, which also says where it looked and what it would call the latent."""

    def __init__(self, critic: nn.Module) -> None:
        super().__init__()
        self.inside, self.code = critic, nn.LazyLinear(2)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        said: Verdict = self.inside(x, condition)
        return said._replace(more={"code": self.code(said.features.flatten(1)), "seen": x})


@dataclass(frozen=True)
class WithHead:
    """A pair of one's own whose critic has a head beside the score's."""

    latent: int = 4

    def generator(self, data: Shape) -> Generator:
        return Convolutional(self.latent, 4).generator(data)

    def critic(self, data: Shape) -> nn.Module:
        critic = Headed(BASE.critic(data))
        critic(torch.zeros(1, *data[:3]))
        return critic


def wrapped(kind: type[Any]) -> Any:
    return Pair(BASE, WithHead()) if kind is Pair else kind(WithHead())


# of two pictures, or made of plain layers alone: it stands inside others, as test_energies has it
ELSEWHERE = (Opposed, Bottlenecked)


@pytest.mark.parametrize(
    "kind", [kind for kind in COMPOSED_NETWORKS if kind not in ELSEWHERE], ids=lambda kind: kind.__name__
)
def test_every_pair_made_of_pairs_hands_on_what_its_critic_says(kind):
    torch.manual_seed(0)
    critic = wrapped(kind).critic(DATA)
    x, labels = torch.randn(4, *DATA[:3]), torch.tensor([0, 1, 2, 0])
    said = critic(x, labels if issubclass(kind, Conditional) else None)
    assert {"code", "seen"} <= said.more.keys() and said.more["code"].shape == (len(said.score), 2)
    said.more["code"].sum().backward()
    assert next(inside for inside in critic.modules() if isinstance(inside, Headed)).code.bias.grad is not None


def test_a_judge_hands_it_on_beside_what_its_views_show():
    critic, x = WithHead().critic(DATA), torch.randn(4, *DATA[:3])
    at = Judge(critic, Clock(), None, (Noise(0.5),))(as_leaf(x))
    assert torch.equal(at.sample, x) and not torch.equal(at.more["seen"], x)
    assert at.more["code"].requires_grad
    cut = at.detach()
    assert cut.more.keys() == at.more.keys() and not cut.more["code"].requires_grad
    assert torch.equal(cut.more["code"], at.more["code"])


@dataclass(frozen=True)
class CodeMatching:
    """Reals and fakes have the same mean code."""

    weight: float = 1.0
    every: int = 1
    loss: ClassVar[LossSide] = "either"
    input_grad: ClassVar[InputGrad] = "nowhere"

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        apart = real.more["code"].mean(0) - fake.more["code"].mean(0)
        return apart.square().sum()


@pytest.mark.parametrize(
    ("kind", "more"),
    [(Adversarial, {}), (Simultaneous, {}), (Consensus, {}), (NagarajanKolter, {}), (Unrolled, {"K": 1}),
     (Gated, {"gate": AccuracyGate(1.0)})],
    ids=lambda case: getattr(case, "__name__", ""),
)  # fmt: skip
def test_penalties_of_every_game_see_it(kind, more):
    torch.manual_seed(0)
    pair = WithHead()
    both: Any = {"penalties": (CodeMatching(),), "generator_penalties": (CodeMatching(),)}
    game = kind(pair.generator(DATA), pair.critic(DATA), pair.latent, **both, **more)
    batches = Batches(lambda n: Images(torch.randn(n, *DATA[:3])), rows=4)
    report = play(engine(game), [batches], 0, 1)
    assert {"critic/CodeMatching", "generator/CodeMatching"} <= set(report)


def test_a_verdict_says_nothing_more_by_itself_and_nobody_can_write_into_what_all_share():
    plain = Verdict(torch.zeros(1), torch.zeros(1))
    assert plain.more == {} and Judged(*[torch.zeros(1)] * 4).more == {}
    with pytest.raises(TypeError):
        plain.more["code"] = torch.zeros(1)
    assert copy.deepcopy(plain).more == pickle.loads(pickle.dumps(plain)).more == {}
