"""GAT on the codes of an autoencoder of ours: another run has trained it, and it is not trained on."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import require
from ..games import CodedMultiLevel, FrozenAutoencoder
from ..layers.noise_levels import LevelAugment
from ..networks import PatchTransformer, SpatialAutoencoder
from ..shape import Shape
from .gat import GAT


@dataclass(frozen=True)
class GATLatent(GAT):
    """As the paper plays it, but on codes of an autoencoder that `--from RUN` names; `networks` are small.

    Codes are standardised, each channel to deviation 1. The run keeps the autoencoder, and samples are decoded.
    """

    networks: PatchTransformer = PatchTransformer(patch=1)  # generator and critic, of codes
    augment: LevelAugment | None = LevelAugment(
        colour=0, flip=0
    )  # how the critic's codes are changed; none: not at all
    autoencoder: SpatialAutoencoder = SpatialAutoencoder()  # as it is in the run that --from names
    numbers: int = 1  # that its encoder answers for each number of codes; 2 where it is a vae's

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.numbers in (1, 2), f"numbers is {self.numbers}, but an encoder answers 1 or 2 for each of a code; "
                "leave it out, as --from tells it")  # fmt: skip

    def game(self, data: Shape) -> CodedMultiLevel:
        self.networks.grid(data, self.autoencoder.halvings)  # which refuses sizes by pixels
        code = self.autoencoder.code(data)
        encoder, decoder = self.autoencoder.encoder(data, self.numbers), self.autoencoder.generator(data)
        frozen = FrozenAutoencoder(encoder, decoder, code, self.numbers)
        game = self.play(CodedMultiLevel, code, autoencoder=frozen, noise=self.noise, augment=self.augment)
        if self.augment:
            self.augment.suits(code)
        return game
