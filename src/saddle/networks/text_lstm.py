"""SeqGAN's networks for lines of text: an LSTM writes them, convolutions and a highway layer judge them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..core import Verdict
from ..errors import Mistake, require
from ..layers.tokens import TokenLSTM
from ..shape import Shape
from .base import require_counts

FILTERS = ((1, 100), (2, 200), (3, 200), (4, 200), (5, 200), (6, 100), (7, 100), (8, 100), (9, 100), (10, 100),
           (15, 160), (20, 160))  # how many tokens a filter sees, and how many such there are: from memory  # fmt: skip
WIDEST = 200


@dataclass(frozen=True)
class TextLSTM:
    """Lines of any length, of any tokens. The critic reads tokens, one-hot ones, and mixtures of such."""

    latent: ClassVar[int] = 0  # a line begins from nothing: its chance is in every token
    embedding: int = 32  # numbers that stand for a token, where lines are written
    hidden: int = 32  # numbers of the LSTM's state
    embedding_critic: int = 64  # numbers that stand for a token, where lines are judged
    width_critic: int = WIDEST  # filters of those that see 2 to 5 tokens; of others about half as many
    dropout: float = 0.25  # the share of the critic's features that is left out

    def __post_init__(self) -> None:
        require_counts(self, "embedding", "hidden", "embedding_critic", "width_critic")
        require(0 <= self.dropout < 1, f"TextLSTM: dropout is {self.dropout}, but should be in [0, 1)")

    def generator(self, data: Shape) -> TokenLSTM:
        return TokenLSTM(vocabulary_of(self, data), self.embedding, self.hidden)

    def critic(self, data: Shape) -> TextCNN:
        return TextCNN(vocabulary_of(self, data), data.width, self.embedding_critic, self.width_critic, self.dropout)


def vocabulary_of(pair: object, data: Shape) -> int:
    """The tokens of lines; Mistake for pictures."""
    if data.text is None:
        raise Mistake(f"{type(pair).__name__} takes lines of text, not {data}; give --data oracle, or a text file")
    return data.text.vocabulary


class TextCNN(nn.Module):
    """Of filters over few and many tokens the most that each finds; then a highway layer, and a score. Kim 2014.

    The highway is g relu(W h) + (1 - g) h with a gate g = sigmoid(V h). Srivastava et al. 2015.
    """

    def __init__(self, vocabulary: int, length: int, embedding: int, width: int, dropout: float) -> None:
        super().__init__()
        fits = [(seen, max(1, count * width // WIDEST)) for seen, count in FILTERS if seen <= length]
        size = sum(count for _, count in fits)
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.filters = nn.ModuleList(nn.Conv1d(embedding, count, seen) for seen, count in fits)
        self.transform, self.gate = nn.Linear(size, size), nn.Linear(size, size)
        self.dropout, self.head = nn.Dropout(dropout), nn.Linear(size, 1)

    def forward(self, lines: Tensor, condition: Tensor | None = None) -> Verdict:
        """Of tokens (n, length) int64, or images (n, vocabulary, 1, length) of their shares."""
        if lines.is_floating_point():
            vectors = self.embedding.weight.T @ lines.squeeze(2)
        else:
            vectors = self.embedding(lines).transpose(1, 2)
        found = torch.cat([filters(vectors).relu().amax(2) for filters in self.filters], 1)
        gate = self.gate(found).sigmoid()
        features = self.dropout(gate * self.transform(found).relu() + (1 - gate) * found)
        return Verdict(self.head(features).squeeze(1), features)
