"""Pictures that come as bytes from somebody unknown, made ready as a run's data were: nothing of them is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ..columns import scale_rows, to_float_images
from ..data.decoding.pixels import describe_error, to_sample_pixels
from ..data.readers.image_formats import describe_non_image
from ..data.undecoded import UndecodedImages
from ..errors import Mistake, require
from ..notices import notify_nobody
from ..runs.manifest import Manifest
from ..shape import Picture, Shape
from .image_files import GivenBands, prepare_as_the_run

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # no more readers than are asked for stand open to anybody


@contextmanager
def open_upload(blob: bytes, name: str, most_pixels: int) -> Iterator[Image.Image]:
    """The picture, of which no pixel is unpacked before it is known how many there are; Mistake for anything else.

    Whatever its reader raises in here is told in a sentence.
    """
    try:
        with Image.open(BytesIO(blob), formats=FORMATS) as image:
            pixels = image.width * image.height
            require(pixels <= most_pixels, f"it has {pixels:,} pixels, and {most_pixels:,} are the most here")
            yield image
    except Exception as error:  # a damaged file can fail in any way inside its decoder
        unknown = isinstance(error, UnidentifiedImageError)
        why = describe_non_image(blob[:512]) if unknown else describe_error(error)
        raise Mistake(f"{name}: {why}; pictures are {', '.join(FORMATS)}") from None


@dataclass(frozen=True)
class UploadReader:
    """Reads uploaded pictures as a run plays with them."""

    manifest: Manifest
    shape: Shape  # that they are brought to
    most_pixels: int
    own_size: bool = False  # or each is as large as it is

    def read(self, blob: bytes, name: str) -> tuple[Tensor, int]:
        """One picture, (channels, height, width) float32 in [-1, 1], and how many pixels it had; Mistake for what is
        none, or too large.
        """
        prepare = prepare_as_the_run(self.manifest, self.shape, self.own_size, {})
        pile = UndecodedImages([name], lambda i: Image.open(BytesIO(blob), formats=FORMATS))
        bands = GivenBands(pile, prepare, self.manifest.data.get("bands", {}), notify_nobody)
        with open_upload(blob, name, self.most_pixels) as image:
            size = image.width * image.height
            pixels = to_sample_pixels(image, prepare.stored_size, prepare.crop, self.shape.channels, bands)
        rows = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None]
        images = to_float_images(rows) if self.own_size else scale_rows(rows, Picture(self.shape))
        return images[0].contiguous(), size
