"""Pictures one after another, as a film that every viewer plays."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, get_args

from PIL import Image

from ..errors import Mistake, require
from ..extras import install
from .pictures import to_image
from .sheets import COMFORTABLE_SIDE
from .writing import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

FilmKind = Literal["gif", "webp", "mp4"]
FILM_KINDS: tuple[str, ...] = get_args(FilmKind)
FRAME_MS = 80  # milliseconds of each picture


def check_film(kind: FilmKind | None) -> None:
    """Refuse a film that nothing here can write, before anything is made for it."""
    require(kind in (None, *FILM_KINDS), f"film is {kind!r}, but should be one of {', '.join(FILM_KINDS)}")
    if kind == "mp4" and find_spec("av") is None:
        raise Mistake(
            f"an mp4 is written by PyAV, which is not installed: {install('video')}; --film webp needs nothing"
        )


def write_film(images: Tensor, path: Path) -> None:
    """Images (n, channels, height, width) in [-1, 1] one after another, without end; the path's ending says as what.

    Small ones are shown larger. A WebP is exact, a GIF has 256 colours, and an MP4 is compressed and even-sided.
    """
    factor = max(1, COMFORTABLE_SIDE // 3 // max(images.shape[2:]))
    frames = [one.resize((one.width * factor, one.height * factor), Image.Resampling.NEAREST)
              for one in (to_image(image).convert("RGB") for image in images)]  # fmt: skip
    kind = path.suffix.lower()
    if kind == ".mp4":
        write_atomically(path, lambda draft: write_mp4(frames, draft))
        return
    first, *rest = frames
    how = {"format": "GIF"} if kind == ".gif" else {"format": "WEBP", "lossless": True}
    write_atomically(path, lambda draft: first.save(draft, save_all=True, append_images=rest, loop=0,
                                                    duration=FRAME_MS, **how))  # fmt: skip


def write_mp4(frames: Sequence[Image.Image], file: BinaryIO) -> None:
    """H.264 where this PyAV has it, in the colours that every player knows: they take sides of an even length."""
    import av

    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    width, height = (side + side % 2 for side in frames[0].size)
    with av.open(file, "w", format="mp4") as film:
        stream = film.add_stream(codec, rate=Fraction(1000, FRAME_MS))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            even = frame.resize((width, height), Image.Resampling.NEAREST)
            film.mux(stream.encode(av.VideoFrame.from_image(even)))
        film.mux(stream.encode(None))
