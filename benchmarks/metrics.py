"""What the arithmetic of the usual figures costs: 10,000 samples against 50,000 data of 2048 features, as FID has them.

`python benchmarks/metrics.py` takes features of chance, so that no image is read, and prints seconds on the clock and
of the processor. What several figures share is counted with the first of them: the distances of precision, recall,
density and coverage with precision, those of copies and authenticity with copies.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import cached_property
from types import SimpleNamespace

import torch
from torch import Tensor

from saddle.measuring.evaluation import metric_function
from saddle.measuring.metric_input import MetricInput
from saddle.measuring.metric_table import IMAGE_METRICS, METRICS
from saddle.metrics.moments import Moments


class Chance:
    """A side of a measurement, as far as figures of features look at it: spread unevenly, as features are."""

    def __init__(self, n: int, width: int, seed: int) -> None:
        dice = torch.Generator().manual_seed(seed)
        spread = torch.linspace(3, 0.01, width)
        mixing = torch.randn(width, width, generator=torch.Generator().manual_seed(0)) * spread / width**0.5
        self.features: Tensor = (torch.randn(n, width, generator=dice) @ mixing).relu()
        self.extractor = SimpleNamespace(
            title=f"chance-{width}", network=SimpleNamespace(name="chance", dimension=width)
        )

    def __len__(self) -> int:
        return len(self.features)

    @cached_property
    def moments(self) -> Moments:
        return Moments.of(self.features)


def timed(names: Sequence[str], case: MetricInput) -> tuple[float, float]:
    """Work each out and print it; returns all seconds, on the clock and of the processor."""
    total = (0.0, 0.0)
    for name in names:
        began = time.perf_counter(), time.process_time()
        number = metric_function(METRICS[name])(case)
        spent = time.perf_counter() - began[0], time.process_time() - began[1]
        total = total[0] + spent[0], total[1] + spent[1]
        print(f"{name:14} {spent[0]:6.1f} s {spent[1]:6.1f} s of processor   {number.value:.4g}", flush=True)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--data", type=int, default=50_000)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--metrics", nargs="*", default=IMAGE_METRICS, choices=METRICS)
    asked = parser.parse_args()
    case = MetricInput(Chance(asked.samples, asked.width, 1), Chance(asked.data, asked.width, 2))  # type: ignore[arg-type]
    began = time.perf_counter()
    assert case.real.moments.n == asked.data
    print(f"moments of the data, which are cached: {time.perf_counter() - began:.1f} s")
    wall, processor = timed(asked.metrics, case)
    print(f"all figures: {wall:.1f} s, {processor:.1f} s of processor, on {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
