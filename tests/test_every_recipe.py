"""What is trained can be used: every recipe of the table is trained, loaded, sampled, measured, told of and resumed."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from narrow import BATCH, CLASSES, pictures_for, shape, small
from saddle import load, measure, resume, train
from saddle.averaging import HalfLife
from saddle.batches import Images
from saddle.core import Game
from saddle.data.dataset_table import TOY_SETS
from saddle.errors import Interrupted, Mistake
from saddle.inference.loaded import LoadedGame
from saddle.networks import SpatialAutoencoder
from saddle.recipe import OnCodes
from saddle.recipes import RECIPES, find_recipe
from saddle.reports.grids import sample_grid
from saddle.reports.reading import open_runs
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint, read_checkpoint_facts, write_checkpoint
from saddle.training.ema import EMA, load_averaged_weights
from test_resume import StopAt

SAMPLES = 16  # of the data, and of a measurement
IMAGES = 10 * BATCH


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise with labels, in the sizes that recipes ask for."""
    folder, dice = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for side in {shape(name).height for name in RECIPES} - {1}:
        pixels = dice.integers(0, 256, (SAMPLES, side, side, 1), np.uint8)
        np.savez(folder / f"{side}.npz", images=pixels, labels=np.arange(SAMPLES) % CLASSES)
    return folder


def stopped(name: str, data: Path, run: Path) -> None:
    """A narrow one on data that fit it, asked to stop in its second round."""
    source = RECIPES[name].data
    source = source if source in TOY_SETS else str(data / f"{shape(name).height}.npz")
    given = pictures_for(name, SAMPLES)
    beside = {"from_run": str(autoencoder(source, run))} if isinstance(find_recipe(name)[0], OnCodes) else {}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):  # noqa: PT012
        StopAt(patch, 1)
        train(small(name), given or source, out=run, images=IMAGES, limit=SAMPLES, pictures=0, quiet=True,
              device="cpu", threads=1, **beside)  # fmt: skip


def autoencoder(source: str, run: Path) -> Path:
    """A run beside that one, whose codes are maps."""
    recipe = replace(small("ae"), networks=SpatialAutoencoder(2, 1, 4))  # type: ignore[call-arg]
    return train(recipe, source, out=run.with_name("codes"), images=16, limit=SAMPLES, pictures=0, quiet=True,
                 device="cpu", threads=1)  # fmt: skip


def made(model: LoadedGame) -> torch.Tensor:
    """Three samples, or three data made again by what makes nothing out of chance."""
    if "generate" in model.capabilities:
        return model.sample(3, seed=1)
    if "translate" in model.capabilities:
        return model.translate(torch.linspace(-1, 1, 3 * prod(model.shape[:3])).view(3, *model.shape[:3]))
    return model.reconstruct(torch.linspace(-1, 1, 3 * prod(model.shape[:3])).view(3, *model.shape[:3]))


def other_weights(a: LoadedGame, b: LoadedGame) -> bool:
    """Of games whose samples are tokens, which are the same where weights hardly differ."""
    return any(not torch.equal(x, y) for x, y in zip(a.game.parameters(), b.game.parameters(), strict=True))


FEW = (
    "ae",
    "r3gan",
    "wgan-gp-toy",
    "ac-gan",
    "accuracy-gate",
    "sagan",
    "pggan",
)  # buffers out of the state, points, labels, memory


@pytest.mark.parametrize("name", [n if n in FEW else pytest.param(n, marks=pytest.mark.slow) for n in RECIPES])
def test_every_recipe_can_be_trained_loaded_sampled_measured_shown_and_resumed(name: str, data: Path, tmp_path: Path):
    stopped(name, data, run := tmp_path / "run")
    model, given = load(run), pictures_for(name, SAMPLES)
    samples, raw = made(model), load(run, average=False)
    assert samples.shape == (3, *shape(name)[:3]) and samples.isfinite().all()
    assert not torch.equal(samples, made(raw)) if model.shape.text is None else other_weights(model, raw)
    flat = model.shape.points or model.shape.text is not None
    (figure,) = measure(run, metrics="precision", features="auto" if flat else "random", n=SAMPLES, data=given)
    assert np.isfinite(figure.value)
    page = str(sample_grid(open_runs([str(run)])[0], 0))
    if model.shape.text is not None:
        assert f"<pre>{model.lines(36)[0]}\n" in page
    elif "generate" in model.capabilities or not given:
        assert "data:image/png" in page and "No samples" not in page
    else:
        assert "No samples: " in page  # the data were given in Python, and are gone
    assert (
        resume(run, data=given) == run
        and read_checkpoint_facts(latest_checkpoint(run / "checkpoints"))["clock"]["images"] >= IMAGES
    )


def test_a_run_that_averaged_what_is_no_state_opens_and_goes_on(data: Path, tmp_path: Path):
    """As runs of r3gan did until the average was of the state alone."""
    stopped("r3gan", data, run := tmp_path / "run")
    path = latest_checkpoint(run / "checkpoints")
    expected, (tensors, facts) = load(run).sample(3), read_checkpoint(path)
    gone = next(key for key in tensors if key.startswith("average."))
    write_checkpoint(path, {key: t for key, t in tensors.items() if key != gone}, facts)
    for use in (load, resume):
        with pytest.raises(Mistake, match=f"has no {gone.removeprefix('average.')}, so it is of other networks"):
            use(run)
    write_checkpoint(path, tensors | {"average.generator.3.taps": torch.ones(1, 1, 4, 4)}, facts)
    assert torch.equal(load(run).sample(3), expected) and resume(run) == run


class Tied(nn.Module):
    """A weight that goes by two names, and a filter that is in no state dict."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.second = self.first
        self.register_buffer("taps", torch.ones(2), persistent=False)


def test_an_average_is_worn_under_every_name_of_a_weight():
    game = Game[Images]()
    game.generator = Tied()
    average = EMA(game, HalfLife(10))
    assert set(average.mean) == {"generator.first.weight", "generator.first.bias"}
    with average.applied():
        pass
    load_averaged_weights(game, {key: torch.full_like(t, 3.0) for key, t in average.mean.items()})
    assert (game.generator.second.weight == 3).all()
