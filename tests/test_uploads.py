"""Pictures that come as bytes are read as the same files are; how many cores a container leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from saddle import load
from saddle.data.progress import cores_of_group, count_cores
from saddle.errors import Mistake
from saddle.inference.image_files import open_images
from saddle.inference.uploads import UploadReader
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from serving import train_plain

DICE = np.random.default_rng(0)
GREY, COLOUR, CLEAR = (DICE.integers(0, 256, (20, 30, *bands), np.uint8) for bands in ((), (3,), (4,)))
WIDE = DICE.integers(0, 65536, (20, 30), np.uint16)
TURNED = Image.Exif()
TURNED[0x0112] = 6
PICTURES: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "grey": (GREY, "png", {}),
    "colour": (COLOUR, "png", {}),
    "clear": (CLEAR, "png", {}),
    "wide": (WIDE, "png", {}),
    "float": (GREY.astype(np.float32) * 3, "tiff", {}),
    "photo": (COLOUR, "jpg", {"quality": 90}),
    "turned": (COLOUR, "jpg", {"exif": TURNED}),
    "webp": (COLOUR, "webp", {"lossless": True}),
    "moving": (GREY, "gif", {"save_all": True, "append_images": [Image.fromarray(255 - GREY)]}),
    "bitmap": (COLOUR, "bmp", {}),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_plain(tmp_path_factory.mktemp("uploads"))


@pytest.mark.parametrize("own_size", [False, True])
@pytest.mark.parametrize("name", PICTURES)
def test_an_upload_is_read_as_its_file_is(name: str, own_size: bool, run: Path, tmp_path: Path):
    pixels, end, how = PICTURES[name]
    file = tmp_path / f"picture.{end}"
    Image.fromarray(pixels).save(file, **how)
    manifest, shape = Manifest.read(RunFolder.find(run)), load(run).shape
    image, count = UploadReader(manifest, shape, 600, own_size).read(file.read_bytes(), "it")
    (chunk,) = open_images(file, manifest, shape, own_size=own_size).chunks()
    assert count == 600 and torch.equal(image, chunk.images[0])
    assert tuple(image.shape[1:]) == (((30, 20) if name == "turned" else (20, 30)) if own_size else (16, 16))
    with pytest.raises(Mistake, match="it: it has 600 pixels, and 599 are the most here"):
        UploadReader(manifest, shape, 599).read(file.read_bytes(), "it")


@pytest.mark.parametrize(("text", "cores"), [("max 100000", 8), ("200000 100000", 2), ("50000 100000", 1), ("x", 8),
                                             ("150000 100000", 1), ("", 8)])  # fmt: skip
def test_a_container_s_share_of_the_processor_is_kept(text: str, cores: int, tmp_path: Path):
    (tmp_path / "cpu.max").write_text(f"{text}\n")
    assert cores_of_group(8, str(tmp_path / "cpu.max")) == cores
    assert cores_of_group(8, str(tmp_path / "none")) == 8 and count_cores() >= 1
