"""What became of pictures, beside what they were: a sheet, and a page that needs no other file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

from torch import Tensor

from ..errors import format_count, require
from ..inference.made_files import is_replaceable
from ..notices import Notify
from ..runs.labelled_sheets import fit, make_labelled_sheet
from ..runs.pictures import save_png, to_image
from ..runs.writing import write_atomically
from .markup import embed_png, html_tag, join_markup
from .page import html_page

SHOWN_PICTURES = 64  # the first of them
MAX_SHOWN_SIDE = 512  # pixels, that a larger picture is made smaller for on the page
PAGE, SHEET = "index.html", "before-after.png"
PAGE_MARK = b"Written by saddle"


class BeforeAndAfter:
    """The first of some pictures and what was made of them, for a sheet and a page in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.names: list[str] = []
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []

    def check_replaceable(self, made: Iterable[Path]) -> None:
        """Raise Mistake where a file would be lost that nobody asked to write over, or one of what is made."""
        for path in (self.folder / SHEET, self.folder / PAGE):
            require(path not in set(made), f"{path} is the name of the sheet; rename the picture that is called so")
            there = path.is_file() and not path.is_symlink()
            ours = there and (is_replaceable(path) or PAGE_MARK in path.read_bytes())
            require(ours or not path.exists(), f"{path} is there already, and was not made by saddle; name another "
                                               "place")  # fmt: skip

    def add(self, names: Sequence[str], before: Iterable[Tensor], after: Iterable[Tensor]) -> None:
        """Some more, (channels, height, width) in [-1, 1] each."""
        self.count += len(names)
        for name, one, two in zip(names, before, after, strict=True):
            if len(self.names) < SHOWN_PICTURES:
                self.names.append(name)
                self.before.append(one)
                self.after.append(two)

    def write(self, run: str, say: Notify) -> None:
        """Both files, beside what was made."""
        if len(self.names) < self.count:
            say(f"the sheet and the page show the first {len(self.names)} of {format_count(self.count, 'picture')}")
        sheet = make_labelled_sheet({"before": self.before, "after": self.after}, self.names)
        save_png(sheet, self.folder / SHEET)
        page = self.page(run)
        write_atomically(self.folder / PAGE, lambda draft: draft.write(page.encode()))

    def page(self, run: str) -> str:
        about = f"{format_count(self.count, 'picture')}, each before and after"
        rows = (
            html_tag(
                "figure",
                html_tag("figcaption", name),
                embed_png(shown_png(one), f"{name} before"),
                " ",
                embed_png(shown_png(two), f"{name} after"),
            )
            for name, one, two in zip(self.names, self.before, self.after, strict=True)
        )
        return html_page(f"Translated by {run}", about, html_tag("div", join_markup(*rows), class_="pairs"))


def shown_png(picture: Tensor) -> bytes:
    """A picture as a PNG, made smaller where it is large, and small ones larger by a whole factor."""
    image = to_image(picture)
    side = max(image.size)
    scale = MAX_SHOWN_SIDE / side if side > MAX_SHOWN_SIDE else max(1, 128 // side)
    file = BytesIO()
    fit(image, scale).save(file, "PNG")
    return file.getvalue()
