"""What `train` returns: the run's folder as a path, which shows itself in a notebook."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from ..clock import describe_shown
from .folder import RunFolder

PICTURES = (("samples as it trained", "progress.png"), ("loss", "curves.png"), ("figures", "quality.png"))


class RunPath(type(Path())):  # type: ignore[misc]  # the system's own kind of path
    """A run's folder. `load(run)`, `measure(run)` and all that takes a path take it."""

    def show(self) -> None:
        """Show the run here: inline in a notebook, else in the system's own viewer of pictures."""
        try:
            from IPython import get_ipython
            from IPython.display import display
        except ImportError:
            get_ipython = None
        if get_ipython is not None and get_ipython() is not None:
            display(self)
            return
        from PIL import Image

        for _, picture in self.pictures():
            Image.open(picture).show(str(picture))

    def pictures(self) -> list[tuple[str, Path]]:
        """The run's pictures that there are, each with what it shows; the last sheet of samples stands first."""
        sheets = [("samples", path) for path in RunFolder(self).contact_sheets()[-1:]]
        rest = [(title, Path(self / name)) for title, name in PICTURES if (self / name).is_file()]
        return sheets + rest

    def _repr_html_(self) -> str:
        """For notebooks: one line of facts, and the pictures inline."""
        from ..errors import Mistake
        from .pictures import png_address
        from .state import summarize_run

        try:
            run = summarize_run(RunFolder.find(self))
        except Mistake as mistake:
            return f"<code>{escape(str(mistake))}</code>"
        best = f", {escape(run.best.title)} {run.best.value:.4g}" if run.best else ""
        shown = describe_shown(run.images, run.length)
        facts = f"{escape(run.recipe)} on {escape(run.data)}: {shown} images, {run.state}{best}"
        images = (
            f'<figure><figcaption>{title}</figcaption><img alt="{title}" style="max-width:100%" '
            f'src="{png_address(path.read_bytes())}"></figure>'
            for title, path in self.pictures()
        )
        return f"<div><b>{escape(str(self))}</b><br>{facts}</div>{''.join(images)}"

    def __reduce__(self) -> Any:
        return type(self), (str(self),)
