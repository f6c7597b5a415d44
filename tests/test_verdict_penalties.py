"""Penalties on what a verdict says, its scores, codes and class logits, against closed forms and the whole batch."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, softplus

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Judge, Judged, Verdict, as_leaf
from saddle.errors import Mistake
from saddle.games import Adversarial, Simultaneous
from saddle.games.terms import weighted_terms
from saddle.objectives import NonSaturating, Wasserstein
from saddle.optim import Linear
from saddle.parts import Shard, use_shard
from saddle.penalties import (
    Classification,
    ConsistencyRegularisation,
    FeatureMatching,
    LeCam,
    PullingAway,
    Swapped,
)
from saddle.penalties.augmented import flip_and_shift
from toys import LATENT, ROWS, Batches, Critic, Maker, engine, images, play


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


class Named(Critic):
    """A critic that also names one of three classes."""

    def __init__(self) -> None:
        super().__init__()
        self.names = nn.Linear(16, 3)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        score, h, *_ = super().forward(x)
        return Verdict(score, h, self.names(h))


def labelled(n: int) -> Images:
    return Images(torch.randn(n, 1, 4, 4), torch.randint(3, (n,)))


def said(score: Tensor | None = None, features: Tensor | None = None, logits: Tensor | None = None) -> Judged:
    """A verdict out of thin air."""
    like = next(t for t in (score, features, logits) if t is not None)
    score = torch.zeros(len(like)) if score is None else score
    return Judged(torch.zeros(len(score), 1, 1, 1), score, torch.zeros(len(score), 1) if features is None else features,
                  logits)  # fmt: skip


def judge(condition: Tensor | None = None, critic: nn.Module | None = None) -> Judge:
    return Judge(critic or Critic(), Clock(), condition)


def of_codes(penalty: PullingAway | FeatureMatching, real: Tensor, fake: Tensor) -> Tensor:
    return penalty(judge(), said(features=real), said(features=fake))


def apart(codes: Tensor) -> Tensor:
    return of_codes(PullingAway(), codes, codes)


def test_pulling_away_is_one_for_one_direction_and_zero_for_orthogonal_ones():
    one = torch.randn(5).double()
    torch.testing.assert_close(apart(torch.tensor([1.0, -2.0, 0.3, 40.0]).double()[:, None] * one),
                               torch.ones(()).double())  # fmt: skip
    rotation = torch.linalg.qr(torch.randn(5, 5).double())[0]
    assert apart(rotation * torch.tensor([3.0, 1.0, -2.0, 7.0, 0.1])[:, None]).item() == pytest.approx(0, abs=1e-15)


def test_pulling_away_is_the_mean_squared_cosine_of_pairs():
    s = torch.randn(6, 2, 3, 1).double()  # a map of codes counts as one code
    flat = s.flatten(1)
    pairs = [torch.cosine_similarity(flat[i], flat[j], 0) ** 2 for i in range(6) for j in range(6) if i != j]
    torch.testing.assert_close(apart(s), torch.stack(pairs).mean())
    assert torch.autograd.gradcheck(apart, (s.requires_grad_(),))


def test_random_codes_are_apart_by_one_over_their_size():
    assert apart(torch.randn(400, 8)).item() == pytest.approx(1 / 8, rel=0.03)


def test_a_dead_code_pulls_nobody_and_breaks_nothing():
    s = torch.eye(4)
    s[0] = 0
    value = apart(s.requires_grad_())
    (g,) = torch.autograd.grad(value, s)
    assert value == 0 and g.isfinite().all()


def test_a_pack_is_one_code_and_one_code_is_refused():
    s = torch.randn(8, 3)
    packs = said(score=torch.zeros(4), features=s)
    torch.testing.assert_close(PullingAway()(judge(), packs, packs), apart(s.reshape(4, 6)))
    with pytest.raises(Mistake, match="one score only; raise the batch"):
        apart(torch.randn(1, 3))


def test_codes_are_compared_in_full_precision():
    s, t = torch.randn(2, 6, 5).bfloat16()
    for penalty in (PullingAway(), FeatureMatching()):
        with torch.autocast("cpu", torch.bfloat16):
            value = of_codes(penalty, s, t)
        torch.testing.assert_close(value, of_codes(penalty, s.float(), t.float()), rtol=0, atol=0)


def test_features_match_where_means_agree_and_only_there():
    real = torch.randn(8, 3, 2).double()
    fake = (real.mean(0) + (noise := torch.randn(8, 3, 2).double()) - noise.mean(0)).requires_grad_()
    value = of_codes(FeatureMatching(), real, fake)
    (g,) = torch.autograd.grad(value, fake)
    assert value.item() == pytest.approx(0, abs=1e-28) and g.abs().max() < 1e-15  # other samples, the same means
    step = torch.randn(3, 2).double()
    torch.testing.assert_close(of_codes(FeatureMatching(), real, fake + step), step.square().sum())


def test_feature_matching_teaches_the_side_that_makes():
    real, fake = (torch.randn(4, 3, requires_grad=True) for _ in range(2))
    value = of_codes(FeatureMatching(), real, fake)
    none, g = torch.autograd.grad(value, (real, fake), allow_unused=True)
    assert none is None
    torch.testing.assert_close(g, (2 / 4 * (fake.mean(0) - real.mean(0))).expand(4, 3))


def test_the_means_of_parts_are_no_nearer_than_those_of_the_whole():
    real, fake = torch.randn(2, 8, 3)
    halves = [of_codes(FeatureMatching(), r, f) for r, f in zip(real.chunk(2), fake.chunk(2), strict=True)]
    assert torch.stack(halves).mean() > of_codes(FeatureMatching(), real, fake)


def test_classification_is_the_cross_entropy_of_both():
    real, fake, y = torch.randn(6, 3).double(), torch.randn(6, 3).double(), torch.tensor([0, 1, 2, 2, 1, 0])
    want = -sum(log_softmax(t, 1)[range(6), y].mean() for t in (real, fake))
    torch.testing.assert_close(Classification()(judge(y), said(logits=real), said(logits=fake)), want)
    even = said(logits=torch.zeros(6, 3))
    assert Classification()(judge(y), even, even).item() == pytest.approx(2 * math.log(3))
    sure = said(logits=1e3 * torch.eye(3)[y])
    assert Classification()(judge(y), sure, sure) == 0


def test_both_players_learn_the_classes():
    slots: dict[str, Any] = {"penalties": (Classification(),), "generator_penalties": (Classification(0.1),)}
    game = Adversarial(Maker(), Named(), LATENT, **slots)
    turns = game.round(iter([labelled(ROWS)]), Clock())
    for player, term in (("critic", "names.weight"), ("generator", "0.weight")):
        move = next(turns)
        p = dict(getattr(game, player).named_parameters())[term]
        (g,) = torch.autograd.grad(move.terms["Classification"], p)
        assert g.abs().max() > 0


def test_data_without_labels_and_critics_without_classes_are_refused():
    some, y = said(logits=torch.zeros(4, 3)), torch.zeros(4, dtype=torch.int64)
    for condition in (None, torch.randn(4, 3), torch.randn(4)):
        with pytest.raises(Mistake, match=r"^Classification needs a label for each sample"):
            Classification()(judge(condition), some, some)
    for at in (said(score=torch.zeros(4)), said(logits=torch.zeros(2, 3))):
        with pytest.raises(Mistake, match=r"^Classification needs a critic that names the class"):
            Classification()(judge(y), at, at)


def test_lecam_holds_scores_to_the_usual_ones_of_the_other_side():
    term, r, f = LeCam(decay=0.5, start=0).memory(), torch.randn(6, 1, 2, 2), torch.randn(6, 1, 2, 2)
    term.update(torch.tensor([3.0, -1.0]))
    want = (r + 0.5).clamp(min=0).square().mean() + (1.5 - f).clamp(min=0).square().mean()
    torch.testing.assert_close(term(judge(), said(score=r), said(score=f)), want)
    assert term(judge(), said(score=torch.full((4,), -0.6)), said(score=torch.full((4,), 1.6))) == 0


def test_lecam_begins_after_its_rounds_and_follows_scores_from_the_first_one():
    term, scores = LeCam(start=3).memory(), said(score=torch.ones(4))
    term.update(torch.tensor([2.0, 0.0]))
    then = [float(term(Judge(nn.Identity(), Clock(round=n)), scores, scores)) for n in range(5)]
    assert then[:3] == [0, 0, 0] and then[3] == then[4] == 1.0 and term.usual[0] == pytest.approx(0.2)


def test_lecams_memory_is_the_recurrence():
    game = Adversarial(Maker(), Critic(), LATENT, penalties=(LeCam(1.0, decay=0.8, every=2, start=0),))
    seen: list[Tensor] = []
    observe = game.penalties[0].observe
    game.penalties[0].observe = lambda real, fake: seen.append(observe(real, fake).detach()) or seen[-1]
    play(engine(game), [Batches()], 0, 5)
    assert len(seen) == 5  # it hears of every round, due or not
    for side in range(2):
        want = 0.0
        for mean in seen:
            want = 0.8 * want + 0.2 * mean[side].item()
        assert game.penalty_0.usual[side].item() == pytest.approx(want, abs=1e-6)
    assert seen[0][0] != seen[0][1]


def test_lecam_remembers_for_each_game_by_itself_and_in_what_is_saved():
    value = LeCam()
    one, other = (Adversarial(Maker(), Critic(), LATENT, penalties=(value,)) for _ in range(2))
    one.penalties[0].update(torch.ones(2))
    assert one.penalty_0.usual.any() and not other.penalty_0.usual.any() and value == LeCam()
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.penalty_0.usual, one.penalty_0.usual)


def test_two_memories_have_names_and_weights_of_their_own():
    game = Adversarial(Maker(), Critic(), LATENT, penalties=(LeCam(1.0, start=0), LeCam(Linear(3.0, 1.0), start=0)))
    r, f = said(score=torch.randn(4)), said(score=torch.randn(4))
    terms = weighted_terms(game.penalties, Judge(game.critic, Clock(share=0.5)), r, f)
    assert list(terms) == ["LeCam", "LeCam#2"]
    torch.testing.assert_close(terms["LeCam#2"], 2 * terms["LeCam"])


class Ordered(nn.Module):
    """Scores an image by its own formula, and keeps what it was shown."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        self.shown = x
        return Verdict(x.flatten(1).mean(1), x)


