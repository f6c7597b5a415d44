"""How long saddle's rounds take, beside the loops that one would write by hand for the same networks.

`python benchmarks/loops.py wgan-gp sn-gan` plays, in turns, rounds of a plain PyTorch loop (float32, contiguous, both
networks' gradients always on, torch's Adam, `.item()` of every loss) and saddle's, with its averaged generator. The
ratio is the median over neighbouring turns, so other work on the machine touches both sides alike. A turn is as many
rounds as lazy penalties need to come round. `--batch` makes turns shorter; the bars are for the papers' own batches.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from saddle.batches import Pairs, Unpaired
from saddle.data import ArrayDataset, Prepare
from saddle.data.in_memory import open_given
from saddle.devices import synchronize
from saddle.recipes import find_recipe
from saddle.training.loop import READ_EVERY
from saddle.training.machine import Machine, find_machine
from saddle.training.match import Match
from saddle.training.record import Record

BARS = {"wgan-gp": (2.5, 1.5), "sn-gan": (1.8, 1.3), "stylegan2": (1.8, 1.4), "pix2pix": (1.5, 1.2),
        "cyclegan": (1.5, 1.2), "r3gan": (1.8, 1.3)}  # with bfloat16 units, without  # fmt: skip
PRESETS = {"wgan-gp": ("wgan-gp-cifar", 32), "sn-gan": ("sn-gan-residual", 32), "stylegan2": ("stylegan2", 64),
           "pix2pix": ("pix2pix", 128), "cyclegan": ("cyclegan", 128), "r3gan": ("r3gan", 32)}  # fmt: skip
LAZY = {"stylegan2": 16}  # rounds of a turn
COUNT = 256  # made-up images
Round = Callable[[list[Tensor]], tuple[Tensor, ...]]  # of reals, its losses


class Plain:
    """What all the loops share: float32 copies of a game's networks, an Adam for each, and how they are asked."""

    def __init__(self, game: Any, betas: tuple[float, float], lr: float) -> None:
        self.game = copy.deepcopy(game).to(memory_format=torch.contiguous_format).train()
        self.latent = getattr(game, "latent", 0)
        self.steps = {name: torch.optim.Adam(net.parameters(), lr=lr, betas=betas)
                      for name, net in self.game.named_children()
                      if name.startswith(("generator", "critic"))}  # fmt: skip

    def step(self, loss: Tensor, *players: str) -> Tensor:
        for player in players:
            self.steps[player].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for player in players:
            self.steps[player].step()
        return loss.detach()

    def latents(self, like: Tensor) -> Tensor:
        return torch.randn(len(like), self.latent, device=like.device)

    def fake(self, like: Tensor) -> Tensor:
        made: Tensor = self.game.generator(self.latents(like))
        return made

    def score(self, x: Tensor, player: str = "critic", condition: Tensor | None = None) -> Tensor:
        score: Tensor = getattr(self.game, player)(x, condition).score
        return score


def slope_sq(score: Tensor, at: Tensor) -> Tensor:
    (grad,) = torch.autograd.grad(score.sum(), at, create_graph=True)
    return grad.flatten(1).square().sum(1)


def wgan_gp(plain: Plain, reals: list[Tensor]) -> tuple[Tensor, ...]:
    for real in reals:
        fake = plain.fake(real).detach()
        between = torch.lerp(fake, real, torch.rand(len(real), 1, 1, 1, device=real.device)).requires_grad_()
        excess = slope_sq(plain.score(between), between).sqrt() - 1
        loss = plain.score(fake).mean() - plain.score(real).mean() + 10 * excess.square().mean()
        critic = plain.step(loss, "critic")
    return critic, plain.step(-plain.score(plain.fake(reals[0])).mean(), "generator")


def sn_gan(plain: Plain, reals: list[Tensor]) -> tuple[Tensor, ...]:
    for real in reals:
        fake = plain.fake(real).detach()
        loss = relu(1 - plain.score(real)).mean() + relu(1 + plain.score(fake)).mean()
        critic = plain.step(loss, "critic")
    return critic, plain.step(-plain.score(plain.fake(reals[0])).mean(), "generator")


