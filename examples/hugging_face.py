"""A generator of saddle's as a model of a Hugging Face project: saved, loaded and pushed by the hub's own means.

    python examples/hugging_face.py BUNDLE FOLDER

BUNDLE is what `saddle export RUN --to safetensors` wrote. The model is a module like any other: it can be trained on,
and `model.push_to_hub("OWNER/NAME")` gives it away. Its config.json says which networks they are, so that
`from_pretrained` builds them again; saddle is installed there, the run is not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

import saddle
from saddle.exporting.bundle import untrained_generator


class HubGenerator(nn.Module, PyTorchModelHubMixin, library_name="saddle", tags=["gan", "image-generation"]):
    """`bundle` is what a bundle's config.json says; the weights come by `from_bundle`, or from the hub."""

    def __init__(self, bundle: dict[str, Any]) -> None:
        super().__init__()
        self.generator = untrained_generator(bundle)

    @classmethod
    def from_bundle(cls, bundle: str | Path) -> HubGenerator:
        config = json.loads((Path(bundle) / "config.json").read_text(encoding="utf-8"))
        model = cls(bundle=config)
        model.generator.load_state_dict(saddle.load(bundle, device="cpu").generator.state_dict())
        return model.eval()

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (n, channels, height, width) in [-1, 1]."""
        images: Tensor = self.generator(latents, labels)
        return images


if __name__ == "__main__":
    bundle, folder = sys.argv[1:]
    HubGenerator.from_bundle(bundle).save_pretrained(folder)
    model = HubGenerator.from_pretrained(folder)
    z = model.generator.latents(4, seed=0)
    with torch.no_grad():
        print("images", tuple(model(z).shape), "by", sum(p.numel() for p in model.parameters()), "parameters")
