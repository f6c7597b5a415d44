"""Many runs by one command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Failure, plural, require, visible
from ..light import light
from ..options import override
from ..recipes import canonical, find
from ..runs.settings import Settings
from . import Answer
from .pages import Page, width, wrapped
from .reporting import trusted
from .saying import say, tell
from .training import MORE, separate, suitable
from .words import Given, asks, asks_all, expected, flags, sort, split

if TYPE_CHECKING:
    from ..reports.compare import Comparison
    from ..sweeps.plan import Plan

ABOUT = """Train a recipe with all combinations of some choices, each with several seeds, and compare them.

--vary "penalties=R1(1);R1(10)" names an option of saddle train and what to try for it; it may be written several \
times. Every run is a folder like any other. The same command in the same --out goes on with what was stopped. At the \
end all runs are compared: in the terminal, and as comparison.html, .csv and .json in the folder.

--search 20 trains not all combinations but 20, each chosen by what the others brought: of lists, and of ranges, \
--vary "optimizer.lr=1e-5..1e-3 log" --vary "turns.critic=1..5". It goes by the last value of the first figure of \
--measure. The first ten are drawn at random. From its third measurement on (--every), a run is ended early if its \
best figure is worse than the median of what the runs done, five at least, had after as many. One at a time, a search \
that was stopped tries what it would have tried; of several --jobs, which ends first decides what is tried next. A \
larger --search goes on."""

NOTHING = (
    "a sweep needs something to vary, such as --vary 'optimizer.lr=1e-4;2e-4', or --seeds 3; "
    "saddle train {name} trains once"
)
UNMEASURED = "No figures will be taken, only losses and pictures compared; --measure fid takes some as the runs train."


@dataclass(frozen=True)
class Sweeping:
    """What a sweep is beside its runs."""

    vary: str = ""  # OPTION=VALUE;VALUE ...; as often as needed
    seeds: int = 1  # runs of each combination, from --seed on
    search: int | None = None  # so many runs instead, of what promises most (extra: search)
    trust: bool = False  # run the recipe that a run of the sweep brings, though it was never named on this machine
    jobs: int = 1  # runs trained at a time, each on its share of the processor
    out: Path | None = None  # the sweep's folder; a new one in runs/ if not given

    def __post_init__(self) -> None:
        for name, most in (("seeds", 100_000), ("search", 100_000), ("jobs", 1_000)):
            value = getattr(self, name)
            if value is not None:
                require(value >= 1, f"{name} is {value}, but should be 1 or more")
                require(value <= most, f"{name} is {value:,}, but should be at most {most:,}")


def sweep(words: list[str]) -> None:
    """saddle sweep RECIPE --vary ...: any option of a training is one here."""
    texts, words = taken(words)
    plain, given = split(words, flags(Settings()))
    if asks(given):
        sections = {"The sweep": (Sweeping(),), "Each run": (Settings(),)}
        raise Answer(Page("sweep", sections, ABOUT, more=MORE, whole=asks_all(given)))
    name = canonical(*expected("sweep", plain))
    wish, settings, options = sorted_out(name, given, texts)
    from ..sweeps.plan import Plan, varied

    trusted([file.parent for file in sorted(wish.out.glob("*/manifest.json"))] if wish.out else [], wish.trust)
    plan = Plan(name, options, settings, varied(texts), wish.seeds, wish.search)
    loud = not settings.get("quiet")
    if plan.search is not None:
        searched(plan, wish, loud)
        return
    if loud and not {"measure"} & {*plan.settings, *plan.vary}:
        tell(UNMEASURED)
    from ..sweeps.sweep import sweep as train

    folder, whole = train(plan, wish.out, wish.jobs, tell if loud else silent)
    closed(folder, whole, wish.out, loud)
    if whole.notes:
        raise Failure(f"{len(whole.notes)} of {plural(len(plan.trials()), 'run')} failed, as is said above")


@light
def sorted_out(name: str, given: Given, texts: Sequence[str]) -> tuple[Sweeping, dict[str, Any], dict[str, str]]:
    """The sweep's options, the settings of all runs, and the recipe's options as text: all of them fit."""
    recipe, _ = find(name)
    separate(name, recipe)
    own, chosen, options = sort("sweep", given, Sweeping(), Settings(), recipe)
    wish, settings = override(Sweeping(), own), suitable(override(Settings(), chosen))
    from ..recipes.revive import chosen as changed
    from ..sweeps.plan import Plan, separated, varied

    values = {field: getattr(settings, field) for field in chosen}
    plan = Plan(name, options, values, varied(texts), wish.seeds, wish.search)
    require(bool(texts) or wish.seeds > 1 or wish.search is not None, NOTHING.format(name=name))
    with separated(plan.vary):
        for choice in plan.variations():
            changed(name, plan.trial(0, choice, 0).options)
    return wish, values, options


def searched(plan: Plan, wish: Sweeping, loud: bool) -> None:
    """Tell the best before all of them."""
    from ..sweeps.search import search

    found = search(plan, wish.out, wish.jobs, tell if loud else silent)
    if loud:
        told = wrapped(f"The best is {found.best}. To train it again:")
        tell(f"\n{told}\n  {found.command}")
    closed(found.folder, found.whole, wish.out, loud)


def closed(folder: Path, whole: Comparison, out: Path | None, loud: bool) -> None:
    """Compare all runs; where it is to be quiet, say only which failed, and where they lie if nobody has said so."""
    if loud:
        tell(f"\n{whole.text(width())}\n\n{visible(folder / 'comparison.html')} shows curves and pictures.")
        return
    for note in whole.notes:
        say(f"warning: {note}")
    if out is None:
        tell(folder)


def silent(sentence: str) -> None:
    """It is to be quiet."""


def taken(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The texts of every --vary, and the other words."""
    texts, rest, left = [], [], list(words)
    while left:
        word = left.pop(0)
        if word == "--vary":
            require(bool(left), "--vary needs a value, such as --vary 'optimizer.lr=1e-4;2e-4'")
            texts.append(left.pop(0))
        elif word.startswith("--vary="):
            texts.append(word.removeprefix("--vary="))
        else:
            rest.append(word)
    return texts, rest
