"""Text GANs: their draws, estimators and flow against what is worked out by enumeration."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from saddle import load, measure, train
from saddle.batches import Lines
from saddle.clock import Clock, Number
from saddle.core import Agree, Move, Verdict
from saddle.data.lines import LineDataset
from saddle.data.oracle import oracle_lines, oracle_surprise
from saddle.errors import Mistake
from saddle.games import GumbelSoftmax, PolicyGradient, Turns
from saddle.games.policy_gradient import policy_loss
from saddle.layers.priors import Gumbel
from saddle.layers.tokens import TokenLSTM, draw_tokens, gumbel_softmax, token_log_probabilities
from saddle.networks import TextLSTM
from saddle.networks.text_lstm import TextCNN
from saddle.optim import SGD, Adam, Clipped, Linear
from saddle.parts import Shard, use_shard
from saddle.recipes.gumbel_gan import GumbelGAN
from saddle.recipes.seqgan import SeqGAN
from saddle.shape import Text, line_shape
from saddle.texts import from_one_hot, to_lines, to_one_hot
from saddle.training.engine import Engine
from saddle.training.machine import find_machine
from saddle.training.match import Match

LOGITS = torch.tensor([1.2, 0.0, -0.7, 0.3, -2.0])
SMALL = TextLSTM(embedding=8, hidden=8, embedding_critic=8, width_critic=8, dropout=0.0)


def chi_squared(tokens: Tensor, p: Tensor) -> float:
    """Of counts against shares, over its degrees of freedom."""
    counts, expected = torch.bincount(tokens, minlength=len(p)), p * len(tokens)
    return float(((counts - expected).square() / expected).sum() / (len(p) - 1))


def test_the_largest_noisy_logit_and_the_inverse_of_the_sums_are_draws_of_the_softmax():
    torch.manual_seed(1)
    n, p = 100_000, LOGITS.double().softmax(0)
    noise = Gumbel()(torch.zeros(n, 1), len(p))
    ways = (LOGITS + noise).argmax(1), draw_tokens(LOGITS.expand(n, -1), torch.rand(n))
    assert max(chi_squared(tokens, p) for tokens in ways) < 2.4  # beyond it by chance: five percent
    assert float(noise.mean()) == pytest.approx(0.5772, abs=0.01)
    assert float(noise.var()) == pytest.approx(np.pi**2 / 6, abs=0.03)


def test_logits_of_half_precision_are_drawn_from_in_full():
    torch.manual_seed(0)
    p = torch.full((200,), 1 / 200, dtype=torch.float64)
    tokens = draw_tokens(torch.zeros(200_000, 200, dtype=torch.bfloat16), torch.rand(200_000))
    assert chi_squared(tokens, p) < 1.3
    assert gumbel_softmax(LOGITS.bfloat16(), torch.zeros(5), 1.0).dtype == torch.float32


def test_numbers_at_both_ends_draw_tokens_that_there_are():
    ends = torch.tensor([0.0, 1 - 2**-24])
    assert draw_tokens(torch.tensor([[0.0, 0.0, -200.0]] * 2), ends).tolist() == [0, 1]
    assert int(draw_tokens(torch.randn(4, 5000), torch.full((4,), 1 - 2**-24)).max()) < 5000


def test_the_softmax_becomes_the_largest_token_as_it_cools_and_uniform_as_it_warms():
    torch.manual_seed(1)
    noise = Gumbel()(torch.zeros(50, 1), 5)
    one_hot = nn.functional.one_hot((LOGITS + noise).argmax(1), 5).float()
    torch.testing.assert_close(gumbel_softmax(LOGITS, noise, 1e-3), one_hot, atol=1e-3, rtol=0)
    torch.testing.assert_close(gumbel_softmax(LOGITS, noise, 1e5), torch.full((50, 5), 0.2), atol=1e-3, rtol=0)
    assert torch.equal(gumbel_softmax(LOGITS, noise, 1.0, hard=True), one_hot)


def straight_through(reward: Tensor, temperature: float, hard: bool, n: int = 100_000) -> Tensor:
    """The gradient of E f over three logits, as the mean over draws."""
    logits = torch.tensor([0.5, -0.2, 0.1], dtype=torch.float64, requires_grad=True)
    noise = Gumbel()(torch.zeros(n, 1, dtype=torch.float64), 3)
    drawn = gumbel_softmax(logits, noise, temperature, hard)
    return torch.autograd.grad((drawn @ reward).square().mean(), logits)[0]


def test_the_straight_through_gradient_is_biased_towards_the_truth_s_direction():
    """Against sum_i dp_i f_i, f = r^2: it points the same way, and its bias goes as the softmax cools: docs/text.md."""
    reward = torch.tensor([1.0, -0.5, 0.3], dtype=torch.float64)
    logits = torch.tensor([0.5, -0.2, 0.1], dtype=torch.float64, requires_grad=True)
    truth = torch.autograd.grad(logits.softmax(0) @ reward.square(), logits)[0]
    torch.manual_seed(2)
    for hard, warm, cold in ((True, 0.377, 0.053), (False, 0.481, 0.060)):
        for temperature, bias in ((1.0, warm), (0.1, cold)):
            found = straight_through(reward, temperature, hard)
            assert float(torch.cosine_similarity(found, truth, dim=0)) > 0.9
            assert float((found - truth).norm() / truth.norm()) == pytest.approx(bias, abs=0.03)


class Rewards(nn.Module):
    """A critic that knows a score for each line of three tokens of three."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.randn(27) * 2)
        self.head = nn.Linear(1, 1)

    def forward(self, lines: Tensor, condition: Tensor | None = None) -> Verdict:
        place = lines @ torch.tensor([9, 3, 1])
        return Verdict(self.scores[place], place)


