"""Ways between latents, and what is added to them: `saddle interpolate` and `saddle edit`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import Mistake, escape_unprintable, quote_for_shell, require
from ..options import split_names
from ..runs.folder import RunFolder, check_writable
from ..runs.manifest import Manifest
from .argv import parse_command
from .output import print_message, print_output
from .run_options import RunOptions, load_run, open_files

if TYPE_CHECKING:
    from torch import Tensor

    from ..inference.loaded import LoadedGame
    from ..latent.directions import Direction
    from ..latent.space import LatentSpace

MAX_SAMPLES = 100  # that are walked through, or edited, at once


@dataclass(frozen=True)
class StartOptions(RunOptions):
    """What is begun from, where no files are named."""

    samples: str = "0-3"  # places on the sheet of saddle sample with this --seed, from 0: 0-3, or 5,9,2
    label: str | None = None  # the class of all, for generators that were trained on labels
    by: Literal["auto", "encoder", "search"] = "auto"  # how the latents of files are found; auto: both, if it can
    steps: int = 200  # of Adam, by which the latents of files are found
    restarts: int = 4  # latents that are moved for each file
    to: Path | None = None  # the sheet, a .png; in the run's folder if not given


@dataclass(frozen=True)
class InterpolateOptions(StartOptions):
    """How to go from one image to the next."""

    frames: int = 8  # images on each way, both ends among them
    path: Literal["auto", "slerp", "lerp"] = "auto"  # turn, as fits normal latents, or go straight, as fits uniform
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
    ends = len(files) if files else len(numbers)
    require(bool(files and Path(files[0]).is_dir()) or ends != 1, "a way leads from one image to another; name two, as "
            "--samples 0,1, or two files")  # fmt: skip
    loaded = load_run(run, wish)
    import torch

    from ..latent.paths import labels_between, walk
    from ..latent.space import LatentSpace

    space, t = LatentSpace(loaded, wish.label), torch.linspace(0, 1, wish.frames)
    names, latents, told = begin(space, run, files, numbers, wish)
    if told is not None and loaded.is_conditional and bool((told != told[0]).any()):
        print_message("there is no way between classes: halfway the class of the end takes the place of that of the "
                      "beginning; --label is one for all")  # fmt: skip
    ways = walk(space, latents.to(space.device), wish.frames, wish.path)
    made = [space.make_all(way, None if told is None else labels_between(told[i], told[i + 1], t)).cpu()
            for i, way in enumerate(ways)]  # fmt: skip
    rows = [f"{a} to {b}" for a, b in pairwise(names)]
    columns = {f"{share:.2f}": [row[i] for row in made] for i, share in enumerate(t.tolist())}
    write_sheet(columns, rows, where)
    if wish.film:
        film = where.with_suffix(f".{wish.film}")
        write_film(torch.cat([made[0], *(way[1:] for way in made[1:])]), film)
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
    from ..latent.space import LatentSpace

    space = LatentSpace(loaded, wish.label)
    direction = Direction.read(wish.attribute) if wish.attribute else find_direction(run, loaded, wish)
    direction = direction.without([Direction.read(Path(name)) for name in split_names(wish.without)])
    names, latents, told = begin(space, run, files, numbers, wish)
    columns: dict[str, list[Tensor]] = {}
    for strength in strengths:
        moved = space.confine(direction.add(latents.to(space.device), strength))
        columns[f"{strength:+g}"] = list(space.make_all(moved, told).cpu())
    write_sheet(columns, names, where)
    print_output(escape_unprintable(where))


def find_direction(run: str, loaded: LoadedGame, wish: EditOptions) -> Direction:
    """The direction between the classes that are named, which is kept in the run's folder."""
    from ..data.cache.location import cache_home
    from ..data.dataset import class_names
    from ..data.opening import open_data
    from ..data.prepare import Prepare
    from ..data.sources import unambiguous_source
    from ..latent.directions import check_class, check_sides, labelled_codes, mean_difference

    manifest = Manifest.read(RunFolder.find(run))
    own, shape = Prepare.of(manifest.settings), loaded.shape
    like: dict[str, Any] = {"size": f"{shape.height}x{shape.width}", "channels": shape.channels, "flip": False}
    prepare = replace(own, **like, labels=wish.labels or own.labels)
    data = open_data(wish.data or unambiguous_source(manifest.data["name"]), prepare, print_message)
    classes = class_names(data)
    told = f"{run} is told the class of each sample, so that its latents do not say which it is"
    require(classes != loaded.classes or not loaded.is_conditional, f"{told}; saddle sample {quote_for_shell(run)} "
            "--label CLASS makes samples of one, and --labels FILE.csv:COLUMN names other classes")  # fmt: skip
    plus, minus = split_names(wish.plus), split_names(wish.minus)
    check_sides(plus, minus)
    for name in (*plus, *minus):
        check_class(name, classes or (name,))  # of data without any more is said below
    codes, labels, of = labelled_codes(loaded, data, wish.codes, wish.seed, cache_home() / "classifiers", print_message)
    direction = mean_difference(codes, labels, classes, plus, minus, of)
    path = Path(run) / "directions" / f"{direction.name}{wish.suffix}.safetensors".replace("/", "-")
    direction.write(path)
    print_output(f"{path}: {of}")
    return direction


