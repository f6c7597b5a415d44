"""What makes the samples of a run that are measured: a generator out of chance, or a game that makes them of data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..batches import Batch, column_names, condition_of, real_samples
from ..capabilities import Generates, describe_made, make_from
from ..columns import scale_rows
from ..data.dataset import Dataset
from ..data.feed import Feed
from ..data.held_out import held_out_of
from ..data.pairing.columns import TRUTH
from ..data.sides import side_of
from ..data.streams import most_in_batch
from ..inference.chance import RowsDraw, own_chance
from ..inference.loaded import LoadedGame
from ..notices import Notify
from ..out_of_memory import catch_out_of_memory
from ..parts import Shard, use_shard
from ..recipes.capable import lacking
from ..shape import Picture, Shape
from ..training.engine import derive_seed
from ..training.rows import MAX_ROWS
from ..training.signals import check_abandoned
from .inputs import generated_dataset


def knows_targets(data: Dataset, kind: type[Batch]) -> bool:
    """Are what is translated and what it should become of the same samples, or is the latter kept beside the former?"""
    wanted, names = kind.wanted(), column_names(kind)
    source = names.get(wanted.condition or "", "")
    if not isinstance(data.columns.get(source), Picture):
        return False
    return side_of(data, source) is side_of(data, names[wanted.sample]) or TRUTH in side_of(data, source).columns


class SampleMaker:
    """What makes the samples of a run that are measured."""

    made = ""  # what they are called, if not samples
    reference: Dataset | None = None

    def __init__(self, name: str, loaded: LoadedGame) -> None:
        self.name, self.loaded = name, loaded
        self.weights = loaded.weights

    def most(self, n: int) -> int:
        """How many there can be, of n that are asked for."""
        return n

    def samples(self, n: int, seed: int) -> Dataset:
        raise NotImplementedError


class GeneratorHandle(SampleMaker):
    """Samples out of chance, and latents with what becomes of them. Mistake for a game that makes none."""

    def __init__(self, name: str, loaded: LoadedGame) -> None:
        super().__init__(name, loaded)
        self.game = loaded.maker

    def samples(self, n: int, seed: int, chunks: Iterator[Tensor] | None = None) -> Dataset:
        """As `saddle sample` makes them, with their labels where these decide what is made; `chunks` of them, or made
        here.
        """
        loaded, labels = self.loaded, None
        if loaded.shape.classes and loaded.is_conditional:
            drawn = [loaded.draw_labels(seed, i) for i in range(-(-n // MAX_ROWS))]
            labels = torch.cat([some for some in drawn if some is not None])[:n]
        made = loaded.sample_chunks(n, seed) if chunks is None else chunks
        return generated_dataset(self.name, made, n, loaded.shape, loaded.classes, labels)

    def latents(self, n: int, seed: int) -> Tensor:
        """As the game draws them, each as one row of numbers: (n, size)."""
        return self.draw(n, seed).flatten(1)

    def draw(self, n: int, seed: int) -> Tensor:
        device = self.loaded.device
        like = torch.zeros(n, *self.loaded.shape[:3], device=device)
        with use_shard(Shard(rng=torch.Generator(device).manual_seed(derive_seed(seed, n)))):
            return self.game.latents(like)

    @cached_property
    def latent_shape(self) -> torch.Size:
        return self.draw(1, 0).shape[1:]

    def __call__(self, z: Tensor) -> Tensor:
        """Images of latents (n, size); where labels decide, each row has one of its own, by its place."""
        classes = self.loaded.shape.classes
        labels = torch.arange(len(z), device=z.device) % classes if classes else None
        with torch.set_grad_enabled(z.requires_grad), RowsDraw(self.loaded.device, 0, 0, len(z)):
            return self.game.make(z.reshape(-1, *self.latent_shape), labels).float()


class DataConverter(SampleMaker):
    """What a run makes of data: of held-out ones where there are some. Translations, reconstructions ..."""

    def __init__(self, name: str, loaded: LoadedGame, data: Dataset) -> None:
        super().__init__(name, loaded)
        held, for_pictures = held_out_of(data), isinstance(loaded.shape.condition, Picture)
        self.data, can = held or data, describe_made(loaded.game, for_pictures)
        if can is None:
            raise lacking(type(loaded.game), Generates)
        self.made = f"{can} of {'held-out data' if held else 'data'}"
        self.reference = held if for_pictures else None  # what its samples are compared with, if not the data

    def most(self, n: int) -> int:
        return min(n, most_in_batch(self.data, self.loaded.batch_type))

    def samples(self, n: int, seed: int) -> Dataset:
        loaded, n = self.loaded, self.most(n)
        feed = Feed(self.data, loaded.batch_type, n, seed, loaded.device, shape=loaded.shape)
        parts = [np.arange(place, min(place + loaded.rows, n)) for place in range(0, n, loaded.rows)]
        labels = torch.empty(n, dtype=torch.int64) if loaded.shape.classes else None

        def made() -> Iterator[Tensor]:
            for places in parts:
                batch = feed.batch_at(places)
                if labels is not None:
                    told = condition_of(batch)
                    assert told is not None, "samples of classes come with theirs"
                    labels[places] = told.cpu()
                yield self.convert(batch, seed, int(places[0]))

        return generated_dataset(self.name, made(), n, loaded.shape, loaded.classes, labels)

    @property
    def knows_targets(self) -> bool:
        """Is it known what each translation should be?"""
        return knows_targets(self.data, self.loaded.batch_type)

    def targets(self, n: int, seed: int) -> Iterator[Tensor]:
        """What the samples should be, in their order: (rows, channels, height, width), some at a time."""
        loaded, kind = self.loaded, self.loaded.batch_type
        feed = Feed(self.data, kind, n, seed, "cpu", shape=loaded.shape)
        hidden = next((replace(one, names=(TRUTH,)) for one in feed.streams if TRUTH in one.data.columns), None)
        for place in range(0, n, loaded.rows):
            places = np.arange(place, min(place + loaded.rows, n))
            if hidden is None:
                yield real_samples(feed.batch_at(places))
            else:
                yield scale_rows(hidden.begin(places)()[TRUTH], Picture(Shape(*loaded.shape[:3])))

    @catch_out_of_memory()
    def convert(self, batch: Batch, seed: int, place: int) -> Tensor:
        """What it makes of data that stand from this place on, all of one block of 64."""
        check_abandoned()
        real = real_samples(batch)
        with own_chance(self.loaded.device, seed, place, len(real)):
            made = make_from(self.loaded.game, real, condition_of(batch))
        assert made is not None, "its game makes something"
        return made.float().cpu()


def sample_maker(name: str, loaded: LoadedGame, data: Dataset, say: Notify) -> SampleMaker:
    """What makes the samples of a run that was trained on such data; Mistake for a game that makes none at all."""
    if loaded.makes_by_chance:
        return GeneratorHandle(name, loaded)
    maker = DataConverter(name, loaded, data)
    say(f"this run makes nothing out of chance alone: {maker.made} are measured")
    return maker
