"""Unpaired data out of two classes of one set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...errors import Mistake, did_you_mean, format_count, require
from ...notices import Notify, notify_nobody
from ..cache.store import open_undecoded
from ..prepare import DERIVED, HALVES, Prepare
from ..undecoded import DataSource, UndecodedImages
from ..wording import join_names
from .columns import ColumnPlan, ColumnSource, changed_source

CLASS_WAYS = (
    "--source FOLDER names what is translated into --data, --source CLASS --target CLASS are two of its classes, as in "
    f"--data cifar10 --source horse --target deer, and --source {', '.join(HALVES + DERIVED)} makes both of one image"
)  # what unpaired data can be made of
SHOWN_CLASSES = 20  # that a sentence names


def plan_classes(name: str, whole: DataSource, wish: tuple[str | None, str | None], prepare: Prepare,
                 say: Notify) -> ColumnPlan:  # fmt: skip
    """Those that are named; where one is, the only other one; where none is, the only two in their order."""
    one, two = wish if None not in wish else find_ends(name, whole, wish, say)
    require(one != two, f"{one} is both ends of the translation; name another class of {name} as --target")
    ready = replace(prepare, labels="none")
    first, second = (ColumnSource(class_source(name, whole, str(end), end == two), ready) for end in (one, two))
    return ColumnPlan(f"{one} and {two} of {name}", first, second, False)


def find_ends(name: str, whole: DataSource, wish: tuple[str | None, str | None], say: Notify) -> tuple[str, str]:
    """Both ends, of which at least one was not said."""
    classes = open_undecoded(whole, notify_nobody).classes
    known = next((end for end in wish if end is not None), None)
    if known is None:
        has = f"{name} has {format_count(len(classes), 'class', 'classes') if classes else 'no classes'}"
        require(len(classes) == 2, f"{has}, and it is not said what is translated into what; {CLASS_WAYS}")
        say(f"{name}: images of {classes[0]} are translated into such of {classes[1]}; --source {classes[1]} goes the "
            "other way")  # fmt: skip
        return classes[0], classes[1]
    check_class(name, known, classes)
    others = [one for one in classes if one != known]
    missing = "target" if wish[1] is None else "source"
    require(len(others) == 1, f"of the classes of {name} only {known} is named; --{missing} names the other one: "
                              f"{join_names(others, SHOWN_CLASSES)}")  # fmt: skip
    return (known, others[0]) if missing == "target" else (others[0], known)


def check_class(name: str, wanted: str, classes: tuple[str, ...]) -> None:
    if wanted not in classes:
        near = did_you_mean(wanted, classes) if classes else f", for it has no classes; {CLASS_WAYS}"
        raise Mistake(f"{wanted} is no file, folder or data set, and no class of {name}{near}")


def class_source(name: str, whole: DataSource, wanted: str, aloud: bool) -> DataSource:
    """The pictures of one class."""

    def change(pile: UndecodedImages, note: Notify) -> UndecodedImages:
        check_class(name, wanted, pile.classes)
        assert pile.labels is not None, "there are classes"
        return pile.subset(np.flatnonzero(pile.labels == pile.classes.index(wanted)))

    return changed_source(whole, wanted, ("class", wanted), change, aloud)
