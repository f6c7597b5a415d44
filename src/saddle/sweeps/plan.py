"""What a sweep trains: said once, kept in its folder, the same when it goes on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ..errors import Mistake, quote_for_shell, require
from ..hints import field_types
from ..measuring import metric_table
from ..options import override_fields
from ..runs.settings import Settings
from ..runs.writing import write_json
from ..schema import conform, read_json
from .database_url import check_storage, without_password
from .ranges import Range, SearchSpace, parse_spaces

SWEEP_FORMAT = "saddle sweep 1"
SWEEP_FILE = "sweep.json"
MAX_RUNS = 100_000
FIXED_WHEN_MEASURED = ("measure", "every", "samples", "features", "data", "size", "crop", "channels", "limit", "labels",
            "leave_out", "held_out")  # settings that make figures what they are  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """One run of a sweep, as `sessions.train` takes it."""

    name: str  # of its folder
    group: str  # what it shares with its other seeds: penalties=R1(1)
    options: dict[str, str]
    settings: dict[str, Any]


@dataclass(frozen=True)
class SweepPlan:
    """A recipe, what is given to every run, and what varies."""

    recipe: str
    options: dict[str, str]  # of the recipe, in every run
    settings: dict[str, Any]  # those of every run that are not the usual ones
    vary: dict[str, list[str]]  # an option, and what is tried for it
    seeds: int = 1  # runs of each combination: seed, seed + 1, ...
    search: int | None = None  # not all combinations, but so many runs, each chosen by what the others brought
    storage: str | None = None  # a database of optuna's, from which several processes take the runs

    def __post_init__(self) -> None:
        require(self.seeds >= 1, f"seeds is {self.seeds}, but should be 1 or more")
        both = [name for name in self.vary if name in self.options or name in self.settings]
        require(not both, f"{' and '.join(both)} cannot both vary and be given to every run")
        empty = next((name for name, texts in self.vary.items() if not texts), None)
        require(empty is None, f"nothing is to be tried for {empty}")
        require("seed" not in self.vary, "seeds are not varied by --vary; --seeds 5 takes five, beginning with --seed")
        if self.storage is not None:
            check_storage(self.storage)
        if self.search is not None:
            check_searchable(self, self.search)
            return
        for name, space in self.spaces.items():
            listed = not isinstance(space, Range)
            require(listed, f"--vary {name} is the range {self.vary[name][0]}, which only a search draws from: "
                            "write --search 20 too, or list the values")  # fmt: skip
        runs = self.seeds * math.prod(map(len, self.vary.values()))
        require(runs <= MAX_RUNS, f"these are {runs:,} runs, but a sweep trains at most {MAX_RUNS:,}; try fewer values "
                                  "of each option, or write --search 20 to train some of them")  # fmt: skip

    def without_secrets(self) -> SweepPlan:
        """As it may be read by others: a password of its database is nobody's."""
        return dataclasses.replace(self, storage=self.storage and without_password(self.storage))

    @property
    def spaces(self) -> dict[str, SearchSpace]:
        return parse_spaces(self.vary)

    def trials(self) -> list[Trial]:
        """Every run: all combinations with the first seed, then with the next, so that a stopped sweep tells most."""
        first = self.settings.get("seed", 0)
        variations = list(enumerate(self.combinations(), 1))
        return [self.make_trial(i, choice, first + n) for n in range(self.seeds) for i, choice in variations]

    def combinations(self) -> Iterator[dict[str, str]]:
        """All combinations; of ranges, with their lower ends, with something between, and with their upper ends."""
        probes = {name: space.probes for name, space in self.spaces.items() if isinstance(space, Range)}
        for place in range(3) if probes else range(1):
            tried = ([probes[name][place]] if name in probes else texts for name, texts in self.vary.items())
            yield from (dict(zip(self.vary, texts, strict=True)) for texts in product(*tried))

    def make_trial(self, number: int, choice: Mapping[str, str], seed: int) -> Trial:
        chosen = {name: text for name, text in choice.items() if name in field_types(Settings)}
        value = override_fields(Settings(), chosen)
        settings = self.settings | {name: getattr(value, name) for name in chosen} | {"seed": seed}
        options = self.options | {name: text for name, text in choice.items() if name not in chosen}
        group = ", ".join(f"{name}={text}" for name, text in choice.items()) or self.recipe
        return Trial(f"{number:02d}-{to_slug(group)}-seed-{seed}", group, options, settings)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / SWEEP_FILE, {"format": SWEEP_FORMAT} | dataclasses.asdict(self.without_secrets()))

    @classmethod
    def load(cls, folder: Path) -> SweepPlan | None:
        """The plan of the sweep that lies there, if one does; Mistake for a file that is no plan."""
        if not (folder / SWEEP_FILE).exists():
            return None
        fault = f"{folder / SWEEP_FILE} is no plan of a sweep"
        facts = read_json(folder / SWEEP_FILE, fault)
        require(isinstance(facts, dict), f"{fault}: it holds no object")
        if facts.pop("format", None) != SWEEP_FORMAT:
            raise Mistake(f"{folder / SWEEP_FILE} was written in another format than {SWEEP_FORMAT!r}")
        try:
            conform(facts.get("settings"), Settings, f"{fault}: settings")
            return conform(facts, cls, fault)
        except Mistake as mistake:
            said = str(mistake)
            raise Mistake(said if said.startswith(fault) else f"{fault}: {said}") from None


