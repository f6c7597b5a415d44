"""Pictures of what runs make, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..capabilities import Generates, sheet_columns
from ..data.feed import Feed
from ..data.held_out import held_out_of
from ..data.progress import progress_bar
from ..data.streams import most_in_batch
from ..errors import Mistake
from ..inference.chance import own_chance
from ..inference.load import load
from ..inference.loaded import LoadedGame
from ..inference.named_weights import check_weights
from ..inference.run_data import open_run_data
from ..notices import notify_nobody, warn_on_stderr
from ..recipes.capable import lacking
from ..recipes.trust import Untrusted
from ..regular import is_regular_file, open_to_read, read_whole
from ..runs.progress import format_images_seen, pick_evenly
from ..runs.sheets import make_contact_sheet, to_sheet_bytes
from .markup import Markup, embed_png, html_tag, join_markup
from .reading import Run

GRID_IMAGES, GRID_POINTS = 36, 2048
SIGNATURE, LARGEST = b"\x89PNG\r\n\x1a\n", 64 << 20  # how a PNG begins; bytes, more than which no sheet has
MAX_SHEETS, SHEET_LINES = 6, 16  # of a run's contact sheets, and of each where it is lines of text


def sample_grids(runs: Sequence[Run], seed: int) -> list[Markup]:
    """A captioned picture for each."""
    made = []
    with progress_bar(len(runs), "samples of the runs") as done:
        for run in runs:
            made.append(caption_html(run.group, sample_grid(run, seed)))
            done(1)
    return made


def data_pictures(runs: Sequence[Run]) -> list[Markup]:
    """The data's own pictures, once for each data set, from the sheets of real samples that runs keep."""
    found: dict[object, Markup] = {}
    for run in runs:
        path, key = run.folder.sheets / "real.png", run.manifest.data["fingerprint"]
        if key not in found and is_regular_file(path, run.folder.path):
            with suppress(Mistake, OSError):
                if png := read_png(path, run.folder.path):
                    found[key] = caption_html(f"the data: {run.manifest.data['name']}", embed_png(png, "real samples"))
    return list(found.values())


def caption_html(title: str, content: Markup) -> Markup:
    return html_tag("figure", content, html_tag("figcaption", title), class_="grid")


def sample_grid(run: Run, seed: int, weights: str | None = None) -> Markup:
    """What the last checkpoint makes, from averaged weights; where that is nothing, the reason stands in its place."""
    if weights is not None:
        check_weights(run.folder, weights)
    try:
        loaded = load(run.folder.path, weights=weights)
        if loaded.shape.text is not None:
            return html_tag("pre", "\n".join(loaded.lines(GRID_IMAGES, seed)))
        by_chance = loaded.makes_by_chance
        columns = {"made": samples_by_chance(loaded, seed)} if by_chance else made_of_data(loaded, run, seed)
    except Untrusted:
        raise
    except Mistake as reason:
        return html_tag("p", f"No samples: {reason}.", class_="none")
    return embed_png(to_png(make_contact_sheet(columns)), f"samples of {run.title}, seed {seed}")


def samples_by_chance(loaded: LoadedGame, seed: int) -> Tensor:
    """What stands on a sheet of samples: of classes, all in their order."""
    points = loaded.shape.points
    labels = loaded.labels_in_order() if not points and loaded.is_conditional else None
    parts = loaded.sample_chunks(len(labels) if labels else GRID_POINTS if points else GRID_IMAGES, seed, labels)
    return torch.cat([to_sheet_bytes(some) for some in parts])


def made_of_data(loaded: LoadedGame, run: Run, seed: int) -> dict[str, Tensor]:
    """The columns of a sheet: held-out data, or training data if none are held out, beside what is made of them."""
    data = open_run_data(run.folder, run.manifest, notify_nobody)
    data = held_out_of(data) or data
    n = min(GRID_IMAGES, most_in_batch(data, loaded.batch_type))
    feed = Feed(data, loaded.batch_type, n, seed, loaded.device, shape=loaded.shape)
    columns: dict[str, list[Tensor]] = {}
    for places in np.split(np.arange(n), range(loaded.rows, n, loaded.rows)):
        batch = feed.batch_at(places)
        with own_chance(loaded.device, seed, int(places[0]), len(places)):
            for name, some in sheet_columns(loaded.game, batch).items():
                columns.setdefault(name, []).append(to_sheet_bytes(some))
    if not columns:
        raise lacking(type(loaded.game), Generates)
    return {name: torch.cat(some) for name, some in columns.items()}


def to_png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def contact_sheets_html(run: Run) -> list[Markup]:
    """The real samples, and contact sheets from the first to the last, as they lie in the run's folder."""
    own = [run.folder.sheets / "real.png", *run.folder.contact_sheets()]
    pictures = {path: content for path in own if (content := read_png(path, run.folder.path))}
    real, drawn = ([path for path in pictures if (path.stem == "real") == is_real] for is_real in (True, False))
    lost = sorted(path.name for path in run.folder.sheets.glob("*.png") if path not in pictures)
    if lost:
        warn_on_stderr(
            unshown := f"{run.folder.sheets} holds what is no contact sheet, and is left out: {', '.join(lost)}"
        )
    said = [html_tag("p", f"{unshown}.", class_="none")] if lost else []
    return [
        caption_html(describe_sheet(p), embed_png(pictures[p], describe_sheet(p)))
        for p in (*real, *pick_evenly(drawn, MAX_SHEETS))
    ] + said


def line_sheets_html(run: Run) -> list[Markup]:
    """The same of lines of text: the first few of each sheet."""
    real = run.folder.sheets / "real.txt"
    own = [real] * is_regular_file(real, run.folder.path) + pick_evenly(run.folder.contact_sheets(".txt"), MAX_SHEETS)
    return [
        caption_html(describe_sheet(path), html_tag("pre", "\n".join(read_lines(path, run.folder.path))))
        for path in own
    ]


def read_lines(path: Path, root: Path) -> list[str]:
    """The first lines of a sheet; none of a link, which may show a secret."""
    content = b"" if path.is_symlink() else read_whole(path, LARGEST, root)
    return content.decode("utf-8", "replace").splitlines()[:SHEET_LINES]


def read_png(path: Path, root: Path) -> bytes:
    """The content of a PNG; nothing of a link, of what is no file, or is none: a page that is shown shows no secret."""
    if path.is_symlink() or not is_regular_file(path, root):
        return b""
    with open_to_read(path, root) as file:
        content = file.read(len(SIGNATURE))
        if content == SIGNATURE:
            content += file.read(LARGEST)
    return content if content.startswith(SIGNATURE) and len(content) < LARGEST else b""


def describe_sheet(path: Path) -> str:
    return "the data" if path.stem == "real" else f"after {format_images_seen(path)} images"


def gallery_html(pictures: Sequence[Markup]) -> Markup:
    return html_tag("div", join_markup(*pictures), class_="gallery")