def begin(space: LatentSpace, run: str, files: Sequence[str], numbers: Sequence[int],
          wish: StartOptions) -> tuple[list[str], Tensor, Tensor | None]:  # fmt: skip
    """Names, latents and labels of what is begun from: the files that are named, or samples by their places."""
    import torch

    if not files:
        n = max(numbers) + 1
        latents, told = space.draw(n, wish.seed), space.labels(n, wish.seed)
        places = torch.tensor(numbers)
        return ([f"sample {i}" for i in numbers], latents[places], None if told is None else told[places])
    from ..latent.inversion import invert
    from ..latent.search import Search

    given = open_files(run, files, space.loaded.shape, labels="none")
    most = f"{len(given)} pictures were given, but {MAX_SAMPLES} at most are begun from at once; name fewer"
    require(len(given) <= MAX_SAMPLES, most)
    names, parts, labels = [], [], []
    for chunk in given.chunks(space.loaded.rows):
        found = invert(space.loaded, chunk.images, Search(wish.steps, wish.restarts), wish.by, wish.label, wish.seed)
        names += [f"{name} {apart:.3f}" for name, apart in zip(chunk.names, found.distances.tolist(), strict=True)]
        parts.append(found.latents)
        labels += [] if found.labels is None else [found.labels]
    return names, torch.cat(parts), torch.cat(labels).to(space.device) if labels else None


def sheet_path(run: str, wish: StartOptions, stem: str) -> Path:
    RunFolder.find(run)
    where = wish.to or Path(run) / f"{stem}{wish.suffix}.png"
    require(where.suffix.lower() == ".png", f"{where} does not end in .png; name a sheet, as --to {stem}.png")
    from ..inference.made_files import is_replaceable

    check_writable(where)
    free = not where.exists() or is_replaceable(where)
    require(free, f"{where} is there already, and was not made by saddle; name another place")
    return where


def parse_places(text: str) -> list[int]:
    """`0-3` or `5,9,2`."""
    places: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        ends = (low, high if dash else low)
        if not all(end.strip().isdecimal() for end in ends) or int(ends[0]) > int(ends[1]):
            raise Mistake(f"samples is {text!r}, but should be places on a sheet, from 0, as 0-3 or 5,9,2")
        fine = int(ends[1]) - int(ends[0]) < MAX_SAMPLES and int(ends[1]) < 1 << 20
        require(fine, f"samples is {text!r}, but should be {MAX_SAMPLES} places at most, below {1 << 20:,}")
        places += range(int(ends[0]), int(ends[1]) + 1)
    require(len(places) <= MAX_SAMPLES, f"samples names {len(places)} places, but should name {MAX_SAMPLES} at most")
    return places


def parse_strengths(text: str) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        raise Mistake(f"strength is {text!r}, but should be numbers, as --strength=-1,0,1") from None
    require(all(abs(one) < 1e6 for one in found), f"strength is {text!r}, but should be numbers, as --strength=-1,0,1")
    return found


def write_sheet(columns: dict[str, list[Tensor]], rows: list[str], file: Path) -> None:
    from ..inference.made_files import write_picture
    from ..runs.labelled_sheets import make_labelled_sheet

    write_picture(make_labelled_sheet(columns, rows), file)
