"""Images of texts: an encoder of texts learns first, then a critic that is also shown texts that do not belong."""

from __future__ import annotations

import math
from collections.abc import Generator, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from ..batches import Captioned, Images
from ..capabilities import generate
from ..clock import Clock
from ..core import Judge, Judged, Move, Turn, frozen
from ..errors import Mistake, require
from ..parts import CURRENT_SHARD
from .adversarial import Adversarial
from .slots import Slots
from .terms import critic_input
from .whole_batch import batch_mean


class TextToImage(Adversarial):
    """GAN-CLS and GAN-INT. Reed et al. 2016, algorithm 1 and equation 5.

    In the first stage of a run the reader learns alone, by the matching loss; it is frozen after that. Then the critic
    tells (real, its text) from (real, another text of the batch) and (made, its text), and the generator answers it
    for its texts and, `interpolated` as strongly, for means of two texts, of half as many images.
    """

    def __init__(self, generator: nn.Module, critic: nn.Module, latent: int, *, reader: nn.Module,
                 mismatched: float = 0.5, interpolated: float = 0.0, **slots: Unpack[Slots]) -> None:  # fmt: skip
        share = 0 <= mismatched < 1 and interpolated >= 0
        require(share, f"mismatched is {mismatched} and interpolated {interpolated}, but should be in [0, 1), and 0 or "
                       "more")  # fmt: skip
        super().__init__(generator, critic, latent, **slots)
        self.reader, self.mismatched, self.interpolated = reader, mismatched, interpolated

    def round(self, batches: Iterator[Any], clock: Clock) -> Iterator[Turn]:
        if self.is_reading(clock):
            yield from self.reading_turn(next(batches))
        else:
            yield from super().round((Images(*batch) for batch in batches), clock)

    def is_reading(self, clock: Clock) -> bool:
        return bool(self.reader.learns) and clock.stage == 0

    def reading_turn(self, batch: Captioned) -> Iterator[Turn]:
        """Each image should agree more with its own text than with the batch's others, and each text with its own."""
        images, tokens = (yield from whole_rows(self, batch.image)), (yield from whole_rows(self, batch.caption))
        seen, told = self.see(images), self.reader(tokens)
        loss = joint_embedding(seen @ told.T / math.sqrt(seen.shape[1]), differ(tokens))
        yield Move(self.reader, matching=own_rows(loss, len(batch.image)).mean())

    def critic_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Generator[Turn, None, tuple[Judged, Judged]]:
        other = (yield from self.other_codes(batch)) if self.mismatched else None
        real, made = (judge(critic_input(x, self.penalties, judge.clock)) for x in (batch.image, fake))
        move = self.critic_move(judge, real, made)
        if other is not None:
            wrong = replace(judge, condition=other)(batch.image)
            move.terms["adversarial"] = (1 - self.mismatched) * move.terms["adversarial"]
            move.terms["mismatched"] = self.mismatched * self.objective.critic(real.score, wrong.score)
        yield move
        return real, made

    def generator_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Iterator[Turn]:
        if not self.interpolated:
            yield from super().generator_turn(judge, batch, fake)
            return
        other = yield from self.other_codes(batch)
        move, codes = self.answer(judge, batch, fake), judge.condition
        assert codes is not None, "it was told"
        half = even_rows(len(fake), fake.device)
        between = replace(judge, condition=codes.lerp(other, 0.5)[half])
        made = self.generator(self.latents(batch.image)[half], between.condition)
        with frozen(self.critic):
            fooled = between(made).score
        with torch.no_grad():
            real = replace(judge, condition=codes[half])(batch.image[half]).score if self.objective.paired else fooled
        term = self.objective.generator(real, fooled) * (2 * len(half) / len(fake))
        yield Move(self.generator, **move.terms, interpolated=self.interpolated * term)

    def other_codes(self, batch: Images) -> Generator[Turn, None, Tensor]:
        """For each image the code of another text of the whole batch."""
        assert batch.condition is not None, "batches of Captioned have texts"
        tokens = yield from whole_rows(self, batch.condition)
        return self.told(own_rows(tokens[next_other(differ(tokens))], len(batch.image)))

    def told(self, condition: Tensor | None) -> Tensor:
        """The codes of texts: of tokens (n, length), or as they are."""
        if condition is None:
            raise Mistake("these networks are told a text; give each sample one, as in sample(n, text='...')")
        if condition.is_floating_point():
            return condition
        with torch.no_grad():
            code: Tensor = self.reader(condition)
        return code

    def see(self, images: Tensor) -> Tensor:
        seen: Tensor = self.reader.see(images)  # type: ignore[operator]
        return seen

    def read(self, texts: Sequence[str]) -> Tensor:
        """The codes of texts as they are written, (n, size)."""
        with torch.no_grad():
            code: Tensor = self.reader.read(texts)  # type: ignore[operator]
        return code

    def unread_words(self, text: str) -> list[str]:
        """The words of a text that its reader leaves out."""
        words: list[str] = self.reader.unread_words(text)  # type: ignore[operator]
        return words

    def open_judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        return super().open_judge(self.told(condition), clock)

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().score(images, self.told(condition))

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().make(latents, self.told(condition))

    def phase(self, clock: Clock) -> Hashable:
        return self.is_reading(clock), super().phase(clock)

    def show(self, batch: Any) -> Mapping[str, Tensor]:
        return {"real": batch.image, "made": generate(self, batch.image, batch.caption)}


def joint_embedding(agreement: Tensor, differs: Tensor) -> Tensor:
    """The structured joint embedding loss of each image with its text, (n,).

    `agreement` (n, n) says how well each image goes with each text, its own on the diagonal; `differs` (n, n), which
    texts are not the same. Own pairs should agree by 1 more than any that differ: the hinges' mean over these.
    """
    own = agreement.diagonal()
    images, texts = (1 + agreement - own[:, None]).relu(), (1 + agreement.T - own[:, None]).relu()
    return ((images + texts) * differs).sum(1) / differs.sum(1).clamp(min=1)


def differ(tokens: Tensor) -> Tensor:
    """Which texts (n, length) say something else, (n, n)."""
    return (tokens[:, None] != tokens).any(2)


def next_other(differs: Tensor) -> Tensor:
    """For each text the place of the next one round the batch that says something else; itself where none does."""
    n = len(differs)
    after = (torch.arange(n, device=differs.device)[:, None] + torch.arange(n, device=differs.device)) % n
    same = (differs.gather(1, after).cumsum(1) == 0).sum(1)  # so many from itself on say the same
    return after.gather(1, (same % n)[:, None]).squeeze(1)


def whole_rows(game: nn.Module, rows: Tensor) -> Generator[Turn, None, Tensor]:
    """The rows of the whole batch, of which these are a part's."""
    first, count = CURRENT_SHARD.get().rows(len(rows))
    if count == len(rows):
        return rows
    padded = rows.new_zeros(count, *rows.shape[1:], dtype=torch.float32)
    padded[first : first + len(rows)] = rows
    whole = (yield from batch_mean(game, padded)) * (count / len(rows))
    return whole if rows.is_floating_point() else whole.round().to(rows.dtype)


def own_rows(whole: Tensor, count: int) -> Tensor:
    """This part's rows of those of the whole batch."""
    first, _ = CURRENT_SHARD.get().rows(count)
    return whole[first : first + count]


def even_rows(count: int, device: torch.device) -> Tensor:
    """The places of this part's rows that have an even place in the whole batch."""
    first, _ = CURRENT_SHARD.get().rows(count)
    return torch.arange(first % 2, count, 2, device=device)