EVERY = torch.tensor(list(product(range(3), repeat=3)))


def tiny(**more: object) -> PolicyGradient:
    torch.manual_seed(3)
    return PolicyGradient(TokenLSTM(3, 4, 4), Rewards(), 3, **more)  # type: ignore[arg-type]


def exact_values(game: PolicyGradient) -> Tensor:
    """Q of each token of all 27 lines, (27, 3): the mean reward of the lines that begin so, as they are written."""
    p = token_log_probabilities(game.rollout(EVERY), EVERY).sum(1).exp()
    reward = game.critic.scores.sigmoid()
    alike = torch.stack([(EVERY[:, None, :t] == EVERY[None, :, :t]).all(2).float() for t in (1, 2, 3)])
    return torch.stack([(same * p * reward).sum(1) / (same * p).sum(1) for same in alike], 1).detach()


def test_what_roll_outs_say_a_token_is_worth_is_the_mean_over_all_completions():
    game = tiny(rollouts=1000)
    found = game.action_values(EVERY, torch.zeros(27, 1))
    error = 4 * 0.5 / 1000**0.5  # four deviations of a mean of numbers in [0, 1]
    torch.testing.assert_close(found, exact_values(game), atol=error, rtol=0)
    torch.testing.assert_close(found[:, 2], game.critic.scores.sigmoid())


def test_the_policy_s_gradient_is_that_of_the_mean_reward():
    """sum_y p(y) sum_t Q_t grad log pi = grad sum_y p(y) D(y), with any baseline of the place."""
    game = tiny()
    own = list(game.generator.parameters())
    values = exact_values(game)
    p = token_log_probabilities(game.generator(EVERY), EVERY).sum(1).exp()
    truth = torch.autograd.grad((p * game.critic.scores.sigmoid().detach()).sum(), own)
    for baseline in (torch.zeros(3), torch.tensor([0.3, -1.0, 2.0])):
        each = [policy_loss(game.generator(line[None]), line[None], (q - baseline)[None])
                for line, q in zip(EVERY, values, strict=True)]  # fmt: skip
        found = torch.autograd.grad((p.detach() * torch.stack(each)).sum(), own)
        for a, b in zip(found, truth, strict=True):
            torch.testing.assert_close(-a, b, atol=1e-6, rtol=1e-4)


def test_moves_along_the_policy_s_gradient_please_a_critic_that_stays_as_it_is():
    game = tiny(rollouts=4, baseline=True)
    game.clock = Clock(stage=2)
    optimizer = torch.optim.Adam(game.generator.parameters(), 0.05)

    @torch.no_grad()
    def reward() -> float:
        p = token_log_probabilities(game.generator(EVERY), EVERY).sum(1).exp()
        return float(p @ game.critic.scores.sigmoid())

    before = reward()
    for _ in range(40):
        for turn in game.policy_turn(torch.zeros(64, 1)):
            if isinstance(turn, Agree):
                turn.tell(turn.value)
            else:
                optimizer.zero_grad()
                turn.loss.backward()  # type: ignore[union-attr]
                optimizer.step()
                game.after_move(game.generator)
    best = float(game.critic.scores.detach().sigmoid().max())
    assert reward() > before + 0.7 * (best - before)
    assert float(game.logged_scalars()["rollout/reward"]) == pytest.approx(reward(), abs=0.1)


