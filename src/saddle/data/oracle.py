"""A language that is known: lines of a random LSTM, which says how likely any line is. Yu et al. 2016, section 5.1."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import require
from ..layers.tokens import TokenLSTM, draw_tokens, token_log_probabilities
from ..shape import Text

ORACLE = "oracle"  # the data set; oracle:5000 is that of so many tokens
LENGTH, HIDDEN, EMBEDDING = 20, 32, 32  # the paper's
VOCABULARY, MAX_TOKENS = 200, 20_000  # few tokens suffice for two minutes; the paper has 5,000
LINES, MAX_LINES = 10_000, 10_000_000
AT_ONCE = 1000  # lines


def oracle_vocabulary(part: str | None) -> int:
    """How many tokens `oracle:5000` has; Mistake for no such number."""
    fine = part is None or (part.isascii() and part.isdecimal() and 2 <= int(part) <= MAX_TOKENS)
    require(fine, f"{ORACLE}:{part} should say how many tokens its language has, 2 to {MAX_TOKENS:,}, as {ORACLE}:5000")
    return VOCABULARY if part is None else int(part)


def is_oracle(name: str) -> bool:
    """Is this the name of data that such a language says?"""
    return name.partition(":")[0] == ORACLE


def oracle_text(vocabulary: int) -> Text:
    """What its lines are."""
    return Text(LENGTH, vocabulary)


@lru_cache(maxsize=2)
def oracle_language(vocabulary: int) -> TokenLSTM:
    """The random LSTM of so many tokens, always the same: every weight a standard normal number."""
    with torch.device("meta"):
        language = TokenLSTM(vocabulary, EMBEDDING, HIDDEN)
    language.to_empty(device="cpu").double().requires_grad_(False)
    chance = torch.Generator().manual_seed(vocabulary)
    for weight in language.parameters():
        weight.normal_(generator=chance)
    return language


@torch.no_grad()
def oracle_lines(vocabulary: int, n: int, seed: int = 0) -> NDArray[np.int64]:
    """n lines that the language says, as tokens (n, 20)."""
    language, chance = oracle_language(vocabulary), torch.Generator().manual_seed(seed)
    found = []
    for place in range(0, n, AT_ONCE):
        uniform = torch.rand(min(AT_ONCE, n - place), LENGTH, dtype=torch.float64, generator=chance)

        def draw(t: int, logits: Tensor, uniform: Tensor = uniform) -> Tensor:
            return draw_tokens(logits, uniform[:, t])

        found.append(language.write(draw, uniform, LENGTH))
    return torch.cat(found).numpy()


@torch.no_grad()
def oracle_surprise(lines: Tensor, vocabulary: int) -> Tensor:
    """Minus the log-likelihood of lines (n, length) under the language, in nats per token, (n,)."""
    language = oracle_language(vocabulary)
    parts = [-token_log_probabilities(language(some), some).mean(1) for some in torch.split(lines, AT_ONCE)]
    return torch.cat(parts)
