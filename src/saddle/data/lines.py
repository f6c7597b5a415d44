"""Lines of text as samples: those of a file, of a program, of a made-up language."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batches import LINE
from ..errors import Mistake, format_count, require
from ..notices import Notify
from ..regular import read_whole
from ..shape import Column, Picture, Shape, Text, line_shape
from ..texts import MAX_LINE, check_letters, describe_lines, line_tokens, split_words, to_one_hot
from .array_dataset import compute_fingerprint
from .dataset import Reading
from .oracle import LINES, MAX_LINES, MAX_TOKENS, is_oracle, oracle_lines, oracle_text, oracle_vocabulary
from .order import RandomWords, random_subset
from .prepare import Prepare
from .sources import split_suffix
from .text_files import decode_text

MAX_BYTES = 1 << 28  # of a file of lines


@dataclass(frozen=True, eq=False)
class LineDataset:
    """Lines of tokens, shown as images of one row that are one-hot."""

    name: str
    tokens: NDArray[np.int64]  # (n, length)
    text: Text
    reading: Reading = "memory"

    @cached_property
    def fingerprint(self) -> str:
        facts = self.text.length, self.text.vocabulary, self.text.words
        return compute_fingerprint(repr(facts).encode(), self.tokens)

    @property
    def columns(self) -> Mapping[str, Column]:
        return {LINE: Picture(self.shape)}

    @property
    def shape(self) -> Shape:
        return line_shape(self.text)

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Mapping[str, Tensor]:
        shown = to_one_hot(torch.from_numpy(self.tokens[index]), self.text.vocabulary)
        return {LINE: shown} if LINE in columns else {}


def open_lines(source: str, prepare: Prepare, say: Notify) -> LineDataset:
    """The lines that a source means; Mistake for options of pictures, and for a file that holds no lines."""
    check_plain(source, prepare)
    name, part = split_suffix(source)
    if is_oracle(name):
        count = prepare.limit or LINES
        require(count <= MAX_LINES, f"limit is {count:,}, but {name} can say {MAX_LINES:,} lines at most")
        require(prepare.tokens == Prepare.tokens, f"the tokens of {name} are numbers; leave out --tokens")
        vocabulary = oracle_vocabulary(part)
        return LineDataset(source, oracle_lines(vocabulary, count), oracle_text(vocabulary))
    require(part is None, f"{name} is one file, and has no part {part}")
    try:
        return lines_dataset(source, [decode_text(read_whole(name, MAX_BYTES), name)], prepare, say)
    except OSError as error:
        raise Mistake(f"{name} cannot be read: {error.strerror or error}") from error


def check_plain(name: str, prepare: Prepare) -> None:
    """Refuse options that only pictures have."""
    plain = replace(prepare, limit=None, tokens=Prepare.tokens, decode="auto") == Prepare()
    require(plain, f"{name} has lines of text, not pictures: of the options for data only limit and tokens apply to it")


def lines_dataset(name: str, texts: Sequence[str], prepare: Prepare, say: Notify) -> LineDataset:
    """Those lines of texts that are not empty, without spaces at their ends, in characters or words."""
    check_letters(texts, name)
    split = split_words if prepare.tokens == "words" else list
    lines = [line.strip() for text in texts for line in text.splitlines()]
    found = [split(line) for line in lines if line]
    require(len(found) >= 2, f"{name} holds {format_count(len(found), 'line')} of text; two at least are needed")
    found = [found[i] for i in random_subset(len(found), prepare.limit)]
    long, found = sum(len(line) > MAX_LINE for line in found), [line[:MAX_LINE] for line in found]
    text = describe_lines(found)
    require(text.vocabulary <= MAX_TOKENS, f"{name} has {text.vocabulary - 1:,} different {prepare.tokens}, and "
            f"{MAX_TOKENS - 1:,} are the most; --tokens characters makes fewer, and so does --limit")  # fmt: skip
    if long:
        say(f"{format_count(long, 'line')} of {name} longer than {MAX_LINE} {prepare.tokens}, and cut there")
    return LineDataset(name, line_tokens(found, text).numpy(), text)
