"""What a run makes of a visitor's drawing or picture, by the functions that Python offers anybody."""

from __future__ import annotations

from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..capabilities import side_multiple
from ..errors import require
from ..inference.translating import source_shape, translate_any_size
from ..inference.uploads import UploadReader
from ..latent.completion import Completing, complete
from ..latent.inversion import Inversions, invert
from ..latent.projection import Projecting, project
from ..latent.search import Search
from .models import Model

LIGHT_INK = ("outline", "mask")  # sources that are light lines, or figures, on dark ground
PAINTED = 0.5  # share of a pixel that is painted over, from which it counts as hidden
MOST_STEPS = 1000
MOST_SIDE = 1024  # pixels of a photo that is translated at its own size


class Drawn(NamedTuple):
    """What a run made of a picture."""

    given: Tensor  # (channels, height, width): as the run saw it
    made: Tensor


def read_picture(model: Model, blob: bytes, name: str, most_pixels: int, translated: bool = False,
                 back: bool = False) -> Tensor:  # fmt: skip
    """An uploaded picture made ready as the run's data were, (channels, height, width) in [-1, 1]."""
    shape = source_shape(model.loaded, back) if translated else model.loaded.shape
    image, _ = UploadReader(model.manifest, shape, most_pixels).read(blob, name)
    return image


def flatten_strokes(layers: list[Image.Image], size: tuple[int, int]) -> Image.Image:
    """All that was drawn, on white paper."""
    paper = Image.new("RGBA", size, "white")
    for layer in layers:
        paper.alpha_composite(layer.convert("RGBA").resize(size) if layer.size != size else layer.convert("RGBA"))
    return paper.convert("RGB")


def light_ink(model: Model) -> bool:
    """Was the run trained on light lines on dark ground? What is drawn in dark on white is turned round then."""
    return model.manifest.settings.source in LIGHT_INK or is_default_outline(model)


def is_default_outline(model: Model) -> bool:
    """Glyphs are paired with their outlines where nobody has said what they are made from."""
    from ..data.pairing.plan import DEFAULT_SOURCES

    name = model.manifest.settings.data or model.manifest.data["name"]
    return model.manifest.settings.source is None and DEFAULT_SOURCES.get(str(name)) in LIGHT_INK


def translate_sketch(model: Model, sketch: Image.Image, most_pixels: int, seed: int = 0) -> Drawn:
    """A drawing in dark on white as a picture of the kind that the run makes."""
    turned = Image.eval(sketch, lambda level: 255 - level) if light_ink(model) else sketch
    file = BytesIO()
    turned.save(file, "PNG", compress_level=1)
    given = read_picture(model, file.getvalue(), "the drawing", most_pixels, translated=True)
    return Drawn(given, model.loaded.translate(given[None], seed=seed)[0])


def translate_photo(model: Model, blob: bytes, name: str, most_pixels: int, back: bool = False,
                    own_size: bool = False, seed: int = 0) -> Drawn:  # fmt: skip
    """An uploaded picture as one of the other kind, at the run's size or at its own."""
    style: dict[str, Any] = {"back": True} if back else {}
    shape = source_shape(model.loaded, back)
    given, _ = UploadReader(model.manifest, shape, most_pixels, own_size).read(blob, name)
    large = (
        f"{name} is {given.shape[2]} x {given.shape[1]}; at its own size {MOST_SIDE} pixels a side are the most here"
    )
    require(max(given.shape[1:]) <= MOST_SIDE, large)
    if own_size:
        few = f"{name} is smaller than the {side_multiple(model.loaded.game)} pixels a side that this run needs"
        require(min(given.shape[1:]) >= side_multiple(model.loaded.game) // 2 + 1, few)
        return Drawn(given, translate_any_size(model.loaded, given[None], seed, style)[0])
    return Drawn(given, model.loaded.translate(given[None], seed=seed, **style)[0])


def painted_mask(layers: list[Image.Image], height: int, width: int) -> Tensor:
    """What brush strokes hide of a picture of this size, (height, width) bool."""
    hidden = np.zeros((height, width), bool)
    for layer in layers:
        alpha = layer.convert("RGBA").getchannel("A").resize((width, height), Image.Resampling.BOX)
        hidden |= np.asarray(alpha) >= PAINTED * 255
    return torch.from_numpy(hidden)


def complete_picture(model: Model, image: Tensor, hidden: Tensor, steps: int = 100, answers: int = 3, seed: int = 0,
                     label: str | None = None) -> Tensor:  # fmt: skip
    """Different answers to what stands in the hole, (answers, channels, height, width)."""
    check_steps(steps)
    how = Completing(steps, max(4, answers), answers=answers)
    return complete(model.loaded, image[None], hidden, how, label, seed).images[0]


def find_picture(model: Model, image: Tensor, steps: int = 200, seed: int = 0, label: str | None = None) -> Inversions:
    """The latent, or style, whose image is most like this one: `invert`, or `project` where there are styles."""
    check_steps(steps)
    if model.styled:
        return project(model.loaded, image[None], Projecting(steps), label, seed)
    return invert(model.loaded, image[None], Search(steps), "auto", label, seed)


def check_steps(steps: object) -> None:
    whole = isinstance(steps, int) and 1 <= steps <= MOST_STEPS
    require(whole, f"steps is {steps!r}, but should be a whole number from 1 to {MOST_STEPS:,}")
