"""Texts that samples are asked for: their codes, the words that no caption had, the nearest training caption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..capabilities import ReadsTexts
from ..core import Game
from ..errors import Mistake, require
from ..shape import Column, Text
from ..texts import split_words, to_tokens, unknown_words

CAPTIONS_AT_ONCE = 256


def text_codes(game: Game[Any], texts: Sequence[str], column: Column | None) -> Tensor:
    """A code for each text, (n, size); equal texts have equal ones. Mistake for texts that say nothing to this game."""
    reader = check_texts(game, texts, column)
    with torch.no_grad():
        known = {text: reader.read([text]) for text in dict.fromkeys(texts)}
    return torch.cat([known[text] for text in texts])


def check_texts(game: Game[Any], texts: Sequence[str], column: Column | None) -> ReadsTexts:
    """The game, if it can be told these texts."""
    if not isinstance(game, ReadsTexts) or not isinstance(column, Text):
        raise Mistake("a text was asked for, but this game was not trained on captions; the recipe gan-cls is")
    require(bool(column.words), "the captions of this run were given as numbers, not as texts; give such as condition")
    for text in texts:
        words = [word for word in split_words(text) if word.isalnum()]
        strange = len(game.unread_words(text)) == len(set(words))
        like = next(iter(column.captions), "")
        require(not strange, f"no word of {text!r} is in the captions that this run was trained on, such as {like!r}")
    return game


def describe_new_texts(game: Game[Any], texts: Sequence[str], column: Column | None) -> Iterator[str]:
    """What there is to say of texts that are no training captions: strange words, and the nearest caption."""
    reader = check_texts(game, texts, column)
    assert isinstance(column, Text), "it was checked"
    new = [text for text in dict.fromkeys(texts) if " ".join(split_words(text)) not in column.captions]
    for text, near in zip(new, nearest_captions(reader, new, column), strict=True):
        strange = unknown_words(text, column)
        words = f"no training caption has the word{'s' * (len(strange) > 1)} {', '.join(strange)}; " if strange else ""
        yield f"{text!r}: {words}the nearest training caption is {near!r}"


def nearest_captions(reader: ReadsTexts, texts: Sequence[str], column: Text) -> list[str]:
    """For each text the training caption whose code points most nearly the same way."""
    captions = list(column.captions)
    if not texts or not captions:
        return [""] * len(texts)
    with torch.no_grad():
        asked = normalize(reader.read(texts))
        parts = [captions[i : i + CAPTIONS_AT_ONCE] for i in range(0, len(captions), CAPTIONS_AT_ONCE)]
        known = normalize(torch.cat([reader.read(part) for part in parts]))
    return [captions[place] for place in (asked @ known.T).argmax(1).tolist()]


def draw_captions(column: Text, n: int, dice: torch.Generator) -> Tensor:
    """Tokens (n, length) of training captions, each as often as it was among them."""
    texts, shares = list(column.captions), torch.tensor(list(column.captions.values()), dtype=torch.float64)
    drawn = torch.multinomial(shares, n, replacement=True, generator=dice).tolist()
    return to_tokens([texts[place] for place in drawn], column)
