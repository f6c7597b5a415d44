"""Pictures whose height and width differ: networks, sizes as text, decoding, augmentation, whole runs."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from saddle.clock import Clock
from saddle.data import Prepare, open_data
from saddle.data.decoding.pixels import to_sample_pixels, to_size
from saddle.data.glyphs import draw_glyphs
from saddle.data.order import random_words
from saddle.errors import Mistake
from saddle.image_size import ImageSize, read_size, written_size
from saddle.inference.labels import labels_by_class
from saddle.layers.ada_pipeline import ImageDraws, ada_augment, blit_changes
from saddle.layers.affine_warp import rotation_matrix, warp_images
from saddle.layers.augment import DiffAugment
from saddle.measuring.options import MeasureOptions
from saddle.metrics.classifier import turn_and_shift
from saddle.metrics.sliced import laplacian_pyramid, patch_distances
from saddle.networks import CONDITIONAL_NETWORKS, UNCONDITIONAL_NETWORKS, Concatenated, Convolutional, Packed, ResNet
from saddle.options import override_fields
from saddle.penalties.augmented import flip_and_shift
from saddle.recipe import Networks
from saddle.runs.settings import Settings
from saddle.runs.sheets import grid_columns
from saddle.schema import conform
from saddle.shape import Shape, by_class

KINDS = *UNCONDITIONAL_NETWORKS, *CONDITIONAL_NETWORKS
PAIRS: list[Networks] = [kind(latent=8, width=16) for kind in KINDS]
PAIRS += [ResNet(8, 4, conditional=True, head="classes"), Concatenated(Packed(Convolutional(8, 4)))]
SIZES = [(64, 96), (48, 32), (28, 28), (100, 75), (31, 78), (9, 4)]


def proposed(refusal: str) -> ImageSize:
    return read_size(re.findall(r"--size (\d+(?:x\d+)?)", refusal)[0])


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: type(pair).__name__)
def test_every_pair_takes_a_rectangle_or_names_a_size_that_it_takes(pair: Networks) -> None:
    made = 0
    for size in SIZES:
        data = Shape(3, *size, by_class(5))
        with torch.device("meta"):
            try:
                generator, critic = pair.generator(data), pair.critic(data)
            except Mistake as refusal:
                data = Shape(3, *proposed(str(refusal)), by_class(5))
                generator, critic = pair.generator(data), pair.critic(data)
            else:
                made += size[0] != size[1]
            labels = torch.zeros(2, dtype=torch.int64)
            image = generator(torch.randn(2, pair.latent), labels)
            assert image.shape == (2, *data[:3])
            assert critic(image, labels).score.shape[0] in (1, 2)
    assert made or type(pair).__name__ == "AllConvolutional28"


@pytest.mark.parametrize("pair", [Convolutional(8, 4), ResNet(8, 4)], ids=lambda pair: type(pair).__name__)
def test_a_turned_picture_has_as_large_a_network(pair: Networks) -> None:
    wide, tall = ([p.numel() for p in pair.critic(Shape(3, *size)).parameters()] for size in ((64, 96), (96, 64)))
    assert wide == tall


@pytest.mark.parametrize(
    ("given", "written", "read"),
    [(64, 64, (64, 64)), ("64", 64, (64, 64)), ("64x64", 64, (64, 64)), ((64, 64), 64, (64, 64)),
     ("64x96", "64x96", (64, 96)), ("96 X 64", "96x64", (96, 64)), ((64, 96), "64x96", (64, 96))],
)  # fmt: skip
def test_a_size_is_kept_as_it_is_typed_and_a_squares_as_before(given: Any, written: int | str, read: Any) -> None:
    assert written_size(given) == written and read_size(given) == read
    settings = Settings(size=given)
    assert settings.size == Prepare(size=given).size == MeasureOptions(size=given).size == written
    assert conform(json.loads(json.dumps(asdict(settings))), Settings, "it") == settings
    assert override_fields(Settings(), {"size": str(written)}) == settings


@pytest.mark.parametrize("given", ["64y96", "", "x", "64x", "64x96x3", "-64", (64,), (64, 96, 3), 64.0, True, "1x64",
                                   "64x99999", (64, "96")])  # fmt: skip
def test_what_is_no_size_is_refused_in_a_sentence(given: Any) -> None:
    for take in (lambda: Settings(size=given), lambda: Prepare(size=given), lambda: MeasureOptions(size=given)):
        with pytest.raises(Mistake, match=r"^size .*; the smallest is 2 pixels$|^size is .*, but should be "):
            take()


def numbered(height: int, width: int) -> Image.Image:
    """A picture whose red tells the row, and whose green tells the column."""
    down, across = np.mgrid[0:height, 0:width].astype(np.uint8)
    return Image.fromarray(np.stack([down, across, np.full_like(down, 255)], axis=2))


@pytest.mark.parametrize(("height", "width"), [(80, 200), (200, 80), (90, 60), (64, 96)])
def test_a_crop_is_the_largest_of_its_form_in_the_middle(height: int, width: int) -> None:
    size = ImageSize(32, 48)
    cut = np.asarray(to_size(numbered(height, width), size, "centre")).astype(float)
    scale = min(height / 32, width / 48)
    middle = cut[15:17, 23:25].mean((0, 1))
    assert cut.shape == (32, 48, 3) and middle[:2] == pytest.approx([(height - 1) / 2, (width - 1) / 2], abs=1)
    rows, columns = cut[24, :, 0].mean() - cut[8, :, 0].mean(), cut[:, 36, 1].mean() - cut[:, 12, 1].mean()
    assert (rows, columns) == (pytest.approx(16 * scale, abs=1), pytest.approx(24 * scale, abs=1))


@pytest.mark.parametrize(("height", "width", "inside"), [
    (100, 200, (24, 48)), (200, 100, (32, 16)), (20, 30, (20, 30)), (64, 96, (32, 48)), (30, 60, (24, 48)),
])  # fmt: skip
def test_a_frame_holds_all_of_a_picture_and_enlarges_none(height: int, width: int, inside: tuple[int, int]) -> None:
    framed = np.asarray(to_size(numbered(height, width), ImageSize(32, 48), "pad"))
    there = (framed < 250).any(2) & (framed[..., 2] == 255)
    rows, columns = (np.flatnonzero(there.any(axis)) for axis in (1, 0))
    assert framed.shape == (32, 48, 3)
    assert (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1) == inside
    assert abs(rows[0] + rows[-1] - 31) <= 1 and abs(columns[0] + columns[-1] - 47) <= 1


@pytest.mark.parametrize("turned", [1, 6])
def test_a_photograph_is_read_at_a_fraction_for_the_size_that_it_stands_in(tmp_path: Path, turned: int) -> None:
    """JPEGs are drafted as they lie; a fraction of the other side would be too small."""
    image, exif = Image.new("RGB", (2000, 500) if turned == 1 else (500, 2000)), Image.Exif()
    exif[0x0112] = turned
    image.save(tmp_path / "a.jpg", exif=exif)
    for size, read in ((ImageSize(128, 32), (2000, 500)), (ImageSize(64, 16), (1000, 250))):
        with Image.open(tmp_path / "a.jpg") as photo:
            assert to_sample_pixels(photo, size, "centre", 1).shape == (*size, 1)
            assert photo.size == read


def test_random_windows_of_a_rectangle_are_inside_and_everywhere(tmp_path: Path) -> None:
    for i in range(4):
        numbered(72, 108).save(tmp_path / f"{i}.png")
    prepare = Prepare(size="64x96", crop="random", flip=True)
    data = open_data(str(tmp_path), prepare, print, cache=tmp_path / "cache")
    assert data.shape[:3] == (3, 64, 96)
    index = np.arange(200) % 4
    image = data.take(index, random_words(0, np.arange(200)), ["image"])["image"]
    assert image.shape == (200, 3, 64, 96)
    assert set(image[:, 0, 0, 0].tolist()) == set(range(9)) and set(image[:, 1].amin((1, 2)).tolist()) == set(range(13))
    other = open_data(str(tmp_path), Prepare(size="64x96"), print, cache=tmp_path / "cache")
    turned = open_data(str(tmp_path), Prepare(size="96x64"), print, cache=tmp_path / "cache")
    assert len({data.fingerprint, other.fingerprint, turned.fingerprint}) == 3


def test_glyphs_stand_in_the_middle_of_a_rectangle() -> None:
    square, wide = (draw_glyphs(size, 1, count=20)[0] for size in (16, "16x24"))
    assert np.array_equal(wide[:, :, 4:20], square) and not wide[:, :, :4].any() and not wide[:, :, 20:].any()


@pytest.mark.parametrize("sides", [(8, 12), (12, 8)])
def test_a_quarter_turn_moves_pixels_whole_in_the_middle_of_a_rectangle(sides: tuple[int, int]) -> None:
    """As in StyleGAN2-ADA, matrices act on pixels from the middle: the picture is not squeezed into its frame."""
    x = torch.randn(1, 3, *sides)
    turned = warp_images(x, rotation_matrix(torch.tensor([math.pi / 2])))
    assert turned.shape == x.shape
    top, left = (sides[0] - 8) // 2, (sides[1] - 8) // 2
    middle = (..., slice(top, top + 8), slice(left, left + 8))
    torch.testing.assert_close(turned[middle], x[middle].rot90(1, (2, 3)), atol=1e-5, rtol=0)


def test_shifts_of_augmentation_are_shares_of_each_side() -> None:
    dice = ImageDraws(torch.zeros(4000, 3, 32, 64), 1.0)
    _, (_, matrix) = blit_changes(dice, (32, 64))[1:]
    across, down = matrix[:, 0, 2].abs(), matrix[:, 1, 2].abs()
    assert (across.max(), down.max()) == (8, 4)
    x = torch.rand(4, 3, 32, 64)
    for augmented in (ada_augment(x, 1.0, "bgc"), DiffAugment()(x, Clock()), flip_and_shift(x, 4)):
        assert augmented.shape == (4, 3, 32, 64) and augmented.isfinite().all()


def test_a_classifiers_rectangles_are_turned_and_not_sheared() -> None:
    """A bar along the longer side is tilted by 10 degrees at most, not by as much of the frame."""
    down, across = torch.meshgrid(torch.arange(32.0) - 15.5, torch.arange(64.0) - 31.5, indexing="ij")
    bar = ((down.abs() < 1.5) & (across.abs() < 14)).float().expand(64, 1, 32, 64)
    torch.manual_seed(0)
    moved = turn_and_shift(bar)[:, 0]
    mass = moved.sum((1, 2))
    y, x = (moved * down).sum((1, 2)) / mass, (moved * across).sum((1, 2)) / mass
    far = [((moved * (axis - mean[:, None, None]) ** 2).sum((1, 2)) / mass).sqrt()
           for axis, mean in ((down, y), (across, x))]  # fmt: skip
    tilt = (far[0][far[0] > 1.5] / far[1][far[0] > 1.5]).max()
    assert tilt < math.tan(math.pi / 18) * 1.35


@pytest.mark.parametrize(
    ("size", "classes"), [((64, 96), 10), ((96, 64), 10), ((32, 64), 4), ((64, 32), 36), ((8, 8), 5)]
)
def test_a_sheet_of_classes_has_whole_rows_of_them(size: tuple[int, int], classes: int) -> None:
    form = size[1] / size[0]
    labels = np.array(labels_by_class(classes, form))
    columns = grid_columns(len(labels), form)
    rows = labels.reshape(-1, columns)
    assert all(len(set(row)) in (1, len(set(rows[0]))) for row in rows)
    assert set(np.bincount(labels)) == {len(labels) // classes}
    assert 0.6 < rows.shape[0] * size[0] / (columns * size[1]) < 1.7


@pytest.mark.parametrize(("n", "form", "columns"), [(64, 4 / 3, 8), (64, 1.0, 8), (63, 1.0, 7), (64, 2.0, 6),
                                                    (7, 1.0, 3), (1, 9.0, 1), (2, 40.0, 1)])  # fmt: skip
def test_rows_of_a_sheet_are_full_where_that_is_near_a_square(n: int, form: float, columns: int) -> None:
    assert grid_columns(n, form) == columns


def test_patches_are_taken_from_rectangles_at_every_scale() -> None:
    real, other = (torch.rand(20, 3, 64, 96, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    flat = torch.nn.functional.interpolate(other, (8, 12), mode="area").repeat_interleave(8, 2).repeat_interleave(8, 3)
    same, coarse = (patch_distances(real, fake, patches=16, directions=32) for fake in (other, flat))
    assert list(same) == [64, 32, 16] and coarse[64] > 1.2 * same[64] > 0
    assert list(patch_distances(real[:, :, :32, :81], other[:, :, :32, :81], patches=4, directions=8)) == [32]
    levels = laplacian_pyramid(real[:2])
    assert [tuple(level.shape[2:]) for level in levels] == [(64, 96), (32, 48), (16, 24)]
