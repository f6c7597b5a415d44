"""What every command that uses a run's networks can be told of them, and how it opens them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, make_dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import require
from ..options import override_fields
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from .argv import GivenOptions, sort_options
from .output import print_message

if TYPE_CHECKING:
    from ..capabilities import StyleOption
    from ..inference.image_files import GivenImages
    from ..inference.loaded import LoadedGame
    from ..shape import Shape

SAMPLING = {"generate": "sample"}  # the command of what a game can do, where it is called otherwise


@dataclass(frozen=True)
class WeightOptions:
    """Which weights of a run are used, and where."""

    average: bool = True  # with averaged weights; --no-average takes those of the last round
    weights: str | None = None  # a set that saddle average made of the run, by its name, such as std-0.1
    best: bool = False  # the checkpoint that was measured best, not the last (of a run trained with --measure)
    device: str = "auto"  # cpu, cuda, cuda:1 or mps; auto takes a GPU if there is one
    trust: bool = False  # run the recipe that a run brings, though it was never named on this machine

    @property
    def suffix(self) -> str:
        """What tells files that these weights made from others of the run."""
        named = f"-{self.weights}" if self.weights else ""
        return f"{'' if self.average else '-raw'}{'-best' if self.best else ''}{named}"


@dataclass(frozen=True)
class SeedOptions:
    """What is drawn."""

    seed: int = 0  # of what is drawn by chance: equal seeds make equal answers


@dataclass(frozen=True)
class RunOptions(WeightOptions, SeedOptions):
    """Both, the seed first."""

    def __post_init__(self) -> None:
        require(self.seed >= 0, f"seed is {self.seed}, but should be 0 or more")


@dataclass(frozen=True)
class PictureOptions(RunOptions):
    """How many pictures are used."""

    limit: int | None = None  # only so many pictures of each source
    frames: Literal["first", "all"] = "first"  # which frames of a GIF or TIFF are pictures
    range: str | None = None  # the numbers of black and white, as 0..255; as of the run's data if not given

    @property
    def changes(self) -> dict[str, Any]:
        """What is otherwise for these files than for the run's data; see `open_images`."""
        return {"labels": "none", "limit": self.limit, "frames": self.frames} | (
            {} if self.range is None else {"range": self.range})  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.limit is None or self.limit > 1, f"limit is {self.limit}, but should be 2 or more")


def load_run(run: str, wish: WeightOptions) -> LoadedGame:
    """The run's game; refused, if there is none, before torch is imported."""
    RunFolder.find(run)
    from ..inference.load import load

    return load(run, device=wish.device, average=wish.average, best=wish.best, weights=wish.weights, trust=wish.trust)


def open_files(run: str, files: Sequence[str], shape: Shape, **how: Any) -> GivenImages:
    """A user's pictures, as the run's data were made ready; see `open_images`."""
    from ..inference.image_files import open_images

    return open_images(files, Manifest.read(RunFolder.find(run)), shape, print_message, **how)


def parse_style(command: str, style: Mapping[str, StyleOption], wish: object, given: GivenOptions) -> dict[str, Any]:
    """The style that options ask for which are none of the command's own; Mistake for what the game has not."""
    if not given:
        return {}
    check_known_style(command, style, given)
    own = make_dataclass("Style", [(name, one.hint, one.default) for name, one in style.items()], frozen=True)()
    _, texts = sort_options(command, given, wish, own)
    chosen = override_fields(own, texts)
    return {name: getattr(chosen, name) for name in texts}


def check_known_style(command: str, style: Mapping[str, StyleOption], given: GivenOptions) -> None:
    """Refuse an option that is the style of other recipes' runs, naming these; other words are advised on elsewhere."""
    from ..capabilities import CAPABILITIES
    from ..recipes.capable import name_some, recipes_with_style

    protocol = next((one.protocol for one in CAPABILITIES if command in (one.verb, SAMPLING.get(one.verb))), None)
    for option in given if protocol else ():
        name = option.replace("-", "_")
        names = [] if name in style or protocol is None else recipes_with_style(protocol, name)
        require(not names, f"this run's game takes no --{option} as it makes samples; "
                           f"the recipes {name_some(names)} do")  # fmt: skip