def r3gan(plain: Plain, reals: list[Tensor]) -> tuple[Tensor, ...]:
    real, fake = reals[0].clone().requires_grad_(), plain.fake(reals[0]).detach().requires_grad_()
    on_real, on_fake = plain.score(real), plain.score(fake)
    slopes = slope_sq(on_real, real).mean() + slope_sq(on_fake, fake).mean()
    critic = plain.step(softplus(on_fake - on_real).mean() + 0.6 * slopes, "critic")
    loss = softplus(plain.score(reals[0]) - plain.score(plain.fake(reals[0]))).mean()
    return critic, plain.step(loss, "generator")


def stylegan2(plain: Plain, reals: list[Tensor]) -> tuple[Tensor, ...]:
    """Sixteen rounds: R1 in the first, path lengths in every fourth, mixed styles in most."""
    generator, losses, mean = plain.game.generator, [], torch.zeros((), device=reals[0].device)
    for i, real in enumerate(reals):
        loss = softplus(-plain.score(real)).mean() + softplus(plain.score(mixed(plain, real).detach())).mean()
        losses.append(plain.step(loss, "critic"))
        if i % 16 == 0:
            at = real.clone().requires_grad_()
            losses.append(plain.step(16 * 5 * slope_sq(plain.score(at), at).mean(), "critic"))
        losses.append(plain.step(softplus(-plain.score(mixed(plain, real))).mean(), "generator"))
        if i % 4 == 0:
            ws = styles(plain, real[: len(real) // 2])
            image = generator.synthesis(ws)
            along = (image * torch.randn_like(image)).sum() / (image[0, 0].numel() ** 0.5)
            (grad,) = torch.autograd.grad(along, ws, create_graph=True)
            lengths = grad.square().sum(2).mean(1).sqrt()
            mean = mean.lerp(lengths.detach().mean(), 0.01)
            losses.append(plain.step(4 * 2 * (lengths - mean).square().mean(), "generator"))
    return tuple(losses)


def styles(plain: Plain, like: Tensor) -> Tensor:
    one, other = (plain.game.generator.mapping(plain.latents(like))[:, None] for _ in range(2))
    layers = plain.game.generator.layers
    later = torch.arange(layers, device=like.device)[None] >= torch.randint(
        1, layers, (len(like), 1), device=like.device
    )
    return torch.where(later[..., None], other, one)


def mixed(plain: Plain, like: Tensor) -> Tensor:
    made: Tensor = plain.game.generator.synthesis(styles(plain, like))
    return made


def pix2pix(plain: Plain, reals: list[Tensor]) -> tuple[Tensor, ...]:
    source, target = reals
    fake = plain.game.generator(source)
    on_real, on_fake = (plain.score(x, condition=source) for x in (target, fake.detach()))
    critic = plain.step((softplus(-on_real).mean() + softplus(on_fake).mean()) / 2, "critic")
    fooling = softplus(-plain.score(fake, condition=source)).mean()
    return critic, plain.step(fooling + 100 * (fake - target).abs().mean(), "generator")


def cyclegan(plain: Plain, reals: list[Tensor]) -> tuple[Tensor, ...]:
    (a, b), there, back = reals, plain.game.generator, plain.game.generator_back
    fake_a, fake_b = back(b), there(a)
    fooling = (plain.score(fake_b) - 1).square().mean() + (plain.score(fake_a, "critic_back") - 1).square().mean()
    cycle = (back(fake_b) - a).abs().mean() + (there(fake_a) - b).abs().mean()
    same = (there(b) - b).abs().mean() + (back(a) - a).abs().mean()
    losses = [plain.step(fooling + 10 * cycle + 5 * same, "generator", "generator_back")]
    for player, real, made in (("critic", b, fake_b), ("critic_back", a, fake_a)):
        apart = (plain.score(real, player) - 1).square().mean() + plain.score(made.detach(), player).square().mean()
        losses.append(plain.step(apart / 2, player))
    return tuple(losses)


LOOPS: dict[str, Callable[[Plain, list[Tensor]], tuple[Tensor, ...]]] = {
    "wgan-gp": wgan_gp, "sn-gan": sn_gan, "stylegan2": stylegan2, "pix2pix": pix2pix, "cyclegan": cyclegan,
    "r3gan": r3gan}  # fmt: skip


def open_noise(kind: type, size: int) -> Any:
    """Made-up RGB images, in the columns that a batch of this kind has."""
    dice = np.random.default_rng(0)
    columns = kind._fields if kind in (Pairs, Unpaired) else ("image",)
    given = {column: dice.integers(0, 256, (COUNT, size, size, 3), np.uint8) for column in columns}
    if len(given) == 1:
        return ArrayDataset("noise", given["image"], fingerprint="0")
    return open_given(given, Prepare(), lambda sentence: None, "noise")


def plain_reals(name: str, match: Match[Any], size: int) -> Iterator[list[Tensor]]:
    """What a turn of the plain loop is shown, as its author keeps it: floats of one tensor."""
    moves, batch = max(LAZY.get(name, 1), turns(match)), match.recipe.batch
    sides = 2 if match.batch_type in (Pairs, Unpaired) else moves
    images = torch.rand(COUNT, 3, size, size, device=match.machine.device) * 2 - 1
    while True:
        yield [images[torch.randint(COUNT, (batch,)).tolist()] for _ in range(sides)]


def turns(match: Match[Any]) -> int:
    return int(match.game.turns.critic) if hasattr(match.game, "turns") else 1


def race(name: str, rounds: int, batch: int | None, where: Machine) -> dict[str, Any]:
    preset, size = PRESETS[name]
    recipe = find_recipe(preset)[0]
    recipe = replace(recipe, batch=batch) if batch else recipe  # type: ignore[type-var]
    match = Match(recipe, open_noise(recipe.batch_type, size), 10_000_000, where)
    plain = Plain(match.game, (0.5, 0.999), 2e-4)
    reals, record = plain_reals(name, match, size), Record(None)

    def play_plain() -> None:
        [loss.item() for loss in LOOPS[name](plain, next(reals))]

    def play_ours() -> None:
        for _ in range(LAZY.get(name, 1)):
            clock, report = match.play()
            record.add(clock, report)
            if clock.round % READ_EVERY == READ_EVERY - 1:
                record.read()

    times: dict[str, list[float]] = {"plain": [], "saddle": []}
    for turn in range(rounds + 1):
        for who, play in (("plain", play_plain), ("saddle", play_ours)):
            began = time.perf_counter()
            play()
            synchronize(where.device)
            if turn:  # the first warms up
                times[who].append(time.perf_counter() - began)
    ratios = [a / b for a, b in zip(times["plain"], times["saddle"], strict=True)]
    return {"recipe": preset, "size": size, "batch": recipe.batch, "threads": torch.get_num_threads(),
            "precision": str(where.precision).removeprefix("torch."), "turns": rounds,
            "ratio": round(statistics.median(ratios), 3), "least": round(min(ratios), 3),
            "most": round(max(ratios), 3), "seconds": round(statistics.median(times["saddle"]), 3),
            "bar": BARS[name][0 if where.precision == torch.bfloat16 else 1]}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(LOOPS)}; all if not given")
    parser.add_argument("--rounds", type=int, default=5, help="turns that are timed")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16", "bfloat16-slopes"))
    chosen = parser.parse_args()
    wrong = sorted(set(chosen.names) - set(LOOPS))
    if wrong:
        raise SystemExit(f"there is no loop {wrong[0]}; there are {', '.join(LOOPS)}")
    for name in chosen.names or LOOPS:
        torch.manual_seed(0)
        print(json.dumps(race(name, chosen.rounds, chosen.batch, find_machine("cpu", chosen.precision))), flush=True)


if __name__ == "__main__":
    main()
