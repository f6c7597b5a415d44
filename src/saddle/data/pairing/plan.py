"""What `--source` and `--target` mean: which pictures a translation is from, and which it is to."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ...errors import Mistake, did_you_mean, require
from ...notices import Notify
from ..own_sources import named_sets
from ..prepare import DERIVED, HALVES, SOURCE_WAYS, Prepare
from ..sources import HUB_PREFIX, OWN_PREFIX, find_source, local_dataset, resolve_source_name, split_suffix
from .classes import plan_classes
from .columns import COLUMNS, ColumnPlan, ColumnSource, Kind, opened_once
from .made import guess_half, plan_derived, plan_halves
from .matching import plan_matched

DEFAULT_SOURCES = {"glyphs": "outline"}  # by data, what they are made from where nothing is said


def wanted_kind(wants: Collection[str], prepare: Prepare) -> Kind:
    """What kind of data has the columns that are wanted; where none are named, what the options tell."""
    for kind, columns in COLUMNS.items():
        if set(columns) <= set(wants):
            return kind
    asked = prepare.source is not None or prepare.target is not None
    require(not (asked and wants), "--source and --target say what images are translated from and to, and this recipe "
            "translates none; `saddle list` has those that do under Translation")  # fmt: skip
    return "images" if not asked else "pairs" if prepare.target is None else "unpaired"


def plan_columns(source: str, prepare: Prepare, kind: Kind, say: Notify) -> ColumnPlan:
    """Where both columns come from; Mistake, with the ways there are, where that is not said and cannot be told."""
    name, wish, target = last_name(source), prepare.source, prepare.target
    if wish is None and target is None:
        wish = DEFAULT_SOURCES.get(source)
    plain = replace(prepare, source=None, target=None)
    if kind == "unpaired" and (target is not None or wish is None or not is_known(wish)):
        return plan_classes(name, opened_once(find_source(source, plain, say)), (wish, target), plain, say)
    require(target is None, "--target names a class that images should become, and images of two classes are no pairs; "
            "leave it out, or take a recipe for unpaired images, such as cyclegan")  # fmt: skip
    plain = replace(plain, labels="none")
    whole = opened_once(find_source(source, plain, say))
    wish = wish or guess_half(name, whole, say)
    if wish in HALVES:
        return plan_halves(name, whole, wish, plain)
    if wish in DERIVED:
        return plan_derived(name, whole, wish, plain)
    if not is_known(wish):
        raise Mistake(f"there is no source {wish}{did_you_mean(wish, HALVES + DERIVED, otherwise=SOURCE_WAYS)}")
    other = opened_once(find_source(resolve_source_name(wish), plain, say))
    both = f"{last_name(wish)} and {name}"
    if kind == "pairs":
        return plan_matched(both, (last_name(wish), name), (other, whole), plain)
    return ColumnPlan(both, ColumnSource(other, plain), ColumnSource(whole, plain), False)


def is_known(text: str) -> bool:
    """Is it a way to make sources, or something that lies there or has a name?"""
    name, _ = split_suffix(text)
    there = os.path.lexists(name) or local_dataset(name) is not None or name in named_sets()
    return text in HALVES + DERIVED or text.startswith((HUB_PREFIX, OWN_PREFIX)) or there


def last_name(source: str) -> str:
    """What a source is called among others: the last part of its path, and the part of it that is taken."""
    name, part = split_suffix(source)
    return (Path(name).name or name) + (f":{part}" if part else "")
