"""Many runs by one command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Failure, escape_unprintable, format_count, require
from ..light import without_torch
from ..options import override_fields
from ..recipes import canonical, find_recipe
from ..recipes.plugins import use_plugin_file
from ..runs.settings import Settings
from ..waiting import choose_waiting
from . import HelpRequested
from .argv import GivenOptions, asks_all, check_positionals, flag_names, sort_options, split_words, wants_help
from .output import print_message, print_output, tell_waiting
from .pages import Page, terminal_width, wrap_text
from .reporting import trust_runs
from .training import VALUES_HELP, check_no_shared_names, check_settings

if TYPE_CHECKING:
    from ..reports.compare import Comparison
    from ..sweeps.plan import SweepPlan

SWEEP_ABOUT = """Train a recipe with all combinations of some choices, each with several seeds, and compare them.

--vary "penalties=R1(1);R1(10)" names an option of saddle train and what to try for it; it may be written several \
times. Every run is a folder like any other. The same command in the same --out goes on with what was stopped. At the \
end all runs are compared: in the terminal, and as comparison.html, .csv and .json in the folder.

--search 20 trains not all combinations but 20, each chosen by what the others brought: of lists, and of ranges, \
--vary "optimizer.lr=1e-5..1e-3 log" --vary "turns.critic=1..5". It goes by the last value of the first figure of \
--measure. The first ten are drawn at random. From its third measurement on (--every), a run is ended early if its \
best figure is worse than the median of what the runs done, five at least, had after as many. One at a time, a search \
that was stopped tries what it would have tried; of several --jobs, which ends first decides what is tried next. A \
larger --search goes on.

--storage sqlite:///shared.db shares all this between processes: the same command, given on several machines with the \
same --out, takes runs from that database (of optuna's, also postgresql:// or mysql://) until none is left. What a \
process that was killed has left is taken up by another a minute and a half later. Each waits for the others, and \
prints the same table."""

NOTHING_VARIES = (
    "a sweep needs something to vary, such as --vary 'optimizer.lr=1e-4;2e-4', or --seeds 3; "
    "saddle train {name} trains once"
)
UNMEASURED_NOTE = (
    "No figures will be taken, only losses and pictures compared; --measure fid takes some as the runs train."
)


@dataclass(frozen=True)
class SweepOptions:
    """What a sweep is beside its runs."""

    vary: str = ""  # OPTION=VALUE;VALUE ...; as often as needed
    seeds: int = 1  # runs of each combination, from --seed on
    search: int | None = None  # so many runs instead, of what promises most (extra: search)
    storage: str | None = None  # a database from which processes on several machines take the runs (extra: search)
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
    texts, words = take_vary(words)
    plain, given = split_words(words, flag_names(Settings()))
    with use_plugin_file(given.get("plugin")):
        sweep_at_hand(plain, given, texts)


def sweep_at_hand(plain: list[str], given: GivenOptions, texts: Sequence[str]) -> None:
    """The same, with what a plugin defines."""
    if wants_help(given):
        sections = {"The sweep": (SweepOptions(),), "Each run": (Settings(),)}
        raise HelpRequested(Page("sweep", sections, SWEEP_ABOUT, more=VALUES_HELP, whole=asks_all(given)))
    name = canonical(*check_positionals("sweep", plain))
    jobs = given.get("jobs") or "1"
    several = f"as {jobs} runs are trained at a time" if jobs != "1" else ""
    waiting = choose_waiting(company=several)
    wish, settings, options = parse_sweep_options(name, given, texts)
    tell_waiting(waiting, bool(settings.get("quiet")))
    from ..sweeps.plan import SweepPlan, parse_vary

    trust_runs([file.parent for file in sorted(wish.out.glob("*/manifest.json"))] if wish.out else [], wish.trust)
    plan = SweepPlan(name, options, settings, parse_vary(texts), wish.seeds, wish.search, wish.storage)
    check_has_autoencoder(plan)
    loud = not settings.get("quiet")
    if plan.search is not None:
        search_and_print(plan, wish, loud)
        return
    if loud and not {"measure"} & {*plan.settings, *plan.vary}:
        print_output(UNMEASURED_NOTE)
    from ..sweeps.sweep import run_sweep as train

    folder, whole = train(plan, wish.out, wish.jobs, print_output if loud else say_nothing)
    print_comparison(folder, whole, wish.out, loud)
    if whole.notes:
        raise Failure(f"{len(whole.notes)} of {format_count(len(plan.trials()), 'run')} failed, as is said above")


@without_torch
def parse_sweep_options(
    name: str, given: GivenOptions, texts: Sequence[str]
) -> tuple[SweepOptions, dict[str, Any], dict[str, str]]:
    """The sweep's options, the settings of all runs, and the recipe's options as text: all of them fit."""
    recipe, _ = find_recipe(name)
    check_no_shared_names(name, recipe)
    own, chosen, options = sort_options("sweep", given, SweepOptions(), Settings(), recipe)
    wish, settings = override_fields(SweepOptions(), own), check_settings(override_fields(Settings(), chosen))
    from ..recipes.revive import configure_recipe as changed
    from ..sweeps.plan import SweepPlan, parse_vary, separated

    values = {field: getattr(settings, field) for field in chosen}
    plan = SweepPlan(name, options, values, parse_vary(texts), wish.seeds, wish.search, wish.storage)
    require(bool(texts) or wish.seeds > 1 or wish.search is not None, NOTHING_VARIES.format(name=name))
    with separated(plan.vary):
        for choice in plan.combinations():
            changed(name, plan.make_trial(0, choice, 0).options, settings.data, settings.size)
    return wish, values, options


def check_has_autoencoder(plan: SweepPlan) -> None:
    """Refuse runs on the codes of an autoencoder that nobody has trained, before the first of them begins."""
    recipe, _ = find_recipe(plan.recipe)
    from ..recipe import OnCodes

    if isinstance(recipe, OnCodes):
        from ..recipes.on_codes import require_autoencoder

        for choice in plan.combinations():
            require_autoencoder(plan.recipe, recipe, Settings(**plan.make_trial(0, choice, 0).settings))


def search_and_print(plan: SweepPlan, wish: SweepOptions, loud: bool) -> None:
    """Tell the best before all of them."""
    from ..sweeps.search import run_search

    found = run_search(plan, wish.out, wish.jobs, print_output if loud else say_nothing)
    if loud:
        told = wrap_text(f"The best is {found.best}. To train it again:")
        print_output(f"\n{told}\n  {found.command}")
    print_comparison(found.folder, found.whole, wish.out, loud)


def print_comparison(folder: Path, whole: Comparison, out: Path | None, loud: bool) -> None:
    """Compare all runs; where it is to be quiet, say only which failed, and where they lie if nobody has said so."""
    if loud:
        print_output(
            f"\n{whole.text(terminal_width())}\n\n{escape_unprintable(folder / 'comparison.html')} shows curves and "
            f"pictures."
        )
        return
    for note in whole.notes:
        print_message(f"warning: {note}")
    if out is None:
        print_output(folder)


def say_nothing(sentence: str) -> None:
    """It is to be quiet."""


def take_vary(words: Sequence[str]) -> tuple[list[str], list[str]]:
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