def test_an_image_is_mirrored_and_moved_by_whole_pixels_up_to_the_shift():
    x = torch.arange(30.0).reshape(1, 1, 5, 6).expand(3000, 3, 5, 6)
    wide = nn.functional.pad(x[:1], (2, 2, 2, 2), mode="reflect")
    kinds = {}
    for mirror in (False, True):
        base = wide.flip(3) if mirror else wide
        kinds |= {(mirror, i - 2, j - 2): base[0, :, i : i + 5, j : j + 6] for i in range(5) for j in range(5)}
    out = flip_and_shift(x, 2)
    counts = [int((out == want).all((1, 2, 3)).sum()) for want in kinds.values()]
    assert sum(counts) == 3000  # each is one of the fifty, all channels alike
    assert min(counts) > 30 and max(counts) < 100  # sixty of each, give or take
    assert torch.equal(flip_and_shift(x[:9], 0).sort(3)[0], x[:9])  # only mirrored


def test_consistency_is_the_mean_squared_change_of_the_score():
    critic, x = Ordered(), torch.randn(16, 1, 4, 4)
    at = judge(critic=critic)
    real = at(as_leaf(x))
    value = ConsistencyRegularisation(shift=1)(at, real, real)
    torch.testing.assert_close(value, (critic.shown.flatten(1).mean(1) - x.flatten(1).mean(1)).square().mean())
    assert value > 0 and not critic.shown.requires_grad
    flat = at(torch.full((4, 1, 4, 4), 0.3))
    assert ConsistencyRegularisation()(at, flat, flat) == 0  # nothing to move


