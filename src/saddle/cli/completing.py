"""Holes in a user's pictures, filled by what a run's generator makes that agrees with the rest of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import escape_unprintable
from ..runs.naming import outputs_folder
from .argv import parse_command
from .output import print_output
from .reconstructing import SHEET_ROWS, tell_of_rest
from .run_options import PictureOptions, load_run, open_files

if TYPE_CHECKING:
    from torch import Tensor

    from ..inference.image_files import GivenImages
    from ..inference.loaded import LoadedGame
    from ..latent.completion import Completing, Completions


@dataclass(frozen=True)
class CompleteOptions(PictureOptions):
    """How pictures are completed."""

    mask: str = "centre"  # left, top, random:0.8, box:LEFT,TOP,RIGHT,BOTTOM, line:X,Y,X,Y:WIDTH, joined by +; a PNG
    answers: int = 1  # different ones for each picture, the one that fits best around the hole first
    label: str | None = None  # the class of all, for generators that were trained on labels; else random ones compete
    to: Path | None = None  # a folder for a PNG of each, or a .png: a sheet, as RUN/completed.png if not given
    steps: int = 200  # of Adam on the latents
    restarts: int = 4  # latents that are moved for each picture; more find more, and take as much longer
    candidates: int = 256  # random latents, of which the nearest are moved
    far: float = 0.1  # weight of known pixels far from the hole; 0: the paper's, 1: all count alike
    realness: float = 0.1  # weight of what the critic says
    blend: str = "poisson"  # how what is made meets what is known: without an edge, or overlay, as it is

    def completing(self) -> Completing:
        from ..latent.completion import Completing

        return Completing(self.steps, self.restarts, self.candidates, answers=self.answers, far=self.far,
                          realness=self.realness, blend=self.blend)  # type: ignore[arg-type]  # fmt: skip


def complete(words: list[str]) -> None:
    """saddle complete RUN FILES ..."""
    (run, *files), wish = parse_command("complete", words, CompleteOptions())
    loaded = load_run(run, wish)
    from ..inference.made_files import MadeFiles, check_target
    from ..latent.masks import parse_mask
    from ..latent.space import LatentSpace

    how = wish.completing()
    LatentSpace(loaded, wish.label)  # refused before any picture is read
    hidden = parse_mask(wish.mask, *loaded.shape[1:3], wish.seed)
    given = open_files(run, files, loaded.shape, **wish.changes)
    where = wish.to or outputs_folder(run) / f"completed{wish.suffix}.png"
    if where.suffix.lower() == ".png":
        check_target(where, given, ".png")
        save_sheet(loaded, given, hidden, how, wish, where)
    else:
        homes = [where] if how.answers == 1 else [where / f"answer-{i + 1}" for i in range(how.answers)]
        out = [MadeFiles(home, given) for home in homes]
        for chunk in given.chunks(loaded.rows):
            done = complete_images(loaded, chunk.images, hidden, how, wish)
            for i, home in enumerate(out):
                home.save(chunk.places, done.images[:, i])
            print_distances(chunk.names, done)
    print_output(escape_unprintable(where))


def complete_images(loaded: LoadedGame, images: Tensor, hidden: Tensor, how: Completing,
                    wish: CompleteOptions) -> Completions:  # fmt: skip
    from ..latent.completion import complete as completed

    return completed(loaded, images, hidden, how, wish.label, wish.seed)


def print_distances(names: list[str], done: Completions) -> None:
    """How far from each picture's known pixels its answers are."""
    rows = zip(names, done.distances.tolist(), strict=True)
    print_output(
        "\n".join(f"{name}: {', '.join(f'{one:.3f}' for one in row)} from the known pixels" for name, row in rows)
    )


def save_sheet(loaded: LoadedGame, given: GivenImages, hidden: Tensor, how: Completing, wish: CompleteOptions,
               file: Path) -> None:  # fmt: skip
    """A sheet with a row for each picture, as many as it shows: before, masked, and its answers."""
    from ..inference.made_files import write_picture
    from ..runs.labelled_sheets import make_labelled_sheet

    after = ["after"] if how.answers == 1 else [f"after {i + 1}" for i in range(how.answers)]
    columns: dict[str, list[Tensor]] = {name: [] for name in ("before", "masked", *after)}
    labels: list[str] = []
    for chunk in given.chunks(loaded.rows):
        images, names = chunk.images[: SHEET_ROWS - len(labels)], chunk.names[: SHEET_ROWS - len(labels)]
        done = complete_images(loaded, images, hidden, how, wish)
        columns["before"] += images
        columns["masked"] += images.masked_fill(hidden, 0)
        for i, name in enumerate(after):
            columns[name] += done.images[:, i]
        print_distances(names, done)
        labels += [f"{name} {row[0]:.3f}" for name, row in zip(names, done.distances.tolist(), strict=True)]
        if len(labels) >= SHEET_ROWS:
            break
    tell_of_rest(given, "completes")
    write_picture(make_labelled_sheet(columns, labels), file)
