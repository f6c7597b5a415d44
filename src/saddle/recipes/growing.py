"""The schedule of papers that grow: a stage for each size, with its own batch and rate. Karras et al. 2017."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, TypeVar

from ..clock import check_range
from ..errors import require
from ..games.progressive import FadeIn, Faster, ProgressiveGrowing
from ..image_size import ImageSize
from ..networks.base import Pyramid, image_pyramid
from ..optim import Scaled
from ..recipe import Optimizing, Stage
from ..shape import Shape
from .versus import Versus

G = TypeVar("G", bound=ProgressiveGrowing)


@dataclass(frozen=True)
class Growing(Versus):
    """Sizes follow one another as the paper has it; a run of another length has as much less, or more, of each."""

    batch: int = 128  # images in one move of the critic, at the smallest sizes
    whole_batch: int = 16  # the largest side that so many are shown at; half as many at twice that side, and so on
    least_batch: int = 4  # the smallest such batch
    fade: float = 600  # how long a new size is faded in, beside the next two; in the paper, thousands of images
    stable: float = 600  # how long a size is played with before the next one comes
    last: float = 2400  # how long the last size is, once it is there
    skip: int = 0  # sizes that are left out at the beginning
    faster: tuple[Faster, ...] = (Faster(1024, 1.5),)  # at which sizes both players step faster; the authors'

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        for field in ("fade", "stable", "last"):
            check_range(getattr(self, field), f"{name}'s {field}")
        for length in (self.stable, self.last):
            require(self.fade + length > 0, f"{name}: a size that is neither faded in nor played with has no images; "
                    "give --fade 600 --stable 600 --last 2400")  # fmt: skip
        require(self.stable > 0, f"{name}'s stable is {self.stable}, but the first size is not faded in, so it needs "
                "some; give --stable 600")  # fmt: skip
        for field in ("whole_batch", "least_batch"):
            require(getattr(self, field) >= 1, f"{name}'s {field} is {getattr(self, field)}, but should be 1 or more")
        require(self.skip >= 0, f"{name}'s skip is {self.skip}, but should be 0 or more")

    def grow(self, kind: type[G], data: Shape, **more: Any) -> G:
        """A game of this kind that grows as the stages do."""
        spans, (_, levels) = self.spans(data), self.pyramid(data)
        fades = (0.0, *(self.fade / span for span in spans[1:]))
        return self.play(kind, data, fade=FadeIn(fades), first=levels + 1 - len(spans), **more)

    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        spans, (start, levels) = self.spans(data), self.pyramid(data)
        ends = [round(images * done / sum(spans)) for done in accumulate(spans)]
        return tuple(self.stage(end, data, start, level)
                     for level, end in enumerate(ends, levels + 1 - len(spans)))  # fmt: skip

    def stage(self, until: int, data: Shape, start: ImageSize, level: int) -> Stage:
        """The stage of a level, whose side is 4 << level where images are halved until 4 pixels are left."""
        side = 4 << level
        fewer = self.batch * self.whole_batch // max(side, self.whole_batch)
        pace = max(((one.side, one.times) for one in self.faster if side >= one.side), default=(0, 1.0))[1]
        steps = None if pace == 1 else partial(self.faster_steps, pace)
        shown = data._replace(height=start.height << level, width=start.width << level)
        return Stage(until, shown, min(self.batch, max(fewer, self.least_batch)), steps)

    def faster_steps(self, pace: float, player: str) -> Optimizing:
        return Scaled(self.steps(player), pace)

    def spans(self, data: Shape) -> list[float]:
        """How long each size is played with, beside the others."""
        further = max(self.pyramid(data).steps - self.skip, 0)
        if not further:
            return [self.stable + self.last]
        return [self.stable, *[self.fade + self.stable] * (further - 1), self.fade + self.last]

    def pyramid(self, data: Shape) -> Pyramid:
        name = type(self).__name__
        require(not data.points, f"{name} grows from small pictures to large ones, and points have no size; for points "
                "there is the recipe wgan-gp-toy")  # fmt: skip
        return image_pyramid(self.networks, data)
