"""Tokens of a line: a recurrent network that writes them one after another, and two ways of drawing the next one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..core import upcast
from ..errors import Mistake
from .one_hot import to_one_hot

State = tuple[Tensor, Tensor]  # of the recurrent network, (n, hidden) each


class TokenLSTM(nn.Module):
    """Logits of each next token of a line, given those before it: an embedding, an LSTM, a linear layer.

    Hochreiter & Schmidhuber 1997. A line begins after a vector of zeros.
    """

    def __init__(self, vocabulary: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.cell, self.out = nn.LSTMCell(embedding, hidden), nn.Linear(hidden, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (n, length, vocabulary) of every token of lines (n, length), each given those before it."""
        states, state = [], self.start(tokens)
        for t in range(tokens.shape[1]):
            states.append(state[0])
            if t + 1 < tokens.shape[1]:
                state = self.read(tokens[:, t], state)
        logits: Tensor = self.out(torch.stack(states, 1))
        return logits

    def start(self, like: Tensor) -> State:
        """The state at the beginning of as many lines as `like` has rows, (n, hidden)."""
        weight = self.embedding.weight
        begun: State = self.cell(weight.new_zeros(like.shape[0], weight.shape[1]))
        return begun

    def read(self, token: Tensor, state: State) -> State:
        """The state after one more token of each line: (n,) int64, or (n, vocabulary) shares of each."""
        vector = token @ self.embedding.weight if token.is_floating_point() else self.embedding(token)
        after: State = self.cell(vector, state)
        return after

    def write(self, choose: Callable[[int, Tensor], Tensor], like: Tensor, length: int) -> Tensor:
        """Lines (n, length) or (n, length, vocabulary) of tokens that `choose` gives for a place and its logits."""
        tokens, state = [], self.start(like)
        for t in range(length):
            tokens.append(choose(t, self.out(state[0])))
            state = self.read(tokens[-1], state)
        return torch.stack(tokens, 1)


def check_writer(generator: nn.Module) -> TokenLSTM:
    """Refuse a generator that does not write token by token."""
    if not isinstance(generator, TokenLSTM):
        raise Mistake(f"lines are written token by token, which {type(generator).__name__} cannot; give --networks "
                      '"TextLSTM()"')  # fmt: skip
    return generator


def draw_tokens(logits: Tensor, uniform: Tensor) -> Tensor:
    """Tokens (...) for logits (..., vocabulary), by numbers (...) uniform in [0, 1): draws of their softmax."""
    reached = upcast(logits).softmax(-1).cumsum(-1)  # of bfloat16 the sums would be off by whole tokens
    tokens = (reached <= uniform.unsqueeze(-1)).sum(-1)  # which is exported too, as searchsorted is not
    return tokens.clamp(max=logits.shape[-1] - 1)  # of sums that rounding leaves below 1


def gumbel_softmax(logits: Tensor, noise: Tensor, temperature: float | Tensor, hard: bool = False) -> Tensor:
    """softmax((logits + noise) / temperature) for Gumbel noise: a draw that has a gradient, soft above 0.

    `hard`: its largest entry is 1 and the others 0, with the gradient of the soft one: straight-through.
    Jang et al. 2016, Maddison et al. 2016.
    """
    soft = ((upcast(logits) + noise) / temperature).softmax(-1)
    if not hard:
        return soft
    return to_one_hot(soft.argmax(-1), logits.shape[-1], soft) + (soft - soft.detach())


def token_log_probabilities(logits: Tensor, tokens: Tensor) -> Tensor:
    """log p of each token (n, length) under its logits (n, length, vocabulary), in nats."""
    return upcast(logits).log_softmax(-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
