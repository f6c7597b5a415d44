"""How long a run's average should be, found by one figure after training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ..data.dataset import Dataset
from ..data.held_out import held_out_of
from ..data.prepare import Prepare
from ..errors import require
from ..inference.load import load
from ..inference.loaded import LoadedGame
from ..inference.post_hoc import POOR, Reconstruction, reconstruct, store_average, wear_average
from ..inference.run_data import open_run_data
from ..metrics.figures import Figure
from ..notices import Notify, notify_nobody
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..training.evaluator import ranking_key
from .evaluation import Evaluation, check_game, preflight
from .extractors import Extractors
from .inputs import Measurable, SampleInfo, check_memory, is_run
from .makers import knows_targets, sample_maker
from .metric_table import all_metrics, parse_metric_names
from .options import MeasureOptions
from .reference import open_reference, other_preparation
from .training_evaluator import notify_once

TRIED_STDS = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)
RECIPES_OWN = "the recipe's"  # average, beside those of chosen lengths


class TriedAverage(NamedTuple):
    """An average with the figure that was taken of it."""

    name: str  # its relative width, or that it is the recipe's own
    error: float | None  # of its profile; None of the recipe's own
    figure: Figure


class AverageChoice(NamedTuple):
    """What was tried, what was best, and under which name that lies in the run's folder."""

    tried: list[TriedAverage]
    best: TriedAverage
    weights: str | None  # None if the recipe's own average is best, which needs no file
    reference: str  # on what data it was chosen


class AverageTrial:
    """Takes one figure of one run's generator, whatever weights it wears."""

    def __init__(self, run: str | Path, loaded: LoadedGame, data: Dataset, real: Dataset, wish: MeasureOptions,
                 say: Notify) -> None:  # fmt: skip
        (self.metric,) = names = parse_metric_names(wish.metrics or "")
        self.run, self.loaded, self.data, self.real, self.wish, self.say = str(run), loaded, data, real, wish, say
        self.n = wish.n or 2_000
        check_game(names, type(loaded.game))
        check_memory(self.n, loaded.shape, "-n")
        self.eyes = Extractors(data, wish.features, device=loaded.device, say=say)
        made, theirs = SampleInfo(self.run, loaded.shape, self.n), SampleInfo.of(real, wish.references)
        preflight(names, self.eyes, made, theirs, loaded.makes_by_chance, knows_targets(data, loaded.batch_type))

    def figure(self) -> Figure:
        """Always of samples from the same latents."""
        maker = sample_maker(self.run, self.loaded, self.data, self.say)
        bench = Evaluation(maker.samples(self.n, self.wish.seed), self.real, self.eyes, seed=self.wish.seed,
                           maker=maker, counts=(self.n, self.wish.references), say=self.say)  # fmt: skip
        return bench.figures([self.metric])[0]


def choose_average(run: str | Path, by: str, *, against: Measurable | None = None, n: int = 2_000,
                   features: str = "auto", seed: int = 0, images: int | None = None, device: str = "auto",
                   trust: bool = False, say: Notify = notify_nobody) -> AverageChoice:  # fmt: skip
    """Average a run's final weights over several lengths, take one figure of each, and keep the best as named weights.

    The figure is taken against what the run held out, else against its training data, or `against` other data, which
    are made ready as the run's own. Mistake for a figure that has no better, or a run that kept no snapshots.
    """
    say, names = notify_once(say), parse_metric_names(by)
    require(len(names) == 1, f"an average is chosen by one figure, not by {', '.join(names)}")
    ranked = all_metrics()[names[0]].better != "neither"
    require(ranked, f"{by} has no better, so nothing can be chosen by it; kid and mind have")
    folder = RunFolder.find(run)
    manifest = Manifest.read(folder)
    tried_stds = reconstruct(folder, TRIED_STDS, images)
    for poor in [one for one in tried_stds if one.error >= POOR]:
        say(f"a relative width of {poor.std:g} is left out: with these snapshots its profile would be "
            f"{poor.error:.0%} off")  # fmt: skip
    good = [one for one in tried_stds if one.error < POOR]
    loaded = load(run, device=device, trust=trust)
    data = open_run_data(folder, manifest, say)
    wish = MeasureOptions(metrics=by, features=features, n=n, seed=seed)
    real, reference = open_judge(against, data, manifest, wish, say)
    trial = AverageTrial(run, loaded, data, real, wish, say)
    tried, worn = try_all(trial, good)
    best = min(tried, key=lambda one: ranking_key(one.figure)[0])
    made = next((one for one in good if f"{one.std:g}" == best.name), None)
    name = None if made is None else store_average(folder, worn, made, images)
    return AverageChoice(tried, best, name, reference)


def try_all(trial: AverageTrial, averages: Sequence[Reconstruction]) -> tuple[list[TriedAverage], dict[str, Tensor]]:
    """A figure of the recipe's own average and of each of these, and the weights of the best of these."""
    tried = [TriedAverage(RECIPES_OWN, None, trial.figure())]
    best: dict[str, Tensor] = {}
    lowest = torch.inf
    for made in averages:
        worn = wear_average(trial.loaded, made, trial.say)
        trial.loaded.weights = f"std-{made.std:g}"
        figure = trial.figure()
        tried.append(TriedAverage(f"{made.std:g}", made.error, figure))
        if (key := ranking_key(figure)[0]) < lowest:
            lowest, best = key, worn
    return tried, best


def open_judge(against: Measurable | None, data: Dataset, manifest: Manifest, wish: MeasureOptions,
               say: Notify) -> tuple[Dataset, str]:  # fmt: skip
    """What figures are taken against, and what that is in words."""
    if against is not None:
        require(not is_run(against), "an average is chosen by data, not by another run's samples")
        prepare = other_preparation(Prepare.of(manifest.settings), wish, say)
        real = open_reference(against, prepare, wish, say, True).load()
        return real, f"{len(real):,} of {real.name}"
    held = held_out_of(data)
    if held is not None:
        return held, f"{len(held):,} samples that the run held out"
    return data, ("the training data, as the run held none out: a choice by others, --against DATA, would see an "
                  "average that only remembers them")  # fmt: skip