def parse_vary(texts: Sequence[str]) -> dict[str, list[str]]:
    """--vary "penalties=R1(1);R1(10)", once for each option, as the options and what is tried for each."""
    vary: dict[str, list[str]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        name = name.strip().lstrip("-").replace("-", "_")
        tried = [value.strip() for value in values.split(";")]
        require(
            bool(name and equals and values.strip()), f"--vary is {text!r}, but is written 'optimizer.lr=1e-4;2e-4'"
        )
        require(name not in vary, f"--vary names {name} twice; write all of its values behind one")
        again = next((value for value in tried if tried.count(value) > 1), None)
        require(again is None, f"--vary {name} has {again} twice")
        vary[name] = tried
    return vary


@contextmanager
def separated(vary: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """What is refused in here because values have commas between them is told with the sign that belongs there."""
    try:
        yield
    except Mistake as mistake:
        wrong = next((name for name in vary if str(mistake).startswith(f"{name} is ")), "")
        right = ";".join(";".join(text.split(",")) for text in vary.get(wrong, ()))
        if ";" not in right or not any("," in text for text in vary[wrong]):
            raise
        raise Mistake(f"{mistake}; values to try have semicolons between them: --vary "
                      f"{quote_for_shell(f'{wrong}={right}')}"
                      ) from None  # fmt: skip


def check_searchable(plan: SweepPlan, runs: int) -> None:
    """Refuse a search without a figure to search by, or with nothing to search."""
    require(runs >= 1, f"search is {runs}, but should be 1 or more")
    require(bool(plan.vary), "a search needs something to vary, such as --vary 'optimizer.lr=1e-5..1e-3 log'")
    require(plan.seeds == 1, "a search trains each choice once; train the best of it with --seeds afterwards")
    measure = plan.settings.get("measure")
    require(measure is not None, "a search goes by the first figure that is measured; name it, --measure fid")
    name = metric_table.parse_metric_names(str(measure))[0]
    better = metric_table.all_metrics()[name].better
    require(better != "neither", f"a search looks for a better {name}, which has no better; name another first")
    other = next((name for name in plan.vary if name in FIXED_WHEN_MEASURED), None)
    require(other is None, f"figures that are to be compared need the same {other}, which --vary changes")
    there = math.prod(space.count if isinstance(space, Range) else len(space) for space in plan.spaces.values())
    require(runs <= there, f"search is {runs}, but there are {there} combinations; "
                           "list all values, and leave --search away, to train them all")  # fmt: skip


def check_same_plan(old: SweepPlan, new: SweepPlan, folder: Path) -> None:
    """Refuse to go on with another plan in a sweep's folder, naming what differs."""
    old, new = old.without_secrets(), new.without_secrets()
    for field in dataclasses.fields(SweepPlan):
        was, now = (getattr(plan, field.name) for plan in (old, new))
        longer = field.name == "search" and was and now and now > was
        if was == now or longer:
            continue
        if isinstance(was, dict):
            name = next(key for key in {**was, **now} if was.get(key) != now.get(key))
            what, was, now = f"{field.name} {name}", was.get(name, "not given"), now.get(name, "not given")
        else:
            what, was, now = field.name, *("not given" if value is None else value for value in (was, now))
        raise Mistake(f"{folder} holds a sweep with another plan: {what} was {was}, now {now}; "
                      "write what it was, or choose another --out")  # fmt: skip


def to_slug(text: str) -> str:
    """Text fit for a folder's name."""
    words = "".join(c if c.isalnum() or c in "._" else " " for c in text).split()
    return "-".join(words)[:60].strip("-.") or "run"
