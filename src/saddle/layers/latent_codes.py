"""Codes that samples tell of themselves: a category, and numbers. Chen et al. 2016 (InfoGAN)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..core import upcast
from ..errors import require
from ..parts import draw_rows
from .gaussian_code import LOG_2PI
from .one_hot import to_one_hot


@dataclass(frozen=True)
class LatentCodes:
    """One of some categories, one-hot and each as often, and behind it numbers from U(-1, 1): rows (n, size)."""

    categories: int = 10  # of which a sample has one
    numbers: int = 2  # that a sample has beside it

    def __post_init__(self) -> None:
        require(self.categories >= 2, f"LatentCodes: categories is {self.categories}, but should be 2 or more")
        require(self.numbers >= 0, f"LatentCodes: numbers is {self.numbers}, but should be 0 or more")

    @property
    def size(self) -> int:
        return self.categories + self.numbers

    def draw(self, like: Tensor) -> Tensor:
        """Codes for each row of `like`, (n, size)."""
        dice = draw_rows(torch.rand, like, 1 + self.numbers)
        category = (self.categories * dice[:, 0]).long()
        return torch.cat([to_one_hot(category, self.categories, dice), 2 * dice[:, 1:] - 1], 1)

    def chosen(self, codes: Tensor, category: int | None, numbers: Sequence[float]) -> Tensor:
        """The same codes with this category, where one is named, and these for the first of the numbers."""
        known = category is None or 0 <= category < self.categories
        require(known, f"category is {category}, but should be from 0 to {self.categories - 1}")
        require(len(numbers) <= self.numbers, f"{len(numbers)} numbers are fixed, but a code has {self.numbers}")
        codes = codes.clone()
        if category is not None:
            codes[:, : self.categories] = to_one_hot(
                torch.tensor(category, device=codes.device), self.categories, codes
            )
        for place, number in enumerate(numbers, self.categories):
            codes[:, place] = number
        return codes

    def most_probable(self, answer: Tensor) -> Tensor:
        """The codes that Q's answer, logits and means (n, size), makes most probable."""
        logits, means = self.split(upcast(answer))
        return torch.cat([to_one_hot(logits.argmax(1), self.categories, means), means], 1)

    def surprise(self, answer: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """E -log Q(c|x) in nats, of the category and of all numbers together: H(c) less the bound L_I (equation 5).

        Q is the softmax of its logits, and normal around its means with a deviation of one, as in the authors' code.
        """
        (logits, means), (category, numbers) = self.split(upcast(answer)), self.split(codes)
        return cross_entropy(logits, category), 0.5 * ((numbers - means).square() + LOG_2PI).sum(1).mean()

    def split(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """What is of the category, (n, categories), and the numbers, (n, numbers)."""
        return codes[:, : self.categories], codes[:, self.categories :]
