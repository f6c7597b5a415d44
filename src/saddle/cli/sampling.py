"""New samples from a run."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Mistake, escape_unprintable, require
from ..out_of_memory import check_capacity
from ..regular import read_whole
from ..runs.naming import outputs_folder
from ..runs.writing import existing_parent
from ..shape import Text
from .argv import parse_known
from .output import print_message, print_output
from .run_options import RunOptions, load_run, parse_style

if TYPE_CHECKING:
    from torch import Tensor

    from ..inference.loaded import LoadedGame

MIN_FILE_BYTES = 4096  # bytes that a small file takes on a disk
SHEET, CLOUD = 64, 2048  # images on a sheet, points in a picture
MAX_GRID = 64  # images of a grid's side
ROW, CAPTIONS, MAX_LINES = 8, 16, 1000  # images of a row that has a text, training captions, lines of a file
MAX_TEXT = 1 << 20  # bytes of a file of texts


@dataclass(frozen=True)
class SampleOptions(RunOptions):
    """How to sample."""

    n: int | None = None  # make so many single files in a folder, not one sheet; of lines of text print so many
    label: str | None = None  # a class by name, or by place from 0 if names are no numbers; without it all, in order
    grid: int | None = None  # a sheet of N x N images, at the quantiles of latents of two numbers: all that is made
    text: str | None = None  # what samples should show, for a run that was trained on captions
    text_file: Path | None = None  # a text in each line: a sheet has a row for each, and -n makes so many files of each
    standing: int | None = None  # batch normalisation's averages are taken anew, of so many samples; 16384 is usual
    out: Path | None = None  # the sheet's file, the files' folder, a .txt of lines; in the run's folder if not given

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.n is None or self.n > 0, f"-n is {self.n}, but should be above 0")
        require(self.standing is None or self.standing > 1, f"standing is {self.standing}, but should be 2 or more")
        told = [name for name in ("label", "text", "text_file") if getattr(self, name) is not None]
        require(len(told) < 2, f"{' and '.join(told)} both say what samples should show; give one of them")
        require(self.grid is None or 2 <= self.grid <= MAX_GRID, f"grid is {self.grid}, but should be 2 to {MAX_GRID}")
        other = "-n" if self.n else "text" if self.text else "text_file" if self.text_file else ""
        require(self.grid is None or not other, f"a grid shows what latents become, and {other} something else; "
                "give one of them")  # fmt: skip
        require(self.text is None or bool(self.text.strip()), "text is empty; say what samples should show")
        png = self.n is not None or self.out is None or self.out.suffix in (".png", ".txt")
        require(png, f"a sheet is a PNG, but {self.out} does not end in .png")
        one = self.n is not None and self.out is not None and self.out.suffix == ".png" and not self.out.is_dir()
        require(not one, f"-n {self.n} makes single files in a folder, and {self.out} is the name of one; leave -n out "
                f"for a sheet, or name a folder, --out {self.out and self.out.with_suffix('')}")  # fmt: skip

    @property
    def suffix(self) -> str:
        return super().suffix + (f"-standing-{self.standing}" if self.standing else "")

    @property
    def stem(self) -> str:
        """What tells these samples from others of the run."""
        named = self.text_file.stem if self.text_file else self.label if self.text is None else self.text
        label = "" if named is None else "-" + re.sub(r"[^\w.+-]+", "-", named)[:80]
        if self.grid:
            return f"grid{label}-{self.grid}{self.suffix}"
        return f"samples{label}-{self.seed}{self.suffix}"


def sample(words: list[str]) -> None:
    """saddle sample RUN: an option that is none of the command's is one of the game's style, if that has it."""
    (run,), wish, others = parse_known("sample", words, SampleOptions())
    loaded = load_run(run, wish)
    style = parse_style("sample", loaded.style if others else {}, wish, others)
    if wish.standing is not None:
        from ..inference.standing import take_standing_statistics

        take_standing_statistics(loaded, wish.standing, **style)
    if loaded.shape.text is not None:
        print_lines(loaded, wish, style)
        return
    points, png = loaded.shape.points, wish.n is not None or wish.out is None or wish.out.suffix == ".png"
    require(png, f"{wish.out} is a file of lines, but {run} makes {loaded.shape}; a sheet is a PNG")
    if wish.grid:
        require(not style, f"a grid has no style, but {' and '.join(style)} was given; leave it out")
        save_latent_grid(loaded, wish, outputs_folder(run), wish.grid)
        return
    require(not (points and wish.n), f"{run} makes points, which are drawn as one picture; leave out -n")
    made_for = loaded.shape.condition
    told = wish.text is not None or wish.text_file is not None
    if told or (isinstance(made_for, Text) and (wish.label or not wish.n)):
        sample_texts(loaded, wish, outputs_folder(run), style)
        return
    if wish.label is None and not wish.n and not points and loaded.is_conditional:
        labels = loaded.labels_in_order()
        samples = loaded.sample_chunks(len(labels), wish.seed, labels, **style)
    else:
        samples = loaded.sample_chunks(wish.n or (CLOUD if points else SHEET), wish.seed, wish.label, **style)
    save(samples, loaded, wish, outputs_folder(run), style)


def save_latent_grid(loaded: LoadedGame, wish: SampleOptions, run: Path, side: int) -> None:
    """A sheet of what is made of latents of two numbers, evenly spread by how often they come."""
    from ..inference.made_files import write_picture
    from ..latent.plane import quantile_grid
    from ..latent.space import LatentSpace
    from ..runs.sheets import make_grid

    space = LatentSpace(loaded, wish.label)
    latents = quantile_grid(space, side)
    untold = wish.label is None and loaded.is_conditional
    require(not untold, f"{run} makes samples of classes, and a grid shows one of them; name it with --label")
    where = wish.out or run / f"{wish.stem}.png"
    check_places(wish, [where])
    write_picture(make_grid(space.make_all(latents, space.labels(len(latents), wish.seed)), side), where)
    print_output(escape_unprintable(where))


def print_lines(loaded: LoadedGame, wish: SampleOptions, style: Mapping[str, Any]) -> None:
    """Lines of text, on the terminal or in a file: a new one, for nothing in a file of lines tells whose they are."""
    from ..runs.text_sheets import write_lines
    from ..runs.writing import check_file_writable

    told = [name for name in ("label", "grid", "text", "text_file") if getattr(wish, name) is not None]
    require(not told, f"this run writes lines for nothing that could be asked for; leave out {' and '.join(told)}")
    if wish.out is None:
        print_output("\n".join(map(escape_unprintable, loaded.lines(wish.n or SHEET, wish.seed, **style))))
        return
    require(wish.out.suffix == ".txt", f"{wish.out} should be a file of lines, which ends in .txt")
    check_file_writable(wish.out)
    require(not os.path.lexists(wish.out), f"{wish.out} is there already, and lines are written over no file; name "
                                           "another place, or delete it")  # fmt: skip
    write_lines(loaded.lines(wish.n or SHEET, wish.seed, **style), wish.out)
    print_output(escape_unprintable(wish.out))


def sample_texts(loaded: LoadedGame, wish: SampleOptions, run: Path, style: Mapping[str, Any]) -> None:
    """Samples of a text, of each line of a file, or of training captions in their order, evenly spread."""
    from ..inference.texts import describe_new_texts

    require(wish.label is None, f"{run} was trained on captions, not on labels; say with --text what to show")
    made_for = loaded.shape.condition
    if wish.text is not None:
        texts, each = [wish.text], wish.n or SHEET
    elif wish.text_file is not None:
        texts, each = read_lines(wish.text_file), wish.n or ROW
    else:
        known = list(made_for.captions) if isinstance(made_for, Text) else []
        require(bool(known), f"{run} keeps no captions, as its data gave them as numbers; samples are had in Python, "
                             "as load(run).sample(n, condition=tokens)")  # fmt: skip
        count = min(len(known), CAPTIONS)
        texts, each = [known[i * len(known) // count] for i in range(count)], ROW
    for sentence in describe_new_texts(loaded.game, texts, made_for):
        print_message(sentence)
    asked = [text for text in texts for _ in range(each)]
    samples = loaded.sample_chunks(len(asked), wish.seed, text=asked, **style)
    rows = [] if wish.text is not None or wish.n else texts
    save(samples, loaded, replace(wish, n=len(asked)) if wish.n else wish, run, style, rows)


def read_lines(file: Path) -> list[str]:
    """The lines of a file that are not empty; Mistake where there are none, or where it cannot be read."""
    from ..data.text_files import decode_text

    try:
        lines = [line.strip() for line in decode_text(read_whole(file, MAX_TEXT), str(file)).splitlines()]
    except OSError as error:
        raise Mistake(f"{file} cannot be read: {error.strerror or error}") from error
    lines = [line for line in lines if line]
    require(bool(lines), f"{file} holds no text; write what samples should show, a line each")
    require(len(lines) <= MAX_LINES, f"{file} has {len(lines):,} lines, but {MAX_LINES:,} are the most")
    return lines


def save(samples: Iterable[Tensor], loaded: LoadedGame, wish: SampleOptions, run: Path, style: Mapping[str, Any],
         rows: Sequence[str] = ()) -> None:  # fmt: skip
    """As files, or as one sheet, with a text before each row if there are such."""
    if wish.n:
        shape = loaded.shape
        free = shutil.disk_usage(existing_parent(wish.out or run)).free
        check_capacity(wish.n, MIN_FILE_BYTES + shape.channels * shape.height * shape.width // 8, "files", "-n", free)
    stem = "-".join([wish.stem, *(f"{name}-{as_typed(value)}" for name, value in style.items())])
    where = wish.out or run / (stem if wish.n else f"{stem}.png")
    linked = wish.n is not None and wish.out is None and where.is_symlink()
    require(not linked, f"{where} is a link, which is not followed; name a folder with --out")
    check_places(wish, [where / sample_name(i) for i in range(wish.n)] if wish.n else [where])
    if rows:
        save_as_rows(samples, rows, where)
    else:
        (save_as_files if wish.n else save_as_sheet)(samples, where)
    print_output(escape_unprintable(where))


def check_places(wish: SampleOptions, places: Iterable[Path]) -> None:
    """Refuse to write over what saddle has not made; of the run's own folder all files are its own."""
    from ..inference.made_files import check_own

    for path in places if wish.out is not None else ():
        check_own(path)


