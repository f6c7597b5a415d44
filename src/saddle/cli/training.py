"""Training, and going on with it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from ..data.dataset_table import GLYPH_SETS, TEXT_SETS
from ..data.own_sources import named_sets, own_sources
from ..data.prepare import Decode, Prepare
from ..errors import Mistake, escape_unprintable, quote_for_shell, require
from ..hints import field_types
from ..light import without_torch
from ..measuring.metric_table import check_measure_settings
from ..notices import notify_nobody
from ..options import override_fields
from ..recipes import RECIPES, canonical, files, find_recipe
from ..recipes.plugins import use_plugin_file
from ..runs.folder import RunFolder
from ..runs.settings import Fast, Settings
from ..seconds import Seconds, written_seconds
from ..urls import as_url
from ..waiting import Waiting, choose_waiting
from . import HelpRequested
from .argv import (
    GivenOptions,
    asks_all,
    check_positionals,
    flag_names,
    is_field,
    parse_command,
    parse_flag,
    sort_options,
    split_words,
    wants_help,
)
from .output import print_message, print_output, tell_waiting
from .pages import RECIPE, Page, recipe_introduction

if TYPE_CHECKING:
    from ..recipe import Recipe

DEFAULT_RECIPE = "dcgan"
SET_BY_DATA = tuple(name for name in ("r3gan", "stylegan2-ada") if name in RECIPES)  # also where they are named
CRITIC = "What others call the discriminator is the critic here."
VALUES_HELP = f"""{CRITIC}

A field that is a value is written as in Python, and its own fields are options too, at any depth:
  --objective "NonSaturating(target=0.9)"   --optimizer.lr 1e-4   --optimizer.lr "Linear(2e-4, 0)"   --turns.critic 2
saddle list objectives (penalties, networks, priors ...) tells what can be written.
--flip alone is --flip True, --no-flip is --flip False; 200k is 200000."""

OWN_FIELDS_HELP = f"""{CRITIC}

A recipe's own fields are options too: saddle train {DEFAULT_RECIPE} --help lists them; saddle list lists \
the recipes."""


@dataclass(frozen=True)
class PlaceOptions:
    """Where a run goes."""

    out: Path | None = None  # the run's folder; a new one in runs/ if not given
    resume: Literal["auto"] | None = None  # go on with the run in --out if one was begun there
    dry_run: bool = False  # check all that a training checks, tell what would be trained, and train nothing
    json: Path | None = None  # with --dry-run, tell it as JSON, for programs, or write it into FILE.json
    waiting: Waiting = "auto"  # how threads wait: active is faster alone, passive leaves others their share of cores

    def __post_init__(self) -> None:
        require(self.dry_run or self.json is None, "--json tells what would be trained, which --dry-run asks for; a "
                                                   "run's own facts are told by saddle runs --json")  # fmt: skip
        begun = self.dry_run and self.resume and self.out is not None and RunFolder.find_begun(self.out)
        require(not begun, f"{self.out} holds a run, and --dry-run tells of new ones alone; saddle runs tells how far "
                           "it came")  # fmt: skip


@dataclass(frozen=True)
class ResumeOptions:
    """What may differ when a run goes on."""

    threads: int | None = None  # of the processor, if not as many as the run had; then the bits may differ
    code: Literal["copy", "file"] | None = None  # of your own recipe, edited since: the run's copy, or the file
    trust: bool = False  # run the recipe that the run brings, though it was never named on this machine
    data: str | None = None  # where its data lie now, if they were moved; they are known by their content
    images: str | None = None  # make it longer: 300k in all, or +100k on top; schedules are shares of the new length
    decode: Decode | None = None  # images once, into a cache, or on the fly from now on; no bit changes by it
    recompute: bool | None = None  # work activations out again from now on, or keep them; the last bits may differ
    shard: bool | None = None  # divide weights among torchrun's processes from now on, or no more; last bits may differ
    grace: Seconds | None = None  # asked to stop, it has saved and left in so long: 20s, 2m
    fast: Fast | None = None  # off, compile, or auto: how rounds are played from now on; the last bits may differ
    exact: bool | None = None  # on a CUDA GPU, float32 to its last digit from now on, or TF32; the last bits differ
    waiting: Waiting = "auto"  # how threads wait: active is faster alone, passive leaves others their share of cores
    quiet: bool = False  # say only what needs attention, as a run does that was trained so

    def __post_init__(self) -> None:
        if self.grace is not None:
            object.__setattr__(self, "grace", written_seconds(self.grace, "grace"))


def train(words: list[str]) -> None:
    """saddle train [RECIPE]: any setting, and any field of the recipe, is an option."""
    plain, given = split_words(words, flag_names(PlaceOptions(), Settings()))
    with use_plugin_file(given.get("plugin")):
        train_at_hand(plain, given)


