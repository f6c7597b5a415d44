"""Encoders of texts, with the encoder of images that they are trained beside: by words, or by characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from ..errors import Mistake
from ..layers.init import he_uniform
from ..shape import Shape, Text
from ..texts import MAX_WORDS, PADDING, UNKNOWN, split_words, to_tokens, unknown_words
from .base import require_counts


@dataclass(frozen=True)
class WordReader:
    """A vector for each word, beside its neighbours, and the mean of these: small, and quick to learn."""

    learns: ClassVar[bool] = True
    size: int = 128  # numbers of a text's code
    width: int = 64  # of a word's vector

    def __post_init__(self) -> None:
        require_counts(self, "size", "width")

    def reader(self, data: Shape, texts: Text) -> TextReader:
        return TextReader(Words(texts, self.width, self.size), ImageReader(data, self.width, self.size), texts)


@dataclass(frozen=True)
class CharacterReader:
    """A convolutional and recurrent network over the characters of a text, as the paper's; its widths from memory."""

    learns: ClassVar[bool] = True
    size: int = 1024  # numbers of a text's code
    width: int = 256  # channels, and of the recurrent state

    def __post_init__(self) -> None:
        require_counts(self, "size", "width")

    def reader(self, data: Shape, texts: Text) -> TextReader:
        return TextReader(Characters(texts, self.width, self.size), ImageReader(data, 64, self.size), texts)


class TextReader(nn.Module):
    """Codes (n, size) of texts, given as tokens or as they are written, and of images; trained by how these agree."""

    learns = True  # is it trained, before the game?

    def __init__(self, text: Words | Characters, image: nn.Module, column: Text) -> None:
        super().__init__()
        self.text, self.image, self.column = text, image, column

    def forward(self, tokens: Tensor) -> Tensor:
        """The codes of tokens (n, length): each of mean zero and variance one."""
        code = self.text(tokens)
        return layer_norm(code, code.shape[1:])

    def see(self, images: Tensor) -> Tensor:
        """The codes of images (n, channels, height, width)."""
        code: Tensor = self.image(images)
        return layer_norm(code, code.shape[1:])

    def read(self, texts: Sequence[str]) -> Tensor:
        """The codes of texts as they are written; Mistake for a run whose captions were numbers."""
        if not self.column.words:
            raise Mistake("the captions of this run were given as numbers, not as texts; give such as condition")
        code = self.text.read(texts, self.column)
        return layer_norm(code, code.shape[1:])

    def unread_words(self, text: str) -> list[str]:
        """The words of a text that it leaves out."""
        return self.text.unread_words(text, self.column)


class Words(nn.Module):
    """Of each word its vector plus what a convolution makes of it and its neighbours; of these the mean."""

    def __init__(self, texts: Text, width: int, size: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(texts.vocabulary, width, padding_idx=PADDING)
        self.beside, self.last = nn.Conv1d(width, width, 3, padding=1), nn.Linear(width, size)

    def forward(self, tokens: Tensor) -> Tensor:
        there = (tokens != PADDING)[:, :, None]
        vectors = self.vectors(tokens)
        heard = vectors + self.beside(vectors.transpose(1, 2)).relu().transpose(1, 2)
        mean = (heard * there).sum(1) / there.sum(1).clamp(min=1)
        out: Tensor = self.last(mean)
        return out

    def read(self, texts: Sequence[str], column: Text) -> Tensor:
        """As if the words that it never saw were not there."""
        tokens = to_tokens(texts, replace(column, length=MAX_WORDS))
        known = tokens != UNKNOWN
        order = (~known).int().argsort(dim=1, stable=True)  # those it knows first
        tokens = torch.where(known, tokens, PADDING).gather(1, order)
        code: Tensor = self(tokens.to(self.last.weight.device))
        return code

    def unread_words(self, text: str, column: Text) -> list[str]:
        return unknown_words(text, column)


class Characters(nn.Module):
    """Convolutions over characters, each followed by pooling, then a recurrent network; of its states the mean."""

    def __init__(self, texts: Text, width: int, size: int) -> None:
        super().__init__()
        self.alphabet = {sign: i + 1 for i, sign in enumerate(sorted({*" ".join(texts.words), " "}))}
        spelled = texts.words or tuple(chr(0x4E00 + i) for i in range(texts.vocabulary))  # numbers: each a sign
        if not texts.words:
            self.alphabet = {sign: i for i, sign in enumerate(spelled)}
        longest = max(map(len, spelled)) + 1
        table = torch.zeros(texts.vocabulary, longest, dtype=torch.int64)
        for token, word in enumerate(spelled):
            signs = [self.alphabet[sign] for sign in (f"{word} " if texts.words and word else word)]
            table[token, : len(signs)] = torch.tensor(signs, dtype=torch.int64)
        self.register_buffer("spelling", table, persistent=False)
        self.signs = nn.Embedding(len(self.alphabet) + 1, width, padding_idx=0)
        steps = [nn.Sequential(nn.Conv1d(width, width, 4, padding=2), nn.ReLU(), nn.MaxPool1d(3, 2, 1)) for _ in "ab"]
        self.convolutions, self.recurrent = nn.Sequential(*steps), nn.GRU(width, width, batch_first=True)
        self.last = nn.Linear(width, size)

    def forward(self, tokens: Tensor) -> Tensor:
        spelling = self.get_buffer("spelling")
        return self.of_signs(spelling[tokens].flatten(1))

    def of_signs(self, signs: Tensor) -> Tensor:
        """Of rows of characters, whose gaps are closed first, so that a text's code does not hang on its batch."""
        there, longest = signs != 0, signs.shape[1]
        places = torch.where(there, there.cumsum(1) - 1, longest)  # of gaps behind the end: no sort, to be exported
        signs = signs.new_zeros(signs.shape[0], longest + 1).scatter(1, places, signs)[:, :longest]
        states = self.recurrent(self.convolutions(self.signs(signs).transpose(1, 2)).transpose(1, 2))[0]
        long = ((signs != 0).sum(1) // 4 + 1).clamp(max=states.shape[1])  # states of the text itself
        there = (torch.arange(states.shape[1], device=signs.device) < long[:, None])[:, :, None]
        out: Tensor = self.last((states * there).sum(1) / long[:, None])
        return out

    def read(self, texts: Sequence[str], column: Text) -> Tensor:
        """Letter by letter, words that it never saw as well."""
        written = ["".join(f"{word} " for word in split_words(text)[:MAX_WORDS]) for text in texts]
        rows = [[self.alphabet[sign] for sign in text if sign in self.alphabet] for text in written]
        length = max([self.get_buffer("spelling").shape[1] * column.length, *map(len, rows)])
        padded = torch.tensor([row + [0] * (length - len(row)) for row in rows], dtype=torch.int64)
        return self.of_signs(padded.to(self.last.weight.device))

    def unread_words(self, text: str, column: Text) -> list[str]:
        return [word for word in unknown_words(text, column) if not any(sign in self.alphabet for sign in word)]


class ImageReader(nn.Sequential):
    """Images to codes: convolutions that halve the sides down to 4 to 7 pixels, and a dense layer."""

    def __init__(self, data: Shape, width: int, size: int) -> None:
        height, across = data[1:3]
        widths = [data.channels]
        while min(height, across) >= 8:
            height, across = height // 2, across // 2
            widths.append(min(width << (len(widths) - 1), 4 * width))
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [he_uniform(nn.Conv2d(a, b, 4, 2, 1)), nn.ReLU()]
        super().__init__(*layers, nn.Flatten(), nn.Linear(widths[-1] * height * across, size))
