"""Pictures of what runs make, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image

from ..errors import Mistake
from ..inference.load import load
from ..recipes.trust import Untrusted
from ..regular import is_regular, open_to_read
from ..runs.log import warned
from ..runs.progress import shown, spread
from ..runs.sheets import painted, sheet
from .markup import Markup, joined, picture, tag
from .reading import Run

IMAGES, POINTS = 36, 2048
SIGNATURE, LARGEST = b"\x89PNG\r\n\x1a\n", 64 << 20  # how a PNG begins; bytes, more than which no sheet has
SHEETS = 6  # of a run's contact sheets


def sample_grids(runs: Sequence[Run], seed: int) -> list[Markup]:
    """A captioned picture for each."""
    return [captioned(run.group, sampled(run, seed)) for run in runs]


def captioned(title: str, content: Markup) -> Markup:
    return tag("figure", content, tag("figcaption", title), class_="grid")


def sampled(run: Run, seed: int) -> Markup:
    """Samples of the last checkpoint, from averaged weights; where there are none, the reason stands in their place."""
    try:
        loaded = load(run.folder.path)
        points = loaded.shape.points
        labels = loaded.in_order() if not points and loaded.conditional else None
        parts = loaded.parts(len(labels) if labels else POINTS if points else IMAGES, seed, labels)
        samples = torch.cat([painted(some) for some in parts])
    except Untrusted:
        raise
    except Mistake as reason:
        return tag("p", f"No samples: {reason}.", class_="none")
    return picture(png(sheet({"made": samples})), f"samples of {run.title}, seed {seed}")


def png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def contact_sheets(run: Run) -> list[Markup]:
    """The real samples, and contact sheets from the first to the last, as they lie in the run's folder."""
    own = [run.folder.sheets / "real.png", *run.folder.drawn()]
    pictures = {path: content for path in own if (content := png_in(path, run.folder.path))}
    real, drawn = ([path for path in pictures if (path.stem == "real") == is_real] for is_real in (True, False))
    lost = sorted(path.name for path in run.folder.sheets.glob("*.png") if path not in pictures)
    if lost:
        warned(unshown := f"{run.folder.sheets} holds what is no contact sheet, and is left out: {', '.join(lost)}")
    said = [tag("p", f"{unshown}.", class_="none")] if lost else []
    return [captioned(name(p), picture(pictures[p], name(p))) for p in (*real, *spread(drawn, SHEETS))] + said


def png_in(path: Path, root: Path) -> bytes:
    """The content of a PNG; nothing of a link, of what is no file, or is none: a page that is shown shows no secret."""
    if path.is_symlink() or not is_regular(path, root):
        return b""
    with open_to_read(path, root) as file:
        content = file.read(len(SIGNATURE))
        if content == SIGNATURE:
            content += file.read(LARGEST)
    return content if content.startswith(SIGNATURE) and len(content) < LARGEST else b""


def name(path: Path) -> str:
    return "the data" if path.stem == "real" else f"after {shown(path)} images"


def gallery(pictures: Sequence[Markup]) -> Markup:
    return tag("div", joined(*pictures), class_="gallery")