def test_points_cannot_be_moved():
    at = judge(critic=Ordered())
    with pytest.raises(Mistake, match="these are points; leave it out"):
        ConsistencyRegularisation()(at, at(torch.randn(4, 2, 1, 1)), at(torch.randn(4, 2, 1, 1)))


@pytest.mark.parametrize("parts", [2, 4])
def test_parts_move_their_images_as_the_whole_does(parts: int):
    x, seen = torch.randn(8, 2, 4, 4), []
    for n in (1, parts):
        moved = []
        for i, rows in enumerate(x.chunk(n)):
            with use_shard(Shard(i, n, torch.Generator().manual_seed(5))):
                moved.append(flip_and_shift(rows, 3))
        seen.append(torch.cat(moved))
    assert torch.equal(*seen) and not torch.equal(seen[0], x)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3])
def test_swapped_is_the_expectation_of_flipping_labels(rate: float):
    r, f = torch.randn(2, 5, requires_grad=True, dtype=torch.float64)
    terms = weighted_terms((Swapped(NonSaturating(), rate),), judge(), said(score=r), said(score=f))
    flipped = softplus(-r).mean() + softplus(f).mean() + terms["Swapped"]
    # the cross-entropy against a label that is right at a rate of 1 - p
    told = [(1 - rate) * softplus(-s) + rate * softplus(s) for s in (r, -f)]
    torch.testing.assert_close(flipped, sum(told).mean())


