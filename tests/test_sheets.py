"""Contact sheets, strips, animations and curves: what is drawn is what was made."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from saddle.errors import Failure, Mistake
from saddle.runs.curves import MAX_LINE_POINTS, plot_log, smooth, thin
from saddle.runs.pictures import LINE_HEIGHT, save_png
from saddle.runs.progress import (
    MAX_FRAMES,
    format_images_seen,
    pick_evenly,
    write_progress_gif,
    write_progress_strip,
)
from saddle.runs.sheets import (
    SHEET_GAP,
    make_contact_sheet,
    make_grid,
)


def pictures(n: int, channels: int, side: int) -> Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(n)) * 2 - 1


def cell(image: Image.Image, row: int, column: int, side: int) -> np.ndarray:
    """The pixels of one cell, each once."""
    scale = int(image.info["scale"])
    step = scale * side + SHEET_GAP
    part = np.asarray(image)[SHEET_GAP + row * step :, SHEET_GAP + column * step :][: scale * side, : scale * side]
    assert np.array_equal(part, np.repeat(np.repeat(part[::scale, ::scale], scale, 0), scale, 1)), "not enlarged whole"
    return part[::scale, ::scale]


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_of_a_grid_is_a_pixel_that_was_made(channels: int) -> None:
    images = pictures(11, channels, 8)
    image = make_grid(images)
    for i, (row, column) in enumerate((i // 3, i % 3) for i in range(11)):
        expected = ((images[i] + 1) * 127.5).round().permute(1, 2, 0).squeeze(2).numpy()
        assert np.abs(cell(image, row, column, 8) - expected).max() <= 1


def test_the_ends_of_the_range_are_black_and_white_and_what_lies_beyond_is_cut() -> None:
    images = torch.tensor([-1.0, 1.0, -7.0, 7.0]).view(4, 1, 1, 1).expand(4, 1, 4, 4)
    image = make_grid(images)
    assert [int(cell(image, i // 2, i % 2, 4).mean()) for i in range(4)] == [0, 255, 0, 255]


def test_a_clear_pixel_shows_the_checkerboard_and_an_opaque_one_its_colour() -> None:
    images = pictures(1, 4, 16)
    images[:, 3] = 1
    assert np.array_equal(np.asarray(make_grid(images)), np.asarray(make_grid(images[:, :3])))
    images[:, 3] = -1
    assert set(np.unique(cell(make_grid(images), 0, 0, 16))) == {204, 255}


@pytest.mark.parametrize("side", [16, 28, 32, 48, 64, 128])
def test_sixty_four_small_images_fill_a_comfortable_sheet(side: int) -> None:
    assert 560 <= max(make_grid(pictures(64, 1, side)).size) <= 1150


def test_columns_stand_side_by_side_item_by_item() -> None:
    grey, colours = pictures(4, 1, 8), pictures(4, 3, 16)
    image = make_contact_sheet({"input": grey, "made": colours})
    scale = (int(image.info["row"]) - LINE_HEIGHT - 2 * SHEET_GAP) // 16
    items = image.crop((0, LINE_HEIGHT, image.width, image.height))
    items.info["scale"] = str(scale)
    for i in range(4):
        part = items.crop((17 * scale, i * (16 * scale + SHEET_GAP), items.width, items.height))
        part.info["scale"] = str(scale)
        made = ((colours[i] + 1) * 127.5).round().permute(1, 2, 0).numpy()
        assert np.abs(cell(part, 0, 0, 16).astype(int) - made).max() <= 1
        step, side = 2 * scale, 16 * scale  # the smaller column's pixels are repeated twice more
        given = np.asarray(items)[i * (side + SHEET_GAP) + SHEET_GAP :, SHEET_GAP:][:side:step, :side:step]
        assert np.abs(given[..., 0] - ((grey[i, 0] + 1) * 127.5).round().numpy()).max() <= 1


def test_points_keep_their_frame_whatever_is_made() -> None:
    angle = torch.linspace(0, 6.28, 200)
    real = torch.stack([angle.cos(), angle.sin()], 1)[..., None, None]
    edge = [np.asarray(make_contact_sheet({"made": k * real}, real))[-60:, :40] for k in (0.1, 1.0, 50.0)]
    assert all(np.array_equal(edge[0], other) for other in edge[1:])


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({}, "at least one column"),
        ({"a": torch.zeros(2, 1, 4, 4), "b": torch.zeros(3, 1, 4, 4)}, "equally long, not a 2, b 3"),
        ({"a": torch.zeros(2, 5, 4, 4)}, r"not \(2, 5, 4, 4\)"),
        ({"a": torch.zeros(0, 1, 4, 4)}, r"not \(0, 1, 4, 4\)"),
        ({"a": torch.zeros(2, 2, 1, 1), "b": torch.zeros(2, 1, 4, 4)}, "points and images"),
    ],
)
def test_what_makes_no_sheet_is_refused(columns: dict[str, Tensor], sentence: str) -> None:
    with pytest.raises(Mistake, match=sentence):
        make_contact_sheet(columns)


def test_a_full_disk_leaves_the_old_picture_and_no_half_one(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    save_png(make_grid(torch.zeros(1, 1, 4, 4)), path)
    before = path.read_bytes()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, old[1]))
    try:
        with pytest.raises(Failure, match=r"a\.png could not be written"):
            save_png(make_grid(pictures(16, 3, 32)), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def run(folder: Path, n: int, channels: int = 1) -> list[Path]:
    """Sheets of a run whose i-th one is a little brighter."""
    paths = [folder / f"{i * 640:010d}.png" for i in range(n)]
    for i, path in enumerate(paths):
        save_png(make_grid(torch.full((9, channels, 8, 8), 2 * i / max(n - 1, 1) - 1)), path)
    return paths


def test_a_strip_shows_the_first_rows_in_order(tmp_path: Path) -> None:
    write_progress_strip(run(tmp_path, 30), tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        middle = np.asarray(image.convert("L"))[:, 64 + 20]
    levels = [int(v) for v in dict.fromkeys(middle[(middle != 255) & (middle != 128)].tolist())]
    assert levels[0] == 0 and levels == sorted(levels) and len(levels) == 8, "the ninth is white"


def test_pictures_without_rows_stand_large_enough_to_be_read(tmp_path: Path) -> None:
    """Three by three, under how many images each had seen; nine in all."""
    paths = [tmp_path / f"{i:010d}.png" for i in range(4)]
    for i, path in enumerate(paths):
        Image.new("RGB", (640, 640), (40 * i, 0, 0)).save(path)
    write_progress_strip(paths, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert image.width >= 3 * 400 and image.height >= 2 * 400
        across, down = image.width // 3, image.height // 2
        middles = [image.getpixel((across * (i % 3) + 200, down * (i // 3) + 200)) for i in range(4)]
        assert middles == [(40 * i, 0, 0) for i in range(4)]
        assert min(np.asarray(image.convert("L"))[:15, :across].ravel()) < 100  # words above the first


@pytest.mark.parametrize("channels", [1, 3])
def test_an_animation_runs_from_the_first_sheet_to_the_last(tmp_path: Path, channels: int) -> None:
    write_progress_gif(run(tmp_path, 60, channels), tmp_path / "out.gif")
    with Image.open(tmp_path / "out.gif") as film:
        shades = []
        for i in range(film.n_frames):
            film.seek(i)
            shades.append(np.asarray(film.convert("L"))[20, 20])
    assert len(shades) == MAX_FRAMES and shades[0] <= 1 and shades[-1] >= 250 and sorted(shades) == shades


def test_one_sheet_is_a_strip_and_an_animation_and_none_is_refused(tmp_path: Path) -> None:
    paths = run(tmp_path, 1)
    write_progress_strip(paths, tmp_path / "out.png"), write_progress_gif(paths, tmp_path / "out.gif")
    for draw in (write_progress_strip, write_progress_gif):
        with pytest.raises(Mistake, match="at least one contact sheet"):
            draw([], tmp_path / "none")


def test_spread_keeps_both_ends_and_the_order() -> None:
    assert pick_evenly(range(3), 9) == [0, 1, 2]
    assert pick_evenly(range(100), 4) == [0, 33, 66, 99]
    assert [format_images_seen(Path(f"{n:010d}.png")) for n in (0, 640, 12_800, 2_500_000)] == [
        "0",
        "640",
        "12.8k",
        "2.5M",
    ]


def test_smoothing_keeps_lines_straight_and_means_where_they_are() -> None:
    assert np.allclose(smooth(np.full(500, 3.0)), 3)
    line = np.arange(1000.0)
    assert np.allclose(smooth(line)[10:-10], line[10:-10])


def test_a_thinned_line_keeps_every_spike() -> None:
    values = np.zeros(100_000)
    values[[137, 99_999]], values[50_001] = 9, -9
    x, y = thin(np.arange(100_000.0), values)
    assert len(x) == len(y) <= MAX_LINE_POINTS and y.max() == 9 and y.min() == -9 and y[-1] == 9


def test_curves_draw_every_term_also_those_that_are_seldom_due(tmp_path: Path) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "curves.png"
    with log.open("w") as file:
        for i in range(64):
            lazy = {"critic/GradientPenalty": 0.5} if i % 16 == 0 else {}
            terms = {"critic/adversarial": 1.0, "generator/adversarial": -i / 9, "critic/gradient": 0.0} | lazy
            file.write(json.dumps({"round": i, "images": i * 64, **terms}) + "\n")
        file.write('{"round": 64, "ima')  # cut off by a kill
    plot_log(log, out)
    with Image.open(out) as image:
        assert image.width > 1000 and len(image.convert("RGB").getcolors(1 << 24) or ()) > 50


def test_one_round_makes_curves_and_none_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("")
    with pytest.raises(Mistake, match="holds no rounds yet"):
        plot_log(log, tmp_path / "curves.png")
    log.write_text('{"round": 0, "images": 64, "critic/adversarial": 1.0, "critic/gradient": 2.0}\n')
    plot_log(log, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").exists()