def train_at_hand(plain: list[str], given: GivenOptions) -> None:
    """The same, with what a plugin defines."""
    if wants_help(given) and not plain:
        raise HelpRequested(
            Page("train", {"Run settings": (PlaceOptions(), Settings())}, more=OWN_FIELDS_HELP, whole=asks_all(given))
        )
    name = recipe_name(plain)
    if wants_help(given):
        raise HelpRequested(*recipe_page(name, asks_all(given)))
    waiting = choose_waiting(wished_waiting(given))
    if wants_choices(bool(plain), name, given):
        name, given = choose_by_data(name if plain else None, given)
    place, settings, options = parse_train_options(name, given)
    from .. import sessions  # after everything that can be refused without torch

    tell_waiting(waiting, bool(settings.get("quiet")))
    if place.dry_run:
        dry_run(name, place, settings, options)
        return
    run = sessions.train(name, out=place.out, resume=place.resume, options=options, **settings)
    if not settings.get("quiet"):
        print_next_steps(as_url(place.out or "") or run)
    elif place.out is None:
        print_output(escape_unprintable(run))


def wished_waiting(given: GivenOptions) -> Waiting:
    """What is asked for before options are read, for which torch may be needed; nonsense is refused as they are."""
    wish = given.get("waiting")
    return cast(Waiting, wish) if wish in get_args(Waiting) else "auto"


def dry_run(name: str, place: PlaceOptions, settings: dict[str, Any], options: dict[str, str]) -> None:
    """Tell what would be trained; sentences of the work go to the error output."""
    from .. import sessions
    from ..training.callbacks.base import QuietDisplay
    from .dry_run import tell_plan

    sessions.dry_run(name, out=place.out, options=options, watch=QuietDisplay(),
                     tell=lambda run, ready: tell_plan(run, ready, place.json), **settings)  # fmt: skip


def wants_choices(named: bool, name: str, given: GivenOptions) -> bool:
    """Are it pictures, points or lines of somebody's own, and no recipe, or one that is set by its data?"""
    source = given.get("data")
    drawn = source is None or source.partition(":")[0] in (*GLYPH_SETS, *TEXT_SETS, *own_sources())
    made_for = any(option.replace("-", "_") in ("source", "target", "captions") for option in given)
    return not drawn and not made_for and (not named or name in SET_BY_DATA)


def choose_by_data(recipe: str | None, given: GivenOptions) -> tuple[str, GivenOptions]:
    """The recipe, and the options that are given beside those that the data choose; says which, and why."""
    names = field_types(Settings).keys() | field_types(PlaceOptions).keys()
    own = {option: text for option, text in given.items() if is_field(option, names)}
    place, texts = sort_options("train", own, PlaceOptions(), Settings())
    settings = check_settings(override_fields(Settings(), texts))
    said = dict(parse_flag(option, text, ()) if text is None else (option.replace("-", "_"), text)
                for option, text in given.items() if option not in own) | texts  # fmt: skip
    check_some_recipe_takes([recipe] if recipe else [DEFAULT_RECIPE, *SET_BY_DATA], given)
    from .. import choosing

    before = choosing.chosen_before(place["out"], said) if "resume" in place and "out" in place else None
    quiet = settings.quiet or os.environ.get("RANK", "0") != "0"
    say = notify_nobody if quiet else print_message if "json" in place else print_output
    chosen = before or choosing.choose_run(recipe, settings, said, say)
    new = {option: text for option, text in (*chosen.settings.items(), *chosen.options.items()) if option not in said}
    return chosen.recipe, {**new, **given}


def check_some_recipe_takes(names: list[str], given: GivenOptions) -> None:
    """Refuse at once an option that none of the recipes has which may be chosen."""
    faults = []
    for name in names:
        try:
            parse_train_options(name, given)
            return
        except Mistake as fault:
            faults.append(fault)
    raise faults[0]


@without_torch
def parse_train_options(name: str, given: GivenOptions) -> tuple[PlaceOptions, dict[str, Any], dict[str, str]]:
    """Where the run goes, the settings that are given, and the recipe's options as text: all of them fit."""
    recipe, _ = find_recipe(name)
    check_no_shared_names(name, recipe)
    place, chosen, options = sort_options("train", given, PlaceOptions(), Settings(), recipe)
    settings = check_settings(override_fields(Settings(), chosen))
    from ..recipes.revive import configure_recipe as changed

    changed(name, options, settings.data, settings.size)
    return override_fields(PlaceOptions(), place), {field: getattr(settings, field) for field in chosen}, options


def check_settings(settings: Settings) -> Settings:
    """Settings of which the data and the figures can be had, as far as they alone tell."""
    Prepare(**{name: getattr(settings, name) for name in field_types(Prepare)})
    if settings.measure is not None:
        check_measure_settings(settings.measure, settings.features, settings.patience, settings.samples)
    return settings


