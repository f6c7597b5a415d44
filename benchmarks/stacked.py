"""Against missing modes: plain DCGAN, PacGAN and R3GAN on stacked digits, 1000 modes, in one run.

`python benchmarks/stacked.py` trains all three on the same images, equally many, and prints how many modes a classifier
of digits reads in their samples. DCGAN and PacGAN have the same networks but for the first layer of the packed critic.
The critic is half as wide as the generator, as in one of Lin et al.'s experiments (2018), and has no batch norm: that
shows it the rest of the batch already, one sample beside others, which is what packing is for. Steps are large, and so
is the collapse. R3GAN is the recipe r3gan-stacked, with networks and steps of its own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import nullcontext

import torch
from torch import Tensor

from saddle.batches import Images
from saddle.capabilities import Generates, generate
from saddle.data import ArrayDataset, Prepare, open_data
from saddle.data.dataset_table import STACKED_SETS
from saddle.data.stacked import unstack_digits
from saddle.metrics.classifier import Classifier, classifier_accuracy, train_classifier
from saddle.metrics.modes import ClassCoverage, count_class_modes, expected_reverse_kl
from saddle.metrics.stacked import read_stack_numbers
from saddle.networks import Convolutional, Packed, Pair
from saddle.optim import Adam
from saddle.recipes.r3gan import stacked
from saddle.recipes.versus import Versus
from saddle.training.ema import eval_no_grad
from saddle.training.machine import find_machine
from saddle.training.match import Match, MatchOptions

COUNT = 26_000  # samples that modes are counted in: Lin et al.'s
READ = 8_000  # stacks whose digits the classifier learns from; as many others test it
STEPS = Adam(lr=1e-3, betas=(0.5, 0.999))  # five times DCGAN's rate


def methods(generator: int, critic: int, size: int) -> dict[str, Versus]:
    """All of them, widths in channels next to the image; of the first two only what the critic sees at once differs."""
    pair = Pair(Convolutional(width=generator), Convolutional(width=critic, normal=False))
    packed = Versus(Packed(pair, size), optimizer=STEPS)
    return {"DCGAN": Versus(pair, optimizer=STEPS), f"PacGAN{size}": packed, "R3GAN": stacked}


def reader(data: ArrayDataset) -> tuple[Classifier, float]:
    """A classifier of single digits, and its accuracy on others."""
    assert data.labels is not None
    parts = (slice(0, READ), slice(READ, 2 * READ))
    learned, other = (unstack_digits(data.samples[p], data.labels[p], f"{data.fingerprint}:{p}") for p in parts)
    classifier = train_classifier(learned)
    return classifier, classifier_accuracy(classifier, other)


def samples(match: Match[Images], count: int, step: int = 500) -> Iterator[Tensor]:
    """New images of the averaged generator."""
    like, game = torch.zeros(step, 3, 32, 32), match.game
    assert isinstance(game, Generates)
    torch.manual_seed(1)
    with eval_no_grad(match.game), match.ema.applied() if match.ema else nullcontext():
        for _ in range(count // step):
            yield generate(game, like)


def play(recipe: Versus, data: ArrayDataset, images: int, seed: int, classifier: Classifier) -> ClassCoverage:
    """Train, and count what is caught."""
    match = Match(recipe, data, images, find_machine("cpu", "float32"), MatchOptions(seed=seed))
    while not match.over:
        match.play()
    return count_class_modes(torch.cat([read_stack_numbers(classifier, some) for some in samples(match, COUNT)]), 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="stacked-glyphs", choices=STACKED_SETS)
    parser.add_argument("--images", type=int, default=64_000, help="shown to each critic")
    parser.add_argument("--width", type=int, default=16, help="of the generator")
    parser.add_argument("--critic", type=int, default=8, help="width of the critic")
    parser.add_argument("--pack", type=int, default=4, help="images in a pack")
    parser.add_argument("--only", help="one of the methods, such as R3GAN; all if not given")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    compared = methods(chosen.width, chosen.critic, chosen.pack)
    if chosen.only not in (None, *compared):
        parser.error(f"--only {chosen.only}, but the methods are {', '.join(compared)}")
    torch.set_num_threads(1)
    data = open_data(chosen.data, Prepare(), print)
    classifier, right = reader(data)
    print(f"{chosen.data}: digits are read right {right:.2%} of the time; a perfect sampler of {COUNT:,} catches all "
          f"1000 modes at reverse KL {expected_reverse_kl(1000, COUNT):.3f}", flush=True)  # fmt: skip
    for name, recipe in compared.items():
        if chosen.only not in (None, name):
            continue
        began = time.process_time()
        found = play(recipe, data, chosen.images, chosen.seed, classifier)
        print(f"{name:8} {found.modes:4} modes, reverse KL {found.reverse_kl:.3f}, {chosen.images:,} images, "
              f"{time.process_time() - began:.0f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