def test_swapped_bounds_the_best_logit():
    score = torch.tensor([0.0], dtype=torch.float64, requires_grad=True)  # of a real, and minus that of a fake
    optimizer = torch.optim.LBFGS([score], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        real, fake = said(score=score), said(score=-score)
        base = NonSaturating().critic(real.score, fake.score)
        value = base + weighted_terms((Swapped(NonSaturating(), 0.05),), judge(), real, fake)["Swapped"]
        value.backward()
        return value

    optimizer.step(loss)
    assert score.item() == pytest.approx(math.log(0.95 / 0.05), abs=1e-4)  # 2.944


def test_flips_can_be_annealed_and_are_fewer_than_half():
    r, f = said(score=torch.ones(4)), said(score=-torch.ones(4))
    penalty = Swapped(Wasserstein(), Linear(0.2, 0.0))
    sizes = [
        weighted_terms((penalty,), Judge(Critic(), Clock(share=s)), r, f)["Swapped"].item() for s in (0.0, 0.5, 1.0)
    ]
    assert sizes == pytest.approx([0.2 * 4, 0.1 * 4, 0.0])
    with pytest.raises(Mistake, match=r"is 0\.5, but should be in .* labels flipped at a rate of one half"):
        Swapped(NonSaturating(), 0.5)


WHOLE: dict[str, tuple[Any, dict[str, Any]]] = {
    "LeCam": (images, {"penalties": (LeCam(1.0, decay=0.5, start=0),)}),
    "Swapped": (images, {"penalties": (Swapped(NonSaturating(), Linear(0.4)),)}),
    "ConsistencyRegularisation": (images, {"penalties": (ConsistencyRegularisation(1.0, shift=1),)}),
    "Classification": (labelled, {"penalties": (Classification(),), "generator_penalties": (Classification(0.1),)}),
}


@pytest.mark.parametrize(("make", "slots"), WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("kind", [Adversarial, Simultaneous])
def test_parts_of_a_batch_equal_the_whole(make: Any, slots: dict[str, Any], kind: type[Adversarial]):
    torch.set_default_dtype(torch.float64)
    try:
        states = []
        for parts in (1, 4):
            torch.manual_seed(0)
            game = kind(Maker(), Named(), LATENT, **slots)
            play(engine(game), [Batches(make, i, parts) for i in range(parts)], 0, 4)
            states.append(game.state_dict())
    finally:
        torch.set_default_dtype(torch.float32)
    for key, value in states[0].items():
        torch.testing.assert_close(states[1][key], value, rtol=0, atol=1e-12, msg=key)


@pytest.mark.parametrize("slots", [
    *(slots for _, slots in WHOLE.values()), {"generator_penalties": (PullingAway(), FeatureMatching())},
], ids=[*WHOLE, "codes"])  # fmt: skip
def test_a_game_goes_on_to_the_same_bits(slots: dict[str, Any]):
    torch.manual_seed(0)
    whole = Adversarial(Maker(), Named(), LATENT, **slots)
    driver, data = engine(whole), Batches(labelled)
    play(driver, [data], 0, 3)
    saved = {k: v.clone() for k, v in whole.state_dict().items()}
    steps = {driver.names[m]: o.state_dict() for m, o in driver.optimizers.items()}
    steps = {name: torch.utils._pytree.tree_map(lambda t: t.clone() if isinstance(t, Tensor) else t, s)
             for name, s in steps.items()}  # fmt: skip
    play(driver, [data], 3, 6)
    again = Adversarial(Maker(), Named(), LATENT, **slots)
    again.load_state_dict(saved)
    other, rest = engine(again), Batches(labelled)
    rest.position = 3
    for m, o in other.optimizers.items():
        o.load_state_dict(steps[other.names[m]])
    play(other, [rest], 3, 6)
    for key, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key


REFUSED = [
    (lambda: LeCam(decay=1.0), "LeCam's decay is 1.0"),
    (lambda: ConsistencyRegularisation(shift=-1), "shift is -1"),
    *((lambda kind=kind: kind(weight=-1.0), f"{kind.__name__}'s weight is -1.0")
      for kind in (PullingAway, FeatureMatching, Classification, LeCam, ConsistencyRegularisation)),
    (lambda: Swapped(NonSaturating(), every=0), "Swapped is due every 0 rounds"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "sentence"), REFUSED, ids=[s for _, s in REFUSED])
def test_senseless_values_are_refused(make: Any, sentence: str):
    with pytest.raises(Mistake, match=sentence):
        make()