def resume(words: list[str]) -> None:
    """saddle resume RUN."""
    (run,), machine = parse_command("resume", words, ResumeOptions())
    require(machine.threads is None or machine.threads > 0, f"threads is {machine.threads}, but should be above 0")
    RunFolder.find(run)  # before torch is imported
    tell_waiting(choose_waiting(machine.waiting), machine.quiet)
    from .. import sessions
    from ..runs.manifest import Manifest

    names = field_types(ResumeOptions).keys() - {"waiting"}
    place = sessions.resume(run, **{field: getattr(machine, field) for field in names})
    if not (machine.quiet or Manifest.read(RunFolder.find(place)).settings.quiet):
        print_next_steps(as_url(run) or place)


def recipe_name(plain: list[str]) -> str:
    """The recipe's name; a folder in its place is likely to be the data."""
    for word in plain[:2]:
        recipe = canonical(word) in RECIPES or files.is_file_recipe(word)
        data = not recipe and (word in named_sets() or Path(word).exists())
        require(not data, f"{word} is no recipe; if it is your data, write --data {quote_for_shell(word)}")
    (name,) = check_positionals("train", plain) or [DEFAULT_RECIPE]
    return canonical(name)


def check_no_shared_names(name: str, recipe: Recipe[Any]) -> None:
    """Settings and fields share one row of options, so none may be both."""
    both = sorted({*field_types(Settings), *field_types(PlaceOptions)} & {*field_types(type(recipe))})
    require(not both, f"{name} has the field {' and '.join(both)}, which is a run setting; call it something else")


@without_torch
def recipe_page(name: str, whole: bool) -> tuple[Page, str]:
    """The page, and its text, which is written while the modules that it tells of are at hand."""
    recipe, entry = find_recipe(name)
    check_no_shared_names(name, recipe)
    kind = type(recipe)
    title = f"{kind.__name__}, from {cite_paper(recipe)}" if cite_paper(recipe) else kind.__name__
    about = f"{title}\n\n{recipe_introduction(recipe, entry)}".rstrip()
    sections = {f"{RECIPE} {name}": (recipe,), "Run settings": (PlaceOptions(), Settings())}
    page = Page("train", sections, about, more=VALUES_HELP, whole=whole, recipe=name)
    return page, str(page)


def cite_paper(recipe: Recipe[Any]) -> str:
    """The paper, where the recipe names one."""
    paper = getattr(recipe, "paper", None)
    number = f", arXiv:{paper.arxiv}" if paper and paper.arxiv else ""
    return f"{paper.authors} {paper.year}{number}" if paper else ""


def print_next_steps(run: str | Path) -> None:
    """Say where a run lies, and what to type next; of several processes only the first does."""
    if os.environ.get("RANK", "0") == "0":
        from ..continued import suggest_longer

        there, more = quote_for_shell(run), suggest_longer(run)
        steps = [*using_steps(run, there), (f"measure {there}", "how good it is, in figures"),
                 (f"report {there}", "all of it on one page")]  # fmt: skip
        steps += [(f"resume {there} --images {more}", "trains it for longer")] if more else []
        wide = max(len(command) for command, _ in steps)
        lines = (f"  saddle {command:<{wide}}  {what}" for command, what in steps)
        print_output("\n".join([f"\nThe run lies in {escape_unprintable(run)}. Now try:", *lines]))


def using_steps(run: str | Path, there: str) -> list[tuple[str, str]]:
    """Commands that use what it has learned, each with what it is for."""
    from ..capabilities import Encodes, Generates, Reconstructs, Translates
    from ..recipes.capable import game_class
    from ..recipes.revive import recipe_from_manifest
    from ..runs.manifest import Manifest

    kind: type = Generates
    points = lines = False
    with suppress(Mistake):  # of a run that is no more, nothing is known
        folder = RunFolder.find(run)
        manifest = Manifest.read(folder)
        kind, shape = game_class(recipe_from_manifest(folder, manifest)), manifest.shape
        points, lines = shape.points, shape.text is not None
    if lines:
        return [(f"sample {there} -n 20", "prints new lines; --out FILE.txt puts them into a file")]
    steps = {
        Generates: [(f"sample {there}", "one sheet of new samples"),
                    (f"sample {there} --help", "single files, other seeds, other weights")],
        Translates: [(f"translate {there} FILES", "pictures of yours translated")],
        Reconstructs: [] if points else [(f"reconstruct {there} FILES", "pictures of yours, and each made again")],
        Encodes: [(f"encode {there} FILES", "their codes")],
    }  # fmt: skip
    pages = [(f"studio {there}", "a page of its own, to explore and to draw with"),
             (f"export {there} --to web", "a page that draws by itself, to send to others")]  # fmt: skip
    makes = issubclass(kind, (Generates, Translates)) and not points
    return [step for protocol, some in steps.items() if issubclass(kind, protocol) for step in some] + pages * makes