def as_typed(value: object) -> str:
    """A style's value as it is given: 0.5,-1 of a tuple."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def save_as_sheet(samples: Iterable[Tensor], file: Path) -> None:
    import torch

    from ..inference.made_files import write_picture
    from ..runs.sheets import make_contact_sheet, to_sheet_bytes

    write_picture(make_contact_sheet({"made": torch.cat([to_sheet_bytes(some) for some in samples])}), file)


def save_as_rows(samples: Iterable[Tensor], rows: Sequence[str], file: Path) -> None:
    """A sheet with a row for each text, which stands before it."""
    import torch

    from ..inference.made_files import write_picture
    from ..runs.labelled_sheets import make_labelled_sheet

    made = torch.cat(list(samples))
    each = len(made) // len(rows)
    write_picture(make_labelled_sheet({str(i + 1): list(made[i::each]) for i in range(each)}, rows), file)


def save_as_files(samples: Iterable[Tensor], folder: Path) -> None:
    """One PNG of its own size for each sample, which come some at a time: (n, 1, 3 or 4, height, width) in [-1, 1]."""
    from ..runs.pictures import save_png, to_image

    folder.mkdir(parents=True, exist_ok=True)
    for i, sample in enumerate(sample for some in samples for sample in some):
        save_png(to_image(sample), folder / sample_name(i))


def sample_name(i: int) -> str:
    return f"{i:05d}.png"
