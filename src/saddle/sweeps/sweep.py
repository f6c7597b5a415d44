"""A sweep from its plan to the comparison of its runs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ..continued import absolute
from ..data.progress import hushed
from ..errors import Failure, plural, require
from ..memory import enough
from ..recipes import files
from ..recipes.remedies import Wish
from ..reports.compare import Comparison, put
from ..reports.reading import Run
from ..reproduction import ended
from ..resolved import choose, settle, suited
from ..runs.folder import Folder, number, write_json
from ..runs.manifest import Manifest
from ..schema import conform, read_json
from ..sessions import label
from ..training.checkpoint import facts_of, latest
from ..training.machine import apart, machine
from ..training.watch import Watcher
from .plan import Plan, Trial, same
from .workers import Host, Workers

FAILED = "failed.json"  # runs that failed, with why: they are not tried again


def sweep(plan: Plan, out: str | Path | None = None, jobs: int = 1,
          said: Callable[[str], None] = print) -> tuple[Path, Comparison]:  # fmt: skip
    """Train what of a plan is not trained yet and compare all of it; returns the sweep's folder, and the comparison.

    The same plan in the same folder goes on. A run that fails is noted, and the others go on. Raises Mistake for a
    plan that cannot be trained, or another plan than the folder's, and Interrupted when asked to stop.
    """
    require(plan.search is None, "this plan is a search's, and a sweep trains all combinations")
    plan, folder, old = placed(plan, out, jobs)
    trials, failed = plan.trials(), failures(folder)
    left = [trial for trial in trials if trial.name not in failed and not over(folder / trial.name)]
    before = f", {len(trials) - len(left)} of them ended before" if old else ""
    said(f"{plural(len(trials), 'run')} in {folder}{before}")
    places = {trial.name: f"{i} of {len(trials)}" for i, trial in enumerate(trials, 1)}

    def told(trial: Trial, what: str) -> None:
        said(f"{places[trial.name]}, {trial.group}, seed {trial.settings['seed']}: {what}")

    Workers(plan.recipe, folder, jobs, Notes(told, folder, failed)).go(iter(left))
    return folder, compared(plan, folder, failed)


class Notes(Host):
    """Keeps which runs failed, and why."""

    def __init__(self, told: Callable[[Trial, str], None], folder: Path, noted: dict[str, str]) -> None:
        super().__init__(told)
        self.folder, self.noted = folder, noted

    def failed(self, trial: Trial, sentence: str) -> None:
        self.noted[trial.name] = sentence
        write_json(self.folder / FAILED, self.noted)
        super().failed(trial, sentence)


def placed(plan: Plan, out: str | Path | None, jobs: int) -> tuple[Plan, Path, bool]:
    """The plan as it will be trained, its folder, and whether it is gone on with there."""
    require(jobs >= 1, f"jobs is {jobs}, but should be 1 or more")
    old = Plan.kept(Path(out)) if out else None
    plan = settled(plan, jobs, old)
    if old and out:
        same(old, plan, Path(out))
        folder = Path(out)
    else:
        place = Folder.claim(out)
        tried(plan)
        folder = place or number(Path("runs"), f"sweep-{label(plan.recipe)}")
    plan.keep(folder)
    return plan, folder, old is not None


def settled(plan: Plan, jobs: int, old: Plan | None) -> Plan:
    """The plan as it means the same from anywhere, with a share of the processor for each of several jobs."""
    settings = dict(plan.settings)
    for name in ("data", "labels"):
        if settings.get(name):
            settings[name] = absolute(settings[name])
    threads = old.settings.get("threads") if old else max(1, (os.cpu_count() or 1) // jobs) if jobs > 1 else None
    if threads and "threads" not in {*settings, *plan.vary}:
        settings["threads"] = threads
    path, colon, name = plan.recipe.rpartition(":")
    recipe = f"{Path(path).resolve()}:{name}" if colon and files.meant(plan.recipe) else plan.recipe
    return dataclasses.replace(plan, recipe=recipe, settings=settings)


def tried(plan: Plan) -> None:
    """Rehearse each combination, so that what cannot be trained is refused before anything is."""
    for choice in plan.variations():
        trial = plan.trial(0, choice, 0)
        settings = dict(trial.settings)
        asked = settle(settings.pop("data", None), settings)
        with hushed(asked.quiet), enough(), apart():
            _, recipe, _, chosen, _ = choose(plan.recipe, trial.options, asked)
            where = machine(chosen.device, chosen.precision)
            suited(plan.recipe, Wish(trial.options, {}), asked, chosen, recipe.batch, where, Watcher())


def over(place: Path) -> bool:
    """Has this run come to its end, its pictures drawn?"""
    folder = Folder(place)
    if not folder.manifest.exists() or (last := latest(folder.checkpoints)) is None:
        return False
    drawn = folder.curves.exists() and (folder.film.exists() or not any(folder.sheets.glob("[0-9]*.png")))
    return drawn and ended(Manifest.read(folder), facts_of(last))


def failures(folder: Path) -> dict[str, str]:
    """The runs that failed before, and why."""
    path = folder / FAILED
    fault = f"{path} does not tell which runs failed"
    return conform(read_json(path, fault), dict[str, str], fault) if path.exists() else {}


def compared(plan: Plan, folder: Path, failed: dict[str, str]) -> Comparison:
    """All runs side by side, grouped by combination; also written into the sweep's folder."""
    trials = [trial for trial in plan.trials() if (folder / trial.name / "manifest.json").exists()]
    if not trials:
        raise Failure(f"no run of {folder} was begun: {'; '.join(failed.values())}")
    notes = [f"{name} failed: {sentence}" for name, sentence in failed.items()]
    whole = Comparison(runs(folder, trials), f"{plan.recipe}: {', '.join(plan.vary) or 'seeds'}", notes)
    keep(whole, folder)
    return whole


def keep(whole: Comparison, folder: Path) -> None:
    """Write a comparison into the sweep's folder."""
    put(folder / "comparison.html", whole.html())
    put(folder / "comparison.csv", whole.csv())
    put(folder / "comparison.json", whole.json())


def runs(folder: Path, trials: Sequence[Trial]) -> list[Run]:
    """In the order of their combinations."""
    found = []
    for trial in sorted(trials, key=lambda trial: trial.name):
        place = Folder.found(folder / trial.name)
        title = f"{trial.group}, seed {trial.settings['seed']}"
        found.append(Run(title, trial.group, place, Manifest.read(place)))
    return found
