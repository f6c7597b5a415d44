"""Films: the pictures come out as they went in, whatever writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from saddle.errors import Mistake
from saddle.runs.films import FRAME_MS, check_film, write_film


def blocks(n: int, channels: int, height: int, width: int) -> torch.Tensor:
    """Pictures of one colour each."""
    shades = torch.linspace(-1, 1, n * channels).view(n, channels, 1, 1)
    return shades.expand(n, channels, height, width)


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_film_shows_each_picture_in_its_turn(tmp_path: Path, kind: str, channels: int):
    images = blocks(4, channels, 6, 9)
    write_film(images, tmp_path / f"way.{kind}")
    with Image.open(tmp_path / f"way.{kind}") as film:
        assert film.n_frames == 4 and film.size[0] * 6 == film.size[1] * 9
        for place, image in enumerate(images):
            film.seek(place)
            shown = np.asarray(film.convert("RGB"), np.float32).mean((0, 1)) / 127.5 - 1
            assert np.abs(shown - image.mean((1, 2)).numpy()).max() < 0.01
            assert film.info["duration"] == FRAME_MS


@pytest.mark.parametrize("size", [(6, 9), (301, 177)])
def test_an_mp4_has_even_sides_and_nearly_the_same_colours(tmp_path: Path, size: tuple[int, int]):
    av = pytest.importorskip("av")
    images = blocks(5, 1, *size)
    write_film(images, tmp_path / "way.mp4")
    with av.open(str(tmp_path / "way.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        assert float(film.streams.video[0].average_rate) == pytest.approx(1000 / FRAME_MS)
    assert len(frames) == 5 and all(side % 2 == 0 for side in frames[0].shape[:2])
    for frame, image in zip(frames, images, strict=True):
        assert abs(frame.mean() / 127.5 - 1 - float(image.mean())) < 0.05


def test_an_mp4_without_pyav_is_refused_before_anything_is_made(monkeypatch):
    monkeypatch.setattr("saddle.runs.films.find_spec", lambda name: None)
    with pytest.raises(Mistake, match=r"PyAV, which is not installed: .*video.*; --film webp needs nothing"):
        check_film("mp4")
    check_film("webp")
    check_film(None)
