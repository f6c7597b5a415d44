"""How long one round of training takes, side by side with the loop that one would write by hand.

`python benchmarks/step.py` plays DCGAN at 64x64x3, batch 64, width 64, in turns: a round of a plain PyTorch loop, a
round of saddle as a default training has it (feed, engine, averaged generator, record), the same with augmentation,
a matrix product, a convolution. The ratio is the median over neighbouring rounds, so other work on the machine touches
both sides alike.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from saddle.batches import Images
from saddle.core import Views
from saddle.data import ArrayDataset, Feed, Prepare, open_data
from saddle.layers import ADA, DiffAugment
from saddle.recipes.dcgan import DCGAN
from saddle.training.loop import READ_EVERY
from saddle.training.machine import Machine, find_machine
from saddle.training.match import Match
from saddle.training.record import Record

SIDE, BATCH, WIDTH, LATENT = 64, 64, 64, 100
COUNT = 512  # images of the made-up data
Task = Callable[[], object]
AUGMENTED = (ADA(), DiffAugment())  # how strong ADA is makes no difference to its time


class PlainLoop:
    """DCGAN as everybody writes it first: float32, contiguous, two binary cross-entropies, Adam, `.item()`."""

    def __init__(self, images: Tensor) -> None:
        self.images, self.device = images, images.device
        self.generator = plain_generator().apply(initialise).to(self.device)
        self.critic = plain_critic().apply(initialise).to(self.device)
        self.criterion = nn.BCELoss()
        self.steps = [
            torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (self.critic, self.generator)
        ]
        self.seen = 0

    def __call__(self) -> tuple[float, ...]:
        rows = [(self.seen + i) % len(self.images) for i in range(BATCH)]
        real, self.seen = self.images[rows], self.seen + BATCH
        ones, zeros = torch.ones(BATCH, device=self.device), torch.zeros(BATCH, device=self.device)
        step_critic, step_generator = self.steps

        self.critic.zero_grad()
        on_real = self.critic(real).view(-1)
        loss_real = self.criterion(on_real, ones)
        loss_real.backward()
        fake = self.generator(torch.randn(BATCH, LATENT, 1, 1, device=self.device))
        on_fake = self.critic(fake.detach()).view(-1)
        loss_fake = self.criterion(on_fake, zeros)
        loss_fake.backward()
        step_critic.step()

        self.generator.zero_grad()
        again = self.critic(fake).view(-1)
        loss = self.criterion(again, ones)
        loss.backward()
        step_generator.step()
        terms = loss_real + loss_fake, loss, on_real.mean(), on_fake.mean(), again.mean()
        return tuple(term.item() for term in terms)


def plain_generator() -> nn.Sequential:
    layers: list[nn.Module] = [nn.ConvTranspose2d(LATENT, 8 * WIDTH, 4, 1, 0, bias=False)]
    for wide in (8, 4, 2):
        layers += [nn.BatchNorm2d(wide * WIDTH), nn.ReLU(True)]
        layers += [nn.ConvTranspose2d(wide * WIDTH, wide * WIDTH // 2, 4, 2, 1, bias=False)]
    layers += [nn.BatchNorm2d(WIDTH), nn.ReLU(True), nn.ConvTranspose2d(WIDTH, 3, 4, 2, 1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers)


def plain_critic() -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(3, WIDTH, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for wide in (1, 2, 4):
        layers += [nn.Conv2d(wide * WIDTH, 2 * wide * WIDTH, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(2 * wide * WIDTH), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * WIDTH, 1, 4, 1, 0, bias=False), nn.Sigmoid())


def initialise(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


class Ours:
    """A default training's rounds, read as often as its loop reads them."""

    def __init__(self, data: ArrayDataset, where: Machine, views: Views = ()) -> None:
        self.match = Match(DCGAN(views=views), data, 1_000_000, where)
        self.record = Record(None)

    def __call__(self) -> None:
        clock, report = self.match.play()
        self.record.add(clock, report)
        if clock.round % READ_EVERY == READ_EVERY - 1:
            self.record.read()


def matrix_product(where: Machine) -> Task:
    a, b = (torch.randn(1024, 1024, device=where.device).to(where.precision) for _ in range(2))
    return lambda: a @ b


