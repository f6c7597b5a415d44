"""What ways, edits and mixtures of latents begin from: samples by their places, or a user's files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import Mistake, require
from ..options import parse_ranges
from ..runs.folder import RunFolder
from ..runs.naming import outputs_folder
from ..runs.writing import check_writable
from .run_options import RunOptions, open_files

if TYPE_CHECKING:
    from torch import Tensor

    from ..inference.loaded import LoadedGame
    from ..latent.inversion import Inversions
    from ..latent.space import LatentSpace

MAX_SAMPLES = 100  # that are walked through, edited or mixed at once
SEARCH_STEPS, PROJECTION_STEPS = 200, 1000  # by which latents, or styles, of files are found, if nobody says


@dataclass(frozen=True)
class SheetOptions(RunOptions):
    """For which class, and where it goes."""

    label: str | None = None  # the class of all, for generators that were trained on labels
    to: Path | None = None  # the sheet, a .png; in the run's folder if not given


@dataclass(frozen=True)
class DrawOptions(SheetOptions):
    """How styles are drawn."""

    truncation: float = 1.0  # psi, for runs with styles; so much of each style's difference from the mean is kept
    cutoff: int | None = None  # only the styles of the first so many layers are truncated


@dataclass(frozen=True)
class FindOptions(SheetOptions):
    """How the latents of files are found."""

    space: Literal["auto", "z", "w", "w+"] = "auto"  # latents z, or styles w; w+ finds one for each layer; auto: w
    by: Literal["auto", "encoder", "search"] = "auto"  # how latents z of files are found; auto: both, if it can
    steps: int | None = None  # of Adam, by which files are found; 200 if not given, and 1000 for styles
    restarts: int = 4  # latents z that are moved for each file


@dataclass(frozen=True)
class StartOptions(DrawOptions, FindOptions):
    """What is begun from, where no files are named."""

    samples: str = "0-3"  # places on the sheet of saddle sample with this --seed, from 0: 0-3, or 5,9,2


def space_of(loaded: LoadedGame, wish: FindOptions, truncation: float = 1.0, cutoff: int | None = None) -> LatentSpace:
    """Where ways and edits go: the styles of a run that has such, if nobody says otherwise."""
    from ..latent.styles import open_space

    name = "z" if wish.space == "auto" and wish.by != "auto" else wish.space
    finds = f"{wish.by} finds latents z of files, not styles; leave out --by {wish.by}, or give --space z"
    require(name in ("auto", "z") or wish.by == "auto", finds)
    return open_space(loaded, wish.label, name, truncation, cutoff)


def begin(space: LatentSpace, run: str, files: Sequence[str], numbers: Sequence[int],
          wish: StartOptions) -> tuple[list[str], Tensor, Tensor | None]:  # fmt: skip
    """Names, latents and labels of what is begun from: the files that are named, or samples by their places."""
    import torch

    if not files:
        n = max(numbers) + 1
        latents, told = space.draw(n, wish.seed), space.labels(n, wish.seed)
        places = torch.tensor(numbers)
        return ([f"sample {i}" for i in numbers], latents[places], None if told is None else told[places])
    given = open_files(run, files, space.loaded.shape, labels="none")
    most = f"{len(given)} pictures were given, but {MAX_SAMPLES} at most are begun from at once; name fewer"
    require(len(given) <= MAX_SAMPLES, most)
    names, parts, labels = [], [], []
    for chunk in given.chunks(space.loaded.rows):
        found = find_latents(space, chunk.images, wish)
        names += [f"{name} {apart:.3f}" for name, apart in zip(chunk.names, found.distances.tolist(), strict=True)]
        parts.append(found.latents)
        labels += [] if found.labels is None else [found.labels]
    return names, torch.cat(parts), torch.cat(labels).to(space.device) if labels else None


def find_latents(space: LatentSpace, images: Tensor, wish: FindOptions) -> Inversions:
    """The latents, or styles, whose images are as these."""
    from ..latent.inversion import invert
    from ..latent.projection import Projecting, project
    from ..latent.search import Search
    from ..latent.styles import StyleSpace

    if isinstance(space, StyleSpace):
        how = Projecting(wish.steps or PROJECTION_STEPS, each_layer=wish.space == "w+")
        return project(space.loaded, images, how, wish.label, wish.seed)
    return invert(space.loaded, images, Search(wish.steps or SEARCH_STEPS, wish.restarts), wish.by, wish.label,
                  wish.seed)  # fmt: skip


def sheet_path(run: str, wish: SheetOptions, stem: str) -> Path:
    RunFolder.find(run)
    where = wish.to or outputs_folder(run) / f"{stem}{wish.suffix}.png"
    require(where.suffix.lower() == ".png", f"{where} does not end in .png; name a sheet, as --to {stem}.png")
    from ..inference.made_files import is_replaceable

    check_writable(where)
    free = not where.exists() or is_replaceable(where)
    require(free, f"{where} is there already, and was not made by saddle; name another place")
    return where


def parse_places(text: str, name: str = "samples") -> list[int]:
    """`0-3` or `5,9,2`."""
    ranges = parse_ranges(text)
    if ranges is None:
        raise Mistake(f"{name} is {text!r}, but should be places on a sheet, from 0, as 0-3 or 5,9,2")
    fine = all(some.stop - some.start <= MAX_SAMPLES and some.stop <= 1 << 20 for some in ranges)
    require(fine, f"{name} is {text!r}, but should be {MAX_SAMPLES} places at most, below {1 << 20:,}")
    places = [place for some in ranges for place in some]
    require(len(places) <= MAX_SAMPLES, f"{name} names {len(places)} places, but should name {MAX_SAMPLES} at most")
    return places


def parse_strengths(text: str) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        raise Mistake(f"strength is {text!r}, but should be numbers, as --strength=-1,0,1") from None
    require(all(abs(one) < 1e6 for one in found), f"strength is {text!r}, but should be numbers, as --strength=-1,0,1")
    return found


def write_sheet(columns: dict[str, list[Tensor | None]], rows: list[str], file: Path) -> None:
    from ..inference.made_files import write_picture
    from ..runs.labelled_sheets import make_labelled_sheet

    write_picture(make_labelled_sheet(columns, rows), file)
