"""A sweep from its plan to the comparison of its runs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ..continued import absolute_source
from ..data.progress import hide_progress
from ..errors import Failure, Mistake, format_count, require
from ..measuring import metric_table
from ..notices import Notify
from ..out_of_memory import catch_out_of_memory
from ..preparing import to_folder_name
from ..recipes import files
from ..recipes.changes import RunRequest
from ..reports.compare import Comparison, write_report
from ..reports.reading import Run
from ..reproduction import has_ended
from ..resolved import open_checked_data, parse_settings, resolve_recipe
from ..runs.folder import RunFolder, make_numbered_folder
from ..runs.manifest import Manifest
from ..runs.writing import write_json
from ..schema import conform, read_json
from ..training.callbacks.base import Callback
from ..training.checkpoint import latest_checkpoint, read_checkpoint_facts
from ..training.machine import find_machine, preserved_globals
from ..urls import as_url
from .database_url import absolute_storage
from .plan import SweepPlan, Trial, check_same_plan
from .shared import SharedGrid
from .shared_study import SharedStudy
from .storage import create_study, open_storage
from .workers import TrialListener, WorkerPool

FAILURES_FILE = "failed.json"  # runs that failed, with why: they are not tried again


def run_sweep(plan: SweepPlan, out: str | Path | None = None, jobs: int = 1,
              said: Notify = print) -> tuple[Path, Comparison]:  # fmt: skip
    """Train what of a plan is not trained yet and compare all of it; returns the sweep's folder, and the comparison.

    The same plan in the same folder goes on. A run that fails is noted, and the others go on. Raises Mistake for a
    plan that cannot be trained, or another plan than the folder's, and Interrupted when asked to stop.
    """
    require(plan.search is None, "this plan is a search's, and a sweep trains all combinations")
    plan, folder, old = open_sweep(plan, out, jobs)
    if plan.storage is not None:
        return folder, share_sweep(plan, folder, jobs, said)
    trials, failed = plan.trials(), read_failures(folder)
    left = [trial for trial in trials if trial.name not in failed and not is_finished(folder / trial.name)]
    before = f", {len(trials) - len(left)} of them ended before" if old else ""
    said(f"{format_count(len(trials), 'run')} in {folder}{before}")
    notes = FailureNotes(tell_places(trials, said), folder, failed)
    WorkerPool(plan.recipe, folder, jobs, notes).run(iter(left))
    return folder, compare_runs(plan, folder, failed)


def share_sweep(plan: SweepPlan, folder: Path, jobs: int, said: Notify) -> Comparison:
    """Train what other processes leave to this one, and compare all when all have ended."""
    study = SharedStudy(str(plan.storage), folder, plan.spaces)
    grid = SharedGrid(plan, study, tell_places(plan.trials(), said))
    said(f"{format_count(len(grid.all), 'run')} in {folder}, {study.standing()}")
    with study.attended():
        WorkerPool(plan.recipe, folder, jobs, grid).run(grid.trials())
    return compare_runs(plan, folder, grid.failed())


def tell_places(trials: Sequence[Trial], said: Notify) -> Callable[[Trial, str], object]:
    """Says what becomes of a trial, and which of them all it is."""
    places = {trial.name: f"{i} of {len(trials)}" for i, trial in enumerate(trials, 1)}

    def told(trial: Trial, what: str) -> None:
        said(f"{places[trial.name]}, {trial.group}, seed {trial.settings['seed']}: {what}")

    return told


class FailureNotes(TrialListener):
    """Keeps which runs failed, and why."""

    def __init__(self, told: Callable[[Trial, str], object], folder: Path, noted: dict[str, str]) -> None:
        super().__init__(told)
        self.folder, self.noted = folder, noted

    def on_failed(self, trial: Trial, sentence: str) -> None:
        self.noted[trial.name] = sentence
        write_json(self.folder / FAILURES_FILE, self.noted)
        super().on_failed(trial, sentence)


def open_sweep(plan: SweepPlan, out: str | Path | None, jobs: int) -> tuple[SweepPlan, Path, bool]:
    """The plan as it will be trained, its folder, and whether it is gone on with there."""
    require(jobs >= 1, f"jobs is {jobs}, but should be 1 or more")
    shared = plan.storage is not None
    require(not (out and as_url(out)), f"a sweep's folder lies on a disk, and {out} is a URL; give --out a folder")
    require(bool(out) or not shared, "--storage needs --out, one folder in which all processes see the runs")
    if plan.storage is not None:
        open_storage(plan.storage)  # refused before anything is rehearsed
    old = SweepPlan.load(Path(out)) if out else None
    if old is None:
        try:
            place = RunFolder.claim(out)
        except Mistake:
            old = SweepPlan.load(Path(out)) if out and shared else None  # another process has just begun
            if old is None:
                raise
    plan = portable_plan(plan, jobs, old)
    if old and out:
        check_same_plan(old, plan, Path(out))
        folder = Path(out)
    else:
        rehearse_plan(plan)
        folder = Path(place) if place else make_numbered_folder(Path("runs"), f"sweep-{to_folder_name(plan.recipe)}")
        if plan.storage is not None:
            create_study(plan.storage, folder, is_lower_better(plan))
    plan.save(folder)
    return plan, folder, old is not None


def is_lower_better(plan: SweepPlan) -> bool:
    """Is it so of the first figure that is measured?"""
    metric = metric_table.parse_metric_names(str(plan.settings.get("measure") or "fid"))[0]
    return metric_table.all_metrics()[metric].better == "lower"


def portable_plan(plan: SweepPlan, jobs: int, old: SweepPlan | None) -> SweepPlan:
    """The plan as it means the same from anywhere, with a share of the processor for each of several jobs."""
    settings = dict(plan.settings)
    for name in ("data", "labels"):
        if settings.get(name):
            settings[name] = absolute_source(settings[name])
    threads = old.settings.get("threads") if old else max(1, (os.cpu_count() or 1) // jobs) if jobs > 1 else None
    if threads and "threads" not in {*settings, *plan.vary}:
        settings["threads"] = threads
    path, colon, name = plan.recipe.rpartition(":")
    recipe = f"{Path(path).resolve()}:{name}" if colon and files.is_file_recipe(plan.recipe) else plan.recipe
    storage = plan.storage and absolute_storage(plan.storage)
    return dataclasses.replace(plan, recipe=recipe, settings=settings, storage=storage)


def rehearse_plan(plan: SweepPlan) -> None:
    """Rehearse each combination, so that what cannot be trained is refused before anything is."""
    for choice in plan.combinations():
        trial = plan.make_trial(0, choice, 0)
        settings = dict(trial.settings)
        asked = parse_settings(settings.pop("data", None), settings)
        with hide_progress(asked.quiet), catch_out_of_memory(), preserved_globals():
            _, recipe, _, chosen, _ = resolve_recipe(plan.recipe, trial.options, asked)
            where = find_machine(chosen.device, chosen.precision, chosen.exact)
            open_checked_data(plan.recipe, RunRequest(trial.options, {}), asked, chosen, recipe, where, Callback())


def is_finished(place: Path) -> bool:
    """Has this run come to its end, its pictures drawn?"""
    folder = RunFolder(place)
    if not folder.manifest.exists() or (last := latest_checkpoint(folder.checkpoints)) is None:
        return False
    drawn = folder.curves.exists() and (folder.progress_gif.exists() or not any(folder.sheets.glob("[0-9]*.png")))
    return drawn and has_ended(Manifest.read(folder), read_checkpoint_facts(last))


def read_failures(folder: Path) -> dict[str, str]:
    """The runs that failed before, and why."""
    path = folder / FAILURES_FILE
    fault = f"{path} does not tell which runs failed"
    return conform(read_json(path, fault), dict[str, str], fault) if path.exists() else {}


def compare_runs(plan: SweepPlan, folder: Path, failed: dict[str, str]) -> Comparison:
    """All runs side by side, grouped by combination; also written into the sweep's folder."""
    trials = [trial for trial in plan.trials() if (folder / trial.name / "manifest.json").exists()]
    if not trials:
        raise Failure(f"no run of {folder} was begun: {'; '.join(failed.values())}")
    notes = [f"{name} failed: {sentence}" for name, sentence in failed.items()]
    whole = Comparison(open_trial_runs(folder, trials), f"{plan.recipe}: {', '.join(plan.vary) or 'seeds'}", notes)
    write_comparison(whole, folder)
    return whole


def write_comparison(whole: Comparison, folder: Path) -> None:
    """Write a comparison into the sweep's folder."""
    write_report(folder / "comparison.html", whole.html())
    write_report(folder / "comparison.csv", whole.csv())
    write_report(folder / "comparison.json", whole.json())


def open_trial_runs(folder: Path, trials: Sequence[Trial]) -> list[Run]:
    """In the order of their combinations."""
    found = []
    for trial in sorted(trials, key=lambda trial: trial.name):
        place = RunFolder.find(folder / trial.name)
        title = f"{trial.group}, seed {trial.settings['seed']}"
        found.append(Run(title, trial.group, place, Manifest.read(place)))
    return found
