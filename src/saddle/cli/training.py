"""Training, and going on with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..data.prepare import Prepare
from ..errors import quoted, require, visible
from ..hints import fields
from ..light import light
from ..measuring.named import judged
from ..options import override
from ..recipes import RECIPES, canonical, files, find
from ..runs.folder import Folder
from ..runs.settings import Settings
from . import Answer
from .pages import RECIPE, Page, introduced
from .saying import tell
from .words import Given, asks, asks_all, expected, flags, sort, split, take

if TYPE_CHECKING:
    from ..core import Recipe

DEFAULT = "dcgan"
CRITIC = "What others call the discriminator is the critic here."
MORE = f"""{CRITIC}

A field that is a value is written as in Python, and its own fields are options too, at any depth:
  --objective "NonSaturating(target=0.9)"   --optimizer.lr 1e-4   --optimizer.lr "Linear(2e-4, 0)"   --turns.critic 2
saddle list objectives (penalties, networks, priors ...) tells what can be written.
--flip alone is --flip True, --no-flip is --flip False; 200k is 200000."""

OWN = f"""{CRITIC}

A recipe's own fields are options too: saddle train {DEFAULT} --help lists them; saddle list lists the recipes."""


@dataclass(frozen=True)
class Place:
    """Where a run goes."""

    out: Path | None = None  # the run's folder; a new one in runs/ if not given
    resume: Literal["auto"] | None = None  # go on with the run in --out if one was begun there


@dataclass(frozen=True)
class Machine:
    """What may differ when a run goes on."""

    threads: int | None = None  # of the processor, if not as many as the run had; then the bits may differ
    code: Literal["copy", "file"] | None = None  # of your own recipe, edited since: the run's copy, or the file
    trust: bool = False  # run the recipe that the run brings, though it was never named on this machine
    data: str | None = None  # where its data lie now, if they were moved; they are known by their content
    images: str | None = None  # make it longer: 300k in all, or +100k on top; schedules are shares of the new length
    quiet: bool = False  # say only what needs attention, as a run does that was trained so


def train(words: list[str]) -> None:
    """saddle train [RECIPE]: any setting, and any field of the recipe, is an option."""
    plain, given = split(words, flags(Place(), Settings()))
    if asks(given) and not plain:
        raise Answer(Page("train", {"Run settings": (Place(), Settings())}, more=OWN, whole=asks_all(given)))
    name = named(plain)
    if asks(given):
        raise Answer(*recipe_page(name, asks_all(given)))
    place, settings, options = sorted_out(name, given)
    from .. import sessions  # after everything that can be refused without torch

    run = sessions.train(name, out=place.out, resume=place.resume, options=options, **settings)
    if not settings.get("quiet"):
        told(run)
    elif place.out is None:
        tell(visible(run))


@light
def sorted_out(name: str, given: Given) -> tuple[Place, dict[str, Any], dict[str, str]]:
    """Where the run goes, the settings that are given, and the recipe's options as text: all of them fit."""
    recipe, _ = find(name)
    separate(name, recipe)
    place, chosen, options = sort("train", given, Place(), Settings(), recipe)
    settings = suitable(override(Settings(), chosen))
    from ..recipes.revive import chosen as changed

    changed(name, options)
    return override(Place(), place), {field: getattr(settings, field) for field in chosen}, options


def suitable(settings: Settings) -> Settings:
    """Settings of which the data and the figures can be had, as far as they alone tell."""
    Prepare(**{name: getattr(settings, name) for name in fields(Prepare)})
    if settings.measure is not None:
        judged(settings.measure, settings.features, settings.patience, settings.samples)
    return settings


def resume(words: list[str]) -> None:
    """saddle resume RUN."""
    (run,), machine = take("resume", words, Machine())
    require(machine.threads is None or machine.threads > 0, f"threads is {machine.threads}, but should be above 0")
    Folder.found(run)  # before torch is imported
    from .. import sessions
    from ..runs.manifest import Manifest

    place = sessions.resume(run, **{field: getattr(machine, field) for field in fields(Machine)})
    if not (machine.quiet or Manifest.read(Folder.found(place)).settings.quiet):
        told(place)


def named(plain: list[str]) -> str:
    """The recipe's name; a folder in its place is likely to be the data."""
    for word in plain[:2]:
        data = canonical(word) not in RECIPES and not files.meant(word) and Path(word).exists()
        require(not data, f"{word} is no recipe; if it is your data, write --data {quoted(word)}")
    (name,) = expected("train", plain) or [DEFAULT]
    return canonical(name)


def separate(name: str, recipe: Recipe[Any]) -> None:
    """Settings and fields share one row of options, so none may be both."""
    both = sorted({*fields(Settings), *fields(Place)} & {*fields(type(recipe))})
    require(not both, f"{name} has the field {' and '.join(both)}, which is a run setting; call it something else")


@light
def recipe_page(name: str, whole: bool) -> tuple[Page, str]:
    """The page, and its text, which is written while the modules that it tells of are at hand."""
    recipe, entry = find(name)
    separate(name, recipe)
    kind = type(recipe)
    title = f"{kind.__name__}, from {cited(recipe)}" if cited(recipe) else kind.__name__
    about = f"{title}\n\n{introduced(recipe, entry)}".rstrip()
    sections = {f"{RECIPE} {name}": (recipe,), "Run settings": (Place(), Settings())}
    page = Page("train", sections, about, more=MORE, whole=whole, recipe=name)
    return page, str(page)


def cited(recipe: Recipe[Any]) -> str:
    """The paper, where the recipe names one."""
    paper = getattr(recipe, "paper", None)
    number = f", arXiv:{paper.arxiv}" if paper and paper.arxiv else ""
    return f"{paper.authors} {paper.year}{number}" if paper else ""


def told(run: Path) -> None:
    """Say where a run lies, and what to type next; of several processes only the first does."""
    if os.environ.get("RANK", "0") == "0":
        there = quoted(run)
        tell(f"""
The run lies in {visible(run)}. Now try:
  saddle sample {there}         one sheet of new samples
  saddle sample {there} --help  single files, other seeds, other weights
  saddle measure {there}        how good it is, in figures
  saddle report {there}         all of it on one page
  saddle resume {there} --images +100k  trains it for longer""")
