"""Where Inception's weights lie: named, below SADDLE_DATA, in the cache, or downloaded there when that is asked for."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ...data.cache.location import cache_home
from ...data.cache.sealed import locked_folder
from ...data.dataset_table import WEIGHTS_FOLDER
from ...data.progress import tell_wait
from ...errors import Mistake, require
from ...notices import Notify
from ...runs.writing import write_atomically

WEIGHT_ENDINGS = (".pth", ".pt", ".npz")
RELEASE_URL = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
RELEASE_FILE, RELEASE_SHA256 = (
    "pt_inception-2015-12-05-6726825d.pth",
    "6726825d",
)  # how the hash begins; the name says it


def find_inception_weights() -> Path | None:
    """The file of weights that is here; of several the largest, which has most layers."""
    data = os.environ.get("SADDLE_DATA")
    places = [Path(data) / WEIGHTS_FOLDER] if data else []
    files = [
        file for place in (*places, cache_home() / WEIGHTS_FOLDER) if place.is_dir() for file in place.iterdir()
        if file.suffix in WEIGHT_ENDINGS and not file.name.startswith(".")
    ]  # fmt: skip
    return max(files, key=lambda file: (file.stat().st_size, file.name), default=None)


def ensure_inception_weights(download: bool, say: Notify) -> Path:
    """The same; raises Mistake where there is none and none may be downloaded."""
    here = find_inception_weights()
    if here is not None:
        return here
    if not download:
        raise Mistake(
            "Inception's weights are not here: name their file (--features PATH), put it into the folder inception "
            "below the one that SADDLE_DATA names, or let --download fetch it, about 90 MB"
        )
    folder = cache_home() / WEIGHTS_FOLDER
    return download_file(RELEASE_URL + RELEASE_FILE, RELEASE_SHA256, folder / RELEASE_FILE, say)


def download_file(address: str, sha256: str, file: Path, say: Notify) -> Path:
    """A file from the network, there only if its hash begins so; raises Mistake where it cannot be had."""
    tell_wait(say, f"downloading {address}")

    def fill(draft: BinaryIO) -> None:
        total = hashlib.sha256()
        for block in download_blocks(address):
            draft.write(block)
            total.update(block)
        got = total.hexdigest()
        require(got.startswith(sha256), f"{address} has the hash {got}, not {sha256}..., and is not used")

    with locked_folder(file.parent):
        write_atomically(file, fill)
    return file


def download_blocks(address: str) -> Iterator[bytes]:
    """A file, piece by piece; raises Mistake without a network."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            yield from iter(lambda: answer.read(1 << 20), b"")
    except OSError as error:
        raise Mistake(f"{address} could not be downloaded: {error}; name a file of weights with --features") from error
