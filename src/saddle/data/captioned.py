"""Data with captions: those that each picture has, as tokens, one of them by chance whenever it is shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batches import CAPTION_ADVICE
from ..errors import Mistake, format_count, require
from ..notices import Notify, notify_nobody
from ..shape import Column, Columns, Text
from ..texts import check_letters, describe_texts, to_tokens
from .array_dataset import StoredColumn, compute_fingerprint
from .cache.store import open_undecoded
from .dataset import Dataset, DatasetView, Taking, begin_to_take
from .order import RandomWords
from .prepare import Prepare
from .readers.caption_files import NO_CAPTIONS, check_all_captioned
from .row_groups import RowGroups, groups_of
from .undecoded import ColumnsCheck, DataSource

CAPTION = "caption"  # the column


@dataclass(frozen=True, eq=False)
class CaptionRows:
    """The captions of samples: how many each has, and all of them in one row after another."""

    first: NDArray[np.int64]  # (n + 1,): where those of each sample begin
    tokens: Tensor  # (captions, length) int64
    holds: Text

    @classmethod
    def of(cls, texts: Sequence[Sequence[str]]) -> CaptionRows:
        flat = [text for some in texts for text in some]
        holds = describe_texts(flat)
        counts = np.array([len(some) for some in texts], np.int64)
        return cls(np.concatenate([[0], counts.cumsum()]).astype(np.int64), to_tokens(flat, holds), holds)

    def take(self, index: NDArray[np.int64], chance: RandomWords) -> Tensor:
        """A caption for each of these samples: of several the one that its random word tells."""
        first, count = self.first[index], self.first[index + 1] - self.first[index]
        high = chance >> np.uint64(43)  # 21 bits that no mirror and no window is decided by
        return self.tokens[torch.from_numpy(first + (high * count.astype(np.uint64) >> np.uint64(21)).astype(np.int64))]


@dataclass(frozen=True, eq=False)
class CaptionedDataset(DatasetView):
    """The samples of a data set that have captions, with these."""

    whole: Dataset
    captions: CaptionRows
    places: NDArray[np.int64]  # of each sample of the whole among the captions

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The samples that have a caption."""
        first = self.captions.first
        return np.flatnonzero(first[self.places + 1] > first[self.places])

    @cached_property
    def fingerprint(self) -> str:
        words = "\0".join(self.captions.holds.words)
        return compute_fingerprint(f"{self.whole.fingerprint} {words}".encode(), self.captions.tokens.numpy(),
                                   self.captions.first, self.places)  # fmt: skip

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        return {**self.whole.columns, CAPTION: self.captions.holds}

    @cached_property
    def groups(self) -> RowGroups | None:
        whole = groups_of(self.whole)
        return whole and whole.subset(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def begin(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Taking:
        taking = begin_to_take(self.whole, self.rows[index], chance, columns)
        if CAPTION not in columns:
            return taking
        told = self.captions.take(self.places[self.rows[index]], chance)
        return lambda: {**taking(), CAPTION: told}


def find_captions(source: DataSource, prepare: Prepare, say: Notify) -> CaptionRows | None:
    """The captions of a source's pictures, by their place in it; None where none are asked for."""
    spec = prepare.captions
    if spec in (None, NO_CAPTIONS):
        return None
    assert spec is not None
    if source.captions is None:
        raise Mistake(f"{source.name} has no captions: they go with glyphs and with files of pictures, as "
                      f"{CAPTION_ADVICE}")  # fmt: skip
    named = None if prepare.left_out else source.keys
    keys = named or open_undecoded(source, notify_nobody).chosen(prepare.limit, prepare.left_out).keys
    found = source.captions(spec, keys, say)
    if prepare.uncaptioned == "refuse":
        check_all_captioned(found, keys, source.name)
    missing = sum(not texts for texts in found.texts)
    require(missing < len(keys) - 1, f"of {format_count(len(keys), 'picture')} of {source.name} "
            f"{len(keys) - missing} have a caption in {found.where}; two at least are needed")  # fmt: skip
    if missing:
        say(f"{format_count(missing, 'picture')} of {len(keys):,} without a caption in {found.where} left out")
    check_letters((text for texts in found.texts for text in texts), found.where)
    return CaptionRows.of(found.texts)


def told_of_captions(suits: ColumnsCheck, captions: CaptionRows | None) -> ColumnsCheck:
    """A check that hears of the captions as well, before pictures are read."""
    if captions is None:
        return suits
    rows, most = captions, int((np.diff(captions.first) > 0).sum())

    def check(columns: Columns, count: int | None) -> object:
        return suits({**columns, CAPTION: rows.holds}, None if count is None else min(count, most))

    return check


def with_captions(data: Dataset, captions: CaptionRows | None, places: NDArray[np.int64] | None) -> Dataset:
    """The data with the captions of their pictures, whose places among all are these."""
    if captions is None:
        return data
    return CaptionedDataset(data, captions, np.arange(len(data)) if places is None else places)


def text_column(texts: Sequence[object], name: str) -> StoredColumn:
    """The captions that a program gives, a text for each sample; Mistake for what is none."""
    given = [text for text in texts if isinstance(text, str) and text.strip()]
    require(len(given) == len(texts), f"{name} has {format_count(len(texts) - len(given), 'row')} of {len(texts):,} "
                                      "without a text; leave out these samples")  # fmt: skip
    check_letters(given, name)
    rows = CaptionRows.of([(text,) for text in given])
    return StoredColumn(rows.tokens.numpy(), rows.holds)
