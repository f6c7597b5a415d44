"""Sets of pictures that are downloaded, through the Hugging Face library `datasets`."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...errors import Mistake
from ...extras import install
from ...notices import Notify
from ..undecoded import DataSource, UndecodedImages
from .image_formats import open_image


def hub_source(name: str, repository: str, part: str | None = None) -> DataSource:
    """A part of a set on the hub, `train` unless asked for another; raises Mistake where it cannot be had."""
    split = part or "train"

    def open_(say: Notify) -> UndecodedImages:
        pile = undecoded_from_hub(download_rows(name, repository, split), repository)
        say(f"{name} is {repository} of the Hugging Face hub")  # said again whenever the cache is opened
        return pile

    return DataSource(name, (repository, split), open_)


def download_rows(name: str, repository: str, split: str) -> Any:
    """The set as `datasets` gives it."""
    try:
        import datasets
    except ImportError as error:
        raise Mistake(
            f"{name} is not here: name the folder that holds {name}/ in the environment variable SADDLE_DATA, "
            f"or install what downloads it: {install('data')}"
        ) from error
    if config := getattr(datasets, "config", None):
        config.HF_DATASETS_TRUST_REMOTE_CODE = False  # older versions run a set's own script if they are let to
    try:
        return datasets.load_dataset(repository, split=split)
    except Exception as error:  # networks, disks and remote files fail in every way
        raise Mistake(
            f"{name} could not be downloaded ({str(error).splitlines()[0] if str(error) else type(error).__name__}); "
            f"without a network, name the folder that holds {name}/ in the environment variable SADDLE_DATA"
        ) from error


def undecoded_from_hub(rows: Any, repository: str) -> UndecodedImages:
    """The column of pictures, and that of classes where there is one; raises Mistake for a set without pictures."""
    import datasets

    pictures = [column for column, kind in rows.features.items() if isinstance(kind, datasets.Image)]
    if not pictures:
        raise Mistake(f"{repository} has no column of pictures; there are {', '.join(rows.features)}")
    kinds = [column for column, kind in rows.features.items() if isinstance(kind, datasets.ClassLabel)]
    packed = rows.cast_column(pictures[0], datasets.Image(decode=False))

    def read(i: int) -> Image.Image:
        cell = packed[i][pictures[0]]
        return open_image(BytesIO(cell["bytes"]) if cell["bytes"] is not None else Path(cell["path"]))

    keys = [f"picture {i}" for i in range(len(rows))]
    if not kinds:
        return UndecodedImages(keys, read)
    names = tuple(rows.features[kinds[0]].names)
    return UndecodedImages(keys, read, np.array(rows[kinds[0]], dtype=np.int64), names)
