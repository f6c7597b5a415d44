"""Where the time of a round goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.prepare import Prepare
from ..errors import require
from ..options import override_fields
from ..out_of_memory import format_bytes
from ..recipes import RECIPES, canonical, files, find_recipe
from ..runs.folder import RunFolder
from ..runs.settings import PrecisionName
from .argv import check_positionals, read_words, sort_options
from .facts import check_place, tell
from .pages import two_columns, wrap_text

if TYPE_CHECKING:
    from ..recipe import Recipe
    from ..recipes.round_profile import RoundProfile
    from ..shape import Shape
    from ..training.machine import Machine
    from ..training.match import MatchOptions

    Profiled = tuple[Recipe[Any], Shape, Machine, MatchOptions]

COLUMN = 36


@dataclass(frozen=True)
class ProfileOptions(Prepare):
    """What the round is of, and on what it is played."""

    data: str | None = None  # of a recipe: play for this data; the recipe's if not given
    device: str = "auto"  # cpu, cuda, cuda:1 or mps; of a run, its own if not given
    precision: PrecisionName = "auto"  # of a run, its own if not given
    threads: int | None = None  # of the processor; torch's own choice if not given
    json: Path | None = None  # print it as JSON, for programs, or write it into FILE.json


OWN_FIELDS_HELP = "A recipe's own fields are options too, as in training."


def profile(words: list[str]) -> None:
    """saddle profile RECIPE, or RUN."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # before torch is imported: its profiler tells errors what it does
    plain, given = read_words("profile", words, ProfileOptions(), OWN_FIELDS_HELP)
    (name,) = check_positionals("profile", plain)
    is_recipe = canonical(name) in RECIPES or files.is_file_recipe(name)
    own = [find_recipe(canonical(name))[0]] if is_recipe else []
    texts, *more = sort_options("profile", given, ProfileOptions(), *own)
    wish = override_fields(ProfileOptions(), texts)
    check_place(wish.json)
    from ..recipes.round_profile import profile_round
    from ..training.machine import use_threads

    use_threads(wish.threads)
    recipe, shape, where, how = of_recipe(canonical(name), wish, *more) if is_recipe else of_run(name, wish)
    found = profile_round(recipe, shape, where, how)
    title = f"{name}, {shape}, on {where.device}, {where.why}"
    facts = {"of": name, "shape": str(shape), "device": str(where.device), "precision": where.why}
    tell(lambda: describe_profile(title, found), lambda: facts | profile_facts(found), wish.json)


def of_recipe(name: str, wish: ProfileOptions, options: dict[str, str]) -> Profiled:
    from ..batches import batch_shape, required_columns
    from ..recipes.machine_choice import choose_machine
    from ..recipes.revive import configure_recipe
    from ..training.machine import find_machine
    from ..training.match import MatchOptions
    from .showing import ShowOptions, sample_columns

    recipe, (_, entry) = configure_recipe(name, options), find_recipe(name)
    shown = ShowOptions(**{field: getattr(wish, field) for field in (*Prepare.__dataclass_fields__, "data")})
    columns, source = sample_columns(shown, entry, required_columns(recipe.batch_type))
    shape = batch_shape(recipe.batch_type, columns, source)
    where = choose_machine(find_machine(wish.device, wish.precision), wish.precision, recipe, shape)
    return recipe, shape, where, MatchOptions()


def of_run(name: str, wish: ProfileOptions) -> Profiled:
    """As it is trained: in its parts, with its average."""
    from ..recipes.revive import recipe_from_manifest
    from ..resolved import match_options
    from ..runs.manifest import Manifest
    from ..training.machine import find_machine, machine_of_run

    folder = RunFolder.find(name)
    own = Prepare.of(wish) == Prepare() and wish.data is None
    require(own, "what a run's data are stands in its manifest; --data and the rest are for recipes")
    manifest = Manifest.read(folder)
    asked = wish.device != "auto" or wish.precision != "auto"
    where = find_machine(wish.device, wish.precision) if asked else machine_of_run(
        str(manifest.machine["device"]), manifest.machine)  # fmt: skip
    return recipe_from_manifest(folder, manifest), manifest.shape, where, match_options(manifest.settings)


def describe_profile(title: str, found: RoundProfile) -> str:
    """A table by kind, and what limits it, in words."""
    rows = [(kind, f"{seconds / found.seconds:6.1%}  {1e3 * seconds:9.2f} ms") for kind, seconds in
            sorted(found.kinds.items(), key=lambda row: -row[1])]  # fmt: skip
    fewer = "" if found.batch == found.whole else f" (its own are of {found.whole}, which would take long)"
    head = (f"{title}: a round of {found.batch} samples{fewer} takes {1e3 * found.seconds:.1f} ms, which is "
            f"{found.images / found.seconds:,.1f} images a second.")  # fmt: skip
    limits = (f"{found.operations:.3g} operations in products and convolutions: {found.product_share:.0%} of what this "
              f"machine was measured to do in one large product, {found.product_rate / 1e9:,.0f} GFLOP/s. "
              f"{format_bytes(found.moved)} read and written, if nothing stays in a cache: {found.copy_share:.0%} of "
              f"what it was measured to copy, {found.copy_rate / 1e9:,.1f} GB/s.")  # fmt: skip
    memory = (f"All tensors take {format_bytes(found.peak)} at once, at most; the program itself comes on top. Samples "
              "are made up: what reading data costs is not in it.")  # fmt: skip
    return "\n\n".join([wrap_text(head), "\n".join(two_columns(rows, COLUMN)), wrap_text(limits), wrap_text(memory)])


def profile_facts(found: RoundProfile) -> dict[str, Any]:
    return found._asdict() | {"product_share": found.product_share, "copy_share": found.copy_share}
