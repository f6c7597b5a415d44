"""Files that belong to one sample by their names, as WebDataset lays them out: 7.jpg, 7.cls, 7.json, 7.txt."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...errors import Mistake, require
from ...notices import Notify
from ..text_files import decode_text
from ..undecoded import UndecodedImages, to_class_labels
from ..wording import is_or_are, join_names
from .label_matching import ImageNames, check_class_count, parse_class, trim_whole_numbers
from .label_tables import CLASS_COLUMNS

CLASS_ENDING, FACTS_ENDING, TEXT_ENDING = "cls", "json", "txt"
CLASS_FACTS = ("cls", *CLASS_COLUMNS)  # what a sample's class is called in its .json
LOOKED_AT = 16  # samples whose .json tells whether there are classes in them


def split_key(path: str) -> tuple[str, str]:
    """A path's sample and what of it the file is: ('cats/7', 'seg.png') of cats/7.seg.png."""
    folder, slash, name = path.rpartition("/")
    stem, _, ending = name.partition(".")
    return f"{folder}{slash}{stem}", ending.lower()


@dataclass(frozen=True, eq=False)
class SampleFiles:
    """What lies beside pictures under their keys."""

    name: str  # of what holds them
    others: Sequence[str]  # files that are no pictures
    read: Callable[[str], bytes]

    @cached_property
    def by_ending(self) -> Mapping[str, Mapping[str, str]]:
        """Paths by ending and key."""
        found: dict[str, dict[str, str]] = {CLASS_ENDING: {}, FACTS_ENDING: {}, TEXT_ENDING: {}}
        for path in self.others:
            key, ending = split_key(path)
            if ending in found:
                found[ending][key] = path
        return found

    def found(self, pictures: Sequence[str]) -> bool:
        """Are pictures and other files samples by their keys?"""
        keys = {key for some in self.by_ending.values() for key in some}
        return bool(keys) and any(split_key(path)[0] in keys for path in pictures)

    def one_picture_each(self, pictures: Sequence[str], say: Notify) -> list[str]:
        """Of samples with several pictures those of the most frequent ending, the first of equally frequent ones."""
        endings = Counter(split_key(path)[1] for path in pictures)
        best: dict[str, str] = {}
        for path in pictures:
            key, ending = split_key(path)
            if key not in best or endings[ending] > endings[split_key(best[key])[1]]:
                best[key] = path
        kept = set(best.values())
        if left := [path for path in pictures if path not in kept]:
            kinds = sorted({f".{split_key(path)[1]}" for path in left})
            say(f"{self.name}: of samples with several pictures one is used; {join_names(kinds)} {is_or_are(kinds)} "
                "left out")  # fmt: skip
        return [path for path in pictures if path in kept]

    @cached_property
    def label_ending(self) -> str:
        """The files that tell classes: .cls, or .json if the first of these do; '' for neither."""
        if self.by_ending[CLASS_ENDING]:
            return CLASS_ENDING
        some = list(self.by_ending[FACTS_ENDING].values())[:LOOKED_AT]
        return FACTS_ENDING if any(self.read_class(path) for path in some) else ""

    def have_labels(self) -> bool:
        return bool(self.label_ending)

    @property
    def label_files(self) -> Collection[str]:
        return self.by_ending[self.label_ending].values() if self.label_ending else ()

    def with_labels(self, pile: UndecodedImages, pictures: ImageNames, say: Notify) -> UndecodedImages:
        """The pile with the classes beside its pictures; those without one are left out, which is said."""
        there = self.by_ending[self.label_ending]
        keys = [split_key(key.partition(" (frame ")[0])[0] for key in pile.keys]
        values = [self.read_class(there[key]) if key in there else "" for key in keys]
        index = np.array([i for i, value in enumerate(values) if value], dtype=np.int64)
        require(len(index) > 0, f"no picture of {self.name} has a class in a .{self.label_ending} beside it; "
                "--labels none takes all without classes")  # fmt: skip
        if lost := [pile.keys[i] for i, value in enumerate(values) if not value]:
            say(f"{self.name}: {len(lost):,} of {len(pile):,} pictures without a class in a .{self.label_ending} "
                f"beside, {join_names(lost, 1)}, {is_or_are(lost)} left out")  # fmt: skip
        labels, classes = to_class_labels(trim_whole_numbers([values[i] for i in index]))
        check_class_count(len(classes), len(index), f"the .{self.label_ending} files of {self.name} have")
        say(f"{self.name}: its classes are those of the .{self.label_ending} beside each picture; --labels none takes "
            "it without")  # fmt: skip
        kept = pile if len(index) == len(pile) else pile.subset(index)
        return UndecodedImages(kept.keys, kept.read, labels, classes)

    def read_class(self, path: str) -> str:
        """What a file says of a sample's class; nothing where it is damaged or does not say it."""
        try:
            text = decode_text(self.read(path), path)
            if path.lower().endswith(f".{CLASS_ENDING}"):
                return parse_class(text)
            facts = json.loads(text)
        except (Mistake, ValueError, RecursionError):
            return ""
        known = (facts.get(name) for name in CLASS_FACTS) if isinstance(facts, dict) else ()
        value = next((one for one in known if isinstance(one, str | int) and not isinstance(one, bool)), "")
        return parse_class(str(value))
