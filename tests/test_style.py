"""The game of styles: mixing, truncation, path lengths and lazy moves, by closed forms and by hand."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from saddle import load, sessions, train
from saddle.cli import main
from saddle.clock import Clock
from saddle.core import Agree, Move
from saddle.errors import Mistake
from saddle.games import PathLength, StyleBased
from saddle.games.style import path_lengths, truncate_styles
from saddle.layers import ADA, MappingNetwork, NoiseInjection
from saddle.networks import Modulated
from saddle.optim import Adam, Cosine, Lazy
from saddle.penalties import R1
from saddle.recipes import find_recipe
from saddle.resolved import parse_settings, resolve_recipe
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint
from toys import LATENT, Batches, Critic, Maker, StyleMaker, engine, images, play


def game(**more: Any) -> StyleBased:
    torch.manual_seed(0)
    return StyleBased(StyleMaker(), Critic(), LATENT, **more)


class Tagged(StyleMaker):
    """Its styles say which latent they are of: the first ones, or those that are mixed in."""

    layers, calls = 6, 0

    def mapping(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        self.calls += 1
        return torch.full((len(z), 5), float(self.calls))


def test_a_share_of_samples_goes_on_with_another_style_from_a_layer_of_its_own():
    styled = StyleBased(Tagged(), Critic(), LATENT, mixing=0.9)
    ws = styled.mixed_styles(torch.zeros(4000, 1, 4, 4), None)[..., 0]
    assert (ws[:, 0] == 1).all() and (ws.diff(dim=1) >= 0).all()  # the first style first, and one change at most
    first = (ws == 1).sum(1)
    assert abs((first < 6).float().mean() - 0.9) < 0.02
    counts = torch.bincount(first[first < 6], minlength=6)[1:]  # each cut is as likely
    assert (counts / counts.sum() - 0.2).abs().max() < 0.03
    styled.mixing = 0.0
    assert (styled.mixed_styles(torch.zeros(9, 1, 4, 4), None).diff(dim=1) == 0).all()


def test_truncation_goes_towards_the_mean_style_in_the_first_layers():
    w, mean = torch.randn(3, 5), torch.randn(5)
    ws = truncate_styles(w, mean, 4, 0.7, 2)
    torch.testing.assert_close(ws[:, 1], 0.3 * mean + 0.7 * w)
    assert torch.equal(ws[:, 2], w) and torch.equal(ws[:, 3], w)
    assert torch.equal(truncate_styles(w, mean, 4, 1.0), w[:, None].expand(-1, 4, -1))
    torch.testing.assert_close(truncate_styles(w, mean, 4, 0.0)[1], mean.expand(4, -1))


def test_samples_are_made_in_a_style_without_mixing():
    played, z = game(), torch.randn(4, LATENT)
    played.style.mean_w.normal_()
    nn.init.ones_(played.generator.noise.strength)
    assert not torch.equal(played.make(z), played.make(z))
    assert torch.equal(played.make(z, noise=False), played.make(z, noise=False))
    mean = played.make(z, truncation=0.0, noise=False)
    torch.testing.assert_close(mean, mean[:1].expand_as(mean))
    assert torch.equal(played.make(z, truncation=0.3, cutoff=0, noise=False), played.make(z, noise=False))
    with pytest.raises(Mistake, match="cutoff is 4, but this generator has 3 layers with styles; give 0 to 3"):
        played.make(z, cutoff=4)
    with pytest.raises(Mistake, match=r"truncation is nan, but should be a number, such as 0\.7"):
        played.make(z, truncation=math.nan)


def test_generators_without_styles_are_refused():
    with pytest.raises(Mistake, match=r"Maker makes none; give networks such as Modulated\(\)"):
        StyleBased(Maker(), Critic(), LATENT)
    with pytest.raises(Mistake, match=r"mixing is 1\.5, but should be a share"):
        game(mixing=1.5)
    for wrong in ({"every": 0}, {"shrink": 0}, {"decay": 1.0}, {"weight": -1.0}):
        with pytest.raises(Mistake, match="PathLength's"):
            PathLength(**wrong)


def test_path_lengths_of_a_linear_generator_are_exact(monkeypatch: pytest.MonkeyPatch):
    """|W^T y| for each layer, their root mean square; in the mean of squares |W|_F^2 / (height width)."""
    torch.manual_seed(1)
    weights, n, size = torch.randn(2, 12, 5), 20_000, (1, 3, 4)
    y = torch.randn(n, *size)
    monkeypatch.setattr("saddle.games.style.draw_rows", lambda sampler, like, *shape: y)
    ws = torch.randn(n, 2, 5, requires_grad=True)
    made = torch.einsum("lpk,nlk->np", weights, ws).view(n, *size)
    lengths = path_lengths(made, ws)
    each = torch.einsum("lpk,np->nlk", weights, y.flatten(1) / math.sqrt(12)).square().sum(2)
    torch.testing.assert_close(lengths, each.mean(1).sqrt())
    expected = weights.square().sum() / 2 / 12
    assert abs(lengths.square().mean() / expected - 1) < 0.02


def turns(played: StyleBased, clock: Clock) -> Iterator[Any]:
    return played.round(Batches(), clock)


def test_path_lengths_are_a_move_of_the_generators_on_half_a_batch(monkeypatch: pytest.MonkeyPatch):
    played, seen = game(path_length=PathLength(weight=2.0, every=4, shrink=2, decay=0.01)), []
    played.path_mean.fill_(0.5)
    monkeypatch.setattr("saddle.games.style.path_lengths", lambda x, ws: seen.append(path_lengths(x, ws)) or seen[-1])
    moves = [turn for turn in turns(played, Clock(8)) if isinstance(turn, Move)]
    assert [list(move.terms) for move in moves] == [["adversarial"], ["adversarial"], ["path_length"]]
    assert moves[2].players == (played.generator,) and len(seen[0]) == 4
    torch.testing.assert_close(moves[2].loss, 2 * 4 * (seen[0] - 0.5).square().mean())
    torch.autograd.backward(moves[2].loss)
    assert all(p.grad is not None for p in played.generator.first.parameters())  # styles are trained by it, too
    assert len([turn for turn in turns(played, Clock(9)) if isinstance(turn, Move)]) == 2
    assert played.phase(Clock(8)) != played.phase(Clock(9))

    agreed = [turn for turn in turns(played, Clock(8)) if isinstance(turn, Agree)]
    agreed[0].tell(torch.tensor(1.5))
    torch.testing.assert_close(played.path_mean, torch.tensor(0.51))
    assert played.logged_scalars()["PathLength/mean"] is played.path_mean


def test_a_lazy_penalty_is_a_move_of_its_own():
    played = game(penalties=(R1(10.0, every=16),), path_length=None)
    first, second, *_ = (turn for turn in turns(played, Clock(16)) if isinstance(turn, Move))
    assert list(first.terms) == ["adversarial"] and list(second.terms) == ["R1"]
    x = next(Batches()).image.requires_grad_()
    (slope,) = torch.autograd.grad(played.critic(x).score.sum(), x)
    torch.testing.assert_close(second.loss.detach(), 16 * 10 / 2 * slope.flatten(1).square().sum(1).mean())
    assert [list(turn.terms) for turn in turns(played, Clock(17)) if isinstance(turn, Move)] == [["adversarial"]] * 2


def test_an_eager_penalty_stays_in_the_loss():
    played = game(penalties=(R1(10.0),), path_length=None)
    assert [list(turn.terms) for turn in turns(played, Clock(1)) if isinstance(turn, Move)] == [
        ["adversarial", "R1"], ["adversarial"]]  # fmt: skip


def test_the_mean_style_follows_the_batches():
    played = game(path_length=None, momentum=0.9)
    torch.nn.init.zeros_(played.generator.first.weight)
    driver, w = engine(played, lr=0.0), played.generator.first.bias.detach().tanh()
    play(driver, [Batches()], 0, 3)
    torch.testing.assert_close(played.style.mean_w, (1 - 0.9**3) * w)
    assert "generator.mean_w" in played.state_dict() and "path_mean" in played.state_dict()


def test_contact_sheets_show_samples_without_mixing():
    played = StyleBased(Tagged(), Critic(), LATENT, mixing=1.0)
    played.show(images(4))
    assert played.generator.calls == 1


def test_lazy_takes_the_rate_and_betas_of_the_paper():
    lazy, p = Lazy(Adam(lr=0.002, betas=(0.0, 0.99)), every=16), nn.Parameter(torch.ones(3))
    group = lazy.build([p]).param_groups[0]
    c = 16 / 17
    assert group["lr"] == pytest.approx(c * 0.002) and group["betas"] == pytest.approx((0.0, 0.99**c))
    falling = Lazy(Adam(Cosine(0.1, 0.0), (0.5, 0.9)), every=4)
    optimizer = falling.build([p])
    falling.tune(optimizer, Clock(share=0.5))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.8 * 0.05)
    assert optimizer.param_groups[0]["betas"] == pytest.approx((0.5**0.8, 0.9**0.8))
    with pytest.raises(Mistake, match="Lazy's every is 0"):
        Lazy(every=0)


def test_lazy_steps_come_to_what_steps_at_every_move_come_to():
    """A quadratic loss and a quadratic regulariser: k moves and one of k times the latter, and both in every move."""
    k, rounds, ends = 4, 400, []
    for lazy in (False, True):
        p = nn.Parameter(torch.tensor([2.0, -1.0]))
        how = Lazy(Adam(1e-3, (0.0, 0.99)), every=k) if lazy else Adam(1e-3, (0.0, 0.99))
        optimizer, path = how.build([p]), []
        for r in range(rounds):
            terms = (p - 1).square().sum(), 0.5 * p.square().sum()
            for loss in ([terms[0]] if lazy else [terms[0] + terms[1]]) + (
                [k * terms[1]] if lazy and r % k == 0 else []
            ):
                optimizer.zero_grad()
                loss.backward(retain_graph=True)
                optimizer.step()
            path.append(p.detach().clone())
        ends.append(torch.stack(path))
    eager, lazily = ends
    assert (eager[-1] - eager[0]).abs().min() > 0.2
    torch.testing.assert_close(lazily[-1], eager[-1], rtol=0, atol=0.1)


def test_mapping_networks_have_the_papers_counts_and_begin_with_unit_variance():
    with torch.device("meta"):
        assert sum(p.numel() for p in MappingNetwork(512, 512).parameters()) == 2_101_248
    torch.manual_seed(0)
    w = MappingNetwork(64, 256, layers=2)(torch.randn(512, 64))
    assert abs(w.square().mean() - 1) < 0.1
    told = MappingNetwork(64, 32, layers=2, classes=3)
    assert told.needs == "label" and told(torch.randn(4, 64), torch.arange(4) % 3).shape == (4, 32)
    alone = MappingNetwork(0, 32, layers=2, classes=3)
    assert alone(None, torch.arange(3)).shape == (3, 32)
    with pytest.raises(Mistake, match="got no labels"):
        told(torch.randn(4, 64))


def test_noise_begins_at_nothing_and_is_one_map_for_all_channels():
    torch.manual_seed(0)
    noise, x = NoiseInjection(), torch.zeros(64, 3, 8, 8)
    assert torch.equal(noise(x), x)
    nn.init.constant_(noise.strength, 2.0)
    made = noise(x)
    assert torch.equal(made[:, 0], made[:, 2]) and abs(made[:, 0].std() - 2) < 0.1
    assert torch.equal(noise(x, on=False), x)
    assert NoiseInjection(3).strength.shape == (3, 1, 1)


def test_held_out_samples_are_judged_in_time_for_the_next_change_of_p():
    played = game(views=(ADA(images=64, target=-0.99, pipe="c", signal="held-out"),), path_length=None)
    driver, data, asked = engine(played), Batches(), []
    played.held_out = lambda: asked.append(data.position) or images(8)
    play(driver, [data], 0, 8, of=8)
    assert asked == [4, 8]
    (memory,) = played.views
    assert memory.held != 0 and memory.p == 1
    played.held_out = None
    play(driver, [data], 8, 9, of=9)


def test_a_run_hears_of_the_samples_that_it_holds_out(tmp_path: Path):
    """As many as a batch, of its own place in their order; without any the command is refused, and the advice works."""
    made = np.random.default_rng(0).integers(0, 256, (64, 16, 16), np.uint8)
    recipe = replace(
        find_recipe("stylegan2-ada")[0],
        networks=Modulated(8, 8, 2, 8, 8),
        batch=8,
        views=(ADA(target=0.5, images=500, signal="held-out"),),
    )
    how = {"device": "cpu", "precision": "float32", "images": 64, "pictures": 1, "quiet": True}
    with pytest.raises(Mistake, match="there are none; give --held-out 500, or leave signal out"):
        train(recipe, made, out=tmp_path / "none", **how)
    run = train(recipe, made, out=tmp_path / "run", held_out=16, **how)
    held = read_checkpoint(latest_checkpoint(run / "checkpoints")).tensors["game.view_0.held"]
    assert held.isfinite() and held != 0
    model = load(run)
    plain, near = (model.sample(4, seed=1, truncation=psi, noise=False) for psi in (1.0, 0.0))
    assert plain[0].ne(plain[1]).any() and torch.equal(near[0], near[1])
    typed = ["sample", str(run), "--truncation", "0.5", "--cutoff", "4", "--noise", "false"]
    assert main([*typed, "-n", "4", "--out", str(tmp_path / "some")]) == 0


LINES = (Path(__file__).parents[1] / "docs" / "styles.md").read_text("utf-8").splitlines()
TRAININGS = [re.split(r" {2,}", line)[0].partition(" ")[2] for line in LINES if line.startswith("saddle train")]


@pytest.mark.parametrize("command", TRAININGS)
def test_what_the_page_of_styles_says_to_type_is_understood(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for n in range(4):
        Image.new("RGB", (64, 64), (n, 2 * n, 40)).save(f"photos/{n}.png")
    asked: list[object] = []

    def resolve(recipe: str, *, options: dict[str, str], out: None, resume: None, **settings: Any) -> Path:
        asked.append(resolve_recipe(recipe, options, parse_settings(settings.pop("data", None), settings)))
        return Path("runs/1")

    monkeypatch.setattr(sessions, "train", resolve)
    assert main(shlex.split(command)) == 0 and asked
