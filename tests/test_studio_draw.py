"""The studio's tab Draw: that its pictures are those that Python makes, and what it refuses."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from saddle import load
from saddle.cli import main
from saddle.errors import Mistake
from saddle.latent import Completing, Search, complete, invert
from saddle.runs.folder import RunFolder
from saddle.studio.canvas import MOST_PIXELS, layers_of, make_canvas
from saddle.studio.context import StudioContext
from saddle.studio.limits import time_limit
from saddle.studio.models import open_model
from saddle.studio.picture_box import uploaded
from saddle.studio.pictures import (
    complete_picture,
    find_picture,
    flatten_strokes,
    light_ink,
    painted_mask,
    read_picture,
    translate_photo,
    translate_sketch,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio")
TINY = ["--size", "32", "--batch", "8", "--images", "8", "--limit", "16", "--networks.width", "8", "--quiet"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    main(["train", "pix2pix", "--data", "glyphs", "--source", "outline", *TINY, "--out", str(folder / "pairs")])
    main(["train", "dcgan", "--data", "glyphs", *TINY, "--out", str(folder / "plain")])
    return folder


@pytest.fixture(scope="module")
def unpaired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpaired")
    for name in ("cyclegan", "cut"):
        words = ["--data", "glyphs", "--source", "outline", *TINY, "--batch", "2", "--images", "2"]
        main(["train", name, *words, "--out", str(folder / name)])
    return folder


def model_of(runs: Path, name: str):
    return open_model(RunFolder.find(runs / name))


def as_png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def strokes() -> Image.Image:
    layer = Image.new("RGBA", (64, 64))
    ImageDraw.Draw(layer).line((8, 8, 56, 56), "black", 6)
    return layer


def test_a_sketch_becomes_what_python_makes_of_it(runs: Path) -> None:
    model = model_of(runs, "pairs")
    assert light_ink(model), "outlines are light on dark, and a pen is dark on white"
    drawn = translate_sketch(model, flatten_strokes([strokes()], (64, 64)), 10_000)
    assert drawn.given[0, 16, 16] > 0.9 and drawn.given[0, 0, 31] == -1
    assert torch.equal(drawn.made, load(runs / "pairs").translate(drawn.given[None])[0])


def test_a_photo_is_translated_at_the_size_of_the_run_and_at_its_own(runs: Path) -> None:
    model, blob = model_of(runs, "pairs"), as_png(Image.new("L", (50, 40), 99))
    usual, own = (translate_photo(model, blob, "a.png", 10_000, own_size=own) for own in (False, True))
    assert usual.made.shape == (1, 32, 32) and own.made.shape == (1, 40, 50)
    assert torch.equal(usual.made, load(runs / "pairs").translate(usual.given[None])[0])


def test_a_photo_goes_through_unpaired_translators_and_back_where_they_learned_it(unpaired: Path) -> None:
    blob = as_png(Image.new("L", (50, 40), 99))
    for name, back in (("cyclegan", True), ("cut", False)):
        model, gan = model_of(unpaired, name), load(unpaired / name)
        assert (model.translates, model.goes_back, model.draws) == (True, back, False)
        made = translate_photo(model, blob, "a.png", 10_000)
        assert torch.equal(made.made, gan.translate(made.given[None])[0])
        assert translate_photo(model, blob, "a.png", 10_000, own_size=True).made.shape == (1, 40, 50)
        sketch = translate_sketch(model, flatten_strokes([strokes()], (64, 64)), 10_000)
        assert torch.equal(sketch.made, gan.translate(sketch.given[None])[0])
        if back:
            turned = translate_photo(model, blob, "a.png", 10_000, back=True)
            assert torch.equal(turned.made, gan.translate(turned.given[None], back=True)[0])


def test_what_is_painted_over_is_completed_as_python_does(runs: Path) -> None:
    model, gan = model_of(runs, "plain"), load(runs / "plain")
    layer = Image.new("RGBA", (320, 320))
    ImageDraw.Draw(layer).rectangle((80, 80, 239, 239), "#e0218a")
    hidden = painted_mask([layer], 32, 32)
    assert hidden.sum() == 16 * 16 and hidden[8, 8] and not hidden[7, 7]
    image = gan.sample(1, 5)[0]
    found = complete_picture(model, image, hidden, steps=3, answers=2)
    assert torch.equal(found, complete(gan, image[None], hidden, Completing(3, 4, answers=2)).images[0])
    assert torch.equal(found[:, :, ~hidden], image[:, ~hidden].expand(2, 1, -1)), "what is known stays"


def test_a_picture_is_found_as_python_finds_it(runs: Path) -> None:
    model, gan = model_of(runs, "plain"), load(runs / "plain")
    image = read_picture(model, as_png(Image.new("L", (40, 40), 200)), "a.png", 10_000)
    found, expected = find_picture(model, image, 3), invert(gan, image[None], Search(3))
    assert torch.equal(found.latents, expected.latents) and torch.equal(found.images, expected.images)


def test_searches_end_when_their_time_is_over(runs: Path) -> None:
    model = model_of(runs, "plain")
    with pytest.raises(Mistake, match=r"not done after 0\.05 s.*ask for fewer steps"), time_limit(0.05):
        find_picture(model, torch.zeros(1, 32, 32), 1000)


@pytest.mark.parametrize("blob", [b"", b"GIF89a", b"<svg onload=alert(1)>", b"\x80\x04pickle", b"%PDF-1.7"])
def test_what_is_no_picture_is_refused_in_a_sentence(blob: bytes, runs: Path) -> None:
    with pytest.raises(Mistake, match=r"a\.png: .*pictures are PNG, JPEG"):
        read_picture(model_of(runs, "plain"), blob, "a.png", 10_000)


def test_what_is_too_large_is_refused_before_it_is_unpacked(runs: Path, tmp_path: Path) -> None:
    bomb = as_png(Image.new("1", (3000, 3000)))
    with pytest.raises(Mistake, match="9,000,000 pixels, and 10,000 are the most"):
        read_picture(model_of(runs, "plain"), bomb, "a.png", 10_000)
    (tmp_path / "a.png").write_bytes(bomb)
    with pytest.raises(Mistake, match="and this studio takes"):
        uploaded(StudioContext(runs=runs, most_bytes=10), str(tmp_path / "a.png"))
    with pytest.raises(gr.Error, match=f"{MOST_PIXELS:,} pixels at most"):
        make_canvas().convert_and_format_image(SimpleNamespace(path=str(tmp_path / "a.png"), orig_name="a.png"))


@pytest.mark.parametrize("value", [None, "text", {"layers": ["x"]}, {"layers": [np.zeros(3)]}])
def test_what_is_no_canvas_is_refused(value: object) -> None:
    with pytest.raises(Mistake, match="draw on the canvas first"):
        layers_of(value)


@pytest.mark.parametrize("file", [None, 3, "/nowhere/a.png", ["a.png"]])
def test_no_upload_is_no_upload(file: object, runs: Path) -> None:
    with pytest.raises(Mistake, match="upload a picture first"):
        uploaded(StudioContext(runs=runs), file)
