"""Texts as rows of tokens: words and signs, by their number in a vocabulary, and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from .errors import Mistake
from .shape import Text

PADDING, UNKNOWN = 0, 1  # the tokens behind a text's end, and of a word that the vocabulary has not
SPECIAL = ("", "?")  # how these two are written
MAX_WORDS = 64  # of a text; what stands behind them is left out
MAX_VOCABULARY = 50_000  # the most frequent words
MAX_LINE = 64  # tokens of a line that is learned, what stands behind them too
MAX_KEPT = 20_000  # different texts that a run remembers
IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # written without spaces: each is a word
WORDS = re.compile(rf"[{IDEOGRAPHS}]|(?:(?![{IDEOGRAPHS}])\w)+|[^\w\s]")
UNWRITABLE = re.compile("[\0\ud800-\udfff]")


def check_letters(texts: Iterable[str], name: str) -> None:
    """Refuse what no file of text holds, so that no run could keep it: a NUL, half a character."""
    for text in texts:
        if (found := UNWRITABLE.search(text)) is not None:
            what = "a NUL" if found[0] == "\0" else "half a character"
            raise Mistake(f"{name} has a text with {what}: {text[max(found.start() - 20, 0) :][:40]!r}; take it out")


def split_words(text: str) -> list[str]:
    """The words and signs of a text, as they are written: a letter A is not the article a."""
    return WORDS.findall(text)


def describe_texts(texts: Sequence[str]) -> Text:
    """The column that holds such texts: its vocabulary, and the different texts with how often each is there."""
    split = [split_words(text) for text in texts]
    seen = Counter(word for words in split for word in words[:MAX_WORDS])
    words = sorted(word for word, _ in seen.most_common(MAX_VOCABULARY))
    length = max((min(len(words), MAX_WORDS) for words in split), default=1)
    captions = dict(islice(Counter(" ".join(words) for words in split).items(), MAX_KEPT))
    return Text(max(length, 1), len(SPECIAL) + len(words), (*SPECIAL, *words), captions)


def to_tokens(texts: Iterable[str], column: Text) -> Tensor:
    """Tokens (n, length) int64; a word that is not known as it is written is looked for in another case."""
    number, any_case = numbers_of(column.words)
    rows = []
    for text in texts:
        words = split_words(text)[: column.length]
        row = [number.get(word) or any_case.get(word.casefold(), UNKNOWN) for word in words]
        rows.append(row + [PADDING] * (column.length - len(row)))
    return torch.tensor(rows, dtype=torch.int64).view(-1, column.length)


def unknown_words(text: str, column: Text) -> list[str]:
    """The words of a text that no caption of the training data has; signs are no words."""
    number, any_case = numbers_of(column.words)
    strange = (word for word in split_words(text) if word not in number and word.casefold() not in any_case)
    return list(dict.fromkeys(word for word in strange if word.isalnum()))


@lru_cache(maxsize=8)
def numbers_of(words: tuple[str, ...]) -> tuple[dict[str, int], dict[str, int]]:
    """The tokens of words, as they are written, and in any case: of several spellings the first."""
    number = {word: token for token, word in enumerate(words) if token >= len(SPECIAL)}
    return number, {word.casefold(): token for word, token in reversed(number.items())}


def to_texts(tokens: Tensor, words: Sequence[str]) -> list[str]:
    """Rows of tokens (n, length) as texts."""
    return [" ".join(words[token] for token in row if token != PADDING) for row in tokens.tolist()]


def describe_lines(lines: Sequence[Sequence[str]]) -> Text:
    """What lines of these tokens hold: token 0 is what stands behind a line's end. None of them is longer than all."""
    words = sorted({token for line in lines for token in line})
    longest = max(map(len, lines), default=0)
    return Text(max(2, min(longest, MAX_LINE)), 1 + len(words), ("", *words))  # one token alone would be a point


def line_tokens(lines: Sequence[Sequence[str]], text: Text) -> Tensor:
    """Tokens (n, length) int64 of lines; what is longer is cut."""
    number = {word: token for token, word in enumerate(text.words)}
    rows = [[number[token] for token in line[: text.length]] for line in lines]
    return torch.tensor([row + [PADDING] * (text.length - len(row)) for row in rows], dtype=torch.int64)


def to_one_hot(tokens: Tensor, vocabulary: int) -> Tensor:
    """Tokens (n, length) as images of one row, (n, vocabulary, 1, length) float32."""
    return one_hot(tokens, vocabulary).float().movedim(2, 1).unsqueeze(2)


def from_one_hot(images: Tensor) -> Tensor:
    """The tokens (n, length) of such images; of soft ones the likeliest."""
    return images.argmax(1).squeeze(1)


def to_lines(tokens: Tensor, text: Text) -> list[str]:
    """Tokens (n, length) as they are written: characters side by side, words with spaces, what has no name as numbers.

    Where every token is of one character they are taken for characters, as those of Chinese text by words are, too.
    """
    if not text.words:
        return [" ".join(map(str, row)) for row in tokens.tolist()]
    between = "" if all(len(word) < 2 for word in text.words) else " "
    return [between.join(word for token in row if (word := text.words[token])) for row in tokens.tolist()]
