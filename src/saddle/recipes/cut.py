"""CUT and FastCUT: one translator, without pairs and without a way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..averaging import Averaging, HalfLife
from ..batches import Unpaired
from ..clock import Number
from ..core import Objective
from ..errors import Mistake, require
from ..games import ContrastiveTranslation
from ..layers.patch_features import PatchProjector, TellsFeatures
from ..networks import ResidualTranslator
from ..objectives import LeastSquares
from ..optim import Adam, Linear
from ..recipe import Optimizing, Paper, Recipe, TranslationNetworks
from ..shape import Shape, source_shape

BLURRED = ResidualTranslator(blocks=9, upsample="resize", blur=True, xavier=True)


@dataclass(frozen=True)
class CUT(Recipe[Unpaired]):
    """Patches stay like their own by contrast with others. It needs long: the authors' 400 epochs, FastCUT's 200.

    Traps: where the kinds differ in proportions it invents things, against which a higher contrast helps; with a
    contrast as high as FastCUT's it may copy its input; at first the contrast may lie above that of chance.
    """

    paper = Paper("Park et al.", 2020, arxiv="2007.15651")
    batch_type: ClassVar[type[Unpaired]] = Unpaired

    networks: TranslationNetworks = BLURRED  # CycleGAN's, which blur where they halve
    objective: Objective = LeastSquares(scale=1)  # how scores become losses
    contrast: Number = 1.0  # weight of the patches' cross-entropy; higher keeps more of the source: 10 may copy it
    identity: bool = True  # half of the contrast is of pictures of the wanted kind, which should stay
    mirror: bool = (
        False  # half of the pictures are mirrored for the generator, and its features back; in training alone
    )
    patches: int = 256  # places at each depth that are compared, at most
    temperature: float = 0.07  # by which likeness is divided
    projection: int = 256  # numbers that a patch is compared by
    optimizer: Optimizing = Adam(lr=Linear(2e-4, 0.0, after=0.5), betas=(0.5, 0.999))  # how all players step
    critic_optimizer: Optimizing | None = None  # how the critic steps, if otherwise
    average: Averaging | None = HalfLife()  # how the averaged generator follows; the house's, not the paper's
    batch: int = 1  # pictures of each kind in one move

    def __post_init__(self) -> None:
        counts = self.patches >= 2 and self.projection >= 1
        require(
            counts, f"{self.patches} patches are compared by {self.projection} numbers; give 2 or more, and 1 or more"
        )
        require(self.temperature > 0, f"the temperature is {self.temperature}, but should be above 0")

    def game(self, data: Shape) -> ContrastiveTranslation:
        generator = self.networks.translator(data)
        if not isinstance(generator, TellsFeatures):
            raise Mistake(f"CUT compares features of its generator, but that of {type(self.networks).__name__} tells "
                          'none; give --networks "ResidualTranslator()"')  # fmt: skip
        before = source_shape(data).channels
        require(before == data.channels, f"CUT compares what is made with its source by the same features, but one has "
                f"{data.channels} channels and the other {before}; give --channels 3")  # fmt: skip
        projector = PatchProjector(generator.feature_widths, self.projection)
        critic = self.networks.critic(Shape(*data[:3]))
        return ContrastiveTranslation(generator, critic, projector, self.objective, self.contrast, self.identity,
                                      self.mirror, self.patches, self.temperature)  # fmt: skip

    def steps(self, player: str) -> Optimizing:
        return self.critic_optimizer if player == "critic" and self.critic_optimizer else self.optimizer


@dataclass(frozen=True)
class FastCUT(CUT):
    """CUT for half the time and memory: ten times the contrast, no identity, mirrored pictures instead.

    Known to copy its input where the contrast outweighs the critic: lower --contrast then. Some find mirrored pictures
    in its results: here pictures are mirrored in training alone, and never as a run is used.
    """

    contrast: Number = 10.0  # weight of the patches' cross-entropy; lower where it copies its input
    identity: bool = False  # no contrast of pictures of the wanted kind
    mirror: bool = True  # half of the pictures are mirrored for the generator, and its features back; in training alone
    optimizer: Optimizing = Adam(lr=Linear(2e-4, 0.0, after=0.75), betas=(0.5, 0.999))  # 150 and 50 epochs