def test_each_stage_of_seqgan_has_the_steps_of_its_own():
    recipe = SeqGAN(policy_optimizer=Adam(1e-3))
    first, second, third = recipe.stages(line_shape(Text(20, 20)), 1000)
    assert (first.until, second.until, third.until) == (400, 500, 1000)
    assert first.steps is second.steps is None and third.steps is not None
    assert third.steps("generator") == Adam(1e-3) and third.steps("critic") == recipe.critic_optimizer
    assert SeqGAN().policy_steps("generator") == SeqGAN().optimizer


def test_written_lines_come_as_often_as_the_generator_says():
    game = tiny()
    lines = game.write(torch.rand(40_000, 3))
    p = token_log_probabilities(game.generator(EVERY), EVERY).sum(1).exp().detach()
    assert float(p.sum()) == pytest.approx(1) and chi_squared(lines @ torch.tensor([9, 3, 1]), p) < 1.8


def moves(game: PolicyGradient, stage: int) -> list[tuple[str, set[str]]]:
    """Who moves in a round of a stage, and which networks the loss would reach."""
    names = {module: name for name, module in game.named_children()}
    batch = Lines(to_one_hot(EVERY[:9], 3))
    seen = []
    for turn in game.round(iter([batch] * 9), Clock(stage=stage)):
        if isinstance(turn, Agree):
            turn.tell(turn.value)
            continue
        assert isinstance(turn, Move)
        own = {name: list(child.parameters()) for name, child in game.named_children()}
        reached = {name for name, ps in own.items() if any(p.requires_grad for p in ps) and any(
            g is not None for g in torch.autograd.grad(turn.loss, [p for p in ps if p.requires_grad], retain_graph=True,
                                                       allow_unused=True))}  # fmt: skip
        seen.append((names[turn.players[0]] + ":" + "+".join(turn.terms), reached))
    return seen


def test_which_loss_reaches_which_network_in_which_stage():
    game = tiny(rollouts=2, turns=Turns(critic=2))
    critic = ("critic:adversarial+decay", {"critic"})
    assert moves(game, 0) == [("generator:likelihood", {"generator"})]
    assert moves(game, 1) == [critic] * 2
    assert moves(game, 2) == [("generator:policy", {"generator"}), critic, critic]


def test_the_policy_that_completes_lines_follows_at_once_by_likelihood_and_slowly_later():
    game = tiny(delay=0.8)
    before = game.rollout.out.bias.clone()
    with torch.no_grad():
        game.generator.out.bias.add_(1)
    game.clock = Clock(stage=2)
    game.after_move(game.generator)
    torch.testing.assert_close(game.rollout.out.bias, before + 0.2)
    game.after_move(game.critic)
    game.clock = Clock(stage=0)
    game.after_move(game.generator)
    torch.testing.assert_close(game.rollout.out.bias, before + 1)


