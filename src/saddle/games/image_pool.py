"""The pool of CycleGAN: critics are shown what generators made some time ago, too. Shrivastava et al. 2017."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from ..core import Agree, Memory, Turn, upcast
from ..parts import CURRENT_SHARD, global_size, local_rows
from ..shape import Shape


class ImagePool(Memory):
    """The last pictures of a generator, `size` of them: in its state, so that a run goes on with the same ones.

    Until it is full it keeps what it is shown. Then each picture is, with a probability of one half, exchanged for one
    of the pool, and takes its place. What a batch adds is there from the next batch on, and its draws are of the whole
    batch's, so that its parts and processes do as one.
    """

    images: Tensor
    seen: Tensor

    def __init__(self, size: int, data: Shape) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, *data[:3]))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def exchange(self, made: Tensor) -> tuple[Tensor, tuple[Turn, ...]]:
        """What the critic is shown in the place of these (n, channels, height, width), and then to be played."""
        made, size, rows = upcast(made.detach()), len(self.images), global_size(made)
        dice = CURRENT_SHARD.get().rng
        swap = (torch.rand(rows, generator=dice, device=made.device) < 0.5) & (self.seen >= size)
        slot = torch.randint(size, (rows,), generator=dice, device=made.device)
        place = self.seen + torch.arange(rows, device=made.device)
        filling = place < size
        slot = torch.where(filling, place.clamp(max=size - 1), slot)
        old = self.images[local_rows(slot, made)]
        shown = torch.where(local_rows(swap, made).view(-1, 1, 1, 1), old, made)
        return shown, (Agree(partial(self.put, slot, swap | filling), whole_batch(made)),)

    def put(self, slot: Tensor, kept: Tensor, made: Tensor) -> None:
        """Take up those of a whole batch that are kept, each in its slot; of two in one the later stays."""
        for row in range(len(made)):
            own = slot[row : row + 1]
            self.images.index_copy_(0, own, torch.where(kept[row], made[row : row + 1], self.images[own]))
        self.seen += len(made)


def whole_batch(rows: Tensor) -> Tensor:
    """Zeros for the rows of the other parts, and this part's so that the mean over all parts is the whole batch."""
    first, n = CURRENT_SHARD.get().rows(len(rows))
    whole = rows.new_zeros(n, *rows.shape[1:])
    whole[first : first + len(rows)] = rows * (n // len(rows))
    return whole
