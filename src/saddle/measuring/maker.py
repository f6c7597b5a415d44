"""A run's generator, for metrics that read more than samples."""

from __future__ import annotations

import torch
from torch import Tensor

from ..data.dataset import Dataset
from ..errors import Mistake
from ..inference.chance import RowsDraw
from ..inference.load import LoadedGame
from ..parts import Shard, use_shard
from ..training.engine import derive_seed
from ..training.rows import MAX_ROWS
from .inputs import generated_dataset


class GeneratorHandle:
    """Samples, and latents with what becomes of them."""

    def __init__(self, name: str, loaded: LoadedGame) -> None:
        self.name, self.loaded = name, loaded
        self.weights = "averaged" if loaded.averaged else "last"  # those over the last rounds, or of the very last

    def samples(self, n: int, seed: int) -> Dataset:
        """As `saddle sample` makes them, with their labels where these decide what is made."""
        loaded, labels = self.loaded, None
        if loaded.shape.classes and loaded.is_conditional:
            drawn = [loaded.draw_labels(seed, i) for i in range(-(-n // MAX_ROWS))]
            labels = torch.cat([some for some in drawn if some is not None])[:n]
        return generated_dataset(self.name, loaded.sample_chunks(n, seed), n, loaded.shape, loaded.classes, labels)

    def latents(self, n: int, seed: int) -> Tensor:
        """(n, size) from the game's prior; raises Mistake for a game without a generator of that kind."""
        game = self.loaded.game
        if not all(hasattr(game, part) for part in ("generator", "prior", "latent")):
            raise Mistake(f"{type(game).__name__} has no generator of latents that a path could be taken through")
        device = self.loaded.device
        like = torch.zeros(n, *self.loaded.shape[:3], device=device)
        with use_shard(Shard(rng=torch.Generator(device).manual_seed(derive_seed(seed, n)))):
            drawn: Tensor = game.prior(like, game.latent)  # type: ignore[operator]
        return drawn

    def __call__(self, z: Tensor) -> Tensor:
        """Images of latents (n, size); where labels decide, each row has one of its own, by its place."""
        classes = self.loaded.shape.classes
        labels = torch.arange(len(z), device=z.device) % classes if classes else None
        with torch.set_grad_enabled(z.requires_grad), RowsDraw(self.loaded.device, 0, 0, len(z)):
            made: Tensor = self.loaded.game.generator(z, labels)  # type: ignore[operator]
        return made.float()