def convolution(where: Machine) -> Task:
    """The critic's second layer."""
    layer = nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1, bias=False).to(where.device, where.precision)
    x = torch.randn(BATCH, WIDTH, SIDE // 2, SIDE // 2, device=where.device).to(where.precision)
    last = torch.channels_last
    layer, x = layer.to(memory_format=last), x.to(memory_format=last)  # type: ignore[call-overload]
    return lambda: layer(x).detach()


def operations(task: Task) -> float:
    """Floating-point operations of matrix products and convolutions, forwards and backwards."""
    with FlopCounterMode(display=False) as counter:
        task()
    return float(counter.get_total_flops())


def race(tasks: dict[str, Task], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Seconds of each task, round by round, in turns; on a GPU a turn is several, since it works ahead."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    repeat = READ_EVERY if device.type == "cuda" else 1
    for _ in range(rounds):
        for name, task in tasks.items():
            began = now(device)
            for _ in range(repeat):
                task()
            times[name].append((now(device) - began) / repeat)
    return times


def now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


@contextmanager
def pictures() -> Iterator[ArrayDataset]:
    """A folder of made-up JPEG files, opened as a training opens one: decoded into the cache."""
    with tempfile.TemporaryDirectory() as folder:
        files, dice = Path(folder, "images"), np.random.default_rng(0)
        files.mkdir()
        for i in range(COUNT):
            coarse = dice.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((SIDE, SIDE)).save(files / f"{i:04d}.jpg")
        yield open_data(str(files), Prepare(size=SIDE), lambda sentence: None, cache=Path(folder, "cache"))


def serving(data: ArrayDataset, device: torch.device, seconds: float = 1.0) -> float:
    """Images a second that come out of the cache onto the device, as floats."""
    feed = Feed(data, Images, BATCH, 0, device)
    next(feed)
    began, n = now(device), 0
    while now(device) - began < seconds:
        next(feed)
        n += BATCH
    return n / (now(device) - began)


def report(where: Machine, rounds: int) -> None:
    with pictures() as data:
        batch = next(Feed(data, Images, COUNT, 0, where.device)).image.contiguous()
        tasks: dict[str, Task] = {
            "plain loop": PlainLoop(batch),
            "saddle": Ours(data, where),
            **{type(view).__name__: Ours(data, where, (view,)) for view in AUGMENTED},
            "matrix product": matrix_product(where),
            "convolution": convolution(where),
        }
        work = {name: operations(task) for name, task in tasks.items()}
        race(tasks, 3, where.device)
        times = race(tasks, rounds, where.device)
        served = serving(data, where.device)
    middle = {name: statistics.median(seconds) for name, seconds in times.items()}
    threads = f", {torch.get_num_threads()} threads" if where.device.type == "cpu" else ""
    print(f"DCGAN {SIDE}x{SIDE}x3, batch {BATCH}, width {WIDTH} on {where.device}{threads}; saddle in {where.why}")
    for name, seconds in middle.items():
        speed = " " * 17 if name in ("matrix product", "convolution") else f"{BATCH / seconds:8,.0f} images/s"
        print(f"{name:15} {1e3 * seconds:8.2f} ms {speed} {work[name] / seconds / 1e9:10,.0f} GFLOP/s")
    pairs = [a / b for a, b in zip(times["plain loop"], times["saddle"], strict=True)]
    low, ratio, high = statistics.quantiles(pairs)
    rate = {name: work[name] / seconds for name, seconds in middle.items()}
    share = rate["saddle"] / max(rate["matrix product"], rate["convolution"])
    print(f"saddle uses {share:.0%} of this machine's measured {str(where.precision).removeprefix('torch.')} rate")
    print(f"the cache serves {served:,.0f} images/s, {served * middle['saddle'] / BATCH:.0f} times what training takes")
    for view in AUGMENTED:
        name = type(view).__name__
        longer = statistics.median(a / b for a, b in zip(times[name], times["saddle"], strict=True))
        print(f"with {name} a round takes {longer:.2f} times as long")
    print(f"{ratio:.2f}x the plain loop's images per second (quartiles {low:.2f} to {high:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="turns that are timed")
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16", "bfloat16-slopes"))
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    report(find_machine(chosen.device, chosen.precision), chosen.rounds)


if __name__ == "__main__":
    main()
