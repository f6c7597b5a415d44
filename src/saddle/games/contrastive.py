"""CUT: one translator without pairs and without a way back; each patch stays like its own. Park et al. 2020."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from ..batches import Unpaired
from ..clock import Clock, Number, factor_at
from ..core import Judge, Move, Objective, Turn
from ..layers.patch_features import PatchProjector, TellsFeatures, draw_places, patch_nce
from ..objectives import LeastSquares
from ..parts import draw_rows
from .translation import Translation


class ContrastiveTranslation(Translation[Unpaired]):
    """A patch of what is made must be like the same patch of the source, more than like that one's other patches.

    Likeness is told by the generator's own first half. The critic moves first, then generator and projector together.
    With `identity` half of the contrast is that of pictures of the wanted kind with what is made of these.
    """

    def __init__(self, generator: nn.Module, critic: nn.Module, projector: PatchProjector,
                 objective: Objective = LeastSquares(scale=1), contrast: Number = 1.0, identity: bool = True,
                 mirror: bool = False, patches: int = 256, temperature: float = 0.07) -> None:  # fmt: skip
        super().__init__(generator, critic, objective)
        self.projector, self.contrast, self.identity, self.mirror = projector, contrast, identity, mirror
        self.patches, self.temperature = patches, temperature

    def round(self, batches: Iterator[Unpaired], clock: Clock) -> Iterator[Turn]:
        a, b = next(batches)
        judge, mirrored = Judge(self.critic, clock), self.draw_mirrored(a)
        fake = self.translate(a if mirrored is None else torch.where(mirrored, a.flip(3), a))
        yield Move(self.critic, adversarial=self.critic_loss(judge(b), judge(fake.detach())))
        adversarial = self.fooling(judge, fake)
        contrast = self.contrast_of(a, fake, mirrored)
        if self.identity:
            contrast = (contrast + self.contrast_of(b, self.translate(b))) / 2
        weighted = factor_at(self.contrast, clock) * contrast
        yield Move(self.generator, self.projector, adversarial=adversarial, contrast=weighted)

    def draw_mirrored(self, like: Tensor) -> Tensor | None:
        """Which pictures the generator is shown mirrored, while it trains: half of them, where any are."""
        return draw_rows(torch.rand, like, 1, 1, 1) < 0.5 if self.mirror else None

    def contrast_of(self, source: Tensor, made: Tensor, mirrored: Tensor | None = None) -> Tensor:
        """The mean over depths of how badly patches of what was made find their own; what was mirrored is so again."""
        assert isinstance(self.generator, TellsFeatures)
        of_made = self.generator.features(made)
        if mirrored is not None:
            of_made = [torch.where(mirrored, one.flip(3), one) for one in of_made]
        with torch.no_grad():
            of_source = self.generator.features(source)
        places = draw_places(of_made, self.patches)
        queries = self.projector(of_made, places)
        with torch.no_grad():
            keys = self.projector(of_source, places)
        return torch.stack([patch_nce(q, k, self.temperature) for q, k in zip(queries, keys, strict=True)]).mean()

    def show(self, batch: Unpaired) -> Mapping[str, Tensor]:
        return {"a": batch.a, "a>b": self.translate(batch.a), "b": batch.b, "b>b": self.translate(batch.b)}