def test_roll_outs_of_a_part_of_a_batch_are_those_of_the_whole():
    game = tiny(rollouts=3)
    whole, parts = [], []
    for count in (1, 3):
        for i in range(count):
            rows = EVERY[9 * i : 9 * i + 27 // count]
            with use_shard(Shard(i, count, torch.Generator().manual_seed(5))):
                (whole if count == 1 else parts).append(game.action_values(rows, torch.zeros(len(rows), 1)))
    torch.testing.assert_close(torch.cat(parts), torch.cat(whole))


def test_the_critic_says_the_same_of_tokens_and_of_the_one_hot_images_of_them():
    torch.manual_seed(0)
    critic, lines = TextCNN(7, 6, 5, 16, dropout=0.0), torch.randint(7, (4, 6))
    said, of_images = critic(lines), critic(to_one_hot(lines, 7))
    torch.testing.assert_close(of_images.score, said.score)
    assert said.score.shape == (4,) and said.features.shape == (4, said.features.shape[1])
    mixed = critic((to_one_hot(lines, 7) + to_one_hot(lines.flip(0), 7)) / 2).score
    assert not torch.allclose(mixed, said.score)


def test_a_recurrent_network_writes_by_the_probabilities_that_it_reads():
    torch.manual_seed(0)
    network, lines = TokenLSTM(5, 4, 6), torch.randint(5, (3, 4))
    seen: list[Tensor] = []

    def copy(t: int, logits: Tensor) -> Tensor:
        seen.append(logits)
        return lines[:, t]

    assert torch.equal(network.write(copy, lines, 4), lines)
    torch.testing.assert_close(torch.stack(seen, 1), network(lines))


def test_a_gumbel_game_makes_tokens_in_evaluation_and_has_a_gradient_in_training():
    torch.manual_seed(0)
    data = line_shape(Text(6, 9))
    for hard in (True, False):
        game = GumbelGAN(networks=SMALL, temperature=0.7, hard=hard).game(data)
        assert isinstance(game, GumbelSoftmax)
        latents = game.latents(torch.zeros(4, *data[:3]))
        soft = game.make(latents)
        assert soft.shape == (4, 9, 1, 6) and soft.requires_grad
        torch.testing.assert_close(soft.sum(1), torch.ones(4, 1, 6))
        assert bool(((soft == 0) | (soft == 1)).all()) == hard
        shown = game.eval().make(latents)
        assert torch.equal(shown, to_one_hot(from_one_hot(shown), 9))


def test_gradients_are_clipped_by_their_norm_over_all_of_a_player():
    layer = nn.Linear(3, 2)
    optimizer = Clipped(SGD(1.0), norm=0.5).build(layer.parameters())
    before = [p.detach().clone() for p in layer.parameters()]
    for p in layer.parameters():
        p.grad = torch.full_like(p, 3.0)
    optimizer.step()
    steps = [a - b for a, b in zip(before, layer.parameters(), strict=True)]
    torch.testing.assert_close(torch.cat([s.flatten() for s in steps]).norm(), torch.tensor(0.5), atol=1e-4, rtol=0)
    assert all(torch.allclose(s, s.flatten()[0]) for s in steps)
    with pytest.raises(Mistake, match=r"Clipped's norm is 0\.0, but should be above 0"):
        Clipped(Adam(), 0.0)


def test_the_oracle_knows_how_likely_its_lines_are():
    lines = torch.from_numpy(oracle_lines(50, 400))
    own, other = oracle_surprise(lines, 50), oracle_surprise(torch.randint(50, (400, 20)), 50)
    assert float(own.mean()) < np.log(50) < float(other.mean())
    assert np.array_equal(oracle_lines(50, 5), lines[:5].numpy()) and not np.array_equal(
        oracle_lines(50, 5, seed=1), lines[:5]
    )


def train_small(recipe: SeqGAN | GumbelGAN, run: Path, images: int) -> Path:
    return train(
        recipe, "oracle:20", out=run, images=images, limit=600, pictures=2, quiet=True, device="cpu", threads=1
    )


def nll(run: Path) -> float:
    return measure(run, metrics="nll-oracle", n=500)[0].value


SHORT = SeqGAN(networks=replace(SMALL, hidden=16, embedding=16), rollouts=2, turns=Turns(critic=1), likelihood=0.9,
               critic_alone=0.05, batch=16)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_small(SHORT, tmp_path_factory.mktemp("text") / "run", 2400)


def test_lines_of_the_oracle_become_likelier(run: Path):
    random = torch.randint(20, (500, 20), generator=torch.Generator().manual_seed(0))
    before = float(oracle_surprise(random, 20).mean())
    (figure,) = measure(run, metrics="nll-oracle", n=300)
    assert figure.value < before - 0.5 and figure.low is not None and figure.low < figure.value


def test_lines_are_equal_for_equal_seeds_whatever_their_number(run: Path):
    model = load(run)
    lines = model.lines(3)
    assert lines == model.lines(70)[:3] != model.lines(3, seed=1)
    assert lines == to_lines(from_one_hot(model.sample(3)), Text(20, 20))
    score, images = model.score(model.sample(3)), to_one_hot(torch.zeros(2, 20, dtype=torch.int64), 20)
    assert score.shape == (3,) and model.judge(images).score.shape == (2,)


def test_a_match_goes_on_to_the_same_bits_in_every_stage():
    data = LineDataset("lines", oracle_lines(20, 64), Text(20, 20))
    recipe, where = replace(SHORT, likelihood=0.4, critic_alone=0.2, batch=8, baseline=True), find_machine("cpu")
    first, second = (Match(recipe, data, 80, where) for _ in range(2))
    while not first.over:
        tensors, facts = first.state()
        second.restore({name: t.clone() for name, t in tensors.items()}, facts)
        first.play()
        second.play()
        then, now = (match.state()[0] for match in (first, second))
        assert then.keys() == now.keys() and all(torch.equal(then[name], now[name]) for name in then)
    assert any(key.startswith("game.rollout.") for key in then) and float(then["game.expected"].abs().sum()) > 0


@pytest.mark.parametrize("recipe", [replace(SHORT, batch=8), GumbelGAN(networks=SMALL, batch=8)])
def test_a_round_in_parts_is_that_of_the_whole_batch(recipe: SeqGAN | GumbelGAN):
    lines, moved = torch.from_numpy(oracle_lines(20, 8)), []
    for count in (1, 2):
        torch.manual_seed(0)
        game = recipe.game(line_shape(Text(20, 20)))
        engine = Engine(game, lambda player: SGD(0.1), seed=4)
        batches = [iter([Lines(to_one_hot(some, 20))] * 9) for some in lines.chunk(count)]
        engine.play(*batches, clock=Clock(stage=2))
        moved.append([t.detach().clone() for t in game.state_dict().values()])
    for a, b in zip(*moved, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["seqgan", "gumbel"])
def test_lines_become_likelier_in_a_longer_run(name: str, tmp_path: Path):
    nets, quick = replace(SMALL, hidden=32, embedding=32, width_critic=32), Clipped(Adam(1e-3))
    recipe = {
        "seqgan": SeqGAN(networks=nets, rollouts=2, baseline=True, turns=Turns(critic=1), critic_optimizer=Adam(1e-3),
                         policy_optimizer=quick, batch=32),
        "gumbel": GumbelGAN(networks=nets, batch=32),
    }[name]  # fmt: skip
    random = float(oracle_surprise(torch.randint(20, (500, 20), generator=torch.Generator().manual_seed(0)), 20).mean())
    assert nll(train_small(recipe, tmp_path / name, 12_000)) < random - {"seqgan": 1.5, "gumbel": 0.5}[name]


def test_tokens_are_written_as_characters_words_or_numbers():
    tokens = torch.tensor([[1, 2, 0], [2, 2, 1]])
    assert to_lines(tokens, Text(3, 3)) == ["1 2 0", "2 2 1"]
    assert to_lines(tokens, Text(3, 3, ("", "春", "a"))) == ["春a", "aa春"]
    assert to_lines(tokens, Text(3, 3, ("", "春", "spring"))) == ["春 spring", "spring spring 春"]
    assert torch.equal(from_one_hot(to_one_hot(tokens, 3)), tokens)


def test_data_of_lines_show_them_one_hot():
    data = LineDataset("lines", np.array([[1, 2, 0], [2, 0, 0]]), Text(3, 3, ("", "a", "b")))
    (shown,) = data.take(np.array([1]), np.zeros(1, np.uint64), ("line",)).values()
    assert shown.shape == (1, 3, 1, 3) == (1, *data.shape[:3]) and from_one_hot(shown).tolist() == [[2, 0, 0]]


def test_a_critic_without_a_last_layer_of_its_own_is_played_without_decay():
    bare = Rewards()
    del bare.head
    with pytest.raises(Mistake, match="its `head`, which Rewards has not; give --decay 0"):
        PolicyGradient(TokenLSTM(3, 4, 4), bare, 3)
    game = PolicyGradient(TokenLSTM(3, 4, 4), bare, 3, decay=0)
    assert set(game.critic_move(to_one_hot(EVERY, 3), Clock(stage=1)).terms) == {"adversarial"}


@pytest.mark.parametrize("temperature", [0.0, -1.0, Linear(1.0, 0.0)])
def test_a_temperature_that_comes_to_nothing_is_refused(temperature: Number):
    with pytest.raises(Mistake, match=r"the temperature is .* but should be above 0"):
        GumbelSoftmax(TokenLSTM(3, 4, 4), TextCNN(3, 3, 4, 4, 0.0), 0, temperature=temperature)
