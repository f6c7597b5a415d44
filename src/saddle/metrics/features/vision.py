"""Any pretrained vision model as an extractor: what it makes of a whole image (extra: transformers)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import Mistake, require
from ...hub_models import (
    CONFIG_FILE,
    HUB_MODEL_PREFIX,
    PREPROCESSOR_FILE,
    VISION,
    find_model_folder,
    first_line,
    hash_model_files,
    load_model,
    read_json_facts,
)
from .extractor import freeze_network, to_byte_values, to_rgb
from .resize import resize_clean, resize_pillow

CLASS_TOKENS = ("cls_token", "class_token", "class_embedding")
UNSUPPORTED_OPTIONS = (
    "do_flip_channel_order",
    "rescale_offset",
    "include_top",
)  # what a few models want and is not done here


def parse_model_name(text: str) -> str | None:
    """The model that is meant: what follows hf:, or a folder with a config.json; None for anything else."""
    if text.startswith(HUB_MODEL_PREFIX):
        return text.removeprefix(HUB_MODEL_PREFIX)
    return text if Path(text, CONFIG_FILE).is_file() else None


def load_vision_model(model: str | Path) -> VisionFeatures:
    """The extractor of a folder's model, or of one on the hub, `facebook/dinov2-small`; raises Mistake for any other.

    A folder holds config.json, preprocessor_config.json and model.safetensors, as the hub has them.
    """
    folder = find_model_folder(str(model), VISION)
    network, pooled = load_model(folder, VISION)
    here = Path(model).resolve() if Path(model).is_dir() else Path(model)
    name = "hf-" + re.sub(r"[^\w.-]+", "-", here.name)
    return VisionFeatures(network, Preprocessing.of(folder), name, hash_model_files(folder, VISION), pooled)


@dataclass(frozen=True)
class Preprocessing:
    """How a model wants pixels, of which 0 to 255 are given."""

    size: int  # of a side
    scale: float
    mean: Any  # of each channel, after scaling
    deviation: Any

    @staticmethod
    def of(folder: Path) -> Preprocessing:
        """As the model's preprocessor_config.json has it; raises Mistake where it does not say, or wants more."""
        file = folder / PREPROCESSOR_FILE
        example = '{"size": 224, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}'
        require(
            file.is_file(),
            f"{folder} has no {PREPROCESSOR_FILE}, which says how its model reads images, as in {example}",
        )
        given = read_json_facts(file)
        for wish in UNSUPPORTED_OPTIONS:
            require(not given.get(wish), f"{file} asks for {wish}, which is not done here")
        scale = given.get("rescale_factor", 1 / 255) if given.get("do_rescale", True) else 1.0
        if not given.get("do_normalize", True):
            return Preprocessing(parse_size(given, file), scale, 0.0, 1.0)
        known = "image_mean" in given and "image_std" in given
        require(known, f"{file} lacks image_mean or image_std, as in {example}")
        return Preprocessing(parse_size(given, file), scale, given["image_mean"], given["image_std"])

    def __call__(self, pixels: Tensor, resize: Callable[[Tensor, int], Tensor] = resize_clean) -> Tensor:
        """(n, 3, size, size). Images are read whole: what a crop would cut off was generated, too."""
        mean, deviation = (pixels.new_tensor(values).view(-1, 1, 1) for values in (self.mean, self.deviation))
        return (resize(pixels, self.size) * self.scale - mean) / deviation


def parse_size(given: dict[str, Any], file: Path) -> int:
    """Of 224, {"height": 224, "width": 224} or {"shortest_edge": 224}: what is left of a crop, if there is one."""
    cropped = given.get("do_center_crop", True) and given.get("crop_size")
    size = given["crop_size"] if cropped else given.get("size")
    sides = set(size.values()) if isinstance(size, dict) else {size}
    one = sides.pop() if len(sides) == 1 else None
    if not isinstance(one, int):
        raise Mistake(f"{file} names no size of a square to which images are brought, but {size}")
    return one


class VisionFeatures(nn.Module):
    """The vector that a pretrained model makes of an image.

    It is the image's embedding where there is one (CLIP, SigLIP), else the pooled output, else the class token, else
    the mean over places; a pooler that came without weights is passed over. Images come to the model's size uncropped
    and by the clean filter; to a DINOv2's as bytes by Pillow, as Stein et al. 2023 have it (2306.04675, dgm-eval).
    """

    def __init__(self, network: nn.Module, reading: Preprocessing, name: str, sha256: str, pooled: bool = True) -> None:
        super().__init__()
        self.network, self.preprocessing, self.pooled, self.name, self.sha256 = network, reading, pooled, name, sha256
        self.is_dinov2 = str(getattr(network.config, "model_type", "")).startswith("dinov2")
        self.resize, self.filter = ("pillow", resize_pillow) if self.is_dinov2 else ("clean", resize_clean)
        self.token = any(key.rpartition(".")[2] in CLASS_TOKENS for key, _ in network.named_parameters())
        freeze_network(self)
        self.dimension = self._probed()

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, dimension), float32, of images in [-1, 1], on the weights' device."""
        pixels = self.preprocessing(to_rgb(to_byte_values(images)).to(next(self.parameters())), self.filter)
        embed = getattr(self.network, "get_image_features", None)
        if embed is not None:
            made = embed(pixel_values=pixels)  # a tensor before transformers 5
            vectors: Tensor = made if isinstance(made, Tensor) else made.pooler_output
            return vectors
        out = self.network(pixel_values=pixels, return_dict=True)
        pooled: Tensor | None = getattr(out, "pooler_output", None)
        if self.pooled and pooled is not None:
            return pooled.flatten(1)
        last: Tensor = out.last_hidden_state  # (n, places, d), or maps (n, d, h, w)
        if last.ndim == 4:
            return last.mean((2, 3))
        return last[:, 0] if self.token else last.mean(1)

    @torch.no_grad()
    def _probed(self) -> int:
        """The length of a vector; raises Mistake for a model that makes none of an image, or another one each time."""
        try:
            first, second = (self.forward(torch.zeros(1, 3, 8, 8)) for _ in range(2))
            require(first.ndim == 2, f"what it makes has the shape {tuple(first.shape)}")
        except Exception as error:  # models fail in every way at what they were not made for
            size = f"{self.preprocessing.size} x {self.preprocessing.size}"
            raise Mistake(f"{self.name} makes no vector of an image of {size} pixels: {first_line(error)}") from error
        require(
            torch.allclose(first, second, rtol=1e-3, atol=1e-4), f"{self.name} reads an image differently each time"
        )
        return first.shape[1]
