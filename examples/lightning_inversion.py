"""A trained generator inside a Lightning project: an encoder learns what latents its images were made of.

    python examples/lightning_inversion.py RUN

The generator is a frozen part of the module: Lightning moves it to the device, and leaves its weights as they are.
"""

from __future__ import annotations

import sys
from pathlib import Path

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import saddle


class Inversion(lightning.LightningModule):
    """E minimises |E(G(z)) - z|^2 for the latents z of the batch. The run's generator needs no label."""

    def __init__(self, run: str | Path, width: int = 32) -> None:
        super().__init__()
        gan = saddle.load(run, device="cpu")
        self.generator = gan.generator  # in evaluation mode, without gradients
        latent = self.generator.latents(1).shape[1]
        self.encoder = nn.Sequential(
            nn.Conv2d(gan.shape.channels, width, 4, 2, 1), nn.BatchNorm2d(width), nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 4, 2, 1), nn.BatchNorm2d(width), nn.LeakyReLU(0.2),
            nn.AdaptiveAvgPool2d(4), nn.Flatten(),
            nn.Linear(16 * width, latent),
        )  # fmt: skip

    def on_train_epoch_start(self) -> None:
        self.generator.eval()  # Lightning puts all of a module into training mode

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        (z,) = batch
        error = (self.encoder(self.generator(z)) - z).square().mean()
        self.log("error", error)
        return error

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.encoder.parameters(), lr=3e-3)


def fit(run: str | Path, epochs: int = 2, latents: int = 512) -> Inversion:
    """An encoder for the run's generator."""
    module = Inversion(run)
    loader = DataLoader(TensorDataset(module.generator.latents(latents, seed=1)), 32)
    trainer = lightning.Trainer(max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
                                enable_progress_bar=False, enable_model_summary=False)  # fmt: skip
    trainer.fit(module, loader)
    return module.eval()


if __name__ == "__main__":
    found = fit(sys.argv[1])
    z = found.generator.latents(64, seed=2)
    with torch.no_grad():
        print("error", float((found.encoder(found.generator(z)) - z).square().mean()))
