"""Ways between latents, and what is added to them: `saddle interpolate` and `saddle edit`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import escape_unprintable, quote_for_shell, require
from ..options import split_names
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..runs.naming import outputs_folder
from .argv import parse_command
from .latent_starts import (
    MAX_SAMPLES,
    StartOptions,
    begin,
    parse_places,
    parse_strengths,
    sheet_path,
    space_of,
    write_sheet,
)
from .output import print_message, print_output
from .run_options import load_run

if TYPE_CHECKING:
    from torch import Tensor

    from ..latent.directions import Direction
    from ..latent.space import LatentSpace


@dataclass(frozen=True)
class InterpolateOptions(StartOptions):
    """How to go from one image to the next."""

    frames: int = 8  # images on each way, both ends among them
    path: Literal["auto", "slerp", "lerp"] = "auto"  # turn, as fits normal latents, or go straight, as fits uniform
    loop: bool = False  # go back to the first at the end
    film: Literal["gif", "webp", "mp4"] | None = None  # of the whole way, too, beside the sheet; mp4 through PyAV

    def __post_init__(self) -> None:
        super().__post_init__()
        require(2 <= self.frames <= MAX_SAMPLES, f"frames is {self.frames}, but should be 2 to {MAX_SAMPLES}")


@dataclass(frozen=True)
class EditOptions(StartOptions):
    """What is edited, and how."""

    plus: str | None = None  # classes that there should be more of, by name: blue, or several as blue,red
    minus: str | None = None  # and less of
    attribute: Path | None = None  # a direction that was made before: the .safetensors file that an edit writes
    without: str | None = None  # files of directions that should stay as they are: the part orthogonal to them is taken
    strength: str = "-1,0,1"  # how far to go, each a column; 1 is from the mean of one class to that of the other
    data: str | None = None  # what the classes are learned from; the run's own data if not given
    labels: str | None = None  # its classes: folders, FILE.csv or FILE.csv:COLUMN; as in training if not given
    codes: int = 2000  # samples, or encoded images, that means are taken of


def interpolate(words: list[str]) -> None:
    """saddle interpolate RUN [FILES] ..."""
    (run, *files), wish = parse_command("interpolate", words, InterpolateOptions())
    from ..runs.films import check_film, write_film

    check_film(wish.film)
    where = sheet_path(run, wish, "interpolated")
    numbers = parse_places(wish.samples)
    given = len(files) if files else len(numbers)
    require(bool(files and Path(files[0]).is_dir()) or given != 1, "a way leads from one image to another; name two, "
            "as --samples 0,1, or two files")  # fmt: skip
    loaded = load_run(run, wish)
    import torch

    from ..latent.paths import labels_between, walk

    space, t = space_of(loaded, wish, wish.truncation, wish.cutoff), torch.linspace(0, 1, wish.frames)
    names, latents, told = begin(space, run, files, numbers, wish)
    if told is not None and loaded.is_conditional and bool((told != told[0]).any()):
        print_message("there is no way between classes: halfway the class of the end takes the place of that of the "
                      "beginning; --label is one for all")  # fmt: skip
    ways = walk(space, latents.to(space.device), wish.frames, wish.path, wish.loop)
    ends = [*pairwise(range(len(names))), *([(len(names) - 1, 0)] if wish.loop else [])]
    made = [space.make_all(way, None if told is None else labels_between(told[a], told[b], t)).cpu()
            for way, (a, b) in zip(ways, ends, strict=True)]  # fmt: skip
    columns: dict[str, list[Tensor | None]] = {
        f"{share:.2f}": [row[i] for row in made] for i, share in enumerate(t.tolist())
    }
    write_sheet(columns, [f"{names[a]} to {names[b]}" for a, b in ends], where)
    if wish.film:
        film = where.with_suffix(f".{wish.film}")
        last = [] if wish.loop else [made[-1][-1:]]  # a loop shows its beginning once
        write_film(torch.cat([*(way[:-1] for way in made), *last]), film)
        print_output(escape_unprintable(film))
    print_output(escape_unprintable(where))


def edit(words: list[str]) -> None:
    """saddle edit RUN [FILES] ..."""
    (run, *files), wish = parse_command("edit", words, EditOptions())
    where = sheet_path(run, wish, "edited")
    numbers, strengths = parse_places(wish.samples), parse_strengths(wish.strength)
    named = bool(wish.plus or wish.minus)
    require(named != bool(wish.attribute), "an edit needs either classes, --plus CLASS and --minus CLASS, or a "
            "direction that was made before, --attribute FILE")  # fmt: skip
    loaded = load_run(run, wish)
    from ..latent.directions import Direction

    space = space_of(loaded, wish, wish.truncation, wish.cutoff)
    direction = Direction.read(wish.attribute) if wish.attribute else find_direction(run, space, wish)
    direction = direction.without([Direction.read(Path(name)) for name in split_names(wish.without)])
    names, latents, told = begin(space, run, files, numbers, wish)
    columns: dict[str, list[Tensor | None]] = {}
    for strength in strengths:
        moved = space.confine(direction.add(latents.to(space.device), strength))
        columns[f"{strength:+g}"] = list(space.make_all(moved, told).cpu())
    write_sheet(columns, names, where)
    print_output(escape_unprintable(where))


def find_direction(run: str, space: LatentSpace, wish: EditOptions) -> Direction:
    """The direction between the classes that are named, which is kept in the run's folder."""
    from ..data.cache.location import cache_home
    from ..data.dataset import class_names
    from ..data.opening import open_data
    from ..data.prepare import Prepare
    from ..data.sources import unambiguous_source
    from ..latent.directions import check_class, check_sides, labelled_codes, mean_difference

    manifest, loaded = Manifest.read(RunFolder.find(run)), space.loaded
    own, shape = Prepare.of(manifest.settings), loaded.shape
    like: dict[str, Any] = {"size": f"{shape.height}x{shape.width}", "channels": shape.channels, "flip": False}
    prepare = replace(own, **like, labels=wish.labels or own.labels)
    data = open_data(wish.data or unambiguous_source(manifest.data["name"]), prepare, print_message)
    classes = class_names(data)
    told = f"{run} is told the class of each sample, so that its latents do not say which it is"
    untold = classes != loaded.classes or space.labels(1, 0) is None or not loaded.is_conditional
    require(untold, f"{told}; saddle sample {quote_for_shell(run)} "
            "--label CLASS makes samples of one, and --labels FILE.csv:COLUMN names other classes")  # fmt: skip
    plus, minus = split_names(wish.plus), split_names(wish.minus)
    check_sides(plus, minus)
    for name in (*plus, *minus):
        check_class(name, classes or (name,))  # of data without any more is said below
    codes, labels, of = labelled_codes(loaded, data, wish.codes, wish.seed, cache_home() / "classifiers", print_message,
                                       space)  # fmt: skip
    direction = mean_difference(codes, labels, classes, plus, minus, of)
    path = outputs_folder(run) / "directions" / f"{direction.name}{wish.suffix}.safetensors".replace("/", "-")
    direction.write(path)
    print_output(f"{path}: {of}")
    return direction
