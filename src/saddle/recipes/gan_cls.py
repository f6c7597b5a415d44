"""GAN-CLS and GAN-INT: images of texts, against a critic that also says whether a text belongs to its image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..batches import Captioned
from ..errors import Mistake, require
from ..games import TextToImage
from ..networks import TextConvolutional, WordReader
from ..optim import Adam
from ..recipe import Networks, Optimizing, Paper, Stage, TextReading
from ..shape import Codes, Shape, Text
from .versus import Versus


@dataclass(frozen=True)
class GANCLS(Versus):
    """On the paper's networks, with a small encoder of texts that the run trains first and then freezes."""

    paper = Paper("Reed et al.", 2016, arxiv="1605.05396")
    batch_type: ClassVar[type[Any]] = Captioned

    networks: Networks = TextConvolutional(latent=100, text=128, width=128, width_critic=64)  # generator and critic
    reader: TextReading = WordReader()  # what makes codes of texts
    reading: float = 0.1  # of the run, in which the reader learns alone by the matching loss
    reader_optimizer: Optimizing = Adam(lr=1e-3)  # how the reader steps; the house's
    mismatched: float = 0.5  # the share of (real, wrong text) in what the critic calls fake; 0: it is shown none
    interpolated: float = 0.0  # how strong the generator's term for means of two texts is
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step
    batch: int = 64  # images in one move of the critic

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.reading < 1, f"reading is {self.reading}, but should be a share of the run above 0, below 1")

    def game(self, data: Shape) -> TextToImage:
        if not isinstance(data.condition, Text):
            raise Mistake(f"{type(self).__name__} makes images of texts, not of {data.condition}; take data with "
                          "captions, such as glyphs")  # fmt: skip
        reader = self.reader.reader(data, data.condition)
        return self.play(TextToImage, data._replace(condition=Codes(self.reader.size)), reader=reader,
                         mismatched=self.mismatched, interpolated=self.interpolated)  # fmt: skip

    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        first = max(round(self.reading * images), 1)
        return (*([Stage(first, data, self.batch)] if self.reader.learns else []), Stage(images, data, self.batch))

    def steps(self, player: str) -> Optimizing:
        return self.reader_optimizer if player == "reader" else super().steps(player)


# Means of two texts for the generator, without and with the matching-aware critic; the scripts' weight.
interpolating = GANCLS(mismatched=0.0, interpolated=1.0)
both = GANCLS(interpolated=1.0)
